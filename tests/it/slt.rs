//! The corpus of `tests/slt`: each file over three transports, which must give the same text.
//!
//! Whoever adds a file adds a test. Every folder gets a server of its own over the deployment in
//! `tests/slt/deployment`, with its landing files ingested and its views built; a file takes away
//! what it makes. `\connect role` goes on as another role, in a `connection` block of its own if two
//! are wanted. Where an answer is not PostgreSQL's it stands in `deviations`, with PostgreSQL's
//! beside it. `LAKEPORT_SLT=types` runs the files whose path holds that word.

mod binary;
mod columnar;
mod text;
mod transport;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lakeport::ingest::IngestRequest;
use lakeport::matview::RefreshRequest;
use sqllogictest::Runner;

use crate::support::{Deployment, TestServer};

use transport::{Connection, Target, Transport};

#[tokio::test(flavor = "multi_thread")]
async fn the_corpus_holds_over_postgres_simple() {
    run(Transport::Simple).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_corpus_holds_over_postgres_extended() {
    run(Transport::Extended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_corpus_holds_over_flight_sql() {
    run(Transport::Flight).await;
}

async fn run(transport: Transport) {
    let mut failures = Vec::new();
    for (_folder, files) in corpus() {
        let (_deployment, server) = serve().await;
        let target = Target {
            postgres: server.addresses.postgres,
            flight: server.addresses.flight,
            database: server.services.config.name.clone(),
        };
        for file in files {
            let connect = || Connection::open(transport, target.clone(), "lakeport");
            let mut runner = Runner::new(connect);
            // Record by record, so that one run shows everything that differs.
            for record in sqllogictest::parse_file(&file).unwrap() {
                if let Err(failure) = runner.run_async(record).await {
                    failures.push(failure.to_string());
                }
            }
            runner.shutdown_async().await;
        }
        server.stop().await.unwrap();
    }
    assert!(failures.is_empty(), "over {transport:?}:\n\n{}", failures.join("\n\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt")
}

/// All files by their folder, sorted, so that a failure is found where it was before.
fn corpus() -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let wanted = std::env::var("LAKEPORT_SLT").unwrap_or_default();
    let mut files = files_below(&root());
    files.retain(|file| {
        file.extension().is_some_and(|extension| extension == "slt")
            && file.to_string_lossy().contains(&wanted)
    });
    files.sort();
    assert!(!files.is_empty(), "no file of the corpus holds \"{wanted}\" in its path");
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        folders.entry(file.parent().unwrap().to_owned()).or_default().push(file);
    }
    folders
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The corpus' deployment, ingested and built, on a server of its own.
async fn serve() -> (Deployment, TestServer) {
    let deployment = Deployment::new();
    let source = root().join("deployment");
    for file in files_below(&source) {
        let relative = file.strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        deployment.write(&relative, std::fs::read(&file).unwrap());
    }
    let services = deployment.apply().await;
    let ingested = services.ingester.ingest(&IngestRequest::default()).await.unwrap();
    for table in &ingested.tables {
        assert!(table.error.is_none(), "{}: {:?}", table.table, table.error);
    }
    let request = RefreshRequest { attempt: 1, ..RefreshRequest::default() };
    services.refresher.refresh(&request).await.unwrap();
    let server = TestServer::start(services, &deployment.paths()).await;
    (deployment, server)
}
