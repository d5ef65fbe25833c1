//! Planning, beside everything else the process does.
//!
//! Planning goes as deep as a statement is nested, cannot be interrupted, and may panic inside the engine. Its one idea: it
//! runs on a thread that has room, and who asked waits for it only as long as the statement lives.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

use super::error;
use super::execute::{canceled, panicked};

/// Plans that are made at once, with those that nobody waits for any more.
const PLANS_MAX: usize = 64;
/// What a plan may take of a thread's stack. Pages that nothing touches cost nothing.
const STACK_BYTES: usize = 32 << 20;
/// Less than this left of the stack is too little to begin.
const STACK_LEFT_BYTES: usize = 12 << 20;

/// The threads on which plans are made.
#[derive(Debug)]
pub(crate) struct Planners {
    places: Arc<Semaphore>,
}

impl Default for Planners {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLANS_MAX)) }
    }
}

impl Planners {
    /// What `work` gives, or its end with the statement. Work that was given up goes on and keeps its place until it
    /// is done.
    ///
    /// # Errors
    /// `QueryCanceled`, `InternalError` for a panic, and what `work` fails with.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        cancel: &CancellationToken,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = tokio::select! {
            () = cancel.cancelled() => return Err(canceled()),
            place = Arc::clone(&self.places).acquire_owned() => place,
        };
        let planned = tokio::task::spawn_blocking(move || {
            let _place = place;
            let work = || catch_unwind(AssertUnwindSafe(work));
            let done = stacker::maybe_grow(STACK_LEFT_BYTES, STACK_BYTES, work);
            done.unwrap_or_else(|panic| Err(error::convert(panicked(panic.as_ref()))))
        });
        tokio::select! {
            () = cancel.cancelled() => Err(canceled()),
            planned = planned => {
                planned.unwrap_or_else(|_| Err(Error::internal("a plan was not made to its end")))
            }
        }
    }
}
