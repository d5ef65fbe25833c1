//! EXPLAIN in Postgres' shapes: a tree of steps by Postgres' names, as text or JSON.
//!
//! Steps that have no match there (repartitioning, projections) are left out; VERBOSE shows the
//! engine's own plan instead. Costs count estimated rows, for want of a model of cost.

use std::sync::Arc;

use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;
use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::syntax::{Explain, ExplainFormat};

use super::authorize::AuthorizedPlan;
use super::engine::{Context, Engine};
use super::execute::{self, Guarded, Holdings};
use super::runtime::Joins;
use super::{error, plan};

impl Engine {
    /// EXPLAIN's rows: one text column `QUERY PLAN`. VERBOSE shows the engine's own plans.
    ///
    /// # Errors
    /// As planning; with ANALYZE as running the query.
    pub async fn explain(
        &self,
        plan: &AuthorizedPlan,
        context: &Context,
        parameters: Vec<ScalarValue>,
        how: &Explain,
    ) -> Result<Vec<String>> {
        let clock = self.lake().clock();
        let started = clock.instant();
        let millis =
            |since| clock.instant().saturating_duration_since(since).as_secs_f64() * 1000.0;
        // Without values for its parameters a query can be planned, but not run.
        let unbound = parameters.is_empty() && !how.analyze;
        let logical =
            if unbound { plan.parts().plan.clone() } else { plan::bind(plan, parameters)? };
        let text = &plan.parts().text;
        let (state, physical) = self.physical(&logical, context, Joins::Hash, text).await?;
        let mut times = Times { planning: millis(started), execution: None };
        let (mut lines, mut rows) = (Vec::new(), 0);
        if how.verbose {
            let optimized = execute::optimized(&state, &logical)?;
            lines.extend(optimized.display_indent().to_string().lines().map(str::to_owned));
            lines.push(String::new());
        }
        if how.analyze {
            let started = clock.instant();
            let running = self.history().start(context.session_id, &context.role, text);
            let stream = execute::start(&state, Arc::clone(&physical))?;
            let holdings = Holdings { permit: None, running };
            let mut stream = Guarded::new(plan.schema(), stream, context.cancel.clone(), holdings);
            while let Some(batch) = stream.next().await {
                rows += batch.map_err(error::convert)?.num_rows();
            }
            times.execution = Some(millis(started));
        }
        if !how.verbose || how.format != ExplainFormat::Text {
            return Ok(shown(&physical, how, &times));
        }
        let displayed = match how.analyze {
            true => DisplayableExecutionPlan::with_metrics(physical.as_ref()),
            false => displayable(physical.as_ref()),
        };
        lines.extend(displayed.indent(true).to_string().lines().map(str::to_owned));
        if let Some(millis) = times.execution {
            lines.push(format!("Rows: {rows}"));
            lines.push(format!("Execution Time: {millis:.3} ms"));
        }
        Ok(lines)
    }
}

/// What a row is taken to cost.
const ROW_COST: f64 = 0.01;
/// Rows of what nothing is known of.
const ROWS_UNKNOWN: usize = 1000;

