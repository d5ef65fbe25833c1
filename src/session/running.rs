//! One statement while it runs: what stops it, and why it stopped.
//!
//! A statement ends early by its client's cancel or by its time limit. Both cancel one token; who
//! did it decides the error's words. The limit covers the rows too, until the last one is taken.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use futures::{Stream, StreamExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};

use super::sessions::Active;

/// Stops what a session runs now, from outside of it.
#[derive(Debug, Clone, Default)]
pub struct Canceller {
    current: Arc<Mutex<CancellationToken>>,
    /// Those of the session's forks.
    forks: Arc<Mutex<Vec<Weak<Mutex<CancellationToken>>>>>,
}

impl Canceller {
    /// Stops the statement that runs now, if one does; nothing that runs later.
    pub fn cancel(&self) {
        self.token().cancel();
        for fork in self.forks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(current) = fork.upgrade() {
                current.lock().unwrap_or_else(PoisonError::into_inner).cancel();
            }
        }
    }

    /// One of its own for work beside the session's, which this one stops too.
    pub(super) fn fork(&self) -> Self {
        let fork = Self::default();
        let mut forks = self.forks.lock().unwrap_or_else(PoisonError::into_inner);
        forks.retain(|fork| fork.strong_count() > 0);
        forks.push(Arc::downgrade(&fork.current));
        fork
    }

    pub(super) fn token(&self) -> CancellationToken {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, token: CancellationToken) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

/// A statement that runs. Dropping it stops its clock.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) cancel: CancellationToken,
    timed_out: Arc<AtomicBool>,
    timer: Option<JoinHandle<()>>,
    /// Set when rows end in an error after the statement was answered.
    rows_failed: Arc<AtomicBool>,
    /// Shows the session as active.
    _active: Active,
}

impl Running {
    /// Starts a statement's clock; no limit, no clock.
    pub(super) fn start(
        canceller: &Canceller,
        clock: &Arc<dyn Clock>,
        limit: Option<Duration>,
        rows_failed: Arc<AtomicBool>,
        active: Active,
    ) -> Self {
        let cancel = CancellationToken::new();
        canceller.replace(cancel.clone());
        let timed_out = Arc::new(AtomicBool::new(false));
        let timer = limit.map(|limit| {
            let (clock, cancel, timed_out) = (clock.clone(), cancel.clone(), timed_out.clone());
            tokio::spawn(async move {
                clock.sleep(limit).await;
                timed_out.store(true, Ordering::Release);
                cancel.cancel();
            })
        });
        Self { cancel, timed_out, timer, rows_failed, _active: active }
    }

    /// Gives a cancelled statement's error the words of its reason.
    pub(super) fn error(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::QueryCanceled && self.timed_out.load(Ordering::Acquire) {
            return Error::new(
                ErrorKind::QueryCanceled,
                "canceling statement due to statement timeout",
            );
        }
        error
    }

    /// The error of a statement found cancelled.
    pub(super) fn cancelled(&self) -> Error {
        self.error(Error::new(ErrorKind::QueryCanceled, "canceling statement due to user request"))
    }

    /// Rows of something that runs longer than the statement, which stop with the statement.
    pub(super) fn until_cancelled(
        &self,
        stream: SendableRecordBatchStream,
    ) -> SendableRecordBatchStream {
        let schema = stream.schema();
        let cancel = self.cancel.clone();
        let stream = futures::stream::unfold(Some((stream, cancel)), |state| async move {
            let (mut stream, cancel) = state?;
            tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    let error = Error::new(
                        ErrorKind::QueryCanceled,
                        "canceling statement due to user request",
                    );
                    Some((Err(DataFusionError::External(Box::new(error))), None))
                }
                next = stream.next() => next.map(|batch| (batch, Some((stream, cancel)))),
            }
        });
        Box::pin(datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(schema, stream))
    }

    /// Rows that keep the statement running until they end.
    pub(super) fn rows(
        self,
        stream: SendableRecordBatchStream,
        convert: fn(DataFusionError) -> Error,
    ) -> SendableRecordBatchStream {
        Box::pin(RunningRows { stream, running: self, convert })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
    }
}

struct RunningRows {
    stream: SendableRecordBatchStream,
    running: Running,
    convert: fn(DataFusionError) -> Error,
}

impl Stream for RunningRows {
    type Item = Result<RecordBatch, DataFusionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.stream.poll_next_unpin(context);
        polled.map(|item| {
            item.map(|batch| {
                batch.map_err(|error| {
                    self.running.rows_failed.store(true, Ordering::Release);
                    let error = self.running.error((self.convert)(error));
                    DataFusionError::External(Box::new(error))
                })
            })
        })
    }
}

impl RecordBatchStream for RunningRows {
    fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}
