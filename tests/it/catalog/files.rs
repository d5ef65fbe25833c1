//! What the files of a deployment say, and every way they can be wrong.

use std::fs;
use std::path::Path;

use lakeport::catalog::{Desired, FileError, RelationKind, load_files};
use lakeport::error::ErrorKind;
use lakeport::name::{RelationName, RoleName};
use tempfile::TempDir;

/// A deployment of these files.
pub(super) fn deployment(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for folder_name in ["catalog", "sql"] {
        fs::create_dir_all(folder.path().join(folder_name)).expect("a folder");
    }
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

pub(super) fn load(files: &[(&str, &str)]) -> Result<Desired, Vec<FileError>> {
    let folder = deployment(files);
    load_files(&folder.path().join("catalog"), &folder.path().join("sql"))
}

pub(super) fn loaded(files: &[(&str, &str)]) -> Desired {
    load(files).unwrap_or_else(|mistakes| {
        let shown: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", shown.join("\n"))
    })
}

/// `file:line:column sqlstate message`.
fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
    let mistakes = load(files).expect_err("mistakes");
    let shown = mistakes.iter().map(|mistake| {
        let (file, error) = (mistake.file.to_string_lossy().replace('\\', "/"), &mistake.error);
        let sqlstate = error.kind().sqlstate();
        format!("{file}:{}:{} {sqlstate} {}", mistake.line, mistake.column, error.message())
    });
    shown.collect()
}

pub(super) fn name(text: &str) -> RelationName {
    text.parse().expect("schema.relation")
}

pub(super) const SCHEMAS: (&str, &str) = (
    "catalog/schemas.sql",
    "CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold_finance;",
);
pub(super) const ORDERS: (&str, &str) = (
    "catalog/bronze.sql",
    "CREATE STREAMING TABLE bronze.orders SCHEDULE EVERY 5 MINUTES
     AS SELECT * FROM STREAM read_files('orders/*.csv');",
);

#[test]
fn a_whole_deployment_is_read() {
    let desired = loaded(&[
        SCHEMAS,
        ORDERS,
        (
            "catalog/roles.sql",
            "GRANT SELECT ON SCHEMA silver TO analyst; GRANT finance TO analyst;
             CREATE ROLE lakeport SUPERUSER LOGIN; CREATE ROLE analyst LOGIN; CREATE ROLE finance;
             GRANT SELECT, REFRESH ON gold_finance.revenue TO finance;
             REVOKE REFRESH ON gold_finance.revenue FROM finance;
             GRANT CREATE ON SCHEMA sandbox TO PUBLIC;",
        ),
        ("catalog/notes.txt", "not SQL"),
        ("sql/silver/orders.test.sql", "not SQL either"),
        (
            "sql/silver/orders.sql",
            "-- Orders.\nCREATE MATERIALIZED VIEW silver.orders (a COMMENT 'A') COMMENT 'C'
             AS WITH x AS (SELECT * FROM bronze.orders) SELECT * FROM x, quarantine.bronze__orders q;",
        ),
        ("sql/silver/named.sql", "CREATE VIEW silver.named AS SELECT * FROM silver.orders"),
        (
            "sql/gold/finance/revenue.sql",
            "CREATE MATERIALIZED VIEW gold_finance.revenue SCHEDULE EVERY 1 DAYS
             AS SELECT * FROM silver.named;",
        ),
    ]);
    let state = &desired.state;
    let names: Vec<String> = state.relations.keys().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "bronze.orders",
            "gold_finance.revenue",
            "quarantine.bronze__orders",
            "quarantine.gold_finance__revenue",
            "quarantine.silver__orders",
            "silver.named",
            "silver.orders"
        ]
    );
    let orders = state.relation(&name("silver.orders")).expect("the view");
    assert_eq!(orders.file.as_deref(), Some("sql/silver/orders.sql"));
    assert_eq!(orders.comment.as_deref(), Some("C"));
    assert!(orders.definition.starts_with("CREATE MATERIALIZED VIEW"), "{}", orders.definition);
    assert_eq!(orders.sources(), [name("bronze.orders"), name("quarantine.bronze__orders")]);
    let order: Vec<String> =
        state.refresh_order().expect("no circle").iter().map(|r| r.name.to_string()).collect();
    assert_eq!(order, ["bronze.orders", "silver.orders", "silver.named", "gold_finance.revenue"]);
    let readers = state.dependents(&name("silver.orders"));
    assert_eq!(readers.len(), 1);
    let quarantine = state.relation(&name("quarantine.silver__orders")).expect("made beside it");
    assert_eq!(quarantine.kind, RelationKind::Quarantine { of: orders.id });
    let grants: Vec<String> = state.grants.iter().map(ToString::to_string).collect();
    assert_eq!(
        grants,
        [
            "select on schema silver to analyst",
            "select on gold_finance.revenue to finance",
            "create on schema sandbox to public"
        ]
    );
    let analyst = &state.roles[&RoleName("analyst".to_owned())];
    assert_eq!(analyst.member_of, [RoleName("finance".to_owned())]);
    assert_eq!(analyst.file.as_deref(), Some("catalog/roles.sql"));
}

