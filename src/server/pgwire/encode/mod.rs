//! Arrow batches to Postgres rows, in text and in binary.
//!
//! A batch's columns are first brought to a few canonical types ([`Values`]), once a batch; then each
//! value is written straight into the connection's buffer. What cannot be written exactly is an
//! error. Knows values, not messages of the protocol beyond the data row.

mod binary;
mod datetime;
mod figures;
mod json;
mod number;
mod text;
mod textual;
mod values;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bytes::{BufMut, BytesMut};
use chrono_tz::Tz;

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::{PLAIN, Styles};

use super::encoding::Encoding;

pub(super) use self::datetime::{POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS};
pub(super) use self::textual::flags;
use self::values::Values;

/// How a session's texts are written and read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) styles: Styles,
    pub(super) encoding: Encoding,
}

/// How a column's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As text.
    Text,
    /// As Postgres' send functions write it.
    Binary,
}

impl Format {
    /// Reads a format code.
    ///
    /// # Errors
    /// `ProtocolViolation` for a code other than 0 and 1.
    pub fn from_code(code: i16) -> Result<Self> {
        match code {
            0 => Ok(Format::Text),
            1 => Ok(Format::Binary),
            _ => Err(Error::new(
                ErrorKind::ProtocolViolation,
                format!("unsupported format code: {code}"),
            )),
        }
    }

    /// The format code.
    pub fn code(self) -> i16 {
        match self {
            Format::Text => 0,
            Format::Binary => 1,
        }
    }
}

/// Writes rows of one result.
#[derive(Debug, Clone)]
pub struct RowEncoder {
    formats: Arc<[Format]>,
    output: Output,
}

impl RowEncoder {
    /// `formats` has one entry for each column; plain text, `timestamptz` in `zone`.
    pub fn new(formats: Arc<[Format]>, zone: Tz) -> Self {
        let styles = Styles { zone, ..PLAIN };
        Self::styled(formats, Output { styles, encoding: Encoding::Utf8 })
    }

    /// As [`RowEncoder::new`], for a session with its own styles and encoding.
    pub(super) fn styled(formats: Arc<[Format]>, output: Output) -> Self {
        Self { formats, output }
    }

    /// Prepares a batch.
    ///
    /// # Errors
    /// `FeatureNotSupported` for a column that cannot be sent, `InternalError` when the batch has
    /// other columns than the result.
    pub fn batch(&self, schema: &Schema, batch: &RecordBatch) -> Result<EncodedBatch> {
        if batch.num_columns() != self.formats.len() {
            return Err(Error::internal("a batch has other columns than its result"));
        }
        let columns = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, array)| Values::new(field, array, &self.output))
            .collect::<Result<Vec<_>>>()?;
        Ok(EncodedBatch { columns, formats: self.formats.clone(), rows: batch.num_rows() })
    }
}

/// A batch ready to be written row by row.
#[derive(Debug)]
pub struct EncodedBatch {
    columns: Vec<Values>,
    formats: Arc<[Format]>,
    rows: usize,
}

impl EncodedBatch {
    /// Rows in all.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns in all.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Whether a value is NULL.
    pub fn is_null(&self, column: usize, row: usize) -> bool {
        self.columns[column].is_null(row)
    }

    /// Appends a value that is not NULL, as text.
    ///
    /// # Errors
    /// As [`EncodedBatch::write_row`].
    pub fn write_text(&self, column: usize, row: usize, out: &mut BytesMut) -> Result<()> {
        self.columns[column].write_text(row, out)
    }

    /// Appends row `row` as a message of this kind: `D` a data row, `d` a tuple of a binary copy.
    ///
    /// # Errors
    /// Kinds of class 22 for values that Postgres' types cannot hold. Nothing is appended then.
    pub fn write_row(&self, row: usize, kind: u8, out: &mut BytesMut) -> Result<()> {
        let start = out.len();
        let written = self.write_message(row, kind, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn write_message(&self, row: usize, kind: u8, out: &mut BytesMut) -> Result<()> {
        out.put_u8(kind);
        let length_at = out.len();
        out.put_i32(0);
        let columns = i16::try_from(self.columns.len())
            .map_err(|_| Error::internal("a result has too many columns"))?;
        out.put_i16(columns);
        for (column, format) in self.columns.iter().zip(self.formats.iter()) {
            if column.is_null(row) {
                out.put_i32(-1);
                continue;
            }
            let value_at = out.len();
            out.put_i32(0);
            match format {
                Format::Text => column.write_text(row, out)?,
                Format::Binary => column.write_binary(row, out)?,
            }
            patch_length(out, value_at, out.len() - value_at - 4)?;
        }
        patch_length(out, length_at, out.len() - length_at)
    }
}

/// Writes `length` into the four bytes left for it at `at`.
fn patch_length(out: &mut BytesMut, at: usize, length: usize) -> Result<()> {
    let length = i32::try_from(length).map_err(|_| {
        Error::new(ErrorKind::StatementTooComplex, "a row is larger than two gigabytes")
    })?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
