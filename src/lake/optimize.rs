//! Small files brought together, and deleted rows left out for good: no row changes.
//!
//! Its one idea: files of one partition are packed into bins; each bin streams through one writer, and
//! commits of a bounded size take the bins' files in. Whoever commits between wins; the rest is left
//! for the next time. Refuses to know who asked.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use deltalake_core::kernel::Remove;
use futures::StreamExt as _;

use crate::error::{Error, ErrorKind, Result};
use crate::name::RunId;

use super::changes::logged_path;
use super::commit::CommitOutcome;
use super::error;
use super::store::{Lake, Location};
use super::table::Table;
use super::write::DataFiles;

const MIB: u64 = 1024 * 1024;
/// Below this a file is small. Bins filled from such files are written as files that are not.
const SMALL_BYTES: u64 = 48 * MIB;
/// A bin is full from here.
const BIN_BYTES: u64 = 96 * MIB;
/// One commit takes in at least this much, if there is so much.
const COMMIT_BYTES: u64 = 1024 * MIB;

/// From when on it is worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Files below this are small.
    pub small_bytes: u64,
    /// Fewer files to rewrite than this are left.
    pub files: usize,
    /// A file is rewritten from this share of deleted rows on, in percent.
    pub deleted_percent: u64,
}

impl Due {
    /// Whatever there is to gain.
    pub const ALWAYS: Self = Self { small_bytes: SMALL_BYTES, files: 0, deleted_percent: 0 };
    /// What is done unasked.
    pub const BACKGROUND: Self = Self { small_bytes: SMALL_BYTES, files: 50, deleted_percent: 10 };
    /// The lake's own tables, which are read whole.
    pub(super) const SYSTEM: Self = Self { small_bytes: 4 * MIB, files: 101, deleted_percent: 10 };
}

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Optimized {
    /// The table after the last commit; `None` when nothing was rewritten.
    pub table: Option<Table>,
    /// Files taken out.
    pub files_removed: u64,
    /// Files put in their place.
    pub files_added: u64,
    /// Somebody else's commit came first; the rest is as it was.
    pub conflict: Option<String>,
}

/// A data file worth rewriting.
struct Candidate {
    path: String,
    bytes: u64,
    /// Rows that are left; `None` where its statistics don't say.
    rows: Option<u64>,
    /// It has deleted rows.
    deleted: bool,
    remove: Remove,
}

type Bin = Vec<Candidate>;

impl Lake {
    /// Rewrites small files and files with deleted rows of `table`, if it is still the newest version.
    ///
    /// # Errors
    /// `FeatureNotSupported` for a table that can only be read; errors of reading and writing, after
    /// which nothing but whole commits is there.
    pub async fn optimize(&self, table: &Table, due: Due, run: Option<RunId>) -> Result<Optimized> {
        let mut done = Optimized::default();
        let bins = bins(table, due)?;
        if bins.is_empty() {
            return Ok(done);
        }
        if let Some(reason) = table.read_only_reason() {
            return Err(Error::new(
                ErrorKind::FeatureNotSupported,
                format!("the table at {} can only be read: {reason}", table.location()),
            ));
        }
        let (mut files, mut removes, mut bytes) = (DataFiles::default(), Vec::new(), 0);
        let last = bins.len() - 1;
        for (number, bin) in bins.into_iter().enumerate() {
            // Files of the newest version are looked for in the version that was asked about: they
            // are the same ones until we take them out.
            files.append(self.rewrite(table, &bin).await?);
            bytes += bin.iter().map(|file| file.bytes).sum::<u64>();
            removes.extend(bin.into_iter().map(|file| file.remove));
            if bytes < COMMIT_BYTES && number < last {
                continue;
            }
            let base = done.table.clone().unwrap_or_else(|| table.clone());
            let (added, removed) = (files.files().0, removes.len() as u64);
            let taken = (std::mem::take(&mut files), std::mem::take(&mut removes));
            match self.replace(&base, taken.0, taken.1, run).await? {
                CommitOutcome::Committed(table) => done.table = Some(table),
                CommitOutcome::Conflict(why) => {
                    tracing::debug!(location = %table.location(), why, "left for the next time");
                    done.conflict = Some(why);
                    return Ok(done);
                }
            }
            done.files_added += added;
            done.files_removed += removed;
            bytes = 0;
        }
        Ok(done)
    }

