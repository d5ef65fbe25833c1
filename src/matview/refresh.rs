//! What may be asked of a refresh, and what it answers.
//!
//! Runs of one process wait for one another, because two that refresh the same view would compute
//! twice what one of them then throws away; runs of several processes meet in the Delta log.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::name::{Epoch, RelationName, RunId};
use crate::query::Engine;
use crate::telemetry::{Ended, Steps};

use super::history;
use super::operators::refresh_operators;
use super::run::ViewRun;
use super::verify::verifications;

/// Refreshes views.
#[derive(Debug)]
pub struct Refresher {
    pub(super) lake: Lake,
    pub(super) catalog: Arc<Catalog>,
    pub(super) engine: Arc<Engine>,
    pub(super) config: Arc<Config>,
    running: tokio::sync::Mutex<()>,
}

/// What to refresh.
#[derive(Debug, Clone, Default)]
pub struct RefreshRequest {
    /// These views only; `None` for all.
    pub views: Option<Vec<RelationName>>,
    /// FULL was asked for.
    pub full: bool,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Told how many views are done.
    pub steps: Steps,
}

/// How one view fared.
#[derive(Debug, Clone)]
pub struct ViewOutcome {
    /// The view.
    pub view: RelationName,
    /// How it ended.
    pub state: ViewState,
    /// Rows written.
    pub rows: u64,
    /// Milliseconds taken.
    pub elapsed_ms: u64,
}

/// How a view's refresh ended.
#[derive(Debug, Clone)]
pub enum ViewState {
    /// New rows are committed.
    Refreshed,
    /// Its sources have not moved.
    Unchanged,
    /// It failed; the last good version is served.
    Failed(Error),
    /// A view it reads failed.
    Skipped(RelationName),
}

impl ViewState {
    /// Whether the view now holds what its sources say.
    pub fn is_current(&self) -> bool {
        matches!(self, ViewState::Refreshed | ViewState::Unchanged)
    }

    /// The word kept in `lakeport.refreshes.state`.
    pub fn word(&self) -> &'static str {
        match self {
            ViewState::Refreshed => "refreshed",
            ViewState::Unchanged => "unchanged",
            ViewState::Failed(_) => "failed",
            ViewState::Skipped(_) => "skipped",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RefreshReport {
    /// The run.
    pub run_id: RunId,
    /// What it published; `None` when nothing changed.
    pub epoch: Option<Epoch>,
    /// Each view, in the order refreshed.
    pub views: Vec<ViewOutcome>,
}

impl Refresher {
    /// A refresher for one lake. Adds `lakeport.refreshes` and `lakeport.expectations` to the engine.
    pub fn new(
        lake: Lake,
        catalog: Arc<Catalog>,
        engine: Arc<Engine>,
        config: Arc<Config>,
    ) -> Arc<Self> {
        engine.register_stored(history::refreshes());
        engine.register_stored(history::expectations());
        engine.register_stored(refresh_operators());
        engine.register_stored(verifications());
        Arc::new(Self { lake, catalog, engine, config, running: tokio::sync::Mutex::new(()) })
    }

    /// Runs once. Failures of single views are in the report; an error means that the run itself could
    /// not be, and published nothing, or that its history could not be written. Callers mostly want
    /// [`Refresher::refresh_with_retries`].
    ///
    /// # Errors
    /// `UndefinedTable` or `WrongObjectType` for a name that is no materialised view,
    /// `SerializationFailure` when another server wrote the catalog first, `IoError`.
    pub async fn refresh(self: &Arc<Self>, request: &RefreshRequest) -> Result<RefreshReport> {
        let _running = self.running.lock().await;
        let mut run = ViewRun::start(Arc::clone(self), request).await?;
        run.refresh_views().await;
        let published = run.publish().await;
        let recorded = run.record(&published).await;
        let report = run.report(published?);
        for view in &report.views {
            let ended = match view.state {
                ViewState::Refreshed => Ended::Succeeded,
                ViewState::Failed(_) => Ended::Failed,
                ViewState::Unchanged | ViewState::Skipped(_) => continue,
            };
            self.engine.metrics().refresh_ended(ended, view.rows);
        }
        recorded?;
        Ok(report)
    }
}
