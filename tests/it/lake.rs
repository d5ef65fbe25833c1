//! Delta tables at pinned versions, commits, epochs.

mod changes;
mod epochs;
mod fold;
mod optimize;
mod others;
mod places;
mod rows;
mod vacuum;

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::prelude::SessionContext;
use lakeport::clock::{ManualClock, SystemClock};
use lakeport::error::ErrorKind;
use lakeport::lake::{
    Commit, CommitMode, CommitOutcome, Lake, LakeRoot, Location, Published, Run, RunKind, Table,
    TableSpec,
};
use lakeport::name::{RelationId, RelationName, RunId};

async fn memory() -> Lake {
    Lake::open(LakeRoot::Memory, Arc::new(SystemClock)).await.unwrap()
}

async fn folder(path: &std::path::Path) -> Lake {
    Lake::open(LakeRoot::Folder(path.to_owned()), Arc::new(SystemClock)).await.unwrap()
}

fn numbers(values: impl IntoIterator<Item = i64>) -> RecordBatch {
    let values: Int64Array = values.into_iter().map(Some).collect();
    RecordBatch::try_from_iter([("n", Arc::new(values) as _)]).unwrap()
}

fn orders() -> RelationName {
    RelationName::new("silver", "orders")
}

/// Commits `batch` as one file over `base`.
async fn commit(
    lake: &Lake,
    location: &Location,
    base: Option<Table>,
    mode: CommitMode,
    batch: RecordBatch,
    progress: &[(&str, i64)],
) -> CommitOutcome {
    let spec = TableSpec::of(batch.schema());
    let mut writer = lake.writer(location, &spec).unwrap();
    writer.write(batch).await.unwrap();
    let commit = Commit {
        location: location.clone(),
        base,
        spec,
        mode,
        files: writer.finish().await.unwrap(),
        progress: progress.iter().map(|(app, version)| ((*app).to_owned(), *version)).collect(),
        run: Some(RunId::random()),
        operation: "WRITE",
    };
    lake.commit(commit).await.unwrap()
}

fn committed(outcome: CommitOutcome) -> Table {
    match outcome {
        CommitOutcome::Committed(table) => table,
        CommitOutcome::Conflict(why) => panic!("conflict: {why}"),
    }
}

async fn create(lake: &Lake, location: &Location, values: std::ops::Range<i64>) -> Table {
    committed(commit(lake, location, None, CommitMode::Append, numbers(values), &[]).await)
}

async fn append(lake: &Lake, base: &Table, values: std::ops::Range<i64>) -> Table {
    let location = base.location().clone();
    let base = Some(base.clone());
    committed(commit(lake, &location, base, CommitMode::Append, numbers(values), &[]).await)
}

