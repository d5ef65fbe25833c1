//! What a refresh does when data or definitions are wrong.

use lakeport::error::ErrorKind;
use lakeport::matview::check_view;
use lakeport::name::RoleName;

use super::world::{World, failure, name, orders, states};

fn with(clauses: &str) -> String {
    let list = if clauses.is_empty() { String::new() } else { format!("({clauses})") };
    format!(
        "CREATE MATERIALIZED VIEW silver.orders {list}
         AS SELECT order_id, currency, amount FROM bronze.orders"
    )
}

const BELOW: &str =
    "CREATE MATERIALIZED VIEW gold_finance.total AS SELECT sum(amount) AS total FROM silver.orders";
const BESIDE: &str =
    "CREATE MATERIALIZED VIEW gold_finance.number AS SELECT count(*) AS n FROM bronze.orders";

async fn three(clauses: &str) -> World {
    let orders = with(clauses);
    let views = [
        ("silver/orders", orders.as_str()),
        ("gold/finance/total", BELOW),
        ("gold/finance/number", BESIDE),
    ];
    World::new(&views).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_view_keeps_its_last_good_version_and_the_rest_moves_on() {
    let world = three("CONSTRAINT positive EXPECT (amount >= 0) ON VIOLATION FAIL UPDATE").await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(10.0))])).await;
    world.refresh().await;
    world.arrive("bronze.orders", orders(&[(Some(2), "EUR", Some(-1.0))])).await;
    let report = world.refresh().await;
    let mut ended = states(&report);
    ended.sort();
    assert_eq!(
        ended,
        [
            "gold_finance.number refreshed",
            "gold_finance.total skipped for silver.orders",
            "silver.orders failed"
        ]
    );
    let error = failure(&report);
    assert_eq!(error.kind(), ErrorKind::CheckViolation);
    assert!(error.message().contains("positive"), "{error}");
    assert_eq!(world.rows("SELECT order_id FROM silver.orders").await, ["1"]);
    assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["10.0"]);
    assert_eq!(world.rows("SELECT n FROM gold_finance.number").await, ["2"]);
    let recorded = world
        .rows("SELECT state, sqlstate, reason FROM lakeport.refreshes WHERE state IN ('failed', 'skipped')")
        .await;
    assert_eq!(recorded[0], "failed|23514|sources changed: bronze.orders");
    assert_eq!(recorded[1], "skipped||silver.orders could not be refreshed");
    // A data error is not tried again, and mends itself once the data does.
    let request = lakeport::matview::RefreshRequest::default();
    world.refresher.refresh_with_retries(&request).await.unwrap();
    let failed = world.rows("SELECT attempt FROM lakeport.refreshes WHERE state = 'failed'").await;
    assert_eq!(failed, ["1", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_does_what_it_says_and_refused_rows_are_kept_exactly() {
    let world = three(
        "CONSTRAINT plausible EXPECT (amount < 1000),
         CONSTRAINT euro EXPECT (currency = 'EUR') ON VIOLATION DROP ROW,
         CONSTRAINT has_id EXPECT (orders.order_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
         CONSTRAINT has_amount EXPECT (amount > -5 -- at all
         ) ON VIOLATION QUARANTINE ROW",
    )
    .await;
    let rows = [
        (Some(1), "EUR", Some(10.0)),
        (Some(2), "EUR", Some(5000.0)),
        (Some(3), "USD", Some(10.0)),
        (None, "EUR", Some(10.0)),
        (None, "USD", None),
        (Some(6), "EUR", None),
    ];
    world.arrive("bronze.orders", orders(&rows)).await;
    let report = world.refresh().await;
    assert!(report.views.iter().all(|view| view.state.is_current()), "{report:?}");
    assert_eq!(
        world.rows("SELECT order_id, amount FROM silver.orders").await,
        ["1|10.0", "2|5000.0"]
    );
    let refused = world
        .rows("SELECT order_id, currency, amount, _constraints FROM quarantine.silver__orders")
        .await;
    assert_eq!(
        refused,
        ["6|EUR||[has_amount]", "|EUR|10.0|[has_id]", "|USD||[has_id, has_amount]"]
    );
    let counted = world
        .rows(
            "SELECT constraint_name, action, failed_now, failed_in_changes, checked_rows
             FROM lakeport.expectations",
        )
        .await;
    assert_eq!(
        counted,
        [
            "euro|drop|2|2|6",
            "has_amount|quarantine|2|2|6",
            "has_id|quarantine|2|2|6",
            "plausible|keep|3|3|6"
        ]
    );
    assert_eq!(states(&world.refresh().await).len(), 3);
    // Once no expectation quarantines, what was refused is gone from quarantine too.
    world.define("silver/orders", &with("CONSTRAINT has_id EXPECT (order_id IS NOT NULL)"));
    world.apply().await;
    world.refresh().await;
    assert_eq!(world.rows("SELECT order_id FROM silver.orders").await.len(), 6);
    assert!(world.rows("SELECT * FROM quarantine.silver__orders").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_key_is_checked() {
    let world = three("PRIMARY KEY (order_id, currency)").await;
    let rows = [(Some(5), "EUR", Some(1.0)), (Some(5), "USD", Some(1.0))];
    world.arrive("bronze.orders", orders(&rows)).await;
    assert!(world.refresh().await.views.iter().all(|view| view.state.is_current()));
    world.arrive("bronze.orders", orders(&[(Some(5), "EUR", Some(2.0))])).await;
    let report = world.refresh().await;
    let error = failure(&report);
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(error.detail_text(), Some("Key (order_id, currency)=(5, EUR) is duplicated."));
    assert_eq!(world.rows("SELECT count(*) FROM silver.orders").await, ["2"]);

    let world = three("PRIMARY KEY (order_id)").await;
    world.arrive("bronze.orders", orders(&[(None, "EUR", Some(1.0))])).await;
    let report = world.refresh().await;
    assert_eq!(failure(&report).kind(), ErrorKind::NotNullViolation);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_values_fail_the_view_with_their_own_condition() {
    let view = "CREATE MATERIALIZED VIEW silver.orders
        AS SELECT cast(currency AS bigint) AS number FROM bronze.orders";
    let world = World::new(&[("silver/orders", view)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    let report = world.refresh().await;
    assert_eq!(failure(&report).kind().sqlstate(), "22P02");
    let refused = world.refusal("SELECT * FROM silver.orders").await;
    assert_eq!(refused.kind(), ErrorKind::ObjectNotInPrerequisiteState);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_over_what_was_never_built_says_so() {
    let world = three("").await;
    let report = world.refresh().await;
    assert_eq!(failure(&report).kind(), ErrorKind::ObjectNotInPrerequisiteState);
    assert_eq!(report.epoch, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_words_may_name_a_view_and_its_columns() {
    let view = "CREATE MATERIALIZED VIEW silver.\"order\" (
            \"user\", \"group\",
            CONSTRAINT is_big EXPECT (\"group\" > 1) ON VIOLATION DROP ROW
        )
        AS WITH big AS (SELECT * FROM bronze.orders WHERE amount > 0 ORDER BY amount)
        SELECT order_id, amount FROM big ORDER BY 2 LIMIT 2";
    let world = World::new(&[("silver/order", view)]).await;
    let rows =
        [(Some(1), "EUR", Some(1.0)), (Some(2), "EUR", Some(2.0)), (Some(3), "EUR", Some(3.0))];
    world.arrive("bronze.orders", orders(&rows)).await;
    assert_eq!(states(&world.refresh().await), ["silver.order refreshed"]);
    let rows = world.rows("SELECT \"user\", \"group\" FROM silver.\"order\"").await;
    assert_eq!(rows, ["2|2.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_no_views_are_refused_before_anything_runs() {
    let world = three("").await;
    for (asked, kind) in [
        ("silver.missing", ErrorKind::UndefinedTable),
        ("bronze.orders", ErrorKind::WrongObjectType),
    ] {
        let request = lakeport::matview::RefreshRequest {
            views: Some(vec![name(asked)]),
            ..Default::default()
        };
        let error = world.refresher.refresh(&request).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_checked_with_their_types() {
    let cases: &[(&str, ErrorKind)] = &[
        (
            "(CONSTRAINT x EXPECT (order_id)) AS SELECT * FROM bronze.orders",
            ErrorKind::DatatypeMismatch,
        ),
        (
            "(CONSTRAINT x EXPECT (nothing > 1)) AS SELECT * FROM bronze.orders",
            ErrorKind::UndefinedColumn,
        ),
        ("(PRIMARY KEY (nothing)) AS SELECT * FROM bronze.orders", ErrorKind::UndefinedColumn),
        ("PARTITIONED BY (nothing) AS SELECT * FROM bronze.orders", ErrorKind::UndefinedColumn),
        ("(a, b) AS SELECT * FROM bronze.orders", ErrorKind::UndefinedColumn),
        ("AS SELECT order_id, amount AS order_id FROM bronze.orders", ErrorKind::DuplicateColumn),
        (
            "(CONSTRAINT x EXPECT (amount > 1)) AS SELECT order_id, amount, amount + 1 AS amount
             FROM bronze.orders",
            ErrorKind::DuplicateColumn,
        ),
        ("AS SELECT order_id AS __lakeport_x FROM bronze.orders", ErrorKind::InvalidName),
        ("AS SELECT interval '1 day' AS span FROM bronze.orders", ErrorKind::DatatypeMismatch),
        ("AS SELECT nothing FROM bronze.orders", ErrorKind::UndefinedColumn),
    ];
    for (text, kind) in cases {
        let text = format!("CREATE MATERIALIZED VIEW silver.checked {text}");
        let world = World::new(&[("silver/checked", text.as_str())]).await;
        world.arrive("bronze.orders", orders(&[])).await;
        let snapshot = world.engine.snapshot().await.unwrap();
        let relation = snapshot.catalog.relation(&name("silver.checked")).unwrap().clone();
        let now = super::world::start_of_time();
        let context = world.engine.server_context(RoleName::lakeport(), snapshot, now);
        let error = check_view(&world.engine, &relation, &context).await.expect_err(&text);
        assert_eq!(error.kind(), *kind, "{text}: {error}");
    }
}
