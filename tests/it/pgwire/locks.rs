//! Advisory locks: among sessions, until they are given back, their transaction or their session ends.

use std::time::Duration;

use crate::pgwire::cursors::served;
use crate::support::text_rows;

async fn taken(client: &tokio_postgres::Client, call: &str) -> bool {
    let rows = text_rows(client, &format!("SELECT {call}")).await.unwrap();
    rows[0][0].as_deref() == Some("t")
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_take_turns_by_advisory_locks() {
    let (_deployment, server) = served().await;
    let (one, other) = (server.client().await, server.client().await);
    assert!(taken(&one, "pg_try_advisory_lock(42)").await);
    assert!(!taken(&other, "pg_try_advisory_lock(42)").await);
    // A number and a pair are different locks.
    assert!(taken(&other, "pg_try_advisory_lock(0, 42)").await);
    assert!(!taken(&other, "pg_advisory_unlock(42)").await);
    let held = text_rows(&one, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").await;
    assert_eq!(held.unwrap(), [[Some("2".to_owned())]]);

    // Shared ones are held together.
    assert!(taken(&one, "pg_try_advisory_lock_shared(7)").await);
    assert!(taken(&other, "pg_try_advisory_lock_shared(7)").await);
    assert!(!taken(&other, "pg_try_advisory_lock(7)").await);

    // Taken twice, given back twice.
    assert!(taken(&one, "pg_try_advisory_lock(42)").await);
    assert!(taken(&one, "pg_advisory_unlock(42)").await);
    assert!(!taken(&other, "pg_try_advisory_lock(42)").await);
    let waiter = tokio::spawn(async move {
        other.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
        other
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while text_rows(&one, waits).await.unwrap() != [[Some("1".to_owned())]] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(taken(&one, "pg_advisory_unlock(42)").await);
    let other = waiter.await.unwrap();
    assert!(!taken(&one, "pg_try_advisory_lock(42)").await);

    // What a session held is free when it has left.
    drop(other);
    while !taken(&one, "pg_try_advisory_lock(42)").await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_of_a_transaction_end_with_it_and_circles_are_found() {
    let (_deployment, server) = served().await;
    let (one, other) = (server.client().await, server.client().await);
    one.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1)").await.unwrap();
    assert!(!taken(&other, "pg_try_advisory_lock(1)").await);
    assert!(!taken(&one, "pg_advisory_unlock(1)").await);
    one.batch_execute("ROLLBACK").await.unwrap();
    assert!(taken(&other, "pg_try_advisory_xact_lock(1)").await);
    assert!(taken(&one, "pg_try_advisory_lock(1)").await);

    assert!(taken(&other, "pg_try_advisory_lock(2)").await);
    let waiter = tokio::spawn(async move {
        let outcome = other.batch_execute("SELECT pg_advisory_lock(1)").await;
        (other, outcome)
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while text_rows(&one, waits).await.unwrap() != [[Some("1".to_owned())]] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let circle = one.batch_execute("SELECT pg_advisory_lock(2)").await.unwrap_err();
    assert_eq!(circle.code().unwrap().code(), "40P01");
    one.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    let (_other, outcome) = waiter.await.unwrap();
    outcome.unwrap();

    // Waiting ends with the statement.
    one.batch_execute("SET statement_timeout = 50").await.unwrap();
    let late = one.batch_execute("SELECT pg_advisory_lock(2)").await.unwrap_err();
    assert_eq!(late.code().unwrap().code(), "57014");
    let left = text_rows(&one, waits).await.unwrap();
    assert_eq!(left, [[Some("0".to_owned())]]);
}
