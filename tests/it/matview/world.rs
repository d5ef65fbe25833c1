//! A lake in a temporary folder with a catalog from files, whose bronze tables a test fills by hand.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::util::display::array_value_to_string;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use lakeport::catalog::{Catalog, load_files, plan_apply};
use lakeport::clock::{Clock, ManualClock};
use lakeport::config::Config;
use lakeport::error::{Error, Result};
use lakeport::lake::{
    Commit, CommitMode, CommitOutcome, Lake, LakeRoot, Published, Run, RunKind, Table, TableSpec,
};
use lakeport::matview::{RefreshReport, RefreshRequest, Refresher, ViewState};
use lakeport::name::{Epoch, RelationName, RoleName};
use lakeport::query::Engine;
use lakeport::syntax::Query;
use tempfile::TempDir;

/// One server's parts over a lake that others may share.
pub(super) struct World {
    folder: Arc<TempDir>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) lake: Lake,
    pub(super) catalog: Arc<Catalog>,
    pub(super) engine: Arc<Engine>,
    pub(super) config: Arc<Config>,
    pub(super) refresher: Arc<Refresher>,
}

const BRONZE: &str = "
CREATE SCHEMA bronze;
CREATE SCHEMA silver;
CREATE SCHEMA gold_finance;
CREATE STREAMING TABLE bronze.orders
AS SELECT * FROM STREAM read_files('orders/*.csv', format => 'csv');
CREATE STREAMING TABLE bronze.rates
AS SELECT * FROM STREAM read_files('rates/*.csv', format => 'csv');
";

pub(super) fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

pub(super) fn name(text: &str) -> RelationName {
    text.parse().unwrap()
}

