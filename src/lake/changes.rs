//! What happened to the rows of a table between two of its versions.
//!
//! Its one idea: rows of files that only the later version has came (+1), rows of files that only the
//! earlier one has went (-1), and summed up a row at a time that is exactly the difference, whoever
//! wrote the table and however: a deletion vector makes another file of its file. Commits that only
//! move rows (OPTIMIZE) are stepped over, so that they cost nothing. Refuses to sum up: its reader
//! knows which columns count.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use deltalake_core::kernel::{
    Action, DeletionVectorDescriptor, MetadataValue, Remove, StructField,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use roaring::RoaringTreemap;

use crate::error::{Error, Result};
use crate::name::Version;

use super::changes_scan::{ChangesScan, Part};
use super::data_files::DataFile;
use super::error;
use super::file_scan::Picked;
use super::log;
use super::store::Lake;
use super::table::Table;

/// The column that says how often a row came (positive) or went (negative).
pub const WEIGHT_COLUMN: &str = "__lakeport_weight";

/// Commits read from the log at once.
const READS_MAX: usize = 16;
/// How the format marks a renamed or dropped column's place in the files.
const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";

/// The changes between two versions of one table.
#[derive(Debug, Clone)]
pub struct Changes {
    pub(super) from: Table,
    pub(super) to: Table,
    pub(super) schema: SchemaRef,
    pub(super) parts: Vec<Part>,
    /// No commit that only moves rows was stepped over.
    pub(super) is_direct: bool,
    /// Files of the later version that the earlier one has, too, once they were asked for.
    pub(super) common: Arc<OnceLock<Vec<String>>>,
}

/// Whether the changes between two versions can be told.
#[derive(Debug, Clone)]
pub enum ChangesOutcome {
    /// They can.
    Readable(Changes),
    /// They cannot, and why: the words follow "because".
    Unreadable(String),
}

impl Changes {
    /// The later version's columns, all nullable, and [`WEIGHT_COLUMN`] last.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The columns of a table's changes.
    pub fn schema_of(schema: &SchemaRef) -> SchemaRef {
        let nullable = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_nullable(true));
        let mut fields: Vec<Arc<Field>> = schema.fields().iter().map(nullable).collect();
        fields.push(Arc::new(Field::new(WEIGHT_COLUMN, DataType::Int64, true)));
        Arc::new(Schema::new(fields))
    }

    /// Rows with their weights, not summed up: a row that was copied from file to file goes and comes.
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        Arc::new(ChangesScan::new(Arc::clone(&self.schema), self.parts.clone()))
    }

    /// The earlier version with the later one's columns; what it does not have yet is null.
    pub fn before(&self) -> Result<Arc<dyn TableProvider>> {
        let has = self.from.schema();
        let wanted = self.schema.fields().iter().take(self.schema.fields().len() - 1);
        let wanted: Vec<Arc<Field>> = wanted.cloned().collect();
        if wanted.iter().all(|field| has.index_of(field.name()).is_ok()) {
            return self.from.provider();
        }
        let (_, bytes) = self.from.files();
        let table = self.from.clone();
        let rows = self.from.rows();
        let part = Part { table, paths: None, picked: None, weight: 1, bytes, rows };
        Ok(Arc::new(ChangesScan::new(Arc::new(Schema::new(wanted)), vec![part])))
    }

    /// No file came or went.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Rows only came; nothing has to be summed up then.
    pub fn is_append_only(&self) -> bool {
        self.parts.iter().all(|part| part.weight > 0)
    }

    /// Files to read and their bytes.
    pub fn files(&self) -> (u64, u64) {
        self.parts.iter().fold((0, 0), |(files, bytes), part| {
            (files + part.paths.iter().flatten().count() as u64, bytes + part.bytes)
        })
    }

    /// Rows to read, where the log says.
    pub fn rows(&self) -> Option<u64> {
        self.parts.iter().map(|part| part.rows).sum()
    }
}

