//! No text is too deep, too long or too odd.

use lakeport::error::ErrorKind;
use lakeport::syntax::{Statement, normalize, parse, split_statements};
use proptest::prelude::*;

use super::one;

#[test]
fn no_statement_is_deep_enough_to_overflow_the_stack() {
    let chain =
        |operator: &str, n: usize| format!("SELECT 1{}", format!(" {operator} 1").repeat(n));
    let deep = |n: usize| format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n));
    let tables = |n: usize| format!("SELECT * FROM {}t{}", "(".repeat(n), ")".repeat(n));
    let refused = [
        chain("+", 100_000),
        chain("OR 2 =", 100_000),
        chain("UNION ALL SELECT", 100_000),
        format!("SELECT 1{}", "::int".repeat(100_000)),
        format!("SELECT 1{}", " IS NULL".repeat(100_000)),
        format!("SELECT x::int{}", "[]".repeat(100_000)),
        format!("SELECT {}1", "NOT ".repeat(100_000)),
        format!("SELECT {}1", "- ".repeat(100_000)),
        deep(100_000),
        tables(60),
        format!("SELECT {}", "f(".repeat(100_000)),
        format!("SELECT {} 1", "CASE WHEN 1 THEN ".repeat(100_000)),
        format!("SELECT * FROM {}", "(SELECT * FROM ".repeat(100_000)),
        format!("SELECT {}", "ARRAY[".repeat(1_000)),
    ];
    for text in refused {
        let error = parse(&text).expect_err("too deep");
        let beginning: String = text.chars().take(40).collect();
        // A word that may also be a name is read as one before the limit is told.
        let told = matches!(error.kind(), ErrorKind::StatementTooComplex | ErrorKind::SyntaxError);
        assert!(told, "{beginning}: {error}");
    }
    // On a stack as small as a server's worker thread has.
    let accepted =
        [chain("+", 240), chain("+ 1 = 1 OR", 200), chain("UNION ALL SELECT", 240), deep(20)];
    let worker = std::thread::Builder::new().stack_size(2 << 20);
    let checked = worker.spawn(move || {
        for text in accepted {
            let statement = one(&text);
            assert!(!format!("{:?}", statement.clone()).is_empty());
            let Statement::Query(query) = statement else { panic!("not a query") };
            assert!(!query.statement().to_string().is_empty());
        }
    });
    checked.expect("a thread").join().expect("no overflow");
    // Work does not double with every level, whether or not there is an error inside.
    for inner in ["1", "FROM"] {
        let calls = [("f(", ")"), ("CAST(", " AS int)"), ("position(", ")"), ("extract(", ")")];
        for (open, close) in calls {
            let text = format!("SELECT {}{inner}{}", open.repeat(40), close.repeat(40));
            let read = parse(&text).is_ok();
            assert!(!read || inner == "1", "{text}");
            assert!(read || inner != "1" || !matches!(open, "f(" | "CAST("), "{text}");
        }
    }
    let many: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
    one(&format!("SELECT * FROM t WHERE x IN ({})", many.join(", ")));
}

const WORDS: &str = "SELECT FROM WHERE ( ) , ; ' \" a t 1 * WITH AS CREATE TABLE VIEW MATERIALIZED
    STREAMING STREAM read_files VERSION TIMESTAMP OF FOR SYSTEM_TIME COMMENT CONSTRAINT EXPECT ON
    VIOLATION DROP ROW GRANT TO SET SHOW BEGIN EXPLAIN INSERT INTO VALUES = => . - :: int UNION ALL
    JOIN CASE WHEN END $1 $$ -- /* */ SCHEDULE EVERY INTERVAL PRIMARY KEY NOT NULL [ ] ä LATERAL
    ORDER BY AT REFRESH POLICY";

fn sql_like() -> impl Strategy<Value = String> {
    let words: Vec<&str> = WORDS.split_whitespace().chain(["\n"]).collect();
    prop::collection::vec(prop::sample::select(words), 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_panics_the_parser(text in prop_oneof![sql_like(), any::<String>()]) {
        let pieces = split_statements(&text);
        for (offset, piece) in &pieces {
            prop_assert_eq!(&text[*offset..*offset + piece.len()], *piece);
        }
        let length = text.chars().count();
        match parse(&text) {
            Ok(statements) => prop_assert_eq!(statements.len(), pieces.len()),
            Err(error) => {
                prop_assert!(error.kind() != ErrorKind::InternalError);
                prop_assert!(error.position().is_none_or(|at| (1..=length + 1).contains(&at)));
            }
        }
        let normal = normalize(&text);
        if parse(&text).is_ok() {
            prop_assert_eq!(normalize(&normal), normal);
        }
    }
}
