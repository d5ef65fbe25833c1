//! What every attempt did: `lakeport.refreshes` and `lakeport.expectations`.
//!
//! Written after the run is published, because a row names its epoch. A run whose history cannot be
//! written stands, but says so: its caller sees the error, and a later run has nothing to compute.

use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::catalog::Relation;
use crate::error::{Error, Result};
use crate::lake::{Lake, Run};
use crate::name::{Epoch, RelationName};
use crate::query::StoredRows;
use crate::syntax::{RefreshPolicy, ViolationAction};

use super::build::Figures;
use super::check::definition;
use super::expectations::ExpectationCount;
use super::pins::Pin;
use super::refresh::ViewState;

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
    let schema = schema(&[
        ("refresh_id", DataType::Utf8, "One attempt at one view."),
        ("run_id", DataType::Utf8, "The run it was part of."),
        ("epoch", DataType::Int64, "The epoch the run published; null when it published nothing."),
        ("schema_name", DataType::Utf8, "The view's schema."),
        ("view_name", DataType::Utf8, "The view."),
        ("strategy", DataType::Utf8, "full, incremental or none."),
        ("reason", DataType::Utf8, "Why that strategy."),
        ("policy", DataType::Utf8, "auto, incremental, incremental strict or full."),
        ("started_at", timestamp(), "When it began."),
        ("finished_at", timestamp(), "When it ended."),
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
    ]);
    StoredRows { name: "refreshes", comment: "Each attempt to refresh a view.", schema }
}

/// `lakeport.expectations`.
pub(super) fn expectations() -> StoredRows {
    let schema = schema(&[
        ("refresh_id", DataType::Utf8, "The refresh that checked it."),
        ("schema_name", DataType::Utf8, "The relation's schema."),
        ("relation_name", DataType::Utf8, "The relation."),
        ("constraint_name", DataType::Utf8, "The expectation."),
        ("action", DataType::Utf8, "keep, drop, quarantine or fail."),
        ("failed_in_changes", DataType::Int64, "Rows that failed it, of those looked at."),
        ("failed_now", DataType::Int64, "Rows of the whole result that fail it."),
        ("checked_rows", DataType::Int64, "Rows looked at."),
        ("checked_at", timestamp(), "When."),
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
    let rows = refresh_rows(run, epoch, number, attempts)?;
    lake.append_system("refreshes", rows, Some(run.id)).await?;
    let counted = expectation_rows(attempts)?;
    if counted.num_rows() > 0 {
        lake.append_system("expectations", counted, Some(run.id)).await?;
    }
    Ok(())
}

fn refresh_rows(
    run: &Run,
    epoch: Option<Epoch>,
    number: u32,
    attempts: &[Attempt],
) -> Result<RecordBatch> {
    let text = |of: &dyn Fn(&Attempt) -> Option<String>| -> ArrayRef {
        Arc::new(attempts.iter().map(of).collect::<StringArray>())
    };
    let count = |of: &dyn Fn(&Attempt) -> u64| -> ArrayRef {
        Arc::new(attempts.iter().map(|a| Some(signed(of(a)))).collect::<Int64Array>())
    };
    let time = |of: &dyn Fn(&Attempt) -> DateTime<Utc>| -> ArrayRef {
        let times = attempts.iter().map(|a| Some(of(a).timestamp_micros()));
        Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    let published =
        |a: &Attempt| epoch.filter(|_| matches!(a.state, ViewState::Refreshed)).map(signed);
    let columns: Vec<ArrayRef> = vec![
        text(&|a| Some(a.refresh_id.to_string())),
        text(&|_| Some(run.id.to_string())),
        Arc::new(attempts.iter().map(published).collect::<Int64Array>()),
        text(&|a| Some(a.view.schema.clone())),
        text(&|a| Some(a.view.relation.clone())),
        text(&|a| Some(strategy_word(a.strategy).to_owned())),
        text(&|a| Some(a.reason.clone())),
        text(&|a| Some(policy_word(a.policy).to_owned())),
        time(&|a| a.started_at),
        time(&|a| a.finished_at),
        count(&|a| a.elapsed_ms),
        text(&|a| Some(a.state.word().to_owned())),
        Arc::new(Int32Array::from(vec![number; attempts.len()])),
        text(&|a| Some(a.source_versions())),
        count(&|a| a.figures.rows_read),
        count(&|a| a.figures.rows_written),
        count(&|a| a.figures.rows_quarantined),
        count(&|a| a.figures.bytes_read),
        count(&|a| a.figures.bytes_written),
        count(&|a| a.figures.files_added),
        count(&|a| a.figures.files_removed),
        text(&|a| a.error().map(|error| error.kind().sqlstate().to_owned())),
        text(&|a| a.error().map(error_text)),
    ];
    batch(refreshes().schema, columns)
}

fn expectation_rows(attempts: &[Attempt]) -> Result<RecordBatch> {
    let counted: Vec<(&Attempt, &ExpectationCount)> =
        attempts.iter().flat_map(|a| a.counts.iter().map(move |count| (a, count))).collect();
    let text = |of: &dyn Fn(&Attempt, &ExpectationCount) -> String| -> ArrayRef {
        Arc::new(counted.iter().map(|(a, c)| Some(of(a, c))).collect::<StringArray>())
    };
    let count = |of: &dyn Fn(&ExpectationCount) -> u64| -> ArrayRef {
        Arc::new(counted.iter().map(|(_, c)| Some(signed(of(c)))).collect::<Int64Array>())
    };
    let times = counted.iter().map(|(a, _)| Some(a.finished_at.timestamp_micros()));
    let columns: Vec<ArrayRef> = vec![
        text(&|a, _| a.refresh_id.to_string()),
        text(&|a, _| a.view.schema.clone()),
        text(&|a, _| a.view.relation.clone()),
        text(&|_, c| c.name.clone()),
        text(&|_, c| action_word(c.action).to_owned()),
        count(&|c| c.failed),
        count(&|c| c.failed_now),
        count(&|c| c.checked),
        Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
    ];
    batch(expectations().schema, columns)
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema, columns)
        .map_err(|error| Error::internal("put rows of history together").caused_by(error))
}

fn schema(columns: &[(&str, DataType, &str)]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, data_type, comment)| {
            let metadata = [("comment".to_owned(), (*comment).to_owned())];
            Field::new(*name, data_type.clone(), true).with_metadata(metadata.into())
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
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
