//! Sessions, and dead ones, that meet in one table or in the catalog: no row is lost, none comes twice.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Int32Array, RecordBatch};
use lakeport::catalog::Relation;
use lakeport::lake::{Commit, CommitMode, CommitOutcome, Run, RunKind, TRANSACTION, Table};
use lakeport::name::{RelationId, RelationName};
use tokio_postgres::Client;

use super::{ask, fails, one, server, shown};
use crate::support::TestServer;

async fn does(client: &Client, sql: &str) {
    client.simple_query(sql).await.map_err(|error| shown(&error)).expect(sql);
}

async fn relation(server: &TestServer, name: &str) -> Arc<Relation> {
    let state = server.services.catalog.at(&server.services.lake.epoch()).await.unwrap();
    Arc::clone(state.relation(&RelationName::new("sandbox", name)).unwrap())
}

/// Commits a row of one integer to a table without publishing it, as another server or engine may.
async fn committed(
    server: &TestServer,
    name: &str,
    value: i32,
    progress: Vec<(String, i64)>,
) -> Table {
    let lake = &server.services.lake;
    let location = lake.location(relation(server, name).await.place());
    let base = lake.newest(&location).await.unwrap().unwrap();
    let mut writer = lake.writer(&location, &base.spec()).unwrap();
    let column = Arc::new(Int32Array::from(vec![value]));
    writer.write(RecordBatch::try_new(base.schema(), vec![column]).unwrap()).await.unwrap();
    let commit = Commit {
        location,
        spec: base.spec(),
        base: Some(base),
        mode: CommitMode::Append,
        files: writer.finish().await.unwrap(),
        progress,
        run: None,
        operation: "WRITE",
    };
    match lake.commit(commit).await.unwrap() {
        CommitOutcome::Committed(table) => table,
        CommitOutcome::Conflict(why) => panic!("{why}"),
    }
}

