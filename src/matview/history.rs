//! What every attempt did: `lakeport.refreshes`, `lakeport.expectations`, and its operators.
//!
//! Written after the run is published, because a row names its epoch. A run whose history cannot be
//! written stands, but says so: its caller sees the error, and a later run has nothing to compute.

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::catalog::Relation;
use crate::error::{Error, Result};
use crate::lake::{Lake, Run, SystemColumns, system_schema, system_time};
use crate::name::{Epoch, RelationName};
use crate::query::StoredRows;
use crate::syntax::{RefreshPolicy, ViolationAction};

use super::build::Figures;
use super::check::definition;
use super::expectations::ExpectationCount;
use super::operators::{OperatorRow, operator_rows};
use super::pins::Pin;
use super::refresh::ViewState;
use super::weigh::Rejected;

/// How a view was brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    /// Computed from its sources.
    Full,
    /// Computed from what changed in its sources.
    Incremental,
    /// Found computed, and published.
    Held,
    /// Found computed and published.
    Unchanged,
}

/// One attempt at one view.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) refresh_id: Uuid,
    pub(super) view: RelationName,
    pub(super) policy: RefreshPolicy,
    pub(super) started_at: DateTime<Utc>,
    pub(super) finished_at: DateTime<Utc>,
    pub(super) elapsed_ms: u64,
    pub(super) state: ViewState,
    pub(super) strategy: Strategy,
    pub(super) reason: String,
    pub(super) sources: Vec<(RelationName, u64)>,
    pub(super) figures: Figures,
    pub(super) counts: Vec<ExpectationCount>,
    /// What `lakeport.refresh_operators` is to say of it.
    pub(super) operators: Vec<OperatorRow>,
    /// What was considered instead.
    pub(super) rejected: Option<Rejected>,
}

impl Attempt {
    /// An attempt that begins.
    pub(super) fn new(view: &Relation, started_at: DateTime<Utc>, sources: &[Pin]) -> Self {
        Self {
            refresh_id: Uuid::new_v4(),
            view: view.name.clone(),
            policy: definition(view).map(|view| view.policy).unwrap_or_default(),
            started_at,
            finished_at: started_at,
            elapsed_ms: 0,
            state: ViewState::Unchanged,
            strategy: Strategy::Unchanged,
            reason: String::new(),
            sources: sources
                .iter()
                .map(|pin| (pin.relation.name.clone(), pin.table.version()))
                .collect(),
            figures: Figures::default(),
            counts: Vec::new(),
            operators: Vec::new(),
            rejected: None,
        }
    }

    fn error(&self) -> Option<&Error> {
        match &self.state {
            ViewState::Failed(error) => Some(error),
            _ => None,
        }
    }

    fn source_versions(&self) -> String {
        let versions: serde_json::Map<String, serde_json::Value> = self
            .sources
            .iter()
            .map(|(name, version)| (name.to_string(), (*version).into()))
            .collect();
        serde_json::Value::Object(versions).to_string()
    }
}

/// `lakeport.refreshes`.
pub(super) fn refreshes() -> StoredRows {
    let schema = system_schema(&[
        ("refresh_id", DataType::Utf8, "One attempt at one view."),
        ("run_id", DataType::Utf8, "The run it was part of."),
        ("epoch", DataType::Int64, "The epoch the run published; null when it published nothing."),
        ("schema_name", DataType::Utf8, "The view's schema."),
        ("view_name", DataType::Utf8, "The view."),
        ("strategy", DataType::Utf8, "full, incremental or none."),
        ("reason", DataType::Utf8, "Why that strategy."),
        ("policy", DataType::Utf8, "auto, incremental, incremental strict or full."),
        ("started_at", system_time(), "When it began."),
        ("finished_at", system_time(), "When it ended."),
        ("elapsed_ms", DataType::Int64, "Milliseconds in between."),
        ("state", DataType::Utf8, "refreshed, unchanged, failed or skipped."),
        ("attempt", DataType::Int32, "From 1; more after conflicts and I/O errors."),
        ("source_versions", DataType::Utf8, "A JSON object: the version read of each source."),
        (
            "rows_read",
            DataType::Int64,
            "Rows of the sources; of an incremental refresh, changed rows.",
        ),
        ("rows_written", DataType::Int64, "Rows of the files added."),
        ("rows_quarantined", DataType::Int64, "Rows added to its quarantine."),
        ("bytes_read", DataType::Int64, "Bytes of the files read of the sources."),
        ("bytes_written", DataType::Int64, "Bytes of the files added."),
        ("files_added", DataType::Int64, "Files added."),
        ("files_removed", DataType::Int64, "Files replaced."),
        ("sqlstate", DataType::Utf8, "The error's code."),
        ("error", DataType::Utf8, "The error's message and detail."),
        (
            "incremental_cost",
            DataType::Int64,
            "What following the changes came to or was foreseen to, in rows; under AUTO.",
        ),
        ("full_cost", DataType::Int64, "What computing in full was foreseen to, in rows."),
    ]);
    StoredRows { name: "refreshes", comment: "Each attempt to refresh a view.", schema }
}

