//! What a refresh reads of its sources: what two versions share is read once.

use lakeport::config::Config;

use super::world::{World, orders, rates};

const PLACES: &str = "-- One row an order.
CREATE MATERIALIZED VIEW silver.places REFRESH POLICY INCREMENTAL AS
SELECT order_id, currency, row_number() OVER (PARTITION BY currency ORDER BY order_id DESC) AS place,
    count(*) OVER (PARTITION BY currency) AS orders
FROM bronze.orders;";

/// The view after four files and a fifth, and the rows that following the fifth has read.
async fn followed(hold_from_bytes: u64) -> (Vec<String>, i64) {
    let mut config = Config::default();
    config.limits.hold_from_bytes = hold_from_bytes;
    let world = World::configured(&[("silver/places", PLACES)], config).await;
    for file in 0..4 {
        let rows = [(Some(file), "EUR", None), (Some(10 + file), "USD", None)];
        world.arrive("bronze.orders", orders(&rows)).await;
    }
    world.refresh().await;
    world.wait(60);
    world.arrive("bronze.orders", orders(&[(Some(4), "EUR", None)])).await;
    world.refresh().await;
    let read = "SELECT actual_rows FROM lakeport.refresh_operators \
                NATURAL JOIN (SELECT refresh_id, strategy FROM lakeport.refreshes) AS runs \
                WHERE strategy = 'incremental' AND operator = 'scan bronze.orders'";
    let read: Vec<i64> = world.rows(read).await.iter().map(|row| row.parse().unwrap()).collect();
    assert_eq!(read.len(), 1, "{read:?}");
    (world.rows("SELECT * FROM silver.places").await, read[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_versions_have_is_read_once() {
    let (held, once) = followed(0).await;
    let (read, twice) = followed(u64::MAX).await;
    assert_eq!(held, read);
    assert!(held.contains(&"4|EUR|1|5".to_owned()), "{held:?}");
    assert!(held.contains(&"0|EUR|5|5".to_owned()), "{held:?}");
    assert!(held.contains(&"13|USD|1|4".to_owned()), "{held:?}");
    // The new row, for its key and for itself, and the four of its currency: once, or for each version.
    assert_eq!((once, twice), (6, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_number_is_greater_than_all_numbers_whatever_files_say_of_themselves() {
    let world = World::new(&[]).await;
    world.arrive("bronze.rates", rates(&[("EUR", 0.5), ("XXX", f64::NAN)])).await;
    world.arrive("bronze.rates", rates(&[("USD", 1.5)])).await;
    for (condition, found) in [
        ("rate > 100", vec!["XXX"]),
        ("rate = 'NaN'", vec!["XXX"]),
        ("rate >= 1.5", vec!["USD", "XXX"]),
        ("rate < 1", vec!["EUR"]),
        ("rate IN (SELECT max(rate) FROM bronze.rates WHERE currency <> 'USD')", vec!["XXX"]),
    ] {
        let query = format!("SELECT currency FROM bronze.rates WHERE {condition} ORDER BY 1");
        assert_eq!(world.rows(&query).await, found, "{condition}");
    }
    let newest = "SELECT currency FROM bronze.rates ORDER BY rate DESC LIMIT 1";
    assert_eq!(world.rows(newest).await, ["XXX"]);
    let met = "SELECT a.currency FROM bronze.rates AS a JOIN bronze.rates AS b ON a.rate = b.rate ORDER BY 1";
    assert_eq!(world.rows(met).await, ["EUR", "USD", "XXX"]);
}
