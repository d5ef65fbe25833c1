//! The shop's customers and marketing over months, and at a size at which precision and recall say something.

use std::path::Path;

use lakeport::config::Paths;
use lakeport::demo::{self, Options};

use crate::oracle;

fn paths(folder: &Path) -> Paths {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Paths {
        catalog: root.join("catalog"),
        sql: root.join("sql"),
        dir: folder.join("lake"),
        landing: folder.join("landing"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn months_of_few_orders_equal_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    // Long enough for cohorts, for visits more than 30 days old, and for a year's turn.
    let until = chrono::NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
    let options = Options { scale: 0.02, days: 100, until };
    demo::generate(&options, &paths.landing, &|_, _, _| {}).unwrap();
    let services = oracle::open(&paths).await;
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    oracle::compare(&services, "shop_customers.py", &paths.landing.join("truth")).await;
    for (one, other) in [
        ("sum(visits) FROM gold_marketing.web_funnel", "count(*) FROM silver.web_sessions"),
        ("sum(visits) FROM gold_marketing.audience_by_region", "count(*) FROM silver.web_sessions"),
        (
            "sum(visits) FROM gold_marketing.campaign_performance",
            "count(*) FROM silver.web_sessions",
        ),
        ("sum(events) FROM silver.web_sessions", "count(*) FROM silver.web_events"),
        (
            "sum(spend_eur) FROM gold_marketing.campaign_performance",
            "sum(spend_eur) FROM silver.ad_spend_daily",
        ),
        (
            "sum(revenue_eur) FROM gold_marketing.campaign_performance",
            "sum(gross_eur - discounts_eur) FROM gold_finance.daily_revenue WHERE channel <> 'store'",
        ),
        (
            "sum(revenue_eur) FROM gold_marketing.channel_attribution",
            "sum(gross_eur - discounts_eur) FROM gold_finance.daily_revenue WHERE channel <> 'store'",
        ),
        ("count(*) FROM gold_marketing.customer_360", "count(*) FROM silver.customers"),
        (
            "sum(crm_records) FROM silver.customers",
            "count(DISTINCT accountnumber) FROM bronze.crm_customers",
        ),
    ] {
        let one = oracle::rows(&services, &format!("SELECT {one}")).await;
        let two = oracle::rows(&services, &format!("SELECT {other}")).await;
        assert_eq!(one, two, "{other}");
    }
    let cohorts = "SELECT max(months_since) FROM gold_marketing.cohort_retention";
    assert_eq!(oracle::rows(&services, cohorts).await, ["3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_with_several_records_are_found_with_precision_and_recall() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let delivered = folder.path().join("delivered");
    let options = Options { scale: 1.0, days: 20, ..Options::default() };
    demo::generate(&options, &delivered, &|_, _, _| {}).unwrap();
    // Only the CRM's files land: who is who needs no other. A table's folder must be there.
    for folder in std::fs::read_dir(&delivered).unwrap() {
        std::fs::create_dir_all(paths.landing.join(folder.unwrap().file_name())).unwrap();
    }
    let name = "crm_customers";
    std::fs::remove_dir(paths.landing.join(name)).unwrap();
    std::fs::rename(delivered.join(name), paths.landing.join(name)).unwrap();
    let services = oracle::open(&paths).await;
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;
    oracle::compare(&services, "matching.py", &delivered.join("truth")).await;
}
