//! One Delta commit: files, schema, progress and the run's mark, together or not at all.
//!
//! Its one idea: a commit is one object, put if absent at the next version. Every commit carries an
//! id of its own, so that after any error the log itself says whether it landed. An append that lost
//! a race goes to the next version when the winner did nothing that matters to it; anything else is
//! a conflict, and the caller's to compute anew.

use std::collections::HashMap;

use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::kernel::{Action, CommitInfo, Remove, Transaction};
use deltalake_core::logstore::{CommitOrBytes, LogStore as _};
use serde_json::json;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{RunId, Version};

use super::cache::Held;
use super::error;
use super::log;
use super::shape::{removes, shape};
use super::store::{Lake, Location};
use super::table::{Table, TableSpec};
use super::transaction::TRANSACTION;
use super::write::DataFiles;

/// How many winners an append steps over before it gives up.
const WINNERS_MAX: u64 = 1000;
/// How often the log is asked whether an unclear commit landed.
const READ_BACK_MAX: u32 = 3;
/// Every so many commits the log is looked after.
const MAINTAIN_EVERY: u64 = 10;

/// What happens to the files the table had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitMode {
    /// They stay.
    Append,
    /// They are removed.
    Overwrite,
    /// Those that [`Lake::edit`] took rows out of are removed.
    Edit,
}

/// A commit to be made.
#[derive(Debug)]
pub struct Commit {
    /// The table.
    pub location: Location,
    /// The version it was computed from; `None` creates the table.
    pub base: Option<Table>,
    /// The table's shape; metadata is written only where it differs from the base's. An append
    /// keeps the base's columns and adds those only the spec has; an overwrite takes the spec's.
    pub spec: TableSpec,
    /// Append or overwrite.
    pub mode: CommitMode,
    /// New files.
    pub files: DataFiles,
    /// `txn` actions: application id and its version.
    pub progress: Vec<(String, i64)>,
    /// The run, kept as `lakeport.run` in commitInfo; `None` for people's tables.
    pub run: Option<RunId>,
    /// The operation's name in commitInfo, for example `REFRESH`.
    pub operation: &'static str,
}

/// How a commit ended.
#[derive(Debug)]
pub enum CommitOutcome {
    /// The table as it is after the commit.
    Committed(Table),
    /// Another commit came first and touches the same things. Nothing of ours is visible: read the
    /// table again and compute from there.
    Conflict(String),
}

impl Lake {
    /// Commits. After an ambiguous storage error the log is read back, so `Committed` and `Conflict`
    /// are certain; an error means nothing landed, but for `StatementCompletionUnknown`.
    ///
    /// # Errors
    /// `StatementCompletionUnknown` where the log could not be read back; `FeatureNotSupported` for a table that can only be read; `DatatypeMismatch` for an append of
    /// other types; `DiskFull`, `IoError`.
    pub async fn commit(&self, commit: Commit) -> Result<CommitOutcome> {
        let held = self.held(&commit.location)?;
        let base = commit.base.as_ref();
        // An old log may have lost its first entry, whose place a creation would take.
        if base.is_none() && held.refresh().await?.is_some() {
            return Ok(CommitOutcome::Conflict(format!("{} exists", commit.location)));
        }
        let id = Uuid::new_v4().to_string();
        let bytes = self.serialize(&commit, &id)?;
        let first = base.map_or(0, |base| base.version() + 1);
        for version in first..first + WINNERS_MAX {
            match put(&held, &commit.location, version, &id, &bytes).await? {
                Put::Landed => {
                    let table = landed(&held, base, version).await?;
                    if version % MAINTAIN_EVERY == 0 {
                        self.maintain_later(&table);
                    }
                    return Ok(CommitOutcome::Committed(table));
                }
                Put::Lost(winner) => {
                    if let Some(why) = conflict(&commit, version, &winner) {
                        return Ok(CommitOutcome::Conflict(why));
                    }
                }
            }
        }
        Ok(CommitOutcome::Conflict(format!("{WINNERS_MAX} other commits came first")))
    }