impl Lake {
    /// What happened to the table between `from` and the later `to`, read off its log.
    ///
    /// # Errors
    /// What reading the log says. Data files that are gone (vacuumed) show when the rows are read.
    pub async fn changes(&self, from: &Table, to: &Table) -> Result<ChangesOutcome> {
        if let Some(reason) = incomparable(from, to) {
            return Ok(ChangesOutcome::Unreadable(reason));
        }
        let schema = Changes::schema_of(&to.schema());
        let mut parts = Vec::new();
        let stretches = self.stretches(from, to).await?;
        let ends = |(before, after): &(Table, Table)| (before.version(), after.version());
        let is_direct = stretches.len() == 1
            && stretches.iter().all(|s| ends(s) == (from.version(), to.version()));
        for (before, after) in stretches {
            parts.extend(difference(&before, &after).await?);
        }
        let (from, to) = (from.clone(), to.clone());
        Ok(ChangesOutcome::Readable(Changes {
            from,
            to,
            schema,
            parts,
            is_direct,
            common: Arc::default(),
        }))
    }

    /// The way from one version to another without the commits that only move rows. Where the log does
    /// not say, or a version on the way is gone, there is one stretch, which is as right, if dearer.
    async fn stretches(&self, from: &Table, to: &Table) -> Result<Vec<(Table, Table)>> {
        let whole = vec![(from.clone(), to.clone())];
        let entries: Vec<Option<log::Entry>> = stream::iter(from.version() + 1..=to.version())
            .map(|version| log::read(to.log(), to.location(), version))
            .buffered(READS_MAX)
            .try_collect()
            .await?;
        let Some(entries) = entries.into_iter().collect::<Option<Vec<_>>>() else {
            return Ok(whole);
        };
        let moves = |entry: &log::Entry| entry.rearranges && !entry.changes_data;
        if !entries.iter().any(moves) {
            return Ok(whole);
        }
        let mut stretches: Vec<(Version, Version)> = Vec::new();
        for (version, entry) in (from.version() + 1..).zip(&entries) {
            match stretches.last_mut() {
                _ if moves(entry) => {}
                Some((_, end)) if *end + 1 == version => *end = version,
                _ => stretches.push((version - 1, version)),
            }
        }
        let mut tables = Vec::new();
        for (start, end) in stretches {
            match (self.version_of(from, to, start).await, self.version_of(from, to, end).await) {
                (Ok(before), Ok(after)) => tables.push((before, after)),
                _ => return Ok(whole),
            }
        }
        Ok(tables)
    }

    async fn version_of(&self, from: &Table, to: &Table, version: Version) -> Result<Table> {
        match version {
            _ if version == from.version() => Ok(from.clone()),
            _ if version == to.version() => Ok(to.clone()),
            _ => self.at_version(to.location(), version).await,
        }
    }
}

/// Why rows of the two versions cannot be told apart by their values.
fn incomparable(from: &Table, to: &Table) -> Option<String> {
    if from.id() != to.id() {
        return Some("the table was created again".to_owned());
    }
    if from.version() > to.version() {
        return Some(format!("version {} is newer than {}", from.version(), to.version()));
    }
    let (before, after) = (from.schema(), to.schema());
    for field in after.fields() {
        let Some((_, had)) = before.fields().find(field.name()) else { continue };
        if had.data_type() != field.data_type() {
            return Some(format!("column \"{}\" changed its type", field.name()));
        }
    }
    let (before, after) = (from.state().schema(), to.state().schema());
    for field in after.fields() {
        for had in before.fields() {
            let same_name = had.name() == field.name();
            if same_name != (physical_name(had) == physical_name(field)) {
                let name = field.name();
                return Some(match same_name {
                    true => format!("column \"{name}\" is another column now"),
                    false => format!("column \"{}\" was renamed to \"{name}\"", had.name()),
                });
            }
        }
    }
    None
}

/// What a column is called in the files, whatever its name is now.
fn physical_name(field: &StructField) -> String {
    match field.metadata().get(PHYSICAL_NAME) {
        Some(MetadataValue::String(name)) => name.clone(),
        _ => field.name().clone(),
    }
}

/// The rows only one of the two versions has: whole files, and of files that both have the rows that are
/// gone in one.
async fn difference(before: &Table, after: &Table) -> Result<Vec<Part>> {
    let (mut had, mut has) = (active(before)?, active(after)?);
    had.retain(|key, _| has.remove(key).is_none());
    let mut parts = marked(before, after, &mut had, &mut has).await?;
    parts.push(part(before, had.into_values().collect(), -1)?);
    parts.push(part(after, has.into_values().collect(), 1)?);
    Ok(parts.into_iter().filter(|part| part.paths.iter().flatten().next().is_some()).collect())
}