const WRONG: &[(&str, &str)] = &[
    SCHEMAS,
    (
        "catalog/bronze.sql",
        "-- What comes in.
CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('x');
CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('y');
CREATE STREAMING TABLE bronz.lines AS SELECT * FROM STREAM read_files('y');

CREATE EXTERNAL TABLE bronze.broken STORED AS LOCATION;
  CREATE MATERIALIZED VIEW silver.x AS SELECT 1;
",
    ),
    (
        "catalog/roles.sql",
        "CREATE ROLE finance; CREATE ROLE finance;
GRANT SELECT ON SCHEMA silver TO finanse;
GRANT SELECT ON silver.missing, bronze.broken TO finance;
GRANT SELECT ON bronze.broken TO finance;
SELECT 1;",
    ),
    ("sql/silver/empty.sql", "-- nothing yet\n"),
    ("sql/silver/named.sql", "\n\n  CREATE VIEW silver.other AS SELECT 1;"),
    (
        "sql/silver/two.sql",
        "CREATE VIEW silver.two AS SELECT 1;\nCREATE VIEW silver.three AS SELECT 1;",
    ),
    ("sql/silver/a__b.sql", "CREATE VIEW silver.a__b AS SELECT 1"),
    (
        "sql/silver/orders.sql",
        "CREATE VIEW silver.orders AS\nSELECT * FROM bronze.ordes, orders, bronze.broken,\n   sandbox.mine",
    ),
    (
        "sql/silver/p.sql",
        "CREATE MATERIALIZED VIEW silver.p REFRESH POLICY INCREMENTAL AS SELECT 1",
    ),
    ("sql/silver/q.sql", "CREATE MATERIALIZED VIEW silver.q TARGET LAG 5 MINUTES AS SELECT 1"),
    ("sql/silver/r.sql", "CREATE MATERIALIZED VIEW silver.r AS SELECT 'ä', FROM x"),
    ("sql/silver/s.sql", "CREATE VIEW silver.s AS SELECT * FROM silver.r, silver.p"),
    ("sql/gold/x.sql", "CREATE VIEW gold.x AS SELECT 1"),
    ("sql/loose.sql", "CREATE VIEW silver.loose AS SELECT 1"),
    ("sql/silver/c1.sql", "CREATE MATERIALIZED VIEW silver.c1 AS SELECT * FROM silver.c2"),
    ("sql/silver/c2.sql", "CREATE VIEW silver.c2 AS SELECT * FROM silver.c3"),
    ("sql/silver/c3.sql", "CREATE MATERIALIZED VIEW silver.c3 AS SELECT * FROM silver.c1"),
    ("sql/silver/self.sql", "CREATE MATERIALIZED VIEW silver.self AS SELECT * FROM silver.self"),
];

