//! Limits refuse, and the server stays up.
//!
//! Each test goes over one limit of `[limits]` over the wire, reads the SQLSTATE a client sees, and
//! then runs an ordinary statement on the same server.

use tokio_postgres::error::SqlState;

use crate::support::{Deployment, TestServer};

/// A million distinct rows without any table: six digit columns joined.
const WIDE: &str = "WITH d(n) AS (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) \
    SELECT a.n + 10*b.n + 100*c.n + 1000*e.n + 10000*f.n + 100000*g.n AS n, \
           'some text to fill the memory with, row ' || a.n || b.n || c.n || e.n || f.n || g.n AS t \
    FROM d a, d b, d c, d e, d f, d g";

async fn server(limits: &str) -> TestServer {
    Deployment::new()
        .catalog_append("lakeport.toml", &format!("\n[limits]\n{limits}\n"))
        .serve()
        .await
}

async fn still_up(server: &TestServer) {
    assert_eq!(server.rows("SELECT 1").await, vec![vec![Some("1".to_owned())]]);
}

fn state(error: &tokio_postgres::Error) -> &str {
    error.code().map_or("none", SqlState::code)
}

/// A join that would run for hours, and hands its rows on as it goes.
fn endless() -> String {
    format!("SELECT sum(a.n % 7 + b.n % 3) FROM ({WIDE}) a, ({WIDE}) b")
}

