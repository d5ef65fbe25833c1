//! What does half a year of real invoices cost, and what a day more?
//!
//! The Online Retail days are ingested and their seven views built by two commands; then one new day
//! at a time lands, made of a real one with later dates and other invoice numbers, is ingested, and
//! all views are refreshed. Wall time and peak memory are the processes' own.
//!
//! Expected, release, two cores: all days within 5 s and 600 MB, each new day within 2 s. Takes half a
//! minute, with a dev build two. The peer, DuckDB, reads the same files and only drops duplicates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench's way to fail")]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{ended, python, shared_data};

const NEW_DAYS: usize = 5;

struct Lake {
    folder: tempfile::TempDir,
}

impl Lake {
    fn landing(&self) -> PathBuf {
        self.folder.path().join("landing")
    }

    /// Runs a command: seconds, and megabytes at its peak.
    fn run(&self, command: &str) -> (f64, f64) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployments/online_retail");
        let mut process = Command::new(env!("CARGO_BIN_EXE_lakeport"));
        process.arg(command).arg("--catalog").arg(root.join("catalog"));
        process.arg("--sql").arg(root.join("sql")).arg("--landing").arg(self.landing());
        process.arg("--dir").arg(self.folder.path().join("lake")).stdout(Stdio::null());
        let started = Instant::now();
        let mut child = process.spawn().unwrap();
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

fn main() {
    let (Some(days), Some(rates)) =
        (shared_data("online_retail/by-day"), shared_data("ecb_fx/eurofxref-hist.csv"))
    else {
        return;
    };
    let mut days: Vec<PathBuf> =
        std::fs::read_dir(days).unwrap().map(|entry| entry.unwrap().path()).collect();
    days.sort();
    let lake = Lake { folder: tempfile::tempdir().unwrap() };
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
}