const MISTAKES: &[&str] = &[
    "catalog/bronze.sql:3:24 42P07 relation \"bronze.orders\" already exists",
    "catalog/bronze.sql:4:24 3F000 schema \"bronz\" does not exist",
    "catalog/bronze.sql:6:55 42601 syntax error at end of input",
    "catalog/bronze.sql:7:3 42P17 a materialized view is defined in sql/, one a file",
    "catalog/roles.sql:1:22 42710 role \"finance\" already exists",
    "catalog/roles.sql:2:1 42704 role \"finanse\" does not exist",
    "catalog/roles.sql:3:17 42P01 relation \"silver.missing\" does not exist",
    "catalog/roles.sql:5:1 42P17 this statement does not define what the lakehouse is",
    "sql/gold/x.sql:1:13 3F000 schema \"gold\" does not exist",
    "sql/loose.sql:1:13 42P17 a view's file lies in the folder of its schema",
    "sql/silver/a__b.sql:1:13 42602 name \"a__b\" contains two underscores in a row",
    "sql/silver/c1.sql:1:1 42P17 views read each other in a circle: silver.c1 -> silver.c2 -> silver.c3 -> silver.c1",
    "sql/silver/empty.sql:1:1 42P17 no view is defined here",
    "sql/silver/named.sql:3:15 42P17 this file defines silver.other, but its path says silver.named",
    "sql/silver/orders.sql:2:15 42P01 relation \"bronze.ordes\" does not exist",
    "sql/silver/orders.sql:2:29 42P01 relation \"orders\" does not exist",
    "sql/silver/orders.sql:3:4 42P01 relation \"sandbox.mine\" does not exist",
    "sql/silver/q.sql:1:26 0A000 TARGET LAG is not supported",
    "sql/silver/r.sql:1:50 42601 syntax error at or near \"FROM\"",
    "sql/silver/self.sql:1:1 42P17 view silver.self reads itself",
    "sql/silver/two.sql:2:13 42P17 a second view in one file",
];

#[test]
fn every_mistake_is_reported_with_its_place_at_once() {
    assert_eq!(mistakes(WRONG), MISTAKES);
}

#[test]
fn hints_name_what_was_meant() {
    let hint = |files: &[(&str, &str)]| {
        let mistakes = load(files).expect_err("a mistake");
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        let hint = mistakes[0].error.hint_text().unwrap_or_default().to_owned();
        let detail = mistakes[0].error.detail_text().unwrap_or_default().to_owned();
        format!("{detail}{hint}")
    };
    let view = |text| ("sql/silver/v.sql", text);
    let reads = |from: &'static str| hint(&[SCHEMAS, ORDERS, view(from)]);
    assert_eq!(
        reads("CREATE VIEW silver.v AS SELECT * FROM bronze.ordres"),
        "Did you mean \"bronze.orders\"?"
    );
    assert_eq!(
        reads("CREATE VIEW silver.v AS SELECT * FROM silver.orders"),
        "Did you mean \"bronze.orders\"?"
    );
    assert_eq!(
        reads("CREATE VIEW silver.v AS SELECT * FROM orders"),
        "Did you mean \"bronze.orders\"? Names without a schema mean public in files."
    );
    let again = ("catalog/more.sql", "\nCREATE VIEW bronze.orders AS SELECT 1;");
    assert_eq!(hint(&[SCHEMAS, ORDERS, again]), "It is defined in catalog/bronze.sql line 1, too.");
}

#[test]
fn folders_and_files_that_cannot_be_read_are_mistakes() {
    let folder = deployment(&[]);
    let missing = load_files(&folder.path().join("nowhere"), &folder.path().join("sql"));
    let mistakes = missing.expect_err("no folder");
    assert_eq!(mistakes[0].error.kind(), ErrorKind::UndefinedFile);
    assert!(mistakes[0].error.hint_text().is_some());
    fs::write(folder.path().join("catalog/x.sql"), [0xff, 0xfe, 0x00]).expect("a file");
    let binary = load_files(&folder.path().join("catalog"), &folder.path().join("sql"));
    assert_eq!(binary.expect_err("no text")[0].error.kind(), ErrorKind::CharacterNotInRepertoire);
}

#[test]
fn an_empty_deployment_has_what_every_lake_has() {
    let state = loaded(&[]).state;
    let schemas: Vec<&str> = state.schemas.keys().map(String::as_str).collect();
    assert_eq!(schemas, ["public", "quarantine", "sandbox"]);
    assert!(state.roles[&RoleName::lakeport()].options.superuser);
    assert!(state.relations.is_empty() && state.grants.is_empty());
}

#[test]
fn the_shop_is_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Err(mistakes) = load_files(&root.join("catalog"), &root.join("sql")) {
        let shown: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", shown.join("\n"));
    }
}
