//! Rows in bulk: every mode, columns by name, one commit.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, UInt8Array,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use arrow_flight::sql::{
    CommandStatementIngest, TableDefinitionOptions, TableExistsOption, TableNotExistOption,
};
use tonic::Code;

use super::served;

/// An ingest into `sandbox.<table>`.
pub(super) fn into_table(
    table: &str,
    if_not_exist: TableNotExistOption,
    if_exists: TableExistsOption,
) -> CommandStatementIngest {
    CommandStatementIngest {
        table_definition_options: Some(TableDefinitionOptions {
            if_not_exist: if_not_exist.into(),
            if_exists: if_exists.into(),
        }),
        table: table.to_owned(),
        schema: Some("sandbox".to_owned()),
        ..CommandStatementIngest::default()
    }
}

pub(super) fn append(table: &str) -> CommandStatementIngest {
    into_table(table, TableNotExistOption::Fail, TableExistsOption::Append)
}

pub(super) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

pub(super) fn ids(ids: impl IntoIterator<Item = i64>) -> RecordBatch {
    batch(vec![("id", Arc::new(ids.into_iter().collect::<Int64Array>()))])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_does_what_it_says() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    use TableExistsOption as E;
    use TableNotExistOption as N;
    let create = into_table("notes", N::Create, E::Fail);
    let create_append = into_table("notes", N::Create, E::Append);
    let replace = into_table("notes", N::Create, E::Replace);
    let status = client.ingest(&append("notes"), vec![ids([1])]).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
    assert_eq!(client.ingest(&create, vec![ids([1, 2]), ids([3])]).await.unwrap(), 3);
    let status = client.ingest(&create, vec![ids([4])]).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists, "{status}");
    assert_eq!(client.ingest(&append("notes"), vec![ids([4])]).await.unwrap(), 1);
    assert_eq!(client.ingest(&create_append, vec![ids([5])]).await.unwrap(), 1);
    let rows = client.query("SELECT count(*), sum(id)::bigint FROM sandbox.notes").await.unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 5);
    assert_eq!(rows[0].column(1).as_primitive::<Int64Type>().value(0), 15);
    let other = batch(vec![("word", Arc::new(StringArray::from(vec!["a", "b"])))]);
    assert_eq!(client.ingest(&replace, vec![other.clone()]).await.unwrap(), 2);
    let rows = client.query("SELECT * FROM sandbox.notes ORDER BY word").await.unwrap();
    assert_eq!(rows[0], other);
    let replace = into_table("fresh", N::Create, E::Replace);
    assert_eq!(client.ingest(&replace, vec![ids([])]).await.unwrap(), 0);
    assert_eq!(client.query("SELECT id FROM sandbox.fresh").await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn replacing_keeps_owner_grants_and_what_others_read() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let replace = into_table("notes", TableNotExistOption::Create, TableExistsOption::Replace);
    client.ingest(&replace, vec![ids([1])]).await.unwrap();
    client.update("GRANT SELECT, INSERT ON sandbox.notes TO reader").await.unwrap();
    client.ingest(&replace, vec![ids([2, 3])]).await.unwrap();
    let mut reader = server.flight_as("reader").await;
    assert_eq!(reader.query("SELECT * FROM sandbox.notes").await.unwrap()[0].num_rows(), 2);
    assert_eq!(reader.ingest(&append("notes"), vec![ids([4])]).await.unwrap(), 1);
    let status = reader.ingest(&replace, vec![ids([5])]).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    client.update("CREATE VIEW sandbox.seen AS SELECT id FROM sandbox.notes").await.unwrap();
    let status = client.ingest(&replace, vec![ids([6])]).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    let rows = client.query("SELECT sum(id)::bigint FROM sandbox.seen").await.unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_found_by_name_and_values_fit_or_not() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let create = "CREATE TABLE sandbox.mixed (id bigint NOT NULL, word text, price numeric(10,2), \
                  small smallint, seen timestamptz, ratio double precision)";
    client.update(create).await.unwrap();
    let words: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
    let seen = TimestampMicrosecondArray::from(vec![0, 1, 2]).with_timezone("UTC");
    let rows = batch(vec![
        ("ratio", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("word", Arc::new(words)),
        ("small", Arc::new(UInt8Array::from(vec![7, 8, 255]))),
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("seen", Arc::new(seen)),
        ("price", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(2.25)]))),
    ]);
    assert_eq!(client.ingest(&append("mixed"), vec![rows]).await.unwrap(), 3);
    let sql = "SELECT id::text || coalesce(word, '-') || coalesce(price::text, '-') || small || ratio \
               FROM sandbox.mixed ORDER BY id";
    let rows = client.query(sql).await.unwrap();
    let texts: Vec<&str> =
        rows[0].column(0).as_string::<i32>().iter().map(Option::unwrap).collect();
    assert_eq!(texts, ["1a1.5071", "2--82", "3a2.252553"]);
    // What is not sent is null.
    let ids = batch(vec![("id", Arc::new(Int64Array::from(vec![4])) as ArrayRef)]);
    assert_eq!(client.ingest(&append("mixed"), vec![ids]).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_rows_are_one_commit() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.notes (id bigint)").await.unwrap();
    let batches: Vec<_> = (0..100).map(|i| ids(i * 1000..(i + 1) * 1000)).collect();
    assert_eq!(client.ingest(&append("notes"), batches).await.unwrap(), 100_000);
    let history = client.query("DESCRIBE HISTORY sandbox.notes").await.unwrap();
    assert_eq!(history.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let rows = client.query("SELECT count(DISTINCT id) FROM sandbox.notes").await.unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_of_many_parameters_is_one_commit() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.notes (id bigint NOT NULL, word text)").await.unwrap();
    let sql = "INSERT INTO sandbox.notes (word, id) VALUES (?, ?)";
    let mut statement = client.inner.prepare(sql.to_owned(), None).await.unwrap();
    let types: Vec<DataType> = statement
        .parameter_schema()
        .unwrap()
        .fields()
        .iter()
        .map(|field| field.data_type().clone())
        .collect();
    assert_eq!(types, [DataType::Utf8, DataType::Int64]);
    let words = StringArray::from(vec![Some("a"), None, Some("c")]);
    let rows = |ids: Vec<Option<i32>>| {
        batch(vec![("0", Arc::new(words.clone())), ("1", Arc::new(Int32Array::from(ids)))])
    };
    statement.set_parameters(rows(vec![Some(1), Some(2), Some(3)])).unwrap();
    assert_eq!(statement.execute_update().await.unwrap(), 3);
    statement.set_parameters(rows(vec![Some(1), None, Some(3)])).unwrap();
    let error = statement.execute_update().await.unwrap_err().to_string();
    assert!(error.contains("23502") && error.contains("row 2"), "{error}");
    let history = client.query("DESCRIBE HISTORY sandbox.notes").await.unwrap();
    assert_eq!(history.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    // Values that are computed are still rows of one statement each.
    let sql = "INSERT INTO sandbox.notes SELECT $1::bigint * 10, 'x'";
    let mut statement = client.inner.prepare(sql.to_owned(), None).await.unwrap();
    statement.set_parameters(ids([1, 2])).unwrap();
    assert_eq!(statement.execute_update().await.unwrap(), 2);
    let rows = client.query("SELECT sum(id)::bigint FROM sandbox.notes").await.unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 36);
}
