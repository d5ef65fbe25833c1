//! One run: views in dependency order, one pinned version a source, one epoch.
//!
//! What fails keeps its last published version, and the views below it are left alone; the rest is
//! published together. Before computing, a view's table is asked what it holds, so a run that died
//! half-way is finished by the next one without computing anything twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use crate::catalog::{CatalogState, Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Published, Run, RunKind};
use crate::name::{Epoch, RelationId, RelationName};

use super::check::definition;
use super::compute::{Done, RunContext, Turn};
use super::history::{self, Attempt, Strategy};
use super::pins::{Pin, Pins, Sources, sources_of};
use super::progress;
use super::refresh::{RefreshReport, RefreshRequest, Refresher, ViewOutcome, ViewState};
use super::scope::{wanted, with_waiting_definitions};
use super::turns::{Turns, at_once};

/// A run under way.
pub(super) struct ViewRun {
    context: Arc<RunContext>,
    order: Vec<Arc<Relation>>,
    pins: Pins,
    failed: BTreeMap<RelationId, RelationName>,
    publications: BTreeMap<RelationId, Published>,
    promoted: BTreeSet<RelationName>,
    attempts: Vec<Attempt>,
}

impl ViewRun {
    /// Pins everything the run will read.
    pub(super) async fn start(
        refresher: Arc<Refresher>,
        request: &RefreshRequest,
    ) -> Result<ViewRun> {
        let lake = &refresher.lake;
        lake.poll_epoch().await?;
        let base = lake.epoch();
        let published = refresher.catalog.at(&base).await?;
        let building = Arc::new(with_waiting_definitions(&published));
        let order = wanted(&building, request)?;
        let mut heads = BTreeMap::new();
        for view in &order {
            if let Some(head) = lake.newest(&lake.location(&view.name)).await? {
                heads.insert(view.id, head);
            }
        }
        let mut run = Self {
            pins: Pins::new(lake.clone(), Arc::clone(&base), Arc::clone(&building)),
            order,
            failed: BTreeMap::new(),
            publications: BTreeMap::new(),
            promoted: BTreeSet::new(),
            attempts: Vec::new(),
            context: Arc::new(RunContext {
                request: request.clone(),
                run: Run::start(RunKind::Refresh),
                now: lake.clock().now(),
                base,
                published,
                building,
                heads,
                in_full: tokio::sync::Mutex::default(),
                beside: tokio::sync::RwLock::default(),
                refresher,
            }),
        };
        run.pin_sources().await?;
        Ok(run)
    }

    async fn pin_sources(&mut self) -> Result<()> {
        let context = Arc::clone(&self.context);
        let refreshed: BTreeSet<RelationId> = self.order.iter().map(|view| view.id).collect();
        for view in &self.order {
            for source in sources_of(&context.building, definition(view)?).relations {
                if !refreshed.contains(&source.id) && !is_quarantine_of(&source, &refreshed) {
                    self.pins.pin(&source).await?;
                }
            }
        }
        for view in &self.order {
            let Some(head) = context.heads.get(&view.id) else { continue };
            if context.published_version(Some(view.id)).is_none_or(|v| v < head.version()) {
                self.pins.raise(view, head, &refreshed).await?;
            }
        }
        let ahead: Vec<Pin> = self.pins.ahead().cloned().collect();
        for pin in ahead {
            self.publications.insert(pin.relation.id, pin.published());
            if progress::has_definition(&pin.table, &pin.relation.definition_hash) {
                self.promote(&pin.relation.name);
            }
        }
        Ok(())
    }

