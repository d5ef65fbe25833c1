//! Runs that died, runs that race, and commits by strangers.

use lakeport::error::ErrorKind;
use lakeport::matview::ViewState;

use super::world::{World, name, orders, states};

const ORDERS: &str = "CREATE MATERIALIZED VIEW silver.orders (
    CONSTRAINT has_id EXPECT (order_id IS NOT NULL) ON VIOLATION QUARANTINE ROW
) AS SELECT order_id, amount FROM bronze.orders";
const TOTAL: &str =
    "CREATE MATERIALIZED VIEW gold_finance.total AS SELECT sum(amount) AS total FROM silver.orders";

const ALL: [&str; 3] = ["silver.orders", "gold_finance.total", "quarantine.silver__orders"];

async fn two() -> World {
    let world = World::new(&[("silver/orders", ORDERS), ("gold/finance/total", TOTAL)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    world.refresh().await;
    world
        .arrive("bronze.orders", orders(&[(Some(2), "EUR", Some(2.0)), (None, "EUR", None)]))
        .await;
    world
}

async fn versions(world: &World) -> Vec<u64> {
    let mut versions = Vec::new();
    for relation in ALL {
        let table = world.lake.newest(&world.lake.location(&name(relation))).await.unwrap();
        versions.push(table.map_or(0, |table| table.version()));
    }
    versions
}

async fn contents(world: &World) -> Vec<Vec<String>> {
    let mut contents = Vec::new();
    for relation in ALL {
        contents.push(world.rows(&format!("SELECT * FROM {relation}")).await);
    }
    contents
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_died_before_publishing_is_published_without_computing_again() {
    let world = two().await;
    let old = contents(&world).await;
    world.refresh().await;
    let (new, written) = (contents(&world).await, versions(&world).await);
    world.undo("_lakeport/epochs", 1);
    let world = world.second().await;
    assert_eq!(contents(&world).await, old);
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.orders refreshed", "gold_finance.total refreshed"]);
    assert_eq!(contents(&world).await, new);
    assert_eq!(versions(&world).await, written);
    let reasons = world
        .rows("SELECT DISTINCT strategy FROM lakeport.refreshes WHERE reason LIKE 'an earlier%'");
    assert_eq!(reasons.await, ["none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_died_between_its_commits_is_finished_from_any_of_them() {
    for lost in [
        &["gold_finance/total"][..],
        &["gold_finance/total", "silver/orders"],
        &["gold_finance/total", "silver/orders", "quarantine/silver__orders"],
    ] {
        let world = two().await;
        world.refresh().await;
        let new = contents(&world).await;
        world.undo("_lakeport/epochs", 1);
        lost.iter().for_each(|table| world.undo(table, 1));
        let world = world.second().await;
        let report = world.refresh().await;
        assert!(report.views.iter().all(|view| view.state.is_current()), "{report:?}");
        assert_eq!(contents(&world).await, new, "lost {lost:?}");
        assert_eq!(states(&world.refresh().await)[0], "silver.orders unchanged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_view_goes_on_by_its_changes_after_a_death_between_its_two_commits() {
    let strict = ORDERS.replace(") AS SELECT", ") REFRESH POLICY INCREMENTAL STRICT AS SELECT");
    for more in [false, true] {
        let world = World::new(&[("silver/orders", &strict)]).await;
        let refused = (None, "GBP", None);
        world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0)), refused])).await;
        world.refresh().await;
        world.arrive("bronze.orders", orders(&[(Some(2), "EUR", Some(2.0)), refused])).await;
        world.refresh().await;
        world.undo("_lakeport/epochs", 1);
        world.undo("silver/orders", 1);
        let world = world.second().await;
        if more {
            world.arrive("bronze.orders", orders(&[(Some(3), "EUR", None), refused])).await;
        }
        let location = world.lake.location(&name("quarantine.silver__orders"));
        let ahead = world.lake.newest(&location).await.unwrap().unwrap();
        let before = world.lake.epoch();
        world.wait(60);
        let report = world.refresh().await;
        assert_eq!(states(&report), ["silver.orders refreshed"], "{report:?}");
        let accepted = world.rows("SELECT order_id FROM silver.orders").await;
        assert_eq!(accepted, if more { vec!["1", "2", "3"] } else { vec!["1", "2"] });
        let kept = world.rows("SELECT count(*) FROM quarantine.silver__orders").await;
        assert_eq!(kept, [if more { "3" } else { "2" }]);
        let full = "SELECT count(*) FROM lakeport.refreshes WHERE strategy = 'full'";
        assert_eq!(world.rows(full).await, ["1"], "the first build alone");
        // One commit takes it back and one goes on; nobody's history is another.
        let healed = world.lake.newest(&location).await.unwrap().unwrap();
        assert_eq!(healed.version(), ahead.version() + 2);
        for (version, rows) in
            [(ahead.version() - 1, 1), (ahead.version(), 2), (ahead.version() + 1, 1)]
        {
            let table = world.lake.at_version(&location, version).await.unwrap();
            assert_eq!(table.rows(), Some(rows), "version {version}");
        }
        let pinned = format!(
            "SELECT count(*) FROM quarantine.silver__orders VERSION AS OF {}",
            ahead.version() - 1
        );
        assert_eq!(world.rows(&pinned).await, ["1"]);
        assert!(world.lake.epoch().epoch > before.epoch);
        assert_eq!(states(&world.refresh().await), ["silver.orders unchanged"]);
        let counted =
            "SELECT failed_now FROM lakeport.expectations ORDER BY checked_at DESC LIMIT 1";
        assert_eq!(world.rows(counted).await, [if more { "3" } else { "2" }]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_holds_an_unpublished_source_publishes_that_too() {
    let world = two().await;
    world.refresh().await;
    let (new, written) = (contents(&world).await, versions(&world).await);
    world.undo("_lakeport/epochs", 1);
    let world = world.second().await;
    let report = world.refresh_only(&["gold_finance.total"]).await;
    assert_eq!(states(&report), ["gold_finance.total refreshed"]);
    assert_eq!(contents(&world).await, new);
    assert_eq!(versions(&world).await, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_definition_survives_a_death_at_either_side_of_the_catalog() {
    for commits in [0, 1] {
        let world = two().await;
        world.define("gold/finance/total", &TOTAL.replace("sum(amount)", "max(amount)"));
        world.apply().await;
        world.refresh().await;
        world.undo("_lakeport/epochs", 1);
        world.undo("_lakeport/catalog", commits);
        let world = world.second().await;
        assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["1.0"]);
        let report = world.refresh().await;
        assert!(report.views.iter().all(|view| view.state.is_current()), "{report:?}");
        assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["2.0"]);
        let again = world.refresh().await;
        assert_eq!(states(&again), ["silver.orders unchanged", "gold_finance.total unchanged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_that_refresh_at_once_both_end_well() {
    for _ in 0..3 {
        let world = two().await;
        let other = world.second().await;
        let request = lakeport::matview::RefreshRequest::default();
        let (one, two) = tokio::join!(
            world.refresher.refresh_with_retries(&request),
            other.refresher.refresh_with_retries(&request)
        );
        for report in [one.unwrap(), two.unwrap()] {
            assert!(report.views.iter().all(|view| view.state.is_current()), "{report:?}");
        }
        world.lake.poll_epoch().await.unwrap();
        assert_eq!(
            contents(&world).await,
            [
                vec!["1|1.0".to_owned(), "2|2.0".to_owned()],
                vec!["3.0".to_owned()],
                vec!["||[has_id]".to_owned()]
            ]
        );
        assert_eq!(states(&world.refresh().await).last().unwrap(), "gold_finance.total unchanged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_commits_is_never_published() {
    let world = two().await;
    world.refresh().await;
    let right = contents(&world).await;
    let rows = world.lake.newest(&world.lake.location(&name("silver.orders"))).await.unwrap();
    let stolen = rows.unwrap().read().await.unwrap().remove(0);
    world.append("silver.orders", stolen, None).await;
    assert_eq!(contents(&world).await, right);
    let report = world.refresh().await;
    assert_eq!(states(&report), ["silver.orders refreshed", "gold_finance.total refreshed"]);
    assert_eq!(contents(&world).await, right);
    let reasons =
        world.rows("SELECT reason FROM lakeport.refreshes WHERE reason LIKE '%outside%'").await;
    assert_eq!(reasons, ["the table was changed from outside"]);
    assert_eq!(states(&world.refresh().await)[0], "silver.orders unchanged");
}

/// Refreshes that two servers begin at once: in CI, and on a person's machine.
const RACES: i64 = 150;
const RACES_IN_CI: i64 = 1000;
/// A log of many thousand commits without maintenance would be what is measured.
const RACES_A_LAKE: i64 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_refresh_at_once_count_every_row_once() {
    let races = if std::env::var_os("CI").is_some() { RACES_IN_CI } else { RACES };
    let mut lost = 0;
    for _ in 0..races / RACES_A_LAKE {
        lost += race(RACES_A_LAKE).await;
    }
    println!("{races} races, {lost} times a server gave way for good");
}

/// So many races in a lake of their own; how often a server gave way for good.
async fn race(races: i64) -> u32 {
    let counted = "CREATE MATERIALIZED VIEW silver.counted REFRESH POLICY INCREMENTAL AS
        SELECT currency, count(*) AS orders, sum(order_id) AS ids FROM bronze.orders GROUP BY currency";
    let listed = "CREATE MATERIALIZED VIEW silver.listed (PRIMARY KEY (order_id))
        REFRESH POLICY INCREMENTAL AS SELECT order_id FROM bronze.orders WHERE order_id % 2 = 0";
    let one = World::new(&[("silver/counted", counted), ("silver/listed", listed)]).await;
    let other = one.second().await;
    let mut lost = 0;
    for id in 0..races {
        let currency = ["EUR", "USD", "GBP"][usize::try_from(id).unwrap() % 3];
        one.arrive("bronze.orders", orders(&[(Some(id), currency, None)])).await;
        let (first, second) = tokio::join!(one.refresh(), other.refresh());
        for report in [&first, &second] {
            let told = report.views.iter().all(|view| match &view.state {
                ViewState::Failed(error) => {
                    lost += 1;
                    error.kind() == ErrorKind::SerializationFailure
                }
                _ => true,
            });
            assert!(told, "{report:?}");
        }
    }
    other.refresh().await;
    let world = one.second().await;
    let wanted = "SELECT currency, count(*), sum(order_id) FROM bronze.orders GROUP BY currency";
    assert_eq!(world.rows("SELECT * FROM silver.counted").await, world.rows(wanted).await);
    let listed = world.rows("SELECT count(*), count(DISTINCT order_id) FROM silver.listed").await;
    assert_eq!(listed, [format!("{0}|{0}", (races + 1) / 2)]);
    let full = "SELECT count(*) FROM lakeport.refreshes WHERE strategy = 'full' AND reason <> 'first build'";
    assert_eq!(world.rows(full).await, ["0"]);
    lost
}
