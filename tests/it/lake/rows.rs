//! Rows into files and back: types, partitions, many and few.

use arrow::array::Decimal128Array;
use arrow::datatypes::{Decimal128Type, Int32Type, TimeUnit};
use datafusion::prelude::SessionContext;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_many_partitions_come_back_and_go_with_an_overwrite() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&RelationName::new("silver", "ünder score & co"));
    let places: Vec<String> = (0..300)
        .map(|index| format!("pl={index} a/b%20ü{}", if index % 2 == 0 { "" } else { " " }))
        .collect();
    let place: StringArray =
        (0..3000).map(|index| (index % 301 != 0).then(|| places[index % 300].as_str())).collect();
    let n: Int64Array = (0..3000).map(Some).collect();
    let batch = RecordBatch::try_from_iter([
        ("place", Arc::new(place.clone()) as Arc<dyn Array>),
        ("n", Arc::new(n) as _),
    ]);
    let batch = batch.unwrap();
    let spec =
        TableSpec { partition_by: vec!["place".to_owned()], ..TableSpec::of(batch.schema()) };
    let write = async |base: Option<Table>, mode, batch: RecordBatch| {
        let mut writer = lake.writer(&location, &spec).unwrap();
        writer.write(batch).await.unwrap();
        let commit = Commit {
            location: location.clone(),
            base,
            spec: spec.clone(),
            mode,
            files: writer.finish().await.unwrap(),
            progress: Vec::new(),
            run: None,
            operation: "WRITE",
        };
        committed(lake.commit(commit).await.unwrap())
    };
    let v0 = write(None, CommitMode::Append, batch.clone()).await;
    assert_eq!((v0.rows(), v0.files().0), (Some(3000), 301));
    assert_eq!(v0.spec().partition_by, ["place"]);
    let mut seen = 0;
    for found in v0.read().await.unwrap() {
        assert_eq!(found.schema().field(0).data_type(), &DataType::Utf8);
        let numbers = found.column_by_name("n").unwrap().as_primitive::<Int64Type>();
        let column = found.column_by_name("place").unwrap().as_string::<i32>();
        for (number, value) in numbers.iter().zip(column.iter()) {
            let index = usize::try_from(number.unwrap()).unwrap();
            assert_eq!(value, place.is_valid(index).then(|| place.value(index)));
            seen += 1;
        }
    }
    assert_eq!(seen, 3000);
    let v1 = write(Some(v0), CommitMode::Overwrite, batch.slice(0, 10)).await;
    assert_eq!(read(&v1).await, (0..10).collect::<Vec<_>>());
    assert_eq!(v1.rows(), Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn few_rows_make_one_file_and_many_rows_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&orders());
    let spec = TableSpec::of(numbers([1]).schema());
    let mut writer = lake.writer(&location, &spec).unwrap();
    for batch in 0..100 {
        writer.write(numbers(batch * 1000..(batch + 1) * 1000)).await.unwrap();
    }
    let files = writer.finish().await.unwrap();
    assert_eq!((files.rows(), files.files().0), (100_000, 1));
    let mut writer = lake.writer(&location, &spec).unwrap();
    for batch in 0..200 {
        writer.write(numbers(batch * 8192..(batch + 1) * 8192)).await.unwrap();
    }
    let files = writer.finish().await.unwrap();
    assert!(files.files().0 <= 4, "{:?}", files.files());
    let commit = Commit {
        location: location.clone(),
        base: None,
        spec: spec.clone(),
        mode: CommitMode::Append,
        files,
        progress: Vec::new(),
        run: None,
        operation: "WRITE",
    };
    let table = committed(lake.commit(commit).await.unwrap());
    assert_eq!(read(&table).await, (0..200 * 8192).collect::<Vec<_>>());
    // No rows, no files.
    let empty = lake.writer(&location, &spec).unwrap().finish().await.unwrap();
    assert_eq!((empty.rows(), empty.files()), (0, (0, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_in_a_not_null_column_is_refused() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let spec = TableSpec::of(Arc::clone(&schema));
    let mut writer = lake.writer(&location, &spec).unwrap();
    let rows: Int64Array = [Some(1), None].into_iter().collect();
    let batch = RecordBatch::try_from_iter([("n", Arc::new(rows) as Arc<dyn Array>)]).unwrap();
    let refused = writer.write(batch).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotNullViolation);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_without_a_zone_ask_for_their_feature_and_come_back() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let v0 = create(&lake, &location, 0..1).await;
    let at = arrow::array::TimestampNanosecondArray::from(vec![1_700_000_000_123_456_789]);
    let zoned = at.clone().with_timezone("Europe/Paris");
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(Int64Array::from(vec![1])) as Arc<dyn Array>),
        ("at", Arc::new(at) as _),
        ("zoned", Arc::new(zoned) as _),
    ]);
    let batch = batch.unwrap();
    let outcome =
        commit(&lake, &location, Some(v0), CommitMode::Overwrite, batch.clone(), &[]).await;
    let v1 = committed(outcome);
    let other = lake.location(&RelationName::new("silver", "other"));
    let created = committed(commit(&lake, &other, None, CommitMode::Append, batch, &[]).await);
    for table in [v1, created] {
        let rows = table.read().await.unwrap();
        for name in ["at", "zoned"] {
            let column = rows[0].column_by_name(name).unwrap();
            let micros = column.as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
            assert_eq!(micros.value(0), 1_700_000_000_123_456);
        }
        assert_eq!(table.read_only_reason(), None);
    }
}

