//! What is read: epochs, versions, views, system tables.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lakeport::catalog::RelationKind;
use lakeport::error::ErrorKind;

use super::{Lab, check_answers, numbers};

#[tokio::test(flavor = "multi_thread")]
async fn reads_what_an_epoch_published() {
    let mut lab = Lab::new().await;
    let orders = lab.matview("silver.orders");
    let never = lab.ask("SELECT * FROM silver.orders").await.unwrap_err();
    assert_eq!(never.kind(), ErrorKind::ObjectNotInPrerequisiteState);
    assert_eq!(never.message(), "materialized view \"silver.orders\" has not been built");
    assert_eq!(never.hint_text(), Some("Run REFRESH MATERIALIZED VIEW silver.orders."));

    lab.publish(&orders, &lab.write(&orders, 1).await).await;
    lab.clock.advance(Duration::from_secs(60));
    lab.publish(&orders, &lab.write(&orders, 2).await).await;
    // Committed, not published: nobody sees it.
    lab.write(&orders, 3).await;
    let count = |clause: &str| format!("SELECT count(*) FROM silver.orders {clause} AS o");
    check_answers(
        &lab,
        &[
            (&count(""), &["2"]),
            (&count("VERSION AS OF 0"), &["1"]),
            (&count("VERSION AS OF 1"), &["2"]),
            (&count("TIMESTAMP AS OF '2026-10-31 12:00:30'"), &["1"]),
            (&count("TIMESTAMP AS OF '2026-10-31 13:01:30+01'"), &["2"]),
            (&count("FOR SYSTEM_TIME AS OF '2026-10-31 12:00:30'"), &["1"]),
            (
                "SELECT a.n FROM silver.orders a LEFT JOIN silver.orders VERSION AS OF 0 b ON a.n = b.n \
                 WHERE b.n IS NULL",
                &["2"],
            ),
        ],
    )
    .await;
    let error = lab.ask(&count("VERSION AS OF 2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParameterValue);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tables_are_read_at_the_version_first_touched() {
    let mut lab = Lab::new().await;
    let table = lab.relation(
        "sandbox.notes",
        RelationKind::Table { partition_by: Vec::new(), keys: Vec::new(), place: None },
    );
    lab.write(&table, 1).await;
    let context = lab.context("lakeport");
    let sql = "SELECT count(*) FROM sandbox.notes";
    assert_eq!(lab.ask_in(&context, sql, Vec::new()).await.unwrap(), ["1"]);
    lab.write(&table, 5).await;
    assert_eq!(lab.ask_in(&context, sql, Vec::new()).await.unwrap(), ["1"], "the same snapshot");
    assert_eq!(lab.ask(sql).await.unwrap(), ["5"], "a new one");
    let old = "SELECT count(*) FROM sandbox.notes VERSION AS OF 0";
    assert_eq!(lab.ask(old).await.unwrap(), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_read_with_their_owners_rights() {
    let mut lab = Lab::new().await;
    let orders = lab.matview("silver.orders");
    lab.publish(&orders, &lab.write(&orders, 3).await).await;
    lab.view("gold_finance.totals", "SELECT sum(n) AS total FROM silver.orders");
    lab.view("gold_finance.outer_totals", "SELECT total + 1 AS more FROM gold_finance.totals");
    lab.role("finance", false, &[]);
    lab.grant("finance", "gold_finance", None);
    let sql = "SELECT more FROM gold_finance.outer_totals";
    assert_eq!(lab.ask_as("finance", sql).await.unwrap(), ["7"]);
    let error = lab.ask_as("finance", "SELECT * FROM silver.orders").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_reads_itself_is_refused() {
    let mut lab = Lab::new().await;
    lab.view("silver.a", "SELECT * FROM silver.b");
    lab.view("silver.b", "SELECT * FROM silver.a");
    let error = lab.ask("SELECT * FROM silver.a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StatementTooComplex);
}

#[tokio::test(flavor = "multi_thread")]
async fn system_tables_describe_the_lake() {
    let mut lab = Lab::new().await;
    let orders = lab.matview("silver.orders");
    lab.matview("silver.unbuilt");
    lab.view("gold_finance.totals", "SELECT sum(n) AS total FROM silver.orders");
    lab.publish(&orders, &lab.write(&orders, 3).await).await;
    check_answers(
        &lab,
        &[
            ("SELECT schema_name, table_name, version, epoch, rows FROM lakeport.tables ORDER BY 1, 2", &[
                "gold_finance|totals|NULL|NULL|NULL",
                "silver|orders|0|1|3",
                "silver|unbuilt|NULL|NULL|NULL",
            ]),
            ("SELECT column_name, data_type FROM lakeport.columns WHERE table_name = 'orders' ORDER BY position", &[
                "n|bigint", "name|text",
            ]),
            ("SELECT view_name, built FROM lakeport.matviews ORDER BY 1", &["orders|true", "unbuilt|false"]),
            ("SELECT epoch, schema_name, relation_name, version FROM lakeport.epochs", &["1|silver|orders|0"]),
            ("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema IN ('silver', 'gold_finance') ORDER BY 1", &[
                "orders|BASE TABLE", "totals|VIEW", "unbuilt|BASE TABLE",
            ]),
            ("SELECT column_name, data_type, udt_name FROM information_schema.columns WHERE table_name = 'totals'", &[
                "total|numeric|numeric",
            ]),
            ("SELECT a.attname, t.typname FROM pg_catalog.pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
              JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace s ON s.oid = c.relnamespace \
              WHERE s.nspname = 'silver' AND c.relname = 'orders' ORDER BY a.attnum", &["n|int8", "name|text"]),
        ],
    )
    .await;
    // Every built-in table answers, whatever it holds.
    let tables = lab
        .ask("SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN ('lakeport', 'information_schema', 'pg_catalog')")
        .await
        .unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    for table in tables {
        lab.ask(&format!("SELECT * FROM {table}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_sees_what_is_handed_in_with_it() {
    let lab = Lab::new().await;
    let mut context = lab.context("lakeport");
    let batch = numbers(2);
    let table =
        datafusion::datasource::MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
    context.extra = HashMap::from([("__lakeport_stream".to_owned(), Arc::new(table) as _)]);
    let sql = "SELECT sum(n) FROM __lakeport_stream";
    assert_eq!(lab.ask_in(&context, sql, Vec::new()).await.unwrap(), ["3"]);
    assert_eq!(lab.ask(sql).await.unwrap_err().kind(), ErrorKind::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_remembered_without_their_literals() {
    let lab = Lab::new().await;
    lab.ask("SELECT 'secret', 42,  $$also secret$$ -- and this").await.unwrap();
    let rows =
        lab.ask("SELECT query, state, rows FROM lakeport.queries WHERE state = 'finished'").await;
    assert_eq!(rows.unwrap(), ["SELECT ?, ?, ?|finished|1"]);
}
