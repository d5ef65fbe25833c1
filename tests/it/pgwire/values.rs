//! Values through a real driver: parameters in binary and in text, results in both.

use std::time::SystemTime;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use futures::{TryStreamExt, pin_mut};
use tokio_postgres::types::{ToSql, Type};

use crate::support::{Deployment, text_rows};

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_as_it_went_in() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    async fn same<T>(client: &tokio_postgres::Client, sql: &str, expected: Type, value: T)
    where
        T: ToSql + Sync + PartialEq + std::fmt::Debug + for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let statement =
            client.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(statement.params(), std::slice::from_ref(&expected), "{sql}");
        assert_eq!(statement.columns()[0].type_(), &expected, "{sql}");
        let row = client.query_one(&statement, &[&value]).await;
        let row = row.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(row.get::<_, T>(0), value, "{sql}");
        let null = client.query_one(&statement, &[&None::<T>]).await;
        let null = null.unwrap_or_else(|error| panic!("{sql} NULL: {error:?}"));
        assert_eq!(null.get::<_, Option<T>>(0), None, "{sql} NULL");
    }
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let time = NaiveTime::from_hms_micro_opt(23, 59, 58, 123_456).unwrap();
    let moment = NaiveDateTime::new(day, time);
    same(&client, "SELECT $1::boolean", Type::BOOL, true).await;
    same(&client, "SELECT $1::smallint", Type::INT2, -7_i16).await;
    same(&client, "SELECT $1::integer", Type::INT4, i32::MIN).await;
    same(&client, "SELECT $1::bigint", Type::INT8, i64::MAX).await;
    same(&client, "SELECT $1::real", Type::FLOAT4, 0.1_f32).await;
    same(&client, "SELECT $1::double precision", Type::FLOAT8, -1e300).await;
    same(&client, "SELECT $1::text", Type::TEXT, "h\u{e9}llo".to_owned()).await;
    same(&client, "SELECT $1::bytea", Type::BYTEA, vec![0_u8, 255]).await;
    same(&client, "SELECT $1::date", Type::DATE, day).await;
    same(&client, "SELECT $1::time", Type::TIME, time).await;
    same(&client, "SELECT $1::timestamp", Type::TIMESTAMP, moment).await;
    same(&client, "SELECT $1::timestamptz", Type::TIMESTAMPTZ, moment.and_utc()).await;
    same(&client, "SELECT $1::timestamptz", Type::TIMESTAMPTZ, SystemTime::UNIX_EPOCH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_take_the_types_of_what_they_are_compared_with() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    client
        .simple_query("CREATE TABLE sandbox.t AS SELECT 1::int AS id, 'x' AS name, DATE '2024-01-01' AS day, 12.34::numeric(10,2) AS amount")
        .await
        .unwrap();
    let sql = "SELECT id FROM sandbox.t WHERE id = $1 AND name = $2 AND day >= $3 LIMIT $4";
    let statement = client.prepare(sql).await.unwrap();
    assert_eq!(statement.params(), &[Type::INT4, Type::TEXT, Type::DATE, Type::INT8]);
    let day = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    let rows = client.query(&statement, &[&1_i32, &"x", &day, &10_i64]).await.unwrap();
    assert_eq!(rows.len(), 1);
    // A numeric is compared as it is, not as it would be rounded to the column's scale.
    let sql = "SELECT count(*) FROM sandbox.t WHERE amount = $1";
    let statement = client.prepare(sql).await.unwrap();
    assert_eq!(statement.params(), &[Type::NUMERIC]);
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_types_are_kept() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    let statement = client.prepare_typed("SELECT $1 + 1", &[Type::INT8]).await.unwrap();
    assert_eq!(statement.params(), &[Type::INT8]);
    let row = client.query_one(&statement, &[&41_i64]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 42);
    let statement = client.prepare_typed("SELECT 2 = ANY($1)", &[Type::INT4_ARRAY]).await;
    if let Ok(statement) = statement {
        let row = client.query_one(&statement, &[&vec![1, 2, 3]]).await.unwrap();
        assert!(row.get::<_, bool>(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inserted_parameters_are_cast_to_the_column() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    client.simple_query("CREATE TABLE sandbox.t (a int, b text, c date)").await.unwrap();
    let types = [Type::INT4, Type::TEXT, Type::DATE];
    let insert =
        client.prepare_typed("INSERT INTO sandbox.t VALUES ($1, $2, $3)", &types).await.unwrap();
    let untyped = client.prepare("INSERT INTO sandbox.t (c, a) VALUES ($1, $2)").await.unwrap();
    assert_eq!(untyped.params(), [Type::DATE, Type::INT4]);
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    assert_eq!(client.execute(&insert, &[&7_i32, &"seven", &day]).await.unwrap(), 1);
    assert_eq!(client.execute(&insert, &[&None::<i32>, &"none", &day]).await.unwrap(), 1);
    assert_eq!(
        text_rows(&client, "SELECT a, b, c FROM sandbox.t ORDER BY a").await.unwrap(),
        [[Some("7"), Some("seven"), Some("2024-02-29")], [None, Some("none"), Some("2024-02-29")],]
            .map(|row| row.map(|value| value.map(str::to_owned)).to_vec())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn portals_give_rows_in_pieces() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let mut client = server.client().await;
    let transaction = client.transaction().await.unwrap();
    let statement = transaction
        .prepare("SELECT * FROM (VALUES (1), (2), (3), (4), (5)) AS t(a) ORDER BY a")
        .await
        .unwrap();
    let portal = transaction.bind(&statement, &[]).await.unwrap();
    let mut pieces = Vec::new();
    for _ in 0..4 {
        let rows = transaction.query_portal(&portal, 2).await.unwrap();
        pieces.push(rows.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>());
    }
    assert_eq!(pieces, [vec![1, 2], vec![3, 4], vec![5], vec![]]);
    transaction.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_statements_are_answered_in_order() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    let first = client.query_one("SELECT 1::int", &[]);
    let second = client.query_one("SELECT 2::int", &[]);
    let third = client.query("SELECT missing", &[]);
    let fourth = client.query_one("SELECT 4::int", &[]);
    let (first, second, third, fourth) = tokio::join!(first, second, third, fourth);
    assert_eq!(first.unwrap().get::<_, i32>(0), 1);
    assert_eq!(second.unwrap().get::<_, i32>(0), 2);
    assert_eq!(third.unwrap_err().code().unwrap().code(), "42703");
    assert_eq!(fourth.unwrap().get::<_, i32>(0), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_a_million_rows_is_streamed() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let client = server.client().await;
    let digits = "(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))";
    let sql = format!(
        "SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d + 100000*g.d AS n \
         FROM {digits} a(d), {digits} b(d), {digits} c(d), {digits} e(d), {digits} f(d), {digits} g(d)"
    );
    let rows = client.query_raw(&sql, Vec::<i64>::new()).await.unwrap();
    pin_mut!(rows);
    let (mut count, mut sum) = (0_u64, 0_i64);
    while let Some(row) = rows.try_next().await.unwrap() {
        count += 1;
        sum += i64::from(row.get::<_, i32>(0));
    }
    assert_eq!((count, sum), (1_000_000, 999_999 * 500_000));
}
