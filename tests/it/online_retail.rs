//! Real invoices and real currency rates: every view equals what DuckDB makes of the raw files.

use std::path::{Path, PathBuf};

use lakeport::config::Paths;
use tempfile::TempDir;

use crate::oracle;
use crate::support::shared_data;

/// A landing folder and a lake for `tests/deployments/online_retail`.
struct Deployment {
    folder: TempDir,
    paths: Paths,
    days: Vec<PathBuf>,
    rates: PathBuf,
}

impl Deployment {
    /// Nothing has landed. `None` where the data is not at hand.
    fn new() -> Option<Self> {
        let days = shared_data("online_retail/by-day")?;
        let rates = shared_data("ecb_fx/eurofxref-hist.csv")?;
        let mut days: Vec<PathBuf> =
            std::fs::read_dir(days).unwrap().map(|entry| entry.unwrap().path()).collect();
        days.sort();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployments/online_retail");
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths {
            catalog: root.join("catalog"),
            sql: root.join("sql"),
            dir: folder.path().join("lake"),
            landing: folder.path().join("landing"),
        };
        std::fs::create_dir_all(paths.landing.join("online_retail/by-day")).unwrap();
        std::fs::create_dir_all(paths.landing.join("ecb_fx")).unwrap();
        Some(Self { folder, paths, days, rates })
    }

    fn land_rates(&self) {
        self.copy(&self.rates, "ecb_fx/eurofxref-hist.csv");
    }

    /// Copies, because a link out of the landing folder is refused.
    fn copy(&self, from: &Path, to: &str) {
        std::fs::copy(from, self.paths.landing.join(to)).unwrap();
    }

    fn land_day(&self, day: &Path, suffix: &str) {
        let name = day.file_stem().unwrap().to_string_lossy();
        self.copy(day, &format!("online_retail/by-day/{name}{suffix}.csv"));
    }

    /// A landing folder as the sources would have filled it at once.
    fn facts(&self) -> PathBuf {
        let facts = self.folder.path().join("facts");
        std::fs::create_dir_all(facts.join("online_retail/by-day")).unwrap();
        std::fs::create_dir_all(facts.join("ecb_fx")).unwrap();
        for day in &self.days {
            let name = day.file_name().unwrap();
            std::fs::copy(day, facts.join("online_retail/by-day").join(name)).unwrap();
        }
        std::fs::copy(&self.rates, facts.join("ecb_fx/eurofxref-hist.csv")).unwrap();
        facts
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_equals_duckdb_over_the_raw_files() {
    let Some(deployment) = Deployment::new() else { return };
    deployment.land_rates();
    for day in &deployment.days {
        deployment.land_day(day, "");
    }
    let services = oracle::open(&deployment.paths).await;
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    oracle::compare(&services, "online_retail.py", &deployment.paths.landing).await;

    oracle::ask_examples(&services, &deployment.paths.sql).await;

    let totals = "SELECT count(*), sum(quantity * unit_price_gbp), \
                  sum(CASE WHEN kind = 'return' THEN 1 ELSE 0 END) FROM silver.invoice_lines";
    let raw = "SELECT count(*), sum(CASE WHEN customerid IS NULL THEN 1 ELSE 0 END) \
               FROM bronze.online_retail";
    // Of 219 days, as the data's README counts them; more may have landed where this runs.
    if deployment.days.len() == 219 {
        let known = oracle::rows(&services, totals).await;
        assert!(known[0].starts_with("318222|5750195.182"), "{known:?}");
        assert_eq!(oracle::rows(&services, raw).await, ["320705|88652"]);
    }
}

/// Days that come one by one at the end; all of them with `LAKEPORT_LONG`.
const SINGLE_DAYS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn day_by_day_every_view_is_what_duckdb_makes_of_all_days_so_far() {
    let Some(deployment) = Deployment::new() else { return };
    deployment.land_rates();
    let single = if crate::support::long() { deployment.days.len() - 1 } else { SINGLE_DAYS };
    let (first, days) = deployment.days.split_at(deployment.days.len() - single);
    for day in first {
        deployment.land_day(day, "");
    }
    let services = oracle::open(&deployment.paths).await;
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    for day in days {
        deployment.land_day(day, "");
        oracle::ingest(&services).await;
        oracle::refresh(&services).await;
        oracle::compare(&services, "online_retail.py", &deployment.paths.landing).await;
    }
    let fell = "SELECT view_name || ' ' || reason FROM lakeport.refreshes \
                WHERE strategy = 'full' AND policy LIKE 'incremental%' AND reason NOT LIKE 'first build%'";
    assert_eq!(oracle::rows(&services, fell).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_come_twice_late_or_backwards_change_nothing() {
    let Some(deployment) = Deployment::new() else { return };
    let (early, late) = deployment.days.split_at(deployment.days.len() / 2);
    for day in late.iter().rev() {
        deployment.land_day(day, "");
    }
    let services = oracle::open(&deployment.paths).await;
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;

    // The first half after the second, every tenth day twice, and the rates last of all.
    for (number, day) in early.iter().rev().enumerate() {
        deployment.land_day(day, "");
        if number % 10 == 0 {
            deployment.land_day(day, "-again");
        }
    }
    oracle::ingest(&services).await;
    deployment.land_rates();
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    oracle::compare(&services, "online_retail.py", &deployment.facts()).await;
}
