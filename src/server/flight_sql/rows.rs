//! Batches onto the wire and parameters off it.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::server::PeekableFlightDataStream;
use arrow_flight::{FlightData, IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use datafusion::scalar::ScalarValue;
use futures::{Stream, StreamExt, TryStreamExt};
use tonic::{Request, Response, Status};

use crate::error::{Error, ErrorKind, Result};
use crate::query::Engine;
use crate::session::{Outcome, RowStream};

use super::statements::Running;
use super::status::{status, unencodable};

/// What DoGet answers.
pub(super) type FlightStream = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

/// Streams an outcome; a statement without rows gives no columns and no batches. Dropping the
/// stream, or cancelling `running`, stops the plan.
pub(super) fn respond(outcome: Outcome, running: Running) -> Response<FlightStream> {
    let RowStream { schema, stream, .. } = match outcome {
        Outcome::Rows(rows) => rows,
        _ => {
            return encode(Arc::new(Schema::empty()), futures::stream::empty());
        }
    };
    let cancelled = running.token.clone();
    let batches = stream
        .map_err(|error| status(&Engine::error(error)))
        .take_until(running.token.clone().cancelled_owned())
        .inspect(move |_| {
            // Held until the last batch has gone: while it lives, the statement can be cancelled.
            let _ = &running;
        })
        .chain(
            futures::stream::once(async move { cancelled.is_cancelled().then(canceled) })
                .filter_map(std::future::ready),
        );
    encode(schema, batches)
}

fn canceled() -> Result<RecordBatch, Status> {
    let kind = ErrorKind::QueryCanceled;
    Err(status(&Error::new(kind, "canceling statement due to user request")))
}

/// One batch that is at hand already.
pub(super) fn respond_batch(batch: RecordBatch) -> Response<FlightStream> {
    encode(batch.schema(), futures::stream::once(async { Ok(batch) }))
}

fn encode(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, Status>> + Send + 'static,
) -> Response<FlightStream> {
    // The encoder aims at messages of 2 MB, half of what clients accept by default.
    let data = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .build(batches.map_err(|status| FlightError::Tonic(Box::new(status))))
        .map_err(|error| match error {
            FlightError::Tonic(status) => *status,
            other => unencodable(other),
        });
    Response::new(Box::pin(data))
}

/// A schema as an encapsulated IPC message.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message: Result<IpcMessage, _> = SchemaAsIpc::new(schema, &options).try_into();
    message.map(|message| message.0).map_err(unencodable)
}

/// The batches of a DoPut.
pub(super) fn put_batches(request: Request<PeekableFlightDataStream>) -> FlightRecordBatchStream {
    let data = request.into_inner().map_err(|status| FlightError::Tonic(Box::new(status)));
    FlightRecordBatchStream::new_from_flight_data(data)
}

/// A DoPut stream that did not decode.
pub(super) fn undecodable(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => status(
            &Error::new(ErrorKind::ProtocolViolation, "the parameters are no Arrow stream")
                .caused_by(other),
        ),
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
    types: &[DataType],
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
    let value = |(index, data_type): (usize, &DataType)| {
        let given = batch.column(index).slice(row, 1);
        cast_with_options(&given, data_type, &options)
            .map_err(|error| (index, error.to_string()))
            .and_then(|array| {
                ScalarValue::try_from_array(&array, 0).map_err(|error| (index, error.to_string()))
            })
    };
    types.iter().enumerate().map(value).collect::<Result<_, _>>().map_err(|(index, _)| {
        Error::new(
            ErrorKind::InvalidTextRepresentation,
            format!("parameter ${} is not of type {}", index + 1, types[index]),
        )
    })
}
