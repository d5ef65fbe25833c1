//! The lists of files: which batch has which, written before any data.
//!
//! Its one idea: a file is known once a list names it, and list n, once written, never changes. So
//! whoever runs batch n, first or again, here or on another server, runs the same files under the
//! same definition.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::catalog::StreamingTable;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::Objects;
use crate::name::{RelationId, RelationName, RunId};
use crate::syntax::ColumnDefinition;

use super::listing::FoundFile;
use super::types::FileColumn;

/// The version of a list's own form.
const FORMAT: u32 = 1;

/// Everything a batch is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileList {
    pub(crate) format: u32,
    pub(crate) table: RelationName,
    pub(crate) table_id: RelationId,
    /// From 1.
    pub(crate) batch: i64,
    /// The run that wrote the list; others may have to finish it.
    pub(crate) run_id: RunId,
    /// What rows have as `_metadata.ingested_at`.
    pub(crate) listed_at: DateTime<Utc>,
    pub(crate) definition_hash: String,
    pub(crate) definition: StreamingTable,
    /// The column list of the definition.
    pub(crate) declared: Vec<ColumnDefinition>,
    /// The columns of the files, those of earlier batches first.
    pub(crate) columns: Vec<FileColumn>,
    pub(crate) files: Vec<ListedFile>,
}

/// A file as it was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedFile {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) modified: DateTime<Utc>,
    /// SHA-256 of the content, in hexadecimal.
    pub(crate) hash: String,
}

/// A file as the newest list that names it has it.
#[derive(Debug, Clone)]
struct Known {
    size: u64,
    modified: DateTime<Utc>,
    hash: String,
}

/// What is to be done about a file that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No list names it.
    New,
    /// A list names it and it looks the same.
    Known,
    /// A list names it, and its size or time is another: its content has to be looked at.
    Touched,
}

/// The lists of one table, as far as this process has read them.
#[derive(Debug)]
pub(crate) struct Ledger {
    folder: String,
    known: BTreeMap<String, Known>,
    last: Option<FileList>,
    /// Changed files that have been reported, by path and hash.
    reported: HashSet<(String, String)>,
    /// Whether `lakeport.files` has been compared with the lists.
    pub(crate) compared: bool,
}

impl Ledger {
    pub(crate) fn new(table_id: RelationId) -> Self {
        Self {
            folder: format!("ingest/{table_id}"),
            known: BTreeMap::new(),
            last: None,
            reported: HashSet::new(),
            compared: false,
        }
    }

    /// The newest list.
    pub(crate) fn last(&self) -> Option<&FileList> {
        self.last.as_ref()
    }

    /// The newest list's number; 0 when there is none.
    pub(crate) fn last_batch(&self) -> i64 {
        self.last.as_ref().map_or(0, |list| list.batch)
    }

    fn path(&self, batch: i64) -> String {
        format!("{}/{batch:012}.json", self.folder)
    }

    /// Reads the lists others have written since.
    ///
    /// # Errors
    /// `FeatureNotSupported` for a list of a newer server; `DataCorrupted`.
    pub(crate) async fn catch_up(&mut self, objects: &Objects) -> Result<()> {
        while let Some(list) = self.read(objects, self.last_batch() + 1).await? {
            self.take(list);
        }
        Ok(())
    }

    /// Reads one list.
    pub(crate) async fn read(&self, objects: &Objects, batch: i64) -> Result<Option<FileList>> {
        let path = self.path(batch);
        let Some(bytes) = objects.get(&path).await? else { return Ok(None) };
        decode(&bytes).map(Some).map_err(|error| error.within(path))
    }

    /// Writes the next list; false when another server has written one of that number, which is
    /// then the one that holds.
    pub(crate) async fn write(&mut self, objects: &Objects, list: FileList) -> Result<bool> {
        let bytes = serde_json::to_vec(&list)
            .map_err(|error| Error::internal("a file list does not serialize").caused_by(error))?;
        let written = objects.put_if_absent(&self.path(list.batch), Bytes::from(bytes)).await?;
        if written {
            self.take(list);
        }
        Ok(written)
    }

    fn take(&mut self, list: FileList) {
        for file in &list.files {
            let known = Known { size: file.size, modified: file.modified, hash: file.hash.clone() };
            self.known.insert(file.path.clone(), known);
        }
        self.last = Some(list);
    }

    /// What is known of a file by its name, size and time.
    pub(crate) fn judge(&self, file: &FoundFile) -> Verdict {
        match self.known.get(&file.path) {
            None => Verdict::New,
            Some(known) if known.size == file.size && known.modified == file.modified => {
                Verdict::Known
            }
            Some(_) => Verdict::Touched,
        }
    }

    /// Whether a touched file has other content than it was listed with. One that has not is
    /// remembered by its new time.
    pub(crate) fn has_changed(&mut self, file: &FoundFile, hash: &str) -> bool {
        match self.known.get_mut(&file.path) {
            Some(known) if known.hash == hash => {
                known.modified = file.modified;
                known.size = file.size;
                false
            }
            _ => true,
        }
    }

    /// Notes that a change has been reported; true the first time. One that was shown with the hash
    /// it was listed with had changed before its list ran, and is not shown again.
    pub(crate) fn report(&mut self, path: &str, hash: &str) -> bool {
        let listed = self.known.get(path).map(|known| (path.to_owned(), known.hash.clone()));
        if listed.is_some_and(|listed| self.reported.contains(&listed)) {
            return false;
        }
        self.reported.insert((path.to_owned(), hash.to_owned()))
    }

    /// Remembers a changed file that is not to be read again, so that it is not looked at each time.
    pub(crate) fn tolerate(&mut self, file: &FoundFile) {
        if let Some(known) = self.known.get_mut(&file.path) {
            known.modified = file.modified;
            known.size = file.size;
        }
    }
}

impl FileList {
    pub(crate) const FORMAT: u32 = FORMAT;
}

fn decode(bytes: &[u8]) -> Result<FileList> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let corrupted =
        |error| Error::new(ErrorKind::DataCorrupted, "file list does not read").caused_by(error);
    let head: Head = serde_json::from_slice(bytes).map_err(corrupted)?;
    if head.format > FORMAT {
        return Err(Error::new(
            ErrorKind::FeatureNotSupported,
            format!("file list has format {}, this server reads up to {FORMAT}", head.format),
        )
        .hint("A newer server wrote it; use that version or a later one."));
    }
    serde_json::from_slice(bytes).map_err(corrupted)
}