/// The column `n`, sorted.
async fn read(table: &Table) -> Vec<i64> {
    let mut values: Vec<i64> = Vec::new();
    for batch in table.read().await.unwrap() {
        let column = batch.column_by_name("n").unwrap().as_primitive::<Int64Type>().clone();
        values.extend(column.iter().map(Option::unwrap));
    }
    values.sort_unstable();
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_created_appended_to_and_overwritten() {
    let lake = memory().await;
    let location = lake.location(&orders());
    assert!(lake.newest(&location).await.unwrap().is_none());
    let v0 = create(&lake, &location, 0..3).await;
    assert_eq!((v0.version(), v0.rows(), v0.files().0), (0, Some(3), 1));
    let v1 = append(&lake, &v0, 3..5).await;
    assert_eq!((v1.version(), v1.rows(), v1.files().0), (1, Some(5), 2));
    let outcome =
        commit(&lake, &location, Some(v1.clone()), CommitMode::Overwrite, numbers(7..8), &[]).await;
    let v2 = committed(outcome);
    assert_eq!(read(&v2).await, [7]);
    // What was pinned does not move.
    assert_eq!(read(&v1).await, [0, 1, 2, 3, 4]);
    assert_eq!(read(&v0).await, [0, 1, 2]);
    assert_eq!(lake.newest(&location).await.unwrap().unwrap().version(), 2);
    assert_eq!(read(&lake.at_version(&location, 1).await.unwrap()).await, [0, 1, 2, 3, 4]);
    let missing = lake.at_version(&location, 3).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::InvalidParameterValue);
    let nowhere = lake.at_version(&lake.system_location("none"), 0).await.unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_goes_behind_another_append_and_an_overwrite_does_not() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let v0 = create(&lake, &location, 0..1).await;
    append(&lake, &v0, 1..2).await;
    // Two appends from the same base both land.
    let v2 = append(&lake, &v0, 2..3).await;
    assert_eq!(v2.version(), 2);
    assert_eq!(read(&v2).await, [0, 1, 2]);
    // An overwrite computed from v0 would lose rows.
    let stale =
        commit(&lake, &location, Some(v0.clone()), CommitMode::Overwrite, numbers(9..10), &[])
            .await;
    assert!(matches!(stale, CommitOutcome::Conflict(_)), "{stale:?}");
    // So would a second creation.
    let again = commit(&lake, &location, None, CommitMode::Append, numbers(9..10), &[]).await;
    assert!(matches!(again, CommitOutcome::Conflict(_)), "{again:?}");
    assert_eq!(read(&lake.newest(&location).await.unwrap().unwrap()).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_commits_with_the_same_progress_one_conflicts() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let v0 = create(&lake, &location, 0..1).await;
    assert_eq!(v0.progress("ingest/a").await.unwrap(), None);
    let base = Some(v0.clone());
    let batch = || numbers(1..2);
    let first =
        commit(&lake, &location, base.clone(), CommitMode::Append, batch(), &[("ingest/a", 1)]);
    let v1 = committed(first.await);
    assert_eq!(v1.progress("ingest/a").await.unwrap(), Some(1));
    assert_eq!(v0.progress("ingest/a").await.unwrap(), None);
    let second =
        commit(&lake, &location, base.clone(), CommitMode::Append, batch(), &[("ingest/a", 1)]);
    assert!(matches!(second.await, CommitOutcome::Conflict(_)));
    // Progress of another application does not stand in the way.
    let other = commit(&lake, &location, base, CommitMode::Append, batch(), &[("ingest/b", 1)]);
    let v2 = committed(other.await);
    assert_eq!(v2.progress("ingest/a").await.unwrap(), Some(1));
    assert_eq!(v2.progress("ingest/b").await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lakes_over_one_folder_see_each_others_commits() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (folder(dir.path()).await, folder(dir.path()).await);
    let location = one.location(&orders());
    assert_eq!(location, two.location(&orders()));
    let v0 = create(&one, &location, 0..2).await;
    let seen = two.newest(&location).await.unwrap().unwrap();
    assert_eq!(read(&seen).await, [0, 1]);
    append(&two, &seen, 2..3).await;
    assert_eq!(read(&v0).await, [0, 1]);
    assert_eq!(read(&one.newest(&location).await.unwrap().unwrap()).await, [0, 1, 2]);
    drop((one, two));
    let again = folder(dir.path()).await;
    assert_eq!(read(&again.newest(&location).await.unwrap().unwrap()).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_session_can_scan_a_table() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let table = create(&lake, &location, 0..1000).await;
    let session = SessionContext::new();
    session.register_table("t", table.provider().unwrap()).unwrap();
    let frame = session.sql("SELECT sum(n) AS n FROM t WHERE n >= 990").await.unwrap();
    let batches = frame.collect().await.unwrap();
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), (990..1000).sum::<i64>());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_columns_come_with_an_append_and_old_rows_have_null_there() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let v0 = create(&lake, &location, 0..2).await;
    let schema = Schema::new(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("note", DataType::Utf8View, true)
            .with_metadata([("comment".to_owned(), "Said.".to_owned())].into()),
    ]);
    let note = arrow::array::StringViewArray::from(vec![Some("x")]);
    let columns = vec![Arc::new(Int64Array::from(vec![2])) as _, Arc::new(note) as _];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let v1 = committed(commit(&lake, &location, Some(v0), CommitMode::Append, batch, &[]).await);
    assert_eq!(read(&v1).await, [0, 1, 2]);
    let field = v1.schema().field(1).clone();
    assert_eq!((field.name().as_str(), field.data_type()), ("note", &DataType::Utf8));
    assert_eq!(field.metadata().get("comment").map(String::as_str), Some("Said."));
    let notes: usize = v1
        .read()
        .await
        .unwrap()
        .iter()
        .map(|batch| batch.num_rows() - batch.column_by_name("note").unwrap().null_count())
        .sum();
    assert_eq!(notes, 1);
    // Fewer columns fit as well; another type does not.
    append(&lake, &v1, 5..6).await;
    let text = RecordBatch::try_from_iter([(
        "n",
        Arc::new(StringArray::from(vec!["five"])) as Arc<dyn Array>,
    )]);
    let text = text.unwrap();
    let spec = TableSpec::of(text.schema());
    let mut writer = lake.writer(&location, &spec).unwrap();
    writer.write(text).await.unwrap();
    let refused = lake
        .commit(Commit {
            location: location.clone(),
            base: Some(v1),
            spec,
            mode: CommitMode::Append,
            files: writer.finish().await.unwrap(),
            progress: Vec::new(),
            run: None,
            operation: "WRITE",
        })
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::DatatypeMismatch);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_found_by_the_time_of_its_commit() {
    let start = chrono::DateTime::parse_from_rfc3339("2026-10-01T00:00:00Z").unwrap().to_utc();
    let hour = std::time::Duration::from_secs(3600);
    let clock = ManualClock::new(start);
    let lake = Lake::open(LakeRoot::Memory, clock.clone()).await.unwrap();
    let location = lake.location(&orders());
    let v0 = create(&lake, &location, 0..1).await;
    clock.advance(hour);
    let v1 = append(&lake, &v0, 1..2).await;
    assert_eq!(v1.committed_at().await.unwrap(), Some(start + hour));
    for (time, version) in [(start, 0), (start + hour / 2, 0), (start + hour * 5, 1)] {
        assert_eq!(lake.at_time(&location, time).await.unwrap().version(), version);
    }
    let before = lake.at_time(&location, start - hour).await.unwrap_err();
    assert_eq!(before.kind(), ErrorKind::SnapshotTooOld);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_our_run_is_foreign() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let v0 = create(&lake, &location, 0..1).await;
    let v1 = append(&lake, &v0, 1..2).await;
    assert!(!v1.foreign_since(0).await.unwrap());
    let spec = v1.spec();
    let mut writer = lake.writer(&location, &spec).unwrap();
    writer.write(numbers(2..3)).await.unwrap();
    let files = writer.finish().await.unwrap();
    let outcome = lake
        .commit(Commit {
            location: location.clone(),
            base: Some(v1),
            spec,
            mode: CommitMode::Append,
            files,
            progress: Vec::new(),
            run: None,
            operation: "WRITE",
        })
        .await;
    let v2 = committed(outcome.unwrap());
    assert!(v2.foreign_since(0).await.unwrap());
    assert!(!v2.foreign_since(2).await.unwrap());
}
