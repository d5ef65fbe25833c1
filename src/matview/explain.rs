//! EXPLAIN [CREATE] MATERIALIZED VIEW: how a view is kept, and what that costs.
//!
//! Plans and estimates; computes nothing. The first row is about the view as a whole. Beside what an operator
//! would give of all rows stands what the newest refresh expected of it, and what came.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;
use futures::StreamExt as _;

use crate::catalog::{MaterializedView, Relation, RelationKind};
use crate::error::Result;
use crate::lake::Table;
use crate::query::{Context, Engine};
use crate::syntax::{Query, RefreshPolicy};

use super::check::{check_view, definition, prepare};
use super::incremental::{Blocked, analyze, estimates};

/// One row of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExplainedOperator {
    /// The view as a whole, or an operator of its plan.
    pub operator: String,
    /// For the view: full or incremental. For an operator: the rule that maintains it.
    pub rule: Option<String>,
    /// Why this strategy, or why there is no rule.
    pub reason: Option<String>,
    /// What would help.
    pub hint: Option<String>,
    /// Rows it gives of all rows, or reads, as far as statistics say.
    pub estimated_rows: Option<u64>,
    /// Bytes of files it is expected to read.
    pub estimated_bytes: Option<u64>,
    /// What the newest refresh that computed something says.
    pub last: Last,
}

/// What `lakeport.refresh_operators` says of an operator; of the view as a whole, `lakeport.refreshes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Last {
    /// Rows it was expected to give.
    pub estimated_rows: Option<u64>,
    /// Rows it gave.
    pub rows: Option<u64>,
    /// Bytes it read.
    pub bytes: Option<u64>,
}

/// How `relation` is kept, with the rights and over the versions of `context`. What the view as a
/// whole is estimated at is what a full refresh would read.
///
/// # Errors
/// As [`check_view`].
pub async fn explain_view(
    engine: &Engine,
    relation: &Relation,
    context: &Context,
) -> Result<Vec<ExplainedOperator>> {
    // A policy that asks for rules refuses a view without them; here it is to be said which.
    let mut lenient = relation.clone();
    if let RelationKind::MaterializedView(view) = &mut lenient.kind {
        view.policy = RefreshPolicy::Auto;
    }
    check_view(engine, &lenient, context).await?;
    let checked = prepare(engine, relation, context).await?;
    let analysis = analyze(engine, &checked.plan, checked.grouped.as_ref(), context)?;
    let estimates = estimates(engine, &checked.plan, checked.grouped.as_ref(), context).await?;
    // What is yet to be created may have the name of something else.
    let known = context.snapshot.catalog.relation(&relation.name);
    let last = match known.is_some_and(|known| known.id == relation.id) {
        true => newest(engine, relation, context).await?,
        false => BTreeMap::new(),
    };
    let last = |place: &str, operator: &str| {
        last.get(&(place.to_owned(), operator.to_owned())).copied().unwrap_or_default()
    };
    let sources = checked.plan.sources();
    let rows: Option<u64> = sources.iter().map(|(_, table)| table.rows()).sum();
    let (strategy, reason) = strategy(definition(relation)?, analysis.blocked.as_ref());
    let whole = ExplainedOperator {
        operator: format!("materialized view {}", relation.name),
        rule: Some(strategy.to_owned()),
        reason: Some(reason),
        estimated_rows: rows,
        estimated_bytes: Some(sources.iter().map(|(_, table)| bytes(table)).sum()),
        last: last("", ""),
        ..ExplainedOperator::default()
    };
    let operators = analysis.laws.into_iter().map(|(place, operator, law)| ExplainedOperator {
        operator: operator.to_owned(),
        rule: Some(law.to_owned()),
        estimated_rows: estimates.get(&place).copied(),
        last: last(&place, operator),
        ..ExplainedOperator::default()
    });
    let blocked = analysis.blocked.into_iter().map(|blocked| ExplainedOperator {
        operator: blocked.operator.to_owned(),
        reason: Some(blocked.reason),
        hint: Some(blocked.hint.to_owned()).filter(|hint| !hint.is_empty()),
        ..ExplainedOperator::default()
    });
    let scans = sources.iter().map(|(name, table)| ExplainedOperator {
        operator: format!("scan {name}"),
        estimated_rows: table.rows(),
        estimated_bytes: Some(bytes(table)),
        last: last("", &format!("scan {name}")),
        ..ExplainedOperator::default()
    });
    Ok(std::iter::once(whole).chain(operators).chain(blocked).chain(scans).collect())
}

/// The figures of the newest refresh that computed something, by place and operator; of the whole under no name.
async fn newest(
    engine: &Engine,
    relation: &Relation,
    context: &Context,
) -> Result<BTreeMap<(String, String), Last>> {
    let quoted = |name: &str| format!("'{}'", name.replace('\'', "''"));
    let (schema, view) = (&relation.name.schema, &relation.name.relation);
    let text = format!(
        "WITH newest AS (SELECT refresh_id, rows_read, bytes_read FROM lakeport.refreshes \
         WHERE schema_name = {} AND view_name = {} AND state = 'refreshed' AND strategy <> 'none' \
         ORDER BY started_at DESC LIMIT 1) \
         SELECT coalesce(place, '') AS place, operator, estimated_rows, actual_rows, o.bytes_read \
         FROM lakeport.refresh_operators AS o JOIN newest ON newest.refresh_id = o.refresh_id \
         WHERE chosen UNION ALL SELECT '', '', NULL, rows_read, bytes_read FROM newest",
        quoted(schema),
        quoted(view)
    );
    let plan = engine.plan(&Query::parse(&text)?, context, &[]).await?;
    let mut stream = engine.execute(&plan, context, Vec::new()).await?.stream;
    let mut found = BTreeMap::new();
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(Engine::error)?;
        let word = |at: usize, row: usize| {
            let words = batch.column(at).as_string_opt::<i32>();
            words.map(|words| words.value(row).to_owned()).unwrap_or_default()
        };
        let figure = |at: usize, row: usize| {
            let figures = batch.column(at).as_primitive_opt::<Int64Type>()?;
            figures.is_valid(row).then(|| figures.value(row).unsigned_abs())
        };
        for row in 0..batch.num_rows() {
            let last = Last {
                estimated_rows: figure(2, row),
                rows: figure(3, row),
                bytes: figure(4, row),
            };
            found.insert((word(0, row), word(1, row)), last);
        }
    }
    Ok(found)
}

/// How a view will be kept, and why; costs, which AUTO weighs at each refresh, are not known yet.
fn strategy(view: &MaterializedView, blocked: Option<&Blocked>) -> (&'static str, String) {
    match (view.policy, blocked) {
        (RefreshPolicy::Full, _) => ("full", "its refresh policy is full".to_owned()),
        (RefreshPolicy::Auto, Some(blocked)) => {
            ("full", format!("the {} has no rule", blocked.operator))
        }
        (_, Some(blocked)) => {
            ("refused", format!("its policy asks for rules, and the {} has none", blocked.operator))
        }
        (_, None) => ("incremental", "every operator has a rule".to_owned()),
    }
}

fn bytes(table: &Table) -> u64 {
    table.files().1
}
