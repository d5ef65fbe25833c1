//! A server that dies, or whose disk is full, in a transaction: after it all of the transaction is seen, or nothing.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use tokio_postgres::{Client, NoTls};

use crate::support::{Deployment, Process, text_rows};

use super::copy;

const SETUP: [&str; 5] = [
    "CREATE TABLE sandbox.ledger (a int, b text)",
    "INSERT INTO sandbox.ledger VALUES (1, 'x'), (2, 'y')",
    "CREATE TABLE sandbox.plain AS SELECT 1 AS a",
    "CREATE TABLE sandbox.going AS SELECT 1 AS a",
    "CREATE VIEW sandbox.seen AS SELECT a FROM sandbox.ledger",
];

/// All that a transaction may change, with rows of a table that others see added or taken away.
fn transaction(rows: &'static str) -> [&'static str; 9] {
    [
        "BEGIN",
        "CREATE TABLE sandbox.fresh AS SELECT a, b FROM sandbox.ledger",
        "INSERT INTO sandbox.fresh VALUES (3, 'z')",
        "DELETE FROM sandbox.fresh WHERE a = 1",
        rows,
        "ALTER TABLE sandbox.plain RENAME TO renamed",
        "COMMENT ON TABLE sandbox.renamed IS 'said'",
        "DROP TABLE sandbox.going",
        "COMMIT",
    ]
}

const ADDED: &str = "INSERT INTO sandbox.ledger VALUES (10, 'new')";
const TAKEN: &str = "DELETE FROM sandbox.ledger WHERE a = 1";

/// What everybody can see, in one statement each.
const LOOKS: [&str; 3] = [
    "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
     WHERE nspname = 'sandbox' ORDER BY 1",
    "SELECT a, b FROM sandbox.ledger ORDER BY 1",
    "SELECT a FROM sandbox.seen ORDER BY 1",
];
const FRESH: &str = "SELECT a, b FROM sandbox.fresh ORDER BY 1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    KilledBefore,
    KilledAfter,
    DiskFull,
    Denied,
}

struct Trial {
    deployment: Deployment,
    rows: &'static str,
}

type Seen = Vec<String>;

impl Trial {
    async fn prepare(rows: &'static str) -> Self {
        let deployment = Deployment::new();
        let trial = Self { deployment, rows };
        let server = trial.serve("base", &[]);
        let client = connect(&server).await.unwrap();
        for sql in SETUP {
            client.simple_query(sql).await.unwrap();
        }
        server.terminate();
        trial
    }

    fn serve(&self, lake: &str, environment: &[(&str, String)]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakeport"));
        command.arg("serve").arg("--dir").arg(self.deployment.path(lake));
        for folder in ["catalog", "sql", "landing"] {
            command.arg(format!("--{folder}")).arg(self.deployment.path(folder));
        }
        command.current_dir(self.deployment.folder()).env_remove("LAKEPORT_LOG");
        for (name, value) in environment {
            command.env(name, value);
        }
        Process::start(&mut command)
    }

    /// One trial: what became of COMMIT, if it was answered, and whether the fault came at all.
    async fn at(&self, fault: Fault, at: usize, whole: &[Seen; 2]) -> bool {
        let name = format!("{fault:?}-{at}");
        copy(&self.deployment.path("base"), &self.deployment.path(&name));
        let (variable, when) = match fault {
            Fault::KilledBefore => ("LAKEPORT_CRASH_AT", "before"),
            Fault::KilledAfter => ("LAKEPORT_CRASH_AT", "after"),
            Fault::DiskFull => ("LAKEPORT_FAIL_AT", "after"),
            Fault::Denied => ("LAKEPORT_LIE_AT", "after"),
        };
        let environment = [(variable, at.to_string()), ("LAKEPORT_CRASH_WHEN", when.to_owned())];
        let server = self.serve(&name, &environment);
        let client = connect(&server).await.unwrap();
        let ended = run(&client, &transaction(self.rows)).await;
        let reached = ended.is_err() || fault == Fault::Denied;
        // Others at the same server see it whole too, as long as it is there.
        if matches!(fault, Fault::DiskFull | Fault::Denied) {
            let other = connect(&server).await.unwrap();
            let seen = look(&other).await;
            check(&name, &seen, &ended, whole);
        }
        server.kill();
        let server = self.serve(&name, &[]);
        let client = connect(&server).await.unwrap();
        let seen = look(&client).await;
        check(&name, &seen, &ended, whole);
        // Whoever writes next finds no trace of what was not seen.
        client.simple_query("INSERT INTO sandbox.ledger VALUES (77, 'later')").await.unwrap();
        client.simple_query("DELETE FROM sandbox.ledger WHERE a = 77").await.unwrap();
        client.simple_query("CREATE TABLE sandbox.after (a int)").await.unwrap();
        client.simple_query("DROP TABLE sandbox.after").await.unwrap();
        assert_eq!(look(&client).await, seen, "{name}: after more writes");
        server.kill();
        std::fs::remove_dir_all(self.deployment.path(&name)).unwrap();
        reached
    }

