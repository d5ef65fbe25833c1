//! The one loop of a running server: streaming tables that are due, then views that are due.
//!
//! What ran when is remembered here and, for what other servers did, read off the newest epoch; after
//! a start the stored history says. Its failures are logged and never end it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, CatalogState, Relation, RelationKind};
use crate::config::Config;
use crate::error::Result;
use crate::ingest::{IngestReport, IngestRequest, Ingester};
use crate::lake::{EpochState, Lake};
use crate::matview::{RefreshReport, RefreshRequest, Refresher, back_off};
use crate::name::{Epoch, RelationName};
use crate::syntax::Schedule;

use super::rules::{LastRun, is_due, next_due};
use super::verify::Verifications;

/// How long a new schedule waits to be noticed, at most.
const PAUSE_MAX: Duration = Duration::from_secs(1);
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// Columns of the stored history that name a relation beside `schema_name`.
const NAME_COLUMNS: [&str; 3] = ["view_name", "table_name", "relation_name"];
const FAILED_STATES: [&str; 3] = ["failed", "skipped", "running"];

/// Runs what has a SCHEDULE or a TRIGGER.
#[derive(Debug)]
pub struct Scheduler {
    pub(super) lake: Lake,
    pub(super) catalog: Arc<Catalog>,
    config: Arc<Config>,
    ingester: Arc<Ingester>,
    refresher: Arc<Refresher>,
    last: BTreeMap<RelationName, LastRun>,
    /// Views found current, with the epoch in which they stay so.
    pub(super) current_in: BTreeMap<RelationName, Epoch>,
}

/// A relation with a schedule, and when it last ran.
struct Scheduled {
    name: RelationName,
    schedule: Schedule,
    last: LastRun,
    is_view: bool,
}

impl Scheduler {
    /// A scheduler that has not run anything yet.
    pub fn new(
        lake: Lake,
        catalog: Arc<Catalog>,
        config: Arc<Config>,
        ingester: Arc<Ingester>,
        refresher: Arc<Refresher>,
    ) -> Self {
        let (last, current_in) = (BTreeMap::new(), BTreeMap::new());
        Self { lake, catalog, config, ingester, refresher, last, current_in }
    }

