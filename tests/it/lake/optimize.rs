//! OPTIMIZE moves rows to fewer files and changes none.

use lakeport::lake::Due;

use super::*;
use crate::support::shared_data;

/// Rows of column `n` in partition `p`.
fn partitioned(p: Option<&str>, values: std::ops::Range<i64>) -> RecordBatch {
    let numbers: Int64Array = values.map(Some).collect();
    let places: StringArray = (0..numbers.len()).map(|_| p).collect();
    let columns: [(&str, Arc<dyn Array>, bool); 2] =
        [("p", Arc::new(places), true), ("n", Arc::new(numbers), true)];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

async fn add(lake: &Lake, base: Option<Table>, batch: RecordBatch) -> Table {
    let location = lake.location(&orders());
    let spec = TableSpec { partition_by: vec!["p".to_owned()], ..TableSpec::of(batch.schema()) };
    let mut writer = lake.writer(&location, &spec).unwrap();
    writer.write(batch).await.unwrap();
    let commit = Commit {
        location,
        base,
        spec,
        mode: CommitMode::Append,
        files: writer.finish().await.unwrap(),
        progress: vec![("app".to_owned(), 7)],
        run: Some(RunId::random()),
        operation: "WRITE",
    };
    committed(lake.commit(commit).await.unwrap())
}

/// Rows as text, sorted.
pub(super) async fn texts(table: &Table) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in table.read().await.unwrap() {
        for row in 0..batch.num_rows() {
            let cells = batch
                .columns()
                .iter()
                .map(|column| arrow::util::display::array_value_to_string(column, row).unwrap());
            rows.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn each_partition_ends_in_one_file_whatever_its_value() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let values = [Some("plain"), Some("a b"), Some("50%/ü:?#"), Some("x=y&z"), Some("%20"), None];
    let mut table = None;
    for round in 0..4 {
        for value in values {
            let batch = partitioned(value, round * 10..round * 10 + 3);
            table = Some(add(&lake, table, batch).await);
        }
    }
    let table = table.unwrap();
    let before = texts(&table).await;
    assert_eq!((before.len(), table.files().0), (72, 24));
    let run = RunId::random();
    let done = lake.optimize(&table, Due::ALWAYS, Some(run)).await.unwrap();
    assert_eq!((done.files_removed, done.files_added, done.conflict), (24, 6, None));
    let after = done.table.unwrap();
    assert_eq!((after.version(), after.files().0), (table.version() + 1, 6));
    assert_eq!(texts(&after).await, before);
    assert_eq!(after.progress("app").await.unwrap(), Some(7));
    assert!(after.only_moved_since(table.version()).await.unwrap());
    assert!(!after.only_moved_since(table.version() - 1).await.unwrap());
    assert!(!after.foreign_since(0).await.unwrap());
    let again = lake.optimize(&after, Due::ALWAYS, Some(run)).await.unwrap();
    assert!(again.table.is_none(), "there is nothing left to gain");
    // Another process reads the same.
    let other = folder(dir.path()).await.newest(after.location()).await.unwrap().unwrap();
    assert_eq!(texts(&other).await, before);
    // Nobody takes moved rows for new ones.
    let record = lake.timeline(after.location(), after.version(), 1).await.unwrap().remove(0);
    assert_eq!(record.operation.as_deref(), Some("OPTIMIZE"));
    assert_eq!(record.run_id, Some(run.to_string()));
    let metrics = record.operation_metrics.unwrap();
    assert!(metrics.contains("\"numRemovedFiles\":\"24\""), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wrote_meanwhile_wins() {
    let lake = memory().await;
    let v0 = create(&lake, &lake.location(&orders()), 0..3).await;
    let v1 = append(&lake, &v0, 3..5).await;
    let v2 = append(&lake, &v1, 5..6).await;
    let done = lake.optimize(&v1, Due::ALWAYS, None).await.unwrap();
    assert!(done.table.is_none() && done.conflict.is_some());
    assert_eq!(read(&lake.newest(v2.location()).await.unwrap().unwrap()).await, [0, 1, 2, 3, 4, 5]);
    // An append that began before lands behind.
    let done = lake.optimize(&v2, Due::ALWAYS, None).await.unwrap();
    assert_eq!(done.table.unwrap().version(), 3);
    let v4 = append(&lake, &v2, 6..7).await;
    assert_eq!((v4.version(), read(&v4).await), (4, vec![0, 1, 2, 3, 4, 5, 6]));
}

#[tokio::test(flavor = "multi_thread")]
async fn unasked_it_waits_until_it_is_worth_it() {
    let lake = memory().await;
    let mut table = create(&lake, &lake.location(&orders()), 0..1).await;
    for n in 1..49 {
        table = append(&lake, &table, n..n + 1).await;
    }
    assert!(lake.optimize(&table, Due::BACKGROUND, None).await.unwrap().table.is_none());
    table = append(&lake, &table, 49..50).await;
    let done = lake.optimize(&table, Due::BACKGROUND, None).await.unwrap();
    assert_eq!((done.files_removed, done.files_added), (50, 1));
    assert_eq!(read(&done.table.unwrap()).await, (0..50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_rows_are_left_out_for_good() {
    for name in ["basic-dv-no-checkpoint", "basic-dv-with-checkpoint"] {
        let Some(source) = shared_data(&format!("delta_spark_golden/kernel_defaults/{name}"))
        else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let lake = folder(dir.path()).await;
        let location = lake.location(&orders());
        copy(&source, &location.local_path().unwrap());
        let table = lake.newest(&location).await.unwrap().unwrap();
        let (before, rows) = (texts(&table).await, table.rows());
        let done = lake.optimize(&table, Due::ALWAYS, None).await.unwrap();
        let after = done.table.unwrap_or_else(|| panic!("{name} has deleted rows"));
        assert_eq!(texts(&after).await, before, "{name}");
        assert_eq!(after.rows(), rows, "{name}");
        let again = lake.optimize(&after, Due::ALWAYS, None).await.unwrap();
        assert!(again.table.is_none(), "{name} has none any more");
        // Whoever pinned the old version still reads it.
        assert_eq!(
            texts(&lake.at_version(&location, table.version()).await.unwrap()).await,
            before
        );
    }
}

pub(super) fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