/// What a server leaves that dies between a transaction's rows and its epoch: a catalog without table `gone`.
async fn dead_transaction(server: &TestServer, name: &str, value: i32) -> i64 {
    let (lake, catalog) = (&server.services.lake, &server.services.catalog);
    let base = lake.epoch();
    let mut state = catalog.at(&base).await.unwrap().as_ref().clone();
    state.relations.remove(&RelationName::new("sandbox", "gone"));
    let run = Run::start(RunKind::Ddl);
    let entry = catalog.write(&run, &base, &state).await.unwrap();
    let version = i64::try_from(entry.version).unwrap();
    committed(server, name, value, vec![(TRANSACTION.to_owned(), version)]).await;
    version
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_leaves_rows_that_came_after_it_was_planned() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    does(&client, "CREATE TABLE sandbox.t AS SELECT * FROM (VALUES (1), (2)) AS v (a)").await;
    let delete = client.prepare("DELETE FROM sandbox.t WHERE a = $1").await.unwrap();
    committed(&server, "t", 3, Vec::new()).await;
    assert_eq!(client.execute(&delete, &[&1]).await.unwrap(), 1);
    assert_eq!(ask(&client, "SELECT a FROM sandbox.t ORDER BY a").await, ["2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_transaction_left_is_seen_by_nobody() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    for name in ["t", "u", "w", "gone"] {
        does(&client, &format!("CREATE TABLE sandbox.{name} AS SELECT 1 AS a")).await;
    }
    let rows =
        async |name: &str| ask(&client, &format!("SELECT a FROM sandbox.{name} ORDER BY a")).await;
    dead_transaction(&server, "t", 99).await;
    assert_eq!(rows("t").await, ["1"]);
    assert_eq!(rows("gone").await, ["1"]);
    // Whoever writes next takes it back, and nothing of it comes later.
    does(&client, "INSERT INTO sandbox.t VALUES (2)").await;
    assert_eq!(rows("t").await, ["1", "2"]);
    assert_eq!(rows("gone").await, ["1"]);
    does(&client, "DELETE FROM sandbox.t WHERE a = 1").await;
    assert_eq!(rows("t").await, ["2"]);
    // DELETE and OPTIMIZE do not build upon it either.
    dead_transaction(&server, "u", 99).await;
    assert_eq!(client.execute("DELETE FROM sandbox.u WHERE a = 99", &[]).await.unwrap(), 0);
    does(&client, "INSERT INTO sandbox.u VALUES (2), (3)").await;
    dead_transaction(&server, "u", 98).await;
    does(&client, "OPTIMIZE sandbox.u").await;
    assert_eq!(rows("u").await, ["1", "2", "3"]);
    // Rows that another engine has added to it are not told from it: they are seen when somebody writes.
    dead_transaction(&server, "w", 99).await;
    committed(&server, "w", 5, Vec::new()).await;
    assert_eq!(rows("w").await, ["1"]);
    does(&client, "INSERT INTO sandbox.w VALUES (2)").await;
    assert_eq!(rows("w").await, ["1", "2", "5", "99"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_was_taken_for_a_dead_runs_is_not_lost_in_silence() {
    let (_deployment, server) = server().await;
    let client = server.client().await;
    does(&client, "CREATE TABLE sandbox.gone AS SELECT 1 AS a").await;
    let (lake, catalog) = (&server.services.lake, &server.services.catalog);
    let base = lake.epoch();
    let state = catalog.at(&base).await.unwrap().as_ref().clone();
    let (slow, quick) = (Run::start(RunKind::Ddl), Run::start(RunKind::Ddl));
    let late = catalog.write(&slow, &base, &state).await.unwrap();
    let entry = catalog.write(&quick, &base, &state).await.unwrap();
    lake.publish(&quick, vec![entry]).await.unwrap();
    let refused = lake.publish(&slow, vec![late]).await.unwrap_err();
    assert_eq!(refused.kind().sqlstate(), "40001");
    assert_eq!(
        lake.epoch().relations[&RelationId::CATALOG].version,
        base.relations[&RelationId::CATALOG].version + 2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_others_change_is_not_changed_by_a_transaction() {
    let (_deployment, server) = server().await;
    let (client, other) = (server.client().await, server.client().await);
    let rows = "SELECT a FROM sandbox.t ORDER BY a";
    for key in ["", " UNIQUE"] {
        does(&client, "DROP TABLE IF EXISTS sandbox.t").await;
        does(&client, &format!("CREATE TABLE sandbox.t (a int{key}, b int)")).await;
        does(&client, "INSERT INTO sandbox.t VALUES (1, 1), (2, 2)").await;
        for (first, meanwhile, left) in [
            ("DELETE FROM sandbox.t WHERE a = 1", "DELETE FROM sandbox.t WHERE a = 1", &["2"][..]),
            (
                "DELETE FROM sandbox.t WHERE a = 2",
                "INSERT INTO sandbox.t VALUES (3, 3)",
                &["2", "3"],
            ),
            (
                "INSERT INTO sandbox.t VALUES (7, 7)",
                "ALTER TABLE sandbox.t DROP COLUMN b",
                &["2", "3"],
            ),
            (
                "INSERT INTO sandbox.t VALUES (7)",
                "ALTER TABLE sandbox.t ADD COLUMN b text",
                &["2", "3"],
            ),
            (
                "INSERT INTO sandbox.t VALUES (7)",
                "ALTER TABLE sandbox.t ALTER COLUMN b TYPE int",
                &["2", "3"],
            ),
        ] {
            does(&client, "BEGIN").await;
            does(&client, first).await;
            does(&other, meanwhile).await;
            let refused = fails(&client, "COMMIT").await;
            assert!(refused.starts_with("40001 "), "{first}, {meanwhile}: {refused}");
            assert_eq!(ask(&other, rows).await, left, "{first}, {meanwhile}");
        }
        // Behind rows that came and went others' rows come all the same.
        does(&client, "BEGIN; INSERT INTO sandbox.t VALUES (8)").await;
        does(&other, "INSERT INTO sandbox.t VALUES (9)").await;
        does(&other, "DELETE FROM sandbox.t WHERE a < 9").await;
        does(&client, "COMMIT").await;
        assert_eq!(ask(&other, rows).await, ["8", "9"]);
    }
    // A dropped table's name is another's now.
    does(&client, "BEGIN; INSERT INTO sandbox.t VALUES (10)").await;
    does(&other, "DROP TABLE sandbox.t").await;
    does(&other, "CREATE TABLE sandbox.t (a int UNIQUE, b int)").await;
    does(&client, "COMMIT").await;
    assert_eq!(one(&other, "SELECT count(*) FROM sandbox.t").await, "0");
    // What is read to its end stays as it was.
    does(&other, "INSERT INTO sandbox.t VALUES (1), (2), (3)").await;
    does(&client, "BEGIN; DECLARE c CURSOR FOR SELECT a FROM sandbox.t ORDER BY a").await;
    assert_eq!(ask(&client, "FETCH 1 FROM c").await, ["1"]);
    does(&other, "DROP TABLE sandbox.t").await;
    assert_eq!(ask(&client, "FETCH ALL FROM c").await, ["2", "3"]);
    assert!(fails(&client, "SELECT * FROM sandbox.t").await.starts_with("42P01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_and_names_given_meanwhile_do_not_go_to_another() {
    let (_deployment, server) = server().await;
    let (client, other) = (server.client().await, server.client().await);
    does(&client, "CREATE SCHEMA lab; CREATE ROLE temp_worker").await;
    for (ours, theirs, code) in [
        ("GRANT SELECT ON sandbox.t TO ann", "DROP TABLE sandbox.t", "40001"),
        ("ALTER TABLE sandbox.t RENAME TO u", "GRANT SELECT ON sandbox.t TO ann", "40001"),
        ("GRANT SELECT ON sandbox.t TO ann", "ALTER TABLE sandbox.t RENAME TO u", "40001"),
        ("DROP TABLE sandbox.t", "GRANT SELECT ON sandbox.t TO ann", "40001"),
        ("CREATE TABLE lab.x (a int)", "DROP SCHEMA lab", "40001"),
        ("GRANT SELECT ON sandbox.t TO temp_worker", "DROP ROLE temp_worker", "40001"),
        (
            "CREATE OR REPLACE VIEW sandbox.v AS SELECT a FROM sandbox.w",
            "CREATE OR REPLACE VIEW sandbox.w AS SELECT a FROM sandbox.v",
            "42P17",
        ),
    ] {
        for sql in [
            "DROP VIEW IF EXISTS sandbox.v, sandbox.w",
            "DROP TABLE IF EXISTS sandbox.t",
            "DROP TABLE IF EXISTS sandbox.u",
            "CREATE TABLE sandbox.t (a int)",
            "CREATE VIEW sandbox.v AS SELECT 1 AS a",
            "CREATE VIEW sandbox.w AS SELECT 1 AS a",
        ] {
            does(&other, sql).await;
        }
        does(&client, "BEGIN").await;
        does(&client, ours).await;
        does(&other, theirs).await;
        let refused = fails(&client, "COMMIT").await;
        assert!(refused.starts_with(code), "{ours} / {theirs}: {refused}");
    }
}

/// Tries until it is not refused for having met somebody.
async fn insists(client: &Client, statements: &[String]) {
    for _ in 0..200 {
        let mut refused = None;
        for sql in statements {
            if let Err(error) = client.simple_query(sql).await {
                refused = Some(error);
                break;
            }
        }
        let Some(refused) = refused else { return };
        assert!(shown(&refused).starts_with("40001"), "{statements:?}: {}", shown(&refused));
        let _ = client.simple_query("ROLLBACK").await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    panic!("{statements:?} never succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_write_at_once_lose_nothing() {
    const ROUNDS: u32 = 15;
    let (_deployment, server) = server().await;
    let client = server.client().await;
    does(&client, "CREATE TABLE sandbox.t (a int, b text)").await;
    does(&client, "CREATE TABLE sandbox.k (a int PRIMARY KEY)").await;
    let mut tasks = tokio::task::JoinSet::new();
    for session in 0..4_u32 {
        let client = server.client().await;
        tasks.spawn(async move {
            for round in 0..ROUNDS {
                let number = session * 1000 + round;
                match session {
                    // Rows come one by one, and every third goes again.
                    0 | 1 => {
                        let insert = format!("INSERT INTO sandbox.t VALUES ({number}, 'x')");
                        insists(&client, &[insert]).await;
                        if round % 3 == 0 {
                            let delete = format!("DELETE FROM sandbox.t WHERE a = {number}");
                            insists(&client, &[delete]).await;
                        }
                    }
                    // Tables come in transactions that add a row, too.
                    2 => {
                        let create =
                            format!("CREATE TABLE sandbox.made{round} AS SELECT {round} AS a");
                        let insert = format!("INSERT INTO sandbox.t VALUES ({number}, 'y')");
                        insists(
                            &client,
                            &["BEGIN".to_owned(), create, insert, "COMMIT".to_owned()],
                        )
                        .await;
                    }
                    // And by themselves.
                    _ => {
                        let create =
                            format!("CREATE TABLE sandbox.alone{round} AS SELECT {round} AS a");
                        insists(&client, &[create]).await;
                        insists(&client, &[format!("INSERT INTO sandbox.k VALUES ({round})")])
                            .await;
                    }
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let expected = (0..ROUNDS).filter(|round| round % 3 != 0).count() * 2 + ROUNDS as usize;
    let counted = "SELECT count(*), count(DISTINCT a) FROM sandbox.t";
    assert_eq!(ask(&client, counted).await, [format!("{expected}|{expected}")]);
    let made = "SELECT count(*) FROM pg_class WHERE relname LIKE 'made%' OR relname LIKE 'alone%'";
    assert_eq!(one(&client, made).await, (ROUNDS * 2).to_string());
    for round in 0..ROUNDS {
        let sql = format!("SELECT m.a + a.a FROM sandbox.made{round} m, sandbox.alone{round} a");
        assert_eq!(one(&client, &sql).await, (round * 2).to_string());
    }
}
