//! What cannot be read, and what is not here yet, in Postgres' words.

use lakeport::error::ErrorKind;
use lakeport::syntax::{parse, parse_here};

use super::refused;

const ERRORS: &[(&str, ErrorKind, &str, usize)] = &[
    ("SELEC 1", ErrorKind::SyntaxError, "syntax error at or near \"SELEC\"", 1),
    ("SELECT 1 +", ErrorKind::SyntaxError, "syntax error at end of input", 11),
    ("SELECT * FROM", ErrorKind::SyntaxError, "syntax error at end of input", 14),
    ("SELECT (1", ErrorKind::SyntaxError, "syntax error at end of input", 10),
    ("SELECT 1 2", ErrorKind::SyntaxError, "syntax error at or near \"2\"", 10),
    ("SELECT 'a", ErrorKind::SyntaxError, "unterminated quoted string at or near \"'a\"", 8),
    ("SELECT \"a", ErrorKind::SyntaxError, "unterminated quoted identifier at or near \"\"a\"", 8),
    ("SELECT 1 /* x", ErrorKind::SyntaxError, "unterminated /* comment at or near \"/* x\"", 10),
    ("SELECT 'ä',\n  FROM FROM t", ErrorKind::SyntaxError, "syntax error at or near \"FROM\"", 15),
    ("SELECT * FROM WHERE x", ErrorKind::SyntaxError, "syntax error at or near \"WHERE\"", 15),
    ("SELECT a, FROM t", ErrorKind::SyntaxError, "syntax error at or near \"FROM\"", 11),
    (
        "SELECT $a$ x",
        ErrorKind::SyntaxError,
        "unterminated dollar-quoted string at or near \"$a$ x\"",
        8,
    ),
    ("CREATE TABLE t", ErrorKind::SyntaxError, "syntax error at end of input", 15),
    ("CREATE TABLE t (a int,)", ErrorKind::SyntaxError, "syntax error at or near \")\"", 23),
    ("CREATE GARBAGE x", ErrorKind::SyntaxError, "syntax error at or near \"GARBAGE\"", 8),
    ("DROP TABLE", ErrorKind::SyntaxError, "syntax error at end of input", 11),
    ("SELECT 1; FOO", ErrorKind::SyntaxError, "syntax error at or near \"FOO\"", 11),
    ("GRANT FLY ON t TO x", ErrorKind::SyntaxError, "unrecognized privilege type \"fly\"", 7),
    (
        "GRANT USAGE ON t TO x",
        ErrorKind::InvalidParameterValue,
        "invalid privilege type USAGE for relation",
        7,
    ),
    (
        "SELECT * FROM t VERSION AS OF 'x'",
        ErrorKind::SyntaxError,
        "syntax error at or near \"'x'\"",
        31,
    ),
    (
        "WITH c AS (SELECT 1) SELECT * FROM c VERSION AS OF 1",
        ErrorKind::WrongObjectType,
        "common table expression \"c\" has no versions",
        36,
    ),
    (
        "SELECT * FROM a.b.c.d",
        ErrorKind::SyntaxError,
        "improper qualified name (too many dotted names): a.b.c.d",
        15,
    ),
    (
        "SELECT * FROM __lakeport_v1",
        ErrorKind::UndefinedTable,
        "relation \"__lakeport_v1\" does not exist",
        15,
    ),
    (
        "CREATE MATERIALIZED VIEW v SCHEDULE EVERY 0 DAYS AS SELECT 1",
        ErrorKind::InvalidParameterValue,
        "a schedule cannot be zero",
        43,
    ),
    (
        "CREATE MATERIALIZED VIEW v SCHEDULE EVERY 2 MOONS AS SELECT 1",
        ErrorKind::InvalidParameterValue,
        "invalid unit of time: \"moons\"",
        43,
    ),
    (
        "CREATE MATERIALIZED VIEW v TRIGGER ON UPDATE AT MOST EVERY 0 DAYS AS SELECT 1",
        ErrorKind::InvalidParameterValue,
        "a schedule cannot be zero",
        60,
    ),
    (
        "VERIFY MATERIALIZED VIEW v SAMPLE 101 PERCENT",
        ErrorKind::InvalidParameterValue,
        "a sample must be above 0 and at most 100 percent",
        35,
    ),
    (
        "VERIFY MATERIALIZED VIEW v SAMPLE ten PERCENT",
        ErrorKind::SyntaxError,
        "syntax error at or near \"ten\"",
        35,
    ),
    (
        "EXPLAIN MATERIALIZED TABLE v",
        ErrorKind::SyntaxError,
        "syntax error at or near \"TABLE\"",
        22,
    ),
];

