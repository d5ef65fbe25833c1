//! More days and minutes: what was delivered stays as it is, and the views follow to the new truth.

use lakeport::demo::{self, Tick};
use lakeport::error::ErrorKind;

use super::{Shop, contents, small};
use crate::oracle;

#[tokio::test(flavor = "multi_thread")]
async fn further_days_add_files_and_the_views_follow_them() {
    let shop = Shop::new();
    let landing = &shop.paths.landing;
    let quiet = |_: &str, _: u64, _: u64| {};
    demo::generate(&small(), landing, &quiet).unwrap();
    let services = oracle::open(&shop.paths).await;
    oracle::ingest(&services).await;
    oracle::refresh(&services).await;

    for day in ["2026-11-01", "2026-11-02", "2026-11-03"] {
        let before = contents(landing);
        if day == "2026-11-02" {
            // Until five past midnight, then the rest of the day.
            let (_, now) = demo::tick(landing, Tick::Minutes, &quiet).unwrap();
            assert_eq!(now.to_string(), "2026-11-02 00:05:00");
        }
        let (summary, now) = demo::tick(landing, Tick::Day, &quiet).unwrap();
        assert!(summary.files > 300, "{summary:?}");
        assert!(now.to_string().ends_with(" 00:00:00"), "{now}");
        let after = contents(landing);
        for (name, bytes) in before.iter().filter(|(name, _)| !name.starts_with("truth")) {
            assert!(after.get(name) == Some(bytes), "{}", name.display());
        }
        for source in [
            "payments",
            "inventory",
            "store_sales",
            "online_orders",
            "shipments",
            "crm_customers",
            "crm_interactions",
            "experiment_assignments",
            "web_events",
            "app_events",
            "ad_performance",
            "access_log",
        ] {
            let of_day = |name: &&std::path::PathBuf| {
                name.starts_with(source) && super::is_of_day(name, day)
            };
            assert!(after.keys().find(of_day).is_some(), "{source} has nothing of {day}");
        }
        oracle::ingest(&services).await;
        oracle::refresh(&services).await;
        for script in ["shop.py", "shop_operations.py", "shop_customers.py"] {
            oracle::compare(&services, script, &landing.join("truth")).await;
        }
    }
    let strategies =
        "SELECT DISTINCT strategy FROM lakeport.refreshes WHERE view_name = 'payments' ORDER BY 1";
    assert_eq!(oracle::rows(&services, strategies).await, ["full", "incremental"]);

    // Generating again delivers nothing, and leaves the truth of the ticks.
    let ticked = contents(landing);
    demo::generate(&small(), landing, &quiet).unwrap();
    assert!(ticked == contents(landing));
}

#[test]
fn without_a_demo_nothing_ticks() {
    let folder = tempfile::tempdir().unwrap();
    let refused = demo::tick(folder.path(), Tick::Day, &|_, _, _| {}).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ObjectNotInPrerequisiteState);
    assert!(contents(folder.path()).is_empty());
}
