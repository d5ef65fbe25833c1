//! One run over streaming tables.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt as _;
use tokio::sync::Mutex;

use crate::catalog::{Catalog, CatalogState, Relation, RelationKind};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Lake, Published, Run, RunKind};
use crate::matview::expectations::ExpectationCount;
use crate::name::{Epoch, RelationId, RelationName, RunId};
use crate::query::{Engine, Snapshot};
use crate::telemetry::{Ended, Steps};

use super::batch::BatchRun;
use super::history::{self, FileRow, IngestRow};
use super::ledger::Ledger;
use super::listing::Roots;
use super::table::{TableTurn, Turn};

/// Tables worked on at once.
const TABLES_AT_ONCE: usize = 4;

/// Ingests files.
pub struct Ingester {
    lake: Lake,
    engine: Arc<Engine>,
    config: Arc<Config>,
    roots: Roots,
    /// Each table's lists, as far as read. One run at a time holds them.
    ledgers: Mutex<HashMap<RelationId, Ledger>>,
}

impl std::fmt::Debug for Ingester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingester").field("roots", &self.roots).finish_non_exhaustive()
    }
}

/// What to ingest.
#[derive(Debug, Clone, Default)]
pub struct IngestRequest {
    /// These tables only; `None` for all.
    pub tables: Option<Vec<RelationName>>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Told each table's files: done, of those listed.
    pub steps: Steps,
}

/// How one table fared.
#[derive(Debug, Clone)]
pub struct TableOutcome {
    /// The table.
    pub table: RelationName,
    /// Files taken in.
    pub files: u64,
    /// Rows added.
    pub rows: u64,
    /// Lines and rows sent to quarantine.
    pub quarantined: u64,
    /// Milliseconds taken.
    pub elapsed_ms: u64,
    /// Why it failed.
    pub error: Option<Error>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct IngestReport {
    /// The run.
    pub run_id: RunId,
    /// What it published; `None` when nothing was new.
    pub epoch: Option<Epoch>,
    /// Each table.
    pub tables: Vec<TableOutcome>,
}

/// One table's part of a run.
struct Part {
    outcome: TableOutcome,
    published: Vec<Published>,
    files: Vec<FileRow>,
    ingest: Option<IngestRow>,
    expectations: Vec<ExpectationCount>,
    ledger: (RelationId, Ledger),
}

/// What a run leaves in the system tables.
#[derive(Default)]
struct Records {
    epoch: Option<Epoch>,
    files: Vec<FileRow>,
    ingests: Vec<IngestRow>,
    expectations: Vec<(RelationName, ExpectationCount)>,
}

impl Ingester {
    /// An ingester for one lake and landing folder.
    pub fn new(
        lake: Lake,
        _catalog: Arc<Catalog>,
        engine: Arc<Engine>,
        config: Arc<Config>,
        landing: PathBuf,
    ) -> Arc<Self> {
        engine.register_stored(history::files());
        engine.register_stored(history::ingests());
        let folder = lake.system_location("x").local_path();
        let lake_root = folder.as_deref().and_then(|path| path.parent()?.parent());
        let others = lake_root
            .map(|root| root.to_owned())
            .into_iter()
            .chain(config.storage.allowed.iter().cloned())
            .collect();
        let roots = Roots { landing, others };
        engine.register_files(Arc::new(roots.clone()));
        Arc::new(Self { lake, engine, config, roots, ledgers: Mutex::default() })
    }

    /// Runs. Failures of single tables are in the report.
    ///
    /// # Errors
    /// `UndefinedTable` or `WrongObjectType` for a table asked for by name; the run as a whole could
    /// not be started or published, or what it did could not be written down: what is published then
    /// stays, and the next run of the same tables writes it down from their lists.
    pub async fn ingest(&self, request: &IngestRequest) -> Result<IngestReport> {
        let mut ledgers = self.ledgers.lock().await;
        let run = Run::start(RunKind::Ingest);
        self.lake.poll_epoch().await?;
        let snapshot = self.engine.snapshot().await?;
        let relations = chosen(&snapshot.catalog, request)?;
        let turns: Vec<_> = relations
            .into_iter()
            .map(|relation| {
                let ledger =
                    ledgers.remove(&relation.id).unwrap_or_else(|| Ledger::new(relation.id));
                self.part(&run, &snapshot, relation, ledger, request)
            })
            .collect();
        let parts: Vec<Part> =
            futures::stream::iter(turns).buffered(TABLES_AT_ONCE).collect().await;
        let published: Vec<Published> =
            parts.iter().flat_map(|part| part.published.clone()).collect();
        let ids: Vec<RelationId> = published.iter().map(|row| row.relation_id).collect();
        let before = self.lake.epoch().epoch;
        let after = self.lake.publish(&run, published).await?;
        let epoch = ids
            .iter()
            .filter_map(|id| after.relations.get(id))
            .map(|relation| relation.epoch)
            .filter(|epoch| *epoch > before)
            .max();
        let mut tables = Vec::new();
        let mut records = Records { epoch, ..Records::default() };
        let mut read = Vec::new();
        for part in parts {
            read.push(part.ledger);
            self.count(&part.outcome);
            let name = &part.outcome.table;
            records.files.extend(part.files);
            records.ingests.extend(part.ingest);
            records.expectations.extend(part.expectations.into_iter().map(|c| (name.clone(), c)));
            tables.push(part.outcome);
        }
        self.remember(&run, &records).await?;
        // Only now: a ledger that is read anew is compared with `lakeport.files` once more.
        ledgers.extend(read);
        Ok(IngestReport { run_id: run.id, epoch, tables })
    }

