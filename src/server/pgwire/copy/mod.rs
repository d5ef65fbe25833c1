//! COPY on the wire: its messages, and rows between them and the session.

mod lines;
mod tuples;
mod write;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::{BufMut, BytesMut};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::session::{CopyFormat, CopyIn, CopyKind, CopyOut, Header};

use self::lines::{Lines, Record};
use self::tuples::Tuples;
use self::write::{BINARY_HEADER, BINARY_TRAILER, LineWriter};

use super::connection::Connection;
use super::decode::decode_parameter;
use super::encode::{EncodedBatch, Format, Output, RowEncoder};
use super::encoding::Encoding;
use super::message::Message;
use super::rows::{Rows, Sent, Stop};
use super::types::pg_type_of;
use super::wire::Wire;

/// Rows that become one batch.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

/// How a row is put into the output.
pub(super) enum RowWriter {
    /// A DataRow message.
    Data,
    /// CopyData with a line.
    Lines(Box<LineWriter>),
    /// CopyData with a tuple; the first has the header before it, as Postgres sends it.
    Tuples { header_due: bool },
}

impl RowWriter {
    /// Appends a row; nothing when it cannot be written.
    pub(super) fn write(
        &mut self,
        batch: &EncodedBatch,
        row: usize,
        out: &mut BytesMut,
    ) -> Result<()> {
        match self {
            RowWriter::Data => batch.write_row(row, b'D', out),
            RowWriter::Tuples { header_due } => {
                if !std::mem::take(header_due) {
                    return batch.write_row(row, b'd', out);
                }
                let mut tuple = BytesMut::new();
                batch.write_row(row, b'd', &mut tuple)?;
                put_copy_data(out, &[BINARY_HEADER, &tuple[5..]].concat());
                Ok(())
            }
            RowWriter::Lines(lines) => {
                let start = out.len();
                let length_at = start + 1;
                out.put_slice(&[b'd', 0, 0, 0, 0]);
                if let Err(error) = lines.write(batch, row, out) {
                    out.truncate(start);
                    return Err(error);
                }
                put_length(out, length_at)
            }
        }
    }
}

