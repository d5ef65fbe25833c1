//! What does half a year of real invoices cost, and what a day more?
//!
//! The Online Retail days are ingested and their seven views built by two commands; then one new day
//! at a time lands, made of a real one with later dates and other invoice numbers, is ingested, and
//! all views are refreshed: by two commands, and in a running server, whose views are triggered by what
//! is ingested. Wall time and peak memory are the processes' own.
//!
//! Expected, release, two cores: all days within 5 s and 600 MB, each new day within 2 s, and within 0.5 s
//! in the server. Takes half a minute, with a dev build two. The peer, DuckDB, reads the same files and
//! only drops duplicates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench's way to fail")]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Process, ended, python, shared_data, text_rows};

const NEW_DAYS: usize = 5;
/// Views that a new day of invoices changes, and how often they have been refreshed.
const FOLLOWING: usize = 6;
const REFRESHED: &str = "SELECT count(*) FROM lakeport.refreshes WHERE state = 'refreshed'";

struct Lake {
    folder: tempfile::TempDir,
}

impl Lake {
    fn landing(&self) -> PathBuf {
        self.folder.path().join("landing")
    }

    /// The deployment, its views triggered by what they read.
    fn define(&self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployments/online_retail");
        let mut folders = vec![root.join("catalog"), root.join("sql")];
        while let Some(folder) = folders.pop() {
            let to = self.folder.path().join(folder.strip_prefix(&root).unwrap());
            std::fs::create_dir_all(&to).unwrap();
            for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let text = std::fs::read_to_string(entry.path()).unwrap();
                let text = match folder.ends_with("catalog") {
                    true => text,
                    false => text.replace("SCHEDULE EVERY 1 HOURS", "TRIGGER ON UPDATE"),
                };
                std::fs::write(to.join(entry.file_name()), text).unwrap();
            }
        }
    }

    fn command(&self, command: &str) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_lakeport"));
        process.arg(command).arg("--landing").arg(self.landing());
        for (option, folder) in [("--catalog", "catalog"), ("--sql", "sql"), ("--dir", "lake")] {
            process.arg(option).arg(self.folder.path().join(folder));
        }
        process
    }

    /// Lets days land in a running server: until they are ingested, and until all views have followed.
    async fn serve(&self, days: &[PathBuf]) {
        let mut command = self.command("serve");
        command.args(["--pg-port", "0", "--flight-port", "0", "--http-port", "0"]);
        let server = Process::start(&mut command);
        let (client, connection) = tokio_postgres::Config::new()
            .host(server.postgres.ip().to_string())
            .port(server.postgres.port())
            .user("lakeport")
            .dbname("online_retail")
            .connect(tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let number = async |sql: &str| {
            let rows = text_rows(&client, sql).await.unwrap();
            rows[0][0].clone().unwrap().parse::<usize>().unwrap()
        };
        for (day, path) in days.iter().enumerate() {
            let before = number(REFRESHED).await;
            self.land_another(path, NEW_DAYS + day);
            let started = Instant::now();
            client.batch_execute("REFRESH STREAMING TABLE bronze.online_retail").await.unwrap();
            let ingested = started.elapsed().as_secs_f64();
            while number(REFRESHED).await < before + FOLLOWING {
                assert!(started.elapsed() < Duration::from_secs(60), "views do not follow");
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            let all = started.elapsed().as_secs_f64();
            println!("a day more, served: ingest {ingested:.2} s, with all views {all:.2} s");
        }
        assert_eq!(server.terminate(), Some(0));
    }

    /// Runs a command: seconds, and megabytes at its peak.
    fn run(&self, command: &str) -> (f64, f64) {
        let started = Instant::now();
        let mut child = self.command(command).stdout(Stdio::null()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak_mb = 0.0_f64;
        let ended = loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let peak = text.lines().find(|line| line.starts_with("VmHWM:"));
            let peak = peak.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            peak_mb = peak_mb.max(peak.unwrap_or_default() / 1024.0);
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        assert!(ended.success(), "{command} failed");
        (started.elapsed().as_secs_f64(), peak_mb)
    }

    /// A day of a later year, as its source would have written it.
    fn land_another(&self, day: &Path, number: usize) {
        let text = std::fs::read_to_string(day).unwrap();
        let header = text.lines().next().unwrap();
        let mut lines = vec![header.to_owned()];
        for line in text.lines().skip(1) {
            let (invoice, rest) = line.split_once(',').unwrap();
            lines.push(format!("{invoice}{number},{}", rest.replacen(",201", ",202", 1)));
        }
        let name = day.file_name().unwrap().to_string_lossy().replacen("201", "202", 1);
        let path = self.landing().join("online_retail/by-day").join(name);
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }

    fn duckdb(&self) -> Option<f64> {
        let python = python(&["duckdb"])?;
        let script = format!(
            "import duckdb; duckdb.sql(\"COPY (SELECT DISTINCT * FROM \
             read_csv('{}/online_retail/by-day/*.csv')) TO '{}' (FORMAT parquet)\")",
            self.landing().display(),
            self.folder.path().join("peer.parquet").display()
        );
        let started = Instant::now();
        ended(Command::new(python).args(["-c", &script])).ok();
        Some(started.elapsed().as_secs_f64())
    }
}

#[tokio::main]
async fn main() {
    let (Some(days), Some(rates)) =
        (shared_data("online_retail/by-day"), shared_data("ecb_fx/eurofxref-hist.csv"))
    else {
        return;
    };
    let mut days: Vec<PathBuf> =
        std::fs::read_dir(days).unwrap().map(|entry| entry.unwrap().path()).collect();
    days.sort();
    let lake = Lake { folder: tempfile::tempdir().unwrap() };
    lake.define();
    std::fs::create_dir_all(lake.landing().join("online_retail/by-day")).unwrap();
    std::fs::create_dir_all(lake.landing().join("ecb_fx")).unwrap();
    std::fs::copy(rates, lake.landing().join("ecb_fx/eurofxref-hist.csv")).unwrap();
    for day in &days {
        let to = lake.landing().join("online_retail/by-day").join(day.file_name().unwrap());
        std::fs::copy(day, to).unwrap();
    }
    let peer = lake.duckdb();
    let (ingest, refresh) = (lake.run("ingest"), lake.run("refresh"));
    let both = ingest.0 + refresh.0;
    println!(
        "{} days: ingest {:.2} s, {:.0} MB; refresh {:.2} s, {:.0} MB; both {both:.2} s",
        days.len(),
        ingest.0,
        ingest.1,
        refresh.0,
        refresh.1
    );
    match peer {
        Some(peer) => println!("DuckDB, reading only: {peer:.2} s, ratio {:.1}", ingest.0 / peer),
        None => println!("DuckDB is not installed (pip install duckdb; LAKEPORT_PYTHON)"),
    }
    for (number, day) in days.iter().take(NEW_DAYS).enumerate() {
        lake.land_another(day, number);
        let (ingest, refresh) = (lake.run("ingest").0, lake.run("refresh").0);
        println!("a day more: ingest {ingest:.2} s, refresh {refresh:.2} s");
    }
    lake.serve(&days[NEW_DAYS..2 * NEW_DAYS]).await;
}
