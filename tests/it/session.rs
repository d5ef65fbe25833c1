//! One connection: settings, transactions, privileges, over the Postgres protocol.

mod altering;
mod conflicts;
mod prepared;
mod rights;
mod temporary;
mod transactions;
mod writes;

use tokio_postgres::Client;

use crate::support::{Deployment, TestServer, text_rows};

/// Rows of the last statement, columns joined by `|`, NULL as `NULL`.
async fn ask(client: &Client, sql: &str) -> Vec<String> {
    let rows = match text_rows(client, sql).await {
        Ok(rows) => rows,
        Err(error) => panic!("{sql}: {}", shown(&error)),
    };
    rows.into_iter()
        .map(|row| {
            let columns: Vec<String> =
                row.into_iter().map(|value| value.unwrap_or("NULL".to_owned())).collect();
            columns.join("|")
        })
        .collect()
}

async fn one(client: &Client, sql: &str) -> String {
    let rows = ask(client, sql).await;
    assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
    rows.into_iter().next().unwrap()
}

fn shown(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} {}", error.code().code(), error.message()),
        None => error.to_string(),
    }
}

/// `SQLSTATE message` of a statement that must fail.
async fn fails(client: &Client, sql: &str) -> String {
    match client.simple_query(sql).await {
        Ok(_) => panic!("{sql} succeeded"),
        Err(error) => shown(&error),
    }
}

const ROLES: &str = "CREATE ROLE ann LOGIN;
CREATE ROLE bob LOGIN;
CREATE ROLE maker LOGIN;
GRANT CREATE ON SCHEMA sandbox TO maker;
";

