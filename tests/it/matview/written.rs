//! Views over tables that people write: exact after whatever happens to these, or an error that says why.

use tokio_postgres::Client;

use crate::support::{Deployment, TestServer, text_rows};

const VIEW: &str = "-- What people's rows add up to.
CREATE MATERIALIZED VIEW silver.totals REFRESH POLICY INCREMENTAL
AS SELECT b, count(*) AS n, sum(a) AS total FROM bronze.people GROUP BY b;
";
const QUERY: &str = "SELECT b, count(*) AS n, sum(a) AS total FROM sandbox.t GROUP BY b ORDER BY b";
const SHOWN: &str = "SELECT * FROM silver.totals ORDER BY b";

async fn does(client: &Client, sql: &str) -> Result<(), String> {
    let done = client.simple_query(sql).await;
    done.map(drop).map_err(|error| match error.as_db_error() {
        Some(error) => format!("{} {}", error.code().code(), error.message()),
        None => error.to_string(),
    })
}

async fn rows(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    text_rows(client, sql).await.unwrap()
}

/// Refreshes, and compares with the query and with VERIFY.
async fn is_exact(client: &Client, after: &str) {
    does(client, "REFRESH MATERIALIZED VIEW silver.totals").await.expect(after);
    assert_eq!(rows(client, SHOWN).await, rows(client, QUERY).await, "{after}");
    let verified = rows(client, "VERIFY MATERIALIZED VIEW silver.totals").await;
    let words: Vec<&str> = verified.iter().flatten().flatten().map(String::as_str).collect();
    assert!(words.contains(&"verified"), "{after}: {verified:?}");
}

/// A server whose `bronze.people` are the rows that people write to `sandbox.t`.
async fn served(deployment: &Deployment) -> TestServer {
    {
        let server = deployment.serve().await;
        does(&server.client().await, "CREATE TABLE sandbox.t (a int, b text)").await.unwrap();
    }
    let folder = deployment.path("lake/sandbox/t");
    let external = format!(
        "-- What people write.\nCREATE EXTERNAL TABLE bronze.people STORED AS DELTA LOCATION '{}';\n",
        folder.display()
    );
    deployment.write("catalog/people.sql", external);
    deployment.write("sql/silver/totals.sql", VIEW);
    deployment.serve().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_over_a_table_that_people_write_is_exact_or_says_why() {
    let deployment = Deployment::new();
    let server = served(&deployment).await;
    let client = server.client().await;
    is_exact(&client, "the first build").await;
    for change in [
        "INSERT INTO sandbox.t VALUES (1, 'x'), (2, 'y'), (3, NULL), (4, 'x'), (4, 'x'), (5, 'z')",
        "DELETE FROM sandbox.t WHERE a = 4",
        "DELETE FROM sandbox.t WHERE b IS NULL OR a = 5",
        "TRUNCATE sandbox.t",
        "INSERT INTO sandbox.t VALUES (1, 'x'), (2, 'y'), (3, NULL)",
        "BEGIN; DELETE FROM sandbox.t WHERE a = 1; INSERT INTO sandbox.t VALUES (7, 'y'); COMMIT",
        "BEGIN; INSERT INTO sandbox.t VALUES (9, 'q'); ROLLBACK",
        "BEGIN; CREATE TABLE sandbox.u (a int); INSERT INTO sandbox.t VALUES (9, 'q'); COMMIT",
        "ALTER TABLE sandbox.t ADD COLUMN c int",
        "INSERT INTO sandbox.t VALUES (8, 'w', 1)",
        "OPTIMIZE sandbox.t",
        "DELETE FROM sandbox.t WHERE c = 1",
        "ALTER TABLE sandbox.t DROP COLUMN c",
        "INSERT INTO sandbox.t VALUES (6, 'x')",
        "ALTER TABLE sandbox.t ADD COLUMN c text",
        "DROP TABLE sandbox.t",
        // The name goes on in its log, as another table.
        "CREATE TABLE sandbox.t AS SELECT 5 AS a, 'x' AS b, 'c' AS c",
        "INSERT INTO sandbox.t VALUES (1, 'y', 'd'), (2, 'y', 'e')",
        "DELETE FROM sandbox.t WHERE a = 2",
    ] {
        let before = rows(&client, SHOWN).await;
        does(&client, change).await.expect(change);
        if change.starts_with("DROP") {
            does(&client, "REFRESH MATERIALIZED VIEW silver.totals").await.unwrap();
            assert_eq!(rows(&client, SHOWN).await, before, "{change}");
        } else {
            is_exact(&client, change).await;
        }
    }
    // Other columns: the last good rows stay until they fit again.
    let before = rows(&client, SHOWN).await;
    does(&client, "ALTER TABLE sandbox.t RENAME COLUMN a TO z").await.unwrap();
    let refused = does(&client, "REFRESH MATERIALIZED VIEW silver.totals").await.unwrap_err();
    assert!(refused.starts_with("42703"), "{refused}");
    assert_eq!(rows(&client, SHOWN).await, before);
    does(&client, "INSERT INTO sandbox.t VALUES (4, 'z', 'f')").await.unwrap();
    does(&client, "ALTER TABLE sandbox.t RENAME COLUMN z TO a").await.unwrap();
    is_exact(&client, "the column has its name again").await;
    // Or of other types: the view's follow.
    does(&client, "DROP TABLE sandbox.t").await.unwrap();
    does(&client, "CREATE TABLE sandbox.t (b int, a numeric(8,2))").await.unwrap();
    does(&client, "INSERT INTO sandbox.t VALUES (1, 2.50), (1, 0.25)").await.unwrap();
    is_exact(&client, "other types").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_exact_while_its_table_is_written() {
    let deployment = Deployment::new();
    let server = served(&deployment).await;
    let (client, writer) = (server.client().await, server.client().await);
    let writing = tokio::spawn(async move {
        for round in 0..20 {
            let insert =
                format!("INSERT INTO sandbox.t VALUES ({round}, 'k{}'), (1, 'one')", round % 5);
            does(&writer, &insert).await.unwrap();
            if round % 3 == 0 {
                does(&writer, &format!("DELETE FROM sandbox.t WHERE a = {}", round / 2))
                    .await
                    .unwrap();
            }
            if round % 7 == 0 {
                let change = format!(
                    "BEGIN; CREATE TABLE sandbox.n{round} AS SELECT {round} AS a; \
                     INSERT INTO sandbox.t VALUES ({round}, 'tx'); COMMIT"
                );
                does(&writer, &change).await.unwrap();
            }
        }
    });
    while !writing.is_finished() {
        does(&client, "REFRESH MATERIALIZED VIEW silver.totals").await.unwrap();
        let verified = rows(&client, "VERIFY MATERIALIZED VIEW silver.totals").await;
        assert!(verified.iter().flatten().flatten().any(|word| word == "verified"), "{verified:?}");
    }
    writing.await.unwrap();
    is_exact(&client, "all").await;
}
