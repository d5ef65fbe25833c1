//! VERIFY as a person meets it: over both protocols, and as a command.

use arrow::util::display::array_value_to_string;
use lakeport::ingest::IngestRequest;
use lakeport::matview::RefreshRequest;
use serde_json::Value;

use crate::support::{Deployment, TestServer, double_rows, text_rows};

async fn shop() -> (Deployment, TestServer) {
    let deployment = Deployment::small_shop().catalog_append(
        "roles.sql",
        "CREATE ROLE steward LOGIN;\nGRANT SELECT ON SCHEMA silver TO steward;\n\
         GRANT REFRESH ON silver.orders TO steward;\n",
    );
    deployment.deliver("2026-10-30", 1, 2);
    let server = deployment.serve().await;
    server.services.ingester.ingest(&IngestRequest::default()).await.unwrap();
    server.services.refresher.refresh(&RefreshRequest::default()).await.unwrap();
    (deployment, server)
}

const EXAMPLE: &str = "order_id=1, day=2026-10-30, amount=10.50: 2 in the view, 1 in the query\n\
                       order_id=2, day=2026-10-30, amount=10.50: 2 in the view, 1 in the query";

#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_is_shown_and_healed_over_both_protocols() {
    let (_deployment, server) = shop().await;
    let verify = "VERIFY MATERIALIZED VIEW silver.orders";
    let expected = ["silver.orders", "mismatch", "2", "0", "2", EXAMPLE];
    let healed = ["silver.orders", "verified", "2", "0", "0"];

    double_rows(&server.services, "silver.orders").await;
    let steward = server.client_as("steward").await;
    let rows = text_rows(&steward, verify).await.unwrap();
    let row: Vec<&str> = rows[0].iter().map(|value| value.as_deref().unwrap()).collect();
    assert_eq!(row, expected);
    let rows = text_rows(&steward, verify).await.unwrap();
    assert_eq!(rows[0][..5], healed.map(|value| Some(value.to_owned())));

    double_rows(&server.services, "silver.orders").await;
    let mut flight = server.flight_as("steward").await;
    for wanted in [&expected[..], &healed[..]] {
        let batches = flight.query(verify).await.unwrap();
        assert_eq!(batches[0].num_rows(), 1);
        let columns = batches[0].columns().iter().take(wanted.len());
        let row: Vec<String> =
            columns.map(|column| array_value_to_string(column, 0).unwrap()).collect();
        assert_eq!(row, wanted);
    }

    double_rows(&server.services, "silver.orders").await;
    let prepared = steward.prepare(verify).await.unwrap();
    let row = steward.query_one(&prepared, &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>("state"), "mismatch");
    assert_eq!(row.get::<_, i64>("rows_surplus"), 2);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_is_no_read_and_asks_for_both_privileges() {
    let (_deployment, server) = shop().await;
    let finance = server.client_as("finance").await;
    let refused = text_rows(&finance, "VERIFY MATERIALIZED VIEW silver.orders").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42P01");
    let refused = text_rows(&finance, "VERIFY MATERIALIZED VIEW gold_finance.revenue").await;
    assert_eq!(refused.unwrap_err().code().unwrap().code(), "42501");
    let steward = server.client_as("steward").await;
    for (before, sqlstate) in [
        ("BEGIN", "25001"),
        ("ROLLBACK; SET default_transaction_read_only = on", "25006"),
        ("SET default_transaction_read_only = off; SET lakeport.as_of = '1'", "25006"),
    ] {
        text_rows(&steward, before).await.unwrap();
        let verify = "VERIFY MATERIALIZED VIEW silver.orders";
        let refused = text_rows(&steward, verify).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), sqlstate, "{before}");
    }
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_answers_with_the_view_and_what_it_scans() {
    let (_deployment, server) = shop().await;
    let client = server.client().await;
    for explain in [
        "EXPLAIN MATERIALIZED VIEW silver.orders",
        "EXPLAIN CREATE MATERIALIZED VIEW silver.orders AS SELECT * FROM bronze.orders",
    ] {
        let prepared = client.prepare(explain).await.unwrap();
        let names: Vec<&str> = prepared.columns().iter().map(|column| column.name()).collect();
        let (said, figures) = names.split_at(4);
        assert_eq!(said, ["operator", "rule", "reason", "hint"]);
        assert_eq!(
            figures,
            ["estimated_rows", "estimated_bytes", "last_estimated_rows", "last_rows", "last_bytes"]
        );
        let rows = client.query(&prepared, &[]).await.unwrap();
        let whole = &rows[0];
        assert_eq!(whole.get::<_, &str>("operator"), "materialized view silver.orders");
        assert!(["full", "incremental"].contains(&whole.get::<_, &str>("rule")), "{explain}");
        assert_eq!(whole.get::<_, &str>("estimated_rows"), "2");
        assert!(whole.get::<_, &str>("estimated_bytes").parse::<u64>().unwrap() > 0);
        assert!(rows.len() > 1, "{explain}");
        let last = "SELECT CAST(rows_read AS text) FROM lakeport.refreshes \
                    WHERE view_name = 'orders' AND strategy <> 'none' ORDER BY started_at DESC LIMIT 1";
        let last = text_rows(&client, last).await.unwrap();
        // What is to be created has no last time, whatever else has its name.
        let is_there = !explain.starts_with("EXPLAIN CREATE");
        let wanted = last[0][0].as_deref().filter(|_| is_there);
        assert_eq!(whole.get::<_, Option<&str>>("last_rows"), wanted, "{explain}");
        let scan = rows.iter().find(|row| row.get::<_, &str>("operator") == "scan bronze.orders");
        let scan = scan.unwrap().get::<_, Option<&str>>("last_rows");
        assert_eq!(scan.is_some(), is_there, "{explain}");
    }
    let mut flight = server.flight().await;
    let batches = flight.query("EXPLAIN MATERIALIZED VIEW silver.orders").await.unwrap();
    assert_eq!(batches[0].num_columns(), 9);
    server.stop().await.unwrap();
}

