//! What the log says of each version: who wrote it, when, and how.
//!
//! Its one idea: commitInfo is free text between engines, so what is there is passed on as it is.
//! Refuses to know which versions anybody may see.

use chrono::{DateTime, TimeZone as _, Utc};
use deltalake_core::logstore::{LogStore as _, LogStoreRef};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::name::Version;

use super::log_files::LogFiles;
use super::store::{Lake, Location};
use super::{error, log};

/// Commits read at once.
const READS: usize = 16;

/// One version, as its commitInfo describes it; `None` where it says nothing.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the format's own words")]
pub struct CommitRecord {
    pub version: Version,
    /// As the writer says, else when the log got its file.
    pub timestamp: Option<DateTime<Utc>>,
    pub operation: Option<String>,
    /// JSON.
    pub operation_parameters: Option<String>,
    pub read_version: Option<i64>,
    pub is_blind_append: Option<bool>,
    /// JSON.
    pub operation_metrics: Option<String>,
    pub engine_info: Option<String>,
    /// `lakeport.run`.
    pub run_id: Option<String>,
}

impl Lake {
    /// The versions up to `until` that the log has commits of, newest first, at most `limit`.
    pub async fn timeline(
        &self,
        location: &Location,
        until: Version,
        limit: usize,
    ) -> Result<Vec<CommitRecord>> {
        let held = self.held(location)?;
        let files = LogFiles::list(held.log()).await?;
        let versions = files.commits_until(until).rev().take(limit).map(|version| {
            let log = held.log().clone();
            async move { record(&log, location, version).await }
        });
        let records: Vec<Option<CommitRecord>> =
            futures::stream::iter(versions).buffered(READS).try_collect().await?;
        Ok(records.into_iter().flatten().collect())
    }
}

/// One version; `None` when it was cleaned up meanwhile.
async fn record(
    log: &LogStoreRef,
    location: &Location,
    version: Version,
) -> Result<Option<CommitRecord>> {
    let bytes = log.read_commit_entry(version).await;
    let Some(bytes) = bytes.map_err(|error| error::delta(location, error))? else {
        return Ok(None);
    };
    let mut info = Value::Null;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let mut line: Value = serde_json::from_slice(line).map_err(|error| {
            Error::new(
                ErrorKind::DataCorrupted,
                format!("version {version} of the table at {location} does not read as a commit"),
            )
            .caused_by(error)
        })?;
        if let Some(found) = line.get_mut("commitInfo") {
            info = found.take();
            break;
        }
    }
    let text = |key: &str| info.get(key).and_then(Value::as_str).map(str::to_owned);
    let json = |key: &str| info.get(key).filter(|value| !value.is_null()).map(Value::to_string);
    let number = |key: &str| info.get(key).and_then(Value::as_i64);
    let said = number("inCommitTimestamp").or_else(|| number("timestamp"));
    let timestamp = match said.and_then(|ms| Utc.timestamp_millis_opt(ms).single()) {
        Some(timestamp) => Some(timestamp),
        None => log::committed_at(log, location, version).await?,
    };
    Ok(Some(CommitRecord {
        version,
        timestamp,
        operation: text("operation"),
        operation_parameters: json("operationParameters"),
        read_version: number("readVersion"),
        is_blind_append: info.get("isBlindAppend").and_then(Value::as_bool),
        operation_metrics: json("operationMetrics"),
        engine_info: text("engineInfo"),
        run_id: text("lakeport.run"),
    }))
}
