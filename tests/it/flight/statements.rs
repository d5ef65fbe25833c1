//! Flight SQL: log-in, statements, parameters, metadata, cancelling, errors.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    CommandGetDbSchemas, CommandGetTables, CommandStatementQuery, ProstMessageExt, SqlInfo,
};
use arrow_flight::{Action, CancelFlightInfoRequest, FlightDescriptor, FlightInfo, Ticket};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use std::sync::Arc;
use tonic::Code;

use crate::support::FlightClient;

use super::{code, served};

fn text(batches: &[RecordBatch], column: usize) -> Vec<String> {
    batches
        .iter()
        .flat_map(|batch| {
            let column = batch.column(column).as_string::<i32>().clone();
            (0..column.len()).map(move |row| column.value(row).to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_answers_plain_arrow() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let batches = client.query("SELECT 1 AS one, 'two' AS two").await.unwrap();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].schema().field(1).data_type(), &DataType::Utf8);
    assert_eq!(text(&batches, 1), ["two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_credentials_is_refused() {
    let (_deployment, server) = served().await;
    let mut client = FlightClient::anonymous(server.addresses.flight).await;
    let (code, message) = code(client.query("SELECT 1").await.unwrap_err());
    assert_eq!(code, Code::Unauthenticated, "{message}");
    client.inner.set_token("0123456789".to_owned());
    let (code, message) = super::code(client.query("SELECT 1").await.unwrap_err());
    assert_eq!(code, Code::Unauthenticated, "{message}");
    assert!(message.contains("token is not known"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_role_cannot_log_in_nor_one_without_login() {
    let (_deployment, server) = served().await;
    for (role, words) in [("nobody", "does not exist"), ("closed", "not permitted to log in")] {
        // The client crate turns the status of a handshake into text.
        let error = FlightClient::connect(server.addresses.flight, role).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains("authentication credentials"), "{message}");
        assert!(message.contains("28000: ") && message.contains(words), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_credentials_with_each_call_need_no_handshake() {
    let (_deployment, server) = served().await;
    let mut client = FlightClient::anonymous(server.addresses.flight).await;
    // "reader:x"
    client.inner.set_header("authorization", "Basic cmVhZGVyOng=");
    let batches = client.query("SELECT current_user::text").await.unwrap();
    assert_eq!(text(&batches, 0), ["reader"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_carry_code_sqlstate_and_hint() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    for (sql, expected, sqlstate) in [
        ("SELECT * FROM silver.nothing", Code::NotFound, "42P01"),
        ("SELEC 1", Code::InvalidArgument, "42601"),
        ("SELECT nothing", Code::InvalidArgument, "42703"),
        ("SELECT 1 / 0", Code::InvalidArgument, "22012"),
    ] {
        let error = client.query(sql).await.unwrap_err();
        let FlightError::Tonic(status) = error else { panic!("{error}") };
        assert_eq!(status.code(), expected, "{sql}: {status}");
        assert!(status.message().starts_with(sqlstate), "{sql}: {status}");
    }
    assert_eq!(client.query("SELECT 1").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_sent_as_a_query_runs_once_and_its_rows_are_none() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let create = "CREATE TABLE sandbox.notes (id bigint)";
    client.inner.execute(create.to_owned(), None).await.unwrap();
    let insert = "INSERT INTO sandbox.notes VALUES (1), (2)";
    let info = client.inner.execute(insert.to_owned(), None).await.unwrap();
    assert_eq!(info.total_records, 2);
    assert_eq!(client.fetch(info).await.unwrap().len(), 0);
    let batches = client.query("SELECT count(*) FROM sandbox.notes").await.unwrap();
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_schema_runs_nothing() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let ask = async |client: &mut FlightClient, query: &str| {
        let command = CommandStatementQuery { query: query.to_owned(), transaction_id: None };
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let token = client.inner.token().unwrap().clone();
        let mut request = tonic::Request::new(descriptor);
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        let answer = client.inner.inner_mut().get_schema(request).await.unwrap().into_inner();
        Schema::try_from(&answer).unwrap()
    };
    assert_eq!(ask(&mut client, "SELECT 1 / 0 AS x").await.field(0).name(), "x");
    let create = "CREATE TABLE sandbox.notes (id bigint)";
    assert_eq!(ask(&mut client, create).await.fields().len(), 0);
    assert!(client.query("SELECT * FROM sandbox.notes").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_does_not_execute() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let info = client.inner.execute("SELECT 1 / 0 AS x".to_owned(), None).await.unwrap();
    assert_eq!(info.total_records, -1);
    assert_eq!(info.clone().try_decode_schema().unwrap().field(0).name(), "x");
    let (code, message) = code(client.fetch(info).await.unwrap_err());
    assert_eq!(code, Code::InvalidArgument, "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_an_error_and_the_server_lives() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    for ticket in [&b""[..], b"\xff\xff\xff", b"hello"] {
        assert!(client.get(Ticket::new(ticket.to_vec())).await.is_err());
    }
    assert_eq!(client.query("SELECT 1").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_take_parameters() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let mut statement = client
        .inner
        .prepare("SELECT $1::bigint + 1 AS n, $2::text AS t".to_owned(), None)
        .await
        .unwrap();
    assert_eq!(statement.parameter_schema().unwrap().fields().len(), 2);
    assert_eq!(statement.dataset_schema().unwrap().field(0).name(), "n");
    for (number, word) in [(41, Some("x")), (-1, None)] {
        let schema = Schema::new(vec![
            Field::new("1", DataType::Int64, true),
            Field::new("2", DataType::Utf8, true),
        ]);
        let row = RecordBatch::try_new(
            Arc::new(schema),
            vec![Arc::new(Int64Array::from(vec![number])), Arc::new(StringArray::from(vec![word]))],
        )
        .unwrap();
        statement.set_parameters(row).unwrap();
        let info = statement.execute().await.unwrap();
        let batches = client.fetch(info).await.unwrap();
        assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), number + 1);
        let got = batches[0].column(1).as_string::<i32>();
        assert_eq!(got.is_valid(0).then(|| got.value(0)), word);
    }
    statement.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn question_marks_are_parameters_outside_literals() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let sql = "SELECT '?' AS a, /* ? */ ?::bigint AS \"b?\" -- ?";
    let mut statement = client.inner.prepare(sql.to_owned(), None).await.unwrap();
    assert_eq!(statement.parameter_schema().unwrap().fields().len(), 1);
    let schema = Schema::new(vec![Field::new("1", DataType::Int64, true)]);
    let column = Arc::new(Int64Array::from(vec![5]));
    statement
        .set_parameters(RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap())
        .unwrap();
    let info = statement.execute().await.unwrap();
    let batches = client.fetch(info).await.unwrap();
    assert_eq!(batches[0].schema().field(1).name(), "b?");
    assert_eq!(batches[0].column(1).as_primitive::<Int64Type>().value(0), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_answer_how_many_rows() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    assert_eq!(
        client.update("CREATE TABLE sandbox.notes (id bigint, note text)").await.unwrap(),
        0
    );
    let insert = "INSERT INTO sandbox.notes VALUES (1, 'a'), (2, NULL)";
    assert_eq!(client.update(insert).await.unwrap(), 2);
    let batches = client.query("SELECT count(*), count(note) FROM sandbox.notes").await.unwrap();
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), 2);
    assert_eq!(batches[0].column(1).as_primitive::<Int64Type>().value(0), 1);
    let (code, message) = code(client.update("SELECT 1").await.unwrap_err());
    assert_eq!(code, Code::InvalidArgument, "{message}");
    client.query("DROP TABLE sandbox.notes").await.unwrap();
    assert!(client.query("SELECT * FROM sandbox.notes").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_lists_what_the_role_may_see() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.notes (id bigint, price numeric(10,2))").await.unwrap();
    let info = client.inner.get_catalogs().await.unwrap();
    assert_eq!(text(&client.fetch(info).await.unwrap(), 0), ["test"]);
    let tables = CommandGetTables {
        db_schema_filter_pattern: Some("sandb%".to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.inner.get_tables(tables.clone()).await.unwrap();
    let batches = client.fetch(info).await.unwrap();
    assert_eq!(text(&batches, 2), ["notes"]);
    assert_eq!(text(&batches, 3), ["TABLE"]);
    let bytes = batches[0].column(4).as_binary::<i32>().value(0);
    let message = arrow_flight::IpcMessage(bytes.to_vec().into());
    let schema = Schema::try_from(message).unwrap();
    assert_eq!(schema.field(1).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "numeric(10,2)");
    let info = client.inner.get_db_schemas(CommandGetDbSchemas::default()).await.unwrap();
    assert!(text(&client.fetch(info).await.unwrap(), 1).contains(&"sandbox".to_owned()));

    let mut reader = server.flight_as("reader").await;
    let info = reader.inner.get_tables(tables).await.unwrap();
    assert_eq!(text(&reader.fetch(info).await.unwrap(), 2), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_describes_itself() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let asked = vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerTransaction];
    let info = client.inner.get_sql_info(asked).await.unwrap();
    let batches = client.fetch(info).await.unwrap();
    assert_eq!(batches[0].num_rows(), 2);
    let info = client.inner.get_sql_info(Vec::new()).await.unwrap();
    let rows: usize = client.fetch(info).await.unwrap().iter().map(RecordBatch::num_rows).sum();
    assert!(rows > 50, "{rows}");
    let info = client.inner.get_table_types().await.unwrap();
    assert_eq!(text(&client.fetch(info).await.unwrap(), 0), ["SYSTEM TABLE", "TABLE", "VIEW"]);
    let info = client.inner.get_xdbc_type_info(Default::default()).await.unwrap();
    assert!(text(&client.fetch(info).await.unwrap(), 0).contains(&"numeric".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_in_messages_any_client_accepts() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let sql = "SELECT n, repeat('x', 1000) AS wide FROM generate_series(1, 50000) AS t(n)";
    // The client's own limit is 4 MB a message; all 50 MB come through it.
    let batches = client.query(sql).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 50_000);
}

const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000000000) AS t(n)";

fn cancel(info: FlightInfo) -> Action {
    let request = CancelFlightInfoRequest { info: Some(info) };
    Action::new("CancelFlightInfo", request.encode_to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_flight_can_be_cancelled() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let info = client.inner.execute(ENDLESS.to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut fetching = FlightClient { inner: client.inner.clone() };
    let rows = tokio::spawn(async move { fetching.get(ticket).await });
    // Before the fetch has begun, cancelling takes back the ticket: both ways it ends.
    tokio::time::timeout(std::time::Duration::from_secs(20), async {
        client.inner.do_action(cancel(info)).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        let (code, message) = code(rows.await.unwrap().unwrap_err());
        assert!(matches!(code, Code::Cancelled | Code::NotFound), "{code}: {message}");
    })
    .await
    .unwrap();
    assert_eq!(client.query("SELECT 1").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_rows_stops_the_statement() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let sql = "SELECT n FROM generate_series(1, 1000000000000) AS t(n)";
    let info = client.inner.execute(sql.to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut rows = client.inner.do_get(ticket).await.unwrap();
    assert!(rows.next().await.unwrap().is_ok());
    drop(rows);
    for _ in 0..200 {
        let batches = client
            .query("SELECT count(*)::integer FROM lakeport.queries WHERE state = 'running'")
            .await
            .unwrap();
        // The counting statement itself is the one left.
        if batches[0].column(0).as_primitive::<Int32Type>().value(0) <= 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the statement still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_is_gone() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let action = Action::new("CloseSession", Vec::new());
    client.inner.do_action(action).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    let (code, _) = code(client.query("SELECT 1").await.unwrap_err());
    assert_eq!(code, Code::Unauthenticated);
}