    /// Brings the views up to date, or notes why not: sources first, those that do not read one another
    /// beside one another.
    pub(super) async fn refresh_views(&mut self) {
        let (steps, all) = (self.context.request.steps.clone(), self.order.len() as u64);
        let mut turns = Turns::of(&self.context.building, &self.order);
        let mut running: JoinSet<(Turn, Result<Done>)> = JoinSet::new();
        let mut under_way: HashMap<tokio::task::Id, Arc<Relation>> = HashMap::new();
        loop {
            while running.len() < at_once()
                && let Some(view) = turns.next()
            {
                steps.tell(&view.name.to_string(), turns.begun() - 1, all);
                match self.begin(&view) {
                    None => turns.done(&view),
                    Some(turn) => {
                        let context = Arc::clone(&self.context);
                        let taken = context.taken(turn).in_current_span();
                        let task = running.spawn(taken.with_current_subscriber());
                        under_way.insert(task.id(), view);
                    }
                }
            }
            match running.join_next_with_id().await {
                None => break,
                Some(Ok((id, (turn, ended)))) => {
                    under_way.remove(&id);
                    turns.done(&turn.view);
                    self.end(turn, ended);
                }
                Some(Err(error)) => {
                    let Some(view) = under_way.remove(&error.id()) else { continue };
                    turns.done(&view);
                    self.broken(&view, error);
                }
            }
        }
        let place = |of: &Attempt| self.order.iter().position(|view| view.name == of.view);
        self.attempts.sort_by_key(place);
    }

    /// What a view is computed from; `None` where a view it reads has failed.
    fn begin(&mut self, view: &Arc<Relation>) -> Option<Turn> {
        let clock = Arc::clone(self.context.refresher.lake.clock());
        let (started_at, started) = (clock.now(), clock.instant());
        let sources = match definition(view) {
            Ok(definition) => sources_of(&self.context.building, definition),
            Err(_) => Sources::default(),
        };
        let pinned: Vec<Pin> =
            sources.relations.iter().filter_map(|s| self.pins.get(s.id)).cloned().collect();
        let blocked_by = sources.relations.iter().find_map(|source| self.blocked(source));
        let mut attempt = Attempt::new(view, started_at, &pinned);
        if let Some(source) = blocked_by {
            attempt.reason = format!("{source} could not be refreshed");
            self.fail(view, &mut attempt, ViewState::Skipped(source));
            self.keep(attempt, started);
            return None;
        }
        let snapshot = Arc::new(self.pins.snapshot());
        Some(Turn { view: Arc::clone(view), sources, pinned, snapshot, attempt, started })
    }

    fn end(&mut self, turn: Turn, ended: Result<Done>) {
        let Turn { view, pinned, mut attempt, started, .. } = turn;
        match ended {
            Ok(done) => self.finish(&view, &pinned, done, &mut attempt),
            Err(error) => {
                let error = without_position(error);
                log_failure(&view, &error);
                attempt.strategy = Strategy::Full;
                self.fail(&view, &mut attempt, ViewState::Failed(error));
            }
        }
        self.keep(attempt, started);
    }

    /// A view whose computation panicked.
    fn broken(&mut self, view: &Arc<Relation>, error: JoinError) {
        let clock = Arc::clone(self.context.refresher.lake.clock());
        let mut attempt = Attempt::new(view, clock.now(), &[]);
        let error = Error::internal("the refresh of a view broke off").caused_by(error);
        log_failure(view, &error);
        attempt.strategy = Strategy::Full;
        self.fail(view, &mut attempt, ViewState::Failed(error));
        self.keep(attempt, clock.instant());
    }

    fn keep(&mut self, mut attempt: Attempt, started: Instant) {
        let clock = self.context.refresher.lake.clock();
        attempt.finished_at = clock.now();
        let elapsed = clock.instant().saturating_duration_since(started);
        attempt.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.attempts.push(attempt);
    }

    fn fail(&mut self, view: &Relation, attempt: &mut Attempt, state: ViewState) {
        self.failed.insert(view.id, view.name.clone());
        attempt.state = state;
    }

    /// The view that keeps `source` from being read in this run.
    fn blocked(&self, source: &Relation) -> Option<RelationName> {
        let id = match source.kind {
            RelationKind::Quarantine { of } => of,
            _ => source.id,
        };
        self.failed.get(&id).cloned()
    }

