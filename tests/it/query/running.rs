//! How statements run: cancelled, short of memory, queued, explained.

use std::time::Duration;

use futures::StreamExt;
use lakeport::config::Config;
use lakeport::error::ErrorKind;
use lakeport::query::Engine;
use lakeport::syntax::{Explain, Query};

use super::Lab;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_statement_stops() {
    let lab = Lab::new().await;
    let context = lab.context("lakeport");
    let sql =
        "SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 1000000) b";
    let query = Query::parse(sql).unwrap();
    let plan = lab.engine.plan(&query, &context, &[]).await.unwrap();
    let mut stream = lab.engine.execute(&plan, &context, Vec::new()).await.unwrap().stream;
    let cancel = context.cancel.clone();
    let waiting = tokio::spawn(async move { stream.next().await });
    cancel.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it stops");
    let error = Engine::error(ended.unwrap().unwrap().unwrap_err());
    assert_eq!(error.kind(), ErrorKind::QueryCanceled);
    assert_eq!(error.message(), "canceling statement due to user request");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_has_a_limit_that_joins_survive_and_lists_do_not() {
    let mut config = Config::default();
    config.limits.memory_bytes = 16 << 20;
    let lab = Lab::with(config).await;
    let join = "SELECT count(*) FROM generate_series(1, 1000000) a(x) JOIN generate_series(1, 1000000) b(x) ON a.x = b.x";
    // Ten times: threads that spill at once once waited for one another for ever, now and then.
    for _ in 0..10 {
        let joined = tokio::time::timeout(Duration::from_secs(60), lab.ask(join)).await;
        assert_eq!(joined.expect("it ends").unwrap(), ["1000000"], "merge joins spill");
    }
    let list = "SELECT length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, 100000) a(x) GROUP BY x % 2";
    let error = lab.ask(list).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error:?}");
    assert_eq!(lab.ask("SELECT 1").await.unwrap(), ["1"], "the server stays up");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_statements_wait_then_are_refused() {
    let mut config = Config::default();
    config.limits.statements_max = 1;
    config.limits.queue_max = 0;
    let lab = Lab::with(config).await;
    let mut context = lab.context("lakeport");
    context.session_id = Some(lakeport::name::SessionId::random());
    let query = Query::parse("SELECT * FROM generate_series(1, 100000)").unwrap();
    let plan = lab.engine.plan(&query, &context, &[]).await.unwrap();
    let first = lab.engine.execute(&plan, &context, Vec::new()).await.unwrap();
    let Err(error) = lab.engine.execute(&plan, &context, Vec::new()).await else {
        panic!("a second statement was let in");
    };
    assert_eq!(error.kind(), ErrorKind::ConfigurationLimitExceeded);
    drop(first);
    lab.engine.execute(&plan, &context, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_the_plan() {
    let mut lab = Lab::new().await;
    let orders = lab.matview("silver.orders");
    lab.publish(&orders, &lab.write(&orders, 3).await).await;
    let context = lab.context("lakeport");
    let query = Query::parse("SELECT n + 1 FROM silver.orders WHERE n > 1").unwrap();
    let plan = lab.engine.plan(&query, &context, &[]).await.unwrap();
    let lines = lab.engine.explain(&plan, &context, Vec::new(), &Explain::default()).await.unwrap();
    assert!(
        lines.iter().any(|line| line.contains("Filter") || line.contains("predicate")),
        "{lines:?}"
    );
    let both = Explain { analyze: true, verbose: true, ..Explain::default() };
    let lines = lab.engine.explain(&plan, &context, Vec::new(), &both).await.unwrap();
    assert!(lines.iter().any(|line| line == "Rows: 2"), "{lines:?}");
}

/// Nothing promises this order; everybody who has seen Postgres counts on it.
#[tokio::test(flavor = "multi_thread")]
async fn computed_rows_come_in_their_order() {
    let lab = Lab::new().await;
    for (sql, times) in [
        ("SELECT * FROM generate_series(1, 200000)", 1),
        ("SELECT n * 3 FROM generate_series(1, 200000) AS g (n)", 3),
        ("SELECT n * 3 FROM generate_series(1, 200000) AS g (n) WHERE n % 1000 > 0 OR n > 0", 3),
    ] {
        let expected: Vec<String> = (1..=200_000).map(|n: i64| (n * times).to_string()).collect();
        for _ in 0..5 {
            assert!(lab.ask(sql).await.unwrap() == expected, "{sql}: another order");
        }
    }
    // Dealt out to two threads where order is asked for, or does not matter.
    let sum = "SELECT sum(a.n) FROM generate_series(1, 200000) AS a (n) JOIN generate_series(1, 200000) AS b (n) ON a.n = b.n";
    assert_eq!(lab.ask(sum).await.unwrap(), ["20000100000"]);
}
