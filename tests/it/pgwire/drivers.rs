//! What drivers' own test suites ask of a server, beside what the differential suite compares.

use bytes::{Buf, Bytes};
use futures::{SinkExt, pin_mut};
use tokio_postgres::types::Type;

use super::messages::{Answer, Wire};
use crate::support::{Deployment, text_rows};

/// A field of a notice or an error.
fn field(answer: &Answer, code: u8) -> Option<String> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let mut fields = text.split('\0');
    fields.find(|field| field.as_bytes().first() == Some(&code)).map(|field| field[1..].to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_block_raises_reaches_the_client_as_it_was_raised() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    let raised = "DO $$BEGIN RAISE DEBUG 'a'; RAISE LOG 'b'; RAISE INFO 'c'; RAISE NOTICE 'd %', 7; \
                  RAISE WARNING 'e' USING HINT = 'h', ERRCODE = 'AB123'; END$$";
    for (level, expected) in [
        ("notice", vec!["INFO 00000 c", "NOTICE 00000 d 7", "WARNING AB123 e"]),
        ("error", vec!["INFO 00000 c"]),
        (
            "debug1",
            vec![
                "DEBUG 00000 a",
                "LOG 00000 b",
                "INFO 00000 c",
                "NOTICE 00000 d 7",
                "WARNING AB123 e",
            ],
        ),
    ] {
        wire.query(&format!("SET client_min_messages = {level}")).await;
        let answers = wire.query(raised).await;
        let notices = answers.iter().filter(|answer| answer.kind == 'N');
        let told = notices.map(|notice| {
            let part = |code| field(notice, code).unwrap();
            format!("{} {} {}", part(b'V'), part(b'C'), part(b'M'))
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{level}");
    }
    let error = "DO $$BEGIN RAISE NOTICE 'first'; RAISE EXCEPTION 'no' USING DETAIL = 'd'; END$$";
    wire.query("RESET client_min_messages").await;
    let answers = wire.query(error).await;
    assert_eq!(answers.iter().map(|answer| answer.kind).collect::<String>(), "NEZ");
    let (severity, state, message, _) = answers[1].error();
    assert_eq!((severity.as_str(), state.as_str(), message.as_str()), ("ERROR", "P0001", "no"));
    assert_eq!(field(&answers[1], b'D').as_deref(), Some("d"));
    for (block, expected) in [
        ("DO $$BEGIN PERFORM 1; END$$", "0A000 PERFORM in DO is not supported"),
        ("DO $$DECLARE x int; BEGIN NULL; END$$", "0A000 DECLARE in DO is not supported"),
        (
            "DO $$BEGIN RAISE NOTICE '%', 1 + 1; END$$",
            "0A000 an expression in RAISE is not supported",
        ),
        ("DO $$BEGIN NULL;$$", "42601 syntax error at end of input"),
        ("DO LANGUAGE plperl $$BEGIN END$$", "42704 language \"plperl\" does not exist"),
        ("DO $$BEGIN RAISE nonsense; END$$", "42704 unrecognized exception condition \"nonsense\""),
    ] {
        let answers = wire.query(block).await;
        let (_, state, message, _) = answers[0].error();
        assert_eq!(format!("{state} {message}"), expected, "{block}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_nothing_tells_the_type_of_is_refused_as_postgres_does() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    for sql in [
        "SELECT $1 IS NULL",
        "SELECT pg_typeof($1)",
        "SELECT concat($1, 'a')",
        "SELECT concat_ws(',', 'a', $1)",
        "SELECT json_build_object('a', $1)",
    ] {
        let error = client.prepare(sql).await.unwrap_err();
        let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error}"));
        let expected = "could not determine data type of parameter $1";
        assert_eq!((error.code().code(), error.message()), ("42P18", expected), "{sql}");
    }
    for sql in [
        "SELECT 1 WHERE $1 IS NULL OR 5 > $1",
        "SELECT $1::int IS NULL",
        "SELECT concat($1::text)",
        "SELECT $1",
    ] {
        client.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drivers_are_told_by_name_that_a_statement_is_to_be_prepared_again() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    wire.query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await;
    wire.query("PREPARE s AS SELECT * FROM sandbox.t").await;
    wire.query("DROP TABLE sandbox.t; CREATE TABLE sandbox.t AS SELECT 'x' AS a").await;
    let answers = wire.query("EXECUTE s").await;
    assert_eq!(answers[0].error().1, "0A000");
    assert_eq!(field(&answers[0], b'R').as_deref(), Some("RevalidateCachedQuery"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strings_have_escapes_where_the_session_says_so() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    client.batch_execute("SET standard_conforming_strings = off").await.unwrap();
    let sql = r#"SELECT 'a\\b', 'it\'s; -- x', E'c\\d', 'e''f', $$g\h$$, "k" FROM (SELECT 1 AS "k") AS v; SELECT 2"#;
    let rows = text_rows(&client, sql.trim_end_matches("; SELECT 2")).await.unwrap();
    let values: Vec<_> = rows[0].iter().map(|value| value.as_deref().unwrap()).collect();
    assert_eq!(values, [r"a\b", "it's; -- x", r"c\d", "e'f", r"g\h", "1"]);
    assert_eq!(text_rows(&client, sql).await.unwrap()[1][0].as_deref(), Some("2"));
    let row = client.query_one(r"SELECT 'x\'y' || $1::text", &[&r"\"]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), r"x'y\");
    client.batch_execute("RESET standard_conforming_strings").await.unwrap();
    let rows = text_rows(&client, r"SELECT 'a\\b'").await.unwrap();
    assert_eq!(rows[0][0].as_deref(), Some(r"a\\b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_say_which_table_they_are_of() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    wire.query("CREATE TABLE sandbox.t AS SELECT 1 AS a, 'x' AS b, now() AS c").await;
    wire.query("CREATE VIEW sandbox.v AS SELECT * FROM sandbox.t").await;
    let table = wire.query("SELECT 'sandbox.t'::regclass::oid").await[1].row()[0].clone();
    for (sql, expected) in [
        ("SELECT b, a, a + 1, 5 FROM sandbox.t WHERE a = 1 ORDER BY b", "t.2 t.1 0.0 0.0"),
        ("SELECT x.b AS renamed FROM (SELECT DISTINCT b FROM sandbox.t) AS x LIMIT 1", "t.2"),
        ("SELECT b, count(*) FROM sandbox.t GROUP BY b", "t.2 0.0"),
        ("SELECT l.a, r.b FROM sandbox.t AS l JOIN sandbox.t AS r USING (a)", "t.1 t.2"),
        ("SELECT a FROM sandbox.t UNION ALL SELECT a FROM sandbox.t", "0.0"),
        ("SELECT a, b FROM sandbox.v", "0.0 0.0"),
        ("SELECT relname, oid FROM pg_class", "1259.2 1259.1"),
    ] {
        let answers = wire.query(sql).await;
        let mut body = answers[0].body.clone();
        assert_eq!(answers[0].kind, 'T', "{sql}");
        let told = (0..body.get_i16()).map(|_| {
            let name = body.iter().position(|byte| *byte == 0).unwrap();
            body.advance(name + 1);
            let (of, at) = (body.get_u32(), body.get_i16());
            body.advance(12);
            if of.to_string() == table { format!("t.{at}") } else { format!("{of}.{at}") }
        });
        assert_eq!(told.collect::<Vec<_>>().join(" "), expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_only_if_it_exists_is_told_to_be_missing() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    let answers = wire.query("DROP TABLE IF EXISTS sandbox.nothing").await;
    assert_eq!(answers.iter().map(|answer| answer.kind).collect::<String>(), "NCZ");
    assert_eq!(field(&answers[0], b'V').as_deref(), Some("NOTICE"));
    assert_eq!(field(&answers[0], b'C').as_deref(), Some("00000"));
    let expected = "table \"nothing\" does not exist, skipping";
    assert_eq!(field(&answers[0], b'M').as_deref(), Some(expected));
    wire.query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await;
    let answers = wire.query("DROP TABLE IF EXISTS sandbox.t").await;
    assert_eq!(answers.iter().map(|answer| answer.kind).collect::<String>(), "CZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_stays_of_the_type_it_was_declared_with() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    let types = |answer: &Answer| {
        let mut body = answer.body.clone();
        assert_eq!(answer.kind, 'T');
        let each = (0..body.get_i16()).map(|_| {
            let name = body.iter().position(|byte| *byte == 0).unwrap();
            body.advance(name + 7);
            let (oid, _, modifier) = (body.get_u32(), body.get_i16(), body.get_i32());
            body.advance(2);
            format!("{oid}:{modifier}")
        });
        each.collect::<Vec<_>>().join(" ")
    };
    wire.query(
        "CREATE TABLE sandbox.t (j json, b jsonb, u uuid, v varchar(7), c char(3), n jsonb[])",
    )
    .await;
    wire.query(
        "INSERT INTO sandbox.t VALUES ('{}', '{\"a\": 1}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'v', 'c', '{1}')",
    )
    .await;
    wire.query("CREATE VIEW sandbox.seen AS SELECT * FROM sandbox.t").await;
    wire.query("CREATE TABLE sandbox.again AS SELECT * FROM sandbox.seen").await;
    let client = server.client().await;
    let copied = copy_in(&client, "{\"x\":1}\t[1,  2]\t\\N\tw\td\t\\N\n").await;
    assert_eq!(copied.unwrap(), 1);
    for relation in ["t", "seen", "again"] {
        let answers = wire.query(&format!("SELECT * FROM sandbox.{relation} ORDER BY v")).await;
        let told = types(&answers[0]);
        assert_eq!(told, "114:-1 3802:-1 2950:-1 1043:11 1042:7 3807:-1", "{relation}");
    }
    let answers =
        wire.query("SELECT j -> 'x', b, b -> 1, c FROM sandbox.again WHERE v = 'w'").await;
    assert_eq!(answers[1].row(), ["1", "[1, 2]", "2", "d  "]);
    let refused = copy_in(&client, "{}\t{\t\\N\tw\td\t\\N\n").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "22P02");
}

async fn copy_in(
    client: &tokio_postgres::Client,
    rows: &str,
) -> Result<u64, tokio_postgres::Error> {
    let sink = client.copy_in("COPY sandbox.again FROM STDIN").await?;
    pin_mut!(sink);
    sink.send(Bytes::copy_from_slice(rows.as_bytes())).await?;
    sink.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_an_update_have_the_types_of_its_columns() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE TABLE sandbox.t (id int, b jsonb, d date); INSERT INTO sandbox.t VALUES (1), (2)",
        )
        .await
        .unwrap();
    let update = "UPDATE sandbox.t SET b = $1, d = $2 WHERE id = $3";
    let statement = client.prepare(update).await.unwrap();
    assert_eq!(statement.params(), &[Type::JSONB, Type::DATE, Type::INT4]);
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let value = serde_json::json!({"a": [1]});
    assert_eq!(client.execute(&statement, &[&value, &day, &2]).await.unwrap(), 1);
    let rows = text_rows(&client, "SELECT id, b, d FROM sandbox.t ORDER BY id").await.unwrap();
    assert_eq!(rows[1][1].as_deref(), Some("{\"a\": [1]}"));
    assert_eq!(rows[1][2].as_deref(), Some("2024-02-29"));
    assert_eq!(rows[0][2], None);
    // In a transaction the change waits for COMMIT, and ROLLBACK leaves nothing of it.
    client.batch_execute("BEGIN; UPDATE sandbox.t SET id = 7; ROLLBACK").await.unwrap();
    let rows = text_rows(&client, "SELECT id FROM sandbox.t ORDER BY id").await.unwrap();
    assert_eq!(rows[0][0].as_deref(), Some("1"));
    client.batch_execute("BEGIN; UPDATE sandbox.t SET id = id + 7; COMMIT").await.unwrap();
    let rows = text_rows(&client, "SELECT id FROM sandbox.t ORDER BY id").await.unwrap();
    assert_eq!(rows[0][0].as_deref(), Some("8"));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_inside_an_array_have_types_and_prepared_statements_show_theirs() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    let statement = client.prepare_typed("SELECT ARRAY[$1, $2]", &[Type::INT2, Type::INT2]);
    assert_eq!(statement.await.unwrap().columns()[0].type_(), &Type::INT2_ARRAY);
    let statement = client.prepare("SELECT ARRAY[$1, 5]").await.unwrap();
    assert_eq!(statement.params(), &[Type::INT4]);
    assert_eq!(statement.columns()[0].type_(), &Type::INT4_ARRAY);
    let row = client.query_one(&statement, &[&3]).await.unwrap();
    assert_eq!(row.get::<_, Vec<i32>>(0), [3, 5]);
    client.batch_execute("PREPARE shown (numeric, text[]) AS SELECT $1, $2").await.unwrap();
    let types = "SELECT parameter_types FROM pg_prepared_statements WHERE name = 'shown'";
    let rows = text_rows(&client, types).await.unwrap();
    assert_eq!(rows[0][0].as_deref(), Some("{numeric,text[]}"));
}
