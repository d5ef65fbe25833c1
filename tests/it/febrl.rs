//! Records of people with true links: most that are one person's are found, and few others are taken for it.

use std::path::Path;

use lakeport::config::Paths;

use crate::oracle;
use crate::support::shared_data;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_is_found_with_precision_and_recall() {
    // Each set numbers its people for itself.
    for set in ["dataset1.csv", "dataset2.csv"] {
        let Some(data) = shared_data(&format!("febrl_dedup/{set}")) else { return };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deployments/febrl");
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths {
            catalog: root.join("catalog"),
            sql: root.join("sql"),
            dir: folder.path().join("lake"),
            landing: folder.path().join("landing"),
        };
        std::fs::create_dir_all(paths.landing.join("febrl_dedup")).unwrap();
        std::fs::copy(data, paths.landing.join("febrl_dedup").join(set)).unwrap();
        let services = oracle::open(&paths).await;
        oracle::ingest(&services).await;
        oracle::refresh(&services).await;
        oracle::ask_examples(&services, &paths.sql).await;
        oracle::compare(&services, "febrl.py", &paths.landing).await;
    }
}
