//! Single entries of a Delta log, read for what a winner or a stranger did.
//!
//! Lenient on purpose: it looks for the few things it needs and ignores what other writers add.
//! Refuses to rebuild a table's state; that is the snapshot's work.

use chrono::{DateTime, TimeZone as _, Utc};
use deltalake_core::logstore::{LogStore as _, LogStoreRef, commit_uri_from_version};
use object_store::ObjectStoreExt as _;
use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::name::Version;

use super::error;
use super::store::Location;

/// What one commit did.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// `lakeport.commit`: ours alone.
    pub(super) commit_id: Option<String>,
    /// `lakeport.run`.
    pub(super) run: Option<String>,
    /// The operation's name, as its writer has it.
    pub(super) operation: Option<String>,
    /// When, as the writer says, in milliseconds.
    pub(super) timestamp_ms: Option<i64>,
    /// Rows came or went.
    pub(super) changes_data: bool,
    /// Schema, properties or protocol changed.
    pub(super) changes_shape: bool,
    /// Its `txn` actions: application id and version.
    pub(super) applications: Vec<(String, i64)>,
    /// Paths of data files that came with new rows, as the log spells them (percent-encoded).
    pub(super) added: Vec<String>,
    /// Some data file went.
    pub(super) removes: bool,
    /// Files came or went with the rows they hold moved from or to others.
    pub(super) rearranges: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    commit_info: Option<Info>,
    add: Option<File>,
    remove: Option<File>,
    txn: Option<Txn>,
    meta_data: Option<serde::de::IgnoredAny>,
    protocol: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    timestamp: Option<i64>,
    operation: Option<String>,
    in_commit_timestamp: Option<i64>,
    #[serde(rename = "lakeport.run")]
    run: Option<String>,
    #[serde(rename = "lakeport.commit")]
    commit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    path: String,
    #[serde(default = "yes")]
    data_change: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

/// The commit of `version`; `None` when the log has no such entry (any more).
pub(super) async fn read(
    log: &LogStoreRef,
    location: &Location,
    version: Version,
) -> Result<Option<Entry>> {
    let bytes = log.read_commit_entry(version).await;
    let Some(bytes) = bytes.map_err(|error| error::delta(location, error))? else {
        return Ok(None);
    };
    let mut entry = Entry::default();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            Error::new(
                ErrorKind::DataCorrupted,
                format!("version {version} of the table at {location} does not read as a commit"),
            )
            .caused_by(error)
        })?;
        entry.take(line);
    }
    Ok(Some(entry))
}

impl Entry {
    fn take(&mut self, line: Line) {
        if let Some(info) = line.commit_info {
            self.commit_id = info.commit;
            self.run = info.run;
            self.operation = info.operation;
            self.timestamp_ms = info.in_commit_timestamp.or(info.timestamp);
        }
        if let Some(file) = line.add {
            self.changes_data |= file.data_change;
            self.rearranges |= !file.data_change;
            if file.data_change {
                self.added.push(file.path);
            }
        }
        if let Some(file) = line.remove {
            self.removes = true;
            self.changes_data |= file.data_change;
            self.rearranges |= !file.data_change;
        }
        self.applications.extend(line.txn.map(|txn| (txn.app_id, txn.version)));
        self.changes_shape |= line.meta_data.is_some() || line.protocol.is_some();
    }
}

/// When `version` was committed; `None` when the log has no such entry (any more).
pub(super) async fn committed_at(
    log: &LogStoreRef,
    location: &Location,
    version: Version,
) -> Result<Option<DateTime<Utc>>> {
    let Some(entry) = read(log, location, version).await? else { return Ok(None) };
    if let Some(time) = entry.timestamp_ms.and_then(|ms| Utc.timestamp_millis_opt(ms).single()) {
        return Ok(Some(time));
    }
    let path = commit_uri_from_version(Some(version));
    let meta = log.object_store(None).head(&path).await.map_err(error::object)?;
    Ok(Some(meta.last_modified))
}
