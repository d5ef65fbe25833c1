//! What a statement is described as before it runs: the types of its parameters, the names of its columns.
//!
//! Expected is what PostgreSQL 15 answers to the same Parse and Describe over the same tables.

use crate::support::{Deployment, TestServer};

const TABLES: &str = "CREATE TABLE sandbox.t (id int, g text, i8 bigint, n numeric(12,2), d date, \
     ts timestamp, tz timestamptz, j jsonb, a int[], u uuid, v varchar(10)); \
     INSERT INTO sandbox.t VALUES (1, 'a', 10, 1.50, '2024-01-31', '2024-01-31 10:00', \
     '2024-01-31 10:00+00', '{\"a\": 1}', '{1,2,3}', '00000000-0000-0000-0000-000000000001', 'abc'); \
     SET search_path = sandbox";

async fn served() -> (Deployment, TestServer, tokio_postgres::Client) {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    client.batch_execute(TABLES).await.unwrap();
    (deployment, server, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn untyped_parameters_are_what_postgres_infers_them_to_be() {
    let (_deployment, _server, client) = served().await;
    for (sql, expected) in [
        ("SELECT id FROM t WHERE id = ANY($1)", "_int4"),
        ("SELECT id FROM t WHERE g = ANY($1)", "_text"),
        ("SELECT id FROM t WHERE id <> ALL($1)", "_int4"),
        ("SELECT id FROM t WHERE u = ANY($1)", "_uuid"),
        ("SELECT id FROM t WHERE $1 = ANY(a)", "int4"),
        ("SELECT id FROM t WHERE j @> $1", "jsonb"),
        ("SELECT id FROM t WHERE v = $1", "text"),
        ("SELECT ts + $1 FROM t", "interval"),
        ("SELECT $1 + ts FROM t", "interval"),
        ("SELECT ts - $1 FROM t", "timestamp"),
        ("SELECT d - $1 FROM t", "date"),
        ("SELECT interval '1 day' * $1", "float8"),
        ("SELECT $1 * interval '1 day'", "float8"),
        ("SELECT coalesce($1, 5)", "int4"),
        ("SELECT coalesce(id, $1) FROM t", "int4"),
        ("SELECT coalesce($1, g) FROM t", "text"),
        ("SELECT nullif($1, id) FROM t", "int4"),
        ("SELECT greatest($1, 1.5)", "numeric"),
        ("SELECT CASE WHEN $1 THEN 1 ELSE $2 END", "bool int4"),
        ("SELECT CASE id WHEN $1 THEN 'a' END FROM t", "int4"),
        ("SELECT sum(CASE WHEN id = $1 THEN $2 ELSE 0 END) FROM t", "int4 int4"),
        ("SELECT $1 || $2", "text text"),
        ("SELECT a || $1 FROM t", "_int4"),
        ("SELECT array_position(a, $1) FROM t", "int4"),
        ("SELECT a[$1] FROM t", "int4"),
        ("SELECT round($1, $2)", "numeric int4"),
        ("SELECT abs($1)", "float8"),
        ("SELECT NOT $1", "bool"),
        ("SELECT 1 WHERE $1", "bool"),
        ("SELECT $1 AT TIME ZONE $2", "timestamptz text"),
        ("SELECT lag(id, $1) OVER (ORDER BY id) FROM t", "int4"),
        ("SELECT lag(g, $1, $2) OVER (ORDER BY id) FROM t", "int4 text"),
        ("SELECT percentile_cont($1) WITHIN GROUP (ORDER BY id) FROM t", "float8"),
        ("SELECT set_config($1, $2, $3)", "text text bool"),
        ("SELECT date_bin($1, ts, '2001-01-01') FROM t", "interval"),
        ("SELECT width_bucket(n, $1, $2, $3) FROM t", "numeric numeric int4"),
        ("SELECT * FROM generate_series($1::date, $2, $3)", "date timestamptz interval"),
        ("SELECT $1 UNION SELECT 1", "int4"),
        ("SELECT 9 UNION ALL SELECT $1 ORDER BY 1", "int4"),
        ("SELECT id FROM t LIMIT $1 OFFSET $2", "int8 int8"),
    ] {
        let statement =
            client.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let types: Vec<&str> = statement.params().iter().map(|found| found.name()).collect();
        assert_eq!(types.join(" "), expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_could_be_several_things_are_refused_as_postgres_does() {
    let (_deployment, _server, client) = served().await;
    for (sql, expected) in [
        ("SELECT $1 + $2", "42725 operator is not unique: unknown + unknown"),
        ("SELECT d + $1 FROM t", "42725 operator is not unique: date + unknown"),
        ("SELECT count($1)", "42P18 could not determine data type of parameter $1"),
        ("SELECT $2::int", "42P18 could not determine data type of parameter $1"),
        ("SELECT format($1, $2)", "42P18 could not determine data type of parameter $2"),
    ] {
        let error = client.prepare(sql).await.unwrap_err();
        let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error}"));
        assert_eq!(format!("{} {}", error.code().code(), error.message()), expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_bound_to_inferred_parameters_give_postgres_answers() {
    let (_deployment, _server, client) = served().await;
    let rows = client.query("SELECT 9 UNION ALL SELECT $1 ORDER BY 1", &[&10]).await.unwrap();
    let found: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(found, [9, 10]);
    let wanted = vec![1, 7];
    let rows = client.query("SELECT id FROM t WHERE id = ANY($1)", &[&wanted]).await.unwrap();
    assert_eq!(rows.len(), 1);
    let rows = client.query("SELECT array_position(a, $1) FROM t", &[&2]).await.unwrap();
    assert_eq!(rows[0].get::<_, i32>(0), 2);
    let sum = "SELECT sum(CASE WHEN id = $1 THEN $2 ELSE 0 END) FROM t";
    let rows = client.query(sum, &[&1, &5]).await.unwrap();
    assert_eq!(rows[0].get::<_, i64>(0), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_without_a_name_are_named_as_in_postgres() {
    let (_deployment, _server, client) = served().await;
    for (sql, expected) in [
        ("WITH q AS (SELECT count(*), sum(id) FROM t) SELECT * FROM q", "count sum"),
        ("SELECT * FROM (SELECT 1, 'x') q", "?column? ?column?"),
        ("SELECT q.* FROM (SELECT 1 + 1) q", "?column?"),
        ("SELECT \"?column?\" FROM (SELECT 1) q", "?column?"),
        ("SELECT count FROM (SELECT count(*) FROM t) q", "count"),
        ("SELECT * FROM (SELECT upper(g), max(id) FROM t GROUP BY upper(g)) q", "upper max"),
        ("SELECT * FROM (SELECT sum(n), sum(n) FROM t) q", "sum sum"),
        ("SELECT * FROM (SELECT 1 UNION SELECT 2) q", "?column?"),
        ("SELECT * FROM (SELECT CASE WHEN true THEN 1 END, id::text FROM t) q", "case id"),
        ("SELECT row_number FROM (SELECT *, row_number() OVER () FROM t) q", "row_number"),
        ("SELECT * FROM (SELECT max(id) FROM t GROUP BY g HAVING max(id) > 0) q", "max"),
        ("SELECT * FROM (SELECT 1) a, (SELECT 1) b", "?column? ?column?"),
        ("SELECT count(*), count(1) FROM t", "count count"),
        ("SELECT * FROM unnest(ARRAY[1], ARRAY[2])", "unnest unnest"),
        (
            "SELECT ntile(2) OVER (), current_schema, current_role",
            "ntile current_schema current_role",
        ),
        ("SELECT date(ts), age(ts), div(7, 2) FROM t", "date age div"),
    ] {
        let statement =
            client.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let names: Vec<&str> = statement.columns().iter().map(|column| column.name()).collect();
        assert_eq!(names.join(" "), expected, "{sql}");
        client.query(&statement, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}
