//! Files that no version needs which must stay readable, deleted; and the log's own.
//!
//! Its one idea: the folder is listed first and the log read after, so a file that a commit has named
//! meanwhile is seen as named. What cannot be told for certain stays. Refuses to know which versions
//! must stay readable, and why.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use deltalake_core::logstore::{LogStore as _, LogStoreRef};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _};
use serde::Deserialize;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::name::Version;

use super::error;
use super::keep::KeptVersions;
use super::log_files::LogFiles;
use super::store::{Lake, Location};
use super::table::Table;

/// Commits read at once.
const READS: usize = 16;
/// Paths that a dry run names.
const NAMED_MAX: usize = 1000;

/// What VACUUM deleted, or would delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vacuumed {
    /// Data files and files of deletion vectors.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Commits and checkpoints.
    pub log_files: u64,
    /// The first of them, below the table's folder.
    pub paths: Vec<String>,
}

/// Which files may go.
#[derive(Debug, Clone)]
pub struct VacuumRequest {
    /// The table.
    pub location: Location,
    /// The versions that must stay readable.
    pub kept: KeptVersions,
    /// A file younger than this that no commit names may be somebody's unfinished work.
    pub unfinished_since: DateTime<Utc>,
    /// Only say what would be deleted.
    pub dry_run: bool,
}

impl Lake {
    /// Deletes what none of the kept versions needs. Stopped anywhere, it has deleted nothing else.
    ///
    /// # Errors
    /// `DataCorrupted` when the log does not say what a kept version needs; nothing is deleted then.
    pub async fn vacuum(&self, request: &VacuumRequest) -> Result<Vacuumed> {
        let location = &request.location;
        let held = self.held(location)?;
        let store = held.log().object_store(None);
        let candidates: Vec<ObjectMeta> = store
            .list(None)
            .try_filter(|meta| {
                let old = meta.last_modified < request.unfinished_since;
                std::future::ready(old && is_data(&meta.location))
            })
            .try_collect()
            .await
            .map_err(error::object)?;
        let log_files = LogFiles::list(held.log()).await?;
        let Some(newest) = held.refresh().await? else { return Ok(Vacuumed::default()) };
        let Some(first) = log_files.first_readable() else { return Ok(Vacuumed::default()) };
        // What the log has lost already cannot be kept; what was never committed is nobody's.
        let from = request.kept.from.max(first).min(newest.version());
        let kept = KeptVersions { from, also: request.kept.also.clone() };
        let named = self.named(location, &kept, newest.version()).await?;
        let mut vacuumed = Vacuumed::default();
        let mut needless = Vec::new();
        for meta in candidates.into_iter().filter(|meta| !is_named(&meta.location, &named)) {
            vacuumed.files += 1;
            vacuumed.bytes += meta.size;
            needless.push(meta.location);
        }
        let log = log_files.needless(&kept);
        vacuumed.log_files = log.len() as u64;
        // Data first: as long as the log has a commit, what it names can be found again.
        needless.extend(log);
        if request.dry_run {
            vacuumed.paths = needless.iter().take(NAMED_MAX).map(Path::to_string).collect();
            return Ok(vacuumed);
        }
        delete(held.log(), needless).await?;
        Ok(vacuumed)
    }

    /// Paths of all files that the kept versions name.
    async fn named(
        &self,
        location: &Location,
        kept: &KeptVersions,
        newest: Version,
    ) -> Result<HashSet<String>> {
        let mut named = HashSet::new();
        for version in kept.also.iter().filter(|v| **v < kept.from).chain([&kept.from]) {
            name_files(&self.at_version(location, *version).await?, &mut named)?;
        }
        let log = self.held(location)?.log().clone();
        let mut commits = futures::stream::iter(kept.from + 1..=newest)
            .map(|version| added(&log, location, version))
            .buffer_unordered(READS);
        while let Some(adds) = commits.try_next().await? {
            for add in adds {
                name_file(&add.path, &mut named);
                if let Some(vector) = add.deletion_vector {
                    name_vector(location, &vector.storage_type, &vector.place, &mut named)?;
                }
            }
        }
        Ok(named)
    }
}