#[test]
fn the_command_says_what_differs_and_ends_with_1() {
    let deployment = Deployment::small_shop();
    let missing = deployment.run(&["verify"]).failed();
    assert!(missing.stderr.contains("no lake is at"), "{}", missing.stderr);
    assert!(!deployment.path("lake").exists());
    deployment.deliver("2026-10-30", 1, 2);
    deployment.run(&["ingest"]).ok();
    deployment.run(&["refresh"]).ok();
    let clean = deployment.run(&["verify"]).ok();
    assert!(clean.stdout.contains("silver.orders"), "{}", clean.stdout);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let services = deployment.open().await;
        double_rows(&services, "silver.orders").await;
    });
    let differs = deployment.run(&["verify", "silver.orders", "gold_finance.revenue"]).failed();
    assert_eq!(differs.code, Some(1));
    for line in EXAMPLE.lines() {
        assert!(differs.stdout.contains(line), "{}", differs.stdout);
    }
    assert!(differs.stdout.contains("refreshed in full"), "{}", differs.stdout);

    runtime.block_on(async {
        let services = deployment.open().await;
        double_rows(&services, "silver.orders").await;
    });
    let differs = deployment.run(&["verify", "--json", "--sample", "100"]).failed();
    let value: Value = serde_json::from_str(differs.stdout.lines().last().unwrap()).unwrap();
    let relations = value["relations"].as_array().unwrap();
    let orders = relations.iter().find(|r| r["relation"] == "silver.orders").unwrap();
    assert_eq!((&orders["state"], &orders["rows_surplus"]), (&"mismatch".into(), &2.into()));
    assert!(value["refresh_run_id"].is_string(), "{value}");
    deployment.run(&["verify", "--json"]).ok();
    let refused = deployment.run(&["verify", "--sample", "0"]).failed();
    assert!(refused.stderr.contains("above 0 and at most 100"), "{}", refused.stderr);
    let refused = deployment.run(&["verify", "bronze.orders"]).failed();
    assert!(refused.stderr.contains("is not a materialized view"), "{}", refused.stderr);
}