/// Takes out the files that both versions have, with other rows gone: only these rows came or went.
async fn marked(
    before: &Table,
    after: &Table,
    had: &mut Files,
    has: &mut Files,
) -> Result<Vec<Part>> {
    if !had.values().chain(has.values()).any(|file| file.deletion_vector.is_some()) {
        return Ok(Vec::new());
    }
    // Else each version's rows of such a file are read whole, which is as right, if dearer.
    let (Some(old), Some(new)) = (before.data_files(), after.data_files()) else {
        return Ok(Vec::new());
    };
    let old: HashMap<&str, &DataFile> = old.files.iter().map(|f| (f.path.as_str(), f)).collect();
    let (mut went, mut came) = (Side::new(before, -1), Side::new(after, 1));
    for file in &new.files {
        let Some(was) = old.get(file.path.as_str()) else { continue };
        let (is, then) = (key(&file.path, &file.vector), key(&was.path, &was.vector));
        if !has.contains_key(&is) || !had.contains_key(&then) {
            continue;
        }
        let gone_before = was.gone(before.root_store().as_ref(), before.location()).await?;
        let gone_after = file.gone(after.root_store().as_ref(), after.location()).await?;
        went.pick(file, gone_after.as_ref() - gone_before.as_ref());
        came.pick(file, gone_before.as_ref() - gone_after.as_ref());
        had.remove(&then);
        has.remove(&is);
    }
    Ok([went, came].into_iter().map(Side::part).collect())
}

/// Rows picked out of files.
struct Side {
    table: Table,
    weight: i64,
    picked: Picked,
    bytes: u64,
    rows: u64,
}

impl Side {
    fn new(table: &Table, weight: i64) -> Self {
        Self { table: table.clone(), weight, picked: Picked::new(), bytes: 0, rows: 0 }
    }

    fn pick(&mut self, file: &DataFile, rows: RoaringTreemap) {
        if rows.is_empty() {
            return;
        }
        self.rows += rows.len();
        // About what is read: pages, not rows.
        self.bytes += file.bytes * rows.len() / file.rows.unwrap_or(1).max(1);
        self.picked.insert(file.path.clone(), rows);
    }

    fn part(self) -> Part {
        let mut paths: Vec<String> = self.picked.keys().cloned().collect();
        paths.sort();
        Part {
            table: self.table,
            paths: Some(paths),
            picked: Some(Arc::new(self.picked)),
            weight: self.weight,
            bytes: self.bytes,
            rows: Some(self.rows),
        }
    }
}

/// What the log says of files, by path and deletion vector.
pub(super) type Files = HashMap<String, Remove>;

fn key(path: &str, vector: &Option<DeletionVectorDescriptor>) -> String {
    match vector {
        Some(vector) => format!("{path}\n{vector:?}"),
        None => path.to_owned(),
    }
}

/// Files by path and deletion vector.
pub(super) fn active(table: &Table) -> Result<Files> {
    let files = table.state().snapshot().try_log_data();
    let files = files.map_err(|cause| error::delta(table.location(), cause))?;
    let keyed = files.iter().map(|file| {
        let vector = file.deletion_vector_descriptor();
        let rows = file.num_records().and_then(|rows| i64::try_from(rows).ok());
        let mut remove = file.remove_action(true);
        let key = key(&logged_path(remove.clone())?, &vector);
        // A place to keep what the log says of the rows; never written.
        remove.base_row_id = rows.map(|rows| rows - vector.map_or(0, |v| v.cardinality));
        Ok((key, remove))
    });
    keyed.collect()
}

fn part(table: &Table, files: Vec<Remove>, weight: i64) -> Result<Part> {
    let size = |file: &Remove| file.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    let rows = |file: &Remove| file.base_row_id.and_then(|rows| u64::try_from(rows).ok());
    let (bytes, rows) = (files.iter().map(size).sum(), files.iter().map(rows).sum());
    let mut paths = files.into_iter().map(logged_path).collect::<Result<Vec<String>>>()?;
    paths.sort();
    Ok(Part { table: table.clone(), paths: Some(paths), picked: None, weight, bytes, rows })
}

/// A file's path as the log spells it, percent-encoded: that is what a scan is told to read.
pub(super) fn logged_path(file: Remove) -> Result<String> {
    let action = serde_json::to_value(Action::Remove(file))
        .map_err(|error| Error::internal("a file's path").caused_by(error))?;
    let path = action.pointer("/remove/path").and_then(|path| path.as_str());
    path.map(str::to_owned).ok_or_else(|| Error::internal("a file without a path"))
}
