//! All other statements, and scripts of them.

use lakeport::syntax::{
    Discard, DropKind, GrantObject, Isolation, Privilege, SetValue, Statement, TransactionModes,
    normalize, parse, parse_one, split_statements,
};

use super::one;

#[test]
fn other_statements_are_read_whole() {
    let Statement::CreateTable(table) =
        one("CREATE TABLE IF NOT EXISTS t (a int NOT NULL, b text) PARTITIONED BY (a) COMMENT 'c'")
    else {
        panic!("not a table")
    };
    assert!(table.if_not_exists && table.query.is_none());
    assert_eq!(table.partition_by, ["a"]);
    let Statement::CreateTable(table) = one("create table sandbox.t as (select 1)") else {
        panic!("not a table")
    };
    assert_eq!(table.query.map(|query| query.text().to_owned()).as_deref(), Some("(select 1)"));
    let Statement::Insert(insert) = one("INSERT INTO t (a, \"B\") VALUES (1, 2)") else {
        panic!("not an insert")
    };
    assert_eq!(insert.columns, ["a", "B"]);
    assert_eq!(insert.query.text(), "VALUES (1, 2)");
    assert!(
        matches!(one("INSERT INTO t (SELECT 1)"), Statement::Insert(i) if i.columns.is_empty())
    );
    assert!(matches!(
        one("REFRESH MATERIALIZED VIEW s.v FULL"),
        Statement::Refresh { full: true, .. }
    ));
    let Statement::Drop(drop) = one("DROP MATERIALIZED VIEW IF EXISTS a, s.b") else {
        panic!("not a drop")
    };
    assert_eq!(
        (drop.kind, drop.if_exists, drop.names.len()),
        (DropKind::MaterializedView, true, 2)
    );
    let Statement::Explain(explain) = one("EXPLAIN (ANALYZE, VERBOSE off, COSTS on) SELECT 1")
    else {
        panic!("not an explain")
    };
    assert!(explain.analyze && !explain.verbose);
    assert!(
        matches!(one("EXPLAIN ANALYZE VERBOSE (SELECT 1)"), Statement::Explain(e) if e.verbose)
    );
}

#[test]
fn roles_and_grants_are_read() {
    assert!(matches!(
        one("CREATE ROLE lakeport SUPERUSER LOGIN"),
        Statement::CreateRole { options, .. } if options.login && options.superuser
    ));
    assert!(matches!(one("CREATE USER u"), Statement::CreateRole { options, .. } if options.login));
    let Statement::Grant(grant) = one("GRANT SELECT, INSERT ON TABLE a, s.b TO x, PUBLIC") else {
        panic!("not a grant")
    };
    assert_eq!(grant.privileges, [Privilege::Select, Privilege::Insert]);
    assert_eq!(grant.roles, ["x", "public"]);
    assert!(matches!(grant.object, GrantObject::Relations(names) if names.len() == 2));
    let Statement::Revoke(grant) = one("REVOKE ALL PRIVILEGES ON SCHEMA a, b FROM x") else {
        panic!("not a revoke")
    };
    assert_eq!(grant.privileges.len(), 5);
    let Statement::Grant(grant) = one("GRANT finance TO anna") else { panic!("not a grant") };
    assert_eq!(grant.object, GrantObject::Roles(vec!["finance".to_owned()]));
}

#[test]
fn settings_and_transactions_are_read() {
    let set = |text: &str| match one(text) {
        Statement::Set { name, value, local } => (name, value, local),
        other => panic!("{text}: {other:?}"),
    };
    let values = |values: &[&str]| {
        SetValue::Values(values.iter().map(|value| (*value).to_owned()).collect())
    };
    let cases = [
        ("SET search_path TO \"$user\", public", "search_path", values(&["$user", "public"])),
        ("SET SESSION x = -1.5", "x", values(&["-1.5"])),
        ("SET TIME ZONE 'Europe/Athens'", "timezone", values(&["Europe/Athens"])),
        ("SET TIME ZONE LOCAL", "timezone", SetValue::Default),
        ("SET TimeZone TO DEFAULT", "timezone", SetValue::Default),
        ("SET lakeport.as_of = '3'", "lakeport.as_of", values(&["3"])),
        ("SET NAMES 'utf8'", "client_encoding", values(&["utf8"])),
        ("SET extra_float_digits = 3", "extra_float_digits", values(&["3"])),
        ("SET standard_conforming_strings = on", "standard_conforming_strings", values(&["on"])),
    ];
    for (text, name, value) in cases {
        assert_eq!(set(text), (name.to_owned(), value, false), "{text}");
    }
    assert!(set("SET LOCAL x TO y").2);
    let begin = |text: &str| match one(text) {
        Statement::Begin(modes) | Statement::Start(modes) => (modes.isolation, modes.read_only),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(begin("BEGIN"), (None, None));
    assert_eq!(begin("START TRANSACTION READ ONLY"), (None, Some(true)));
    assert_eq!(
        begin("BEGIN WORK ISOLATION LEVEL REPEATABLE READ, READ WRITE, NOT DEFERRABLE"),
        (Some(Isolation::RepeatableRead), Some(false))
    );
    let session = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED";
    let modes = TransactionModes {
        isolation: Some(Isolation::ReadCommitted),
        ..TransactionModes::default()
    };
    assert!(
        matches!(one(session), Statement::SetTransaction { session: true, modes: m } if m == modes)
    );
    assert!(matches!(one("END TRANSACTION"), Statement::Commit { chain: false }));
    assert!(matches!(one("ABORT"), Statement::Rollback { chain: false }));
    assert!(matches!(one("COMMIT AND NO CHAIN"), Statement::Commit { chain: false }));
    assert!(
        matches!(one("SHOW TRANSACTION ISOLATION LEVEL"), Statement::Show { name } if name == "transaction_isolation")
    );
    assert!(matches!(one("RESET ALL"), Statement::Reset { name: None }));
    assert!(matches!(one("DISCARD ALL"), Statement::Discard(Discard::All)));
    assert!(
        matches!(one("DEALLOCATE PREPARE \"S1\""), Statement::Deallocate { name: Some(n) } if n == "S1")
    );
}

#[test]
fn scripts_are_cut_where_statements_end() {
    let text = "SELECT ';'; -- ;\n/* ; /* ; */ */ SELECT $q$ ; $q$;; \n; SELECT E'\\';' ; -- end";
    let pieces: Vec<_> =
        split_statements(text).into_iter().map(|(_, piece)| piece.trim()).collect();
    assert_eq!(pieces, ["SELECT ';'", "-- ;\n/* ; /* ; */ */ SELECT $q$ ; $q$", "SELECT E'\\';'"]);
    let statements = parse(text).expect("three statements");
    let starts: Vec<_> = statements.iter().map(|(at, _)| &text[*at..*at + 8]).collect();
    assert_eq!(starts, ["SELECT '", "SELECT $", "SELECT E"]);
    assert!(parse_one(" -- nothing\n ; ").expect("blank").is_none());
    let error = parse_one("SELECT 1; SELECT 2").expect_err("two statements");
    assert_eq!(error.message(), "cannot insert multiple commands into a prepared statement");
}

#[test]
fn comments_space_and_case_do_not_change_a_definition() {
    let plain = normalize("select \"A\", 'It''s' from t where x=1");
    assert_eq!(plain, normalize("SELECT  \"A\" , /* c */ 'It''s'\nFROM T -- d\nWHERE x = 1 ;"));
    assert_ne!(plain, normalize("select \"a\", 'It''s' from t where x=1"));
    assert_ne!(plain, normalize("select \"A\", 'it''s' from t where x=1"));
}
