//! What a query reads, and how the planner gets it.

use lakeport::syntax::{Query, TimeTravel};

fn references(text: &str) -> Vec<String> {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let shown = query.references().iter().map(|reference| {
        let parts = [reference.database.clone(), reference.schema.clone()];
        let mut name: String = parts.into_iter().flatten().map(|part| part + ".").collect();
        name.push_str(&reference.relation);
        match &reference.travel {
            None => name,
            Some(TimeTravel::Version(version)) => format!("{name}@{version}"),
            Some(TimeTravel::Timestamp(time)) => format!("{name}@'{time}'"),
            Some(TimeTravel::Changes(from, to)) => format!("{name}@{from}..{to}"),
        }
    });
    shown.collect()
}

fn tree(text: &str) -> String {
    Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).statement().to_string()
}

#[test]
fn relations_are_listed_once_wherever_they_stand() {
    let cases: [(&str, &[&str]); 14] = [
        ("SELECT 1", &[]),
        ("SELECT * FROM T JOIN s.\"T\" ON true, t AS again", &["t", "s.T"]),
        ("TABLE s.t", &["s.t"]),
        ("SELECT * FROM db.s.t", &["db.s.t"]),
        ("SELECT (SELECT max(x) FROM a), EXISTS (SELECT 1 FROM b) FROM c", &["a", "b", "c"]),
        (
            "SELECT * FROM a WHERE x IN (SELECT y FROM b) ORDER BY (SELECT 1 FROM c)",
            &["a", "b", "c"],
        ),
        ("SELECT * FROM generate_series(1, 10) g, LATERAL (SELECT * FROM t) u", &["t"]),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b", &["b"]),
        ("WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT * FROM r, t) SELECT * FROM r", &["t"]),
        ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a", &["a"]),
        ("WITH a AS (SELECT 1) SELECT * FROM a, s.a, (SELECT * FROM a) x", &["s.a"]),
        ("WITH a AS (WITH b AS (SELECT * FROM c) SELECT * FROM b) SELECT * FROM a, b", &["c", "b"]),
        ("VALUES ((SELECT 1 FROM t))", &["t"]),
        (
            "SELECT count(*) FILTER (WHERE x = (SELECT 1 FROM u)) OVER (ORDER BY (SELECT 1 FROM v)) FROM t",
            &["u", "v", "t"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(references(text), expected, "{text}");
    }
}

#[test]
fn no_version_clause_is_left_for_the_planner() {
    let cases: [(&str, &[&str]); 10] = [
        ("SELECT * FROM t VERSION AS OF 3", &["t@3"]),
        ("SELECT * FROM table_changes('s.t', 3, 5), s.t", &["s.t@3..5", "s.t"]),
        ("SELECT * FROM t TIMESTAMP AS OF '2026-10-31'", &["t@'2026-10-31'"]),
        ("SELECT * FROM t FOR SYSTEM_TIME AS OF timestamp '2026-10-31' AS x", &["t@'2026-10-31'"]),
        (
            "SELECT * FROM t TIMESTAMP AS OF '2026-10-31'::timestamptz x WHERE true",
            &["t@'2026-10-31'"],
        ),
        ("SELECT * FROM t, t VERSION AS OF 1 a, t VERSION AS OF 2 b", &["t", "t@1", "t@2"]),
        ("WITH c AS (SELECT * FROM t VERSION AS OF 1) SELECT * FROM c", &["t@1"]),
        ("SELECT * FROM a WHERE x IN (SELECT x FROM t VERSION AS OF 1)", &["a", "t@1"]),
        ("SELECT * FROM (a JOIN s.t VERSION AS OF 1 ON true)", &["a", "s.t@1"]),
        (
            "SELECT (SELECT 1 FROM t VERSION AS OF 1) UNION SELECT 1 FROM t VERSION AS OF 1",
            &["t@1"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(references(text), expected, "{text}");
        let planned = tree(text);
        assert!(!planned.contains(" AS OF "), "{planned}");
    }
    let query = Query::parse("SELECT t.x FROM s.t VERSION AS OF 3").expect("a query");
    let planned_as = &query.references()[0].planned_as;
    assert_eq!(
        query.statement().to_string(),
        format!("SELECT t.x FROM {planned_as} AS \"t\""),
        "its own name still qualifies its columns"
    );
    assert_eq!(query.references()[0].position, Some(17));
}

#[test]
fn words_of_other_systems_version_clauses_are_aliases() {
    for text in ["SELECT * FROM t changes", "SELECT * FROM t before", "SELECT at.x FROM t at"] {
        assert_eq!(references(text), ["t"], "{text}");
    }
    assert!(tree("SELECT x AT TIME ZONE 'UTC' FROM t").contains("'UTC'"), "AT keeps its meaning");
}

#[test]
fn types_with_two_spellings_mean_what_postgres_means() {
    let cases = [
        ("SELECT x::float", "DOUBLE PRECISION"),
        ("SELECT CAST(x AS float(53))", "DOUBLE PRECISION"),
        ("SELECT x::float(24)", "REAL"),
        ("SELECT x::float[]", "DOUBLE PRECISION[]"),
        ("SELECT x::dec(5, 2)", "DECIMAL(5,2)"),
        ("SELECT x::character varying", "VARCHAR"),
    ];
    for (text, expected) in cases {
        assert!(tree(text).contains(expected), "{text}: {}", tree(text));
    }
}
