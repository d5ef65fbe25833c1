//! A Parquet landing file to the columns of a table.
//!
//! Its one idea: what a column can hold exactly is taken over array by array; only the values that do
//! not fit are looked at one by one, and rescued. A damaged file is an error of that file, even where
//! the decoder gives up on it by panicking.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::FieldRef;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::conform::{Misfit, conform, every_value};
use super::csv::header_names;
use super::load::rescued;
use super::options::TextOptions;
use super::types::FileColumn;
use super::widen::of_arrow;

/// Rows in one batch.
const BATCH_ROWS: usize = 8192;

/// Rows of a file in the table's columns, and what did not fit.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) rescued: StringArray,
}

/// Reads a Parquet file.
pub(crate) struct ParquetFile<'a> {
    reader: ParquetRecordBatchReader,
    columns: &'a [FileColumn],
    /// The file's columns: cleaned name, field, and the table's column.
    places: Vec<(String, FieldRef, Option<usize>)>,
    path: &'a str,
}

type Builder = ParquetRecordBatchReaderBuilder<File>;

/// The columns a file says it has.
///
/// # Errors
/// Reading failed, or what is there is no Parquet.
pub(crate) fn columns(path: &Path) -> io::Result<Vec<FileColumn>> {
    let builder = open(path)?;
    let fields = builder.schema().fields();
    let originals: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let columns = header_names(&originals)
        .into_iter()
        .zip(fields)
        .map(|(name, field)| FileColumn::new(&name, field.name(), of_arrow(field.data_type())));
    Ok(columns.collect())
}

/// What the file's own types are, without what its writer's library called them.
fn open(path: &Path) -> io::Result<Builder> {
    let file = File::open(path)?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    unpanicked(|| Builder::try_new_with_options(file, options))?.map_err(damaged)
}

impl<'a> ParquetFile<'a> {
    /// Opens a file to be read into `columns`; `path` is its name for the table.
    pub(crate) fn open(
        absolute: &Path,
        path: &'a str,
        columns: &'a [FileColumn],
    ) -> io::Result<Self> {
        let builder = open(absolute)?;
        let fields = builder.schema().fields().clone();
        let originals: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let places = header_names(&originals)
            .into_iter()
            .zip(fields.iter())
            .map(|(name, field)| {
                let column = columns.iter().position(|column| column.name == name);
                (name, std::sync::Arc::clone(field), column)
            })
            .collect();
        let reader =
            unpanicked(|| builder.with_batch_size(BATCH_ROWS).build())?.map_err(damaged)?;
        Ok(Self { reader, columns, places, path })
    }

    /// The next rows; `None` at the end.
    pub(crate) fn next(&mut self, texts: &TextOptions) -> io::Result<Option<Rows>> {
        match unpanicked(|| self.reader.next())? {
            None => Ok(None),
            Some(Err(error)) => Err(from_arrow(error)),
            Some(Ok(batch)) => self.rows(&batch, texts).map(Some).map_err(from_arrow),
        }
    }

    fn rows(&self, batch: &RecordBatch, texts: &TextOptions) -> Result<Rows, ArrowError> {
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.columns.len()];
        let mut misfits: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
        for ((name, field, place), array) in self.places.iter().zip(batch.columns()) {
            let found: Vec<Misfit> = match place {
                Some(at) => {
                    let (column, found) = conform(field, array, &self.columns[*at].kind, texts)?;
                    columns[*at] = Some(column);
                    found
                }
                None => every_value(field, array)?,
            };
            for (row, value) in found {
                misfits.entry(row).or_default().push((name.clone(), value));
            }
        }
        let count = batch.num_rows();
        let columns = columns
            .into_iter()
            .zip(self.columns)
            .map(|(array, column)| {
                array.unwrap_or_else(|| new_null_array(&column.kind.arrow(), count))
            })
            .collect();
        let rescued = (0..count)
            .map(|row| misfits.get(&row).map(|values| rescued(values, self.path)))
            .collect();
        Ok(Rows { columns, rescued })
    }
}

/// A damaged page may make the decoder panic: that is the file's fault, not the batch's.
fn unpanicked<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "its pages cannot be decoded"))
}

fn damaged(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) if error.raw_os_error().is_some() => *error,
            Ok(error) => invalid(&error.to_string()),
            Err(error) => invalid(&error.to_string()),
        },
        ParquetError::General(reason) | ParquetError::EOF(reason) => invalid(&reason),
        other => invalid(&other.to_string()),
    }
}

fn from_arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) if error.raw_os_error().is_some() => error,
        ArrowError::ParquetError(reason) => invalid(&reason),
        other => invalid(&other.to_string()),
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}
