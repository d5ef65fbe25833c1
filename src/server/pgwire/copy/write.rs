//! Rows of COPY TO, in text and CSV. Binary rows are data rows under another letter.

use bytes::{BufMut, BytesMut};

use crate::error::Result;
use crate::server::pgwire::encode::EncodedBatch;
use crate::session::{CopyFormat, CopyKind};

/// What a binary copy begins with: a signature, no flags, no extension.
pub(super) const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const BINARY_TRAILER: &[u8] = b"\xff\xff";

/// Writes lines.
pub(in crate::server::pgwire) struct LineWriter {
    format: CopyFormat,
    scratch: BytesMut,
}

impl LineWriter {
    pub(super) fn new(format: CopyFormat) -> Self {
        Self { format, scratch: BytesMut::new() }
    }

    /// Appends a row's line.
    pub(super) fn write(
        &mut self,
        batch: &EncodedBatch,
        row: usize,
        out: &mut BytesMut,
    ) -> Result<()> {
        for column in 0..batch.columns() {
            if column > 0 {
                out.put_u8(self.format.delimiter);
            }
            if batch.is_null(column, row) {
                out.put_slice(self.format.null.as_bytes());
                continue;
            }
            self.scratch.clear();
            batch.write_text(column, row, &mut self.scratch)?;
            put(&self.format, column, batch.columns() == 1, &self.scratch, out);
        }
        out.put_u8(b'\n');
        Ok(())
    }

    /// Appends the line of column names.
    pub(super) fn write_header(&self, names: &[&str], out: &mut BytesMut) {
        for (column, name) in names.iter().enumerate() {
            if column > 0 {
                out.put_u8(self.format.delimiter);
            }
            match self.format.kind {
                // Names are quoted only where they must be.
                CopyKind::Csv => {
                    put_csv(&self.format, false, names.len() == 1, name.as_bytes(), out)
                }
                _ => put_text(&self.format, name.as_bytes(), out),
            }
        }
        out.put_u8(b'\n');
    }
}

fn put(format: &CopyFormat, column: usize, alone: bool, value: &[u8], out: &mut BytesMut) {
    match format.kind {
        CopyKind::Csv => {
            put_csv(format, format.force_quote.contains(column), alone, value, out);
        }
        _ => put_text(format, value, out),
    }
}

fn put_text(format: &CopyFormat, value: &[u8], out: &mut BytesMut) {
    let mut from = 0;
    for (at, byte) in value.iter().enumerate() {
        let letter = match byte {
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            byte if *byte == b'\\' || *byte == format.delimiter => *byte,
            _ => continue,
        };
        out.put_slice(&value[from..at]);
        out.put_u8(b'\\');
        out.put_u8(letter);
        from = at + 1;
    }
    out.put_slice(&value[from..]);
}

fn put_csv(format: &CopyFormat, forced: bool, alone: bool, value: &[u8], out: &mut BytesMut) {
    let (quote, escape) = (format.quote, format.escape);
    let special =
        |byte: &u8| *byte == format.delimiter || *byte == quote || matches!(*byte, b'\n' | b'\r');
    let quoted = forced
        || value == format.null.as_bytes()
        || (alone && value == b"\\.")
        || value.iter().any(special);
    if !quoted {
        return out.put_slice(value);
    }
    out.put_u8(quote);
    for byte in value {
        if *byte == quote || *byte == escape {
            out.put_u8(escape);
        }
        out.put_u8(*byte);
    }
    out.put_u8(quote);
}
