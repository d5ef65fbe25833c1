//! Where things lie: roots, objects, left-overs, tables of other writers.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_of_a_newer_format_is_refused_naming_both() {
    let dir = tempfile::tempdir().unwrap();
    drop(folder(dir.path()).await);
    let mark = dir.path().join("_lakeport/format.json");
    std::fs::write(&mark, r#"{"format": 7, "written_by": "9.9.9", "more": true}"#).unwrap();
    let root = LakeRoot::Folder(dir.path().to_owned());
    let refused = Lake::open(root, Arc::new(SystemClock)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::FeatureNotSupported);
    assert!(refused.message().contains("format 7"), "{refused}");
    assert!(refused.message().contains("format 1"), "{refused}");
    assert!(refused.detail_text().unwrap().contains("9.9.9"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_cannot_be_made_where_a_file_lies() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lake");
    std::fs::write(&path, "not a folder").unwrap();
    let root = LakeRoot::Folder(path.clone());
    let refused = Lake::open(root, Arc::new(SystemClock)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::IoError);
    assert!(refused.message().contains(path.to_str().unwrap()), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_written_once_by_whoever_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    for lake in [memory().await, folder(dir.path()).await] {
        let objects = lake.objects();
        assert_eq!(objects.get("ingest/a/1").await.unwrap(), None);
        assert!(objects.list("ingest").await.unwrap().is_empty());
        assert!(objects.put_if_absent("ingest/a/1", "one".into()).await.unwrap());
        assert!(!objects.put_if_absent("ingest/a/1", "two".into()).await.unwrap());
        assert!(objects.put_if_absent("ingest/a/10", "ten".into()).await.unwrap());
        assert!(objects.put_if_absent("ingest/b/1", "other".into()).await.unwrap());
        assert_eq!(objects.get("ingest/a/1").await.unwrap().unwrap(), "one");
        let listed = objects.list("ingest/a").await.unwrap();
        let paths: Vec<&str> = listed.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["ingest/a/1", "ingest/a/10"]);
        assert_eq!(listed[1].size, 3);
    }
    // What a killed process leaves of an unfinished write is nothing.
    let lake = folder(dir.path()).await;
    std::fs::write(dir.path().join("_lakeport/ingest/a/2#1"), "half").unwrap();
    assert_eq!(lake.objects().list("ingest/a").await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn left_over_temporary_files_in_a_log_are_not_versions() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&orders());
    let v0 = create(&lake, &location, 0..1).await;
    let log = dir.path().join("silver/orders/_delta_log");
    std::fs::write(log.join("00000000000000000001.json#1"), "{\"half").unwrap();
    let again = folder(dir.path()).await;
    let newest = again.newest(&location).await.unwrap().unwrap();
    assert_eq!(newest.version(), 0);
    assert_eq!(append(&again, &v0, 1..2).await.version(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn external_locations_are_absolute_and_on_this_machine() {
    let lake = memory().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let by_path = lake.external_location(path.to_str().unwrap()).unwrap();
    let by_url = lake.external_location(&format!("file://{}/", path.display())).unwrap();
    assert_eq!(by_path, by_url);
    assert_eq!(by_path.local_path().unwrap(), path);
    let remote = lake.external_location("abfss://lake@acct.dfs.core.windows.net/x").unwrap_err();
    assert_eq!(remote.kind(), ErrorKind::FeatureNotSupported);
    for wrong in ["relative/path", "/a/../b", "file://host/x"] {
        let refused = lake.external_location(wrong).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidParameterValue, "{wrong}");
    }
    // A folder that is no table.
    assert!(lake.newest(&by_path).await.unwrap().is_none());
}

/// Rows by DuckDB 1.4.4 with its delta extension (`pip install duckdb==1.4.4 duckdb-ext-delta==1.4.4.*`,
/// LOAD the extension's file), each table by `SELECT count(*) FROM delta_scan('<folder>')`. What is not
/// here DuckDB does not read either (`delta-live-table` not to an end), but for
/// `spark-shredded-variant-preview-delta`, whose type is refused.
const COUNTS: [(&str, u64); 39] = [
    ("COVID-19_NYT", 1111930),
    ("cdc_ict_table", 2),
    ("cdf-table-non-partitioned", 11),
    ("cdf-table-with-cdc-and-dvs", 5),
    ("cdf-table", 9),
    ("checkpoint-cdf-table", 13),
    ("checkpoint-v2-table", 44),
    ("concurrent_workers", 0),
    ("delta-0.2.0", 6),
    ("delta-0.8-empty", 0),
    ("delta-0.8.0-date", 5),
    ("delta-0.8.0-null-partition", 2),
    ("delta-0.8.0-numeric-partition", 2),
    ("delta-0.8.0-partitioned", 7),
    ("delta-0.8.0-special-partition", 2),
    ("delta-0.8.0", 4),
    ("delta-1.2.1-only-struct-stats", 12),
    ("delta-2.2.0-partitioned-types", 3),
    ("delta-checkpoint-stats-optional", 2),
    ("delta-stats-optional", 2),
    ("http_requests", 1581),
    ("issue-2152", 0),
    ("issue_1374", 20),
    ("partition-type-primitives", 16),
    ("python-0.25.5-checkpoint", 6),
    ("simple_commit", 0),
    ("simple_table", 3),
    ("simple_table_with_cdc", 1),
    ("simple_table_with_checkpoint", 11),
    ("spark-variant-checkpoint", 102),
    ("table-with-dv-small", 8),
    ("table-without-dv-small", 10),
    ("table_failed_last_checkpoint_update", 20),
    ("table_with_column_mapping", 5),
    ("table_with_deletion_logs", 98),
    ("table_with_edge_timestamps", 2),
    ("table_with_liquid_clustering", 10),
    ("table_with_null_stats_in_notnull_struct", 2),
    ("table_with_partitioning_mapping", 2),
];

/// Every table of other writers opens, or is refused naming what it needs.
#[tokio::test(flavor = "multi_thread")]
async fn tables_of_other_writers_open_or_are_refused_naming_the_feature() {
    let Some(data) = crate::support::shared_data("delta_rs") else { return };
    let data = data.canonicalize().unwrap();
    let lake = memory().await;
    let mut counts = BTreeMap::from(COUNTS);
    let mut read = 0;
    for folder in std::fs::read_dir(&data).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if !folder.join("_delta_log").is_dir() {
            continue;
        }
        match rows_of(&lake, &folder).await {
            Ok(rows) => {
                assert_eq!(counts.remove(name.as_str()).unwrap_or(rows), rows, "{name}");
                read += 1;
            }
            // Some fixtures are logs without their data files, or broken on purpose.
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::FeatureNotSupported
                        | ErrorKind::DataCorrupted
                        | ErrorKind::UndefinedFile
                ),
                "{name}: {:?} {error}",
                error.kind()
            ),
        }
    }
    assert!(counts.is_empty(), "not read: {counts:?}");
    assert!(read >= 35, "only {read} tables could be read");
}

/// Rows by reading all of them, which is also what the statistics say.
async fn rows_of(lake: &Lake, folder: &Path) -> lakeport::error::Result<u64> {
    let location = lake.external_location(folder.to_str().unwrap())?;
    let table = lake.newest(&location).await?.unwrap();
    let rows = table.read().await?.iter().map(|batch| batch.num_rows() as u64).sum();
    assert_eq!(table.rows().unwrap_or(rows), rows, "{}", folder.display());
    Ok(rows)
}