/// One step.
struct Step {
    name: String,
    details: Vec<(&'static str, String)>,
    cost: f64,
    rows: usize,
    width: usize,
    actual: Option<(f64, usize)>,
    children: Vec<Step>,
}

/// How long it took, in milliseconds.
pub(crate) struct Times {
    pub(crate) planning: f64,
    pub(crate) execution: Option<f64>,
}

/// The answer's rows.
pub(crate) fn shown(
    plan: &Arc<dyn ExecutionPlan>,
    explain: &Explain,
    times: &Times,
) -> Vec<String> {
    let step = step(plan, Vec::new());
    let summary = explain.summary.unwrap_or(explain.analyze);
    if explain.format == ExplainFormat::Json {
        let mut answer = Map::from_iter([("Plan".to_owned(), json_of(&step, explain))]);
        if summary {
            answer.insert("Planning Time".to_owned(), json!(rounded(times.planning)));
        }
        if let (true, Some(execution)) = (explain.analyze, times.execution) {
            answer.insert("Triggers".to_owned(), json!([]));
            answer.insert("Execution Time".to_owned(), json!(rounded(execution)));
        }
        let text = serde_json::to_string_pretty(&Value::Array(vec![Value::Object(answer)]));
        return text.into_iter().collect();
    }
    let mut lines = Vec::new();
    put_text(&step, explain, 0, &mut lines);
    if summary {
        lines.push(format!("Planning Time: {:.3} ms", times.planning));
    }
    if let (true, Some(execution)) = (summary, times.execution) {
        lines.push(format!("Execution Time: {execution:.3} ms"));
    }
    lines
}

fn rounded(millis: f64) -> f64 {
    (millis * 1000.0).round() / 1000.0
}

/// A plan's step; `filters` are those of steps above that are shown here.
fn step(plan: &Arc<dyn ExecutionPlan>, mut filters: Vec<String>) -> Step {
    let line = DisplayableExecutionPlan::new(plan.as_ref()).one_line().to_string();
    let line = line.trim();
    let children = plan.children();
    if let [child] = children.as_slice() {
        match plan.name() {
            "FilterExec" => {
                let filter = line.strip_prefix("FilterExec: ").unwrap_or(line);
                let end = filter.find(", projection=").unwrap_or(filter.len());
                filters.push(format!("({})", unnumbered(&filter[..end])));
                return step(child, filters);
            }
            "ProjectionExec" | "RepartitionExec" | "CoalesceBatchesExec" | "CooperativeExec" => {
                return step(child, filters);
            }
            _ => {}
        }
    }
    let (name, mut details) = named(plan.name(), line);
    if !filters.is_empty() {
        details.push(("Filter", filters.join(" AND ")));
    }
    let children: Vec<Step> = children.into_iter().map(|child| step(child, Vec::new())).collect();
    let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let statistics = known.ok();
    let rows = statistics.as_ref().and_then(|known| known.num_rows.get_value().copied());
    let rows = rows
        .unwrap_or_else(|| children.iter().map(|child| child.rows).max().unwrap_or(ROWS_UNKNOWN));
    let bytes = statistics.as_ref().and_then(|known| known.total_byte_size.get_value().copied());
    let width = match bytes {
        Some(bytes) if rows > 0 => bytes / rows,
        _ => plan.schema().fields().len() * 8,
    };
    let below: f64 = children.iter().map(|child| child.cost).sum();
    let actual = plan.metrics().and_then(|metrics| {
        let metrics = metrics.aggregate_by_name();
        let nanos = metrics.elapsed_compute().unwrap_or(0);
        Some((nanos as f64 / 1e6, metrics.output_rows()?))
    });
    Step { name, details, cost: below + rows as f64 * ROW_COST, rows, width, actual, children }
}

/// Postgres' name of a step, and what it says of it.
fn named(name: &str, line: &str) -> (String, Vec<(&'static str, String)>) {
    let inside = |start: &str, end: char| {
        let from = line.find(start)? + start.len();
        let mut depth = 0;
        let to = line[from..].find(|c| {
            match c {
                '[' | '(' => depth += 1,
                _ if c == end && depth == 0 => return true,
                ']' | ')' => depth -= 1,
                _ => {}
            }
            false
        })?;
        Some(unnumbered(&line[from..from + to]))
    };
    let detail = |label: &'static str, text: Option<String>| {
        text.filter(|text| !text.is_empty()).map(|text| (label, text)).into_iter().collect()
    };
    let join = |kind: &str| match inside("join_type=", ',').as_deref() {
        None | Some("Inner") => kind.to_owned(),
        Some(other) => match kind.strip_suffix(" Join") {
            Some(method) => format!("{method} {other} Join"),
            None => format!("{kind} {other} Join"),
        },
    };
    match name {
        "SortExec" => {
            let keys = inside("expr=[", ']').or_else(|| inside("[", ']'));
            (
                "Sort".to_owned(),
                detail("Sort Key", keys.map(|keys| keys.replace(" ASC NULLS LAST", ""))),
            )
        }
        "SortPreservingMergeExec" => ("Gather Merge".to_owned(), Vec::new()),
        "CoalescePartitionsExec" => ("Gather".to_owned(), Vec::new()),
        "GlobalLimitExec" | "LocalLimitExec" => ("Limit".to_owned(), Vec::new()),
        "UnionExec" | "InterleaveExec" => ("Append".to_owned(), Vec::new()),
        "WindowAggExec" | "BoundedWindowAggExec" => ("WindowAgg".to_owned(), Vec::new()),
        "AggregateExec" => {
            let keys = inside("gby=[", ']').filter(|keys| !keys.is_empty());
            let kind = if keys.is_some() { "HashAggregate" } else { "Aggregate" };
            let partial = line.contains("mode=Partial,");
            let kind = if partial { format!("Partial {kind}") } else { kind.to_owned() };
            (kind, detail("Group Key", keys))
        }
        "HashJoinExec" => (join("Hash Join"), detail("Hash Cond", inside("on=[", ']'))),
        "SortMergeJoinExec" => (join("Merge Join"), detail("Merge Cond", inside("on=[", ']'))),
        "NestedLoopJoinExec" => {
            (join("Nested Loop"), detail("Join Filter", inside("filter=", ',')))
        }
        "CrossJoinExec" => ("Nested Loop".to_owned(), Vec::new()),
        "LazyMemoryExec" => ("Function Scan".to_owned(), Vec::new()),
        "PlaceholderRowExec" | "EmptyExec" => ("Result".to_owned(), Vec::new()),
        name if name.ends_with("ScanExec") || name == "DataSourceExec" || name == "DeltaScan" => {
            ("Seq Scan".to_owned(), detail("Filter", inside("predicate=", ',')))
        }
        name => (name.strip_suffix("Exec").unwrap_or(name).to_owned(), Vec::new()),
    }
}

/// A column's name without its position: `a@0` is `a`.
fn unnumbered(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let number = character == '@' && characters.peek().is_some_and(char::is_ascii_digit);
        if !number {
            plain.push(character);
            continue;
        }
        while characters.next_if(char::is_ascii_digit).is_some() {}
    }
    plain
}