/// Ends a message whose length is due at `at`.
fn put_length(out: &mut BytesMut, at: usize) -> Result<()> {
    let length = i32::try_from(out.len() - at).map_err(|_| {
        Error::new(ErrorKind::StatementTooComplex, "a row is larger than two gigabytes")
    })?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn put_copy_data(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u8(b'd');
    out.put_i32(i32::try_from(bytes.len() + 4).unwrap_or(i32::MAX));
    out.put_slice(bytes);
}

/// CopyInResponse (`G`) and CopyOutResponse (`H`): the format, and the same for each column.
fn put_response(wire: &mut Wire, kind: u8, binary: bool, columns: usize) -> Result<()> {
    let count = i16::try_from(columns).map_err(|_| Error::internal("too many columns"))?;
    let out = &mut wire.output;
    out.put_u8(kind);
    out.put_i32(7 + 2 * i32::from(count));
    out.put_u8(u8::from(binary));
    out.put_i16(count);
    (0..count).for_each(|_| out.put_i16(i16::from(binary)));
    Ok(())
}

impl Connection {
    /// COPY TO STDOUT; gives the command tag.
    pub(super) async fn copy_out(&mut self, copy: CopyOut) -> Result<String, Stop> {
        let CopyOut { rows, format } = copy;
        let schema = rows.schema.clone();
        let columns = schema.fields().len();
        let binary = format.kind == CopyKind::Binary;
        put_response(&mut self.wire, b'H', binary, columns)?;
        let value_format = if binary { Format::Binary } else { Format::Text };
        let formats: Arc<[Format]> = vec![value_format; columns].into();
        let writer = if binary {
            RowWriter::Tuples { header_due: true }
        } else {
            let lines = LineWriter::new(format.clone());
            if format.header != Header::Off {
                let names: Vec<&str> =
                    schema.fields().iter().map(|field| field.name().as_str()).collect();
                let mut line = BytesMut::new();
                lines.write_header(&names, &mut line);
                put_copy_data(&mut self.wire.output, &line);
            }
            RowWriter::Lines(Box::new(lines))
        };
        let encoder = RowEncoder::styled(formats, self.output());
        let mut rows = Rows::new(rows, schema, encoder, writer);
        let Sent::All(count) = rows.send(&mut self.wire, 0).await? else {
            return Err(Error::internal("unlimited rows were suspended").into());
        };
        if binary {
            let header = if count == 0 { BINARY_HEADER } else { b"" };
            put_copy_data(&mut self.wire.output, &[header, BINARY_TRAILER].concat());
        }
        self.wire.output.put_slice(b"c\0\0\0\x04");
        Ok(format!("COPY {count}"))
    }

    /// COPY FROM STDIN; gives the command tag.
    pub(super) async fn copy_in(&mut self, mut copy: Box<CopyIn>) -> Result<String, Stop> {
        let binary = copy.format.kind == CopyKind::Binary;
        put_response(&mut self.wire, b'G', binary, copy.schema.fields().len())?;
        self.wire.flush().await?;
        let limits = &self.limits;
        let mut reader =
            Reader::new(&copy, limits.line_bytes_max, limits.message_bytes_max, self.output())?;
        loop {
            let message = tokio::select! {
                message = self.wire.message() => message?,
                () = copy.cancel.cancelled() => return Err(copy.stopped().into()),
            };
            match message {
                None => return Err(Stop::Gone),
                Some(Message::CopyData(bytes)) => {
                    reader.push(&bytes);
                    reader.give(&mut copy, false).await?;
                }
                Some(Message::CopyDone) => break,
                Some(Message::CopyFail(why)) => {
                    return Err(Error::new(
                        ErrorKind::QueryCanceled,
                        format!("COPY from stdin failed: {why}"),
                    )
                    .into());
                }
                // Sent ahead by clients that do not know that they copy.
                Some(Message::Sync | Message::Flush) => {}
                Some(_) => {
                    return Err(Error::new(
                        ErrorKind::ProtocolViolation,
                        "unexpected message type during COPY from stdin",
                    )
                    .into());
                }
            }
        }
        reader.give(&mut copy, true).await?;
        Ok(self.session.finish_copy(*copy).await?)
    }
}

/// Chunks to batches.
struct Reader {
    cut: Cut,
    schema: SchemaRef,
    /// Object ids of the columns, for binary values.
    types: Vec<u32>,
    records: Vec<Record>,
    bytes: usize,
    input: Output,
    encoding: Encoding,
}

enum Cut {
    Lines(Lines),
    Tuples(Tuples),
}

impl Reader {
    fn new(copy: &CopyIn, line_max: usize, value_max: usize, input: Output) -> Result<Self> {
        let format: CopyFormat = copy.format.clone();
        let fields = copy.schema.fields();
        let types =
            fields.iter().map(|field| Ok(pg_type_of(field)?.oid)).collect::<Result<Vec<_>>>()?;
        let encoding = format.encoding.as_deref().map_or(input.encoding, Encoding::named);
        let cut = match format.kind {
            CopyKind::Binary => Cut::Tuples(Tuples::new(fields.len(), value_max)),
            _ => {
                let names = fields.iter().map(|field| field.name().clone()).collect();
                Cut::Lines(Lines::new(format, names, line_max))
            }
        };
        Ok(Self {
            cut,
            schema: copy.schema.clone(),
            types,
            records: Vec::new(),
            bytes: 0,
            input,
            encoding,
        })
    }

    fn push(&mut self, bytes: &[u8]) {
        match &mut self.cut {
            Cut::Lines(lines) => lines.push(bytes),
            Cut::Tuples(tuples) => tuples.push(bytes),
        }
    }

    /// Gives what has come to the copy, in batches; at `last` all of it.
    async fn give(&mut self, copy: &mut CopyIn, last: bool) -> Result<()> {
        loop {
            let record = match &mut self.cut {
                Cut::Lines(lines) => lines.next(last)?,
                Cut::Tuples(tuples) => tuples.next(last)?,
            };
            let ended = record.is_none();
            if let Some(record) = record {
                self.bytes += record.iter().flatten().map(Vec::len).sum::<usize>();
                self.records.push(record);
            }
            let full = self.records.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES;
            if full || (ended && last && !self.records.is_empty()) {
                let batch = self.batch()?;
                copy.take(&batch).await?;
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        self.bytes = 0;
        let records = std::mem::take(&mut self.records);
        let columns: Vec<ArrayRef> = (0..self.types.len())
            .map(|column| match self.cut {
                Cut::Lines(_) => self.texts(&records, column),
                Cut::Tuples(_) => self.values(&records, column),
            })
            .collect::<Result<_>>()?;
        let fields: Vec<Field> = self
            .schema
            .fields()
            .iter()
            .zip(&columns)
            .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|error| Error::internal("rows of COPY").caused_by(error))
    }

    fn texts(&self, records: &[Record], column: usize) -> Result<ArrayRef> {
        let text = |record: &Record| -> Result<Option<String>> {
            let Some(bytes) = &record[column] else { return Ok(None) };
            let text = self.encoding.decode(bytes)?;
            if text.contains('\0') {
                return Err(Error::new(
                    ErrorKind::CharacterNotInRepertoire,
                    "invalid byte sequence for encoding \"UTF8\": 0x00",
                ));
            }
            Ok(Some(text.into_owned()))
        };
        let texts = records.iter().map(text).collect::<Result<StringArray>>()?;
        Ok(Arc::new(texts))
    }

    fn values(&self, records: &[Record], column: usize) -> Result<ArrayRef> {
        let oid = self.types[column];
        let values = records
            .iter()
            .map(|record| {
                decode_parameter(oid, Format::Binary, record[column].as_deref(), &self.input)
            })
            .collect::<Result<Vec<ScalarValue>>>()?;
        let array = ScalarValue::iter_to_array(values)
            .map_err(|error| Error::internal("values of COPY").caused_by(error))?;
        debug_assert!(*array.data_type() != DataType::Null);
        Ok(array)
    }
}
