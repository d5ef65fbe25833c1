//! Files to batches and refused lines.
//!
//! Runs on blocking threads. A record becomes a row, or a refused line, never neither: values that do
//! not fit their column go to `_rescued_data` with the row.

use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};

use crate::error::{Error, Result};

use super::columns::{ColumnBuilder, Lookup};
use super::csv::{CsvReader, CsvRow, Fields, header_names};
use super::json;
use super::listing::FoundFile;
use super::options::{Format, ReadOptions};
use super::records::{self, RecordReader, beginning};
use super::types::FileColumn;

/// Rows in one batch.
const BATCH_ROWS: usize = 8192;
/// Refused lines of one file that are kept one by one.
const REFUSED_MAX: u64 = 1000;

/// The column that keeps what did not fit.
pub(crate) const RESCUED: &str = "_rescued_data";

/// A line that is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) file_path: String,
    /// From 1; `None` for a note on the file as a whole.
    pub(crate) line: Option<u64>,
    pub(crate) raw: String,
    pub(crate) reason: String,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileOutcome {
    pub(crate) rows: u64,
    pub(crate) refused: u64,
    /// Why it could not be read to its end, or at all.
    pub(crate) error: Option<String>,
}

/// Takes what a file holds. A false answer stops the reading: nobody listens.
pub(crate) trait Sink {
    fn batch(&mut self, batch: RecordBatch) -> bool;
    fn refused(&mut self, refused: Refused) -> bool;
}

/// How the files of one batch are read.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) options: ReadOptions,
    pub(crate) columns: Vec<FileColumn>,
    /// `_metadata_*` columns the query asks for, by name.
    pub(crate) metadata: Vec<&'static str>,
    pub(crate) ingested_at: DateTime<Utc>,
    pub(crate) line_bytes_max: usize,
}

/// Every column of `_metadata`.
pub(crate) const METADATA: [&str; 5] = [
    "_metadata_file_path",
    "_metadata_file_name",
    "_metadata_file_size",
    "_metadata_file_modification_time",
    "_metadata_ingested_at",
];

impl Layout {
    /// The columns of the stream: the files', `_rescued_data`, then `_metadata_*`.
    pub(crate) fn schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> = self.columns.iter().map(FileColumn::field).collect();
        fields.push(Field::new(RESCUED, DataType::Utf8, true));
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for name in &self.metadata {
            let kind = match *name {
                "_metadata_file_size" => DataType::Int64,
                "_metadata_file_modification_time" | "_metadata_ingested_at" => time.clone(),
                _ => DataType::Utf8,
            };
            fields.push(Field::new(*name, kind, true));
        }
        Arc::new(Schema::new(fields))
    }
}

/// Reads files one after the other into batches that may span files.
pub(crate) struct Loader<'a, S> {
    layout: &'a Layout,
    schema: SchemaRef,
    lookup: Lookup,
    sink: &'a mut S,
    columns: Vec<ColumnBuilder>,
    rescued: StringBuilder,
    rows: usize,
    /// Which file the rows of the current batch come from, in runs.
    runs: Vec<(Arc<FoundFile>, usize)>,
    outcome: FileOutcome,
    misfits: Vec<(String, String)>,
}

/// Why reading stops: nobody listens, or the disk failed.
enum Stop {
    Closed,
    Failed(Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Failed(super::listing::io_error("could not read a landing file", error))
    }
}

impl<'a, S: Sink> Loader<'a, S> {
    pub(crate) fn new(layout: &'a Layout, sink: &'a mut S) -> Self {
        Self {
            schema: layout.schema(),
            lookup: Lookup::new(&layout.columns),
            columns: layout.columns.iter().map(|c| ColumnBuilder::new(&c.kind)).collect(),
            layout,
            sink,
            rescued: StringBuilder::new(),
            rows: 0,
            runs: Vec::new(),
            outcome: FileOutcome::default(),
            misfits: Vec::new(),
        }
    }

    /// Reads one file. `Ok(None)` when nobody listens any more.
    ///
    /// # Errors
    /// Reading failed; a file whose content is wrong is an outcome instead.
    pub(crate) fn read(&mut self, file: &Arc<FoundFile>) -> Result<Option<FileOutcome>> {
        self.outcome = FileOutcome::default();
        self.runs.push((Arc::clone(file), 0));
        let done = match self.layout.options.format {
            Format::Csv => self.read_csv(file),
            Format::Json => self.read_json(file),
        };
        match done.and_then(|()| self.summarize(file)) {
            Ok(()) => Ok(Some(std::mem::take(&mut self.outcome))),
            Err(Stop::Closed) => Ok(None),
            Err(Stop::Failed(error)) => Err(error.within(&file.path)),
        }
    }