fn put_text(step: &Step, explain: &Explain, depth: usize, lines: &mut Vec<String>) {
    let indent = if depth == 0 { 0 } else { depth * 6 - 4 };
    let arrow = if depth == 0 { "" } else { "->  " };
    let mut line = format!("{:indent$}{arrow}{}", "", step.name);
    if explain.costs {
        let Step { cost, rows, width, .. } = step;
        line.push_str(&format!("  (cost=0.00..{cost:.2} rows={rows} width={width})"));
    }
    if explain.analyze {
        match (step.actual, explain.timing) {
            (Some((millis, rows)), true) => {
                line.push_str(&format!(" (actual time=0.000..{millis:.3} rows={rows} loops=1)"));
            }
            (Some((_, rows)), false) => {
                line.push_str(&format!(" (actual rows={rows} loops=1)"));
            }
            (None, _) => {}
        }
    }
    lines.push(line);
    let indent = depth * 6 + 2;
    for (label, text) in &step.details {
        lines.push(format!("{:indent$}{label}: {text}", ""));
    }
    for child in &step.children {
        put_text(child, explain, depth + 1, lines);
    }
}

fn json_of(step: &Step, explain: &Explain) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    put("Node Type", json!(step.name));
    put("Parallel Aware", json!(false));
    put("Async Capable", json!(false));
    if explain.costs {
        put("Startup Cost", json!(0.0));
        put("Total Cost", json!((step.cost * 100.0).round() / 100.0));
        put("Plan Rows", json!(step.rows));
        put("Plan Width", json!(step.width));
    }
    if let (true, Some((millis, rows))) = (explain.analyze, step.actual) {
        if explain.timing {
            put("Actual Startup Time", json!(0.0));
            put("Actual Total Time", json!(rounded(millis)));
        }
        put("Actual Rows", json!(rows));
        put("Actual Loops", json!(1));
    }
    for (label, text) in &step.details {
        put(label, json!(text));
    }
    if !step.children.is_empty() {
        put("Plans", step.children.iter().map(|child| json_of(child, explain)).collect());
    }
    Value::Object(object)
}
