//! Each statement counted once, however it ends, with the time from its arrival to its last row.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use futures::{Stream, StreamExt};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::telemetry::{Ended, Metrics};

use super::copy::CopyOut;
use super::outcome::{Outcome, RowStream};
use super::services::Services;

/// A statement under way. Dropped before anything else is known of it, it was given up.
#[derive(Debug)]
pub(super) struct Counted {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    started: Instant,
    ended: Ended,
}

impl Counted {
    pub(super) fn start(services: &Services) -> Self {
        let clock = Arc::clone(services.lake.clock());
        Self {
            metrics: Arc::clone(services.engine.metrics()),
            started: clock.instant(),
            clock,
            ended: Ended::Canceled,
        }
    }

    /// Counts a statement that ended here; one with rows ends with its rows.
    pub(super) fn outcome(mut self, outcome: Result<Outcome>) -> Result<Outcome> {
        match outcome {
            Ok(Outcome::Rows(rows)) => Ok(Outcome::Rows(self.rows(rows))),
            Ok(Outcome::CopyOut(CopyOut { rows, format })) => {
                Ok(Outcome::CopyOut(CopyOut { rows: self.rows(rows), format }))
            }
            Ok(other) => {
                self.ended = Ended::Succeeded;
                Ok(other)
            }
            Err(error) => {
                self.failed(&error);
                Err(error)
            }
        }
    }

    fn rows(self, rows: RowStream) -> RowStream {
        let stream = Box::pin(CountedRows { stream: rows.stream, counted: self });
        RowStream { stream, ..rows }
    }

    /// The statement has done what it was to do.
    pub(super) fn succeeded(mut self) {
        self.ended = Ended::Succeeded;
    }

    fn failed(&mut self, error: &Error) {
        self.ended = match error.kind() {
            ErrorKind::QueryCanceled => Ended::Canceled,
            _ => Ended::Failed,
        };
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let elapsed = self.clock.instant().saturating_duration_since(self.started);
        self.metrics.statement_ended(self.ended, elapsed);
    }
}

struct CountedRows {
    stream: SendableRecordBatchStream,
    counted: Counted,
}

impl Stream for CountedRows {
    type Item = Result<RecordBatch, DataFusionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.stream.poll_next_unpin(context);
        match &polled {
            Poll::Ready(Some(Ok(batch))) => {
                self.counted.metrics.rows_sent(batch.num_rows() as u64);
            }
            Poll::Ready(Some(Err(DataFusionError::External(error)))) => {
                match error.downcast_ref::<Error>() {
                    Some(error) => self.counted.failed(error),
                    None => self.counted.ended = Ended::Failed,
                }
            }
            Poll::Ready(Some(Err(_))) => self.counted.ended = Ended::Failed,
            Poll::Ready(None) if self.counted.ended == Ended::Canceled => {
                self.counted.ended = Ended::Succeeded;
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }
}

impl RecordBatchStream for CountedRows {
    fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}
