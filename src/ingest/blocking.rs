//! Work on files, beside the async threads.
//!
//! Its one idea: a file costs system calls, so files are worked on in runs, as many runs at once as
//! there are cores, and their results keep the files' order. Knows nothing of what is done.

use futures::{StreamExt as _, TryStreamExt as _};

use crate::error::{Error, Result};

/// Files in one run: enough that a small one costs no task of its own, few enough to share fairly.
const RUN_FILES: usize = 64;

/// Runs blocking work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("work on files died").caused_by(error))?
}

/// Runs blocking work on runs of `items`, several at once; the results are in the items' order.
///
/// # Errors
/// The first run's, in that order, that failed.
pub(crate) async fn in_runs<T: Send + 'static, R: Send + 'static>(
    items: Vec<T>,
    work: impl Fn(Vec<T>) -> Result<R> + Clone + Send + 'static,
) -> Result<Vec<R>> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let mut items = items.into_iter();
    let runs = std::iter::from_fn(|| {
        let run: Vec<T> = items.by_ref().take(RUN_FILES).collect();
        (!run.is_empty()).then_some(run)
    });
    let started = runs.map(|run| {
        let work = work.clone();
        blocking(move || work(run))
    });
    futures::stream::iter(started.collect::<Vec<_>>()).buffered(cores).try_collect().await
}
