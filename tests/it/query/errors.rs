//! What statements that fail say.

use lakeport::error::ErrorKind;

use super::{Lab, check_errors};

#[tokio::test(flavor = "multi_thread")]
async fn fails_in_postgres_words() {
    use ErrorKind::*;
    let mut lab = Lab::new().await;
    let orders = lab.matview("silver.orders");
    lab.publish(&orders, &lab.write(&orders, 3).await).await;
    check_errors(
        &lab,
        &[
            ("SELECT 1 / 0", DivisionByZero, "division by zero"),
            ("SELECT n / 0 FROM silver.orders", DivisionByZero, "division by zero"),
            ("SELECT 1 / 0.0", DivisionByZero, "division by zero"),
            ("SELECT 1.0::float8 / 0", DivisionByZero, "division by zero"),
            ("SELECT n / (n - n) FROM silver.orders", DivisionByZero, "division by zero"),
            ("SELECT n % 0 FROM silver.orders", DivisionByZero, "division by zero"),
            ("SELECT 9223372036854775807 + n FROM silver.orders", NumericValueOutOfRange, "bigint out of range"),
            ("SELECT n * 9223372036854775807 FROM silver.orders", NumericValueOutOfRange, "bigint out of range"),
            ("SELECT 2147483647::int + 1::int", NumericValueOutOfRange, "integer out of range"),
            ("SELECT 9223372036854775807 + 1", NumericValueOutOfRange, "bigint out of range"),
            ("SELECT 3000000000::int", NumericValueOutOfRange, "integer out of range"),
            ("SELECT 'x'::int", InvalidTextRepresentation, "invalid input syntax for type integer: \"x\""),
            ("SELECT name::int FROM silver.orders", InvalidTextRepresentation, "invalid input syntax for type integer: \"row 1\""),
            ("SELECT 'x'::float8", InvalidTextRepresentation, "invalid input syntax for type double precision: \"x\""),
            ("SELECT 'x'::numeric(10,2)", InvalidTextRepresentation, "invalid input syntax for type numeric: \"x\""),
            ("SELECT 'x'::boolean", InvalidTextRepresentation, "invalid input syntax for type boolean: \"x\""),
            ("SELECT 'x'::date", InvalidDatetimeFormat, "invalid input syntax for type date: \"x\""),
            ("SELECT 'x'::timestamp", InvalidDatetimeFormat, "invalid input syntax for type timestamp: \"x\""),
            ("SELECT nope FROM silver.orders", UndefinedColumn, "column \"nope\" does not exist"),
            ("SELECT o.nope FROM silver.orders o", UndefinedColumn, "column o.nope does not exist"),
            ("SELECT x.n FROM silver.orders o", UndefinedTable, "missing FROM-clause entry for table \"x\""),
            ("SELECT nope", UndefinedColumn, "column \"nope\" does not exist"),
            ("SELECT n FROM silver.orders a, silver.orders b", AmbiguousColumn, "column reference \"n\" is ambiguous"),
            ("SELECT * FROM nope", UndefinedTable, "relation \"nope\" does not exist"),
            ("SELECT * FROM silver.nope", UndefinedTable, "relation \"silver.nope\" does not exist"),
                        ("SELECT * FROM \"/etc/passwd\"", UndefinedTable, "relation \"/etc/passwd\" does not exist"),
            ("SELECT * FROM other.silver.orders", FeatureNotSupported, "cross-database references are not implemented: \"other.silver.orders\""),
            ("SELECT nope(1)", UndefinedFunction, "function nope does not exist"),
            ("SELECT sqrt('a', 'b')", UndefinedFunction, "function sqrt(text, text) does not exist"),
            ("SELECT n FROM silver.orders WHERE sum(n) > 1", GroupingError, "aggregate functions are not allowed in WHERE"),
            ("SELECT n, count(*) FROM silver.orders", GroupingError, "column \"orders.n\" must appear in the GROUP BY clause or be used in an aggregate function"),
            ("SELECT (SELECT n FROM silver.orders)", CardinalityViolation, "more than one row returned by a subquery used as an expression"),
            ("SELECT 1 WHERE 5", DatatypeMismatch, "argument of WHERE must be type boolean, not type integer"),
            ("SELECT to_char(now(), 'J')", FeatureNotSupported, "the date pattern \"J\" is not supported"),
            ("SELECT to_date('2024-13-01', 'YYYY-MM-DD')", DatetimeFieldOverflow, "date/time field value out of range: \"2024-13-01\""),
            ("SELECT to_date('abc', 'YYYY')", InvalidDatetimeFormat, "invalid value \"abc\" for \"YYYY\""),
            ("SELECT current_setting('no.such')", UndefinedObject, "unrecognized configuration parameter \"no.such\""),
            ("SELECT n FROM silver.orders VERSION AS OF 9", InvalidParameterValue, "version 9 of \"silver.orders\" is not published"),
            ("SELECT 1 UNION SELECT 1, 2", SyntaxError, "each UNION query must have the same number of columns"),
            ("SELECT * FROM lakeport.nope", UndefinedTable, "relation \"lakeport.nope\" does not exist"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn points_at_the_relation_and_suggests_the_column() {
    let mut lab = Lab::new().await;
    let orders = lab.matview("silver.orders");
    lab.publish(&orders, &lab.write(&orders, 3).await).await;
    let error = lab.ask("SELECT 1 FROM  nope").await.unwrap_err();
    assert_eq!(error.position(), Some(16));
    let error = lab.ask("SELECT nmae FROM silver.orders").await.unwrap_err();
    assert_eq!(error.hint_text(), Some("Perhaps you meant to reference the column \"name\"."));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_queries_are_planned() {
    let lab = Lab::new().await;
    for sql in
        ["SELECT * INTO sandbox.x FROM (SELECT 1) t", "SELECT * FROM read_csv('/etc/passwd')"]
    {
        let error = lab.ask(sql).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::InternalError, "{sql}: {error:?}");
    }
}
