//! What is said of each operator of a refresh, and which strategy its figures lead to.

use super::world::{World, orders, rates, states};

const TOTALS: &str = "-- One row a currency with a rate.
CREATE MATERIALIZED VIEW silver.totals REFRESH POLICY INCREMENTAL AS
SELECT o.currency, count(DISTINCT o.order_id) AS orders, max(r.rate) AS rate
FROM bronze.orders AS o JOIN bronze.rates AS r ON r.currency = o.currency
WHERE o.amount > 10 GROUP BY o.currency;";

const BOTH: &str = "-- Orders by two ways.
CREATE MATERIALIZED VIEW silver.both REFRESH POLICY INCREMENTAL AS
SELECT order_id, currency FROM bronze.orders WHERE order_id > 100
UNION ALL SELECT order_id, currency || '?' FROM bronze.orders WHERE order_id % 2 = 0;";

/// Operator and rows of the newest refresh of `view`, in the order they are told.
async fn told(world: &World, view: &str) -> Vec<(String, Option<u64>)> {
    let rows = world
        .rows(&format!(
            "SELECT lpad(CAST(operator_number AS text), 3, '0'), operator, actual_rows \
             FROM lakeport.refresh_operators WHERE chosen AND refresh_id = (SELECT refresh_id \
             FROM lakeport.refreshes WHERE view_name = '{view}' ORDER BY started_at DESC LIMIT 1)"
        ))
        .await;
    let parsed = |row: &String| {
        let cells: Vec<&str> = row.split('|').collect();
        (cells[1].to_owned(), cells[2].parse().ok())
    };
    rows.iter().map(parsed).collect()
}

fn rows_of<'a>(told: &'a [(String, Option<u64>)], operator: &'a str) -> Vec<u64> {
    let of = told.iter().filter(|(name, _)| name == operator);
    of.filter_map(|(_, rows)| *rows).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operator_says_how_many_rows_came_out_of_it() {
    let world = World::new(&[("silver/totals", TOTALS), ("silver/both", BOTH)]).await;
    let rated = rates(&[("EUR", 1.0), ("USD", 0.9), ("GBP", 1.2)]);
    world.arrive("bronze.rates", rated).await;
    let many = (0..15).map(|id| {
        let (currency, amount) = [("EUR", 20.0), ("USD", 20.0), ("EUR", 5.0)][id as usize % 3];
        (Some(id), currency, Some(amount))
    });
    world.arrive("bronze.orders", orders(&many.collect::<Vec<_>>())).await;
    world.refresh().await;
    let full = told(&world, "totals").await;
    // Ten of the fifteen are dear enough, of two currencies.
    assert_eq!(rows_of(&full, "inner join"), [10], "{full:?}");
    assert_eq!(rows_of(&full, "aggregate")[0], 2, "{full:?}");
    assert_eq!(rows_of(&full, "scan bronze.rates"), [3], "{full:?}");
    assert_eq!(rows_of(&full, "full refresh"), [2], "{full:?}");
    world.wait(60);
    let more = [
        (Some(100), "EUR", Some(50.0)),
        (Some(101), "EUR", Some(5.0)),
        (Some(102), "USD", Some(30.0)),
    ];
    world.arrive("bronze.orders", orders(&more)).await;
    let report = world.refresh().await;
    assert!(report.views.iter().all(|view| view.state.is_current()), "{:?}", states(&report));
    let changed = told(&world, "totals").await;
    for (operator, rows) in [
        ("filter", 2),
        ("inner join", 2),
        ("keys of aggregate", 2),
        // Ten and two as they are, ten as they were.
        ("rows of aggregate", 22),
        // Two groups come, two go.
        ("aggregate", 4),
    ] {
        assert_eq!(rows_of(&changed, operator), [rows], "{operator}: {changed:?}");
    }
    // A union gives what its inputs give: 101 and 102 by one way, 100 and 102 by the other.
    let changed = told(&world, "both").await;
    assert_eq!(rows_of(&changed, "union all"), [4], "{changed:?}");
    assert_eq!(rows_of(&changed, "filter"), [2, 2], "{changed:?}");
    let whole = world
        .rows("SELECT rows_read FROM lakeport.refreshes WHERE view_name = 'both' AND strategy = 'incremental'")
        .await;
    let scanned: u64 = rows_of(&changed, "scan bronze.orders").iter().sum();
    assert_eq!(whole, [scanned.to_string()]);
}

