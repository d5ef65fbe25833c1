//! One run: views in dependency order, one pinned version a source, one epoch.
//!
//! What fails keeps its last published version, and the views below it are left alone; the rest is
//! published together. Before computing, a view's table is asked what it holds, so a run that died
//! half-way is finished by the next one without computing anything twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::catalog::{CatalogState, Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{EpochState, Published, Run, RunKind, Table};
use crate::name::{Epoch, RelationId, RelationName, Version};

use super::check::definition;
use super::compute::Done;
use super::decide::{Need, Question};
use super::history::{self, Attempt, Strategy};
use super::pins::{Pin, Pins, Sources, sources_of};
use super::progress;
use super::refresh::{RefreshReport, RefreshRequest, Refresher, ViewOutcome, ViewState};
use super::scope::{wanted, with_waiting_definitions};

/// How often one view starts over within one run because another refresh of it came first.
const CONFLICTS_MAX: usize = 5;

/// A run under way.
pub(super) struct ViewRun<'a> {
    pub(super) refresher: &'a Refresher,
    pub(super) request: &'a RefreshRequest,
    pub(super) run: Run,
    /// `now()` of every view of the run.
    pub(super) now: DateTime<Utc>,
    pub(super) base: Arc<EpochState>,
    /// Definitions as readers see them.
    published: Arc<CatalogState>,
    /// Definitions the run builds by: waiting ones take the place of those they will replace.
    building: Arc<CatalogState>,
    order: Vec<Arc<Relation>>,
    heads: BTreeMap<RelationId, Table>,
    pub(super) pins: Pins,
    failed: BTreeMap<RelationId, RelationName>,
    publications: BTreeMap<RelationId, Published>,
    promoted: BTreeSet<RelationName>,
    attempts: Vec<Attempt>,
}

