//! What a session is told of and does beside its statements: notifications, settings by function,
//! cancels, silence, roles.

use tokio_postgres::SimpleQueryMessage;

use crate::pgwire::cursors::{script, served};
use crate::pgwire::messages::Wire;
use crate::support::{Deployment, text_rows};

#[tokio::test(flavor = "multi_thread")]
async fn notifications_come_when_their_transaction_commits() {
    let (_deployment, server) = served().await;
    let (mut listener, _) = Wire::started(&server).await;
    listener.query("LISTEN news").await;
    let client = server.client().await;
    client
        .batch_execute("BEGIN; NOTIFY news, 'kept'; SAVEPOINT s; NOTIFY news, 'lost'")
        .await
        .unwrap();
    client.batch_execute("ROLLBACK TO s; NOTIFY other, 'x'; COMMIT").await.unwrap();
    client.batch_execute("BEGIN; NOTIFY news, 'lost'; ROLLBACK").await.unwrap();
    client.batch_execute("SELECT pg_notify('news', 'by function')").await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let said = listener.next().await.unwrap();
        assert_eq!(said.kind, 'A');
        heard.push(said.notification());
    }
    assert_eq!(heard, ["news kept", "news by function"]);
    listener.query("UNLISTEN *").await;
    client.batch_execute("NOTIFY news").await.unwrap();
    let answers = listener.query("SELECT 1").await;
    assert!(answers.iter().all(|answer| answer.kind != 'A'), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_set_settings_and_stop_sessions() {
    let (_deployment, server) = served().await;
    let client = server.client().await;
    let rows =
        text_rows(&client, "SELECT set_config('TimeZone', 'Asia/Tokyo', false)").await.unwrap();
    assert_eq!(rows, [[Some("Asia/Tokyo".to_owned())]]);
    assert_eq!(
        text_rows(&client, "SHOW TimeZone").await.unwrap(),
        [[Some("Asia/Tokyo".to_owned())]]
    );
    client.batch_execute("BEGIN; SELECT set_config('TimeZone', 'UTC', true)").await.unwrap();
    assert_eq!(text_rows(&client, "SHOW TimeZone").await.unwrap(), [[Some("UTC".to_owned())]]);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        text_rows(&client, "SHOW TimeZone").await.unwrap(),
        [[Some("Asia/Tokyo".to_owned())]]
    );
    let bad = client.simple_query("SELECT set_config('no_such', 'x', false)").await.unwrap_err();
    assert_eq!(bad.code().unwrap().code(), "42704");

    let other = server.client().await;
    let pid = text_rows(&other, "SELECT pg_backend_pid()").await.unwrap()[0][0].clone().unwrap();
    assert_ne!(pid, "0");
    let sleeping = tokio::spawn(async move {
        let error = other.simple_query("SELECT pg_sleep(20)").await.unwrap_err();
        (other, error.code().unwrap().code().to_owned())
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let stop = |what: &str| format!("SELECT pg_{what}_backend({pid})");
    assert_eq!(text_rows(&client, &stop("cancel")).await.unwrap(), [[Some("t".to_owned())]]);
    let (other, code) = sleeping.await.unwrap();
    assert_eq!(code, "57014");
    assert_eq!(text_rows(&client, &stop("terminate")).await.unwrap(), [[Some("t".to_owned())]]);
    let messages: Result<Vec<SimpleQueryMessage>, _> = other.simple_query("SELECT 1").await;
    assert!(messages.is_err());
    assert_eq!(
        text_rows(&client, "SELECT pg_cancel_backend(0)").await.unwrap(),
        [[Some("f".to_owned())]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_are_left() {
    let (_deployment, server) = served().await;
    for (sql, code) in [
        ("SET idle_session_timeout = 100", "57P05"),
        ("BEGIN; SET idle_in_transaction_session_timeout = '100ms'", "25P03"),
    ] {
        let (mut wire, _) = Wire::started(&server).await;
        wire.query(sql).await;
        let farewell = wire.next().await.unwrap();
        let (severity, found, ..) = farewell.error();
        assert_eq!((severity.as_str(), found.as_str()), ("FATAL", code));
        assert!(wire.next().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_taken_and_given_back() {
    let deployment = Deployment::new().catalog_append(
        "roles.sql",
        "CREATE ROLE finance LOGIN;\nCREATE ROLE team;\nGRANT team TO finance;\n",
    );
    let server = deployment.serve().await;
    let answers = script(
        &server,
        &[
            "SET SESSION AUTHORIZATION finance",
            "SELECT current_user, session_user",
            "SET ROLE team",
            "SELECT current_user, session_user",
            "SET ROLE lakeport",
            "RESET ROLE",
            "SELECT current_user",
            "SET ROLE nobody",
            "RESET SESSION AUTHORIZATION",
            "SELECT current_user, session_user",
            "BEGIN; SET LOCAL ROLE finance; SELECT current_user; COMMIT; SELECT current_user",
        ],
    )
    .await;
    assert_eq!(
        answers,
        [
            "SET",
            "finance|finance SELECT 1",
            "SET",
            "team|finance SELECT 1",
            "42501 permission denied to set role \"lakeport\"",
            "RESET",
            "finance SELECT 1",
            "22023 role \"nobody\" does not exist",
            "RESET",
            "lakeport|lakeport SELECT 1",
            "BEGIN SET finance SELECT 1 COMMIT lakeport SELECT 1",
        ]
    );
}
