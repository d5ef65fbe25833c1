//! What does a landing file cost?
//!
//! One large CSV file, then many small ones, ingested by the binary; beside it DuckDB reads the same
//! files with `read_csv` into Parquet. Both are timed as processes, from start to end.
//!
//! Expected, release, two cores: a million rows a second, and a thousand small files a second; DuckDB
//! two to three times as fast with the large file. Takes half a minute, with a dev build two.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench's way to fail")]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{Deployment, ended, python};

const LARGE_ROWS: u64 = 1_000_000;
const SMALL_FILES: u64 = 2_000;
const SMALL_ROWS: u64 = 20;
const RUNS: usize = 3;

const BRONZE: &str = "
CREATE STREAMING TABLE bronze.sales (
    sale_id bigint, sold_at timestamp, store text, quantity integer, price numeric(12, 2), note text
)
AS SELECT *, _metadata.file_path AS _source_file
FROM STREAM read_files('sales/*.csv', format => 'csv');
";

fn rows(first: u64, count: u64) -> String {
    let mut text = "sale_id,sold_at,store,quantity,price,note\n".to_owned();
    for id in first..first + count {
        let (day, store, quantity) = (id % 28 + 1, id % 60, id % 9 + 1);
        let (euros, cents) = (id % 500, id % 100);
        writeln!(
            text,
            "{id},2026-10-{day:02} 12:00:00,S{store:03},{quantity},{euros}.{cents:02},\"sold, paid\""
        )
        .unwrap();
    }
    text
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Ingests into a lake of its own each time.
fn ours(deployment: &Deployment) -> Duration {
    let times = (0..RUNS).map(|_| {
        let _ = std::fs::remove_dir_all(deployment.path("lake"));
        let started = Instant::now();
        deployment.run(&["ingest"]).ok();
        started.elapsed()
    });
    median(times.collect())
}

/// DuckDB over the same files, or `None` where it is not installed.
fn duckdb(deployment: &Deployment) -> Option<Duration> {
    let python = python(&["duckdb"])?;
    let script = format!(
        "import duckdb; duckdb.sql(\"COPY (SELECT * FROM read_csv('{}/*.csv', filename=true)) \
         TO '{}' (FORMAT parquet)\")",
        deployment.path("landing/sales").display(),
        deployment.path("peer.parquet").display()
    );
    let times = (0..RUNS).map(|_| {
        let started = Instant::now();
        ended(Command::new(&python).args(["-c", &script])).ok();
        started.elapsed()
    });
    Some(median(times.collect()))
}

fn report(what: &str, count: u64, unit: &str, deployment: &Deployment) {
    let ours = ours(deployment).as_secs_f64();
    print!("{what}: {ours:.2} s, {:.0} {unit}/s", count as f64 / ours);
    match duckdb(deployment).map(|time| time.as_secs_f64()) {
        Some(peer) => println!("; DuckDB {peer:.2} s, ratio {:.1}", ours / peer),
        None => println!("; DuckDB is not installed (pip install duckdb; LAKEPORT_PYTHON)"),
    }
}

fn main() {
    let large = Deployment::new().catalog("bronze.sql", BRONZE);
    large.landing("sales/all.csv", rows(0, LARGE_ROWS));
    report("one file of a million rows", LARGE_ROWS, "rows", &large);
    let small = Deployment::new().catalog("bronze.sql", BRONZE);
    for file in 0..SMALL_FILES {
        small.landing(&format!("sales/{file:05}.csv"), rows(file * SMALL_ROWS, SMALL_ROWS));
    }
    report("2,000 files of 20 rows", SMALL_FILES, "files", &small);
}
