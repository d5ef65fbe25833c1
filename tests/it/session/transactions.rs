//! Transactions that change tables and the catalog: all of it at COMMIT, or nothing.

use std::path::Path;
use std::time::Duration;

use super::{ask, fails, one, server};

/// Folders of tables below a schema's.
fn folders(lake: &Path) -> usize {
    std::fs::read_dir(lake.join("sandbox")).map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| {
                let log = std::fs::read_dir(entry.path().join("_delta_log"));
                log.is_ok_and(|mut commits| commits.next().is_some())
            })
            .count()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_makes_others_see_at_its_commit() {
    let (deployment, server) = server().await;
    let (client, other) = (server.client().await, server.client().await);
    client.simple_query("BEGIN").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.t (a int, b text)").await.unwrap();
    client.simple_query("INSERT INTO sandbox.t VALUES (1, 'x'), (2, 'y')").await.unwrap();
    client.simple_query("CREATE VIEW sandbox.v AS SELECT a FROM sandbox.t").await.unwrap();
    assert_eq!(ask(&client, "SELECT * FROM sandbox.v ORDER BY a").await, ["1", "2"]);
    assert_eq!(one(&client, "SELECT 'sandbox.t'::regclass").await, "sandbox.t");
    let hidden = "42P01 relation \"sandbox.t\" does not exist";
    assert_eq!(fails(&other, "SELECT * FROM sandbox.t").await, hidden);
    let shown = "SELECT count(*) FROM pg_class WHERE relname IN ('t', 'v')";
    assert_eq!(one(&other, shown).await, "0");
    assert_eq!(one(&client, shown).await, "2");
    client.simple_query("COMMIT").await.unwrap();
    assert_eq!(ask(&other, "SELECT * FROM sandbox.v ORDER BY a").await, ["1", "2"]);

    client.simple_query("BEGIN; CREATE TABLE sandbox.u AS SELECT 1 AS a").await.unwrap();
    client.simple_query("DROP VIEW sandbox.v; ALTER TABLE sandbox.t RENAME TO s").await.unwrap();
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.s, sandbox.u").await, "2");
    let before = folders(&deployment.path("lake"));
    client.simple_query("ROLLBACK").await.unwrap();
    assert_eq!(ask(&client, "SELECT * FROM sandbox.v ORDER BY a").await, ["1", "2"]);
    assert!(fails(&client, "SELECT * FROM sandbox.u").await.starts_with("42P01"));
    // The rolled back table's files go in the background.
    for _ in 0..100 {
        if folders(&deployment.path("lake")) < before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("what was rolled back is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_takes_the_place_of_another_under_its_readers() {
    let (_deployment, server) = server().await;
    let (client, other) = (server.client().await, server.client().await);
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await.unwrap();
    client.simple_query("CREATE VIEW sandbox.v AS SELECT a FROM sandbox.t").await.unwrap();
    let refused = fails(&client, "ALTER TABLE sandbox.t RENAME TO old").await;
    assert!(refused.starts_with("2BP01"), "{refused}");
    for round in 2..4 {
        client
            .simple_query(&format!("BEGIN; CREATE TABLE sandbox.t__tmp AS SELECT {round} AS a"))
            .await
            .unwrap();
        client.simple_query("ALTER TABLE sandbox.t RENAME TO t__backup").await.unwrap();
        client.simple_query("ALTER TABLE sandbox.t__tmp RENAME TO t").await.unwrap();
        assert_eq!(one(&client, "SELECT a FROM sandbox.v").await, round.to_string());
        assert_eq!(one(&other, "SELECT a FROM sandbox.v").await, (round - 1).to_string());
        client.simple_query("COMMIT").await.unwrap();
        assert_eq!(one(&other, "SELECT a FROM sandbox.v").await, round.to_string());
        client.simple_query("DROP TABLE IF EXISTS sandbox.t__backup CASCADE").await.unwrap();
    }
    // A name that was given away is a new table's, in a folder of its own.
    client.simple_query("DROP VIEW sandbox.v; ALTER TABLE sandbox.t RENAME TO u").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 'new' AS b").await.unwrap();
    assert_eq!(one(&client, "SELECT a FROM sandbox.u").await, "3");
    client.simple_query("CREATE TABLE sandbox.w AS SELECT 9 AS a").await.unwrap();
    client.simple_query("ALTER TABLE sandbox.w RENAME TO x").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.w AS SELECT 10 AS a").await.unwrap();
    assert_eq!(one(&client, "SELECT x.a + w.a FROM sandbox.x, sandbox.w").await, "19");
    client.simple_query("BEGIN; ALTER TABLE sandbox.u RENAME TO away").await.unwrap();
    client.simple_query("CREATE VIEW sandbox.v AS SELECT a FROM sandbox.away").await.unwrap();
    client.simple_query("ALTER TABLE sandbox.away RENAME TO farther").await.unwrap();
    let refused = fails(&client, "COMMIT").await;
    assert!(refused.starts_with("2BP01"), "{refused}");
    assert_eq!(one(&client, "SELECT a FROM sandbox.u").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_for_a_table_that_is_there_come_with_the_commit() {
    let (_deployment, server) = server().await;
    let (client, other) = (server.client().await, server.client().await);
    client
        .simple_query("CREATE TABLE sandbox.t (a int UNIQUE); CREATE TABLE sandbox.u (a int)")
        .await
        .unwrap();
    client.simple_query("BEGIN; INSERT INTO sandbox.t VALUES (1), (2)").await.unwrap();
    client.simple_query("INSERT INTO sandbox.t VALUES (3)").await.unwrap();
    assert_eq!(one(&other, "SELECT count(*) FROM sandbox.t").await, "0");
    client.simple_query("COMMIT").await.unwrap();
    assert_eq!(one(&other, "SELECT count(*) FROM sandbox.t").await, "3");
    for (sql, expected) in [
        ("SELECT count(*) FROM sandbox.t", "0A000 reading \"sandbox.t\" in the transaction"),
        ("INSERT INTO sandbox.u SELECT a FROM sandbox.t", "0A000 reading \"sandbox.t\""),
        ("INSERT INTO sandbox.u VALUES (1)", "0A000 one transaction that changes \"sandbox.t\""),
        ("INSERT INTO sandbox.t VALUES (3)", "23505 "),
        ("INSERT INTO sandbox.t VALUES (10)", "23505 "),
        ("ALTER TABLE sandbox.t ADD COLUMN b int", "0A000 "),
    ] {
        client.simple_query("BEGIN; INSERT INTO sandbox.t VALUES (10)").await.unwrap();
        let refused = fails(&client, sql).await;
        assert!(refused.starts_with(expected), "{sql}: {refused}");
        client.simple_query("COMMIT").await.unwrap();
        assert_eq!(one(&other, "SELECT count(*) FROM sandbox.t").await, "3", "{sql}");
    }
    // Another's key is found at COMMIT.
    client.simple_query("BEGIN; INSERT INTO sandbox.t VALUES (4)").await.unwrap();
    other.simple_query("INSERT INTO sandbox.t VALUES (4)").await.unwrap();
    assert!(fails(&client, "COMMIT").await.starts_with("23505 "));
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.t").await, "4");
    // New rows in place of all, in one step.
    client.simple_query("BEGIN; TRUNCATE sandbox.t").await.unwrap();
    client.simple_query("INSERT INTO sandbox.t VALUES (1), (7)").await.unwrap();
    assert_eq!(one(&other, "SELECT count(*) FROM sandbox.t").await, "4");
    client.simple_query("COMMIT").await.unwrap();
    assert_eq!(ask(&other, "SELECT a FROM sandbox.t ORDER BY a").await, ["1", "7"]);
    client.simple_query("BEGIN; TRUNCATE sandbox.t").await.unwrap();
    other.simple_query("INSERT INTO sandbox.t VALUES (8)").await.unwrap();
    assert!(fails(&client, "COMMIT").await.starts_with("40001 "));
    assert_eq!(ask(&other, "SELECT a FROM sandbox.t ORDER BY a").await, ["1", "7", "8"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_transactions_that_change_the_same_do_not_both_commit() {
    let (_deployment, server) = server().await;
    let (one_client, other) = (server.client().await, server.client().await);
    for client in [&one_client, &other] {
        client.simple_query("BEGIN; CREATE TABLE sandbox.same (a int)").await.unwrap();
    }
    one_client.simple_query("CREATE TABLE sandbox.first (a int); COMMIT").await.unwrap();
    let refused = fails(&other, "CREATE TABLE sandbox.second (a int)").await;
    assert!(refused.starts_with("40001 "), "{refused}");
    other.simple_query("ROLLBACK").await.unwrap();
    for (client, name) in [(&one_client, "left"), (&other, "right")] {
        let sql = format!("BEGIN; CREATE TABLE sandbox.{name} (a int)");
        client.simple_query(&sql).await.unwrap();
    }
    one_client.simple_query("COMMIT").await.unwrap();
    other.simple_query("INSERT INTO sandbox.right VALUES (1); COMMIT").await.unwrap();
    let count = "SELECT count(*) FROM sandbox.left, sandbox.right";
    assert_eq!(one(&one_client, count).await, "0");
    let kept = "BEGIN ISOLATION LEVEL REPEATABLE READ";
    one_client.simple_query(kept).await.unwrap();
    let refused = fails(&one_client, "CREATE TABLE sandbox.x (a int)").await;
    assert!(refused.starts_with("0A000 CREATE TABLE in a transaction that keeps"), "{refused}");
    one_client.simple_query("ROLLBACK; BEGIN").await.unwrap();
    assert!(fails(&one_client, "VACUUM sandbox.left").await.starts_with("25001 "));
    one_client.simple_query("ROLLBACK").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn savepoints_turn_back_tables_rows_and_names() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.there (a int)").await.unwrap();
    client.simple_query("BEGIN; SAVEPOINT begun").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS a; SAVEPOINT s").await.unwrap();
    client.simple_query("INSERT INTO sandbox.t VALUES (2), (3)").await.unwrap();
    client.simple_query("INSERT INTO sandbox.there VALUES (5)").await.unwrap();
    client.simple_query("ALTER TABLE sandbox.t RENAME TO u").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.later (a int)").await.unwrap();
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.u").await, "3");
    client.simple_query("ROLLBACK TO s").await.unwrap();
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.t").await, "1");
    client.simple_query("INSERT INTO sandbox.t VALUES (4)").await.unwrap();
    client.simple_query("COMMIT").await.unwrap();
    assert_eq!(ask(&client, "SELECT a FROM sandbox.t ORDER BY a").await, ["1", "4"]);
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.there").await, "0");
    let shown = "SELECT count(*) FROM pg_class WHERE relname IN ('u', 'later')";
    assert_eq!(one(&client, shown).await, "0");
    client.simple_query("BEGIN; SAVEPOINT s; DROP TABLE sandbox.t").await.unwrap();
    client.simple_query("ROLLBACK TO s; COMMIT").await.unwrap();
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.t").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_see_what_their_transaction_has_made() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await.unwrap();
    let statement = client.prepare("SELECT max(a) FROM sandbox.t").await.unwrap();
    let value = async || client.query_one(&statement, &[]).await.unwrap().get::<_, i32>(0);
    assert_eq!(value().await, 1);
    client.simple_query("BEGIN; ALTER TABLE sandbox.t RENAME TO old").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 2 AS a").await.unwrap();
    assert_eq!(value().await, 2);
    client.simple_query("ROLLBACK").await.unwrap();
    assert_eq!(value().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_savepoint_turns_back_does_nothing_at_commit() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    let rows = "SELECT a FROM sandbox.t ORDER BY a";
    for key in ["", " UNIQUE"] {
        client.simple_query("DROP TABLE IF EXISTS sandbox.t").await.unwrap();
        client.simple_query(&format!("CREATE TABLE sandbox.t (a int{key})")).await.unwrap();
        client.simple_query("INSERT INTO sandbox.t VALUES (1), (2)").await.unwrap();
        // Rows that were to go stay, with those that came before.
        client.simple_query("BEGIN; INSERT INTO sandbox.t VALUES (3); SAVEPOINT s").await.unwrap();
        client.simple_query("TRUNCATE sandbox.t; ROLLBACK TO s").await.unwrap();
        client.simple_query("INSERT INTO sandbox.t VALUES (4); COMMIT").await.unwrap();
        assert_eq!(ask(&client, rows).await, ["1", "2", "3", "4"], "{key}");
        client.simple_query("BEGIN; SAVEPOINT s; DELETE FROM sandbox.t").await.unwrap();
        client.simple_query("ROLLBACK TO s; RELEASE s").await.unwrap();
        client.simple_query("INSERT INTO sandbox.t VALUES (5); COMMIT").await.unwrap();
        assert_eq!(ask(&client, rows).await, ["1", "2", "3", "4", "5"], "{key}");
    }
    // Keys that were turned back are free again, the others are not.
    client.simple_query("BEGIN; INSERT INTO sandbox.t VALUES (6); SAVEPOINT s").await.unwrap();
    client.simple_query("INSERT INTO sandbox.t VALUES (7)").await.unwrap();
    let refused = fails(&client, "INSERT INTO sandbox.t VALUES (7)").await;
    assert!(refused.starts_with("23505 "), "{refused}");
    client.simple_query("ROLLBACK TO s; INSERT INTO sandbox.t VALUES (7)").await.unwrap();
    client.simple_query("SAVEPOINT z").await.unwrap();
    assert!(fails(&client, "INSERT INTO sandbox.t VALUES (6)").await.starts_with("23505 "));
    client.simple_query("ROLLBACK TO z; COMMIT").await.unwrap();
    assert_eq!(ask(&client, rows).await, ["1", "2", "3", "4", "5", "6", "7"]);
    // Rows that stay after a DELETE keep their keys.
    client.simple_query("BEGIN; DELETE FROM sandbox.t WHERE a = 1").await.unwrap();
    client.simple_query("INSERT INTO sandbox.t VALUES (1); SAVEPOINT s").await.unwrap();
    assert!(fails(&client, "INSERT INTO sandbox.t VALUES (2)").await.starts_with("23505 "));
    client.simple_query("ROLLBACK TO s; COMMIT").await.unwrap();
    assert_eq!(ask(&client, rows).await, ["1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_wait_are_not_read_under_another_name() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.u AS SELECT 1 AS a").await.unwrap();
    client.simple_query("BEGIN; INSERT INTO sandbox.t VALUES (2)").await.unwrap();
    client.simple_query("ALTER TABLE sandbox.t RENAME TO old").await.unwrap();
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 7 AS a; SAVEPOINT s").await.unwrap();
    assert_eq!(one(&client, "SELECT a FROM sandbox.t").await, "7");
    let refused = fails(&client, "SELECT sum(a) FROM sandbox.old").await;
    assert!(refused.starts_with("0A000 reading \"sandbox.t\" in the transaction"), "{refused}");
    client.simple_query("ROLLBACK TO s; COMMIT").await.unwrap();
    assert_eq!(ask(&client, "SELECT a FROM sandbox.old ORDER BY a").await, ["1", "2"]);
    // A table that is no more does not stand in another's way.
    client
        .simple_query("BEGIN; INSERT INTO sandbox.old VALUES (3); DROP TABLE sandbox.old")
        .await
        .unwrap();
    client.simple_query("INSERT INTO sandbox.u VALUES (2); COMMIT").await.unwrap();
    assert_eq!(ask(&client, "SELECT a FROM sandbox.u ORDER BY a").await, ["1", "2"]);
}