/// Whether it is a file that a table's data may be in. Folders that begin with `_` or `.` are other
/// software's, but for those of a partition column of such a name.
fn is_data(path: &Path) -> bool {
    let name = path.filename().unwrap_or_default();
    let hidden = |part: &str| part.starts_with(['_', '.']) && !part.contains('=');
    let ours = name.ends_with(".parquet")
        || name.starts_with("deletion_vector_") && name.ends_with(".bin");
    ours && !path.parts().any(|part| hidden(part.as_ref()))
}

/// The files of one version.
fn name_files(table: &Table, named: &mut HashSet<String>) -> Result<()> {
    let location = table.location();
    let files = table.state().snapshot().try_log_data();
    let files = files.map_err(|error| error::delta(location, error))?;
    for file in files.iter() {
        name_file(&file.path(), named);
        named.insert(file.object_store_path().to_string());
        if let Some(vector) = file.deletion_vector_descriptor() {
            let kind = vector.storage_type.to_string();
            name_vector(location, &kind, &vector.path_or_inline_dv, named)?;
        }
    }
    Ok(())
}

fn is_named(path: &Path, named: &HashSet<String>) -> bool {
    named.contains(path.as_ref()) || path.filename().is_some_and(|name| named.contains(name))
}

/// A path as the log spells it: however it is to be read, the file is named.
fn name_file(path: &str, named: &mut HashSet<String>) {
    if path.contains(":/") {
        // One that is not relative to the table may lie in it all the same.
        named.extend(path.rsplit('/').next().map(str::to_owned));
    }
    let decoded = Path::from_url_path(path).map(|path| path.to_string());
    named.extend(decoded);
    named.insert(Path::from(path).to_string());
    named.insert(path.to_owned());
}

/// The file of a deletion vector.
fn name_vector(
    location: &Location,
    kind: &str,
    path: &str,
    named: &mut HashSet<String>,
) -> Result<()> {
    match kind {
        "i" => return Ok(()),
        "u" => {}
        _ => {
            named.extend(path.rsplit('/').next().map(str::to_owned));
            return Ok(());
        }
    }
    let invalid = || {
        Error::new(
            ErrorKind::DataCorrupted,
            format!("the table at {location} names a deletion vector that has no file"),
        )
    };
    let (prefix, id) =
        path.len().checked_sub(20).and_then(|at| path.split_at_checked(at)).ok_or_else(invalid)?;
    let id = z85::decode(id).ok().and_then(|id| Uuid::from_slice(&id).ok()).ok_or_else(invalid)?;
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    named.insert(format!("{folder}deletion_vector_{id}.bin"));
    Ok(())
}

/// What a commit says of data files; all else is ignored.
#[derive(Deserialize)]
struct Line {
    add: Option<Added>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    path: String,
    deletion_vector: Option<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    storage_type: String,
    #[serde(rename = "pathOrInlineDv")]
    place: String,
}

/// The files that a commit added.
async fn added(log: &LogStoreRef, location: &Location, version: Version) -> Result<Vec<Added>> {
    let bytes = log.read_commit_entry(version).await;
    let bytes = bytes.map_err(|error| error::delta(location, error))?;
    let invalid = |why: &str| {
        Error::new(
            ErrorKind::DataCorrupted,
            format!("version {version} of the table at {location} {why}"),
        )
    };
    let bytes = bytes.ok_or_else(|| invalid("is missing in its log"))?;
    let mut files = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let line: Line = serde_json::from_slice(line)
            .map_err(|error| invalid("does not read as a commit").caused_by(error))?;
        files.extend(line.add);
    }
    Ok(files)
}

/// Deletes in this order. Another server may have been faster.
pub(super) async fn delete(log: &LogStoreRef, paths: Vec<Path>) -> Result<()> {
    let paths = futures::stream::iter(paths.into_iter().map(Ok)).boxed();
    let mut deleted = log.object_store(None).delete_stream(paths);
    while let Some(ended) = deleted.next().await {
        match ended {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error::object(error)),
        }
    }
    Ok(())
}
