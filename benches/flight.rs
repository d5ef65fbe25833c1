//! How fast do rows leave over Flight SQL, and what is in the way?
//!
//! A table like TPC-H's lineitem of scale 1: 6 million rows, 16 columns. Its rows are fetched by ADBC
//! from a server process; the same batches from the memory of a bare Flight server by the same driver
//! are the ceiling; DuckDB reads the same Parquet files in its own process. Then one endpoint against
//! two, the first batch, and 32 clients with small queries.
//!
//! Expected, release, two cores: 3 million rows a second, 0.8 of the ceiling, 300 MB of server memory,
//! the first batch within 30 ms, 500 small queries a second. Takes two minutes.
//! `LAKEPORT_BENCH_ROWS` asks for other than 6000000 rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench's way to fail")]

#[path = "flight/bare.rs"]
mod bare;
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use futures::{StreamExt, TryStreamExt};
use support::{Deployment, FlightClient, Process, ended, python};

const RUNS: usize = 3;
const CLIENTS: usize = 32;
const QUERIES: usize = 100;

const LINEITEM: &str = "CREATE TABLE sandbox.lineitem AS SELECT
    n / 4 AS l_orderkey, n * 7 % 200000 AS l_partkey, n * 13 % 10000 AS l_suppkey,
    (n % 7)::integer AS l_linenumber, (n % 50)::numeric(15,2) AS l_quantity,
    (n * 31 % 10000000 / 100.0)::numeric(15,2) AS l_extendedprice,
    (n % 11 / 100.0)::numeric(15,2) AS l_discount, (n % 9 / 100.0)::numeric(15,2) AS l_tax,
    CASE n % 3 WHEN 0 THEN 'A' WHEN 1 THEN 'N' ELSE 'R' END AS l_returnflag,
    CASE n % 2 WHEN 0 THEN 'O' ELSE 'F' END AS l_linestatus,
    DATE '1992-01-02' + (n % 2526)::integer AS l_shipdate,
    DATE '1992-01-31' + (n % 2466)::integer AS l_commitdate,
    DATE '1992-01-04' + (n % 2554)::integer AS l_receiptdate,
    CASE n % 4 WHEN 0 THEN 'DELIVER IN PERSON' WHEN 1 THEN 'COLLECT COD' ELSE 'NONE' END
        AS l_shipinstruct,
    CASE n % 4 WHEN 0 THEN 'TRUCK' WHEN 1 THEN 'MAIL' ELSE 'REG AIR' END AS l_shipmode,
    substr(md5(n::text), 1, (10 + n % 22)::integer) AS l_comment
    FROM generate_series(1, ROWS) AS t(n)";

/// Fetches everything by ADBC; prints rows and seconds.
const ADBC: &str = "
import sys, time
import adbc_driver_flightsql.dbapi as flight
with flight.connect(sys.argv[1], autocommit=True, db_kwargs={'username': 'lakeport', 'password': ''}) as c:
    with c.cursor() as cursor:
        s = time.perf_counter()
        cursor.execute(sys.argv[2])
        n = sum(batch.num_rows for batch in cursor.fetch_record_batch())
        print(n, time.perf_counter() - s)
";

