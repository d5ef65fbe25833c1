//! TPC-H in a lake: loaded, changed a little, refreshed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, lexsort_to_indices, take_record_batch};
use arrow::util::display::array_value_to_string;
use futures::TryStreamExt;
use lakeport::catalog::{Catalog, load_files, plan_apply};
use lakeport::clock::{Clock, SystemClock};
use lakeport::config::Config;
use lakeport::lake::{
    Commit, CommitMode, CommitOutcome, Lake, LakeRoot, Layout, Published, Run, RunKind, TableSpec,
};
use lakeport::matview::{RefreshRequest, Refresher};
use lakeport::name::{RelationName, RoleName};
use lakeport::query::Engine;
use lakeport::syntax::Query;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::views::{SMALL, VIEWS, small};

/// Files a table is laid out in, by date.
const FILES: usize = 24;
/// Of all rows, the part that changes, where `LAKEPORT_ROWS` does not say how many.
const CHANGED: usize = 1000;

/// Tables, their columns, and the one they lie by.
const TABLES: [(&str, &[&str], &str); 3] = [
    (
        "lineitem",
        &[
            "l_orderkey",
            "l_partkey",
            "l_suppkey",
            "l_quantity",
            "l_extendedprice",
            "l_discount",
            "l_returnflag",
            "l_linestatus",
            "l_shipdate",
        ],
        "l_shipdate",
    ),
    ("orders", &["o_orderkey", "o_custkey", "o_totalprice", "o_orderdate"], "o_orderdate"),
    ("customer", &["c_custkey", "c_nationkey"], "c_custkey"),
];

/// The folder with TPC-H's tables as Parquet, made when it is not there.
pub(crate) fn tpch(scale: f64) -> Option<PathBuf> {
    let folder = std::env::temp_dir().join(format!("lakeport-tpch-{scale}"));
    if !folder.join("lineitem.parquet").exists() {
        let python = std::env::var("LAKEPORT_PYTHON").ok()?;
        let tool = Path::new(&python).with_file_name("tpchgen-cli");
        let tables = "--tables=lineitem,orders,customer";
        let mut command = Command::new(tool);
        command.args(["parquet", "-s", &scale.to_string(), tables, "--output-dir"]).arg(&folder);
        command.output().ok().filter(|output| output.status.success())?;
    }
    Some(folder)
}

/// A lake with the tables and views.
pub(crate) struct Bench {
    _folder: TempDir,
    lake: Lake,
    catalog: Arc<Catalog>,
    engine: Arc<Engine>,
    refresher: Arc<Refresher>,
    clock: Arc<dyn Clock>,
    newest: RecordBatch,
}

impl Bench {
    /// Loads the tables, each laid out by its date.
    pub(crate) async fn new(tables: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let root = LakeRoot::Folder(folder.path().join("lake"));
        let lake = Lake::open(root, Arc::clone(&clock)).await.expect("a lake");
        let config = Arc::new(Config::default());
        let catalog = Catalog::open(lake.clone()).await.expect("a catalog");
        let engine = Engine::new(lake.clone(), Arc::clone(&catalog), Arc::clone(&config));
        let engine = engine.expect("an engine");
        let refresher =
            Refresher::new(lake.clone(), Arc::clone(&catalog), Arc::clone(&engine), config);
        define(folder.path());
        let newest = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
        let mut bench = Self { _folder: folder, lake, catalog, engine, refresher, clock, newest };
        bench.apply().await;
        for (table, columns, by) in TABLES {
            bench.load(tables, table, columns, by).await;
        }
        bench
    }

    async fn apply(&self) {
        let root = self._folder.path();
        let desired = load_files(&root.join("catalog"), &root.join("sql")).expect("files");
        let base = self.lake.epoch();
        let current = self.catalog.at(&base).await.expect("a state");
        let plan = plan_apply(&current, &desired).expect("a plan");
        let run = Run::start(RunKind::Apply);
        let row = self.catalog.write(&run, &base, &plan.state).await.expect("written");
        self.lake.publish(&run, vec![row]).await.expect("published");
    }

    async fn load(&mut self, folder: &Path, table: &str, columns: &[&str], by: &str) {
        let rows = sorted(&read(&folder.join(format!("{table}.parquet")), columns), by);
        let size = rows.num_rows().div_ceil(FILES);
        for start in (0..rows.num_rows()).step_by(size) {
            let part = rows.slice(start, size.min(rows.num_rows() - start));
            self.commit(table, CommitMode::Append, &[], vec![part]).await;
        }
        if table == "lineitem" {
            let asked = std::env::var("LAKEPORT_ROWS").ok().and_then(|rows| rows.parse().ok());
            let count = asked.unwrap_or(rows.num_rows() / CHANGED);
            self.newest = rows.slice(rows.num_rows() - count * 4, count * 4);
        }
    }