    /// Runs what is due, until `shutdown`. A run under way is dropped then, which is as safe as a
    /// crash: the next one goes on from what was committed.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let verifications = Verifications::new(
            self.lake.clone(),
            self.config.verify.clone(),
            Arc::clone(&self.refresher),
        );
        let verifying = tokio::spawn(verifications.run(shutdown.clone()));
        self.run_schedules(shutdown).await;
        verifying.abort();
    }

    async fn run_schedules(&mut self, shutdown: CancellationToken) {
        self.recall("refreshes").await;
        self.recall("ingests").await;
        let mut epochs = self.lake.epochs();
        loop {
            // What this turn publishes itself is worth another look, which is cheap.
            epochs.mark_unchanged();
            let pause = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                pause = self.turn() => pause,
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                // A view triggered by what was just published has no schedule that could wake it.
                Ok(()) = epochs.changed() => {}
                () = self.lake.clock().sleep(pause) => {}
            }
        }
    }

    /// Runs what is due now, ingest first, and says how long nothing more will be.
    pub async fn turn(&mut self) -> Duration {
        let tables = self.due(false).await;
        if !tables.is_empty() {
            self.ingest(tables).await;
        }
        let mut views = self.due(true).await;
        self.add_triggered(&mut views).await;
        if !views.is_empty() {
            self.refresh(views).await;
        }
        let now = self.lake.clock().now();
        let next = self.scheduled().await.iter().map(|s| next_due(&s.last, s.schedule)).min();
        match next {
            Some(due) => {
                let wait =
                    due.map_or(Duration::ZERO, |due| (due - now).to_std().unwrap_or_default());
                wait.clamp(PAUSE_MIN, PAUSE_MAX)
            }
            None => PAUSE_MAX,
        }
    }

    async fn due(&self, views: bool) -> Vec<RelationName> {
        let scheduled = self.scheduled().await;
        let now = self.lake.clock().now();
        let due = scheduled
            .into_iter()
            .filter(|s| s.is_view == views && is_due(now, &s.last, s.schedule));
        due.map(|s| s.name).collect()
    }

    async fn scheduled(&self) -> Vec<Scheduled> {
        let epoch = self.lake.epoch();
        match self.catalog.at(&epoch).await {
            Ok(state) => self.with_schedules(&epoch, &state),
            Err(error) => {
                tracing::error!(%error, "the scheduler could not read the catalog");
                Vec::new()
            }
        }
    }

    fn with_schedules(&self, epoch: &EpochState, state: &CatalogState) -> Vec<Scheduled> {
        let scheduled = state.relations.values().filter_map(|relation| {
            let (schedule, is_view) = schedule_of(relation)?;
            let last = self.last_run(epoch, relation);
            Some(Scheduled { name: relation.name.clone(), schedule, last, is_view })
        });
        scheduled.collect()
    }

    /// How a relation's last runs ended, here or elsewhere.
    pub(super) fn last_run(&self, epoch: &EpochState, relation: &Relation) -> LastRun {
        let mut last = self.last.get(&relation.name).copied().unwrap_or_default();
        if let Some(published) = epoch.relations.get(&relation.id) {
            last.succeeded(published.published_at);
        }
        last
    }

    async fn ingest(&mut self, tables: Vec<RelationName>) {
        let mut waiting = tables;
        for attempt in 1..=self.config.limits.attempts_max.max(1) {
            if attempt > 1 {
                self.lake.clock().sleep(back_off(attempt - 1)).await;
            }
            let request =
                IngestRequest { tables: Some(waiting.clone()), attempt, ..Default::default() };
            let ended = self.ingester.ingest(&request).await;
            let last_attempt = attempt == self.config.limits.attempts_max.max(1);
            waiting = self.note_ingest(waiting, ended, last_attempt);
            if waiting.is_empty() {
                return;
            }
        }
    }

    /// Notes how an ingest ended; answers the tables that are worth another attempt.
    fn note_ingest(
        &mut self,
        tables: Vec<RelationName>,
        ended: Result<IngestReport>,
        last_attempt: bool,
    ) -> Vec<RelationName> {
        let now = self.lake.clock().now();
        let report = match ended {
            Ok(report) => report,
            Err(error) if error.kind().retryable() && !last_attempt => return tables,
            Err(error) => {
                tracing::error!(%error, "a scheduled ingest could not run");
                self.note(&tables, |last| last.failed(now));
                return Vec::new();
            }
        };
        let mut again = Vec::new();
        self.note_missing(&tables, report.tables.iter().map(|outcome| &outcome.table), now);
        for outcome in report.tables {
            match outcome.error {
                None => self.note(&[outcome.table], |last| last.succeeded(now)),
                Some(error) if error.kind().retryable() && !last_attempt => {
                    again.push(outcome.table);
                }
                Some(_) => self.note(&[outcome.table], |last| last.failed(now)),
            }
        }
        again
    }

    async fn refresh(&mut self, views: Vec<RelationName>) {
        let request =
            RefreshRequest { views: Some(views.clone()), attempt: 1, ..Default::default() };
        let ended: Result<RefreshReport> = self.refresher.refresh_with_retries(&request).await;
        let now = self.lake.clock().now();
        match ended {
            Ok(report) => {
                self.note_missing(&views, report.views.iter().map(|outcome| &outcome.view), now);
                for outcome in report.views {
                    let current = outcome.state.is_current();
                    self.note(&[outcome.view], |last| match current {
                        true => last.succeeded(now),
                        false => last.failed(now),
                    });
                }
            }
            Err(error) => {
                tracing::error!(%error, "a scheduled refresh could not run");
                self.note(&views, |last| last.failed(now));
            }
        }
    }

    /// What a run was asked for and does not report has had its turn too.
    fn note_missing<'a>(
        &mut self,
        asked: &[RelationName],
        reported: impl Iterator<Item = &'a RelationName>,
        now: DateTime<Utc>,
    ) {
        let reported: Vec<&RelationName> = reported.collect();
        for name in asked.iter().filter(|name| !reported.contains(name)) {
            self.note(std::slice::from_ref(name), |last| last.failed(now));
        }
    }

    fn note(&mut self, names: &[RelationName], what: impl Fn(&mut LastRun)) {
        for name in names {
            what(self.last.entry(name.clone()).or_default());
        }
    }

    /// Takes in what the stored history knows. Without it everything is due at once, which is safe.
    async fn recall(&mut self, table: &str) {
        let history = async {
            match self.lake.newest(&self.lake.system_location(table)).await? {
                Some(table) => table.read().await,
                None => Ok(Vec::new()),
            }
        };
        match history.await {
            Ok(batches) => {
                for (name, ended_at) in batches.iter().flat_map(successes) {
                    self.note(&[name], |last| last.succeeded(ended_at));
                }
            }
            Err(error) => tracing::warn!(table, %error, "the history of runs could not be read"),
        }
    }
}

/// A relation's schedule, and whether it is a view. A definition that waits for its rebuild brings its
/// own.
fn schedule_of(relation: &Relation) -> Option<(Schedule, bool)> {
    match &relation.kind {
        RelationKind::Streaming(table) => Some((table.schedule?, false)),
        RelationKind::MaterializedView(view) => match &view.pending {
            Some(pending) => schedule_of(pending),
            None => Some((view.schedule?, true)),
        },
        _ => None,
    }
}

/// The relations of a batch of history that came up to date, and when.
fn successes(batch: &RecordBatch) -> Vec<(RelationName, DateTime<Utc>)> {
    let text = |name: &str| cast(batch.column_by_name(name)?, &DataType::Utf8).ok();
    let named = NAME_COLUMNS.iter().find_map(|name| text(name));
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let ended = batch.column_by_name("finished_at").and_then(|c| cast(c, &micros).ok());
    let (Some(schemas), Some(names), Some(states), Some(ended)) =
        (text("schema_name"), named, text("state"), ended)
    else {
        return Vec::new();
    };
    let (schemas, names) = (schemas.as_string::<i32>(), names.as_string::<i32>());
    let (states, ended) =
        (states.as_string::<i32>(), ended.as_primitive::<TimestampMicrosecondType>());
    (0..batch.num_rows())
        .filter(|&row| ended.is_valid(row) && !FAILED_STATES.contains(&states.value(row)))
        .filter_map(|row| {
            let name = RelationName::new(schemas.value(row), names.value(row));
            Some((name, DateTime::from_timestamp_micros(ended.value(row))?))
        })
        .collect()
}
