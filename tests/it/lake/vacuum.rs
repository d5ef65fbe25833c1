//! VACUUM deletes what no kept version needs, and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lakeport::clock::Clock;
use lakeport::lake::{Due, KeptVersions, VacuumRequest, Vacuumed};

use super::optimize::{copy, texts};
use super::*;
use crate::support::shared_data;

const HOUR: Duration = Duration::from_secs(3600);

/// Everything written so far is old.
fn later() -> DateTime<Utc> {
    SystemClock.now() + HOUR
}

async fn vacuum(lake: &Lake, location: &Location, from: u64, also: &[u64]) -> Vacuumed {
    let kept = KeptVersions { from, also: also.iter().copied().collect() };
    let request = VacuumRequest {
        location: location.clone(),
        kept,
        unfinished_since: later(),
        dry_run: false,
    };
    lake.vacuum(&request).await.unwrap()
}

/// Names of the files below a folder, but for those of the log.
fn data_files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "_delta_log" {
                found.extend(data_files(&entry.path()));
            }
        } else {
            found.insert(entry.path());
        }
    }
    found
}

async fn overwrite(lake: &Lake, base: &Table, values: std::ops::Range<i64>) -> Table {
    let (location, base) = (base.location().clone(), Some(base.clone()));
    committed(commit(lake, &location, base, CommitMode::Overwrite, numbers(values), &[]).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kept_versions_name_stays_and_the_rest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&orders());
    let mut table = create(&lake, &location, 0..1).await;
    for n in 1..8 {
        table = overwrite(&lake, &table, n..n + 1).await;
    }
    let place = location.local_path().unwrap();
    std::fs::write(place.join("part-left-behind.parquet"), "half a file").unwrap();
    std::fs::create_dir_all(place.join("_change_data")).unwrap();
    std::fs::write(place.join("_change_data/cdc.parquet"), "somebody else's").unwrap();
    std::fs::write(place.join("notes.txt"), "somebody else's").unwrap();
    assert_eq!(data_files(&place).len(), 11);
    // What is young may be somebody's unfinished work; what a version names is not.
    let young = VacuumRequest {
        location: location.clone(),
        kept: KeptVersions::from(7),
        unfinished_since: SystemClock.now() - HOUR,
        dry_run: false,
    };
    assert_eq!(lake.vacuum(&young).await.unwrap(), Vacuumed::default());
    let dry = VacuumRequest {
        kept: KeptVersions { from: 5, also: [2].into() },
        unfinished_since: later(),
        dry_run: true,
        ..young
    };
    let told = lake.vacuum(&dry).await.unwrap();
    assert_eq!((told.files, told.paths.len()), (5, 5));
    assert_eq!(data_files(&place).len(), 11, "a dry run deletes nothing");
    let done = vacuum(&lake, &location, 5, &[2]).await;
    assert_eq!((done.files, done.bytes), (told.files, told.bytes));
    let left = data_files(&place);
    assert_eq!(left.len(), 6);
    assert!(left.contains(&place.join("_change_data/cdc.parquet")));
    assert!(left.contains(&place.join("notes.txt")));
    let fresh = folder(dir.path()).await;
    for version in [2, 5, 6, 7] {
        let table = fresh.at_version(&location, version).await.unwrap();
        assert_eq!(read(&table).await, [version as i64]);
    }
    assert_eq!(vacuum(&lake, &location, 5, &[2]).await, Vacuumed::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_keeps_what_kept_versions_are_read_from_gaps_and_all() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&orders());
    let mut table = create(&lake, &location, 0..1).await;
    for n in 1..100 {
        table = overwrite(&lake, &table, n..n + 1).await;
        if n % 20 == 0 {
            lake.settle().await;
            lake.maintain(&location).await.unwrap();
        }
    }
    let log = location.local_path().unwrap().join("_delta_log");
    let checkpoints = || {
        let names = std::fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".checkpoint.parquet")).count()
    };
    assert!(checkpoints() >= 4, "{} checkpoints", checkpoints());
    let done = vacuum(&lake, &location, 90, &[33, 5]).await;
    assert!(done.log_files > 30, "{done:?}");
    assert_eq!(done.files, 100 - 10 - 2);
    let fresh = folder(dir.path()).await;
    assert_eq!(read(&fresh.newest(&location).await.unwrap().unwrap()).await, [99]);
    for version in (90..100).chain([5, 33]) {
        let fresh = folder(dir.path()).await;
        let table = fresh.at_version(&location, version).await.unwrap();
        assert_eq!(read(&table).await, [version as i64], "version {version}");
    }
    // A process that has held an old version all the while finds the newest one.
    table = overwrite(&fresh, &table, 100..101).await;
    assert_eq!(lake.newest(&location).await.unwrap().unwrap().version(), table.version());
    // The gap stays one, and what lies before it is kept as long as it is named.
    let done = vacuum(&lake, &location, 95, &[33]).await;
    assert!(done.log_files > 0 && done.files == 6, "{done:?}");
    let fresh = folder(dir.path()).await;
    assert_eq!(read(&fresh.at_version(&location, 33).await.unwrap()).await, [33]);
    let gone = fresh.at_version(&location, 50).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::SnapshotTooOld);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_vectors_are_kept_as_long_as_a_version_names_them() {
    let path = "delta_spark_golden/kernel_defaults/basic-dv-no-checkpoint";
    let Some(source) = shared_data(path) else { return };
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&orders());
    let place = location.local_path().unwrap();
    copy(&source, &place);
    let table = lake.newest(&location).await.unwrap().unwrap();
    let before = texts(&table).await;
    let vectors = || {
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("deletion_vector_") && name.ends_with(".bin")
        };
        data_files(&place).iter().filter(|path| named(path)).count()
    };
    let all = vectors();
    assert!(all > 0);
    vacuum(&lake, &location, 0, &[]).await;
    assert_eq!(vectors(), all);
    vacuum(&lake, &location, table.version(), &[]).await;
    assert!(vectors() > 0);
    let fresh = folder(dir.path()).await.newest(&location).await.unwrap().unwrap();
    assert_eq!(texts(&fresh).await, before);
    let done = lake.optimize(&table, Due::ALWAYS, None).await.unwrap();
    let version = done.table.unwrap().version();
    vacuum(&lake, &location, version, &[]).await;
    assert_eq!(vectors(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_partition_values_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&orders());
    let batch = |n: i64| {
        let places: StringArray = ["a b", "50%/ü:?#", "%20", "_x"].into_iter().map(Some).collect();
        let numbers: Int64Array = (0..4).map(|_| Some(n)).collect();
        let columns: [(&str, Arc<dyn Array>); 2] =
            [("p", Arc::new(places)), ("n", Arc::new(numbers))];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let mut table: Option<Table> = None;
    for n in 0..3 {
        let spec =
            TableSpec { partition_by: vec!["p".to_owned()], ..TableSpec::of(batch(n).schema()) };
        let mut writer = lake.writer(&location, &spec).unwrap();
        writer.write(batch(n)).await.unwrap();
        let mode = if table.is_some() { CommitMode::Overwrite } else { CommitMode::Append };
        let commit = Commit {
            location: location.clone(),
            base: table,
            spec,
            mode,
            files: writer.finish().await.unwrap(),
            progress: Vec::new(),
            run: None,
            operation: "WRITE",
        };
        table = Some(committed(lake.commit(commit).await.unwrap()));
    }
    let done = vacuum(&lake, &location, 2, &[]).await;
    assert_eq!(done.files, 8);
    let fresh = folder(dir.path()).await.newest(&location).await.unwrap().unwrap();
    assert_eq!(read(&fresh).await, [2, 2, 2, 2]);
}
