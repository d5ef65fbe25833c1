//! Actions and calls of Flight itself: options, cancelling, polling, and what is not there.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use arrow_flight::sql::{ActionCancelQueryRequest, ActionCancelQueryResult, CommandStatementQuery};
use arrow_flight::{
    ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, Criteria, Empty,
    FlightData, FlightDescriptor,
};
use futures::TryStreamExt;
use prost::{Message, Oneof};
use tonic::Code;

use crate::support::{FlightClient, descriptor};

use super::{code, served};

#[derive(Clone, PartialEq, Message)]
struct OptionValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Int64(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Texts(Texts),
}

#[derive(Clone, PartialEq, Message)]
struct Texts {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(btree_map = "string, message", tag = "1")]
    options: BTreeMap<String, OptionValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Errors {
    #[prost(btree_map = "string, message", tag = "1")]
    errors: BTreeMap<String, OneError>,
}

#[derive(Clone, PartialEq, Message)]
struct OneError {
    #[prost(int32, tag = "1")]
    value: i32,
}

async fn set(
    client: &mut FlightClient,
    options: &[(&str, Option<Value>)],
) -> BTreeMap<String, i32> {
    let options = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), OptionValue { value: value.clone() }))
        .collect();
    let body = Options { options }.encode_to_vec();
    let answer = client.act("SetSessionOptions", body).await.unwrap();
    let errors = Errors::decode(&*answer[0]).unwrap().errors;
    errors.into_iter().map(|(name, error)| (name, error.value)).collect()
}

