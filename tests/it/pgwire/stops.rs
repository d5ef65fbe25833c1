//! How statements and connections end before their time.

use std::time::Duration;

use super::messages::Wire;
use crate::support::{Deployment, TestServer};

const ENDLESS: &str = "WITH d(n) AS (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) \
    SELECT a.n FROM d a, d b, d c, d e, d f, d g, d h, d i, d j, d k, d l, d m, d o, d p, d q";

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_what_runs_and_nothing_later() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    let token = client.cancel_token();
    let counting = format!("SELECT max(endless.n + random()) FROM ({ENDLESS}) AS endless");
    let running = client.simple_query(&counting);
    let cancelling = async {
        while !is_active(&server).await {
            tokio::task::yield_now().await;
        }
        token.cancel_query(tokio_postgres::NoTls).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(running, cancelling);
    let error = outcome.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "57014");
    assert_eq!(error.message(), "canceling statement due to user request");
    client.simple_query("SELECT 1").await.unwrap();
}

/// Whether a statement other than this one is running.
async fn is_active(server: &TestServer) -> bool {
    let sql = "SELECT count(*) FROM lakeport.sessions WHERE state = 'active'";
    server.rows(sql).await[0][0].as_deref() == Some("2")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_limit_covers_rows_being_sent() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    wire.query("SET statement_timeout = '300ms'").await;
    wire.send('Q', &[ENDLESS.as_bytes(), b"\0"].concat()).await;
    let answers = wire.until_ready().await;
    let error = answers.iter().find(|answer| answer.kind == 'E').unwrap().error();
    assert_eq!(
        (error.1.as_str(), error.2.as_str()),
        ("57014", "canceling statement due to statement timeout")
    );
    assert!(answers.iter().any(|answer| answer.kind == 'D'), "rows came before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_its_statement() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    // The rows never fit into any buffer: were they gathered, the first would never come.
    wire.send('Q', &[ENDLESS.as_bytes(), b"\0"].concat()).await;
    assert_eq!(wire.next().await.unwrap().kind, 'T');
    assert_eq!(wire.next().await.unwrap().kind, 'D');
    assert_eq!(server.services.sessions.count(), 1);
    drop(wire);
    let gone = async {
        while server.services.sessions.count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the session ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_clients_than_allowed_are_refused_until_one_leaves() {
    let deployment =
        Deployment::new().catalog_append("lakeport.toml", "\n[limits]\nconnections_max = 2\n");
    let server = deployment.serve().await;
    let (first, _) = Wire::started(&server).await;
    let (_second, _) = Wire::started(&server).await;
    let mut third = Wire::open(server.addresses.postgres).await;
    third.startup(&[("user", "lakeport")]).await;
    let error = third.next().await.unwrap().error();
    assert_eq!((error.1.as_str(), error.2.as_str()), ("53300", "sorry, too many clients already"));
    drop(first);
    while server.services.sessions.count() > 1 {
        tokio::task::yield_now().await;
    }
    Wire::started(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_goodbye() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut idle, _) = Wire::started(&server).await;
    server.stop().await.unwrap();
    let (severity, code, ..) = idle.next().await.unwrap().error();
    assert_eq!((severity.as_str(), code.as_str()), ("FATAL", "57P01"));
}
