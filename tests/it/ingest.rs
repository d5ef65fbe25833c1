//! Landing files, each exactly once.

mod by_hand;
mod exactly_once;
mod formats;
mod lines;
mod paths;
mod typed;

use std::io::Write as _;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt as _;
use lakeport::error::Error;
use lakeport::ingest::{IngestReport, IngestRequest};
use lakeport::name::RoleName;
use lakeport::query::Engine;
use lakeport::session::Services;
use lakeport::syntax::Query;

use super::support::Deployment;

/// A deployment with one streaming table `bronze.t`: its column list (may be empty) and what stands
/// in `read_files(...)`.
fn deployment(columns: &str, source: &str) -> Deployment {
    Deployment::new().catalog("bronze.sql", &table(columns, source))
}

fn table(columns: &str, source: &str) -> String {
    let columns = if columns.is_empty() { String::new() } else { format!("({columns})") };
    format!(
        "-- One.\nCREATE STREAMING TABLE bronze.t {columns}\nAS SELECT *, _metadata.file_path AS \
         _source_file, _metadata.ingested_at AS _ingested_at\nFROM STREAM read_files({source});\n"
    )
}

const CSV: &str = "'in/*.csv', format => 'csv'";

async fn ingest(services: &Services) -> IngestReport {
    let report = services.ingester.ingest(&IngestRequest::default()).await.unwrap();
    if let Some(error) = report.tables.iter().find_map(|table| table.error.clone()) {
        panic!("{error}");
    }
    report
}

async fn failure(services: &Services) -> Error {
    let report = services.ingester.ingest(&IngestRequest::default()).await.unwrap();
    report.tables[0].error.clone().expect("the table should fail")
}

/// Every value as text, NULL as `-`.
async fn query(services: &Services, sql: &str) -> Vec<String> {
    let engine = &services.engine;
    let snapshot = engine.snapshot().await.unwrap();
    let now = services.lake.clock().now();
    let context = engine.server_context(RoleName::lakeport(), snapshot, now);
    let plan = engine.plan(&Query::parse(sql).unwrap(), &context, &[]).await.unwrap();
    let mut execution = engine.execute(&plan, &context, Vec::new()).await.unwrap();
    let mut rows = Vec::new();
    let options = FormatOptions::default().with_null("-");
    while let Some(batch) = execution.stream.next().await {
        let batch = batch.map_err(Engine::error).unwrap();
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join("|"));
        }
    }
    rows
}

async fn one(services: &Services, sql: &str) -> String {
    query(services, sql).await.join("\n")
}

/// Column names and types of `bronze.t`.
async fn columns(services: &Services) -> Vec<String> {
    let name = lakeport::name::RelationName::new("bronze", "t");
    let table = services.lake.newest(&services.lake.location(&name)).await.unwrap().unwrap();
    let fields = table.schema();
    fields.fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect()
}

async fn states(services: &Services) -> Vec<String> {
    query(services, "SELECT path, state, rows, quarantined FROM lakeport.files ORDER BY 1, 2, 3")
        .await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