/// DuckDB in its own process over the same files.
const DUCKDB: &str = "
import sys, time, duckdb
c = duckdb.connect()
c.execute('SET enable_progress_bar = false')
s = time.perf_counter()
reader = c.execute(f\"SELECT * FROM read_parquet('{sys.argv[1]}')\").to_arrow_reader(8192)
n = sum(batch.num_rows for batch in reader)
print(n, time.perf_counter() - s)
";

fn rows_wanted() -> usize {
    std::env::var("LAKEPORT_BENCH_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(6_000_000)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Millions of rows a second of a Python script; `None` without what it imports.
fn scripted(modules: &[&str], script: &str, arguments: &[&str], rows: usize) -> Option<f64> {
    let python = python(modules)?;
    let run = |_| {
        let answer = ended(Command::new(&python).args(["-c", script]).args(arguments)).ok();
        let (count, seconds) = answer.stdout.trim().split_once(' ').unwrap();
        assert_eq!(count.parse::<usize>().unwrap(), rows);
        rows as f64 / 1e6 / seconds.parse::<f64>().unwrap()
    };
    Some(median((0..RUNS).map(run).collect()))
}

/// The most memory a process has held, in megabytes.
fn peak_mb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Processor time, in hundredths of a second.
fn cpu_ticks(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
}

async fn connect(server: &Process) -> FlightClient {
    FlightClient::connect(server.flight, "lakeport").await.unwrap()
}

/// Fetches all endpoints at once, each on a connection of its own: seconds, and server CPU.
async fn endpoints(server: &Process, count: usize, rows: usize) -> (f64, f64) {
    let mut client = connect(server).await;
    client.update(&format!("SET lakeport.flight_endpoints = {count}")).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(connect(server).await);
    }
    let (before, started) = (cpu_ticks(server.id()), Instant::now());
    let sql = "SELECT * FROM sandbox.lineitem".to_owned();
    let info = client.inner.execute(sql, None).await.unwrap();
    assert_eq!(info.endpoint.len(), count);
    let mut fetching = Vec::new();
    for (endpoint, mut client) in info.endpoint.into_iter().zip(clients) {
        fetching.push(tokio::spawn(async move {
            let stream = client.inner.do_get(endpoint.ticket.unwrap()).await.unwrap();
            let counted = stream.try_fold(0, |n, batch| async move { Ok(n + batch.num_rows()) });
            counted.await.unwrap()
        }));
    }
    let mut fetched = 0;
    for share in fetching {
        fetched += share.await.unwrap();
    }
    assert_eq!(fetched, rows);
    (started.elapsed().as_secs_f64(), cpu_ticks(server.id()) - before)
}

async fn first_batch_ms(server: &Process) -> f64 {
    let mut client = connect(server).await;
    let mut times = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        let sql = "SELECT * FROM sandbox.lineitem".to_owned();
        let info = client.inner.execute(sql, None).await.unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let mut stream = client.inner.do_get(ticket).await.unwrap();
        stream.next().await.unwrap().unwrap();
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    median(times)
}

async fn small_queries(server: &Process) {
    let started = Instant::now();
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut client = connect(server).await;
        clients.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for query in 0..QUERIES {
                let asked = Instant::now();
                let id = number * QUERIES + query;
                let sql = format!("SELECT name FROM sandbox.small WHERE id = {}", id % 25);
                let rows = client.query(&sql).await.unwrap();
                assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
                times.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
            times
        }));
    }
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await.unwrap());
    }
    let seconds = started.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    println!(
        "{CLIENTS} clients, small queries: {:.0} a second, median {:.1} ms, p99 {:.1} ms",
        times.len() as f64 / seconds,
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
}

#[tokio::main]
async fn main() {
    let rows = rows_wanted();
    let deployment = Deployment::new();
    let server = deployment.spawn(&[]);
    let mut client = connect(&server).await;
    client.update(&LINEITEM.replace("ROWS", &rows.to_string())).await.unwrap();
    client.update("CREATE TABLE sandbox.small AS SELECT id, 'name ' || id AS name FROM generate_series(0, 24) AS t(id)").await.unwrap();
    server.terminate();

    let server = deployment.spawn(&[]);
    let uri = format!("grpc://{}", server.flight);
    let query = "SELECT * FROM sandbox.lineitem";
    let adbc = ["adbc_driver_flightsql", "pyarrow"];
    println!("first batch {:.1} ms", first_batch_ms(&server).await);
    let ours = scripted(&adbc, ADBC, &[&uri, query], rows);
    println!("server memory at most {:.0} MB", peak_mb(server.id()));
    let batches = connect(&server).await.query(query).await.unwrap();
    let bare = bare::serve(batches).await;
    let ceiling = scripted(&adbc, ADBC, &[&format!("grpc://{bare}"), query], rows);
    match (ours, ceiling) {
        (Some(ours), Some(ceiling)) => println!(
            "ADBC: {ours:.2} million rows a second; from memory {ceiling:.2}, ratio {:.2}",
            ours / ceiling
        ),
        _ => println!("ADBC is not installed (pip install adbc-driver-flightsql; LAKEPORT_PYTHON)"),
    }
    let files = deployment.path("lake/sandbox/lineitem").join("*.parquet").display().to_string();
    match scripted(&["duckdb", "pyarrow"], DUCKDB, &[&files], rows) {
        Some(peer) => println!("DuckDB in process: {peer:.2} million rows a second"),
        None => println!("DuckDB is not installed (pip install duckdb; LAKEPORT_PYTHON)"),
    }
    for count in [1, 2] {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(endpoints(&server, count, rows).await);
        }
        let seconds = median(runs.iter().map(|run| run.0).collect());
        let cpu = median(runs.iter().map(|run| run.1).collect());
        println!(
            "{count} endpoints, Rust client: {seconds:.2} s, {:.2} s of server CPU",
            cpu / 100.0
        );
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    small_queries(&server).await;
}
