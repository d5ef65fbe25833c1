//! Rows in bulk that cannot be taken: nothing is written, and the error says which column and row.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow_flight::FlightData;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use futures::StreamExt;
use tonic::{Code, Status};

use crate::support::{FlightClient, TestServer, messages};

use super::bulk::{append, batch, ids, into_table};
use super::served;

async fn with_table() -> (crate::support::Deployment, TestServer, FlightClient) {
    let (deployment, server) = served().await;
    let mut client = server.flight().await;
    let create = "CREATE TABLE sandbox.notes (id bigint NOT NULL, word varchar(3), n smallint)";
    client.update(create).await.unwrap();
    (deployment, server, client)
}

async fn count(client: &mut FlightClient) -> i64 {
    let rows = client.query("SELECT count(*) FROM sandbox.notes").await.unwrap();
    rows[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// Three good rows, then these columns.
async fn refused(client: &mut FlightClient, bad: Vec<(&str, ArrayRef)>) -> Status {
    let good: Vec<_> = bad.iter().map(|(name, column)| (*name, column.slice(0, 3))).collect();
    let batches = vec![batch(good), batch(bad)];
    client.ingest(&append("notes"), batches).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_are_named_by_column_and_row() {
    let (_deployment, _server, mut client) = with_table().await;
    let id = || -> (&str, ArrayRef) { ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))) };
    let cases: Vec<(&str, &str, ArrayRef)> = vec![
        ("n", "22003", Arc::new(Int64Array::from(vec![1, 2, 3, 40_000]))),
        ("word", "22001", Arc::new(StringArray::from(vec!["a", "b", "c", "four"]))),
    ];
    for (column, sqlstate, values) in cases {
        let status = refused(&mut client, vec![id(), (column, values)]).await;
        let message = status.message();
        assert!(message.starts_with(sqlstate), "{message}");
        assert!(message.contains(&format!("Column \"{column}\", row 7.")), "{message}");
    }
    let null: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(3), None]));
    let status = refused(&mut client, vec![("id", null)]).await;
    assert!(status.message().contains("Column \"id\", row 7."), "{status}");
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![1, 2, 3, u64::MAX]));
    let status = refused(&mut client, vec![("id", large)]).await;
    assert!(status.message().contains("Column \"id\", row 7."), "{status}");
    assert_eq!(count(&mut client).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_do_not_fit_are_named() {
    let (_deployment, _server, mut client) = with_table().await;
    let number = || Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef;
    let text = || Arc::new(StringArray::from(vec!["1", "2", "3", "4"])) as ArrayRef;
    let float = || Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0])) as ArrayRef;
    for (columns, sqlstate, words) in [
        (vec![("id", text())], "42804", "column \"id\" is of type bigint"),
        (vec![("id", float())], "42804", "column \"id\" is of type bigint"),
        (vec![("id", number()), ("word", number())], "42804", "column \"word\" is of type text"),
        (vec![("id", number()), ("ID", number())], "42703", "column \"ID\""),
        (vec![("id", number()), ("id", number())], "42701", "column \"id\""),
        (vec![("word", text())], "23502", "null value in column \"id\""),
    ] {
        let status = refused(&mut client, columns).await;
        let message = status.message();
        assert!(message.starts_with(sqlstate) && message.contains(words), "{message}");
    }
    let create = into_table("other", TableNotExistOption::Create, TableExistsOption::Fail);
    let twice = batch(vec![("a", number()), ("a", number())]);
    let status = client.ingest(&create, vec![twice]).await.unwrap_err();
    assert!(status.message().starts_with("42701"), "{status}");
    assert_eq!(count(&mut client).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_written_is_refused_before_any_row() {
    let (_deployment, server, mut client) = with_table().await;
    client.update("CREATE VIEW sandbox.seen AS SELECT id FROM sandbox.notes").await.unwrap();
    let mut reader = server.flight_as("reader").await;
    let status = reader.ingest(&append("notes"), vec![ids([1])]).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
    client.update("GRANT SELECT ON sandbox.notes TO reader").await.unwrap();
    let status = reader.ingest(&append("notes"), vec![ids([1])]).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    let create = into_table("mine", TableNotExistOption::Create, TableExistsOption::Fail);
    let status = reader.ingest(&create, vec![ids([1])]).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    let status = client.ingest(&append("seen"), vec![ids([1])]).await.unwrap_err();
    assert!(status.message().starts_with("42809"), "{status}");
    let bronze = CommandStatementIngest { schema: Some("bronze".to_owned()), ..create.clone() };
    let status = client.ingest(&bronze, vec![ids([1])]).await.unwrap_err();
    assert!(status.message().starts_with("55006"), "{status}");
    for (command, sqlstate) in [
        (CommandStatementIngest { temporary: true, ..create.clone() }, "0A000"),
        (CommandStatementIngest { catalog: Some("other".to_owned()), ..create.clone() }, "3D000"),
        (CommandStatementIngest { schema: Some("no".to_owned()), ..create.clone() }, "3F000"),
        (CommandStatementIngest { table: String::new(), ..create.clone() }, "08P01"),
        (CommandStatementIngest { table: "_a".to_owned(), ..create }, "42602"),
    ] {
        let status = client.ingest(&command, vec![ids([1])]).await.unwrap_err();
        assert!(status.message().starts_with(sqlstate), "{sqlstate}: {status}");
    }
    client.update("SET lakeport.as_of = '1'").await.unwrap();
    let status = client.ingest(&append("notes"), vec![ids([1])]).await.unwrap_err();
    assert!(status.message().starts_with("25006"), "{status}");
    client.update("RESET lakeport.as_of").await.unwrap();
    assert_eq!(count(&mut client).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_changes_midway_or_garbage_commits_nothing() {
    let (_deployment, _server, mut client) = with_table().await;
    let command = append("notes");
    let good = messages(&command, ids([1]).schema(), vec![ids([1]), ids([2])]).await;
    let words = batch(vec![("word", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)]);
    let other = messages(&command, words.schema(), vec![words]).await;
    let mut changed = good.clone();
    changed.extend(other);
    let status = client.put(futures::stream::iter(changed)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().contains("After row 2"), "{status}");
    let mut garbage = good.clone();
    garbage.push(FlightData { data_header: vec![1, 2, 3].into(), ..FlightData::default() });
    let status = client.put(futures::stream::iter(garbage)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let mut cut = good.clone();
    let last = cut.last_mut().unwrap();
    last.data_body = last.data_body.slice(..0);
    let status = client.put(futures::stream::iter(cut)).await.unwrap_err();
    assert!(matches!(status.code(), Code::InvalidArgument | Code::Internal), "{status}");
    assert_eq!(count(&mut client).await, 0);
    // A stream without batches has a schema, and is no rows.
    assert!(client.put(futures::stream::iter(good[..1].to_vec())).await.is_ok());
    assert!(client.put(futures::stream::iter(Vec::new())).await.is_err());
    assert_eq!(count(&mut client).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_at_any_batch_leaves_nothing() {
    let (_deployment, server, mut client) = with_table().await;
    let command = append("notes");
    let batches: Vec<RecordBatch> = (0..5).map(|i| ids(i * 1000..(i + 1) * 1000)).collect();
    let whole = messages(&command, batches[0].schema(), batches).await;
    for sent in 1..=whole.len() {
        // A process of its own in all but name: its connection goes with it.
        let process = tokio::runtime::Runtime::new().unwrap();
        let (address, part) = (server.addresses.flight, whole[..sent].to_vec());
        process.spawn(async move {
            let mut leaver = FlightClient::connect(address, "lakeport").await.unwrap();
            let endless = futures::stream::iter(part).chain(futures::stream::pending());
            let _ = leaver.put(endless).await;
        });
        tokio::time::sleep(Duration::from_millis(150)).await;
        process.shutdown_background();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(count(&mut client).await, 0);
    assert!(client.put(futures::stream::iter(whole)).await.is_ok());
    assert_eq!(count(&mut client).await, 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_do_not_fit_are_refused_where_they_are_bound() {
    let (_deployment, _server, mut client) = with_table().await;
    let mut statement =
        client.inner.prepare("SELECT $1::bigint + 1".to_owned(), None).await.unwrap();
    let two = batch(vec![
        ("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("b", Arc::new(Int64Array::from(vec![1]))),
    ]);
    let word = batch(vec![("a", Arc::new(StringArray::from(vec!["1", "x"])) as ArrayRef)]);
    for (rows, sqlstate) in [(two, "08P01"), (word, "22P02")] {
        statement.set_parameters(rows).unwrap();
        let error = statement.execute().await.unwrap_err().to_string();
        assert!(error.contains(sqlstate), "{error}");
    }
    let empty = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    assert_eq!(empty.fields().len(), 1);
    // Without parameters it says how many it needs.
    let mut unbound = client.inner.prepare("SELECT $1::bigint".to_owned(), None).await.unwrap();
    let info = unbound.execute().await.unwrap();
    let error = client.fetch(info).await.unwrap_err().to_string();
    assert!(error.contains("requires 1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_opens_many_streams_is_told_and_others_are_served() {
    let deployment = crate::support::Deployment::new().catalog_append(
        "lakeport.toml",
        "\n[limits]\nsession_streams_max = 4\nstatements_max = 8\n",
    );
    let server = deployment.serve().await;
    let mut client = server.flight().await;
    let sql = "SELECT n, repeat('x', 500) FROM generate_series(1, 10000000) AS t(n)";
    let info = client.inner.execute(sql.to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut open = Vec::new();
    for _ in 0..4 {
        // On connections of their own: what is not read of one stream blocks the others of its own.
        let mut again = FlightClient::anonymous(server.addresses.flight).await;
        again.inner.set_token(client.inner.token().unwrap().clone());
        let mut stream = again.inner.do_get(ticket.clone()).await.unwrap();
        stream.next().await.unwrap().unwrap();
        open.push((again, stream));
    }
    let more: Vec<_> = (0..1000)
        .map(|_| {
            let (mut client, ticket) = (client.again(), ticket.clone());
            tokio::spawn(
                async move { client.inner.do_get(ticket).await.err().unwrap().to_string() },
            )
        })
        .collect();
    let mut other = server.flight().await;
    assert_eq!(other.query("SELECT 1").await.unwrap().len(), 1);
    for refused in more {
        let message = refused.await.unwrap();
        assert!(message.contains("4 streams at once"), "{message}");
    }
    drop(open);
    assert_eq!(client.query("SELECT 1").await.unwrap().len(), 1);
}
