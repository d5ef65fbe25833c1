//! Tickets: what they hold, who may redeem them, how long, and where.

use std::time::Duration;

use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow_flight::sql::{ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightInfo, Ticket};
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use tonic::Code;

use crate::support::{Deployment, FlightClient, TestServer};

use super::{code, served};

fn number(batches: &[RecordBatch]) -> i64 {
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// The signed part of a flight's only ticket.
fn handle(info: &FlightInfo) -> Bytes {
    let ticket = info.endpoint[0].ticket.as_ref().unwrap();
    let any = arrow_flight::sql::Any::decode(&*ticket.ticket).unwrap();
    any.unpack::<TicketStatementQuery>().unwrap().unwrap().statement_handle
}

fn ticket(statement_handle: impl Into<Bytes>) -> Ticket {
    let query = TicketStatementQuery { statement_handle: statement_handle.into() };
    Ticket::new(query.as_any().encode_to_vec())
}

async fn refused(client: &mut FlightClient, handle: impl Into<Bytes>) -> (Code, String) {
    code(client.get(ticket(handle)).await.unwrap_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_gives_what_was_asked_for_however_often_and_late() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.notes (id bigint)").await.unwrap();
    client.update("INSERT INTO sandbox.notes VALUES (1), (2)").await.unwrap();
    let sql = "SELECT count(*), now()::text, current_setting('TimeZone') FROM sandbox.notes";
    client.update("SET TimeZone = 'Europe/Paris'").await.unwrap();
    let info = client.inner.execute(sql.to_owned(), None).await.unwrap();
    let first = client.fetch(info.clone()).await.unwrap();
    client.update("SET TimeZone = 'UTC'").await.unwrap();
    client.update("INSERT INTO sandbox.notes VALUES (3)").await.unwrap();
    assert_eq!(number(&first), 2);
    assert_eq!(first[0].column(2).as_string::<i32>().value(0), "Europe/Paris");
    assert_eq!(client.fetch(info.clone()).await.unwrap(), first);
    // Another session of the same role, which has planned nothing.
    assert_eq!(server.flight().await.fetch(info).await.unwrap(), first);
    assert_eq!(number(&client.query("SELECT count(*) FROM sandbox.notes").await.unwrap()), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_and_tokens_are_good_at_another_server_and_after_a_restart() {
    let (deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.notes (id bigint)").await.unwrap();
    client.update("INSERT INTO sandbox.notes VALUES (1), (2)").await.unwrap();
    let mut statement = client
        .inner
        .prepare("SELECT sum(id * $1) FROM sandbox.notes".to_owned(), None)
        .await
        .unwrap();
    let schema = Schema::new(vec![Field::new("$1", DataType::Int64, true)]);
    let ten = Arc::new(Int64Array::from(vec![10]));
    statement.set_parameters(RecordBatch::try_new(Arc::new(schema), vec![ten]).unwrap()).unwrap();
    let info = statement.execute().await.unwrap();
    let first = client.fetch(info.clone()).await.unwrap();
    let token = client.inner.token().unwrap().clone();
    server.stop().await.unwrap();

    let server = TestServer::start(deployment.open().await, &deployment.paths()).await;
    let mut other = FlightClient::anonymous(server.addresses.flight).await;
    other.inner.set_token(token);
    assert_eq!(other.fetch(info).await.unwrap(), first);
    other.update("INSERT INTO sandbox.notes VALUES (3)").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_cut_and_foreign_tickets_are_refused() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let info = client.inner.execute("SELECT 1".to_owned(), None).await.unwrap();
    let whole = handle(&info);
    for at in 0..whole.len() {
        let mut forged = whole.to_vec();
        forged[at] ^= 1;
        let (code, message) = refused(&mut client, forged).await;
        let clear = matches!(code, Code::InvalidArgument | Code::PermissionDenied);
        assert!(clear, "byte {at}: {code}: {message}");
    }
    for length in 0..whole.len() {
        let (code, message) = refused(&mut client, whole.slice(..length)).await;
        let clear = matches!(code, Code::InvalidArgument | Code::PermissionDenied);
        assert!(clear, "{length} bytes: {code}: {message}");
    }
    let (_elsewhere, foreign) = served().await;
    let (code, message) = refused(&mut foreign.flight().await, whole.clone()).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    assert!(message.contains("another lake's server"), "{message}");
    let (code, message) = refused(&mut server.flight_as("reader").await, whole).await;
    assert_eq!(code, Code::PermissionDenied, "{message}");
    assert!(message.contains("another role"), "{message}");
    assert_eq!(client.fetch(info).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_expires_and_says_when() {
    let deployment =
        Deployment::new().catalog_append("lakeport.toml", "\n[limits]\nflight_ticket_ms = 1000\n");
    let server = deployment.serve().await;
    let mut client = server.flight().await;
    let info = client.inner.execute("SELECT 1".to_owned(), None).await.unwrap();
    let expires = info.endpoint[0].expiration_time.unwrap();
    assert_eq!(client.fetch(info.clone()).await.unwrap().len(), 1);
    let request =
        arrow_flight::RenewFlightEndpointRequest { endpoint: Some(info.endpoint[0].clone()) };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let renewed = client.act("RenewFlightEndpoint", request.encode_to_vec()).await.unwrap();
    let renewed = arrow_flight::FlightEndpoint::decode(&*renewed[0]).unwrap();
    let later = renewed.expiration_time.unwrap();
    assert!((later.seconds, later.nanos) > (expires.seconds, expires.nanos));
    assert_eq!(client.get(renewed.ticket.clone().unwrap()).await.unwrap().len(), 1);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for late in [info.endpoint[0].ticket.clone(), renewed.ticket] {
        let (code, message) = code(client.get(late.unwrap()).await.unwrap_err());
        assert_eq!(code, Code::NotFound, "{message}");
        assert!(message.contains("expired"), "{message}");
    }
    let status = client.act("RenewFlightEndpoint", request.encode_to_vec()).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_judged_by_the_grants_of_the_day_it_is_redeemed() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.notes (id bigint)").await.unwrap();
    client.update("GRANT SELECT ON sandbox.notes TO reader").await.unwrap();
    let mut reader = server.flight_as("reader").await;
    let info = reader.inner.execute("SELECT * FROM sandbox.notes".to_owned(), None).await.unwrap();
    reader.fetch(info.clone()).await.unwrap();
    client.update("REVOKE SELECT ON sandbox.notes FROM reader").await.unwrap();
    for _ in 0..2 {
        let (code, message) = code(reader.fetch(info.clone()).await.unwrap_err());
        assert_eq!(code, Code::NotFound, "{message}");
        assert!(message.starts_with("42P01"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_too_large_to_carry_is_kept_by_the_server() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let long = "x".repeat(5 << 20);
    let sql = format!("SELECT length('{long}')::bigint");
    let info = client.inner.execute(sql, None).await.unwrap();
    assert!(info.encoded_len() < 4096, "{}", info.encoded_len());
    for _ in 0..2 {
        assert_eq!(number(&client.fetch(info.clone()).await.unwrap()), 5 << 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_parameters_has_its_rows() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let sql = "SELECT $1::bigint + 1 AS n, ?::text AS t".replace('?', "$2");
    let mut statement = client.inner.prepare(sql, None).await.unwrap();
    let schema = Schema::new(vec![
        Field::new("$1", DataType::Int64, true),
        Field::new("$2", DataType::Utf8, true),
    ]);
    let numbers = Int64Array::from(vec![Some(1), None, Some(3)]);
    let texts = StringArray::from(vec![None, Some("b"), Some("c")]);
    let rows =
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap();
    statement.set_parameters(rows.clone()).unwrap();
    let info = statement.execute().await.unwrap();
    assert_eq!(info.endpoint.len(), 1);
    let batches = client.fetch(info).await.unwrap();
    let all = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    assert_eq!(all.column(0).as_primitive(), &Int64Array::from(vec![Some(2), None, Some(4)]));
    assert_eq!(all.column(1), rows.column(1));
    statement.set_parameters(rows.slice(0, 0)).unwrap();
    let info = statement.execute().await.unwrap();
    assert_eq!(
        client.fetch(info).await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_query_runs_once() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let info = client.inner.execute("SHOW TimeZone".to_owned(), None).await.unwrap();
    assert_eq!(client.fetch(info.clone()).await.unwrap()[0].num_rows(), 1);
    let (code, message) = code(client.fetch(info).await.unwrap_err());
    assert_eq!(code, Code::NotFound, "{message}");
    assert!(message.contains("used already"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compression_and_types_are_as_asked_for() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let sql = "SELECT arrow_cast('a', 'Dictionary(Int32, Utf8)') AS d, \
               arrow_cast('b', 'Utf8View') AS v, repeat('x', 100000) AS t";
    let plain = client.query(sql).await.unwrap();
    for (setting, value) in
        [("compression", "zstd"), ("compression", "lz4"), ("compression", "none")]
    {
        client.update(&format!("SET lakeport.flight_{setting} = '{value}'")).await.unwrap();
        assert_eq!(client.query(sql).await.unwrap(), plain);
    }
    let types = |batches: &[RecordBatch]| -> Vec<DataType> {
        batches[0].schema().fields().iter().map(|field| field.data_type().clone()).collect()
    };
    assert_eq!(types(&plain), vec![DataType::Utf8; 3]);
    client.update("SET lakeport.flight_types = 'native'").await.unwrap();
    let native = client.query(sql).await.unwrap();
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    assert_eq!(types(&native), [dictionary, DataType::Utf8View, DataType::Utf8]);
    client.inner.set_header("lakeport-compression", "brotli");
    let (code, message) = code(client.query(sql).await.unwrap_err());
    assert_eq!(code, Code::InvalidArgument, "{message}");
    // Over Postgres the setting means nothing.
    let postgres = server.client().await;
    postgres.batch_execute("SET lakeport.flight_types = 'native'").await.unwrap();
    let row = postgres.query_one(sql, &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(1), "b");
}
