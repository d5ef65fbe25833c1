//! How fast do rows leave, how soon does the first, and how many small queries a second are answered?
//!
//! TPC-H's lineitem (6 million rows at scale 1) and customer (150,000), copied from the same CSV into a
//! lake and into a PostgreSQL 15 that the bench starts itself. Bulk reads by libpq (psycopg's, without
//! Python objects): text, binary, COPY binary; memory of the server while rows leave; the first row;
//! connecting, by trust and by SCRAM; prepared point, group-by and KPI queries by 1, 8, 32 clients;
//! idle connections.
//!
//! Expected, release: bulk 1.5 times PostgreSQL's rate; the first row within 50 ms; connect and first
//! query 2 ms (SCRAM 6); 350, 600, 600 queries a second; 100 KB an idle connection.
//!
//! Needs `tpchgen-cli` and `psycopg[binary]` from PyPI beside each other (`LAKEPORT_PYTHON`), psql, and
//! /usr/lib/postgresql/15. `LAKEPORT_SCALE` is the scale (1). Run by `cargo bench --bench pgwire`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench's way to fail")]

#[path = "pgwire/dashboards.rs"]
mod dashboards;
#[path = "pgwire/peer.rs"]
mod peer;
#[path = "pgwire/raw.rs"]
mod raw;
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use support::{Deployment, Process, ended, python};

use self::peer::Postgres;

const CLIENT: &str = include_str!("pgwire/client.py");
const RUNS: usize = 3;
const CONNECTIONS: usize = 30;
const IDLE: usize = 200;

const TABLES: &str = "CREATE TABLE public.lineitem (l_orderkey bigint, l_partkey bigint, l_suppkey \
    bigint, l_linenumber int, l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount \
    numeric(15,2), l_tax numeric(15,2), l_returnflag text, l_linestatus text, l_shipdate date, \
    l_commitdate date, l_receiptdate date, l_shipinstruct text, l_shipmode text, l_comment text);
    CREATE TABLE public.customer (c_custkey bigint, c_name text, c_address text, c_nationkey bigint, \
    c_phone text, c_acctbal numeric(15,2), c_mktsegment text, c_comment text)";

/// A server under measurement.
struct Server {
    name: &'static str,
    address: SocketAddr,
    database: &'static str,
    process: u32,
}

fn tpch(scale: &str) -> Option<PathBuf> {
    let folder = std::env::temp_dir().join(format!("lakeport-tpch-csv-{scale}"));
    if !folder.join("lineitem.csv").exists() {
        let tool = Path::new(&std::env::var("LAKEPORT_PYTHON").ok()?).with_file_name("tpchgen-cli");
        let mut command = Command::new(tool);
        command
            .args(["csv", "-s", scale, "--tables=lineitem,customer", "--output-dir"])
            .arg(&folder);
        command.output().ok().filter(|output| output.status.success())?;
    }
    Some(folder)
}

fn load(server: &Server, files: &Path, after: &[&str]) {
    let Server { name, address, database, .. } = server;
    let info = format!("host=127.0.0.1 port={} user=lakeport dbname={database}", address.port());
    let run = |sql: &str| {
        ended(Command::new("psql").args([&info, "-qv", "ON_ERROR_STOP=1", "-c", sql])).ok();
    };
    TABLES.split(';').for_each(run);
    let started = Instant::now();
    for table in ["lineitem", "customer"] {
        let file = files.join(format!("{table}.csv"));
        run(&format!("\\copy public.{table} FROM '{}' CSV HEADER", file.display()));
    }
    println!("{name:<10} copying in {:.1} s", started.elapsed().as_secs_f64());
    after.iter().for_each(|sql| run(sql));
}

/// Rows a second of each way to read all of lineitem.
fn bulk(servers: &[Server]) {
    let Some(python) = python(&["psycopg", "psycopg_binary"]) else { return };
    for way in ["text", "binary", "copy"] {
        print!("bulk {way:<7}");
        let mut rates = Vec::new();
        for Server { name, address, database, .. } in servers {
            let port = address.port().to_string();
            let rate = (0..RUNS)
                .map(|_| {
                    let arguments = ["-c", CLIENT, &port, database, way];
                    let answered = ended(Command::new(&python).args(arguments)).ok();
                    answered.stdout.trim().parse::<f64>().unwrap()
                })
                .fold(0.0, f64::max);
            print!("  {name} {:.2} million rows a second", rate / 1e6);
            rates.push(rate);
        }
        println!("  ratio {:.2}", rates[0] / rates[1]);
    }
}

/// Resident memory, in megabytes.
fn resident_mb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn connecting(name: &str, address: SocketAddr, database: &str, password: &str) {
    let mut times = Vec::new();
    for _ in 0..CONNECTIONS {
        let started = Instant::now();
        let (client, connection) = tokio_postgres::Config::new()
            .host("127.0.0.1")
            .port(address.port())
            .user("lakeport")
            .password(password)
            .dbname(database)
            .connect(tokio_postgres::NoTls)
            .await
            .unwrap();
        let task = tokio::spawn(connection);
        client.simple_query("SELECT 1").await.unwrap();
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        drop(client);
        task.await.unwrap().unwrap();
    }
    println!("{name:<10} connect and first query {:.2} ms", median(times));
}

/// What the server holds more, and each of many idle connections costs.
async fn memory(server: &Server) {
    let before = resident_mb(server.process);
    let rows = raw::read_all(server.address, server.database, |half| {
        println!(
            "{:<10} +{:.0} MB at {half} of lineitem",
            server.name,
            resident_mb(server.process) - before
        );
    });
    println!(
        "{:<10} {:.2} million rows a second to a client that only counts",
        server.name,
        rows / 1e6
    );
    let before = resident_mb(server.process);
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let (client, connection) = dashboards::connect(server.address, server.database).await;
        client.simple_query("SELECT 1").await.unwrap();
        idle.push((client, connection));
    }
    let each = (resident_mb(server.process) - before) * 1024.0 / IDLE as f64;
    println!("{:<10} {each:.0} KB an idle connection", server.name);
}

#[tokio::main]
async fn main() {
    let scale = std::env::var("LAKEPORT_SCALE").unwrap_or_else(|_| "1".to_owned());
    let (Some(files), Some(postgres)) = (tpch(&scale), Postgres::start()) else {
        println!("skipped: tpchgen-cli or PostgreSQL 15 is not there");
        return;
    };
    let deployment = Deployment::new();
    let process: Process = deployment.spawn(&[]);
    let servers = [
        Server {
            name: "lakeport",
            address: process.postgres,
            database: "test",
            process: process.id(),
        },
        Server {
            name: "postgres",
            address: postgres.address,
            database: "postgres",
            process: postgres.id(),
        },
    ];
    println!("TPC-H scale {scale}, best of {RUNS} for bulk");
    load(&servers[0], &files, &[]);
    let index = "CREATE INDEX ON customer (c_custkey)";
    load(&servers[1], &files, &[index, "VACUUM ANALYZE"]);
    bulk(&servers);
    for server in &servers {
        println!(
            "{:<10} first row after {:.1} ms",
            server.name,
            raw::first_row_ms(server.address, server.database)
        );
    }
    memory(&servers[0]).await;
    for Server { name, address, database, .. } in &servers {
        connecting(name, *address, database, "").await;
    }
    let locked = Deployment::new().passwords(&[("lakeport", "s3cret")], "");
    let scram: Process = locked.spawn(&[]);
    connecting("with SCRAM", scram.postgres, "test", "s3cret").await;
    for server in &servers {
        dashboards::measure(server.name, server.address, server.database).await;
    }
}
