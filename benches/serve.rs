//! How soon is a server ready, how little does it hold, how fast does it answer?
//!
//! A lake of 60 tables: 20 streaming tables, 40 views. Time from the start of the process to `ready`,
//! resident memory at rest, a point query on an open connection, and a connection with its first
//! query. DuckDB answers the same point query in its own process.
//!
//! Expected, release: ready within 1 s, under 150 MB at rest, a point query 2 ms, connecting and the
//! first query 5 ms. Takes half a minute.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench's way to fail")]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use support::{Deployment, Process, ended, python, text_rows};

const RUNS: usize = 5;
const QUERIES: usize = 200;
const POINT: &str = "SELECT name FROM silver.v00 WHERE id = 7";

fn lake() -> Deployment {
    let mut bronze = String::new();
    for table in 0..20 {
        bronze += &format!(
            "CREATE STREAMING TABLE bronze.t{table:02} (id integer, name text)\n\
             AS SELECT * FROM STREAM read_files('t{table:02}/*.csv', format => 'csv');\n"
        );
    }
    let mut deployment = Deployment::new().catalog("bronze.sql", &bronze);
    let lines: String = (0..25).map(|id| format!("{id},name {id}\n")).collect();
    for table in 0..20 {
        deployment.landing(&format!("t{table:02}/all.csv"), format!("id,name\n{lines}"));
    }
    for view in 0..40 {
        let sql = format!(
            "CREATE MATERIALIZED VIEW silver.v{view:02} AS\nSELECT id, name FROM bronze.t{:02};\n",
            view % 20
        );
        deployment = deployment.sql(&format!("silver/v{view:02}.sql"), &sql);
    }
    deployment.run(&["ingest"]).ok();
    deployment.run(&["refresh"]).ok();
    deployment
}

fn median<T: PartialOrd>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values.swap_remove(values.len() / 2)
}

/// Resident memory, in megabytes.
fn resident_mb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

async fn connect(server: &Process) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::Config::new()
        .host(server.postgres.ip().to_string())
        .port(server.postgres.port())
        .user("lakeport")
        .dbname("test")
        .connect(tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

fn duckdb_point_ms() -> Option<f64> {
    let python = python(&["duckdb"])?;
    let script = format!(
        "import duckdb, time\nc = duckdb.connect()\nc.sql('CREATE TABLE v AS SELECT range AS id, \
         ''name '' || range AS name FROM range(25)')\nt = []\nfor _ in range({QUERIES}):\n    \
         s = time.perf_counter(); c.execute('SELECT name FROM v WHERE id = 7').fetchall()\n    \
         t.append(time.perf_counter() - s)\nprint(sorted(t)[len(t) // 2] * 1000)"
    )
    .replace("''name ''", "\\'name \\'");
    let answered = ended(Command::new(python).args(["-c", &script])).ok();
    answered.stdout.trim().parse().ok()
}

#[tokio::main]
async fn main() {
    let deployment = lake();
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let started = Instant::now();
        let server = deployment.spawn(&[]);
        ready.push(started.elapsed().as_secs_f64());
        tokio::time::sleep(Duration::from_secs(2)).await;
        memory.push(resident_mb(server.id()));
        assert_eq!(server.terminate(), Some(0));
    }
    println!("60 tables: ready in {:.2} s, {:.0} MB at rest", median(ready), median(memory));
    let server = deployment.spawn(&[]);
    let client = connect(&server).await;
    let (mut asked, mut connected) = (Vec::new(), Vec::new());
    for _ in 0..QUERIES {
        let started = Instant::now();
        text_rows(&client, POINT).await.unwrap();
        asked.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    for _ in 0..QUERIES / 10 {
        let started = Instant::now();
        text_rows(&connect(&server).await, POINT).await.unwrap();
        connected.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    let asked = median(asked);
    print!("point query {asked:.2} ms");
    match duckdb_point_ms() {
        Some(peer) => println!("; DuckDB in process {peer:.2} ms, ratio {:.1}", asked / peer),
        None => println!("; DuckDB is not installed (pip install duckdb; LAKEPORT_PYTHON)"),
    }
    println!("connect and first query {:.2} ms", median(connected));
}
