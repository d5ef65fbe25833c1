//! The loop that runs what is due.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lakeport::ingest::Ingester;
use lakeport::scheduler::Scheduler;
use tokio_util::sync::CancellationToken;

use super::world::{World, orders};

const HOURLY: &str = "CREATE MATERIALIZED VIEW silver.orders
SCHEDULE EVERY 60 MINUTES
AS SELECT order_id, amount FROM bronze.orders";
const NEVER: &str =
    "CREATE MATERIALIZED VIEW gold_finance.total AS SELECT sum(amount) AS total FROM silver.orders";

pub(super) fn scheduler(world: &World) -> Scheduler {
    let ingester = Ingester::new(
        world.lake.clone(),
        Arc::clone(&world.catalog),
        Arc::clone(&world.engine),
        Arc::clone(&world.config),
        PathBuf::from("/nowhere"),
    );
    Scheduler::new(
        world.lake.clone(),
        Arc::clone(&world.catalog),
        Arc::clone(&world.config),
        ingester,
        Arc::clone(&world.refresher),
    )
}

async fn runs(world: &World) -> usize {
    world.rows("SELECT refresh_id FROM lakeport.refreshes").await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_runs_each_interval_once_and_only_when_it_has_a_schedule() {
    let world = World::new(&[("silver/orders", HOURLY), ("gold/finance/total", NEVER)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    let mut scheduler = scheduler(&world);
    scheduler.turn().await;
    assert_eq!(runs(&world).await, 1);
    scheduler.turn().await;
    world.wait(3500);
    scheduler.turn().await;
    assert_eq!(runs(&world).await, 1);
    world.wait(100);
    assert!(scheduler.turn().await > Duration::ZERO);
    assert_eq!(runs(&world).await, 2);
    // A day of missed turns is one turn.
    world.wait(86_400);
    scheduler.turn().await;
    scheduler.turn().await;
    assert_eq!(runs(&world).await, 3);
    let ran = world.rows("SELECT DISTINCT view_name FROM lakeport.refreshes").await;
    assert_eq!(ran, ["orders"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_view_waits_for_its_next_turn() {
    let failing = HOURLY.replace("amount FROM", "cast(currency AS bigint) AS amount FROM");
    let world = World::new(&[("silver/orders", failing.as_str())]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    let mut scheduler = scheduler(&world);
    for _ in 0..3 {
        scheduler.turn().await;
        world.wait(60);
    }
    assert_eq!(runs(&world).await, 1);
    world.wait(3600);
    scheduler.turn().await;
    assert_eq!(runs(&world).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_remembers_over_a_restart_and_stops_when_told() {
    let each_minute = HOURLY.replace("60 MINUTES", "1 MINUTE");
    let world = World::new(&[("silver/orders", each_minute.as_str())]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    scheduler(&world).turn().await;
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(scheduler(&world).run(shutdown.clone()));
    let started = world.clock_seconds();
    // Sleeping moves this clock, so the loop makes minutes pass by itself.
    while world.clock_seconds() < started + 2 * 60 + 30 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    shutdown.cancel();
    running.await.unwrap();
    assert_eq!(runs(&world).await, 3);
}
