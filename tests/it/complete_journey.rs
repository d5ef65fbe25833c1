//! A year of a grocer's loyalty data, 21 million promotion rows among it, in Parquet: marketing marts at real
//! scale equal DuckDB's.

use std::path::Path;

use lakeport::config::Paths;

use crate::oracle;
use crate::support::shared_data;

#[tokio::test(flavor = "multi_thread")]
async fn marts_over_millions_of_parquet_rows_equal_duckdbs() {
    let Some(data) = shared_data("complete_journey") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployments/complete_journey");
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths {
        catalog: root.join("catalog"),
        sql: root.join("sql"),
        dir: folder.path().join("lake"),
        landing: folder.path().join("landing"),
    };
    let landing = paths.landing.join("complete_journey");
    std::fs::create_dir_all(&landing).unwrap();
    for entry in std::fs::read_dir(&data).unwrap() {
        let from = entry.unwrap().path();
        if from.extension().is_some_and(|extension| extension == "parquet") {
            std::fs::copy(&from, landing.join(from.file_name().unwrap())).unwrap();
        }
    }
    let services = oracle::open(&paths).await;
    oracle::ingest(&services).await;
    let counts = "SELECT (SELECT count(*) FROM bronze.promotions), (SELECT count(*) FROM bronze.transactions), \
                  (SELECT count(_rescued_data) FROM bronze.transactions)";
    assert_eq!(oracle::rows(&services, counts).await, ["20940529|1469307|0"]);
    oracle::refresh(&services).await;
    oracle::compare(&services, "complete_journey.py", &landing).await;
    oracle::ask_examples(&services, &paths.sql).await;
}
