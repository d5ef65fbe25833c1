//! Batches onto the wire and parameters off it.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use datafusion::scalar::ScalarValue;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

use crate::error::{Error, ErrorKind, Result};
use crate::query::Engine;
use crate::session::{Outcome, RowStream};

use super::flights::Running;
use super::status::{status, unencodable};

/// What DoGet answers.
pub(super) type FlightStream = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

/// Bytes of a batch's values in one message: clients take 4 MB by default, framing included.
const MESSAGE_BYTES: usize = 3 << 20;

/// How batches are written for a client.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Encoding {
    compression: Option<CompressionType>,
}

impl Encoding {
    /// What the call's header asks for, else the setting.
    ///
    /// # Errors
    /// `InvalidParameterValue` for a header that names no compression.
    pub(super) fn of(headers: &MetadataMap, setting: Option<&str>) -> Result<Self> {
        let header = headers.get("lakeport-compression").and_then(|value| value.to_str().ok());
        let compression = match header.or(setting).unwrap_or("none") {
            "lz4" => Some(CompressionType::LZ4_FRAME),
            "zstd" => Some(CompressionType::ZSTD),
            "none" | "" => None,
            other => {
                let message = format!("there is no compression \"{other}\"");
                return Err(Error::new(ErrorKind::InvalidParameterValue, message)
                    .hint("Available values: none, lz4, zstd."));
            }
        };
        Ok(Self { compression })
    }
}

/// The rows of one execution.
pub(super) fn batches_of(
    outcome: Outcome,
) -> (SchemaRef, BoxStream<'static, Result<RecordBatch, Status>>) {
    match outcome {
        Outcome::Rows(RowStream { schema, stream, .. }) => {
            (schema, stream.map_err(|error| status(&Engine::error(error))).boxed())
        }
        Outcome::Empty | Outcome::Command(_) => {
            (Arc::new(Schema::empty()), futures::stream::empty().boxed())
        }
        Outcome::CopyOut(_) | Outcome::CopyIn(_) => {
            let error = Error::unsupported("COPY over Flight SQL")
                .hint("Ask for the rows with SELECT; send rows by ingest.");
            let refused = futures::stream::once(async move { Err(status(&error)) });
            (Arc::new(Schema::empty()), refused.boxed())
        }
    }
}

/// Streams rows. Dropping the stream, or cancelling `running`, stops what makes them; `held` is
/// dropped with it.
pub(super) fn respond<T: Send + 'static>(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, Status>> + Send + 'static,
    running: Running,
    held: T,
    encoding: Encoding,
) -> Response<FlightStream> {
    let cancelled = running.token.clone();
    let batches = batches
        .take_until(running.token.clone().cancelled_owned())
        .inspect(move |_| {
            // Held until the last batch has gone: while it lives, the flight can be cancelled.
            let _ = (&running, &held);
        })
        .chain(
            futures::stream::once(async move { cancelled.is_cancelled().then(canceled) })
                .filter_map(std::future::ready),
        );
    encode(schema, batches, encoding)
}

fn canceled() -> Result<RecordBatch, Status> {
    let kind = ErrorKind::QueryCanceled;
    Err(status(&Error::new(kind, "canceling statement due to user request")))
}

/// One batch that is at hand already.
pub(super) fn respond_batch(batch: RecordBatch) -> Response<FlightStream> {
    let schema = batch.schema();
    encode(schema, futures::stream::once(async { Ok(batch) }), Encoding::default())
}

fn encode(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, Status>> + Send + 'static,
    encoding: Encoding,
) -> Response<FlightStream> {
    let options = IpcWriteOptions::default().try_with_compression(encoding.compression);
    let options = match options {
        Ok(options) => options,
        Err(error) => {
            return Response::new(futures::stream::once(async { Err(unencodable(error)) }).boxed());
        }
    };
    let small = batches.flat_map(|batch| {
        futures::stream::iter(match batch {
            Ok(batch) => small(batch).into_iter().map(Ok).collect(),
            Err(status) => vec![Err(FlightError::Tonic(Box::new(status)))],
        })
    });
    let data = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_options(options)
        .with_dictionary_handling(DictionaryHandling::Resend)
        // Its own cutting goes by the buffers behind a batch, of which a slice is a small part.
        .with_max_flight_data_size(usize::MAX)
        .build(small)
        .map_err(|error| match error {
            FlightError::Tonic(status) => *status,
            other => unencodable(other),
        });
    Response::new(Box::pin(data))
}

/// The batch in pieces that each fit a message; a row that does not is alone.
fn small(batch: RecordBatch) -> Vec<RecordBatch> {
    let mut small = Vec::new();
    let mut large = vec![batch];
    while let Some(batch) = large.pop() {
        if batch.num_rows() <= 1 || value_bytes(&batch) <= MESSAGE_BYTES {
            small.push(batch);
            continue;
        }
        let half = batch.num_rows() / 2;
        large.push(batch.slice(half, batch.num_rows() - half));
        large.push(batch.slice(0, half));
    }
    small
}

fn value_bytes(batch: &RecordBatch) -> usize {
    let bytes = |column: &Arc<dyn Array>| {
        // A type that cannot tell counts with all that is behind it.
        let data = column.to_data();
        data.get_slice_memory_size().unwrap_or_else(|_| column.get_buffer_memory_size())
    };
    batch.columns().iter().map(bytes).sum()
}

/// A schema as an encapsulated IPC message.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message: Result<IpcMessage, _> = SchemaAsIpc::new(schema, &options).try_into();
    message.map(|message| message.0).map_err(unencodable)
}

/// A DoPut stream that did not decode after so many rows, or broke off.
pub(super) fn undecodable(error: FlightError, rows: u64) -> Status {
    let broken = |message: &str, words: String| {
        status(
            &Error::new(ErrorKind::ProtocolViolation, message)
                .detail(format!("After row {rows}: {words}.")),
        )
    };
    match error {
        FlightError::Tonic(status) => *status,
        FlightError::DecodeError(words) | FlightError::ProtocolError(words) => {
            broken("the batches are no Arrow stream, or change their schema", words)
        }
        other => broken("the batches are no Arrow stream", other.to_string()),
    }
}

/// One row of parameters, as the statement's own types.
///
/// # Errors
/// `ProtocolViolation` for the wrong number; `InvalidTextRepresentation` for a value that is not of
/// its type.
pub(super) fn parameters(
    batch: &RecordBatch,
    row: usize,
    types: &[FieldRef],
) -> Result<Vec<ScalarValue>> {
    if batch.num_columns() != types.len() {
        return Err(Error::new(
            ErrorKind::ProtocolViolation,
            format!(
                "bind supplies {} parameters, but the statement requires {}",
                batch.num_columns(),
                types.len()
            ),
        ));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let value = |(index, field): (usize, &FieldRef)| {
        let given = batch.column(index).slice(row, 1);
        cast_with_options(&given, field.data_type(), &options)
            .map_err(|error| (index, error.to_string()))
            .and_then(|array| {
                ScalarValue::try_from_array(&array, 0).map_err(|error| (index, error.to_string()))
            })
    };
    types.iter().enumerate().map(value).collect::<Result<_, _>>().map_err(|(index, _)| {
        Error::new(
            ErrorKind::InvalidTextRepresentation,
            format!("parameter ${} is not of type {}", index + 1, types[index].data_type()),
        )
        .detail(format!("Row {}.", row + 1))
    })
}
