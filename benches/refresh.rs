//! What does a refresh cost when little has changed, against computing in full?
//!
//! Expected before measuring, TPC-H scale 1, 6,000 changed rows of 6 million: a filter reads one small
//! file and appends one (5 to 20 ms, mostly commits; in full about 1 s); the join reads 6,000 rows and
//! the keys of the joined tables (orders dominate: 100 to 200 ms; in full about 1 s); one aggregate
//! over one table reads 6,000 rows and merges 4 groups (10 ms). With nothing to do, each of fifty views asks
//! the log of its table for news (1 ms).
//!
//! Needs `tpchgen-cli` and `duckdb` from PyPI: `LAKEPORT_PYTHON` names a Python that has both. Run by
//! `cargo bench --profile dev --bench refresh`; `LAKEPORT_SCALE` is the scale (1), `LAKEPORT_ROWS` how many rows
//! change, to see what the same change costs while the base grows.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot be set up has nothing to say"
)]

#[path = "refresh/lake.rs"]
mod lake;
#[path = "refresh/views.rs"]
mod views;

use std::time::Instant;

use self::lake::Bench;
use self::views::VIEWS;

/// Each figure is the median of so many.
const RUNS: usize = 3;

#[tokio::main]
async fn main() {
    let scale: f64 =
        std::env::var("LAKEPORT_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1.0);
    let Some(tables) = lake::tpch(scale) else {
        println!("skipped: tpchgen-cli is not there; pip install tpchgen-cli duckdb");
        return;
    };
    let duckdb = views::duckdb(&tables);
    let bench = Bench::new(&tables).await;
    println!("scale {scale}; milliseconds, median of {RUNS}");
    println!(
        "{:<12} {:>9} {:>9} {:>8} {:>9} {:>8} {:>9} {:>8}",
        "view", "full", "duckdb", "ratio", "append", "faster", "delete", "faster"
    );
    bench.build().await;
    let mut appended = vec![Vec::new(); VIEWS.len()];
    let mut deleted = vec![Vec::new(); VIEWS.len()];
    let mut full = vec![Vec::new(); VIEWS.len()];
    for run in 0..RUNS {
        bench.append(run).await;
        measure(&bench, false, &mut appended).await;
        bench.delete(run).await;
        measure(&bench, false, &mut deleted).await;
        measure(&bench, true, &mut full).await;
    }
    for (i, view) in VIEWS.iter().enumerate() {
        let (full, append, delete) =
            (median(&mut full[i]), median(&mut appended[i]), median(&mut deleted[i]));
        let duck = duckdb.get(i).copied().unwrap_or(f64::NAN);
        println!(
            "{:<12} {full:>9.1} {duck:>9.1} {:>8.2} {append:>9.1} {:>8.1} {delete:>9.1} {:>8.1}",
            view.name,
            full / duck,
            full / append,
            full / delete
        );
    }
    bench.nothing().await;
    println!("{}", bench.strategies().await);
}

async fn measure(bench: &Bench, full: bool, into: &mut [Vec<f64>]) {
    for (view, times) in VIEWS.iter().zip(into) {
        let started = Instant::now();
        bench.refresh(view.name, full).await;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
