//! The columns of new files, told from a part of each.
//!
//! A sample decides names and types before a batch is listed; what it missed goes to `_rescued_data`.

use std::io;
use std::sync::Arc;

use crate::error::Result;

use super::blocking::{blocking, in_runs};
use super::csv::{CsvReader, CsvRow, header_names};
use super::infer::{Guess, Sample};
use super::json;
use super::json_file::{JsonReader, JsonText};
use super::listing::{FoundFile, io_error};
use super::open::{is_corrupt, open};
use super::options::{Format, ReadOptions, TEXT_COLUMN};
use super::parquet_file;
use super::types::FileColumn;

/// Bytes of one batch that column types are inferred from.
const SAMPLE_BYTES: u64 = 64 << 20;
/// Of each file at least so many.
const SAMPLE_FILE_BYTES: u64 = 64 << 10;

/// What is known before any file is opened.
#[derive(Debug, Clone)]
struct Sampling {
    options: ReadOptions,
    /// Columns of earlier batches.
    known: Arc<[FileColumn]>,
    line_bytes_max: usize,
    /// Of each file.
    budget_bytes: u64,
}

/// The columns of the table's files, these ones included.
///
/// # Errors
/// Reading failed.
pub(crate) async fn columns(
    files: Vec<FoundFile>,
    known: Vec<FileColumn>,
    options: ReadOptions,
    line_bytes_max: usize,
) -> Result<Vec<FileColumn>> {
    let budget_bytes = (SAMPLE_BYTES / files.len().max(1) as u64).max(SAMPLE_FILE_BYTES);
    let sampling = Sampling { options, known: known.into(), line_bytes_max, budget_bytes };
    let each = sampling.clone();
    let parts = in_runs(files.clone(), move |files| each.sample(&files)).await?;
    let mut whole = Sample::default();
    // Keys that clean to one name are told apart by the objects that have both: where runs of files
    // disagree on them, only all files in their order decide.
    let agree = parts.into_iter().all(|part| whole.absorb(part));
    if agree {
        return Ok(whole.resolve(&sampling.known, &sampling.options));
    }
    blocking(move || {
        let whole = sampling.sample(&files)?;
        Ok(whole.resolve(&sampling.known, &sampling.options))
    })
    .await
}

impl Sampling {
    fn sample(&self, files: &[FoundFile]) -> Result<Sample> {
        let mut sample = Sample::default();
        for file in files {
            self.file(file, &mut sample)?;
        }
        Ok(sample)
    }

    /// Whether a column's type is decided already.
    fn settled(&self, name: &str) -> bool {
        self.options.declared(name).is_some() || self.known.iter().any(|column| column.name == name)
    }

    /// Adds the beginning of a file. Damage is left for the reading itself to report.
    fn file(&self, file: &FoundFile, into: &mut Sample) -> Result<()> {
        let sampled = match self.options.format {
            Format::Csv => self.csv(file, into),
            Format::Json => self.json(file, into),
            Format::Parquet => self.parquet(file, into),
            Format::Text => {
                let at = into.column(TEXT_COLUMN, TEXT_COLUMN);
                into.add(at, || Guess::Text);
                Ok(())
            }
        };
        match sampled {
            Err(error) if !is_corrupt(&error) => {
                Err(io_error("could not read a landing file", error).within(&file.path))
            }
            _ => Ok(()),
        }
    }

    fn csv(&self, file: &FoundFile, into: &mut Sample) -> io::Result<()> {
        let options = &self.options;
        let source = open(&file.absolute, self.options.encoding)?;
        let mut reader = CsvReader::new(source, &options.csv, self.line_bytes_max)?;
        let names = header_names(reader.header());
        let mut places: Vec<usize> = names
            .iter()
            .zip(reader.header())
            .map(|(name, original)| into.column(name, original))
            .collect();
        let mut read = 0;
        // Where every column's type is known, values have nothing to say.
        let values = options.infer_types && !names.iter().all(|name| self.settled(name));
        while (values || !options.csv.header) && read < self.budget_bytes {
            let Some(row) = reader.next()? else { break };
            let CsvRow::Fields(fields) = row else { continue };
            for (at, (text, quoted)) in fields.iter().enumerate() {
                read += text.len() as u64 + 1;
                if at == places.len() {
                    if options.csv.header {
                        break;
                    }
                    let name = format!("_c{at}");
                    places.push(into.column(&name, &name));
                }
                let empty = text.is_empty() && !quoted;
                if empty || options.texts.null_values.iter().any(|null| null == text) {
                    continue;
                }
                into.add(places[at], || Guess::of_text(text, &options.texts));
            }
        }
        Ok(())
    }

    fn json(&self, file: &FoundFile, into: &mut Sample) -> io::Result<()> {
        let source = open(&file.absolute, self.options.encoding)?;
        let multi_line = self.options.csv.multi_line;
        let mut reader = JsonReader::new(source, multi_line, self.line_bytes_max)?;
        let mut read = 0;
        while read < self.budget_bytes {
            let Some(text) = reader.next()? else { break };
            if let JsonText::Object(_, text) = text {
                read += text.len() as u64 + 1;
                if let Ok(members) = json::line(text) {
                    into.add_object(&members);
                }
            }
        }
        Ok(())
    }

    /// A Parquet file says what its columns are.
    fn parquet(&self, file: &FoundFile, into: &mut Sample) -> io::Result<()> {
        for column in parquet_file::columns(&file.absolute)? {
            let at = into.column(&column.name, &column.original);
            into.add(at, || Guess::Known(column.kind));
        }
        Ok(())
    }
}
