//! Cursors, savepoints and prepared statements over the wire.

use crate::pgwire::messages::Wire;
use crate::support::{Deployment, TestServer};

pub(super) async fn served() -> (Deployment, TestServer) {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    (deployment, server)
}

/// Every statement's answer on one line: rows as `a|b`, tags, or the error's code and message.
pub(super) async fn script(server: &TestServer, statements: &[&str]) -> Vec<String> {
    let (mut wire, _) = Wire::started(server).await;
    let mut answers = Vec::new();
    for sql in statements {
        let mut line = Vec::new();
        for answer in wire.query(sql).await {
            match answer.kind {
                'D' => line.push(answer.row().join("|")),
                'C' => line.push(answer.text()),
                'E' => {
                    let (_, code, message, _) = answer.error();
                    line.push(format!("{code} {message}"));
                }
                'N' => line.push("notice".to_owned()),
                'A' => line.push("heard".to_owned()),
                _ => {}
            }
        }
        answers.push(line.join(" "));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_go_both_ways() {
    let (_deployment, server) = served().await;
    let answers = script(
        &server,
        &[
            "DECLARE c CURSOR FOR SELECT 1",
            "BEGIN",
            "DECLARE c SCROLL CURSOR FOR SELECT * FROM (VALUES (1), (2), (3), (4), (5)) AS v (a) ORDER BY a",
            "DECLARE n NO SCROLL CURSOR FOR SELECT * FROM (VALUES (1), (2), (3)) AS v (a) ORDER BY a",
            "FETCH c",
            "FETCH 2 FROM c",
            "FETCH PRIOR FROM c",
            "FETCH ABSOLUTE 5 FROM c",
            "FETCH NEXT IN c",
            "FETCH BACKWARD 2 FROM c",
            "FETCH RELATIVE 0 c",
            "FETCH FIRST c",
            "FETCH LAST c",
            "FETCH ABSOLUTE -2 c",
            "MOVE BACKWARD ALL IN c",
            "FETCH ALL c",
            "FETCH BACKWARD ALL c",
            "MOVE 3 IN c",
            "FETCH FORWARD 0 c",
            "MOVE FORWARD ALL IN n",
            "CLOSE c",
            "FETCH c",
            "ROLLBACK",
        ],
    )
    .await;
    assert_eq!(
        answers,
        [
            "25P01 DECLARE CURSOR can only be used in transaction blocks",
            "BEGIN",
            "DECLARE CURSOR",
            "DECLARE CURSOR",
            "1 FETCH 1",
            "2 3 FETCH 2",
            "2 FETCH 1",
            "5 FETCH 1",
            "FETCH 0",
            "5 4 FETCH 2",
            "4 FETCH 1",
            "1 FETCH 1",
            "5 FETCH 1",
            "4 FETCH 1",
            "MOVE 3",
            "1 2 3 4 5 FETCH 5",
            "5 4 3 2 1 FETCH 5",
            "MOVE 3",
            "3 FETCH 1",
            "MOVE 3",
            "CLOSE CURSOR",
            "34000 cursor \"c\" does not exist",
            "ROLLBACK",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_that_only_go_forward_and_that_are_held() {
    let (_deployment, server) = served().await;
    let answers = script(
        &server,
        &[
            "BEGIN",
            "DECLARE n NO SCROLL CURSOR FOR VALUES (1), (2)",
            "FETCH 1 n",
            "FETCH BACKWARD 1 n",
            "ROLLBACK",
            "DECLARE h CURSOR WITH HOLD FOR VALUES (1), (2)",
            "FETCH h",
            "BEGIN",
            "DECLARE i CURSOR WITH HOLD FOR VALUES (3)",
            "ROLLBACK",
            "FETCH i",
            "FETCH h",
            "DISCARD ALL",
            "FETCH h",
        ],
    )
    .await;
    assert_eq!(
        answers,
        [
            "BEGIN",
            "DECLARE CURSOR",
            "1 FETCH 1",
            "55000 cursor can only scan forward",
            "ROLLBACK",
            "DECLARE CURSOR",
            "1 FETCH 1",
            "BEGIN",
            "DECLARE CURSOR",
            "ROLLBACK",
            "34000 cursor \"i\" does not exist",
            "2 FETCH 1",
            "DISCARD ALL",
            "34000 cursor \"h\" does not exist",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn savepoints_bring_back_settings_and_a_failed_transaction() {
    let (_deployment, server) = served().await;
    let answers = script(
        &server,
        &[
            "SAVEPOINT a",
            "BEGIN",
            "SET TIME ZONE 'Europe/Berlin'",
            "SAVEPOINT a",
            "SET TIME ZONE 'Asia/Tokyo'",
            "SAVEPOINT b",
            "SELECT 1/0",
            "SELECT 1",
            "RELEASE a",
            "ROLLBACK TO b",
            "SHOW TimeZone",
            "ROLLBACK TO SAVEPOINT a",
            "SHOW TimeZone",
            "ROLLBACK TO b",
            "ROLLBACK TO a",
            "RELEASE SAVEPOINT a",
            "COMMIT",
            "SHOW TimeZone",
            "COMMIT",
            "BEGIN; SET TIME ZONE 'UTC'; ROLLBACK",
            "SHOW TimeZone",
            "SET TIME ZONE 'UTC'; SELECT 1/0",
            "SHOW TimeZone",
        ],
    )
    .await;
    assert_eq!(
        answers,
        [
            "25P01 SAVEPOINT can only be used in transaction blocks",
            "BEGIN",
            "SET",
            "SAVEPOINT",
            "SET",
            "SAVEPOINT",
            "22012 division by zero",
            "25P02 current transaction is aborted, commands ignored until end of transaction block",
            "25P02 current transaction is aborted, commands ignored until end of transaction block",
            "ROLLBACK",
            "Asia/Tokyo SHOW",
            "ROLLBACK",
            "Europe/Berlin SHOW",
            "3B001 savepoint \"b\" does not exist",
            "ROLLBACK",
            "RELEASE",
            "COMMIT",
            "Europe/Berlin SHOW",
            "notice COMMIT",
            "BEGIN SET ROLLBACK",
            "Europe/Berlin SHOW",
            "SET 22012 division by zero",
            "Europe/Berlin SHOW",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_are_shown_and_kept() {
    let (_deployment, server) = served().await;
    let answers = script(
        &server,
        &[
            "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE",
            "SHOW transaction_isolation",
            "SHOW transaction_read_only",
            "SHOW transaction_deferrable",
            "CREATE TABLE public.t (a int)",
            "ROLLBACK AND CHAIN",
            "SHOW TRANSACTION ISOLATION LEVEL",
            "COMMIT",
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "SHOW transaction_isolation",
            "BEGIN",
            "SELECT 1",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "ROLLBACK",
            "SET default_transaction_read_only = on",
            "CREATE TABLE public.t (a int)",
            "BEGIN READ WRITE",
            "BEGIN",
            "COMMIT",
        ],
    )
    .await;
    assert_eq!(
        answers,
        [
            "BEGIN",
            "serializable SHOW",
            "on SHOW",
            "on SHOW",
            "25006 cannot execute CREATE TABLE in a read-only transaction",
            "ROLLBACK",
            "serializable SHOW",
            "COMMIT",
            "SET",
            "repeatable read SHOW",
            "BEGIN",
            "1 SELECT 1",
            "25001 SET TRANSACTION ISOLATION LEVEL must be called before any query",
            "ROLLBACK",
            "SET",
            "25006 cannot execute CREATE TABLE in a read-only transaction",
            "BEGIN",
            "notice BEGIN",
            "COMMIT",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_prepared_by_sql_and_protocol_alike() {
    let (_deployment, server) = served().await;
    let answers = script(
        &server,
        &[
            "PREPARE p AS SELECT $1::int + 1 AS a",
            "EXECUTE p(41)",
            "EXECUTE p('1')",
            "EXECUTE p",
            "PREPARE p AS SELECT 1",
            "PREPARE q (numeric, text) AS SELECT $1 * 2, $2 || '!'",
            "EXECUTE q(1.5, 'a')",
            "PREPARE r AS SELECT nothing",
            "DEALLOCATE p",
            "EXECUTE p(1)",
            "DEALLOCATE ALL",
            "DEALLOCATE q",
            "DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES",
        ],
    )
    .await;
    assert_eq!(answers[0], "PREPARE");
    assert_eq!(answers[1], "42 SELECT 1");
    assert_eq!(answers[2], "2 SELECT 1");
    assert_eq!(answers[3], "42601 wrong number of parameters for prepared statement \"p\"");
    assert_eq!(answers[4], "42P05 prepared statement \"p\" already exists");
    assert_eq!(answers[5], "PREPARE");
    assert!(answers[6].starts_with('3') && answers[6].ends_with("|a! SELECT 1"), "{}", answers[6]);
    assert_eq!(answers[7], "42703 column \"nothing\" does not exist");
    assert_eq!(answers[9], "26000 prepared statement \"p\" does not exist");
    assert_eq!(answers[10], "DEALLOCATE ALL");
    assert_eq!(answers[11], "26000 prepared statement \"q\" does not exist");
    assert_eq!(answers[12], "DISCARD PLANS DISCARD TEMP DISCARD SEQUENCES");

    let client = server.client().await;
    let prepared = client.prepare("SELECT $1::int8 * 2").await.unwrap();
    client.simple_query("DISCARD ALL").await.unwrap();
    let gone = client.query(&prepared, &[&1_i64]).await.unwrap_err();
    assert_eq!(gone.code().unwrap().code(), "26000");
}
