//! Files to batches and refused lines.
//!
//! Runs on blocking threads. A record becomes a row, or a refused line, never neither: values that do
//! not fit their column go to `_rescued_data` with the row.

use std::io;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringBuilder};
use arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};

use super::columns::{ColumnBuilder, Lookup};
use super::csv::{CsvReader, CsvRow, Fields, header_names};
use super::json;
use super::json_file::{JsonReader, JsonText};
use super::layout::Layout;
use super::listing::FoundFile;
use super::open::{Source, is_corrupt, open};
use super::options::{Format, TEXT_COLUMN};
use super::parquet_file::ParquetFile;
use super::records::{RecordReader, beginning};

/// Rows in one batch.
const BATCH_ROWS: usize = 8192;
/// Refused lines of one file that are kept one by one.
const REFUSED_MAX: u64 = 1000;

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
            Format::Parquet => self.read_parquet(file),
            Format::Text => self.read_text(file),
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
        let opened = self
            .open(file)
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
            Err(error) if is_corrupt(&error) => {
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

    fn open(&self, file: &FoundFile) -> io::Result<Source> {
        open(&file.absolute, self.layout.options.encoding)
    }

    fn read_json(&mut self, file: &FoundFile) -> Result<(), Stop> {
        let multi_line = self.layout.options.csv.multi_line;
        let opened = self
            .open(file)
            .and_then(|source| JsonReader::new(source, multi_line, self.layout.line_bytes_max));
        let Some(mut reader) = self.intact(file, opened)? else { return Ok(()) };
        loop {
            let next = reader.next();
            match self.intact(file, next)? {
                None | Some(None) => return Ok(()),
                Some(Some(JsonText::Object(_, text))) if text.trim().is_empty() => {}
                Some(Some(JsonText::Object(line, text))) => match json::line(text) {
                    Ok(members) => self.json_row(file, &members)?,
                    Err(reason) => self.refuse(file, line, beginning(text), reason)?,
                },
                Some(Some(JsonText::Refused { line, raw, reason })) => {
                    self.refuse(file, line, raw, reason)?;
                }
            }
        }
    }

    /// Parquet's batches are handed on as they are; none of their rows waits in a builder.
    fn read_parquet(&mut self, file: &Arc<FoundFile>) -> Result<(), Stop> {
        let opened = ParquetFile::open(&file.absolute, &file.path, &self.layout.columns);
        let Some(mut reader) = self.intact(file, opened)? else { return Ok(()) };
        loop {
            let next = reader.next(&self.layout.options.texts);
            let Some(Some(rows)) = self.intact(file, next)? else { return Ok(()) };
            let batch = self.layout.batch(rows, file).map_err(inconsistent)?;
            self.outcome.rows += batch.num_rows() as u64;
            if !self.sink.batch(batch) {
                return Err(Stop::Closed);
            }
        }
    }

    /// Every line, blank ones too, is a row of one column.
    fn read_text(&mut self, file: &FoundFile) -> Result<(), Stop> {
        let opened = self
            .open(file)
            .and_then(|source| RecordReader::new(source, self.layout.line_bytes_max));
        let Some(mut reader) = self.intact(file, opened)? else { return Ok(()) };
        let target = self.position(TEXT_COLUMN);
        loop {
            let next = reader.next();
            let Some(Some(record)) = self.intact(file, next)? else { return Ok(()) };
            let line = record.line;
            match record.content {
                Ok(text) => {
                    if let Some(column) = target {
                        self.columns[column].append_text(text, &self.layout.options.texts);
                    }
                    self.end_row(file)?;
                }
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
            self.rescued.append_value(rescued(&self.misfits, &file.path));
            self.misfits.clear();
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
        let batch = self.build().map_err(inconsistent)?;
        if self.sink.batch(batch) { Ok(()) } else { Err(Stop::Closed) }
    }

    fn build(&mut self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut arrays =
            self.columns.iter_mut().map(ColumnBuilder::finish).collect::<Result<Vec<_>, _>>()?;
        arrays.push(Arc::new(self.rescued.finish()));
        for name in &self.layout.metadata {
            arrays.push(self.layout.metadata(name, &self.runs));
        }
        self.rows = 0;
        let current = self.runs.pop();
        self.runs.clear();
        self.runs.extend(current.map(|(file, _)| (file, 0)));
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }
}

/// What did not fit, as `_rescued_data` has it: names, values as JSON, and the file.
pub(crate) fn rescued(misfits: &[(String, String)], path: &str) -> String {
    let members: Vec<String> =
        misfits.iter().map(|(name, value)| format!("{}:{value}", json::quoted(name))).collect();
    let (key, path) = (json::quoted("_file_path"), json::quoted(path));
    format!("{{{},{key}:{path}}}", members.join(","))
}

fn inconsistent(error: arrow::error::ArrowError) -> Stop {
    Stop::Failed(Error::internal("columns of one batch differ").caused_by(error))
}