/// The folders, which live as long as they are held, and a server over them.
async fn server() -> (Deployment, TestServer) {
    let deployment = Deployment::new().catalog_append("roles.sql", ROLES);
    let server = deployment.serve().await;
    (deployment, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_as_postgres_spells_them() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    for (set, show, expected) in [
        ("SET timezone = 'europe/berlin'", "SHOW timezone", "Europe/Berlin"),
        ("SET TIME ZONE 'UTC'", "SHOW TIME ZONE", "UTC"),
        ("SET statement_timeout = 5000", "SHOW statement_timeout", "5s"),
        ("SET statement_timeout = '2min'", "SHOW statement_timeout", "2min"),
        ("SET statement_timeout TO DEFAULT", "SHOW statement_timeout", "0"),
        ("SET extra_float_digits = 3", "SHOW extra_float_digits", "3"),
        ("SET search_path = silver, \"Odd Name\"", "SHOW search_path", "silver, \"Odd Name\""),
        ("RESET search_path", "SHOW search_path", "\"$user\", public"),
        ("SET DateStyle = iso, dmy", "SHOW datestyle", "ISO, DMY"),
        ("SET client_encoding = 'utf-8'", "SHOW client_encoding", "UTF8"),
        ("SET my.own = 'x'", "SHOW my.own", "x"),
        ("SELECT 1", "SHOW transaction_isolation", "read committed"),
        ("SELECT 1", "SHOW server_version", "15.18"),
        ("SELECT 1", "SHOW is_superuser", "on"),
    ] {
        client.simple_query(set).await.map_err(|error| shown(&error)).expect(set);
        assert_eq!(one(&client, show).await, expected, "{set}; {show}");
    }
    for (sql, expected) in [
        ("SET no_such = 1", "42704 unrecognized configuration parameter \"no_such\""),
        ("SHOW no_such", "42704 unrecognized configuration parameter \"no_such\""),
        ("SET lakeport.typo = 1", "42704 unrecognized configuration parameter \"lakeport.typo\""),
        ("SET server_version = '1'", "55P02 parameter \"server_version\" cannot be changed"),
        (
            "SET client_encoding = 'GBK'",
            "22023 invalid value for parameter \"client_encoding\": \"GBK\"",
        ),
        ("SET timezone = 'Mars'", "22023 invalid value for parameter \"TimeZone\": \"Mars\""),
        ("SET lakeport.as_of = '999'", "22023 "),
    ] {
        let found = fails(&client, sql).await;
        assert!(found.starts_with(expected), "{sql}: {found}");
    }
    client.simple_query("DISCARD ALL").await.unwrap();
    assert_eq!(one(&client, "SHOW timezone").await, "UTC");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_shown_columns_are_postgres_names() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    let row = &client.query("SHOW timezone", &[]).await.unwrap()[0];
    assert_eq!(row.columns()[0].name(), "TimeZone");
    assert_eq!(row.get::<_, &str>(0), "UTC");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_sets_ends_with_it() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    client.simple_query("BEGIN; SET LOCAL timezone = 'Asia/Tokyo'").await.unwrap();
    assert_eq!(one(&client, "SHOW timezone").await, "Asia/Tokyo");
    client.simple_query("COMMIT").await.unwrap();
    assert_eq!(one(&client, "SHOW timezone").await, "UTC");
    client.simple_query("BEGIN; SET timezone = 'Asia/Tokyo'; ROLLBACK").await.unwrap();
    assert_eq!(one(&client, "SHOW timezone").await, "UTC");
    client.simple_query("BEGIN; SET timezone = 'Asia/Tokyo'; COMMIT").await.unwrap();
    assert_eq!(one(&client, "SHOW timezone").await, "Asia/Tokyo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_takes_nothing_but_its_end() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    client.simple_query("BEGIN").await.unwrap();
    assert!(fails(&client, "SELECT * FROM missing").await.starts_with("42P01"));
    let aborted = "25P02 current transaction is aborted, commands ignored until end of transaction \
                   block";
    assert_eq!(fails(&client, "SELECT 1").await, aborted);
    assert_eq!(fails(&client, "SHOW timezone").await, aborted);
    client.simple_query("COMMIT").await.unwrap();
    assert_eq!(one(&client, "SELECT 1").await, "1");
    client.simple_query("BEGIN READ ONLY").await.unwrap();
    let write = fails(&client, "INSERT INTO sandbox.t VALUES (1)").await;
    assert!(write.starts_with("25006") || write.starts_with("42P01"), "{write}");
    client.simple_query("ROLLBACK").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn repeatable_read_sees_one_state_and_read_committed_each_new_one() {
    let (_folders, server) = server().await;
    let (reader, writer) = (server.client().await, server.client().await);
    writer.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await.unwrap();
    reader.simple_query("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    assert_eq!(one(&reader, "SHOW transaction_isolation").await, "repeatable read");
    assert_eq!(one(&reader, "SELECT count(*) FROM sandbox.t").await, "1");
    writer.simple_query("INSERT INTO sandbox.t VALUES (2)").await.unwrap();
    assert_eq!(one(&reader, "SELECT count(*) FROM sandbox.t").await, "1");
    let late = fails(&reader, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED").await;
    assert!(late.starts_with("25001"), "{late}");
    reader.simple_query("ROLLBACK; BEGIN").await.unwrap();
    assert_eq!(one(&reader, "SELECT count(*) FROM sandbox.t").await, "2");
    writer.simple_query("INSERT INTO sandbox.t VALUES (3)").await.unwrap();
    assert_eq!(one(&reader, "SELECT count(*) FROM sandbox.t").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn privileges_hide_deny_and_grant() {
    let (_folders, server) = server().await;
    let (root, ann) = (server.client().await, server.client_as("ann").await);
    root.simple_query("CREATE TABLE sandbox.secret AS SELECT 1 AS a").await.unwrap();
    // No privilege at all: as if it did not exist.
    let hidden = fails(&ann, "SELECT * FROM sandbox.secret").await;
    let missing = fails(&ann, "SELECT * FROM sandbox.nothing").await;
    assert_eq!(hidden.replace("secret", "nothing"), missing);
    for sql in [
        "INSERT INTO sandbox.secret VALUES (1)",
        "DROP TABLE sandbox.secret",
        "GRANT SELECT ON sandbox.secret TO ann",
        "REFRESH MATERIALIZED VIEW sandbox.secret",
        "CREATE TABLE sandbox.secret (a int)",
        "CREATE VIEW sandbox.secret AS SELECT 1 AS a",
    ] {
        let hidden = fails(&ann, sql).await;
        let missing = fails(&ann, &sql.replace("secret", "nothing")).await;
        assert_eq!(hidden.replace("secret", "nothing"), missing, "{sql}");
    }
    root.simple_query("GRANT SELECT ON sandbox.secret TO ann").await.unwrap();
    assert_eq!(one(&ann, "SELECT a FROM sandbox.secret").await, "1");
    assert_eq!(
        fails(&ann, "INSERT INTO sandbox.secret VALUES (2)").await,
        "42501 permission denied for table secret"
    );
    assert_eq!(
        fails(&ann, "DROP TABLE sandbox.secret").await,
        "42501 must be owner of table secret"
    );
    root.simple_query("GRANT INSERT ON sandbox.secret TO ann").await.unwrap();
    ann.simple_query("INSERT INTO sandbox.secret VALUES (2)").await.unwrap();
    root.simple_query("REVOKE SELECT, INSERT ON sandbox.secret FROM ann").await.unwrap();
    assert!(fails(&ann, "SELECT * FROM sandbox.secret").await.starts_with("42P01"));
    let maker = server.client_as("maker").await;
    maker.simple_query("CREATE TABLE sandbox.own AS SELECT 1 AS a").await.unwrap();
    maker.simple_query("INSERT INTO sandbox.own VALUES (2)").await.unwrap();
    assert_eq!(one(&maker, "SELECT count(*) FROM sandbox.own").await, "2");
    let bob = server.client_as("bob").await;
    assert!(fails(&bob, "SELECT * FROM sandbox.own").await.starts_with("42P01"));
    maker.simple_query("GRANT SELECT ON sandbox.own TO bob").await.unwrap();
    assert_eq!(one(&bob, "SELECT count(*) FROM sandbox.own").await, "2");
    let governed = fails(&root, "GRANT CREATE ON SCHEMA sandbox TO ann").await;
    assert!(governed.starts_with("55006"), "{governed}");
    assert_eq!(fails(&ann, "CREATE ROLE eve").await, "42501 permission denied to create role");
    let external = "CREATE EXTERNAL TABLE sandbox.e STORED AS DELTA LOCATION '/etc'";
    assert!(fails(&ann, external).await.starts_with("42501"));
}

#[tokio::test(flavor = "multi_thread")]
async fn views_over_the_wire_run_with_their_owners_rights() {
    let (_folders, server) = server().await;
    let (root, ann) = (server.client().await, server.client_as("ann").await);
    root.simple_query(
        "CREATE TABLE sandbox.base AS SELECT 1 AS a;
         CREATE VIEW sandbox.shown (b) AS SELECT a FROM sandbox.base;
         GRANT SELECT ON sandbox.shown TO ann",
    )
    .await
    .unwrap();
    assert_eq!(one(&ann, "SELECT b FROM sandbox.shown").await, "1");
    assert!(fails(&ann, "SELECT * FROM sandbox.base").await.starts_with("42P01"));
    let used = fails(&root, "DROP TABLE sandbox.base").await;
    assert!(used.starts_with("2BP01"), "{used}");
    root.simple_query("DROP VIEW sandbox.shown; DROP TABLE sandbox.base").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_is_read_as_it_was() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await.unwrap();
    let epoch = server.services.lake.epoch().epoch;
    client.simple_query("INSERT INTO sandbox.t VALUES (2)").await.unwrap();
    client.simple_query(&format!("SET lakeport.as_of = '{epoch}'")).await.unwrap();
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.t").await, "1");
    let write = fails(&client, "INSERT INTO sandbox.t VALUES (3)").await;
    assert!(write.starts_with("25006"), "{write}");
    client.simple_query("RESET lakeport.as_of").await.unwrap();
    assert_eq!(one(&client, "SELECT count(*) FROM sandbox.t").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_while_they_are_connected() {
    let (_folders, server) = server().await;
    let root = server.client().await;
    let ann = server.client_as("ann").await;
    ann.simple_query("SET application_name = 'report'").await.unwrap();
    let sql = "SELECT role_name, protocol, application_name, state FROM lakeport.sessions \
               ORDER BY role_name";
    assert_eq!(ask(&root, sql).await, ["ann|postgres|report|idle", "lakeport|postgres||active"]);
    assert_eq!(ask(&ann, sql).await, ["ann|postgres|report|active"]);
    drop(ann);
    while server.services.sessions.count() > 1 {
        tokio::task::yield_now().await;
    }
}
