//! Killed at each storage operation, a lake ends as if it never was.
//!
//! A real process on a real disk. At every kill the published state is either the one before the run
//! or the one after it, nothing between: that is what another process would see.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use lakeport::clock::SystemClock;
use lakeport::lake::{Lake, LakeRoot, Table};

use crate::support::Deployment;

const BRONZE: &str = "
CREATE STREAMING TABLE bronze.orders
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('orders/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.payments
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('payments/*.ndjson', format => 'json');
";

const ORDERS: &str = "
CREATE MATERIALIZED VIEW silver.orders (
    CONSTRAINT order_has_id EXPECT (order_id IS NOT NULL) ON VIOLATION QUARANTINE ROW
)
AS SELECT o.order_id, o.day, CAST(o.amount AS decimal(12, 2)) AS amount, p.paid
FROM bronze.orders o LEFT JOIN bronze.payments p ON p.order_id = o.order_id
";

const REVENUE: &str = "
CREATE MATERIALIZED VIEW gold_finance.daily_revenue
AS SELECT day, count(*) AS orders, sum(amount) AS amount FROM silver.orders GROUP BY day
";

/// Every relation's rows as text, sorted, by its place in the lake.
type Contents = BTreeMap<String, Vec<String>>;

/// Which fault, and at which operations.
#[derive(Debug, Clone, Copy)]
enum Fault {
    KilledBefore,
    KilledAfter,
    DiskFull,
}

struct Trial {
    deployment: Deployment,
    command: &'static str,
}

impl Trial {
    /// A lake with one day in it, and a second day waiting.
    fn prepare(command: &'static str) -> Self {
        let deployment = Deployment::new()
            .catalog("bronze.sql", BRONZE)
            .sql("silver/orders.sql", ORDERS)
            .sql("gold/finance/daily_revenue.sql", REVENUE);
        let trial = Self { deployment, command };
        trial.land(1);
        trial.must("ingest", "base");
        trial.must("refresh", "base");
        trial.land(2);
        if command == "refresh" {
            trial.must("ingest", "base");
        }
        trial
    }

    /// One day's files, with a line that does not parse and an order without id.
    fn land(&self, day: u32) {
        let orders: String =
            (0..20).map(|n| format!("{day}-{n},2026-10-0{day},{n}.50\n")).collect();
        let orders = format!("order_id,day,amount\n{orders},2026-10-0{day},1.00\n");
        self.deployment.landing(&format!("orders/day{day}.csv"), orders);
        let payments: String =
            (0..20).map(|n| format!("{{\"order_id\":\"{day}-{n}\",\"paid\":{n}}}\n")).collect();
        let payments = format!("{payments}{{\"order_id\":\n");
        self.deployment.landing(&format!("payments/day{day}.ndjson"), payments);
    }

    fn lake(&self, name: &str) -> PathBuf {
        self.deployment.path(&format!("lakes/{name}"))
    }

    fn run(&self, command: &str, lake: &str, environment: &[(&str, String)]) -> Output {
        let mut process = Command::new(env!("CARGO_BIN_EXE_lakeport"));
        process.arg(command).arg("--dir").arg(self.lake(lake));
        for folder in ["catalog", "sql", "landing"] {
            process.arg(format!("--{folder}")).arg(self.deployment.path(folder));
        }
        process.envs(environment.iter().map(|(name, value)| (name, value)));
        process.current_dir(self.deployment.folder()).output().unwrap()
    }

    fn must(&self, command: &str, lake: &str) {
        let output = self.run(command, lake, &[]);
        assert!(output.status.success(), "{command}: {}", said(&output));
    }

    /// Runs the command on a copy of the base, faulty at operation `at`; then again without faults.
    /// False when the run ended before it came to that operation.
    async fn at(&self, fault: Fault, at: usize, before: &Contents, after: &Contents) -> bool {
        let name = format!("{}-{fault:?}-{at}", self.command);
        copy(&self.lake("base"), &self.lake(&name));
        let (variable, when) = match fault {
            Fault::KilledBefore => ("LAKEPORT_CRASH_AT", "before"),
            Fault::KilledAfter => ("LAKEPORT_CRASH_AT", "after"),
            Fault::DiskFull => ("LAKEPORT_FAIL_AT", "after"),
        };
        let environment = [(variable, at.to_string()), ("LAKEPORT_CRASH_WHEN", when.to_owned())];
        let output = self.run(self.command, &name, &environment);
        let ended_well = output.status.success();
        // What only reports on a run may fail after it is published, but not in silence.
        let reached = !ended_well || said(&output).contains("no space left");
        if !ended_well {
            match fault {
                Fault::DiskFull => {
                    assert_eq!(output.status.code(), Some(1), "{name}: {}", said(&output));
                    assert!(said(&output).contains("no space left"), "{name}: {}", said(&output));
                }
                _ => assert_eq!(output.status.code(), None, "{name}: {}", said(&output)),
            }
            let seen = contents(&self.lake(&name)).await;
            assert!(seen == *before || seen == *after, "{name}: half a run: {seen:#?}");
            self.must(self.command, &name);
        }
        let healed = contents(&self.lake(&name)).await;
        assert!(healed == *after, "{name}: {healed:#?}\n\nnever killed: {after:#?}");
        std::fs::remove_dir_all(self.lake(&name)).unwrap();
        reached
    }

    async fn everywhere(self, faults: &[Fault]) {
        let before = contents(&self.lake("base")).await;
        copy(&self.lake("base"), &self.lake("straight"));
        let log = self.deployment.path("operations");
        let count = [("LAKEPORT_COUNT_OPS", log.display().to_string())];
        let output = self.run(self.command, "straight", &count);
        assert!(output.status.success(), "{}", said(&output));
        let after = contents(&self.lake("straight")).await;
        assert_ne!(before, after);
        let operations = std::fs::read_to_string(&log).unwrap().lines().count();
        assert!(operations > 5, "only {operations} operations");
        let command = self.command;
        let shared = Arc::new((self, before, after));
        let trials = faults.iter().flat_map(|fault| (1..=operations).map(move |at| (*fault, at)));
        let runs = trials.map(|(fault, at)| {
            let shared = Arc::clone(&shared);
            async move {
                let trial = async move { shared.0.at(fault, at, &shared.1, &shared.2).await };
                tokio::spawn(trial).await.unwrap()
            }
        });
        let reached: Vec<bool> = futures::stream::iter(runs).buffer_unordered(2).collect().await;
        // The order of operations may differ a little from run to run, their number hardly.
        let missed = reached.iter().filter(|reached| !**reached).count();
        assert!(missed * 10 <= reached.len(), "{missed} of {} not reached", reached.len());
        println!("{command}: {operations} operations");
    }
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a reader sees who opens the lake now.
async fn contents(folder: &Path) -> Contents {
    let root = LakeRoot::Folder(folder.to_owned());
    let lake = Lake::open(root, Arc::new(SystemClock)).await.unwrap();
    let mut contents = Contents::new();
    for relation in lake.epoch().relations.values() {
        let place = lake.relative(&relation.location);
        if !place.starts_with("_lakeport/") {
            let table = lake.at_version(&relation.location, relation.version).await.unwrap();
            contents.insert(place, rows(&table).await);
        }
    }
    contents
}

async fn rows(table: &Table) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in table.read().await.unwrap() {
        let schema = batch.schema();
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(field, _)| !matches!(field.name().as_str(), "_ingested_at" | "batch"))
            .map(|(field, column)| (field, ArrayFormatter::try_new(column, &options).unwrap()))
            .collect();
        for row in 0..batch.num_rows() {
            let cells =
                columns.iter().map(|(field, cell)| format!("{}={}", field.name(), cell.value(row)));
            rows.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_killed_anywhere_ends_like_one_never_killed() {
    Trial::prepare("ingest").everywhere(&[Fault::KilledBefore, Fault::KilledAfter]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_killed_anywhere_ends_like_one_never_killed() {
    Trial::prepare("refresh").everywhere(&[Fault::KilledBefore, Fault::KilledAfter]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_full_anywhere_says_so_and_loses_nothing() {
    Trial::prepare("ingest").everywhere(&[Fault::DiskFull]).await;
    Trial::prepare("refresh").everywhere(&[Fault::DiskFull]).await;
}