/// `lakeport.expectations`.
pub(super) fn expectations() -> StoredRows {
    let schema = system_schema(&[
        ("refresh_id", DataType::Utf8, "The refresh that checked it."),
        ("schema_name", DataType::Utf8, "The relation's schema."),
        ("relation_name", DataType::Utf8, "The relation."),
        ("constraint_name", DataType::Utf8, "The expectation."),
        ("action", DataType::Utf8, "keep, drop, quarantine or fail."),
        ("failed_in_changes", DataType::Int64, "Rows that failed it, of those looked at."),
        ("failed_now", DataType::Int64, "Rows of the whole result that fail it."),
        ("checked_rows", DataType::Int64, "Rows looked at."),
        ("checked_at", system_time(), "When."),
    ]);
    let comment = "How many rows failed each expectation in each refresh.";
    StoredRows { name: "expectations", comment, schema }
}

/// Appends the attempts of a run, and what they counted.
///
/// # Errors
/// What storage says. The run stands as it was published.
pub(super) async fn append(
    lake: &Lake,
    run: &Run,
    epoch: Option<Epoch>,
    number: u32,
    attempts: &[Attempt],
) -> Result<()> {
    if attempts.is_empty() {
        return Ok(());
    }
    let tables = [
        ("refreshes", refresh_rows(run, epoch, number, attempts)?),
        ("expectations", expectation_rows(attempts)?),
        ("refresh_operators", operator_rows(attempts)?),
    ];
    let appends = tables.map(|(name, rows)| lake.append_system(name, rows, Some(run.id)));
    let ended = futures::future::join_all(appends).await;
    ended.into_iter().collect()
}

fn refresh_rows(
    run: &Run,
    epoch: Option<Epoch>,
    number: u32,
    attempts: &[Attempt],
) -> Result<RecordBatch> {
    let figure = |of: fn(&Figures) -> u64| move |a: &Attempt| Some(of(&a.figures));
    SystemColumns::of(attempts)
        .text(|a| Some(a.refresh_id.to_string()))
        .text(|_| Some(run.id.to_string()))
        .count(|a| epoch.filter(|_| matches!(a.state, ViewState::Refreshed)))
        .text(|a| Some(a.view.schema.as_str()))
        .text(|a| Some(a.view.relation.as_str()))
        .text(|a| Some(strategy_word(a.strategy)))
        .text(|a| Some(a.reason.as_str()))
        .text(|a| Some(policy_word(a.policy)))
        .time(|a| Some(a.started_at))
        .time(|a| Some(a.finished_at))
        .count(|a| Some(a.elapsed_ms))
        .text(|a| Some(a.state.word()))
        .number(|_| Some(number))
        .text(|a| Some(a.source_versions()))
        .count(figure(|f| f.rows_read))
        .count(figure(|f| f.rows_written))
        .count(figure(|f| f.rows_quarantined))
        .count(figure(|f| f.bytes_read))
        .count(figure(|f| f.bytes_written))
        .count(figure(|f| f.files_added))
        .count(figure(|f| f.files_removed))
        .text(|a| a.error().map(|error| error.kind().sqlstate()))
        .text(|a| a.error().map(error_text))
        .count(|a| a.figures.weighed.map(|weighed| weighed.incremental))
        .count(|a| a.figures.weighed.map(|weighed| weighed.full))
        .batch(&refreshes().schema)
}

fn expectation_rows(attempts: &[Attempt]) -> Result<RecordBatch> {
    let counted: Vec<(&Attempt, &ExpectationCount)> =
        attempts.iter().flat_map(|a| a.counts.iter().map(move |count| (a, count))).collect();
    SystemColumns::of(&counted)
        .text(|(a, _)| Some(a.refresh_id.to_string()))
        .text(|(a, _)| Some(a.view.schema.as_str()))
        .text(|(a, _)| Some(a.view.relation.as_str()))
        .text(|(_, c)| Some(c.name.as_str()))
        .text(|(_, c)| Some(action_word(c.action)))
        .count(|(_, c)| Some(c.failed))
        .count(|(_, c)| Some(c.failed_now))
        .count(|(_, c)| Some(c.checked))
        .time(|(a, _)| Some(a.finished_at))
        .batch(&expectations().schema)
}

fn strategy_word(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Full => "full",
        Strategy::Incremental => "incremental",
        Strategy::Held | Strategy::Unchanged => "none",
    }
}

fn policy_word(policy: RefreshPolicy) -> &'static str {
    match policy {
        RefreshPolicy::Auto => "auto",
        RefreshPolicy::Incremental => "incremental",
        RefreshPolicy::IncrementalStrict => "incremental strict",
        RefreshPolicy::Full => "full",
    }
}

/// The word kept in `lakeport.expectations.action`.
fn action_word(action: ViolationAction) -> &'static str {
    match action {
        ViolationAction::Keep => "keep",
        ViolationAction::Drop => "drop",
        ViolationAction::Quarantine => "quarantine",
        ViolationAction::Fail => "fail",
    }
}

fn error_text(error: &Error) -> String {
    match error.detail_text() {
        Some(detail) => format!("{}\n{detail}", error.public_message()),
        None => error.public_message().to_owned(),
    }
}
