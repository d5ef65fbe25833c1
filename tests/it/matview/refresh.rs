//! What a refresh does when all goes well.

use super::world::{World, name, orders, rates, states};

const ORDERS: &str = "CREATE MATERIALIZED VIEW silver.orders (
    order_id COMMENT 'The shop''s own number.',
    PRIMARY KEY (order_id)
)
COMMENT 'Accepted orders.'
AS SELECT o.order_id, o.currency, o.amount / r.rate AS amount_eur
FROM bronze.orders o JOIN bronze.rates r ON r.currency = o.currency -- a comment at the end";

const REVENUE: &str = "CREATE MATERIALIZED VIEW gold_finance.revenue
AS SELECT currency, sum(amount_eur) AS revenue, count(*) AS orders FROM silver.orders GROUP BY currency";

async fn shop() -> World {
    let world = World::new(&[("silver/orders", ORDERS), ("gold/finance/revenue", REVENUE)]).await;
    world.arrive("bronze.rates", rates(&[("EUR", 1.0), ("USD", 2.0)])).await;
    let first = [(Some(1), "EUR", Some(10.0)), (Some(2), "USD", Some(10.0))];
    world.arrive("bronze.orders", orders(&first)).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_built_sources_first_and_appear_together() {
    let world = shop().await;
    let before = world.epoch();
    let refused = world.refusal("SELECT * FROM gold_finance.revenue").await;
    assert_eq!(refused.kind().sqlstate(), "55000");
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.orders refreshed", "gold_finance.revenue refreshed"]);
    assert_eq!(report.epoch, Some(before + 1));
    let rows = world.rows("SELECT * FROM gold_finance.revenue").await;
    assert_eq!(rows, ["EUR|10.0|1", "USD|5.0|1"]);
    assert_eq!(world.epoch(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_is_left_alone() {
    let world = shop().await;
    world.refresh().await;
    let epoch = world.epoch();
    let version = world.lake.newest(&world.lake.location(&name("silver.orders"))).await;
    let version = version.unwrap().unwrap().version();
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.orders unchanged", "gold_finance.revenue unchanged"]);
    assert_eq!((report.epoch, world.epoch()), (None, epoch));
    let again = world.lake.newest(&world.lake.location(&name("silver.orders"))).await;
    assert_eq!(again.unwrap().unwrap().version(), version);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_a_source_reaches_every_view_below_and_full_computes_anyway() {
    let world = shop().await;
    world.refresh().await;
    world.arrive("bronze.orders", orders(&[(Some(3), "USD", Some(30.0))])).await;
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.orders refreshed", "gold_finance.revenue refreshed"]);
    let rows = world.rows("SELECT * FROM gold_finance.revenue").await;
    assert_eq!(rows, ["EUR|10.0|1", "USD|20.0|2"]);
    let full = lakeport::matview::RefreshRequest {
        views: Some(vec![name("gold_finance.revenue")]),
        full: true,
        attempt: 1,
        ..Default::default()
    };
    let report = world.refresher.refresh(&full).await.unwrap();
    assert_eq!(states(&report), ["gold_finance.revenue refreshed"]);
    assert_eq!(world.rows("SELECT * FROM gold_finance.revenue").await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_and_key_reach_the_stored_table() {
    let world = shop().await;
    world.refresh().await;
    let table = world.lake.newest(&world.lake.location(&name("silver.orders"))).await;
    let spec = table.unwrap().unwrap().spec();
    assert_eq!(spec.comment.as_deref(), Some("Accepted orders."));
    let order_id = spec.schema.field_with_name("order_id").unwrap();
    assert_eq!(order_id.metadata().get("comment").unwrap(), "The shop's own number.");
    let columns: Vec<&str> = spec.schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(columns, ["order_id", "currency", "amount_eur"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_definition_is_served_once_its_rows_are() {
    let world = shop().await;
    world.refresh().await;
    let changed = REVENUE.replace("count(*) AS orders", "max(amount_eur) AS largest");
    world.define("gold/finance/revenue", &changed);
    world.apply().await;
    let rows = world.rows("SELECT orders FROM gold_finance.revenue").await;
    assert_eq!(rows, ["1", "1"]);
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.orders unchanged", "gold_finance.revenue refreshed"]);
    let rows = world.rows("SELECT currency, largest FROM gold_finance.revenue").await;
    assert_eq!(rows, ["EUR|10.0", "USD|5.0"]);
    let missing = world.refusal("SELECT orders FROM gold_finance.revenue").await;
    assert_eq!(missing.kind().sqlstate(), "42703");
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.orders unchanged", "gold_finance.revenue unchanged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_reads_the_time_is_computed_each_run_at_one_moment() {
    let clock = "CREATE MATERIALIZED VIEW silver.moment AS SELECT now() AS a, now() AS b";
    let world = World::new(&[("silver/moment", clock)]).await;
    world.refresh().await;
    let first = world.rows("SELECT a = b, a FROM silver.moment").await;
    world.wait(60);
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.moment refreshed"]);
    let second = world.rows("SELECT a = b, a FROM silver.moment").await;
    assert!(first[0].starts_with("true|") && second[0].starts_with("true|"));
    assert_ne!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_seen_through_and_empty_results_are_results() {
    let plain = "CREATE VIEW silver.dollars AS SELECT * FROM bronze.orders WHERE currency = 'USD'";
    let view = "CREATE MATERIALIZED VIEW silver.large AS
        SELECT order_id, amount FROM silver.dollars WHERE amount > 100";
    let world = World::new(&[("silver/dollars", plain), ("silver/large", view)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "USD", Some(5.0))])).await;
    assert_eq!(states(&world.refresh().await), ["silver.large refreshed"]);
    assert!(world.rows("SELECT * FROM silver.large").await.is_empty());
    world.arrive("bronze.orders", orders(&[(Some(2), "USD", Some(500.0))])).await;
    assert_eq!(states(&world.refresh().await), ["silver.large refreshed"]);
    assert_eq!(world.rows("SELECT * FROM silver.large").await, ["2|500.0"]);
    assert_eq!(states(&world.refresh().await), ["silver.large unchanged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_list_of_other_names_renames_and_partitions_are_kept() {
    let view = "CREATE MATERIALIZED VIEW silver.renamed (number, \"The money\", price COMMENT 'Once more.')
        PARTITIONED BY (\"The money\")
        AS SELECT order_id, currency, amount FROM bronze.orders;";
    let world = World::new(&[("silver/renamed", view)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "USD", Some(5.0))])).await;
    let report = world.refresh().await;
    // delta refuses blanks in column names, and says so by name.
    let text = format!("{:?}", report.views[0].state);
    assert!(text.contains("The money"), "{text}");
    world.define("silver/renamed", &view.replace("\"The money\"", "money"));
    world.apply().await;
    assert_eq!(states(&world.refresh().await), ["silver.renamed refreshed"]);
    let rows = world.rows("SELECT number, money, price FROM silver.renamed").await;
    assert_eq!(rows, ["1|USD|5.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_a_row_of_lakeport_refreshes() {
    let world = shop().await;
    world.refresh().await;
    world.refresh().await;
    let rows = world
        .rows(
            "SELECT view_name, state, strategy, reason, policy, rows_written, epoch IS NULL
             FROM lakeport.refreshes WHERE view_name = 'orders'",
        )
        .await;
    assert_eq!(
        rows,
        [
            "orders|refreshed|full|first build|auto|2|false",
            "orders|unchanged|none|no source has changed|auto|2|true",
        ]
    );
    let sources = world
        .rows("SELECT DISTINCT source_versions FROM lakeport.refreshes WHERE view_name = 'orders'");
    assert_eq!(sources.await, ["{\"bronze.orders\":0,\"bronze.rates\":0}"]);
}