    fn count(&self, outcome: &TableOutcome) {
        let ended = match &outcome.error {
            Some(_) => Ended::Failed,
            None if outcome.files == 0 => return,
            None => Ended::Succeeded,
        };
        self.engine.metrics().ingest_ended(ended, outcome.rows);
    }

    /// Writes down what was done, each table for itself.
    async fn remember(&self, run: &Run, records: &Records) -> Result<()> {
        let (lake, id) = (&self.lake, run.id);
        let written = [
            history::append_files(lake, id, &records.files).await,
            history::append_ingests(lake, run, records.epoch, &records.ingests).await,
            history::append_expectations(lake, id, &records.expectations).await,
        ];
        let written: Result<()> = written.into_iter().collect();
        written.map_err(|error| error.within("the history of the ingest could not be written"))
    }

    async fn part(
        &self,
        run: &Run,
        snapshot: &Arc<Snapshot>,
        relation: Arc<Relation>,
        mut ledger: Ledger,
        request: &IngestRequest,
    ) -> Part {
        let clock = Arc::clone(self.lake.clock());
        let (started, started_at) = (clock.instant(), clock.now());
        let mut turn = Turn::default();
        let steps = &request.steps;
        let done = self.turn(run, snapshot, &relation, &mut ledger, steps, &mut turn).await;
        let elapsed_ms = clock.instant().duration_since(started).as_millis() as u64;
        let error = done.err();
        if let Some(error) = &error {
            tracing::warn!(relation = %relation.name, run_id = %run.id, %error, "ingest failed");
        } else if turn.batch.is_some() {
            tracing::info!(
                relation = %relation.name, run_id = %run.id, files = turn.files, rows = turn.rows,
                quarantined = turn.quarantined, elapsed_ms, "ingested"
            );
        }
        let ingest = (error.is_some() || turn.batch.is_some()).then(|| IngestRow {
            table: relation.name.clone(),
            batch: turn.batch,
            started_at,
            finished_at: clock.now(),
            files: turn.files,
            rows: turn.rows,
            quarantined: turn.quarantined,
            error: error.as_ref().map(ToString::to_string),
            attempt: request.attempt.max(1),
        });
        Part {
            outcome: TableOutcome {
                table: relation.name.clone(),
                files: turn.files,
                rows: turn.rows,
                quarantined: turn.quarantined,
                elapsed_ms,
                error,
            },
            published: turn.published,
            files: turn.history,
            ingest,
            expectations: turn.expectations,
            ledger: (relation.id, ledger),
        }
    }

    async fn turn(
        &self,
        run: &Run,
        snapshot: &Arc<Snapshot>,
        relation: &Relation,
        ledger: &mut Ledger,
        steps: &Steps,
        turn: &mut Turn,
    ) -> Result<()> {
        let name = relation.name.quarantine();
        let quarantine = snapshot
            .catalog
            .relation(&name)
            .ok_or_else(|| Error::internal(format!("{} has no quarantine table", relation.name)))?;
        let limits = &self.config.limits;
        let batch = BatchRun {
            lake: &self.lake,
            engine: &self.engine,
            roots: &self.roots,
            line_bytes_max: limits.line_bytes_max,
            run,
            snapshot,
            relation,
            quarantine,
            steps,
        };
        TableTurn { batch, batch_files_max: limits.batch_files_max, ledger }.run(turn).await
    }
}

/// The streaming tables asked for, by name.
fn chosen(catalog: &CatalogState, request: &IngestRequest) -> Result<Vec<Arc<Relation>>> {
    let streaming = |relation: &&Arc<Relation>| matches!(relation.kind, RelationKind::Streaming(_));
    let Some(names) = &request.tables else {
        return Ok(catalog.relations.values().filter(streaming).cloned().collect());
    };
    names
        .iter()
        .map(|name| match catalog.relation(name) {
            Some(relation) if streaming(&relation) => Ok(Arc::clone(relation)),
            Some(relation) => Err(Error::new(
                ErrorKind::WrongObjectType,
                format!("\"{name}\" is a {}", relation.kind.noun()),
            )
            .hint("Files are ingested into streaming tables.")),
            None => Err(Error::new(
                ErrorKind::UndefinedTable,
                format!("relation \"{name}\" does not exist"),
            )),
        })
        .collect()
}
