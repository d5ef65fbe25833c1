//! Killed at each storage operation, a lake ends as if it never was.
//!
//! A real process on a real disk, and others that read it all the while: what they see is either the
//! state before the run or the one after it, nothing between.

mod transactions;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::support::{Deployment, Process, text_rows};
use watch::{Seen, Watcher, contents};

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
REFRESH POLICY INCREMENTAL STRICT
AS SELECT o.order_id, o.day, CAST(o.amount AS decimal(12, 2)) AS amount, p.paid
FROM bronze.orders o LEFT JOIN bronze.payments p ON p.order_id = o.order_id
";

const REVENUE: &str = "
CREATE MATERIALIZED VIEW gold_finance.daily_revenue
AS SELECT day, count(*) AS orders, sum(amount) AS amount FROM silver.orders GROUP BY day
";

/// Its one row goes and comes with every day.
const MONTHLY: &str = "
CREATE MATERIALIZED VIEW gold_finance.monthly_revenue
REFRESH POLICY INCREMENTAL
AS SELECT substring(CAST(day AS text) FROM 1 FOR 7) AS month, count(*) AS orders, sum(amount) AS amount
FROM silver.orders GROUP BY substring(CAST(day AS text) FROM 1 FOR 7)
";

/// How often an operation that was not reached is tried.
const TRIES_MAX: u32 = 3;

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
            .sql("gold/finance/daily_revenue.sql", REVENUE)
            .sql("gold/finance/monthly_revenue.sql", MONTHLY);
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

    fn command(&self, arguments: &[&str], lake: &str) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_lakeport"));
        process.args(arguments).arg("--dir").arg(self.lake(lake));
        for folder in ["catalog", "sql", "landing"] {
            process.arg(format!("--{folder}")).arg(self.deployment.path(folder));
        }
        process.current_dir(self.deployment.folder());
        process
    }

    fn run(&self, command: &str, lake: &str, environment: &[(&str, String)]) -> Output {
        let environment = environment.iter().map(|(name, value)| (name, value));
        let mut process = self.command(&[command], lake);
        // Whoever watches in this process goes on meanwhile.
        tokio::task::block_in_place(|| process.envs(environment).output().unwrap())
    }

    fn must(&self, command: &str, lake: &str) {
        let output = self.run(command, lake, &[]);
        assert!(output.status.success(), "{command}: {}", said(&output));
    }

    /// Runs the command on a copy of the base, faulty at operation `at`; then again without faults,
    /// watched throughout. None when the run ended before it came to that operation.
    async fn at(&self, fault: Fault, at: usize, whole: &Arc<[Contents; 2]>) -> Option<Seen> {
        let name = format!("{}-{fault:?}-{at}", self.command);
        copy(&self.lake("base"), &self.lake(&name));
        let watcher = Watcher::start(self.lake(&name), Arc::clone(whole)).await;
        let (variable, when) = match fault {
            Fault::KilledBefore => ("LAKEPORT_CRASH_AT", "before"),
            Fault::KilledAfter => ("LAKEPORT_CRASH_AT", "after"),
            Fault::DiskFull => ("LAKEPORT_FAIL_AT", "after"),
        };
        let environment = [(variable, at.to_string()), ("LAKEPORT_CRASH_WHEN", when.to_owned())];
        let output = self.run(self.command, &name, &environment);
        let reached = !output.status.success();
        if reached {
            match fault {
                Fault::DiskFull => {
                    assert_eq!(output.status.code(), Some(1), "{name}: {}", said(&output));
                    assert!(said(&output).contains("no space left"), "{name}: {}", said(&output));
                }
                _ => assert_eq!(output.status.code(), None, "{name}: {}", said(&output)),
            }
            let seen = contents(&self.lake(&name)).await;
            assert!(whole.contains(&seen), "{name}: half a run: {seen:#?}");
            self.must(self.command, &name);
        }
        let watched = watcher.end().await;
        let seen = watched.unwrap_or_else(|half| panic!("{name}: half a run seen: {half:#?}"));
        let healed = contents(&self.lake(&name)).await;
        assert!(healed == whole[1], "{name}: {healed:#?}\n\nnever killed: {:#?}", whole[1]);
        std::fs::remove_dir_all(self.lake(&name)).unwrap();
        reached.then_some(seen)
    }

    /// Runs the command on copies of the base, of whose operations one each is done and reported as failed;
    /// then again without faults. A table whose operation seems to have failed waits for the next run, so
    /// each relation by itself is as before or as after.
    async fn denied(self) {
        let before = contents(&self.lake("base")).await;
        let operations = self.operations();
        let after = contents(&self.lake("straight")).await;
        for at in 1..=operations {
            let name = format!("{}-denied-{at}", self.command);
            copy(&self.lake("base"), &self.lake(&name));
            let output = self.run(self.command, &name, &[("LAKEPORT_LIE_AT", at.to_string())]);
            assert!(output.status.code().is_some(), "{name}: {}", said(&output));
            for (relation, rows) in contents(&self.lake(&name)).await {
                let known = [before.get(&relation), after.get(&relation)];
                assert!(known.contains(&Some(&rows)), "{name}: {relation}: {rows:#?}");
            }
            self.must(self.command, &name);
            let healed = contents(&self.lake(&name)).await;
            assert!(healed == after, "{name}: {healed:#?}\n\nnever denied: {after:#?}");
            std::fs::remove_dir_all(self.lake(&name)).unwrap();
        }
    }

    /// How many operations the command takes on a copy of the base, named straight.
    fn operations(&self) -> usize {
        copy(&self.lake("base"), &self.lake("straight"));
        let log = self.deployment.path("operations");
        let count = [("LAKEPORT_COUNT_OPS", log.display().to_string())];
        let output = self.run(self.command, "straight", &count);
        assert!(output.status.success(), "{}", said(&output));
        let operations = std::fs::read_to_string(&log).unwrap().lines().count();
        assert!(operations > 5, "only {operations} operations");
        operations
    }

    async fn everywhere(self, faults: &[Fault]) {
        let before = contents(&self.lake("base")).await;
        let operations = self.operations();
        let after = contents(&self.lake("straight")).await;
        assert_ne!(before, after);
        let command = self.command;
        let shared = Arc::new((self, Arc::new([before, after])));
        let trials = faults.iter().flat_map(|fault| (1..=operations).map(move |at| (*fault, at)));
        let runs = trials.map(|(fault, at)| {
            let shared = Arc::clone(&shared);
            async move {
                let trial = async move {
                    for _ in 0..TRIES_MAX {
                        if let Some(seen) = shared.0.at(fault, at, &shared.1).await {
                            return Some(seen);
                        }
                    }
                    None
                };
                tokio::spawn(trial).await.unwrap()
            }
        });
        let trials: Vec<Option<Seen>> =
            futures::stream::iter(runs).buffer_unordered(2).collect().await;
        // The order of operations may differ a little from run to run, their number hardly; the last
        // ones are tried again.
        let reached: Vec<Seen> = trials.iter().flatten().copied().collect();
        let missed = trials.len() - reached.len();
        assert!(missed * 10 <= trials.len(), "{missed} of {} not reached", trials.len());
        let polls: u64 = reached.iter().map(|seen| seen.polls).sum();
        assert!(polls > 10 * reached.len() as u64, "the watchers hardly looked: {polls}");
        assert!(reached.iter().all(|seen| seen.epochs > 1), "a watcher saw nothing happen");
        println!("{command}: {operations} operations, looked at {polls} times");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_denies_what_it_did_doubles_and_loses_nothing() {
    Trial::prepare("ingest").denied().await;
    Trial::prepare("refresh").denied().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_would_see_half_a_run() {
    let trial = Trial::prepare("ingest");
    let before = contents(&trial.lake("base")).await;
    for name in ["straight", "half"] {
        copy(&trial.lake("base"), &trial.lake(name));
    }
    trial.must("ingest", "straight");
    let whole = Arc::new([before, contents(&trial.lake("straight")).await]);
    for (lake, tables, is_whole) in
        [("straight", &["ingest"][..], true), ("half", &["ingest", "bronze.orders"], false)]
    {
        let watcher = Watcher::start(trial.lake(lake), Arc::clone(&whole)).await;
        let output = trial.command(tables, lake).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(watcher.end().await.is_ok(), is_whole, "{lake}");
    }
}

/// Days delivered while a server is asked.
const DAYS: std::ops::RangeInclusive<u32> = 3..=8;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_beside_killed_runs_never_shows_half_of_one() {
    let trial = Trial::prepare("ingest");
    trial.must("ingest", "base");
    trial.must("refresh", "base");
    let server = Process::start(&mut trial.command(&["serve", "--follow"], "base"));
    let (stop, address) = (CancellationToken::new(), server.postgres);
    let stopped = stop.clone();
    let asking = tokio::spawn(async move {
        let (client, connection) = tokio_postgres::Config::new()
            .host(address.ip().to_string())
            .port(address.port())
            .user("lakeport")
            .dbname("test")
            .connect(tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut seen: Vec<[u64; 4]> = Vec::new();
        let mut last = false;
        while !last {
            last = stopped.is_cancelled();
            let rows = text_rows(&client, ACROSS).await.unwrap();
            let numbers: Vec<u64> =
                rows[0].iter().map(|cell| cell.as_deref().unwrap().parse().unwrap()).collect();
            seen.push(numbers.try_into().unwrap());
        }
        seen
    });
    for day in DAYS {
        trial.land(day);
        for (command, at) in [("ingest", 5 + day), ("refresh", 2 + day)] {
            let crash = [("LAKEPORT_CRASH_AT", at.to_string())];
            let killed = trial.run(command, "base", &crash);
            assert_eq!(killed.status.code(), None, "{command} {at}: {}", said(&killed));
            trial.must(command, "base");
        }
    }
    // Longer than a server may take to see an epoch.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    stop.cancel();
    let seen = asking.await.unwrap();
    for [orders, payments, accepted, counted] in &seen {
        assert_eq!(orders * 20, payments * 21, "half an ingest: {orders} and {payments}");
        assert_eq!(accepted, counted, "half a refresh: {accepted} and {counted}");
    }
    let days = u64::from(*DAYS.end());
    assert_eq!(seen.last(), Some(&[21 * days, 20 * days, 20 * days, 20 * days]));
    let mut states = seen.clone();
    states.dedup();
    assert!(states.len() > 6 && seen.len() > 200, "{} asked: {states:?}", seen.len());
}

/// Totals of two tables of one ingest, then of two views of one refresh.
const ACROSS: &str = "SELECT (SELECT count(*) FROM bronze.orders) AS orders,
    (SELECT count(*) FROM bronze.payments) AS payments,
    (SELECT count(*) FROM silver.orders) AS accepted,
    (SELECT sum(orders) FROM gold_finance.daily_revenue) AS counted";