/// Joins that would run for hours and whose filter drops every pair, so that they never give a row.
fn fruitless() -> [String; 3] {
    let join =
        |on: &str| format!("SELECT count(*), max(a.t) FROM ({WIDE}) a JOIN ({WIDE}) b ON {on}");
    [
        join("a.n + b.n < 0"),
        join("a.n % 1 = b.n % 1 AND a.n + b.n < 0"),
        format!(
            "SELECT count(*) FROM ({WIDE}) a WHERE NOT EXISTS \
             (SELECT 1 FROM ({WIDE}) b WHERE a.n + b.n < 0)"
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_drops_every_row_is_canceled_within_a_second() {
    let server = server("memory_bytes = 4294967296").await;
    for sql in fruitless() {
        let client = server.client().await;
        let cancel = client.cancel_token();
        let statement = sql.clone();
        let running = tokio::spawn(async move { client.simple_query(&statement).await });
        // Long enough to be in the midst of comparing.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        assert!(!running.is_finished(), "{sql}");
        still_up(&server).await;
        let asked = std::time::Instant::now();
        cancel.cancel_query(tokio_postgres::NoTls).await.expect("cancel");
        let error = running.await.expect("task").expect_err("canceled");
        assert_eq!(state(&error), "57014", "{error:?}");
        assert!(asked.elapsed() < std::time::Duration::from_secs(1), "{:?}", asked.elapsed());
        still_up(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_drops_every_row_ends_with_its_time() {
    let server = server("memory_bytes = 4294967296").await;
    let client = server.client().await;
    client.simple_query("SET statement_timeout = 2000").await.expect("set");
    for sql in fruitless() {
        let asked = std::time::Instant::now();
        let error = client.simple_query(&sql).await.expect_err("over the limit");
        assert_eq!(state(&error), "57014", "{error:?}");
        assert!(asked.elapsed() < std::time::Duration::from_secs(3), "{:?}", asked.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_over_the_memory_limit_is_refused() {
    let server = server("memory_bytes = 8388608\nspill_bytes = 1048576").await;
    let client = server.client().await;
    let sql =
        format!("SELECT count(*) FROM (SELECT t, array_agg(n) AS a FROM ({WIDE}) w GROUP BY t) x");
    let error = client.simple_query(&sql).await.expect_err("over the limit");
    assert!(state(&error).starts_with("53"), "{error:?}");
    still_up(&server).await;
    client.simple_query("SELECT 1").await.expect("the session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_over_the_memory_limit_spills_and_is_right() {
    let server = server("memory_bytes = 67108864").await;
    let sql = format!(
        "SELECT count(*), count(p) FROM (SELECT lag(t) OVER (ORDER BY t, n) AS p FROM ({WIDE}) w) x"
    );
    let rows = server.rows(&sql).await;
    let expected = ["1000000", "999999"].map(|count| Some(count.to_owned())).to_vec();
    assert_eq!(rows, vec![expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_over_the_spill_limit_is_refused() {
    // Memory enough for each sort to begin spilling: what runs out is the disk.
    let server = server("memory_bytes = 67108864\nspill_bytes = 1048576").await;
    let client = server.client().await;
    let sql = format!("SELECT t FROM ({WIDE}) w ORDER BY t DESC, n OFFSET 999990");
    let error = client.simple_query(&sql).await.expect_err("over the limit");
    assert_eq!(state(&error), "53100", "{error:?}");
    still_up(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_over_the_limit_is_refused_and_a_free_one_is_taken() {
    let server = server("connections_max = 2").await;
    let first = server.client().await;
    let second = server.client().await;
    let address = server.addresses.postgres;
    let config = format!("host={} port={} user=lakeport dbname=test", address.ip(), address.port());
    let refused = tokio_postgres::connect(&config, tokio_postgres::NoTls).await;
    let error = refused.err().expect("refused");
    assert_eq!(state(&error), "53300", "{error:?}");
    first.simple_query("SELECT 1").await.expect("others go on");
    drop(second);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match tokio_postgres::connect(&config, tokio_postgres::NoTls).await {
            Ok(_) => break,
            Err(error) => assert_eq!(state(&error), "53300", "{error:?}"),
        }
        assert!(std::time::Instant::now() < deadline, "the permit was never given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_over_its_time_is_canceled() {
    let server = server("").await;
    let client = server.client().await;
    client.simple_query("SET statement_timeout = 100").await.expect("set");
    let error = client.simple_query(&endless()).await.expect_err("over the limit");
    assert_eq!(state(&error), "57014", "{error:?}");
    let message = error.as_db_error().map(|error| error.message().to_owned());
    assert_eq!(message.as_deref(), Some("canceling statement due to statement timeout"));
    client.simple_query("SET statement_timeout = 0").await.expect("the session goes on");
    still_up(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_statement_timeout_is_the_default() {
    let server = server("statement_timeout_ms = 100").await;
    let client = server.client().await;
    let error = client.simple_query(&endless()).await.expect_err("over the limit");
    assert_eq!(state(&error), "57014", "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_ends_only_its_connection() {
    let server = server("message_bytes_max = 65536").await;
    let client = server.client().await;
    let sql = format!("SELECT '{}'", "x".repeat(100_000));
    client.simple_query(&sql).await.expect_err("over the limit");
    still_up(&server).await;
}

/// A query that reads one row, `2^levels` times, by names that each read the one before twice.
fn doubled(levels: usize) -> String {
    let tables = (1..=levels)
        .map(|n| format!("c{n} AS (SELECT a.x + b.x AS x FROM c{0} a, c{0} b)", n - 1))
        .collect::<Vec<_>>();
    format!("WITH c0 AS (SELECT 0 AS x), {} SELECT * FROM c{levels}", tables.join(", "))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_for_too_much_is_refused_before_it_is_planned() {
    let server = server("").await;
    let client = server.client().await;
    client.simple_query(&doubled(6)).await.unwrap();
    for levels in [13, 40, 60] {
        let error = client.simple_query(&doubled(levels)).await.unwrap_err();
        assert_eq!(state(&error), "54001", "{levels}: {error:?}");
    }
    client.simple_query("CREATE VIEW public.v0 AS SELECT 0 AS x").await.unwrap();
    let mut refused = None;
    for n in 1..=14 {
        let before = n - 1;
        let view = format!(
            "CREATE VIEW public.v{n} AS SELECT a.x + b.x AS x FROM public.v{before} a, public.v{before} b"
        );
        if let Err(error) = client.simple_query(&view).await {
            refused = Some((n, state(&error).to_owned()));
            break;
        }
    }
    assert_eq!(refused, Some((13, "54001".to_owned())));
    still_up(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_ends_with_its_statement() {
    let server = server("").await;
    let client = server.client().await;
    let query = doubled(10);
    let started = std::time::Instant::now();
    client.batch_execute(&format!("EXPLAIN {query}")).await.unwrap();
    let whole = started.elapsed();
    client.batch_execute("SET statement_timeout = 50").await.unwrap();
    let started = std::time::Instant::now();
    let error = client.simple_query(&query).await.unwrap_err();
    assert_eq!(state(&error), "57014", "{error:?}");
    assert!(started.elapsed() < whole / 2, "{:?} of {whole:?}", started.elapsed());
    client.batch_execute("SET statement_timeout = 0").await.unwrap();
    still_up(&server).await;
}