    fn finish(&mut self, view: &Arc<Relation>, pinned: &[Pin], done: Done, attempt: &mut Attempt) {
        attempt.reason = done.reason;
        attempt.strategy = done.strategy;
        attempt.figures = done.built.figures;
        attempt.counts = done.built.counts;
        attempt.operators = done.built.operators;
        attempt.rejected = done.rejected;
        attempt.state = match done.strategy {
            Strategy::Unchanged => ViewState::Unchanged,
            Strategy::Held | Strategy::Full | Strategy::Incremental => ViewState::Refreshed,
        };
        let mut written = vec![(Arc::clone(view), done.built.table)];
        if let (Some(relation), Some(table)) =
            (self.context.quarantine_of(view), done.built.quarantine)
        {
            written.push((relation, table));
        }
        for (relation, table) in written {
            let pin = Pin { relation: Arc::clone(&relation), table: table.clone() };
            self.pins.set(relation, table);
            if !matches!(attempt.state, ViewState::Unchanged) {
                self.publications.insert(pin.relation.id, pin.published());
            }
        }
        if matches!(attempt.state, ViewState::Unchanged) {
            return;
        }
        for pin in pinned.iter().filter(|pin| !pin.relation.kind.is_maintained()) {
            self.publications.insert(pin.relation.id, pin.published());
        }
        self.promote(&view.name);
    }

    fn promote(&mut self, name: &RelationName) {
        if self.context.is_waiting(name) {
            self.promoted.insert(name.clone());
        }
    }

    /// Publishes everything the run has, with the definitions it was computed by, as one epoch.
    pub(super) async fn publish(&mut self) -> Result<Option<Epoch>> {
        let mut rows: Vec<Published> = self.publications.values().cloned().collect();
        if !self.promoted.is_empty() {
            let mut state = CatalogState::clone(&self.context.published);
            for name in &self.promoted {
                if let Some(relation) = self.context.building.relation(name) {
                    state.relations.insert(name.clone(), Arc::clone(relation));
                }
            }
            let catalog = &self.context.refresher.catalog;
            rows.push(catalog.write(&self.context.run, &self.context.base, &state).await?);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.context.refresher.lake.publish(&self.context.run, rows).await?.epoch))
    }

    /// Writes what happened to `lakeport.refreshes` and `lakeport.expectations`.
    pub(super) async fn record(&mut self, published: &Result<Option<Epoch>>) -> Result<()> {
        if let Err(error) = published {
            for attempt in &mut self.attempts {
                if matches!(attempt.state, ViewState::Refreshed) {
                    attempt.state = ViewState::Failed(error.clone());
                }
            }
        }
        let epoch = published.as_ref().ok().copied().flatten();
        let number = self.context.request.attempt.max(1);
        let lake = &self.context.refresher.lake;
        let written = history::append(lake, &self.context.run, epoch, number, &self.attempts).await;
        written.map_err(|error| error.within("the history of the refresh could not be written"))
    }

    /// The report of a run that published `epoch`.
    pub(super) fn report(self, epoch: Option<Epoch>) -> RefreshReport {
        let views = self
            .attempts
            .into_iter()
            .map(|attempt| ViewOutcome {
                view: attempt.view,
                state: attempt.state,
                rows: attempt.figures.rows_written,
                elapsed_ms: attempt.elapsed_ms,
            })
            .collect();
        RefreshReport { run_id: self.context.run.id, epoch, views }
    }
}

fn is_quarantine_of(source: &Relation, views: &BTreeSet<RelationId>) -> bool {
    matches!(source.kind, RelationKind::Quarantine { of } if views.contains(&of))
}

/// Positions count in the view's text, which the reader of this error does not have before them.
fn without_position(error: Error) -> Error {
    if error.position().is_none() {
        return error;
    }
    let mut plain = Error::new(error.kind(), error.message());
    if let Some(detail) = error.detail_text() {
        plain = plain.detail(detail);
    }
    if let Some(hint) = error.hint_text() {
        plain = plain.hint(hint);
    }
    plain.caused_by(error)
}

/// Messages may quote values, so the log has the condition; the message is in `lakeport.refreshes`.
fn log_failure(view: &Relation, error: &Error) {
    let (view, sqlstate, condition) =
        (&view.name, error.kind().sqlstate(), error.kind().condition());
    if error.kind() == ErrorKind::InternalError {
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        tracing::error!(%view, sqlstate, message = error.message(), cause, "a refresh failed");
    } else {
        tracing::warn!(%view, sqlstate, condition, "a refresh failed");
    }
}