const IDS: &str = "-- One row a currency.
CREATE MATERIALIZED VIEW silver.ids AS
SELECT currency, count(DISTINCT order_id) AS orders FROM bronze.orders GROUP BY currency;";

/// Strategy, reason and what either was held to cost, of the newest refresh.
async fn chosen(world: &World) -> (String, String, u64, u64) {
    let rows = world
        .rows(
            "SELECT strategy, reason, incremental_cost, full_cost FROM lakeport.refreshes \
             WHERE started_at = (SELECT max(started_at) FROM lakeport.refreshes)",
        )
        .await;
    let cells: Vec<&str> = rows[0].split('|').collect();
    let cost = |at: usize| cells[at].parse().unwrap_or_else(|_| panic!("no cost in {rows:?}"));
    (cells[0].to_owned(), cells[1].to_owned(), cost(2), cost(3))
}

/// A view of 5,000 orders of 500 currencies, to which these come.
async fn after(ids: std::ops::Range<i64>, currencies: i64) -> World {
    let of = |ids: std::ops::Range<i64>, currencies: i64| {
        let rows: Vec<_> = ids.map(|id| (id, format!("c{}", id % currencies))).collect();
        let rows: Vec<_> = rows.iter().map(|(id, name)| (Some(*id), name.as_str(), None)).collect();
        orders(&rows)
    };
    let world = World::new(&[("silver/ids", IDS)]).await;
    world.arrive("bronze.orders", of(0..5000, 500)).await;
    world.refresh().await;
    world.wait(60);
    world.arrive("bronze.orders", of(ids, currencies)).await;
    world.refresh().await;
    let wanted = "SELECT currency, count(DISTINCT order_id) FROM bronze.orders GROUP BY currency";
    assert_eq!(world.rows("SELECT * FROM silver.ids").await, world.rows(wanted).await);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_few_keys_is_followed_and_one_of_every_key_is_given_up_the_first_time() {
    let world = after(5000..5005, 1).await;
    let (strategy, reason, incremental, full) = chosen(&world).await;
    assert_eq!((&*strategy, &*reason), ("incremental", "sources changed: bronze.orders"));
    assert!(incremental < full && full == 5005, "{incremental} of {full}");
    let world = after(6000..6500, 500).await;
    let (strategy, reason, incremental, full) = chosen(&world).await;
    assert_eq!(strategy, "full", "{reason}");
    let why =
        "sources changed: bronze.orders; in full because following the changes costs as much as ";
    assert!(reason.starts_with(why), "{reason}");
    assert!(incremental > full && full == 5500, "{incremental} of {full}");
    // It was given up before it had computed all anew, twice.
    assert!(incremental < 2 * full, "{incremental} of {full}");
    let rejected = world
        .rows(
            "SELECT estimated_rows, actual_rows > 0, chosen FROM lakeport.refresh_operators \
             WHERE operator = 'incremental refresh'",
        )
        .await;
    assert_eq!(rejected, [format!("{incremental}|true|false")]);
    // What was given up is remembered: as many changes are not tried again the next time.
    world.wait(60);
    let again: Vec<_> = (7000..7500).map(|id| (Some(id), "c7", None)).collect();
    world.arrive("bronze.orders", orders(&again)).await;
    world.refresh().await;
    let rows = world
        .rows(
            "SELECT strategy, reason, incremental_cost FROM lakeport.refreshes \
             WHERE started_at = (SELECT max(started_at) FROM lakeport.refreshes)",
        )
        .await;
    let why =
        "full|sources changed: bronze.orders; in full because following changes is held to take ";
    assert!(rows[0].starts_with(why) && rows[0].ends_with('|'), "{rows:?}");
}