async fn get(client: &mut FlightClient) -> BTreeMap<String, Option<Value>> {
    let answer = client.act("GetSessionOptions", Vec::new()).await.unwrap();
    let options = Options::decode(&*answer[0]).unwrap().options;
    options.into_iter().map(|(name, value)| (name, value.value)).collect()
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_settings_and_come_back_as_they_were_set() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let before = get(&mut client).await;
    // The role has the name of a schema, which its path begins with.
    assert_eq!((&before["catalog"], &before["schema"]), (&text("test"), &text("lakeport")));
    let list = Some(Value::Texts(Texts { values: vec!["silver".to_owned(), "public".to_owned()] }));
    let errors = set(
        &mut client,
        &[
            ("catalog", text("test")),
            ("schema", text("sandbox")),
            ("statement_timeout", Some(Value::Int64(5000))),
            ("check_function_bodies", Some(Value::Bool(false))),
            ("my.ratio", Some(Value::Double(0.5))),
            ("nothing", text("x")),
            ("TimeZone", text("Atlantis")),
            ("server_version", text("9")),
        ],
    )
    .await;
    let expected = [("TimeZone", 2), ("nothing", 1), ("server_version", 2)];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(errors, BTreeMap::from(expected));
    let after = get(&mut client).await;
    assert_eq!(after["schema"], text("sandbox"));
    assert_eq!(after["statement_timeout"], Some(Value::Int64(5000)));
    assert_eq!(after["check_function_bodies"], Some(Value::Bool(false)));
    assert_eq!(after["my.ratio"], Some(Value::Double(0.5)));
    client.update("CREATE TABLE notes (id bigint)").await.unwrap();
    assert_eq!(client.query("SELECT * FROM sandbox.notes").await.unwrap().len(), 0);
    // SQL has the last word, and no value takes an option back.
    client.update("SET statement_timeout = 0").await.unwrap();
    assert!(set(&mut client, &[("my.ratio", None), ("search_path", list)]).await.is_empty());
    let last = get(&mut client).await;
    assert_eq!(last["statement_timeout"], text("0"));
    assert!(!last.contains_key("my.ratio"), "{:?}", last["my.ratio"]);
    assert_eq!(last["schema"], text("silver"));
    let errors = set(&mut client, &[("catalog", text("other")), ("schema", text("nowhere"))]).await;
    assert_eq!(errors.into_values().collect::<Vec<_>>(), [2, 2]);
    // Another session has its own.
    assert_eq!(get(&mut server.flight_as("reader").await).await["schema"], text("public"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_flight_is_fetched_no_more() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let info = client.inner.execute("SELECT 1".to_owned(), None).await.unwrap();
    let request = CancelFlightInfoRequest { info: Some(info.clone()) }.encode_to_vec();
    let mut other = server.flight_as("reader").await;
    let status = other.act("CancelFlightInfo", request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    for expected in [CancelStatus::Cancelled, CancelStatus::NotCancellable] {
        let answer = client.act("CancelFlightInfo", request.clone()).await.unwrap();
        let status = CancelFlightInfoResult::decode(&*answer[0]).unwrap().status();
        assert_eq!(status, expected);
    }
    let (code, message) = code(client.fetch(info).await.unwrap_err());
    assert_eq!(code, Code::Cancelled, "{message}");
    let info = client.inner.execute("SELECT 1".to_owned(), None).await.unwrap();
    let request = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
    let answer: Option<ActionCancelQueryResult> =
        client.act_on("CancelQuery", &request).await.unwrap();
    assert_eq!(answer.unwrap().result, 1);
    assert!(client.fetch(info).await.is_err());
    let status = client.act("CancelFlightInfo", Vec::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_poll_is_the_last() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let query = CommandStatementQuery { query: "SELECT 1".to_owned(), transaction_id: None };
    let request = client.request(descriptor(&query));
    let poll = client.inner.inner_mut().poll_flight_info(request).await.unwrap().into_inner();
    assert_eq!((poll.progress, poll.flight_descriptor), (Some(1.0), None));
    assert!(poll.expiration_time.is_some());
    let info = poll.info.unwrap();
    assert_eq!(info.flight_descriptor, Some(descriptor(&query)));
    assert_eq!(client.fetch(info).await.unwrap()[0].num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_are_listed_and_others_refused() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let request = client.request(Empty {});
    let actions = client.inner.inner_mut().list_actions(request).await.unwrap().into_inner();
    let actions: Vec<ActionType> = actions.try_collect().await.unwrap();
    let names: Vec<&str> = actions.iter().map(|action| action.r#type.as_str()).collect();
    for name in [
        "BeginTransaction",
        "CancelFlightInfo",
        "CancelQuery",
        "ClosePreparedStatement",
        "CloseSession",
        "CreatePreparedStatement",
        "EndTransaction",
        "GetSessionOptions",
        "RenewFlightEndpoint",
        "SetSessionOptions",
    ] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
    let status = client.act("Explode", Vec::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    assert!(status.message().starts_with("0A000"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_the_client_s_fault_in_every_call() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let mut unreadable =
        arrow_flight::sql::Any::decode(&*descriptor(&CommandStatementQuery::default()).cmd)
            .unwrap();
    unreadable.value = vec![255, 255, 255].into();
    for (command, expected) in [
        (vec![255, 255], Code::InvalidArgument),
        (unreadable.encode_to_vec(), Code::InvalidArgument),
        (Vec::new(), Code::Unimplemented),
    ] {
        let descriptor = FlightDescriptor::new_cmd(command.clone());
        let request = client.request(descriptor.clone());
        let status = client.inner.inner_mut().get_flight_info(request).await.unwrap_err();
        assert_eq!(status.code(), expected, "{status}");
        let request = client.request(descriptor.clone());
        let status = client.inner.inner_mut().get_schema(request).await.unwrap_err();
        assert_eq!(status.code(), expected, "{status}");
        let data = FlightData { flight_descriptor: Some(descriptor), ..FlightData::default() };
        let status = client.put(futures::stream::iter([data])).await.unwrap_err();
        assert_eq!(status.code(), expected, "{status}");
        let (code, message) =
            code(client.get(arrow_flight::Ticket::new(command)).await.unwrap_err());
        assert_eq!(code, expected, "{message}");
    }
    let status = client.put(futures::stream::iter([FlightData::default()])).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let path = client.request(FlightDescriptor::new_path(vec!["a".to_owned()]));
    let status = client.inner.inner_mut().get_flight_info(path).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    let request = client.request(Criteria::default());
    let status = client.inner.inner_mut().list_flights(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    let request = client.request(futures::stream::iter([FlightData::default()]));
    let status = client.inner.inner_mut().do_exchange(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    assert_eq!(client.query("SELECT 1").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_cancels_and_ends_what_flight_runs() {
    let (_deployment, server) = served().await;
    let postgres = server.client().await;
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000) AS t(n)";
    for function in ["pg_cancel_backend", "pg_terminate_backend"] {
        let mut client = server.flight().await;
        let rows = client.query("SELECT pg_backend_pid()").await.unwrap();
        let pid = rows[0].column(0).as_primitive::<Int32Type>().value(0);
        let info = client.inner.execute(endless.to_owned(), None).await.unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let mut fetching = client.again();
        let rows = tokio::spawn(async move { fetching.get(ticket).await });
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let stop = format!("SELECT {function}({pid})");
        assert!(postgres.query_one(&stop, &[]).await.unwrap().get::<_, bool>(0), "{function}");
        let stopped = tokio::time::timeout(std::time::Duration::from_secs(20), rows).await;
        let (stopped, message) = code(stopped.unwrap().unwrap().unwrap_err());
        assert_eq!(stopped, Code::Cancelled, "{function}: {message}");
        assert!(client.query("SELECT 1").await.is_ok(), "{function}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_is_not_spoken_here() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    client.update("CREATE TABLE sandbox.notes (id bigint)").await.unwrap();
    for sql in ["COPY sandbox.notes FROM STDIN", "COPY sandbox.notes TO STDOUT"] {
        let (code, message) = code(client.query(sql).await.unwrap_err());
        assert_eq!(code, Code::Unimplemented, "{sql}: {message}");
    }
}
