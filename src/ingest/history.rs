//! What every run did with every file: `lakeport.files` and `lakeport.ingests`.
//!
//! Written after the run is published. Rows of a batch whose process died in between are made again
//! from its list, so `lakeport.files` never lacks a file that is in a table.

use std::collections::HashSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::lake::{Lake, Run, SystemColumns, system_schema, system_time};
use crate::matview::expectations::ExpectationCount;
use crate::name::{Epoch, RelationId, RelationName, RunId};
use crate::query::StoredRows;
use crate::syntax::ViolationAction;

use super::ledger::{FileList, ListedFile};

/// What became of a listed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileState {
    /// Its rows are in the table.
    Ingested,
    /// It was gone when its list ran.
    Missing,
    /// Its content was another when its list ran, or has become another since.
    Changed,
    /// It could not be read to its end; what could be is in the table.
    Failed,
}

impl FileState {
    fn word(self) -> &'static str {
        match self {
            Self::Ingested => "ingested",
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Failed => "failed",
        }
    }
}

/// A row of `lakeport.files`.
#[derive(Debug, Clone)]
pub(crate) struct FileRow {
    pub(crate) table: RelationName,
    pub(crate) table_id: RelationId,
    pub(crate) file: ListedFile,
    pub(crate) batch: i64,
    pub(crate) state: FileState,
    /// `None` where the process that counted them died.
    pub(crate) rows: Option<u64>,
    pub(crate) quarantined: Option<u64>,
    pub(crate) error: Option<String>,
    pub(crate) ingested_at: DateTime<Utc>,
    pub(crate) run_id: RunId,
}

/// A row of `lakeport.ingests`.
#[derive(Debug, Clone)]
pub(crate) struct IngestRow {
    pub(crate) table: RelationName,
    pub(crate) batch: Option<i64>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) finished_at: DateTime<Utc>,
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) quarantined: u64,
    pub(crate) error: Option<String>,
    pub(crate) attempt: u32,
}

/// `lakeport.files`.
pub(crate) fn files() -> StoredRows {
    let time = system_time();
    let schema = system_schema(&[
        ("schema_name", DataType::Utf8, "The table's schema."),
        ("table_name", DataType::Utf8, "The streaming table."),
        ("table_id", DataType::Utf8, "The table for life; a name may be used again."),
        ("path", DataType::Utf8, "Relative to the landing folder, else absolute."),
        ("size_bytes", DataType::Int64, "As listed."),
        ("modified_at", time.clone(), "As listed."),
        ("hash", DataType::Utf8, "SHA-256 of the content as listed."),
        ("batch", DataType::Int64, "The batch whose list names it."),
        ("state", DataType::Utf8, "ingested, missing, changed or failed."),
        ("rows", DataType::Int64, "Rows read; NULL when the process died before it could tell."),
        ("quarantined", DataType::Int64, "Lines refused; NULL when the process died."),
        ("error", DataType::Utf8, "Why it failed."),
        ("ingested_at", time, "When its batch was listed."),
        ("run_id", DataType::Utf8, "The run that committed it."),
    ]);
    let comment = "Each landing file a streaming table has taken, left out, or found changed.";
    StoredRows { name: "files", comment, schema }
}

/// `lakeport.ingests`.
pub(crate) fn ingests() -> StoredRows {
    let schema = system_schema(&[
        ("run_id", DataType::Utf8, "The run."),
        ("schema_name", DataType::Utf8, "The table's schema."),
        ("table_name", DataType::Utf8, "The streaming table."),
        ("batch", DataType::Int64, "The last batch it committed; NULL when none."),
        ("state", DataType::Utf8, "succeeded or failed."),
        ("attempt", DataType::Int64, "From 1."),
        ("started_at", system_time(), "When the table's turn came."),
        ("finished_at", system_time(), "When its last batch was committed, or it failed."),
        ("files", DataType::Int64, "Files taken in."),
        ("rows", DataType::Int64, "Rows added."),
        ("quarantined", DataType::Int64, "Lines and rows refused."),
        ("epoch", DataType::Int64, "The epoch that published it; NULL when nothing was new."),
        ("error", DataType::Utf8, "Why it failed."),
    ]);
    let comment = "Each run over a streaming table that took files in or failed.";
    StoredRows { name: "ingests", comment, schema }
}

/// Appends to `lakeport.files`.
pub(crate) async fn append_files(lake: &Lake, run: RunId, rows: &[FileRow]) -> Result<()> {
    let stored = files();
    let columns = SystemColumns::of(rows)
        .text(|row| Some(row.table.schema.as_str()))
        .text(|row| Some(row.table.relation.as_str()))
        .text(|row| Some(row.table_id.to_string()))
        .text(|row| Some(row.file.path.as_str()))
        .count(|row| Some(row.file.size))
        .time(|row| Some(row.file.modified))
        .text(|row| Some(row.file.hash.as_str()))
        .count(|row| u64::try_from(row.batch).ok())
        .text(|row| Some(row.state.word()))
        .count(|row| row.rows)
        .count(|row| row.quarantined)
        .text(|row| row.error.clone())
        .time(|row| Some(row.ingested_at))
        .text(|row| Some(row.run_id.to_string()));
    lake.append_system(stored.name, columns.batch(&stored.schema)?, Some(run)).await
}

