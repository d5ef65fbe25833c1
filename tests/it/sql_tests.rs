//! `lakeport test`: the shop's own tests, and what a failing or mistaken one says.

use std::path::PathBuf;

use lakeport::config::Paths;
use lakeport::project::{self, Failure, Reporter, TestOutcome};

use super::support::{Deployment, words};

const BRONZE: &str = "-- One.
CREATE STREAMING TABLE bronze.t (id text, n bigint)
AS SELECT * FROM STREAM read_files('in/*.json', format => 'json', schemaHints => 'items array<struct<a bigint, b text>>');
";

const VIEW: &str = "-- Sums.
CREATE MATERIALIZED VIEW silver.v (
    id, total, day,
    CONSTRAINT has_id EXPECT (id IS NOT NULL) ON VIOLATION QUARANTINE ROW
) AS SELECT id, CAST(sum(n) AS bigint) AS total, current_date AS day FROM bronze.t GROUP BY id;
";

fn deployment(tests: &str) -> Deployment {
    Deployment::new()
        .catalog("bronze.sql", BRONZE)
        .sql("silver/v.sql", VIEW)
        .sql("silver/v.test.sql", tests)
}

async fn run(deployment: &Deployment) -> Result<Vec<TestOutcome>, Failure> {
    project::run_tests(&deployment.paths(), &[], &Reporter::new(true)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shops_tests_pass() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths {
        catalog: root.join("catalog"),
        sql: root.join("sql"),
        dir: folder.path().join("lake"),
        landing: folder.path().join("landing"),
    };
    let outcomes = project::run_tests(&paths, &[], &Reporter::new(true)).await;
    let outcomes = outcomes.unwrap_or_else(|failure| panic!("{}", words(&failure)));
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(outcomes.len() >= 12);
    assert!(!paths.dir.exists(), "a test has made a lake");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_deployments_tests_pass() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/deployments");
    for (name, tests) in [("ad_platforms", 1), ("global_electronics", 3), ("real_sources", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths {
            catalog: root.join(name).join("catalog"),
            sql: root.join(name).join("sql"),
            dir: folder.path().join("lake"),
            landing: folder.path().join("landing"),
        };
        let outcomes = project::run_tests(&paths, &[], &Reporter::new(true)).await;
        let outcomes = outcomes.unwrap_or_else(|failure| panic!("{name}: {}", words(&failure)));
        let failed: Vec<_> = outcomes.iter().filter(|test| !test.failures.is_empty()).collect();
        assert!(failed.is_empty(), "{name}: {failed:#?}");
        assert_eq!(outcomes.len(), tests, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_times_and_quarantine_are_compared() {
    let deployment = deployment(
        "-- One.
TEST 'sums';
NOW '2026-10-31 08:00';
GIVEN bronze.t (id, n) VALUES ('a', 1), ('a', 2), (NULL, 5);
EXPECT silver.v (day, total, id) VALUES (DATE '2026-10-31', 3, 'a');
EXPECT quarantine.silver__v (total) VALUES (5);
TEST 'nothing comes of nothing';
EXPECT silver.v EMPTY;
TEST 'wrong';
GIVEN bronze.t (id, n) VALUES ('a', 1), ('b', 1);
EXPECT silver.v (id, total) VALUES ('a', 1), ('a', 1), ('c', NULL);
TEST 'a view is given';
GIVEN silver.v (id) VALUES ('x');
EXPECT silver.v (id, total) VALUES ('x', NULL);
TEST 'nested';
GIVEN bronze.t (items) VALUES ('[{\"a\":1,\"b\":\"x\"}]');
EXPECT bronze.t (items) VALUES ('[{\"a\":1,\"b\":\"x\"}]');
",
    );
    let outcomes = run(&deployment).await.unwrap_or_else(|failure| panic!("{}", words(&failure)));
    let failed: Vec<(&str, usize)> =
        outcomes.iter().map(|o| (o.name.as_str(), o.failures.len())).collect();
    assert_eq!(
        failed,
        [
            ("sums", 0),
            ("nothing comes of nothing", 0),
            ("wrong", 1),
            ("a view is given", 0),
            ("nested", 0)
        ]
    );
    let failure = &outcomes[2].failures[0];
    assert_eq!(failure.line, 11);
    assert_eq!(failure.missing, [["'a'", "1"], ["'c'", "NULL"]]);
    assert_eq!(failure.surplus, [["'b'", "1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_have_a_place() {
    let deployment = deployment(
        "-- One.
EXPECT silver.v EMPTY;
TEST 'a';
GIVEN bronze.t (id) VALUES ('a';
GIVEN t (id) VALUES ('a');
SELECT 1;
",
    );
    let Err(Failure::Files(mistakes)) = run(&deployment).await else { panic!("no mistakes") };
    let all = words(&Failure::Files(mistakes));
    let lines: Vec<&str> = all.lines().filter(|line| !line.starts_with("HINT")).collect();
    assert_eq!(
        lines.join("\n"),
        "sql/silver/v.test.sql:2:1: no TEST 'name' stands before this
sql/silver/v.test.sql:3:1: test \"a\" expects nothing
sql/silver/v.test.sql:4:32: syntax error at end of input
sql/silver/v.test.sql:5:1: relation \"t\" has no schema
sql/silver/v.test.sql:6:1: this is no statement of a test"
    );
    for (test, mistake) in [
        ("GIVEN bronze.u EMPTY;", "4:1: relation \"bronze.u\" does not exist"),
        (
            "GIVEN bronze.t (n) VALUES ('x');",
            "4:1: column \"n\": invalid input syntax for type bigint: \"x\"",
        ),
        (
            "GIVEN bronze.t (n) VALUES (1, 2);",
            "4:1: 1 columns are named but the rows have 2 values",
        ),
        ("GIVEN bronze.t (n, n) VALUES (1, 2);", "4:1: column \"n\" specified more than once"),
        (
            "GIVEN quarantine.bronze__t EMPTY;",
            "4:1: quarantine.bronze__t is a quarantine table and cannot be given",
        ),
    ] {
        let deployment = deployment.path("sql/silver/v.test.sql");
        std::fs::write(
            &deployment,
            format!("-- One.\n\nTEST 'a';\n{test}\nEXPECT silver.v EMPTY;\n"),
        )
        .unwrap();
        let paths = Paths {
            catalog: deployment.parent().unwrap().join("../../catalog"),
            sql: deployment.parent().unwrap().join(".."),
            dir: "none".into(),
            landing: "none".into(),
        };
        let ended = project::run_tests(&paths, &[], &Reporter::new(true)).await;
        let Err(failure) = ended else { panic!("{test} is no mistake") };
        assert!(words(&failure).contains(mistake), "{}", words(&failure));
    }
}

#[test]
fn the_command_shows_rows_that_differ_and_ends_with_one() {
    let deployment = deployment(
        "-- One.
TEST 'wrong';
GIVEN bronze.t (id, n) VALUES ('a', 1);
EXPECT silver.v (id, total) VALUES ('a', 2);
TEST 'right';
EXPECT silver.v EMPTY;
",
    );
    let output = deployment.command(&["test"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "failed  sql/silver/v.test.sql:2  wrong
    sql/silver/v.test.sql:4: silver.v differs: 1 expected rows are missing, 1 were not expected
        id  | total
      - 'a' | 2
      + 'a' | 1
ok      sql/silver/v.test.sql:5  right
1 passed, 1 failed
"
    );
    let output = deployment.command(&["test", "--json", "silver.v"]).output().unwrap();
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["failed"], 1);
    assert_eq!(value["tests"][0]["failures"][0]["missing"], serde_json::json!([["'a'", "2"]]));
    let output = deployment.command(&["test", "gold"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there are no tests of \"gold\""));
    assert!(!deployment.path("lake").exists());
}