/// Two rows of every type that is kept as it is or as a wider one.
fn many_types() -> RecordBatch {
    let tags = arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        None,
    ]);
    let mut map = arrow::array::MapBuilder::new(
        None,
        arrow::array::StringBuilder::new(),
        arrow::array::Int64Builder::new(),
    );
    map.keys().append_value("k");
    map.values().append_value(1);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let inner = Field::new("a", DataType::Utf8View, true);
    let nested = arrow::array::StructArray::from(vec![(
        Arc::new(inner),
        Arc::new(arrow::array::StringViewArray::from(vec![Some("x"), None])) as Arc<dyn Array>,
    )]);
    let words: arrow::array::DictionaryArray<Int32Type> = ["one", "two"].into_iter().collect();
    let columns: Vec<(&str, Arc<dyn Array>)> = vec![
        ("n", Arc::new(Int64Array::from(vec![1, 2]))),
        ("small", Arc::new(arrow::array::UInt16Array::from(vec![1, 65535]))),
        ("huge", Arc::new(arrow::array::UInt64Array::from(vec![1, u64::MAX]))),
        ("day", Arc::new(arrow::array::Date32Array::from(vec![0, -1]))),
        ("word", Arc::new(words)),
        ("bytes", Arc::new(arrow::array::BinaryViewArray::from(vec![b"\0\xff".as_slice(), b""]))),
        (
            "price",
            Arc::new(
                Decimal128Array::from(vec![Some(12345), None])
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
        ("tags", Arc::new(tags)),
        ("map", Arc::new(map.finish())),
        ("nested", Arc::new(nested)),
        ("nothing", Arc::new(arrow::array::NullArray::new(2))),
        ("flag", Arc::new(arrow::array::BooleanArray::from(vec![Some(true), None]))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    );
    batch.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kept_type_comes_back_and_a_second_append_does_not_touch_the_columns() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let batch = many_types();
    let write = async |base| {
        committed(commit(&lake, &location, base, CommitMode::Append, batch.clone(), &[]).await)
    };
    let v0 = write(None).await;
    let v1 = write(Some(v0.clone())).await;
    assert_eq!(v0.spec(), v1.spec());
    // Metadata was written once: a stale third append passes the second.
    let v2 = write(Some(v0)).await;
    assert_eq!((v2.version(), v2.rows()), (2, Some(6)));
    let schema = v2.schema();
    let type_of = |name: &str| schema.field_with_name(name).unwrap().data_type().clone();
    assert_eq!(type_of("small"), DataType::Int32);
    assert_eq!(type_of("huge"), DataType::Decimal128(20, 0));
    assert_eq!(type_of("word"), DataType::Utf8);
    for read in v2.read().await.unwrap() {
        assert_eq!(read.schema().fields().len(), schema.fields().len());
        for (found, promised) in read.schema().fields().iter().zip(schema.fields()) {
            assert_eq!(found.data_type(), promised.data_type(), "{}", found.name());
        }
        let text = arrow::util::pretty::pretty_format_batches(&[read.slice(0, 2)]).unwrap();
        let text = text.to_string();
        for value in ["65535", "18446744073709551615", "1969-12-31", "123.45", "{k: 1}", "{a: x}"] {
            assert!(text.contains(value), "{value} in\n{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tables_cannot_keep_is_refused_by_name() {
    let lake = memory().await;
    let location = lake.location(&orders());
    let time = Schema::new(vec![Field::new("t", DataType::Time64(TimeUnit::Microsecond), true)]);
    let refused = lake.writer(&location, &TableSpec::of(Arc::new(time))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::FeatureNotSupported);
    assert!(refused.message().contains("\"t\""), "{refused}");
    let space = Schema::new(vec![Field::new("a b", DataType::Utf8, true)]);
    let refused = lake.writer(&location, &TableSpec::of(Arc::new(space))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidName);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_writer_leaves_nothing_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&orders());
    let v0 = create(&lake, &location, 0..2).await;
    let mut writer = lake.writer(&location, &v0.spec()).unwrap();
    writer.write(numbers(2..9)).await.unwrap();
    drop(writer);
    let newest = lake.newest(&location).await.unwrap().unwrap();
    assert_eq!((newest.version(), read(&newest).await), (0, vec![0, 1]));
}

/// A numeric that no float holds.
const PRECISE: i128 = 154_865_458_122_840_715;

/// Writes a table of that one numeric by delta-rs, whose bounds in the log are floats.
const BY_DELTA_RS: &str = "
import sys, decimal, pyarrow, deltalake
rows = pyarrow.table({'d': pyarrow.array([decimal.Decimal('15.4865458122840715')], pyarrow.decimal128(38, 16))})
deltalake.write_deltalake(sys.argv[1], rows)
";

#[tokio::test(flavor = "multi_thread")]
async fn a_numeric_of_many_digits_is_found_whatever_the_log_says_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let lake = folder(dir.path()).await;
    let location = lake.location(&RelationName::new("silver", "precise"));
    let values = Decimal128Array::from(vec![PRECISE]).with_precision_and_scale(38, 16).unwrap();
    let batch = RecordBatch::try_from_iter([("d", Arc::new(values) as Arc<dyn Array>)]).unwrap();
    let spec = TableSpec::of(batch.schema());
    let mut writer = lake.writer(&location, &spec).unwrap();
    writer.write(batch).await.unwrap();
    let commit = Commit {
        location: location.clone(),
        base: None,
        spec,
        mode: CommitMode::Append,
        files: writer.finish().await.unwrap(),
        progress: Vec::new(),
        run: None,
        operation: "WRITE",
    };
    let mut tables = vec![committed(lake.commit(commit).await.unwrap())];
    if let Some(python) = crate::support::python(&["deltalake", "pyarrow"]) {
        let path = dir.path().join("theirs");
        let mut command = std::process::Command::new(python);
        let ended = crate::support::ended(command.args(["-c", BY_DELTA_RS]).arg(&path));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let location = lake.external_location(path.to_str().unwrap()).unwrap();
        tables.push(lake.newest(&location).await.unwrap().unwrap());
    }
    for table in tables {
        let session = SessionContext::new();
        session.register_table("t", table.provider().unwrap()).unwrap();
        for sql in [
            "SELECT d FROM t WHERE d = arrow_cast('15.4865458122840715', 'Decimal128(38, 16)')",
            "SELECT min(d) FROM t",
            "SELECT max(d) FROM t",
            "SELECT a.d FROM t AS a JOIN (VALUES (arrow_cast('15.4865458122840715', 'Decimal128(38, 16)'))) AS b (d) ON a.d = b.d",
        ] {
            let found = session.sql(sql).await.unwrap().collect().await.unwrap();
            let found: Vec<_> = found
                .iter()
                .flat_map(|batch| batch.column(0).as_primitive::<Decimal128Type>().iter())
                .collect();
            assert_eq!(found, [Some(PRECISE)], "{sql} of {}", table.location());
        }
    }
}
