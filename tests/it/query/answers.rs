//! What statements answer, and with which types.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use lakeport::error::ErrorKind;
use lakeport::syntax::Query;

use super::{Lab, check_answers};

#[tokio::test(flavor = "multi_thread")]
async fn answers_as_postgres_does() {
    let lab = Lab::new().await;
    check_answers(
        &lab,
        &[
            ("SELECT 1", &["1"]),
            ("SELECT 1 + 1, 7 / 2, -7 / 2, 7 % 3", &["2|3|-3|1"]),
            ("SELECT 0.1 + 0.2", &["0.3"]),
            ("SELECT 10.0 / 4", &["2.5000000000000000"]),
            ("SELECT 1 / 3.0", &["0.3333333333333333"]),
            ("SELECT 2 / 3.0", &["0.6666666666666667"]),
            ("SELECT -2 / 3.0", &["-0.6666666666666667"]),
            (
                "SELECT round(2.5), round(-2.5), round(1.005, 2), round(1234.5678, -2)",
                &["3|-3|1.01|1200"],
            ),
            ("SELECT 9223372036854775806 + 1", &["9223372036854775807"]),
            ("SELECT 1.5::float8 / 2", &["0.75"]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_and_times_are_postgres_own() {
    let lab = Lab::new().await;
    check_answers(
        &lab,
        &[
            ("SELECT CAST('2024-02-29' AS date) + 1", &["2024-03-01"]),
            ("SELECT date '2024-03-01' - date '2024-02-28'", &["2"]),
            ("SELECT date '2024-01-31' + interval '1 month'", &["2024-02-29T00:00:00"]),
            ("SELECT timestamp '2024-01-01 10:00:00.123456'", &["2024-01-01T10:00:00.123456"]),
            ("SELECT timestamp '0001-01-01 00:00:00'", &["0001-01-01T00:00:00"]),
            ("SELECT to_char(timestamp '2024-03-05 14:07:09.012345', 'YYYY-MM-DD HH24:MI:SS.US')", &[
                "2024-03-05 14:07:09.012345",
            ]),
            ("SELECT to_char(date '2024-03-05', 'FMMonth FMDD, YYYY')", &["March 5, 2024"]),
            ("SELECT to_char(date '2024-03-05', 'Mon|DY|Day |Q|IW|DDD')", &[
                "Mar|TUE|Tuesday   |1|10|065",
            ]),
            ("SELECT to_char(timestamp '2024-03-05 14:07:09', 'HH12:MI am')", &["02:07 pm"]),
            ("SELECT to_date('05/03/2024', 'DD/MM/YYYY')", &["2024-03-05"]),
            ("SELECT to_date('20240305', 'YYYYMMDD')", &["2024-03-05"]),
            ("SELECT to_timestamp('2024-03-05 14:07:09', 'YYYY-MM-DD HH24:MI:SS')", &[
                "2024-03-05T14:07:09Z",
            ]),
            ("SELECT to_timestamp(0)", &["1970-01-01T00:00:00Z"]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_clauses_answer_as_in_postgres() {
    let lab = Lab::new().await;
    check_answers(
        &lab,
        &[
            ("SELECT now() = current_timestamp, now()::date", &["true|2026-10-31"]),
            ("SELECT current_user, session_user, current_database(), current_schema()", &[
                "lakeport|lakeport|lakeport|public",
            ]),
            ("SELECT pg_catalog.current_database()", &["lakeport"]),
            ("SELECT current_schemas(true)", &["[pg_catalog, public]"]),
            ("SELECT current_setting('no.such', true)", &["NULL"]),
            ("SELECT substr(version(), 1, 16)", &["PostgreSQL 15.18"]),
            ("SELECT NULL", &["NULL"]),
            ("SELECT count(*), sum(v), avg(v), min(v), max(v) FROM (VALUES (1), (2), (NULL)) t(v)", &[
                "3|3|1.5000000000000000|1|2",
            ]),
            ("SELECT sum(v) FROM (VALUES (1.10), (2.20)) t(v)", &["3.30"]),
            ("SELECT string_agg(v, ',' ORDER BY v) FROM (VALUES ('b'), ('a')) t(v)", &["a,b"]),
            ("SELECT v FROM (VALUES (2), (NULL), (1)) t(v) ORDER BY v", &["1", "2", "NULL"]),
            ("SELECT v FROM (VALUES (2), (NULL), (1)) t(v) ORDER BY v DESC", &["NULL", "2", "1"]),
            ("SELECT 1 UNION SELECT 1 UNION ALL SELECT 1", &["1", "1"]),
            ("SELECT v FROM (VALUES (1), (1), (2)) t(v) EXCEPT SELECT 2", &["1"]),
            ("SELECT v FROM (VALUES (1), (1), (2)) t(v) INTERSECT SELECT 1", &["1"]),
            ("SELECT * FROM generate_series(1, 3)", &["1", "2", "3"]),
            ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r", &[
                "1", "2", "3",
            ]),
            ("SELECT v FROM (VALUES (9), (10)) t(v) WHERE v < '10'", &["9"]),
            ("SELECT 'a' || 'b', upper('x'), length('abc')", &["ab|X|3"]),
            ("SELECT extract(year FROM date '2024-03-05')", &["2024"]),
            ("SELECT date_trunc('month', timestamp '2024-03-05 14:07:09')", &["2024-03-01T00:00:00"]),
            ("SELECT sum(v) OVER (ORDER BY v) FROM (VALUES (1), (2)) t(v) ORDER BY v", &["1", "3"]),
            ("SELECT CASE WHEN true THEN 1 ELSE 1 / 0 END", &["1"]),
            ("SELECT x.a FROM (SELECT 1 AS a) AS x WHERE EXISTS (SELECT 1)", &["1"]),
            ("SELECT true AND NULL, false AND NULL, NULL IS NULL", &["NULL|false|true"]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_plain_types() {
    let lab = Lab::new().await;
    let cases = [
        ("SELECT count(*)", DataType::Int64),
        ("SELECT row_number() OVER ()", DataType::Int64),
        ("SELECT 'a'", DataType::Utf8),
        ("SELECT arrow_cast('a', 'Utf8View')", DataType::Utf8),
        ("SELECT arrow_cast('a', 'Dictionary(Int32, Utf8)')", DataType::Utf8),
        ("SELECT NULL", DataType::Utf8),
        (
            "SELECT now()",
            DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into())),
        ),
        ("SELECT 1.5::float", DataType::Float64),
        ("SELECT 'x'::character varying", DataType::Utf8),
        ("SELECT 1.25", DataType::Decimal128(3, 2)),
        ("SELECT date '2024-01-01'", DataType::Date32),
    ];
    for (sql, expected) in cases {
        let query = Query::parse(sql).unwrap();
        let plan = lab.engine.plan(&query, &lab.context("lakeport"), &[]).await.unwrap();
        assert_eq!(plan.schema().field(0).data_type(), &expected, "{sql}");
        lab.ask(sql).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn infers_parameters_from_their_place() {
    let mut lab = Lab::new().await;
    let orders = lab.matview("silver.orders");
    lab.publish(&orders, &lab.write(&orders, 3).await).await;
    let cases: [(&str, &[DataType]); 7] = [
        ("SELECT name FROM silver.orders WHERE n = $1", &[DataType::Int64]),
        (
            "SELECT n FROM silver.orders WHERE name = $1 AND n > $2",
            &[DataType::Utf8, DataType::Int64],
        ),
        ("SELECT $1::int + 1", &[DataType::Int32]),
        ("SELECT n + $1 FROM silver.orders", &[DataType::Int64]),
        ("SELECT n FROM silver.orders LIMIT $1", &[DataType::Int64]),
        ("SELECT $1", &[DataType::Utf8]),
        ("SELECT n FROM silver.orders WHERE n IN ($1, $2)", &[DataType::Int64, DataType::Int64]),
    ];
    for (sql, expected) in cases {
        let query = Query::parse(sql).unwrap();
        let plan = lab.engine.plan(&query, &lab.context("lakeport"), &[]).await.unwrap();
        assert_eq!(
            plan.parameters().iter().map(|f| f.data_type().clone()).collect::<Vec<_>>(),
            expected,
            "{sql}"
        );
    }
    let context = lab.context("lakeport");
    let two = || ScalarValue::Int64(Some(2));
    let sql = "SELECT name FROM silver.orders WHERE n = $1";
    assert_eq!(lab.ask_in(&context, sql, vec![two()]).await.unwrap(), ["row 2"]);
    let text = ScalarValue::Utf8(Some("2".to_owned()));
    assert_eq!(lab.ask_in(&context, sql, vec![text]).await.unwrap(), ["row 2"]);
    let sql = "SELECT n FROM silver.orders ORDER BY n LIMIT $1 OFFSET $2";
    let one = ScalarValue::Int64(Some(1));
    assert_eq!(lab.ask_in(&context, sql, vec![two(), one]).await.unwrap(), ["2", "3"]);
    let error = lab.ask_in(&context, "SELECT $1", Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProtocolViolation);
}

#[tokio::test(flavor = "multi_thread")]
async fn instants_are_shown_in_the_sessions_zone() {
    let mut lab = Lab::new().await;
    let orders = lab.matview("silver.orders");
    lab.publish(&orders, &lab.write(&orders, 1).await).await;
    let mut context = lab.context("lakeport");
    context.time_zone = "America/New_York".to_owned();
    let cases = [
        ("SELECT now()", "2026-10-31T08:00:00-04:00"),
        ("SELECT timestamptz '2026-11-20 23:30:00'", "2026-11-20T23:30:00-05:00"),
        ("SELECT timestamptz '2026-11-21 01:30:00+00' AT TIME ZONE 'utc'", "2026-11-21T01:30:00"),
        ("SELECT (timestamptz '2026-11-21 01:30:00+00')::date", "2026-11-20"),
        (
            "SELECT timestamp '2026-07-01 12:00:00' AT TIME ZONE 'Europe/Paris'",
            "2026-07-01T06:00:00-04:00",
        ),
        ("SELECT to_char(timestamptz '2026-07-01 12:00:00+00', 'HH24:MI')", "08:00"),
        ("SELECT published_at FROM lakeport.tables", "2026-10-31T08:00:00-04:00"),
        (
            "SELECT date_trunc('day', published_at) FROM lakeport.tables",
            "2026-10-31T00:00:00-04:00",
        ),
        ("SELECT extract(hour FROM published_at) FROM lakeport.epochs", "8"),
    ];
    for (sql, expected) in cases {
        let rows = lab.ask_in(&context, sql, Vec::new()).await;
        assert_eq!(rows.unwrap(), [expected], "{sql}");
    }
    let unknown = "SELECT now() AT TIME ZONE 'Nowhere'";
    let error = lab.ask_in(&context, unknown, Vec::new()).await.unwrap_err();
    assert_eq!(error.message(), "time zone \"Nowhere\" not recognized");
}