    /// Puts `files` in the place of `removed` ones that hold the same rows, right after `table`.
    pub(super) async fn replace(
        &self,
        table: &Table,
        mut files: DataFiles,
        removed: Vec<Remove>,
        run: Option<RunId>,
    ) -> Result<CommitOutcome> {
        for add in &mut files.adds {
            add.data_change = false;
        }
        let commit = Commit {
            location: table.location().clone(),
            base: Some(table.clone()),
            spec: table.spec(),
            mode: CommitMode::Overwrite,
            files,
            progress: Vec::new(),
            run,
            operation: "OPTIMIZE",
        };
        let held = self.held(&commit.location)?;
        let (id, version) = (Uuid::new_v4().to_string(), table.version() + 1);
        let now_ms = self.clock().now().timestamp_millis();
        let mut info = commit_info(&commit, &id, now_ms);
        info.operation_parameters = Some(HashMap::from([("predicate".to_owned(), json!("[]"))]));
        info.info.insert("operationMetrics".to_owned(), moved(&commit.files, &removed));
        let mut actions = vec![Action::CommitInfo(info)];
        actions.extend(
            removed.into_iter().map(|remove| {
                Action::Remove(Remove { deletion_timestamp: Some(now_ms), ..remove })
            }),
        );
        actions.extend(commit.files.adds.iter().cloned().map(Action::Add));
        match put(&held, &commit.location, version, &id, &lines(&actions)?).await? {
            Put::Landed => {
                let table = landed(&held, Some(table), version).await?;
                if run.is_some() && version % MAINTAIN_EVERY == 0 {
                    self.maintain_later(&table);
                }
                Ok(CommitOutcome::Committed(table))
            }
            Put::Lost(_) => {
                Ok(CommitOutcome::Conflict(format!("version {version} was committed meanwhile")))
            }
        }
    }

    /// The commit as the log keeps it.
    fn serialize(&self, commit: &Commit, id: &str) -> Result<bytes::Bytes> {
        if let Some(reason) = commit.base.as_ref().and_then(Table::read_only_reason) {
            return Err(Error::new(
                ErrorKind::FeatureNotSupported,
                format!("the table at {} can only be read: {reason}", commit.location),
            ));
        }
        let now_ms = self.clock().now().timestamp_millis();
        let mut actions = vec![Action::CommitInfo(commit_info(commit, id, now_ms))];
        actions.extend(shape(commit, now_ms)?);
        for (app_id, version) in &commit.progress {
            actions.push(Action::Txn(Transaction::new(app_id, *version)));
        }
        if let (CommitMode::Overwrite, Some(base)) = (commit.mode, &commit.base) {
            actions.extend(removes(base, now_ms)?);
        }
        if commit.mode == CommitMode::Edit {
            let marked = &commit.files.marked;
            let removes = commit.files.removes.iter().chain(marked.iter().map(|(was, _)| was));
            actions.extend(removes.map(|file| {
                let mut remove = file.clone();
                remove.deletion_timestamp = Some(now_ms);
                Action::Remove(remove)
            }));
            actions.extend(marked.iter().map(|(_, is)| Action::Add(is.clone())));
        }
        actions.extend(commit.files.adds.iter().cloned().map(Action::Add));
        lines(&actions)
    }
}

/// One action a line.
fn lines(actions: &[Action]) -> Result<bytes::Bytes> {
    let mut text = String::new();
    for action in actions {
        let line = serde_json::to_string(action)
            .map_err(|error| Error::internal("a commit's action").caused_by(error))?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text.into())
}

enum Put {
    Landed,
    Lost(log::Entry),
}

/// Puts the commit at `version`, and finds out how that ended.
async fn put(
    held: &Held,
    location: &Location,
    version: Version,
    id: &str,
    bytes: &bytes::Bytes,
) -> Result<Put> {
    let entry = CommitOrBytes::LogBytes(bytes.clone());
    let cause = match held.log().write_commit_entry(version, entry, Uuid::new_v4()).await {
        Ok(()) => return Ok(Put::Landed),
        Err(TransactionError::VersionAlreadyExists(_)) => None,
        Err(cause) => Some(error::delta(location, cause.into())),
    };
    let mut attempt = 0;
    let found = loop {
        attempt += 1;
        match log::read(held.log(), location, version).await {
            Ok(found) => break found,
            Err(_) if attempt < READ_BACK_MAX => {}
            Err(error) => return Err(unclear(location, version, cause.unwrap_or(error))),
        }
    };
    match (found, cause) {
        (Some(entry), _) if entry.commit_id.as_deref() == Some(id) => Ok(Put::Landed),
        (Some(entry), _) => Ok(Put::Lost(entry)),
        (None, Some(cause)) => Err(cause),
        (None, None) => Err(Error::new(
            ErrorKind::IoError,
            format!("version {version} of the table at {location} was there and is gone"),
        )),
    }
}

