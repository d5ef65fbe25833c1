//! Real exports of advertising platforms in one shape, as DuckDB makes it of the same files.

use std::path::Path;

use lakeport::config::Paths;

use crate::oracle;
use crate::support::shared_data;

#[tokio::test(flavor = "multi_thread")]
async fn costs_of_every_platform_equal_duckdb_in_one_shape() {
    let Some(seeds) = shared_data("fivetran_ad_reporting/seeds") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployments/ad_platforms");
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths {
        catalog: root.join("catalog"),
        sql: root.join("sql"),
        dir: folder.path().join("lake"),
        landing: folder.path().join("landing"),
    };
    let landing = paths.landing.join("fivetran_ad_reporting");
    std::fs::create_dir_all(&landing).unwrap();
    for file in std::fs::read_dir(seeds).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), landing.join(file.file_name())).unwrap();
    }
    let services = oracle::open(&paths).await;
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    oracle::ask_examples(&services, &paths.sql).await;
    oracle::compare(&services, "ad_platforms.py", &paths.landing).await;
    let kept_apart = "SELECT count(*) FROM quarantine.silver__ad_spend_daily";
    assert_eq!(oracle::rows(&services, kept_apart).await, ["0"]);
}
