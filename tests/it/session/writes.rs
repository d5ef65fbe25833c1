//! Statements that write: what arrives in the tables, and what is refused.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{ask, fails, one, server, shown};

/// Rows that each statement affected or returned, as clients read them from the tag.
async fn affected(client: &Client, sql: &str) -> u64 {
    let messages = client.simple_query(sql).await.map_err(|error| shown(&error)).unwrap();
    let last = messages.iter().rev().find_map(|message| match message {
        SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
        _ => None,
    });
    last.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_filled_and_dropped() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    client
        .simple_query(
            "CREATE TABLE sandbox.t (id int NOT NULL, name text, amount numeric(10,2), at timestamptz)",
        )
        .await
        .unwrap();
    assert_eq!(
        affected(&client, "INSERT INTO sandbox.t (name, id) VALUES ('a', 1), ('b', 2)").await,
        2
    );
    assert_eq!(
        affected(
            &client,
            "INSERT INTO sandbox.t VALUES (3, NULL, 1.005, '2024-07-01 12:00:00+02')"
        )
        .await,
        1
    );
    assert_eq!(
        ask(&client, "SELECT id, name, amount, at FROM sandbox.t ORDER BY id").await,
        ["1|a|NULL|NULL", "2|b|NULL|NULL", "3|NULL|1.01|2024-07-01 10:00:00+00"]
    );
    assert_eq!(
        affected(&client, "CREATE TABLE sandbox.u AS SELECT id, amount FROM sandbox.t").await,
        3
    );
    assert_eq!(one(&client, "SELECT sum(amount) FROM sandbox.u").await, "1.01");
    client.simple_query("DROP TABLE sandbox.t, sandbox.u").await.unwrap();
    assert_eq!(
        fails(&client, "SELECT * FROM sandbox.t").await,
        "42P01 relation \"sandbox.t\" does not exist"
    );
    client.simple_query("DROP TABLE IF EXISTS sandbox.t").await.unwrap();
    // A name used again holds only its own rows.
    client.simple_query("CREATE TABLE sandbox.t (other text)").await.unwrap();
    assert_eq!(ask(&client, "SELECT * FROM sandbox.t").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_writes_are_told_as_postgres_tells_them() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    client
        .simple_query("CREATE TABLE sandbox.t (id int NOT NULL, flag boolean); CREATE VIEW sandbox.v AS SELECT 1 AS a")
        .await
        .unwrap();
    for (sql, expected) in [
        (
            "INSERT INTO sandbox.t VALUES (NULL, true)",
            "23502 null value in column \"id\" of relation \"t\" violates not-null constraint",
        ),
        (
            "INSERT INTO sandbox.t (flag) VALUES (true)",
            "23502 null value in column \"id\" of relation \"t\" violates not-null constraint",
        ),
        (
            "INSERT INTO sandbox.t VALUES (1, true, 3)",
            "42601 INSERT has more expressions than target columns",
        ),
        (
            "INSERT INTO sandbox.t (id, flag) VALUES (1)",
            "42601 INSERT has more target columns than expressions",
        ),
        (
            "INSERT INTO sandbox.t (id, nope) VALUES (1, true)",
            "42703 column \"nope\" of relation \"t\" does not exist",
        ),
        (
            "INSERT INTO sandbox.t (id, id) VALUES (1, 2)",
            "42701 column \"id\" specified more than once",
        ),
        (
            "INSERT INTO sandbox.t VALUES (1, 2)",
            "42804 column \"flag\" is of type boolean but expression is of type ",
        ),
        (
            "INSERT INTO sandbox.t VALUES ('x', true)",
            "22P02 invalid input syntax for type integer: \"x\"",
        ),
        ("INSERT INTO sandbox.t VALUES (99999999999, true)", "22003 "),
        (
            "INSERT INTO sandbox.missing VALUES (1)",
            "42P01 relation \"sandbox.missing\" does not exist",
        ),
        ("INSERT INTO sandbox.v VALUES (1)", "42809 cannot change view \"v\""),
        ("CREATE TABLE sandbox.t (a int)", "42P07 relation \"t\" already exists"),
        ("CREATE TABLE missing.t (a int)", "3F000 schema \"missing\" does not exist"),
        ("CREATE TABLE silver.t (a int)", "55006 schema \"silver\" is defined in "),
        ("CREATE TABLE quarantine.t (a int)", "55006 "),
        ("CREATE TABLE sandbox._a (a int)", "42602 "),
        ("DROP TABLE sandbox.missing", "42P01 table \"sandbox.missing\" does not exist"),
        ("DROP TABLE sandbox.v", "42809 \"v\" is not a table"),
        ("DROP ROLE lakeport", "55006 "),
        ("CREATE MATERIALIZED VIEW sandbox.m AS SELECT 1 AS a", "0A000 "),
        ("REFRESH MATERIALIZED VIEW sandbox.v", "42809 \"v\" is not a materialized view"),
    ] {
        let found = fails(&client, sql).await;
        assert!(found.starts_with(expected), "{sql}: {found}");
    }
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.t").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_rounded_on_the_way_in() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.n (i int, d numeric(5,1))").await.unwrap();
    let insert = "INSERT INTO sandbox.n VALUES (1.5, 0.25), (2.5, -0.25), (-1.5, 1)";
    client.simple_query(insert).await.map_err(|error| shown(&error)).unwrap();
    client
        .simple_query("INSERT INTO sandbox.n SELECT CAST(2.5 AS double precision), NULL")
        .await
        .unwrap();
    assert_eq!(
        ask(&client, "SELECT i, d FROM sandbox.n ORDER BY i, d").await,
        ["-2|1.0", "2|0.3", "2|NULL", "3|-0.3"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn times_without_a_zone_are_the_sessions() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.z (at timestamptz, wall timestamp)").await.unwrap();
    client.simple_query("SET timezone = 'Europe/Berlin'").await.unwrap();
    client
        .simple_query("INSERT INTO sandbox.z SELECT '2024-07-01 12:00:00', '2024-01-01 00:00:00'")
        .await
        .unwrap();
    client.simple_query("INSERT INTO sandbox.z (wall) SELECT at FROM sandbox.z").await.unwrap();
    assert_eq!(
        ask(&client, "SELECT at, wall FROM sandbox.z ORDER BY wall").await,
        ["2024-07-01 12:00:00+02|2024-01-01 00:00:00", "NULL|2024-07-01 12:00:00"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_written_by_many_sessions_at_once_all_arrive() {
    let (_folders, server) = server().await;
    let root = server.client().await;
    root.simple_query("CREATE TABLE sandbox.t (a int)").await.unwrap();
    let mut writers = Vec::new();
    for writer in 0..6 {
        let client = server.client().await;
        writers.push(tokio::spawn(async move {
            for row in 0..5 {
                let sql = format!("INSERT INTO sandbox.t VALUES ({})", writer * 100 + row);
                client.simple_query(&sql).await.map_err(|error| shown(&error)).unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(one(&root, "SELECT count(*), count(DISTINCT a) FROM sandbox.t").await, "30|30");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_made_by_many_sessions_at_once_are_all_there() {
    let (_folders, server) = server().await;
    let root = server.client().await;
    let mut makers = Vec::new();
    for maker in 0..4 {
        let client = server.client().await;
        makers.push(tokio::spawn(async move {
            let own = format!("CREATE TABLE sandbox.own_{maker} AS SELECT {maker} AS a");
            client.simple_query(&own).await.map_err(|error| shown(&error)).unwrap();
            let shared = format!("CREATE TABLE sandbox.shared AS SELECT {maker} AS a");
            client.simple_query(&shared).await.err().and_then(|error| error.code().cloned())
        }));
    }
    let mut made = 0;
    for maker in makers {
        match maker.await.unwrap() {
            None => made += 1,
            Some(code) => assert_eq!(code, SqlState::DUPLICATE_TABLE),
        }
    }
    assert_eq!(made, 1, "exactly one makes the shared table");
    assert_eq!(one(&root, "SELECT count(*) FROM sandbox.shared").await, "1");
    for maker in 0..4 {
        let sql = format!("SELECT a FROM sandbox.own_{maker}");
        assert_eq!(one(&root, &sql).await, maker.to_string());
    }
}