impl<'a> ViewRun<'a> {
    /// Pins everything the run will read.
    pub(super) async fn start(
        refresher: &'a Refresher,
        request: &'a RefreshRequest,
    ) -> Result<ViewRun<'a>> {
        let lake = &refresher.lake;
        lake.poll_epoch().await?;
        let base = lake.epoch();
        let published = refresher.catalog.at(&base).await?;
        let building = Arc::new(with_waiting_definitions(&published));
        let order = wanted(&building, request)?;
        let mut run = Self {
            refresher,
            request,
            run: Run::start(RunKind::Refresh),
            now: lake.clock().now(),
            pins: Pins::new(lake.clone(), Arc::clone(&base), Arc::clone(&building)),
            base,
            published,
            building,
            order,
            heads: BTreeMap::new(),
            failed: BTreeMap::new(),
            publications: BTreeMap::new(),
            promoted: BTreeSet::new(),
            attempts: Vec::new(),
        };
        run.pin_sources().await?;
        Ok(run)
    }

    /// The views to refresh, sources first.
    pub(super) fn order(&self) -> Vec<Arc<Relation>> {
        self.order.clone()
    }

    async fn pin_sources(&mut self) -> Result<()> {
        let lake = &self.refresher.lake;
        let refreshed: BTreeSet<RelationId> = self.order.iter().map(|view| view.id).collect();
        for view in &self.order {
            for source in sources_of(&self.building, definition(view)?).relations {
                if !refreshed.contains(&source.id) && !is_quarantine_of(&source, &refreshed) {
                    self.pins.pin(&source).await?;
                }
            }
        }
        for view in &self.order {
            let Some(head) = lake.newest(&lake.location(&view.name)).await? else { continue };
            if self.base.relations.get(&view.id).is_none_or(|p| p.version < head.version()) {
                self.pins.raise(view, &head, &refreshed).await?;
            }
            self.heads.insert(view.id, head);
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

    /// Brings one view up to date, or notes why not.
    pub(super) async fn refresh_view(&mut self, view: &Arc<Relation>) {
        let clock = Arc::clone(self.refresher.lake.clock());
        let (started_at, started) = (clock.now(), clock.instant());
        let sources = match definition(view) {
            Ok(definition) => sources_of(&self.building, definition),
            Err(_) => Sources::default(),
        };
        let pinned: Vec<Pin> =
            sources.relations.iter().filter_map(|s| self.pins.get(s.id)).cloned().collect();
        let blocked_by = sources.relations.iter().find_map(|source| self.blocked(source));
        let mut attempt = Attempt::new(view, started_at, &pinned);
        match blocked_by {
            Some(source) => {
                attempt.reason = format!("{source} could not be refreshed");
                self.fail(view, &mut attempt, ViewState::Skipped(source));
            }
            None => match self.bring_up_to_date(view, &sources, &pinned, &mut attempt.reason).await
            {
                Ok(done) => self.finish(view, &pinned, done, &mut attempt),
                Err(error) => {
                    let error = without_position(error);
                    log_failure(view, &error);
                    attempt.strategy = Strategy::Full;
                    self.fail(view, &mut attempt, ViewState::Failed(error));
                }
            },
        }
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

    async fn bring_up_to_date(
        &self,
        relation: &Arc<Relation>,
        sources: &Sources,
        pinned: &[Pin],
        reason: &mut String,
    ) -> Result<Done> {
        let lake = &self.refresher.lake;
        let view = definition(relation)?;
        let mut head = self.heads.get(&relation.id).cloned();
        for attempt in 0..CONFLICTS_MAX {
            if attempt > 0 {
                head = lake.newest(&lake.location(&relation.name)).await?;
                if let Some(head) = &head
                    && progress::is_ahead(head, relation.id, pinned).await?
                {
                    break;
                }
            }
            let quarantine_head = lake.newest(&lake.location(&relation.name.quarantine())).await?;
            let quarantine_head =
                self.reconciled(relation, pinned, head.as_ref(), quarantine_head).await?;
            let question = Question {
                relation,
                sources,
                pinned,
                head: head.as_ref(),
                quarantine: quarantine_head.as_ref(),
                published: self.published_version(Some(relation.id)),
                quarantine_published: self
                    .published_version(self.quarantine_of(relation).map(|q| q.id)),
                now: self.now,
                anew: attempt == 0 && self.request.full,
                first: attempt == 0,
            };
            let need = question.need().await?;
            if let (Need::Nothing, Some(table)) = (&need, &head) {
                return Ok(self.held(relation, table.clone(), quarantine_head));
            }
            let job = self.job(relation, view, pinned, head.clone(), quarantine_head);
            if let Some(done) = self.compute(&job, need, reason).await? {
                return Ok(done);
            }
        }
        Err(Error::new(
            ErrorKind::SerializationFailure,
            format!("another refresh of {} came first", relation.name),
        )
        .hint("Refresh again; nothing was lost."))
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
        if let (Some(relation), Some(table)) = (self.quarantine_of(view), done.built.quarantine) {
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

    pub(super) fn published_version(&self, id: Option<RelationId>) -> Option<Version> {
        self.base.relations.get(&id?).map(|published| published.version)
    }

    pub(super) fn quarantine_of(&self, view: &Relation) -> Option<Arc<Relation>> {
        self.building.relation(&view.name.quarantine()).cloned()
    }

    /// Whether a new definition waits for this run.
    pub(super) fn is_waiting(&self, name: &RelationName) -> bool {
        self.published.relation(name).is_some_and(|relation| {
            matches!(&relation.kind, RelationKind::MaterializedView(view) if view.pending.is_some())
        })
    }

    fn promote(&mut self, name: &RelationName) {
        if self.is_waiting(name) {
            self.promoted.insert(name.clone());
        }
    }

    /// Publishes everything the run has, with the definitions it was computed by, as one epoch.
    pub(super) async fn publish(&mut self) -> Result<Option<Epoch>> {
        let mut rows: Vec<Published> = self.publications.values().cloned().collect();
        if !self.promoted.is_empty() {
            let mut state = CatalogState::clone(&self.published);
            for name in &self.promoted {
                if let Some(relation) = self.building.relation(name) {
                    state.relations.insert(name.clone(), Arc::clone(relation));
                }
            }
            let catalog = &self.refresher.catalog;
            rows.push(catalog.write(&self.run, &self.base, &state).await?);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.refresher.lake.publish(&self.run, rows).await?.epoch))
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
        let number = self.request.attempt.max(1);
        let lake = &self.refresher.lake;
        let written = history::append(lake, &self.run, epoch, number, &self.attempts).await;
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
        RefreshReport { run_id: self.run.id, epoch, views }
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
