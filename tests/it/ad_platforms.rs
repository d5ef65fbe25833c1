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

    // Each file once more under another name, and one that restates a day.
    let total =
        "SELECT platform, sum(spend), sum(clicks) FROM silver.ad_spend_daily GROUP BY 1 ORDER BY 1";
    let before = oracle::rows(&services, total).await;
    assert_eq!(before.len(), 11, "{before:?}");
    for file in std::fs::read_dir(&landing).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let again = landing.join(name.replace(".csv", "_again.csv"));
        std::fs::copy(file.path(), again).unwrap();
    }
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    assert_eq!(oracle::rows(&services, total).await, before);
    let restated = "campaign_id,date,_fivetran_synced,campaign_budget_currency_code,clicks,cost,impressions\n\
                    2187,2022-07-26,2023-01-01 00:00:00,USD,7,12.34,70\n";
    std::fs::write(landing.join("amazon_ads_campaign_level_report_data_2.csv"), restated).unwrap();
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    let day = "SELECT clicks, spend FROM silver.ad_spend_daily \
               WHERE platform = 'amazon_ads' AND campaign_id = '2187' AND day = DATE '2022-07-26'";
    assert_eq!(oracle::rows(&services, day).await, ["7|12.340000"]);
}