/// Rows of `bronze.orders`: id, currency, amount.
pub(super) fn orders(rows: &[(Option<i64>, &str, Option<f64>)]) -> RecordBatch {
    let ids: Int64Array = rows.iter().map(|row| row.0).collect();
    let currencies: StringArray = rows.iter().map(|row| Some(row.1)).collect();
    let amounts: Float64Array = rows.iter().map(|row| row.2).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("order_id", Arc::new(ids)),
        ("currency", Arc::new(currencies)),
        ("amount", Arc::new(amounts)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
}

/// Rows of `bronze.rates`: currency, rate.
pub(super) fn rates(rows: &[(&str, f64)]) -> RecordBatch {
    let currencies: StringArray = rows.iter().map(|row| Some(row.0)).collect();
    let values: Float64Array = rows.iter().map(|row| Some(row.1)).collect();
    let columns: [(&str, ArrayRef); 2] =
        [("currency", Arc::new(currencies)), ("rate", Arc::new(values))];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
}

impl World {
    /// With `bronze.orders` and `bronze.rates`, and these views, each as `schema/view` and its text.
    pub(super) async fn new(views: &[(&str, &str)]) -> Self {
        Self::build(start_of_time(), BRONZE, views, holding()).await
    }

    /// As [`World::new`], over other bronze tables.
    pub(super) async fn with(bronze: &str, views: &[(&str, &str)]) -> Self {
        Self::build(start_of_time(), bronze, views, holding()).await
    }

    /// As [`World::new`], with another configuration.
    pub(super) async fn configured(views: &[(&str, &str)], config: Config) -> Self {
        Self::build(start_of_time(), BRONZE, views, config).await
    }

    /// As [`World::new`], at another time: files carry the machine's.
    pub(super) async fn starting(start: DateTime<Utc>, views: &[(&str, &str)]) -> Self {
        Self::build(start, BRONZE, views, holding()).await
    }

    async fn build(
        start: DateTime<Utc>,
        bronze: &str,
        views: &[(&str, &str)],
        config: Config,
    ) -> Self {
        let clock = ManualClock::new(start);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        for sub in ["catalog", "sql"] {
            std::fs::create_dir_all(folder.path().join(sub)).unwrap();
        }
        let world = Self::over(folder, clock, config).await;
        world.write("catalog/bronze.sql", bronze);
        world.write("catalog/roles.sql", "CREATE ROLE lakeport SUPERUSER LOGIN;");
        for (view, text) in views {
            world.define(view, text);
        }
        world.apply().await;
        world
    }

    async fn over(folder: Arc<TempDir>, clock: Arc<ManualClock>, config: Config) -> Self {
        let root = LakeRoot::Folder(folder.path().join("lake"));
        let time: Arc<dyn Clock> = clock.clone();
        let lake = Lake::open(root, time).await.unwrap();
        let config = Arc::new(config);
        let catalog = Catalog::open(lake.clone()).await.unwrap();
        let engine = Engine::new(lake.clone(), Arc::clone(&catalog), Arc::clone(&config)).unwrap();
        let refresher = Refresher::new(
            lake.clone(),
            Arc::clone(&catalog),
            Arc::clone(&engine),
            Arc::clone(&config),
        );
        Self { folder, clock, lake, catalog, engine, config, refresher }
    }

    /// Another server over the same lake.
    pub(super) async fn second(&self) -> Self {
        let config = Config::clone(&self.config);
        Self::over(Arc::clone(&self.folder), Arc::clone(&self.clock), config).await
    }

    /// The server after a crash that came before the newest `commits` of a table: `_lakeport/epochs`,
    /// `silver/orders`.
    pub(super) fn undo(&self, table: &str, commits: usize) {
        let log = self.folder.path().join("lake").join(table).join("_delta_log");
        let entries = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
        let mut entries: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
        entries.sort();
        for entry in entries.iter().rev().take(commits) {
            std::fs::remove_file(entry).unwrap();
        }
    }

    /// A path below the world's folder: `lake/bronze/orders`.
    pub(super) fn path(&self, relative: &str) -> std::path::PathBuf {
        self.folder.path().join(relative)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes a view's file; `view` is like `silver/orders` or `gold/finance/revenue`.
    pub(super) fn define(&self, view: &str, text: &str) {
        self.write(&format!("sql/{view}.sql"), text);
    }

    /// Applies the files as one epoch.
    pub(super) async fn apply(&self) {
        let root = self.folder.path();
        let desired = load_files(&root.join("catalog"), &root.join("sql"));
        let desired = desired.unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        self.lake.poll_epoch().await.unwrap();
        let base = self.lake.epoch();
        let current = self.catalog.at(&base).await.unwrap();
        let plan = plan_apply(&current, &desired).unwrap_or_else(|m| panic!("{m:#?}"));
        let run = Run::start(RunKind::Apply);
        let row = self.catalog.write(&run, &base, &plan.state).await.unwrap();
        self.lake.publish(&run, vec![row]).await.unwrap();
    }

    /// Appends rows to a bronze table, as an ingest would, and publishes them.
    pub(super) async fn arrive(&self, table: &str, rows: RecordBatch) -> Table {
        let run = Run::start(RunKind::Ingest);
        let table = self.append(table, rows, Some(&run)).await;
        self.publish(&run, "", &table).await;
        table
    }

    /// Commits rows to a table; without a run, as a stranger would.
    pub(super) async fn append(&self, table: &str, rows: RecordBatch, run: Option<&Run>) -> Table {
        self.commit(table, rows, CommitMode::Append, run).await
    }

    /// Puts rows in the place of all that a bronze table has, and publishes them.
    pub(super) async fn overwrite(&self, table: &str, rows: RecordBatch) {
        let run = Run::start(RunKind::Ingest);
        let table = self.commit(table, rows, CommitMode::Overwrite, Some(&run)).await;
        self.publish(&run, "", &table).await;
    }

    async fn commit(
        &self,
        table: &str,
        rows: RecordBatch,
        mode: CommitMode,
        run: Option<&Run>,
    ) -> Table {
        let location = self.lake.location(&name(table));
        let base = self.lake.newest(&location).await.unwrap();
        let spec = base.as_ref().map_or_else(|| TableSpec::of(rows.schema()), Table::spec);
        let mut writer = self.lake.writer(&location, &spec).unwrap();
        writer.write(rows).await.unwrap();
        let commit = Commit {
            location,
            base,
            spec,
            mode,
            files: writer.finish().await.unwrap(),
            progress: Vec::new(),
            run: run.map(|run| run.id),
            operation: "WRITE",
        };
        match self.lake.commit(commit).await.unwrap() {
            CommitOutcome::Committed(table) => table,
            CommitOutcome::Conflict(why) => panic!("conflict: {why}"),
        }
    }

    /// Publishes one table's version; `relation` may be left out for bronze tables.
    pub(super) async fn publish(&self, run: &Run, relation: &str, table: &Table) {
        let state = self.catalog.at(&self.lake.epoch()).await.unwrap();
        let located = |r: &RelationName| self.lake.location(r) == *table.location();
        let relation = match relation {
            "" => state.relations.values().find(|r| located(&r.name)).unwrap(),
            named => state.relation(&name(named)).unwrap(),
        };
        let row = Published {
            relation_id: relation.id,
            location: table.location().clone(),
            version: table.version(),
            read_only: false,
        };
        self.lake.publish(run, vec![row]).await.unwrap();
    }

    /// Refreshes every view.
    pub(super) async fn refresh(&self) -> RefreshReport {
        self.refresh_only(&[]).await
    }

    /// Refreshes some views; all when none is named.
    pub(super) async fn refresh_only(&self, views: &[&str]) -> RefreshReport {
        let views = (!views.is_empty()).then(|| views.iter().map(|view| name(view)).collect());
        let request = RefreshRequest { views, attempt: 1, ..Default::default() };
        self.refresher.refresh(&request).await.unwrap()
    }

    /// What a superuser reads: one text a row, columns separated by `|`, sorted.
    pub(super) async fn try_rows(&self, sql: &str) -> Result<Vec<String>> {
        let batches = self.try_batches(sql).await?;
        let mut rows: Vec<String> = batches.iter().flat_map(texts).collect();
        rows.sort();
        Ok(rows)
    }

    async fn try_batches(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let snapshot = self.engine.snapshot().await?;
        let now = self.clock.now();
        let context = self.engine.server_context(RoleName::lakeport(), snapshot, now);
        let plan = self.engine.plan(&Query::parse(sql)?, &context, &[]).await?;
        let stream = self.engine.execute(&plan, &context, Vec::new()).await?.stream;
        stream.try_collect().await.map_err(Engine::error)
    }

    /// What a superuser reads, as it comes.
    pub(super) async fn batches(&self, sql: &str) -> Vec<RecordBatch> {
        self.try_batches(sql).await.unwrap()
    }

    /// As [`World::try_rows`], of a query that must work.
    pub(super) async fn rows(&self, sql: &str) -> Vec<String> {
        self.try_rows(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// As [`World::try_rows`], of a query that must fail.
    pub(super) async fn refusal(&self, sql: &str) -> Error {
        self.try_rows(sql).await.expect_err(sql)
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.lake.epoch().epoch
    }

    pub(super) fn clock_seconds(&self) -> i64 {
        self.clock.now().timestamp()
    }

    pub(super) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn texts(batch: &RecordBatch) -> Vec<String> {
    let value = |row: usize| {
        let columns = batch.columns().iter();
        let values = columns.map(|column| array_value_to_string(column, row).unwrap());
        values.collect::<Vec<_>>().join("|")
    };
    (0..batch.num_rows()).map(value).collect()
}

/// How each view of a report ended: `silver.orders refreshed`.
pub(super) fn states(report: &RefreshReport) -> Vec<String> {
    let word = |state: &ViewState| match state {
        ViewState::Skipped(because) => format!("skipped for {because}"),
        other => other.word().to_owned(),
    };
    report.views.iter().map(|view| format!("{} {}", view.view, word(&view.state))).collect()
}

/// The error of the one view of a report that failed.
pub(super) fn failure(report: &RefreshReport) -> &Error {
    report
        .views
        .iter()
        .find_map(|view| match &view.state {
            ViewState::Failed(error) => Some(error),
            _ => None,
        })
        .unwrap_or_else(|| panic!("nothing failed: {report:?}"))
}

/// Small tables, too, are read once for both versions.
fn holding() -> Config {
    let mut config = Config::default();
    config.limits.hold_from_bytes = 0;
    config
}