#[test]
fn errors_are_in_postgres_words_with_their_place() {
    for (text, kind, message, position) in ERRORS.iter().copied() {
        let error = refused(text);
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert_eq!(error.message(), message, "{text}");
        assert_eq!(error.position(), Some(position), "{text}: {error}");
    }
}

const UNSUPPORTED: &[(&str, &str)] = &[
    ("UPDATE t SET a = 1 RETURNING a", "UPDATE ... RETURNING is not supported"),
    ("DELETE FROM t RETURNING a", "DELETE ... RETURNING is not supported"),
    ("DELETE FROM t WHERE CURRENT OF c", "DELETE ... WHERE CURRENT OF is not supported"),
    ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "MERGE is not supported"),
    ("ALTER TABLE t ADD a int DEFAULT 1", "DEFAULT in ADD COLUMN is not supported"),
    ("ALTER TABLE t CLUSTER ON i", "ALTER TABLE ... CLUSTER ON is not supported"),
    ("ALTER ROLE r LOGIN", "ALTER ROLE is not supported"),
    ("COMMENT ON DATABASE d IS 'x'", "COMMENT ON DATABASE is not supported"),
    ("TRUNCATE a, b", "TRUNCATE of several tables at once is not supported"),
    ("VACUUM", "VACUUM without the name of a table is not supported"),
    ("VACUUM FULL t", "VACUUM FULL is not supported"),
    ("OPTIMIZE t ZORDER BY (a)", "OPTIMIZE ... ZORDER is not supported"),
    ("DESCRIBE t", "DESCRIBE other than DESCRIBE HISTORY is not supported"),
    ("VERIFY TABLE t", "VERIFY TABLE is not supported"),
    (
        "EXPLAIN ANALYZE MATERIALIZED VIEW v",
        "EXPLAIN ANALYZE of a materialized view is not supported",
    ),
    ("CREATE UNIQUE INDEX i ON t (a)", "CREATE UNIQUE INDEX is not supported"),
    ("CREATE TEMP VIEW t AS SELECT 1", "CREATE TEMP is not supported"),
    (
        "CREATE TEMP TABLE t (a int) PARTITIONED BY (a)",
        "a partition of a temporary table is not supported",
    ),
    ("CREATE POLICY p ON t USING (true)", "CREATE POLICY is not supported"),
    ("CREATE OR REPLACE TABLE t AS SELECT 1", "CREATE OR REPLACE TABLE is not supported"),
    ("SELECT 1 INTO t", "SELECT INTO is not supported"),
    ("SELECT * FROM t FOR UPDATE", "FOR UPDATE and FOR SHARE is not supported"),
    ("SELECT * FROM t TABLESAMPLE BERNOULLI (5)", "TABLESAMPLE is not supported"),
    ("INSERT INTO t VALUES (1) RETURNING *", "INSERT ... RETURNING is not supported"),
    ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "INSERT ... ON CONFLICT is not supported"),
    (
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "a data-modifying statement in WITH is not supported",
    ),
    ("EXPLAIN INSERT INTO t VALUES (1)", "EXPLAIN INSERT is not supported"),
    (
        "SELECT * FROM STREAM read_files('x')",
        "STREAM outside CREATE STREAMING TABLE is not supported",
    ),
    (
        "CREATE MATERIALIZED VIEW v SCHEDULE CRON '* * * * *' AS SELECT 1",
        "SCHEDULE CRON is not supported",
    ),
    ("CREATE EXTERNAL TABLE t STORED AS orc LOCATION '/x'", "STORED AS ORC is not supported"),
    ("CREATE ROLE r PASSWORD 'secret'", "PASSWORD in SQL is not supported"),
    ("DROP SCHEMA s CASCADE", "this DROP ... CASCADE is not supported"),
    (
        "SELECT * FROM t TIMESTAMP AS OF now()",
        "a version clause that is not a constant is not supported",
    ),
    (
        "GRANT SELECT ON ALL TABLES IN SCHEMA s TO r",
        "GRANT ON ALL TABLES IN SCHEMA is not supported",
    ),
];

#[test]
fn what_is_not_here_yet_is_named() {
    for (text, message) in UNSUPPORTED.iter().copied() {
        let error = refused(text);
        assert_eq!(error.kind(), ErrorKind::FeatureNotSupported, "{text}: {error}");
        assert_eq!(error.message(), message, "{text}");
    }
    assert!(parse("SELECT * FROM db.s.t; CREATE TABLE db.s.t (a int)").is_ok());
    let copy = parse_here("CREATE TABLE db.s.t (a int)").unwrap_err();
    assert_eq!(copy.message(), "cross-database references are not implemented: \"db.s.t\"");
    let deep = refused("CREATE TABLE a.db.s.t (a int)");
    assert_eq!(deep.message(), "improper qualified name (too many dotted names)");
}
