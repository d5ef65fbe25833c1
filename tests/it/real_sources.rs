//! Four real exports: an access log, shipments whose weights are sentences, GA4 events, sessions of a web shop.

use std::path::Path;

use lakeport::config::Paths;

use crate::oracle;
use crate::support::shared_data;

#[tokio::test(flavor = "multi_thread")]
async fn logs_shipments_and_nested_events_equal_duckdbs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployments/real_sources");
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths {
        catalog: root.join("catalog"),
        sql: root.join("sql"),
        dir: folder.path().join("lake"),
        landing: folder.path().join("landing"),
    };
    for source in ["access_logs", "supply_chain_scms", "google_analytics", "online_shoppers"] {
        let Some(data) = shared_data(source) else { return };
        let landing = paths.landing.join(source);
        std::fs::create_dir_all(&landing).unwrap();
        for entry in std::fs::read_dir(&data).unwrap() {
            let from = entry.unwrap().path();
            std::fs::copy(&from, landing.join(from.file_name().unwrap())).unwrap();
        }
    }
    let services = oracle::open(&paths).await;
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    oracle::compare(&services, "real_sources.py", &paths.landing).await;
    oracle::ask_examples(&services, &paths.sql).await;

    // A sentence in place of the day of delivery, and a line whose date is none, are kept apart and stop nothing.
    let lines = "SELECT count(*) FROM silver.shipments";
    let before = oracle::rows(&services, lines).await;
    let odd = "ID,Country,Scheduled Delivery Date,Delivered to Client Date,Line Item Quantity\n\
               900001,Togo,03-Nov-11,To be confirmed,5\n900002,Togo,31-Feb-11,03-Nov-11,5\n";
    std::fs::write(paths.landing.join("supply_chain_scms/odd.csv"), odd).unwrap();
    let odd = "10.0.0.1 - - [99/Foo/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\"\n";
    std::fs::write(paths.landing.join("access_logs/odd.log"), odd).unwrap();
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    assert_eq!(oracle::rows(&services, lines).await, before);
    let kept_apart =
        "SELECT shipment_id, _constraints FROM quarantine.silver__shipments ORDER BY 1";
    let kept_apart = oracle::rows(&services, kept_apart).await;
    assert_eq!(kept_apart.len(), 2, "{kept_apart:?}");
    assert!(kept_apart[0].starts_with("900001|[delivery_is_dated"), "{kept_apart:?}");
    let unread = "SELECT count(*) FROM quarantine.silver__access_events WHERE client = '10.0.0.1'";
    assert_eq!(oracle::rows(&services, unread).await, ["1"]);
}