/// Appends to `lakeport.ingests`.
pub(crate) async fn append_ingests(
    lake: &Lake,
    run: &Run,
    epoch: Option<Epoch>,
    rows: &[IngestRow],
) -> Result<()> {
    let stored = ingests();
    let columns = SystemColumns::of(rows)
        .text(|_| Some(run.id.to_string()))
        .text(|row| Some(row.table.schema.as_str()))
        .text(|row| Some(row.table.relation.as_str()))
        .count(|row| row.batch.and_then(|batch| u64::try_from(batch).ok()))
        .text(|row| Some(if row.error.is_some() { "failed" } else { "succeeded" }))
        .count(|row| Some(u64::from(row.attempt)))
        .time(|row| Some(row.started_at))
        .time(|row| Some(row.finished_at))
        .count(|row| Some(row.files))
        .count(|row| Some(row.rows))
        .count(|row| Some(row.quarantined))
        .count(|row| epoch.filter(|_| row.batch.is_some()))
        .text(|row| row.error.clone());
    lake.append_system(stored.name, columns.batch(&stored.schema)?, Some(run.id)).await
}

/// Appends to `lakeport.expectations`, whose columns `matview` declares. How many rows of the whole
/// table fail by now is not known: only what was new has been looked at.
pub(crate) async fn append_expectations(
    lake: &Lake,
    run: RunId,
    rows: &[(RelationName, ExpectationCount)],
) -> Result<()> {
    let schema = system_schema(&[
        ("refresh_id", DataType::Utf8, "The refresh that checked it."),
        ("schema_name", DataType::Utf8, "The relation's schema."),
        ("relation_name", DataType::Utf8, "The relation."),
        ("constraint_name", DataType::Utf8, "The expectation."),
        ("action", DataType::Utf8, "keep, drop, quarantine or fail."),
        ("failed_in_changes", DataType::Int64, "Rows that failed it, of those looked at."),
        ("checked_rows", DataType::Int64, "Rows looked at."),
        ("checked_at", system_time(), "When."),
    ]);
    let now = lake.clock().now();
    let action = |action: ViolationAction| match action {
        ViolationAction::Keep => "keep",
        ViolationAction::Drop => "drop",
        ViolationAction::Quarantine => "quarantine",
        ViolationAction::Fail => "fail",
    };
    let columns = SystemColumns::of(rows)
        .text(|_| Some(run.to_string()))
        .text(|(name, _)| Some(name.schema.as_str()))
        .text(|(name, _)| Some(name.relation.as_str()))
        .text(|(_, count)| Some(count.name.as_str()))
        .text(|(_, count)| Some(action(count.action)))
        .count(|(_, count)| Some(count.failed))
        .count(|(_, count)| Some(count.checked))
        .time(|_| Some(now));
    lake.append_system("expectations", columns.batch(&schema)?, Some(run)).await
}

/// What `lakeport.files` has of one table.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Batches with at least one row.
    pub(crate) batches: HashSet<i64>,
    /// Path and hash of files shown as changed after they had been taken in.
    pub(crate) changed: HashSet<(String, String)>,
}

/// Reads what `lakeport.files` has of a table.
pub(crate) async fn recorded(lake: &Lake, table_id: RelationId) -> Result<Recorded> {
    let mut recorded = Recorded::default();
    let Some(table) = lake.newest(&lake.system_location("files")).await? else {
        return Ok(recorded);
    };
    let id = table_id.to_string();
    for rows in table.read().await? {
        let text = |name: &str| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
        let batches =
            rows.column_by_name("batch").and_then(|column| column.as_primitive_opt::<Int64Type>());
        let (Some(ids), Some(paths), Some(hashes), Some(states), Some(batches)) =
            (text("table_id"), text("path"), text("hash"), text("state"), batches)
        else {
            continue;
        };
        for row in 0..rows.num_rows() {
            if ids.is_null(row) || ids.value(row) != id {
                continue;
            }
            recorded.batches.insert(batches.value(row));
            if states.value(row) == FileState::Changed.word() {
                let file = (paths.value(row).to_owned(), hashes.value(row).to_owned());
                recorded.changed.insert(file);
            }
        }
    }
    Ok(recorded)
}

/// The rows of a batch that was committed by a process that died before it could write them.
pub(crate) fn recovered(list: &FileList, run: &Run) -> Vec<FileRow> {
    list.files
        .iter()
        .map(|file| FileRow {
            table: list.table.clone(),
            table_id: list.table_id,
            file: file.clone(),
            batch: list.batch,
            state: FileState::Ingested,
            rows: None,
            quarantined: None,
            error: None,
            ingested_at: list.listed_at,
            run_id: run.id,
        })
        .collect()
}
