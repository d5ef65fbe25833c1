//! DuckDB as a second opinion: Lakeport's answers go out as Parquet, a script compares them.

use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use lakeport::catalog::{Relation, RelationKind};
use lakeport::config::Paths;
use lakeport::ingest::IngestRequest;
use lakeport::matview::{RefreshRequest, ViewState};
use lakeport::name::RoleName;
use lakeport::project::{self, Overrides};
use lakeport::session::Services;
use lakeport::syntax::Query;
use parquet::arrow::ArrowWriter;

use crate::support::{ended, python, words};

/// Opens a lake with a deployment's files applied.
pub(crate) async fn open(paths: &Paths) -> Arc<Services> {
    let config = project::load_config(paths, Overrides::default()).unwrap();
    let services = project::open(paths, config).await.unwrap();
    match project::apply_files(&services, paths).await {
        Ok(_) => services,
        Err(failure) => panic!("{}", words(&failure)),
    }
}

/// Ingests everything that has landed.
pub(crate) async fn ingest(services: &Services) {
    let report = services.ingester.ingest(&IngestRequest::default()).await.unwrap();
    for table in &report.tables {
        assert!(table.error.is_none(), "{}: {:?}", table.table, table.error);
    }
}

/// Refreshes every view; each must come out current.
pub(crate) async fn refresh(services: &Services) {
    let request = RefreshRequest { attempt: 1, ..RefreshRequest::default() };
    let report = services.refresher.refresh(&request).await.unwrap();
    for view in &report.views {
        let state = &view.state;
        if let ViewState::Failed(error) = state {
            panic!("{}: {error}", view.view);
        }
        assert!(state.is_current(), "{}: {state:?}", view.view);
    }
}

/// Compares every view with what the script in `tests/oracle` makes of `facts`. Skipped by name
/// where there is no Python with DuckDB.
pub(crate) async fn compare(services: &Services, script: &str, facts: &Path) {
    compare_by(&["duckdb"], services, script, facts).await;
}

/// As [`compare`], by a script that imports these modules.
pub(crate) async fn compare_by(modules: &[&str], services: &Services, script: &str, facts: &Path) {
    let Some(python) = python(modules) else { return };
    let answers = tempfile::tempdir().unwrap();
    export(services, answers.path()).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(script);
    let mut command = std::process::Command::new(python);
    command.arg("-B").arg(script).arg(facts).arg(answers.path());
    let ended = ended(&mut command);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    println!("{}", ended.stdout);
}

/// All materialised views.
async fn views(services: &Services) -> Vec<Arc<Relation>> {
    let snapshot = services.engine.snapshot().await.unwrap();
    let mut relations = snapshot.catalog.refresh_order().unwrap();
    relations.retain(|relation| matches!(relation.kind, RelationKind::MaterializedView(_)));
    relations
}

/// Every materialised view as `<schema>.<view>.parquet`.
async fn export(services: &Services, to: &Path) {
    for view in views(services).await {
        let name = &view.name;
        let batches = select(services, &format!("SELECT * FROM {name}")).await;
        let file = std::fs::File::create(to.join(format!("{name}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), None).unwrap();
        for batch in &batches {
            writer.write(batch).unwrap();
        }
        writer.close().unwrap();
    }
}

/// All batches of a query, at least one, as role `lakeport`.
pub(crate) async fn select(
    services: &Services,
    sql: &str,
) -> Vec<arrow::record_batch::RecordBatch> {
    let engine = &services.engine;
    let snapshot = engine.snapshot().await.unwrap();
    let now = services.lake.clock().now();
    let context = engine.server_context(RoleName::lakeport(), snapshot, now);
    let query = Query::parse(sql).unwrap();
    let plan = engine.plan(&query, &context, &[]).await.unwrap();
    let schema = plan.schema();
    let execution = engine.execute(&plan, &context, Vec::new()).await.unwrap();
    let mut batches: Vec<_> = execution.stream.try_collect().await.unwrap();
    if batches.is_empty() {
        batches.push(arrow::record_batch::RecordBatch::new_empty(schema));
    }
    batches
}

/// A query's rows as text, columns joined by `|`, in the order they come.
pub(crate) async fn rows(services: &Services, sql: &str) -> Vec<String> {
    let batches = select(services, sql).await;
    let formats: arrow::util::display::FormatOptions<'_> = Default::default();
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| {
                arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &formats).unwrap()
            })
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<_> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join("|"));
        }
    }
    rows
}

/// Runs the question that each view's file asks for example; there must be one, and a COMMENT on the
/// view and on each of its columns.
pub(crate) async fn ask_examples(services: &Services, sql: &Path) {
    let views = views(services).await;
    assert!(!views.is_empty());
    for view in views {
        let file = view.file.clone().unwrap();
        let path = sql.parent().unwrap().join(&file);
        let path = if path.exists() { path } else { sql.join(&file) };
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        assert!(lines.next().unwrap().starts_with("-- One row per "), "{file}");
        let example = lines.next().unwrap().strip_prefix("-- For example: ").unwrap();
        let (_, question) = example.split_once("? ").unwrap();
        let answer = select(services, question.trim_end_matches(';')).await;
        assert!(answer[0].num_columns() > 0, "{file}");
        assert!(view.comment.is_some(), "{file} has no COMMENT");
        let schema = select(services, &format!("SELECT * FROM {} LIMIT 0", view.name)).await;
        for field in schema[0].schema().fields() {
            let described = view
                .columns
                .iter()
                .any(|column| column.name == *field.name() && column.comment.is_some());
            assert!(described, "{file}: column {} has no COMMENT", field.name());
        }
    }
}