    /// Hands out what is left; false when nobody listens.
    pub(crate) fn finish(&mut self) -> Result<bool> {
        if self.rows == 0 {
            return Ok(true);
        }
        match self.flush() {
            Ok(()) => Ok(true),
            Err(Stop::Closed) => Ok(false),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn read_csv(&mut self, file: &FoundFile) -> Result<(), Stop> {
        let options = &self.layout.options.csv;
        let opened = records::open(&file.absolute)
            .and_then(|source| CsvReader::new(source, options, self.layout.line_bytes_max));
        let Some(mut reader) = self.intact(file, opened)? else { return Ok(()) };
        if let Some(reason) = reader.broken() {
            self.outcome.error = Some(reason.to_owned());
        }
        let names = header_names(reader.header());
        let targets: Vec<Option<usize>> = names.iter().map(|name| self.position(name)).collect();
        loop {
            let next = reader.next();
            match self.intact(file, next)? {
                None | Some(None) => return Ok(()),
                Some(Some(CsvRow::Fields(fields))) => {
                    self.csv_row(file, fields, &names, &targets)?;
                }
                Some(Some(CsvRow::Refused { line, raw, reason })) => {
                    self.refuse(file, line, raw, reason)?;
                }
            }
        }
    }

    /// A value, or `None` after noting that the file's content is wrong.
    fn intact<T>(&mut self, file: &FoundFile, value: io::Result<T>) -> Result<Option<T>, Stop> {
        match value {
            Ok(value) => Ok(Some(value)),
            Err(error) if records::is_corrupt(&error) => {
                let reason = format!("the file is damaged: {error}");
                self.outcome.error = Some(reason.clone());
                self.note(file, reason)?;
                Ok(None)
            }
            Err(error) => Err(Stop::from(error)),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.layout.columns.iter().position(|column| column.name == name)
    }

    fn csv_row(
        &mut self,
        file: &FoundFile,
        fields: &Fields,
        names: &[String],
        targets: &[Option<usize>],
    ) -> Result<(), Stop> {
        let texts = &self.layout.options.texts;
        for (at, (text, quoted)) in fields.iter().enumerate() {
            let null = (text.is_empty() && !quoted) || texts.null_values.iter().any(|n| n == text);
            let target = match targets.get(at) {
                Some(target) => *target,
                None => self.position(&format!("_c{at}")),
            };
            let fits = match target {
                Some(column) if null => {
                    self.columns[column].append_null();
                    true
                }
                Some(column) => self.columns[column].append_text(text, texts),
                None => null,
            };
            if !fits {
                let name = names.get(at).cloned().unwrap_or_else(|| format!("_c{at}"));
                self.misfits.push((name, json::quoted(text)));
            }
        }
        self.end_row(file)
    }

    fn read_json(&mut self, file: &FoundFile) -> Result<(), Stop> {
        let opened = records::open(&file.absolute)
            .and_then(|source| RecordReader::new(source, self.layout.line_bytes_max));
        let Some(mut reader) = self.intact(file, opened)? else { return Ok(()) };
        loop {
            let next = reader.next();
            let record = match self.intact(file, next)? {
                None | Some(None) => return Ok(()),
                Some(Some(record)) => record,
            };
            let line = record.line;
            match record.content {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => match json::line(text) {
                    Ok(members) => self.json_row(file, &members)?,
                    Err(reason) => self.refuse(file, line, beginning(text), reason)?,
                },
                Err(unreadable) => self.refuse(file, line, unreadable.raw, unreadable.reason)?,
            }
        }
    }

    fn json_row(&mut self, file: &FoundFile, members: &json::Members<'_>) -> Result<(), Stop> {
        let mut slots = vec![None; self.columns.len()];
        for (key, value) in &members.0 {
            match self.lookup.find(key) {
                Some(at) if slots[at].is_none() => slots[at] = Some((key, *value)),
                // A key that is new, or a second one for the same column.
                _ if value.get() == "null" => {}
                _ => self.misfits.push((key.clone().into_owned(), value.get().to_owned())),
            }
        }
        for (column, slot) in self.columns.iter_mut().zip(slots) {
            match slot {
                None => column.append_null(),
                Some((key, value)) => {
                    if !column.append_json(value, &self.layout.options.texts) {
                        self.misfits.push((key.clone().into_owned(), value.get().to_owned()));
                    }
                }
            }
        }
        self.end_row(file)
    }

    /// Fills columns the record did not have, keeps what did not fit, and counts.
    fn end_row(&mut self, file: &FoundFile) -> Result<(), Stop> {
        self.rows += 1;
        for column in &mut self.columns {
            if column.len() < self.rows {
                column.append_null();
            }
        }
        if self.misfits.is_empty() {
            self.rescued.append_null();
        } else {
            let members: Vec<String> = self
                .misfits
                .drain(..)
                .map(|(name, value)| format!("{}:{value}", json::quoted(&name)))
                .collect();
            let path = json::quoted(&file.path);
            let path_key = json::quoted("_file_path");
            self.rescued.append_value(format!("{{{},{path_key}:{path}}}", members.join(",")));
        }
        self.outcome.rows += 1;
        if let Some((_, rows)) = self.runs.last_mut() {
            *rows += 1;
        }
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn refuse(
        &mut self,
        file: &FoundFile,
        line: u64,
        raw: String,
        reason: String,
    ) -> Result<(), Stop> {
        self.outcome.refused += 1;
        if self.outcome.refused > REFUSED_MAX {
            return Ok(());
        }
        self.send(Refused { file_path: file.path.clone(), line: Some(line), raw, reason })
    }

    /// One row for all the refused lines that are not kept one by one.
    fn summarize(&mut self, file: &FoundFile) -> Result<(), Stop> {
        let more = self.outcome.refused.saturating_sub(REFUSED_MAX);
        if more > 0 {
            self.note(file, format!("{more} more lines of this file were refused"))?;
        }
        if self.outcome.rows == 0 && self.outcome.refused > 0 && self.outcome.error.is_none() {
            self.outcome.error = Some("no line of the file could be read".to_owned());
        }
        Ok(())
    }

    fn note(&mut self, file: &FoundFile, reason: String) -> Result<(), Stop> {
        self.send(Refused { file_path: file.path.clone(), line: None, raw: String::new(), reason })
    }

    fn send(&mut self, refused: Refused) -> Result<(), Stop> {
        if self.sink.refused(refused) { Ok(()) } else { Err(Stop::Closed) }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        let batch = self.build().map_err(|error| {
            Stop::Failed(Error::internal("columns of one batch differ").caused_by(error))
        })?;
        if self.sink.batch(batch) { Ok(()) } else { Err(Stop::Closed) }
    }

    fn build(&mut self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut arrays =
            self.columns.iter_mut().map(ColumnBuilder::finish).collect::<Result<Vec<_>, _>>()?;
        arrays.push(Arc::new(self.rescued.finish()));
        for name in &self.layout.metadata {
            arrays.push(self.metadata(name));
        }
        self.rows = 0;
        let current = self.runs.pop();
        self.runs.clear();
        self.runs.extend(current.map(|(file, _)| (file, 0)));
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }

    fn metadata(&self, name: &str) -> ArrayRef {
        let texts = |of: fn(&FoundFile) -> &str| -> ArrayRef {
            let mut builder = StringBuilder::new();
            for (file, rows) in &self.runs {
                (0..*rows).for_each(|_| builder.append_value(of(file)));
            }
            Arc::new(builder.finish())
        };
        let times = |of: &dyn Fn(&FoundFile) -> DateTime<Utc>| -> ArrayRef {
            let values = self
                .runs
                .iter()
                .flat_map(|(file, rows)| std::iter::repeat_n(of(file).timestamp_micros(), *rows));
            Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
        };
        match name {
            "_metadata_file_path" => texts(|file| &file.path),
            "_metadata_file_name" => texts(FoundFile::name),
            "_metadata_file_modification_time" => times(&|file| file.modified),
            "_metadata_ingested_at" => times(&|_| self.layout.ingested_at),
            _ => {
                let mut builder = Int64Builder::new();
                for (file, rows) in &self.runs {
                    (0..*rows).for_each(|_| builder.append_value(file.size as i64));
                }
                Arc::new(builder.finish())
            }
        }
    }
}