    async fn commit(
        &self,
        table: &str,
        mode: CommitMode,
        gone: &[RecordBatch],
        came: Vec<RecordBatch>,
    ) {
        let name = RelationName::new("bronze", table);
        let location = self.lake.location(&name);
        let base = self.lake.newest(&location).await.expect("a log");
        let spec = match (&base, came.first()) {
            (Some(base), _) => base.spec(),
            (None, Some(batch)) => TableSpec::of(batch.schema()),
            (None, None) => return,
        };
        let files = match (&base, mode) {
            (Some(base), CommitMode::Edit) => {
                let columns: Vec<String> =
                    spec.schema.fields().iter().map(|field| field.name().clone()).collect();
                self.lake
                    .edit(base, &columns, gone, &came, &Layout::default())
                    .await
                    .expect("edited")
                    .files
            }
            _ => {
                let mut writer = self.lake.writer(&location, &spec).expect("a writer");
                for batch in came {
                    writer.write(batch).await.expect("written");
                }
                writer.finish().await.expect("finished")
            }
        };
        let run = Run::start(RunKind::Ingest);
        let progress = Vec::new();
        let commit = Commit {
            location: location.clone(),
            base,
            spec,
            mode,
            files,
            progress,
            run: Some(run.id),
            operation: "WRITE",
        };
        let CommitOutcome::Committed(table) = self.lake.commit(commit).await.expect("committed")
        else {
            panic!("a conflict")
        };
        let state = self.catalog.at(&self.lake.epoch()).await.expect("a state");
        let relation = state.relation(&name).expect("a relation");
        let row = Published {
            relation_id: relation.id,
            location,
            version: table.version(),
            read_only: false,
        };
        self.lake.publish(&run, vec![row]).await.expect("published");
    }

    /// A thousandth of the rows more, of the newest days.
    pub(crate) async fn append(&self, run: usize) {
        let count = self.newest.num_rows() / 4;
        let rows = self.newest.slice(run % 4 * count, count);
        self.commit("lineitem", CommitMode::Append, &[], vec![rows]).await;
    }

    /// A thousandth of the rows less, of the newest days.
    pub(crate) async fn delete(&self, run: usize) {
        let count = self.newest.num_rows() / 4;
        let rows = self.newest.slice((run + 1) % 4 * count, count);
        self.commit("lineitem", CommitMode::Edit, &[rows], Vec::new()).await;
    }

    /// The first build of all views.
    pub(crate) async fn build(&self) {
        let report = self.refresher.refresh(&RefreshRequest::default()).await.expect("built");
        assert!(report.views.iter().all(|view| view.state.is_current()), "{report:?}");
    }

    /// Refreshes one view.
    pub(crate) async fn refresh(&self, view: &str, full: bool) {
        let views = Some(vec![RelationName::new("silver", view)]);
        let request = RefreshRequest { views, full, ..RefreshRequest::default() };
        let report = self.refresher.refresh(&request).await.expect("refreshed");
        assert!(report.views.iter().all(|view| view.state.is_current()), "{report:?}");
    }

    /// What a refresh costs when nothing has changed.
    pub(crate) async fn nothing(&self) {
        let started = std::time::Instant::now();
        for _ in 0..10 {
            self.refresher.refresh(&RefreshRequest::default()).await.expect("refreshed");
        }
        let views = VIEWS.len() + SMALL;
        let each = started.elapsed().as_secs_f64() * 1000.0 / 10.0 / views as f64;
        println!("nothing changed: {each:.2} ms a view, {views} views");
    }

    /// How the views were refreshed.
    pub(crate) async fn strategies(&self) -> String {
        let sql = "SELECT view_name, strategy, reason, count(*), min(elapsed_ms), max(elapsed_ms) \
                   FROM lakeport.refreshes WHERE state = 'refreshed' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
        let snapshot = self.engine.snapshot().await.expect("a snapshot");
        let context = self.engine.server_context(RoleName::lakeport(), snapshot, self.clock.now());
        let query = Query::parse(sql).expect("a query");
        let plan = self.engine.plan(&query, &context, &[]).await.expect("a plan");
        let rows = self.engine.execute(&plan, &context, Vec::new()).await.expect("rows").stream;
        let batches: Vec<RecordBatch> = rows.try_collect().await.expect("rows");
        let line = |batch: &RecordBatch, row: usize| -> String {
            let values = batch.columns().iter();
            let values = values.map(|column| array_value_to_string(column, row).expect("text"));
            values.collect::<Vec<_>>().join(" | ")
        };
        let lines = batches.iter().flat_map(|b| (0..b.num_rows()).map(move |row| line(b, row)));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn define(root: &Path) {
    let write = |file: String, text: String| {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    let tables = TABLES.map(|(table, _, _)| {
        format!("CREATE STREAMING TABLE bronze.{table} AS SELECT * FROM STREAM read_files('{table}/*.csv', format => 'csv');")
    });
    let schemas = "CREATE SCHEMA bronze;\nCREATE SCHEMA silver;\n";
    write("catalog/bronze.sql".to_owned(), format!("{schemas}{}", tables.join("\n")));
    write("catalog/roles.sql".to_owned(), "CREATE ROLE lakeport SUPERUSER LOGIN;".to_owned());
    let views = VIEWS.map(|view| (view.name.to_owned(), view.query.to_owned()));
    for (name, query) in views.into_iter().chain((0..SMALL).map(small)) {
        let text = format!("CREATE MATERIALIZED VIEW silver.{name} AS {query};");
        write(format!("sql/silver/{name}.sql"), text);
    }
}

fn read(path: &Path, columns: &[&str]) -> RecordBatch {
    let file = File::open(path).expect("a file");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet");
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(65_536).build().expect("rows");
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
    let schema = batches[0].schema();
    concat_batches(&schema, &batches).expect("rows")
}

fn sorted(rows: &RecordBatch, by: &str) -> RecordBatch {
    let values: ArrayRef = Arc::clone(rows.column_by_name(by).expect("a column"));
    debug_assert_eq!(values.null_count(), 0);
    let column = arrow::compute::SortColumn { values, options: None };
    let order: UInt32Array = lexsort_to_indices(&[column], None).expect("an order");
    take_record_batch(rows, &order).expect("rows")
}
