//! How many statements run at once.
//!
//! Its one idea: over the limit a statement waits, and over the queue's length it is refused; both
//! have names in `[limits]`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::Limits;
use crate::error::{Error, ErrorKind, Result};

use super::execute::canceled;

/// The door.
#[derive(Debug)]
pub(crate) struct Admission {
    running: Arc<Semaphore>,
    running_max: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// One running statement's place.
#[derive(Debug)]
pub(crate) struct Permit {
    _place: OwnedSemaphorePermit,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            running: Arc::new(Semaphore::new(limits.statements_max.min(Semaphore::MAX_PERMITS))),
            running_max: limits.statements_max,
            waiting: AtomicUsize::new(0),
            waiting_max: limits.queue_max,
        }
    }

    /// Lets a statement in, waiting while others run.
    ///
    /// # Errors
    /// `ConfigurationLimitExceeded` when too many wait already; `QueryCanceled`.
    pub(crate) async fn enter(&self, cancel: &CancellationToken) -> Result<Permit> {
        if let Ok(place) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(Permit { _place: place });
        }
        let _waiting = self.wait()?;
        tokio::select! {
            () = cancel.cancelled() => Err(canceled()),
            place = Arc::clone(&self.running).acquire_owned() => match place {
                Ok(place) => Ok(Permit { _place: place }),
                Err(_) => Err(Error::new(ErrorKind::AdminShutdown, "the server is shutting down")),
            },
        }
    }

    fn wait(&self) -> Result<Waiting<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(&self.waiting);
        if before >= self.waiting_max {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                "too many statements are waiting",
            )
            .detail(format!(
                "{} statements run and {} wait, as limits.statements_max and limits.queue_max allow.",
                self.running_max, self.waiting_max
            ))
            .hint("Try again when fewer statements are running."));
        }
        Ok(waiting)
    }
}

/// Counts one waiting statement, however its waiting ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
