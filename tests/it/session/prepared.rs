//! Prepared statements: planned once, put over every newer version, planned anew when what they mean has
//! changed, and judged by the newest grants.

use tokio_postgres::{Client, Statement};

use super::{server, shown};
use crate::support::{Deployment, TestServer};

/// Queries planned, and plans put over newer versions, since the server began.
async fn plans(server: &TestServer) -> (u64, u64) {
    let (_, page) = server.http("/metrics").await;
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{page}")).trim().parse().unwrap()
    };
    (value("lakeport_plans_made_total "), value("lakeport_plans_rebound_total "))
}

async fn number(client: &Client, prepared: &Statement, argument: i32) -> i64 {
    client.query_one(prepared, &[&argument]).await.unwrap().get(0)
}

async fn refused(client: &Client, prepared: &Statement) -> String {
    shown(&client.query(prepared, &[]).await.unwrap_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_is_planned_once_and_sees_every_newer_version() {
    let (_folders, server) = server().await;
    let (client, writer) = (server.client().await, server.client().await);
    writer.simple_query("CREATE TABLE sandbox.t (id int, name text)").await.unwrap();
    writer.simple_query("CREATE TABLE sandbox.names (name text, rank bigint)").await.unwrap();
    writer.simple_query("INSERT INTO sandbox.names VALUES ('a', 10), ('b', 20)").await.unwrap();
    writer
        .simple_query("CREATE VIEW sandbox.ranked AS SELECT id, rank FROM sandbox.t JOIN sandbox.names USING (name)")
        .await
        .unwrap();
    let counted = "SELECT count(*) FROM sandbox.t WHERE id > $1";
    let counted = client.prepare(counted).await.unwrap();
    let ranked = "SELECT coalesce(sum(rank), 0)::bigint FROM sandbox.ranked WHERE id > $1 \
                  AND id IN (SELECT id FROM sandbox.t)";
    let ranked = client.prepare(ranked).await.unwrap();
    assert_eq!((number(&client, &counted, 0).await, number(&client, &ranked, 0).await), (0, 0));
    for id in 1..=5_i64 {
        let row = format!("INSERT INTO sandbox.t VALUES ({id}, 'b')");
        writer.simple_query(&row).await.unwrap();
        let (made, rebound) = plans(&server).await;
        assert_eq!(number(&client, &counted, 0).await, id);
        assert_eq!(number(&client, &counted, 1).await, id - 1);
        assert_eq!(number(&client, &ranked, 0).await, 20 * id);
        let (made_since, rebound_since) = plans(&server).await;
        assert_eq!((made_since, rebound_since >= rebound + 2), (made, true), "row {id}");
    }
    // Long after it was made, too: what others commit is looked for, nothing is planned.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let (made, rebound) = plans(&server).await;
    assert_eq!(number(&client, &ranked, 4).await, 20);
    assert_eq!(plans(&server).await, (made, rebound + 1));
    assert_eq!(number(&client, &ranked, 4).await, 20);
    assert_eq!(
        plans(&server).await,
        (made, rebound + 1),
        "a plan is current until the lake may have moved"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_keeps_its_snapshot_keeps_it_in_prepared_statements() {
    let (_folders, server) = server().await;
    let (client, writer) = (server.client().await, server.client().await);
    writer.simple_query("CREATE TABLE sandbox.t (id int)").await.unwrap();
    let counted = client.prepare("SELECT count(*) FROM sandbox.t WHERE id > $1").await.unwrap();
    assert_eq!(number(&client, &counted, 0).await, 0);
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    assert_eq!(number(&client, &counted, 0).await, 0);
    writer.simple_query("INSERT INTO sandbox.t VALUES (1)").await.unwrap();
    assert_eq!(number(&client, &counted, 0).await, 0);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(number(&client, &counted, 0).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_says_so_when_its_columns_would_change() {
    let (_folders, server) = server().await;
    let client = server.client().await;
    client.batch_execute("CREATE TABLE sandbox.t AS SELECT 1 AS a, 'x' AS b").await.unwrap();
    let all = client.prepare("SELECT * FROM sandbox.t").await.unwrap();
    let one = client.prepare("SELECT a FROM sandbox.t").await.unwrap();
    assert_eq!(client.query(&all, &[]).await.unwrap().len(), 1);
    let anew = "DROP TABLE sandbox.t; CREATE TABLE sandbox.t AS SELECT 2 AS a, 'y' AS b, 3 AS c";
    client.batch_execute(anew).await.unwrap();
    let changed = "0A000 cached plan must not change result type";
    assert_eq!(refused(&client, &all).await, changed);
    assert_eq!(refused(&client, &all).await, changed);
    // What it selects is as it was.
    assert_eq!(client.query_one(&one, &[]).await.unwrap().get::<_, i32>(0), 2);
    client.batch_execute("DROP TABLE sandbox.t").await.unwrap();
    assert_eq!(refused(&client, &one).await, "42P01 relation \"sandbox.t\" does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_privilege_is_gone_from_prepared_statements_at_once() {
    let (_folders, server) = server().await;
    let (owner, bob) = (server.client().await, server.client_as("bob").await);
    owner.batch_execute("CREATE TABLE sandbox.t AS SELECT 1 AS a").await.unwrap();
    owner.batch_execute("CREATE VIEW sandbox.v AS SELECT a FROM sandbox.t").await.unwrap();
    owner.batch_execute("GRANT SELECT ON sandbox.t, sandbox.v TO bob").await.unwrap();
    let table = bob.prepare("SELECT a FROM sandbox.t").await.unwrap();
    let view = bob.prepare("SELECT a FROM sandbox.v").await.unwrap();
    for prepared in [&table, &view] {
        assert_eq!(bob.query(prepared, &[]).await.unwrap().len(), 1);
    }
    owner.batch_execute("REVOKE SELECT ON sandbox.t FROM bob").await.unwrap();
    assert_eq!(refused(&bob, &table).await, "42P01 relation \"sandbox.t\" does not exist");
    assert_eq!(bob.query(&view, &[]).await.unwrap().len(), 1, "a view has its owner's rights");
    owner.batch_execute("REVOKE SELECT ON sandbox.v FROM bob").await.unwrap();
    assert_eq!(refused(&bob, &view).await, "42P01 relation \"sandbox.v\" does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_is_seen_by_a_prepared_statement() {
    let deployment = Deployment::small_shop();
    deployment.deliver("2026-10-30", 1, 3);
    deployment.run(&["ingest"]).ok();
    let server = deployment.serve().await;
    let client = server.client().await;
    let prepared = client.prepare("SELECT count(*) FROM bronze.orders WHERE $1 > 0").await.unwrap();
    assert_eq!(number(&client, &prepared, 1).await, 3);
    let (made, _) = plans(&server).await;
    deployment.deliver("2026-10-31", 4, 2);
    deployment.run(&["ingest"]).ok();
    // Another process has committed: seen within the time in which this one looks.
    for _ in 0..100 {
        if number(&client, &prepared, 1).await == 5 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(number(&client, &prepared, 1).await, 5);
    assert_eq!(plans(&server).await.0, made);
}