/// The table right after our commit; it has landed, so reading it is tried more than once.
async fn landed(held: &Held, base: Option<&Table>, version: Version) -> Result<Table> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match held.committed(base, version).await {
            Ok(table) => return Ok(table),
            Err(_) if attempt < READ_BACK_MAX => {}
            Err(error) => {
                let location = base.map_or_else(String::new, |base| base.location().to_string());
                return Err(unclear(&location, version, error));
            }
        }
    }
}

/// The error of a commit that may be there.
fn unclear(location: &impl std::fmt::Display, version: Version, cause: Error) -> Error {
    let message = "the storage does not say whether the commit is there";
    Error::new(ErrorKind::StatementCompletionUnknown, message)
        .detail(format!("It was to be version {version} of the table at {location}."))
        .hint("Look whether the change is there before trying again.")
        .caused_by(cause)
}

/// Why the commit cannot go behind `winner`; `None` when it can.
fn conflict(commit: &Commit, version: Version, winner: &log::Entry) -> Option<String> {
    let at = format!("version {version} of the table at {}", commit.location);
    if commit.base.is_none() {
        return Some(format!("{at} was created meanwhile"));
    }
    if commit.mode != CommitMode::Append {
        return Some(format!("{at} was committed meanwhile"));
    }
    if winner.changes_shape {
        return Some(format!("{at} changed the table's columns or properties"));
    }
    // Rows of a transaction that may come to nothing are not built upon; who is behind them looks again.
    if winner.applications.iter().any(|(app_id, _)| app_id == TRANSACTION) {
        return Some(format!("{at} is part of a transaction"));
    }
    let ours = commit.progress.iter().map(|(app_id, _)| app_id);
    ours.into_iter()
        .find(|app_id| winner.applications.iter().any(|(theirs, _)| theirs == *app_id))
        .map(|app_id| format!("{at} already carries progress of {app_id}"))
}

/// The metrics of a commit that only moves rows.
fn moved(files: &DataFiles, removed: &[Remove]) -> serde_json::Value {
    let (added, added_bytes) = files.files();
    let removed_bytes: i64 = removed.iter().filter_map(|remove| remove.size).sum();
    json!({
        "numAddedFiles": added.to_string(),
        "numAddedBytes": added_bytes.to_string(),
        "numRemovedFiles": removed.len().to_string(),
        "numRemovedBytes": removed_bytes.to_string(),
    })
}

fn commit_info(commit: &Commit, id: &str, now_ms: i64) -> CommitInfo {
    let mode = match commit.mode {
        CommitMode::Append => "Append",
        CommitMode::Overwrite => "Overwrite",
        CommitMode::Edit => "Edit",
    };
    let (files, bytes) = commit.files.files();
    let metrics = json!({
        "numFiles": files.to_string(),
        "numOutputRows": commit.files.rows().to_string(),
        "numOutputBytes": bytes.to_string(),
    });
    let mut info = HashMap::from([
        ("lakeport.commit".to_owned(), json!(id)),
        ("operationMetrics".to_owned(), metrics),
    ]);
    if let Some(run) = commit.run {
        info.insert("lakeport.run".to_owned(), json!(run.to_string()));
    }
    CommitInfo {
        timestamp: Some(now_ms),
        operation: Some(commit.operation.to_owned()),
        operation_parameters: Some(HashMap::from([("mode".to_owned(), json!(mode))])),
        read_version: commit.base.as_ref().map(Table::version),
        is_blind_append: Some(commit.mode == CommitMode::Append && commit.progress.is_empty()),
        engine_info: Some(concat!("lakeport:", env!("CARGO_PKG_VERSION")).to_owned()),
        info,
        ..CommitInfo::default()
    }
}
