//! Tables of other writers hold here what delta-rs in Python says they hold.

use std::fs::File;
use std::process::Command;

use arrow::array::{Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::ipc::reader::FileReader;
use arrow::util::display::array_value_to_string;

use super::memory;
use crate::support::{python, shared_data};

/// Rows as text, in order; columns by name.
fn rows(batches: &[RecordBatch], names: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for batch in batches {
        let columns: Vec<_> = names.iter().map(|name| plain(batch, name)).collect();
        for row in 0..batch.num_rows() {
            let value = |column: &arrow::array::ArrayRef| match column.is_null(row) {
                true => "NULL".to_owned(),
                false => array_value_to_string(column, row).unwrap(),
            };
            all.push(columns.iter().map(value).collect::<Vec<_>>().join("|"));
        }
    }
    all.sort();
    all
}

/// Without dictionaries and views, which say the same.
fn plain(batch: &RecordBatch, name: &str) -> arrow::array::ArrayRef {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    match column.data_type() {
        DataType::Dictionary(_, value) => plain_text(&cast(column, value).unwrap()),
        _ => plain_text(column),
    }
}

fn plain_text(column: &arrow::array::ArrayRef) -> arrow::array::ArrayRef {
    match column.data_type() {
        DataType::Utf8View | DataType::LargeUtf8 => cast(column, &DataType::Utf8).unwrap(),
        DataType::BinaryView | DataType::LargeBinary => cast(column, &DataType::Binary).unwrap(),
        _ => column.clone(),
    }
}

/// Read wrong by delta-rs: times beyond what nanoseconds can say wrap around there.
const WRONG_THERE: &str = "table_with_edge_timestamps";

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_other_writers_hold_what_delta_rs_reads() {
    let Some(python) = python(&["deltalake", "pyarrow"]) else { return };
    let lake = memory().await;
    let (mut same, mut ours_only, mut refused) = (0, 0, Vec::new());
    for set in ["delta_rs", "delta_spark_golden"] {
        let Some(data) = shared_data(set) else { return };
        let data = data.canonicalize().unwrap();
        let out = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/read_tables.py");
        let ran = Command::new(&python).arg(script).arg(&data).arg(out.path()).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        for line in String::from_utf8(ran.stdout).unwrap().lines() {
            let Some((folder, file)) = line.split_once('\t') else { continue };
            let location = lake.external_location(folder).unwrap();
            let table = match lake.newest(&location).await {
                Ok(Some(table)) => table,
                Ok(None) => continue,
                Err(error) => {
                    refused.push(format!("{folder}: {error}"));
                    continue;
                }
            };
            if table.rows().is_some_and(|rows| rows > 20_000) {
                continue;
            }
            let Ok(found) = table.read().await else {
                refused.push(format!("{folder}: its rows"));
                assert!(file.is_empty(), "{folder} is read by delta-rs");
                continue;
            };
            if file.is_empty() || folder.ends_with(WRONG_THERE) {
                ours_only += 1;
                continue;
            }
            let names: Vec<String> =
                table.schema().fields().iter().map(|field| field.name().clone()).collect();
            let wanted = FileReader::try_new(File::open(file).unwrap(), None).unwrap();
            let wanted: Vec<RecordBatch> = wanted.map(|batch| batch.unwrap()).collect();
            assert_eq!(rows(&found, &names), rows(&wanted, &names), "{folder}");
            same += 1;
        }
    }
    println!("{same} the same, {ours_only} read here only, refused: {refused:#?}");
    assert!(same > 50, "{same} tables compared");
}
