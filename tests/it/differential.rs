//! Lakeport beside PostgreSQL 15: the same rows, the same statements, in three forms of the protocol.
//!
//! The statements, fixed and made up, are in `tests/oracle/differential.*`. Without PostgreSQL, or without
//! psycopg, it is skipped by name; in CI a skip is a failure.

use std::path::Path;
use std::process::Command;

use crate::support::{Deployment, Postgres, ended, python};

/// Seeds of made-up expressions: what they found stays found.
const SEEDS: [u64; 2] = [20_261_121, 7];
/// Expressions of each.
const COUNT: u64 = 250;

/// Seeds of made-up queries, as many as thirty seconds hold; `LAKEPORT_QUERY_SEEDS=first,count` has others.
const QUERIES: (u64, u64) = (20_261_122, 4);

/// Sessions of made-up transactions, from this seed on; `LAKEPORT_TRANSACTION_SEEDS=first,count` has others.
const SESSIONS: (u64, u64) = (20_261_122, 8);

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_postgresqls() {
    let Some(python) = python(&["psycopg"]) else { return };
    let Some(postgres) = Postgres::start() else { return };
    let seeds = asked("LAKEPORT_TRANSACTION_SEEDS").unwrap_or(SESSIONS);
    compared(&python, &postgres, "transactions.py", seeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_queries_are_postgresqls() {
    let Some(python) = python(&["psycopg"]) else { return };
    let Some(postgres) = Postgres::start() else { return };
    let seeds = asked("LAKEPORT_QUERY_SEEDS").unwrap_or(QUERIES);
    compared(&python, &postgres, "queries.py", seeds).await;
}

/// Seeds that somebody wants instead.
fn asked(variable: &str) -> Option<(u64, u64)> {
    let text = std::env::var(variable).ok()?;
    let (first, count) = text.split_once(',')?;
    Some((first.parse().ok()?, count.parse().ok()?))
}

/// Runs an oracle's script against PostgreSQL and a server of our own: from this seed on, so many.
async fn compared(python: &Path, postgres: &Postgres, script: &str, (seed, count): (u64, u64)) {
    let server = Deployment::new().serve().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let mut command = Command::new(python);
    command
        .arg("-B")
        .arg(folder.join(script))
        .args(["127.0.0.1", &postgres.port.to_string(), "lakeport"])
        .arg(server.addresses.postgres.port().to_string())
        .arg(&server.services.config.name)
        .args([seed.to_string(), count.to_string()]);
    let outcome = tokio::task::spawn_blocking(move || ended(&mut command)).await.unwrap();
    assert_eq!(outcome.code, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    println!("{}", outcome.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_postgresqls() {
    let Some(python) = python(&["psycopg"]) else { return };
    for seed in SEEDS {
        let Some(postgres) = Postgres::start() else { return };
        compared(&python, &postgres, "differential.py", (seed, COUNT)).await;
    }
}
