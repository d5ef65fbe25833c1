//! What is followed, what is computed in full, and what is said of it.

use lakeport::error::ErrorKind;
use lakeport::lake::HIDDEN_PREFIX;

use super::world::{World, failure, name, orders, rates, states};

const BY_CURRENCY: &str = "-- One row a currency.
CREATE MATERIALIZED VIEW silver.totals REFRESH POLICY INCREMENTAL AS
SELECT currency, count(*) AS orders, max(order_id) AS last_order, sum(order_id) AS ids
FROM bronze.orders GROUP BY currency;";

/// Strategy and reason of the newest refresh of each view.
async fn strategies(world: &World) -> Vec<String> {
    world
        .rows(
            "SELECT view_name, strategy, reason FROM lakeport.refreshes AS r WHERE started_at = \
             (SELECT max(started_at) FROM lakeport.refreshes AS s WHERE s.view_name = r.view_name)",
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_follow_rows_that_come_and_keep_what_they_need_out_of_sight() {
    let world = World::new(&[("silver/totals", BY_CURRENCY)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None), (Some(2), "USD", None)])).await;
    world.refresh().await;
    world.wait(60);
    world.arrive("bronze.orders", orders(&[(Some(3), "EUR", None), (Some(4), "GBP", None)])).await;
    world.refresh().await;
    assert_eq!(strategies(&world).await, ["totals|incremental|sources changed: bronze.orders"],);
    assert_eq!(
        world.rows("SELECT * FROM silver.totals").await,
        ["EUR|2|3|4", "GBP|1|4|4", "USD|1|2|2"],
    );
    let table = world.lake.newest(&world.lake.location(&name("silver.totals"))).await.unwrap();
    let table = table.unwrap();
    assert_eq!(table.schema().fields().len(), 4);
    let hidden = table.spec().schema.fields().len() - 4;
    assert!(hidden > 0, "the table keeps what its groups need");
    let last = table.spec().schema.fields().last().unwrap().name().clone();
    assert!(last.starts_with(HIDDEN_PREFIX), "{last}");
    let refused = world.refusal(&format!("SELECT {last} FROM silver.totals")).await;
    assert_eq!(refused.kind(), ErrorKind::UndefinedColumn);
    // Only the file that came was read: two rows, whatever the table holds.
    let read = world
        .rows(
            "SELECT operator, estimated_rows, actual_rows, files_read, chosen \
             FROM lakeport.refresh_operators NATURAL JOIN (SELECT refresh_id FROM lakeport.refreshes \
             WHERE strategy = 'incremental') AS newest WHERE rule IS NULL",
        )
        .await;
    assert_eq!(
        read,
        [
            "changes of bronze/orders|2|||true",
            "full refresh|4|||false",
            "scan bronze.orders|2|2|1|true"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_comes_is_looked_for_by_its_primary_key() {
    let keyed = BY_CURRENCY.replace("silver.totals", "silver.totals (PRIMARY KEY (currency))");
    let world = World::new(&[("silver/totals", &keyed)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None), (Some(2), "USD", None)])).await;
    world.refresh().await;
    world.wait(60);
    world.arrive("bronze.orders", orders(&[(Some(3), "GBP", None), (Some(4), "USD", None)])).await;
    world.refresh().await;
    assert_eq!(strategies(&world).await, ["totals|incremental|sources changed: bronze.orders"],);
    assert_eq!(
        world.rows("SELECT * FROM silver.totals").await,
        ["EUR|1|1|1", "GBP|1|3|3", "USD|2|4|6"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_without_a_rule_is_computed_in_full_and_named() {
    let first = "-- The first orders.
CREATE MATERIALIZED VIEW silver.first AS
SELECT order_id FROM bronze.orders ORDER BY order_id LIMIT 2;";
    let world = World::new(&[("silver/first", first)]).await;
    world.arrive("bronze.orders", orders(&[(Some(5), "EUR", None), (Some(6), "EUR", None)])).await;
    world.refresh().await;
    world.wait(60);
    let many: Vec<_> = (10..400).map(|id| (Some(id), "EUR", None)).collect();
    world.arrive("bronze.orders", orders(&many)).await;
    world.refresh().await;
    world.wait(60);
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None)])).await;
    world.refresh().await;
    assert_eq!(world.rows("SELECT * FROM silver.first").await, ["1", "5"]);
    let said = strategies(&world).await;
    assert!(
        said[0].starts_with("first|full|sources changed: bronze.orders; in full because limit: "),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_view_never_falls_back() {
    let strict = BY_CURRENCY.replace("POLICY INCREMENTAL", "POLICY INCREMENTAL STRICT");
    let world = World::new(&[("silver/totals", &strict)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None), (Some(2), "USD", None)])).await;
    world.refresh().await;
    // Somebody else's rows in the view's table.
    let stranger = rates(&[("JPY", 1.0)]);
    let location = world.lake.location(&name("silver.totals"));
    let head = world.lake.newest(&location).await.unwrap().unwrap();
    let columns = head.spec().schema;
    let rows = arrow::array::RecordBatch::try_new(
        columns.clone(),
        columns
            .fields()
            .iter()
            .map(|field| arrow::array::new_null_array(field.data_type(), stranger.num_rows()))
            .collect(),
    );
    world.append("silver.totals", rows.unwrap(), None).await;
    world.wait(60);
    world.arrive("bronze.orders", orders(&[(Some(3), "EUR", None)])).await;
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.totals failed"]);
    assert_eq!(failure(&report).kind(), ErrorKind::ObjectNotInPrerequisiteState);
    assert_eq!(world.rows("SELECT * FROM silver.totals").await, ["EUR|1|1|1", "USD|1|2|2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auto_view_heals_what_a_stranger_wrote() {
    let auto = BY_CURRENCY.replace("REFRESH POLICY INCREMENTAL ", "");
    let world = World::new(&[("silver/totals", &auto)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None)])).await;
    world.refresh().await;
    let location = world.lake.location(&name("silver.totals"));
    let head = world.lake.newest(&location).await.unwrap().unwrap();
    let columns = head.spec().schema;
    let nulls = columns.fields().iter().map(|f| arrow::array::new_null_array(f.data_type(), 1));
    let rows = arrow::array::RecordBatch::try_new(columns.clone(), nulls.collect()).unwrap();
    world.append("silver.totals", rows, None).await;
    world.wait(60);
    world.refresh().await;
    assert_eq!(world.rows("SELECT * FROM silver.totals").await, ["EUR|1|1|1"]);
    assert_eq!(strategies(&world).await, ["totals|full|the table was changed from outside"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_twice_is_found_among_rows_of_earlier_refreshes() {
    let keyed = "-- One row an order.
CREATE MATERIALIZED VIEW silver.keyed (PRIMARY KEY (order_id)) REFRESH POLICY INCREMENTAL AS
SELECT order_id, currency FROM bronze.orders;";
    let world = World::new(&[("silver/keyed", keyed)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None), (Some(2), "USD", None)])).await;
    world.refresh().await;
    world.arrive("bronze.orders", orders(&[(Some(2), "GBP", None)])).await;
    let report = world.refresh().await;
    let error = failure(&report);
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(error.detail_text(), Some("Key (order_id)=(2) is duplicated."));
    assert_eq!(world.rows("SELECT * FROM silver.keyed").await, ["1|EUR", "2|USD"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn expectations_count_over_all_rows_while_only_changed_ones_are_looked_at() {
    let checked = "-- One row an order.
CREATE MATERIALIZED VIEW silver.checked (
    CONSTRAINT has_amount EXPECT (amount IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT is_small EXPECT (amount < 100)
) REFRESH POLICY INCREMENTAL AS
SELECT order_id, amount FROM bronze.orders;";
    let world = World::new(&[("silver/checked", checked)]).await;
    let first =
        [(Some(1), "EUR", Some(5.0)), (Some(2), "EUR", None), (Some(3), "EUR", Some(500.0))];
    world.arrive("bronze.orders", orders(&first)).await;
    world.refresh().await;
    world.wait(60);
    world.arrive("bronze.orders", orders(&[(Some(4), "EUR", None)])).await;
    world.refresh().await;
    assert_eq!(world.rows("SELECT * FROM silver.checked").await, ["1|5.0", "3|500.0"]);
    assert_eq!(world.rows("SELECT order_id FROM quarantine.silver__checked").await, ["2", "4"],);
    assert_eq!(
        world
            .rows(
                "SELECT constraint_name, failed_in_changes, failed_now, checked_rows \
                 FROM lakeport.expectations ORDER BY checked_at DESC LIMIT 2",
            )
            .await,
        ["has_amount|1|2|1", "is_small|1|3|1"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_on_time_lets_rows_in_and_out_as_the_clock_moves() {
    let recent = "-- One row a currency: the ids of the last ten days' orders.
CREATE MATERIALIZED VIEW silver.recent REFRESH POLICY INCREMENTAL AS
SELECT currency, count(*) AS orders, max(order_id) AS newest
FROM bronze.orders
WHERE DATE '2026-09-01' + CAST(order_id AS int) > current_date - 10
    AND DATE '2026-09-01' + CAST(order_id AS int) <= CAST(now() AS date)
GROUP BY currency;";
    let world = World::new(&[("silver/recent", recent)]).await;
    // The clock begins on 21 September 2026: order n is of September (n + 1).
    let many: Vec<_> =
        (0..29).map(|id| (Some(id), ["EUR", "USD"][id as usize % 2], None)).collect();
    world.arrive("bronze.orders", orders(&many)).await;
    world.refresh().await;
    assert_eq!(world.rows("SELECT * FROM silver.recent").await, ["EUR|5|20", "USD|5|19"]);
    world.wait(3 * 86_400);
    world.refresh().await;
    assert_eq!(strategies(&world).await, ["recent|incremental|the clock moved"]);
    assert_eq!(world.rows("SELECT * FROM silver.recent").await, ["EUR|5|22", "USD|5|23"]);
    world.wait(30 * 86_400);
    world.refresh().await;
    assert_eq!(world.rows("SELECT count(*) FROM silver.recent").await, ["0"]);
    assert!(world.refresh().await.epoch.is_none(), "the clock has not moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_outside_a_filter_has_no_rule() {
    let aged = "-- One row an order.
CREATE MATERIALIZED VIEW silver.aged AS
SELECT order_id, current_date AS seen_on FROM bronze.orders;";
    let world = World::new(&[("silver/aged", aged)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None)])).await;
    world.refresh().await;
    world.wait(86_400);
    world.refresh().await;
    assert_eq!(world.rows("SELECT * FROM silver.aged").await, ["1|2026-09-22"]);
    let said = strategies(&world).await;
    assert!(said[0].starts_with("aged|full|the clock moved; in full because clock: "), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_worked_out_of_rows_that_the_query_leaves_out() {
    // Neither the filter's nor the join's rows have a number where the view does not look.
    let filtered = "-- One row a number.
CREATE MATERIALIZED VIEW silver.filtered REFRESH POLICY INCREMENTAL AS
SELECT CAST(currency AS integer) AS number, count(DISTINCT order_id) AS orders
FROM bronze.orders WHERE currency <> 'EUR' GROUP BY CAST(currency AS integer);";
    let joined = "-- One row a number.
CREATE MATERIALIZED VIEW silver.joined REFRESH POLICY INCREMENTAL AS
SELECT CAST(o.currency AS integer) AS number, count(DISTINCT o.order_id) AS orders
FROM bronze.orders AS o JOIN bronze.orders AS n ON n.order_id = o.order_id + 100
GROUP BY CAST(o.currency AS integer);";
    let world = World::new(&[("silver/filtered", filtered), ("silver/joined", joined)]).await;
    let first = [(Some(1), "EUR", None), (Some(2), "12", None), (Some(102), "13", None)];
    world.arrive("bronze.orders", orders(&first)).await;
    let report = world.refresh().await;
    assert!(report.views.iter().all(|view| view.state.is_current()), "{:?}", states(&report));
    world.wait(60);
    let more = [(Some(3), "12", None), (Some(103), "EUR", None), (Some(4), "7", None)];
    world.arrive("bronze.orders", orders(&more)).await;
    let report = world.refresh().await;
    assert!(report.views.iter().all(|view| view.state.is_current()), "{:?}", states(&report));
    let strategies = strategies(&world).await;
    assert!(strategies.iter().all(|row| row.contains("|incremental|")), "{strategies:?}");
    let filtered = world.rows("SELECT * FROM silver.filtered").await;
    assert_eq!(filtered, ["12|2", "13|1", "7|1"]);
    assert_eq!(world.rows("SELECT * FROM silver.joined").await, ["12|2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn casts_to_types_that_tables_do_not_have_follow_what_moved() {
    let view = "-- Documents.
        CREATE MATERIALIZED VIEW silver.documents REFRESH POLICY INCREMENTAL AS
        SELECT order_id, ('{\"c\": \"' || currency || '\"}')::jsonb AS document, currency::varchar(5) AS short
        FROM bronze.orders;";
    let reader = "-- What reads them.
        CREATE MATERIALIZED VIEW silver.readers REFRESH POLICY INCREMENTAL AS
        SELECT document ->> 'c' AS currency, short::text AS short, count(*) AS orders
        FROM silver.documents GROUP BY document ->> 'c', short::text;";
    let world = World::new(&[("silver/documents", view), ("silver/readers", reader)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None), (Some(2), "USD", None)])).await;
    world.refresh().await;
    world.wait(60);
    world.arrive("bronze.orders", orders(&[(Some(3), "EUR", None)])).await;
    world.refresh().await;
    let mut strategies = strategies(&world).await;
    strategies.sort();
    assert_eq!(
        strategies,
        [
            "documents|incremental|sources changed: bronze.orders",
            "readers|incremental|sources changed: silver.documents"
        ]
    );
    assert_eq!(
        world.rows("SELECT currency, short, orders FROM silver.readers").await,
        ["EUR|EUR|2", "USD|USD|1"]
    );
    assert_eq!(
        world
            .rows("SELECT pg_typeof(document)::text, document ->> 'c' FROM silver.documents")
            .await,
        ["jsonb|EUR", "jsonb|EUR", "jsonb|USD"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_rate_is_for_is_found_in_the_views_own_table() {
    let priced = "-- One row an order, as it was first heard of, with the rate of its currency.
CREATE MATERIALIZED VIEW silver.priced (PRIMARY KEY (order_id)) REFRESH POLICY INCREMENTAL AS
SELECT o.order_id, o.currency, r.rate
FROM (
    SELECT order_id, currency FROM (
        SELECT order_id, currency, row_number() OVER (PARTITION BY order_id ORDER BY currency) AS place
        FROM bronze.orders
    ) AS ranked WHERE place = 1
) AS o LEFT JOIN bronze.rates AS r ON r.currency = o.currency;";
    let world = World::new(&[("silver/priced", priced)]).await;
    let first = [(Some(1), "EUR", None), (Some(2), "USD", None), (Some(3), "JPY", None)];
    world.arrive("bronze.orders", orders(&first)).await;
    world.arrive("bronze.rates", rates(&[("EUR", 1.0)])).await;
    world.refresh().await;
    let read = "SELECT operator || ' ' || actual_rows::text FROM lakeport.refresh_operators \
         NATURAL JOIN (SELECT refresh_id FROM lakeport.refreshes WHERE strategy = 'incremental' \
         ORDER BY started_at DESC LIMIT 1) AS newest WHERE operator = 'scan bronze.orders'";
    // Nobody has paid in pounds: no order is read.
    world.wait(60);
    world.arrive("bronze.rates", rates(&[("GBP", 0.8)])).await;
    world.refresh().await;
    assert!(world.rows(read).await.is_empty());
    // One has in dollars: that one is.
    world.wait(60);
    world.arrive("bronze.rates", rates(&[("USD", 1.1)])).await;
    world.refresh().await;
    assert_eq!(world.rows(read).await, ["scan bronze.orders 1"]);
    assert_eq!(
        world.rows("SELECT * FROM silver.priced").await,
        ["1|EUR|1.0", "2|USD|1.1", "3|JPY|"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_digits_of_floats_lose_no_row() {
    // Added in any other order, these are other sums.
    let sums = "-- One row a currency.
CREATE MATERIALIZED VIEW silver.sums REFRESH POLICY INCREMENTAL STRICT AS
SELECT currency, sum(amount) AS amount, avg(amount) AS mean FROM bronze.orders GROUP BY currency;";
    let world = World::new(&[("silver/sums", sums)]).await;
    let amount = |id: i64| f64::from(u32::try_from(id * 7919 % 1009).unwrap()) * 0.1;
    let many = |from: i64, to: i64| -> Vec<(Option<i64>, &str, Option<f64>)> {
        (from..to).map(|id| (Some(id), ["EUR", "USD"][id as usize % 2], Some(amount(id)))).collect()
    };
    for part in 0..6 {
        world.arrive("bronze.orders", orders(&many(part * 4001, (part + 1) * 4001))).await;
    }
    world.refresh().await;
    for part in 0..4 {
        world.wait(60);
        world.arrive("bronze.orders", orders(&many(30_000 + part, 30_001 + part))).await;
        let report = world.refresh().await;
        assert_eq!(states(&report), ["silver.sums refreshed"]);
    }
    let shown = "SELECT currency, round(amount::numeric, 4), round(mean::numeric, 6)";
    assert_eq!(
        world.rows(&format!("{shown} FROM silver.sums")).await,
        world
            .rows(&format!(
                "{shown} FROM (SELECT currency, sum(amount) AS amount, avg(amount) AS mean \
                 FROM bronze.orders GROUP BY currency) AS sums"
            ))
            .await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_group_without_values_is_found_again() {
    let greatest = "-- One row a currency.
CREATE MATERIALIZED VIEW silver.greatest REFRESH POLICY INCREMENTAL STRICT AS
SELECT currency, sum(order_id) AS total, max(order_id) AS newest FROM bronze.orders GROUP BY currency;";
    let world = World::new(&[("silver/greatest", greatest)]).await;
    world.arrive("bronze.orders", orders(&[(None, "EUR", None), (Some(7), "USD", None)])).await;
    world.refresh().await;
    world.wait(60);
    // Merged into what is kept; then a row goes, which the greatest cannot follow.
    world.arrive("bronze.orders", orders(&[(None, "EUR", Some(1.0))])).await;
    assert_eq!(states(&world.refresh().await), ["silver.greatest refreshed"]);
    world.wait(60);
    world.overwrite("bronze.orders", orders(&[(None, "EUR", None), (Some(7), "USD", None)])).await;
    assert_eq!(states(&world.refresh().await), ["silver.greatest refreshed"]);
    assert_eq!(world.rows("SELECT * FROM silver.greatest").await, ["EUR||", "USD|7|7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn distinct_on_follows_what_moved() {
    let newest = "-- One row a currency.
CREATE MATERIALIZED VIEW silver.newest REFRESH POLICY INCREMENTAL STRICT AS
SELECT DISTINCT ON (currency) currency, order_id FROM bronze.orders ORDER BY currency, order_id DESC;";
    let world = World::new(&[("silver/newest", newest)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", None), (Some(2), "USD", None)])).await;
    world.refresh().await;
    world.wait(60);
    world.arrive("bronze.orders", orders(&[(Some(3), "EUR", None)])).await;
    assert_eq!(states(&world.refresh().await), ["silver.newest refreshed"]);
    assert_eq!(world.rows("SELECT * FROM silver.newest").await, ["EUR|3", "USD|2"]);
    assert!(strategies(&world).await[0].starts_with("newest|incremental|"));
}
