//! Views that run because a source has changed, and views that are verified every so many hours.

use lakeport::config::VerifyConfig;
use lakeport::scheduler::{LastRun, Verifications, may_run};
use lakeport::syntax::Trigger;
use std::time::Duration;

use super::scheduler::scheduler;
use super::world::{World, orders, start_of_time};

const ORDERS: &str = "CREATE MATERIALIZED VIEW silver.orders
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
AS SELECT order_id, amount FROM bronze.orders";
const SEEN: &str = "CREATE VIEW silver.seen AS SELECT amount FROM silver.orders";
const TOTAL: &str = "CREATE MATERIALIZED VIEW gold_finance.total
TRIGGER ON UPDATE
AS SELECT sum(amount) AS total FROM silver.seen";
const RATES: &str = "CREATE MATERIALIZED VIEW gold_finance.rates
TRIGGER ON UPDATE
AS SELECT count(*) AS n FROM bronze.rates";
const BY_HAND: &str =
    "CREATE MATERIALIZED VIEW gold_finance.by_hand AS SELECT * FROM bronze.orders";

async fn world() -> World {
    let views = [
        ("silver/orders", ORDERS),
        ("silver/seen", SEEN),
        ("gold/finance/total", TOTAL),
        ("gold/finance/rates", RATES),
        ("gold/finance/by_hand", BY_HAND),
    ];
    World::new(&views).await
}

async fn ran(world: &World) -> Vec<String> {
    world.rows("SELECT view_name || ' ' || state FROM lakeport.refreshes").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_view_runs_for_each_change_and_for_nothing_else() {
    let world = world().await;
    let mut scheduler = scheduler(&world);
    // Nothing can be built yet, so nothing is tried.
    scheduler.turn().await;
    assert!(ran(&world).await.is_empty());
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    let before = world.epoch();
    scheduler.turn().await;
    assert_eq!(ran(&world).await, ["orders refreshed", "total refreshed"]);
    assert_eq!(world.epoch(), before + 1, "a cascade is one epoch");
    for _ in 0..3 {
        scheduler.turn().await;
        world.wait(3600);
    }
    assert_eq!(ran(&world).await.len(), 2);
    // Three changes are one turn.
    for id in 2..5 {
        world.arrive("bronze.orders", orders(&[(Some(id), "EUR", Some(1.0))])).await;
    }
    scheduler.turn().await;
    scheduler.turn().await;
    assert_eq!(ran(&world).await.len(), 4);
    assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["4.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_every_holds_a_view_back_and_a_restart_forgets_nothing() {
    let world = world().await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    scheduler(&world).turn().await;
    world.arrive("bronze.orders", orders(&[(Some(2), "EUR", Some(1.0))])).await;
    world.wait(59);
    let mut restarted = scheduler(&world);
    restarted.turn().await;
    assert_eq!(ran(&world).await.len(), 2);
    world.wait(1);
    restarted.turn().await;
    assert_eq!(ran(&world).await.len(), 4);
    assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["2.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_refreshed_by_hand_reaches_those_that_are_triggered_by_it() {
    let world = world().await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    let mut scheduler = scheduler(&world);
    scheduler.turn().await;
    world.arrive("bronze.orders", orders(&[(Some(2), "EUR", Some(5.0))])).await;
    world.refresh_only(&["silver.orders"]).await;
    scheduler.turn().await;
    assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["6.0"]);
    assert_eq!(ran(&world).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_view_that_fails_pauses_and_a_new_definition_runs_at_once() {
    let world = world().await;
    let failing = ORDERS.replace("amount FROM", "cast(currency AS bigint) AS amount FROM");
    world.define("silver/orders", &failing);
    world.apply().await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    let mut scheduler = scheduler(&world);
    for _ in 0..3 {
        scheduler.turn().await;
        world.wait(10);
    }
    assert_eq!(ran(&world).await, ["orders failed", "total skipped"]);
    world.wait(60);
    scheduler.turn().await;
    assert_eq!(ran(&world).await.len(), 4);
    world.define("silver/orders", ORDERS);
    world.apply().await;
    world.wait(60);
    scheduler.turn().await;
    assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["1.0"]);
    world.define("silver/orders", &ORDERS.replace("amount FROM", "2 * amount AS amount FROM"));
    world.apply().await;
    world.wait(60);
    scheduler.turn().await;
    assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["2.0"]);
}

#[test]
fn a_turn_is_measured_from_the_last_success_or_the_last_failure() {
    let at = |seconds: i64| start_of_time() + chrono::TimeDelta::seconds(seconds);
    let trigger = |s: Option<u64>| Trigger { at_most_every: s.map(Duration::from_secs) };
    let mut last = LastRun::default();
    assert!(may_run(at(0), &last, trigger(Some(300))));
    last.succeeded(at(0));
    assert!(may_run(at(0), &last, trigger(None)));
    assert!(!may_run(at(299), &last, trigger(Some(300))));
    assert!(may_run(at(300), &last, trigger(Some(300))));
    last.failed(at(400));
    assert!(!may_run(at(459), &last, trigger(None)));
    assert!(may_run(at(460), &last, trigger(None)));
    assert!(!may_run(at(699), &last, trigger(Some(300))));
    last.succeeded(at(410));
    assert!(may_run(at(411), &last, trigger(None)));
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_verified_every_so_many_hours() {
    let world = world().await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    world.refresh_only(&["silver.orders"]).await;
    let config = |every_hours| VerifyConfig { every_hours, sample_percent: 50.0 };
    let verifications = |hours| {
        let refresher = std::sync::Arc::clone(&world.refresher);
        Verifications::new(world.lake.clone(), config(hours), refresher)
    };
    let count = async || {
        let sql = "SELECT state FROM lakeport.verifications WHERE sample_percent = 50
                   AND relation_name = 'orders'";
        world.rows(sql).await
    };
    verifications(0).turn().await;
    assert!(count().await.is_empty());
    let mut hourly = verifications(1);
    hourly.turn().await;
    hourly.turn().await;
    assert_eq!(count().await, ["verified"]);
    // A restart, or another server, knows of it.
    world.wait(3599);
    verifications(1).turn().await;
    assert_eq!(count().await.len(), 1);
    world.wait(1);
    hourly.turn().await;
    assert_eq!(count().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_view_of_recent_rows_runs_as_the_clock_moves() {
    let recent = "CREATE MATERIALIZED VIEW silver.recent
TRIGGER ON UPDATE
AS SELECT order_id FROM bronze.orders
WHERE DATE '2026-09-01' + CAST(order_id AS int) > current_date - 10";
    let world = World::new(&[("silver/recent", recent)]).await;
    world
        .arrive("bronze.orders", orders(&[(Some(12), "EUR", None), (Some(20), "EUR", None)]))
        .await;
    let mut scheduler = scheduler(&world);
    scheduler.turn().await;
    assert_eq!(world.rows("SELECT * FROM silver.recent").await, ["12", "20"]);
    let runs = async || world.rows("SELECT count(*) FROM lakeport.refreshes").await;
    world.wait(30);
    scheduler.turn().await;
    assert_eq!(runs().await, ["1"], "not more often than every minute");
    world.wait(4 * 86_400);
    scheduler.turn().await;
    assert_eq!(runs().await, ["2"]);
    assert_eq!(world.rows("SELECT * FROM silver.recent").await, ["20"]);
}