    async fn everywhere(self, faults: &[Fault]) {
        let log = self.deployment.path("operations");
        copy(&self.deployment.path("base"), &self.deployment.path("straight"));
        let count = [("LAKEPORT_COUNT_OPS", log.display().to_string())];
        let server = self.serve("straight", &count);
        let client = connect(&server).await.unwrap();
        let before = look(&client).await;
        let operations = || std::fs::read_to_string(&log).map_or(0, |log| log.lines().count());
        let first = operations();
        run(&client, &transaction(self.rows)).await.unwrap();
        let after = look(&client).await;
        server.kill();
        assert_ne!(before, after);
        let operations = first + 1..=operations();
        assert!(operations.clone().count() > 10, "only {operations:?}");
        let (trial, whole, reached) = (&self, &[before, after], &AtomicUsize::new(0));
        let trials = faults.iter().flat_map(|fault| operations.clone().map(move |at| (*fault, at)));
        futures::stream::iter(trials)
            .for_each_concurrent(2, |(fault, at)| async move {
                if trial.at(fault, at, whole).await {
                    reached.fetch_add(1, Ordering::Relaxed);
                }
            })
            .await;
        let (reached, all) =
            (reached.load(Ordering::Relaxed), operations.clone().count() * faults.len());
        assert!(reached * 10 >= all * 9, "{reached} of {all} reached");
    }
}

/// An answered COMMIT is there, an error is not; where there was no answer, or it says that it does not know, either.
fn check(name: &str, seen: &Seen, ended: &Result<(), String>, whole: &[Seen; 2]) {
    match ended {
        Ok(()) => assert_eq!(*seen, whole[1], "{name}: COMMIT was answered"),
        Err(error) if error.starts_with("gone") || error.starts_with("40003") => {
            assert!(whole.contains(seen), "{name}: half a transaction: {seen:#?}");
        }
        Err(error) => assert_eq!(*seen, whole[0], "{name}: it ended with {error}"),
    }
}

async fn connect(server: &Process) -> Result<Client, tokio_postgres::Error> {
    let address = server.postgres;
    let (client, connection) = tokio_postgres::Config::new()
        .host(address.ip().to_string())
        .port(address.port())
        .user("lakeport")
        .dbname("test")
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs the statements up to the first error: `SQLSTATE message`, or `gone`.
async fn run(client: &Client, statements: &[&str]) -> Result<(), String> {
    for sql in statements {
        let done = client.simple_query(sql).await;
        done.map_err(|error| match error.as_db_error() {
            Some(error) => format!("{} {}: {sql}", error.code().code(), error.message()),
            None => format!("gone: {error}"),
        })?;
    }
    Ok(())
}

async fn look(client: &Client) -> Seen {
    let mut seen = Vec::new();
    for sql in LOOKS {
        seen.push(format!("{:?}", text_rows(client, sql).await.unwrap()));
    }
    if seen[0].contains("fresh") {
        seen.push(format!("{:?}", text_rows(client, FRESH).await.unwrap()));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_killed_anywhere_is_there_or_is_not() {
    Trial::prepare(ADDED).await.everywhere(&[Fault::KilledBefore]).await;
    Trial::prepare(TAKEN).await.everywhere(&[Fault::KilledAfter]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_disk_is_full_anywhere_is_there_or_is_not() {
    Trial::prepare(ADDED).await.everywhere(&[Fault::DiskFull]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_its_storage_denies_is_there_or_is_not() {
    Trial::prepare(TAKEN).await.everywhere(&[Fault::Denied]).await;
}
