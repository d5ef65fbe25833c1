//! The loop that runs what is due.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lakeport::catalog::Catalog;
use lakeport::clock::Clock;
use lakeport::ingest::Ingester;
use lakeport::lake::{Lake, LakeRoot};
use lakeport::matview::Refresher;
use lakeport::query::Engine;
use lakeport::scheduler::Scheduler;
use tokio_util::sync::CancellationToken;

use super::world::{World, orders, start_of_time};

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

/// Time that does not pass: who sleeps is woken by nothing.
#[derive(Debug)]
struct Still;

#[async_trait::async_trait]
impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        start_of_time()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_triggered_view_runs_when_a_source_is_published_and_waits_for_no_time() {
    let triggered = HOURLY.replace("SCHEDULE EVERY 60 MINUTES", "TRIGGER ON UPDATE");
    let world = World::new(&[("silver/orders", &triggered)]).await;
    let root = LakeRoot::Folder(world.path("lake"));
    let lake = Lake::open(root, Arc::new(Still)).await.unwrap();
    let (catalog, config) = (Catalog::open(lake.clone()).await.unwrap(), Arc::clone(&world.config));
    let engine = Engine::new(lake.clone(), Arc::clone(&catalog), Arc::clone(&config)).unwrap();
    let refresher =
        Refresher::new(lake.clone(), Arc::clone(&catalog), engine.clone(), Arc::clone(&config));
    let landing = PathBuf::from("/nowhere");
    let ingester =
        Ingester::new(lake.clone(), Arc::clone(&catalog), engine, Arc::clone(&config), landing);
    let scheduler = Scheduler::new(lake.clone(), catalog, config, ingester, refresher);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(scheduler.run(shutdown.clone()));
    for arrived in 1..=3_i64 {
        world.arrive("bronze.orders", orders(&[(Some(arrived), "EUR", Some(1.0))])).await;
        lake.poll_epoch().await.unwrap();
        let seen = async {
            loop {
                world.lake.poll_epoch().await.unwrap();
                let rows = world.try_rows("SELECT order_id FROM silver.orders").await;
                if rows.is_ok_and(|rows| rows.len() == usize::try_from(arrived).unwrap()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), seen).await.unwrap();
    }
    shutdown.cancel();
    running.await.unwrap();
}
