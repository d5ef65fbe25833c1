//! The calls of the JDBC driver for Flight SQL, in its order, with what it does of each answer.

use arrow::array::{Array, AsArray, Int32Array, RecordBatch, StringArray, UnionArray};
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandGetCatalogs, CommandGetDbSchemas,
    CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, DoPutPreparedStatementResult,
    DoPutUpdateResult, ProstMessageExt,
};
use arrow_flight::{HandshakeRequest, IpcMessage};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::TryStreamExt;
use prost::Message;
use std::sync::Arc;
use tonic::Request;

use crate::support::{FlightClient, TestServer, messages};

use super::served;

/// Basic in the header of a handshake; the bearer comes back in a header.
async fn connected(server: &TestServer) -> FlightClient {
    let mut client = FlightClient::anonymous(server.addresses.flight).await;
    let mut handshake = Request::new(futures::stream::iter([HandshakeRequest::default()]));
    let basic = format!("Basic {}", BASE64_STANDARD.encode("lakeport:any"));
    handshake.metadata_mut().insert("authorization", basic.parse().unwrap());
    let answer = client.inner.inner_mut().handshake(handshake).await.unwrap();
    let bearer = answer.metadata().get("authorization").unwrap().to_str().unwrap();
    let token = bearer.strip_prefix("Bearer ").unwrap().to_owned();
    answer.into_inner().try_collect::<Vec<_>>().await.unwrap();
    client.inner.set_token(token);
    client
}

/// What Avatica always does first; an empty schema of rows makes it an update.
async fn prepare(client: &mut FlightClient, sql: &str) -> ActionCreatePreparedStatementResult {
    let request =
        ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    client.act_on("CreatePreparedStatement", &request).await.unwrap().unwrap()
}

fn schema_of(bytes: &bytes::Bytes) -> Schema {
    Schema::try_from(IpcMessage(bytes.clone())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_prepared_bound_and_fetched() {
    let (_deployment, server) = served().await;
    let mut client = connected(&server).await;
    let prepared = prepare(&mut client, "SELECT ? + 1 AS n, ? AS t WHERE ? IS NOT NULL").await;
    assert_eq!(schema_of(&prepared.parameter_schema).fields().len(), 3);
    assert_eq!(schema_of(&prepared.dataset_schema).fields().len(), 2);
    let handle = prepared.prepared_statement_handle;
    let query = CommandPreparedStatementQuery { prepared_statement_handle: handle.clone() };
    let schema = Arc::new(Schema::new(vec![
        Field::new("1", DataType::Int32, true),
        Field::new("2", DataType::Utf8, true),
        Field::new("3", DataType::Utf8, true),
    ]));
    let row = RecordBatch::try_new(
        schema.clone(),
        vec![
            Arc::new(Int32Array::from(vec![41])),
            Arc::new(StringArray::from(vec![None::<&str>])),
            Arc::new(StringArray::from(vec!["x"])),
        ],
    )
    .unwrap();
    let bound = client.put(futures::stream::iter(messages(&query, schema, vec![row]).await)).await;
    let bound = DoPutPreparedStatementResult::decode(&*bound.unwrap()[0]).unwrap();
    assert_eq!(bound.prepared_statement_handle, Some(handle.clone()));
    let info = client.info(&query).await.unwrap();
    let rows = client.fetch(info).await.unwrap();
    assert_eq!(arrow::util::display::array_value_to_string(rows[0].column(0), 0).unwrap(), "42");
    assert!(rows[0].column(1).is_null(0));
    let close = ActionClosePreparedStatementRequest { prepared_statement_handle: handle };
    for _ in 0..2 {
        let body = close.as_any().encode_to_vec();
        assert!(client.act("ClosePreparedStatement", body).await.unwrap().is_empty());
    }
    assert!(client.info(&query).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_known_by_its_empty_schema() {
    let (_deployment, server) = served().await;
    let mut client = connected(&server).await;
    for (sql, count) in [
        ("CREATE TABLE sandbox.notes (id bigint)", 0),
        ("INSERT INTO sandbox.notes VALUES (1), (2)", 2),
        ("DROP TABLE sandbox.notes", 0),
    ] {
        let prepared = prepare(&mut client, sql).await;
        assert!(prepared.dataset_schema.is_empty(), "{sql}");
        let update = CommandPreparedStatementUpdate {
            prepared_statement_handle: prepared.prepared_statement_handle,
        };
        let none = Arc::new(Schema::empty());
        let sent = messages(&update, none, Vec::new()).await;
        let results = client.put(futures::stream::iter(sent)).await.unwrap();
        let result = DoPutUpdateResult::decode(&*results[0]).unwrap();
        assert_eq!(result.record_count, count, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_database_metadata_asks_for_is_there() {
    let (_deployment, server) = served().await;
    let mut client = connected(&server).await;
    let (_, info) = client.listed(&CommandGetSqlInfo::default()).await;
    let names = info[0].column(0).as_primitive::<UInt32Type>();
    let values = info[0].column(1).as_any().downcast_ref::<UnionArray>().unwrap();
    for (row, name) in names.values().iter().enumerate() {
        // A null of these is a NullPointerException there.
        assert!(!values.value(row).is_null(0), "{name}");
    }
    client.listed(&CommandGetCatalogs {}).await;
    client.listed(&CommandGetDbSchemas::default()).await;
    client.listed(&CommandGetTableTypes {}).await;
    client.listed(&CommandGetXdbcTypeInfo::default()).await;
    let tables = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
    let (_, tables) = client.listed(&tables).await;
    let schemas = tables[0].column(4).as_binary::<i32>();
    for row in 0..tables[0].num_rows() {
        schema_of(&schemas.value(row).to_vec().into());
    }
    client.act("CloseSession", Vec::new()).await.unwrap();
}
