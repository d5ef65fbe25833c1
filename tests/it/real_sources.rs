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
}
