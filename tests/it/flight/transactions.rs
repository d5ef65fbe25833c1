//! Transactions: they read one state of the lake, and end.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow_flight::sql::{
    ActionBeginSavepointRequest, ActionBeginTransactionRequest, ActionBeginTransactionResult,
    ActionEndTransactionRequest, Any, CommandStatementQuery, CommandStatementUpdate,
    EndTransaction,
};
use bytes::Bytes;
use tonic::{Code, Status};

use crate::support::{FlightClient, descriptor};

use super::served;

async fn begin(client: &mut FlightClient) -> Bytes {
    let begun: Option<ActionBeginTransactionResult> =
        client.act_on("BeginTransaction", &ActionBeginTransactionRequest {}).await.unwrap();
    begun.unwrap().transaction_id
}

async fn end(client: &mut FlightClient, id: &Bytes, how: EndTransaction) -> Result<(), Status> {
    let request = ActionEndTransactionRequest { transaction_id: id.clone(), action: how.into() };
    let nothing: Option<ActionBeginTransactionResult> =
        client.act_on("EndTransaction", &request).await?;
    assert!(nothing.is_none());
    Ok(())
}

async fn number(client: &mut FlightClient, sql: &str, id: Option<&Bytes>) -> Result<i64, Status> {
    let query = CommandStatementQuery { query: sql.to_owned(), transaction_id: id.cloned() };
    let info = client.info(&query).await?;
    let rows = client.fetch(info).await.unwrap();
    Ok(rows[0].column(0).as_primitive::<Int64Type>().value(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_reads_one_state_whatever_happens_outside() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.notes (id bigint)").await.unwrap();
    client.update("INSERT INTO sandbox.notes VALUES (1)").await.unwrap();
    let sql = "SELECT count(*) FROM sandbox.notes";
    let (one, two) = (begin(&mut client).await, begin(&mut client).await);
    assert_eq!(number(&mut client, sql, Some(&one)).await.unwrap(), 1);
    client.update("INSERT INTO sandbox.notes VALUES (2)").await.unwrap();
    assert_eq!(number(&mut client, sql, Some(&one)).await.unwrap(), 1);
    assert_eq!(number(&mut client, sql, Some(&two)).await.unwrap(), 2);
    assert_eq!(number(&mut client, sql, None).await.unwrap(), 2);
    let mut prepared = client.inner.prepare(sql.to_owned(), Some(one.clone())).await.unwrap();
    let info = prepared.execute().await.unwrap();
    let rows = client.fetch(info).await.unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 1);
    // An error has nothing to undo.
    assert!(number(&mut client, "SELECT nothing", Some(&one)).await.is_err());
    assert_eq!(number(&mut client, sql, Some(&one)).await.unwrap(), 1);
    end(&mut client, &one, EndTransaction::Commit).await.unwrap();
    end(&mut client, &two, EndTransaction::Rollback).await.unwrap();
    for ended in [&one, &two] {
        let status = number(&mut client, sql, Some(ended)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        assert!(end(&mut client, ended, EndTransaction::Commit).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_writes_nothing_and_says_so() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let id = begin(&mut client).await;
    for sql in ["CREATE TABLE sandbox.notes (id bigint)", "COMMIT", "BEGIN"] {
        let query =
            CommandStatementQuery { query: sql.to_owned(), transaction_id: Some(id.clone()) };
        let status = client.info(&query).await.unwrap_err();
        assert!(status.message().starts_with("25"), "{sql}: {status}");
    }
    let update = CommandStatementUpdate {
        query: "CREATE TABLE sandbox.notes (id bigint)".to_owned(),
        transaction_id: Some(id.clone()),
    };
    let put = arrow_flight::FlightData {
        flight_descriptor: Some(descriptor(&update)),
        ..arrow_flight::FlightData::default()
    };
    let status = client.put(futures::stream::iter([put])).await.unwrap_err();
    assert!(status.message().starts_with("25006"), "{status}");
    // Rows in bulk are outside of it, as GetSqlInfo says.
    let mut ingest = super::bulk::into_table(
        "notes",
        arrow_flight::sql::TableNotExistOption::Create,
        arrow_flight::sql::TableExistsOption::Fail,
    );
    ingest.transaction_id = Some(id.clone());
    assert_eq!(client.ingest(&ingest, vec![super::bulk::ids([1])]).await.unwrap(), 1);
    end(&mut client, &id, EndTransaction::Rollback).await.unwrap();
    assert_eq!(number(&mut client, "SELECT count(*) FROM sandbox.notes", None).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_a_transaction_stay_when_it_commits() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let sql = "SELECT extract(hour FROM '2020-01-01 00:00:00Z'::timestamptz)::bigint";
    for (how, expected) in [(EndTransaction::Rollback, 0), (EndTransaction::Commit, 1)] {
        let id = begin(&mut client).await;
        let set = CommandStatementQuery {
            query: "SET TimeZone = 'Europe/Paris'".to_owned(),
            transaction_id: Some(id.clone()),
        };
        client.info(&set).await.unwrap();
        assert_eq!(number(&mut client, sql, Some(&id)).await.unwrap(), 1);
        end(&mut client, &id, how).await.unwrap();
        assert_eq!(number(&mut client, sql, None).await.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_refused_clearly() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let id = begin(&mut client).await;
    let request = ActionBeginSavepointRequest { transaction_id: id.clone(), name: "s".to_owned() };
    let status = client
        .act_on::<ActionBeginTransactionResult>("BeginSavepoint", &request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    assert!(status.message().starts_with("0A000"), "{status}");
    let status = end(&mut client, &id, EndTransaction::Unspecified).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let mut other = server.flight_as("reader").await;
    assert!(number(&mut other, "SELECT 1", Some(&id)).await.is_err());
    let status = client.act("BeginTransaction", b"garbage".to_vec()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(Any::default().type_url.is_empty());
    for _ in 0..63 {
        begin(&mut client).await;
    }
    let status = client
        .act_on::<ActionBeginTransactionResult>(
            "BeginTransaction",
            &ActionBeginTransactionRequest {},
        )
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}