    /// Writes the rows of these files anew, in their order.
    async fn rewrite(&self, table: &Table, bin: &[Candidate]) -> Result<DataFiles> {
        let mut writer = self.writer(table.location(), &table.spec())?.alone();
        let paths = bin.iter().map(|file| file.path.clone()).collect();
        let mut rows = table.stream_files(paths).await?;
        while let Some(batch) = rows.next().await {
            writer.write(in_order(&batch.map_err(error::datafusion)?, table)?).await?;
        }
        let files = writer.finish().await?;
        let expected = bin.iter().map(|file| file.rows).sum::<Option<u64>>();
        if expected.is_some_and(|expected| expected != files.rows()) {
            return Err(Error::new(
                ErrorKind::DataCorrupted,
                format!(
                    "files of the table at {} hold other rows than its log says",
                    table.location()
                ),
            )
            .detail(format!("{} rows were read.", files.rows())));
        }
        Ok(files)
    }
}

/// A scan's columns in the table's order, hidden ones included.
fn in_order(batch: &RecordBatch, table: &Table) -> Result<RecordBatch> {
    let schema = batch.schema();
    let indices: Result<Vec<usize>, _> =
        table.spec().schema.fields().iter().map(|field| schema.index_of(field.name())).collect();
    indices.and_then(|indices| batch.project(&indices)).map_err(error::arrow)
}

/// What to rewrite together; empty when it is not worth it.
fn bins(table: &Table, due: Due) -> Result<Vec<Bin>> {
    let mut partitions: BTreeMap<Vec<(String, Option<String>)>, Vec<Candidate>> = BTreeMap::new();
    for (partition, candidate) in candidates(table, due)? {
        partitions.entry(partition).or_default().push(candidate);
    }
    let mut bins: Vec<Bin> = Vec::new();
    for files in partitions.into_values() {
        let (mut bin, mut bytes) = (Bin::new(), 0);
        for file in files {
            bytes += file.bytes;
            bin.push(file);
            if bytes >= BIN_BYTES {
                bins.push(std::mem::take(&mut bin));
                bytes = 0;
            }
        }
        bins.push(bin);
    }
    // A file alone is as small afterwards.
    bins.retain(|bin| bin.len() > 1 || bin.iter().any(|file| file.deleted));
    let files: usize = bins.iter().map(Vec::len).sum();
    let cleans = bins.iter().flatten().any(|file| file.deleted);
    Ok(if files >= due.files || cleans { bins } else { Vec::new() })
}

type Partition = Vec<(String, Option<String>)>;

fn candidates(table: &Table, due: Due) -> Result<Vec<(Partition, Candidate)>> {
    let location: &Location = table.location();
    let files = table.state().snapshot().try_log_data();
    let files = files.map_err(|error| error::delta(location, error))?;
    let mut found = Vec::new();
    for file in files.iter() {
        let gone = file.deletion_vector_descriptor().map_or(0, |vector| vector.cardinality);
        let gone = u64::try_from(gone).unwrap_or_default();
        let rows = file.num_records().map(|rows| rows as u64);
        let share =
            |rows: u64| gone.saturating_mul(100) >= rows.saturating_mul(due.deleted_percent);
        let deleted = gone > 0 && rows.is_none_or(share);
        let bytes = u64::try_from(file.size()).unwrap_or_default();
        if bytes >= due.small_bytes && !deleted {
            continue;
        }
        let mut partition: Partition = file.partition_values_map().into_iter().collect();
        partition.sort();
        let candidate = Candidate {
            path: logged_path(file.remove_action(false))?,
            bytes,
            rows: rows.map(|rows| rows.saturating_sub(gone)),
            deleted,
            remove: file.remove_action(false),
        };
        found.push((partition, candidate));
    }
    Ok(found)
}
