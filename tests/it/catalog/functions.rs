//! SQL functions in files: views are stored with them in place, so a changed one is a changed view.

use lakeport::catalog::{CatalogState, RelationKind, plan_apply};

use super::files::{load, loaded, name};

const SCHEMAS: (&str, &str) =
    ("catalog/schemas.sql", "-- The layers.\nCREATE SCHEMA bronze;\nCREATE SCHEMA silver;\n");
const BRONZE: (&str, &str) = (
    "catalog/bronze.sql",
    "-- One.\nCREATE STREAMING TABLE bronze.t (x text) AS SELECT * FROM STREAM read_files('t/*.csv', format => 'csv');\n",
);

fn query(state: &CatalogState, view: &str) -> String {
    let relation = state.relation(&name(view)).unwrap();
    match &relation.pending().unwrap_or(relation).kind {
        RelationKind::MaterializedView(view) => view.query.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_changed_function_is_a_changed_view() {
    let view = (
        "sql/silver/v.sql",
        "-- One.\nCREATE MATERIALIZED VIEW silver.v (x, CONSTRAINT small EXPECT (silver.twice(x) < 10)) AS SELECT silver.twice(x) AS x FROM bronze.t AS t;\n",
    );
    let function = |body: &str| {
        format!("-- One.\nCREATE FUNCTION silver.twice(n text) RETURNS bigint RETURN {body};\n")
    };
    let first = function("CAST(n AS bigint) * 2");
    let desired = loaded(&[SCHEMAS, BRONZE, ("catalog/functions.sql", &first), view]);
    let applied = plan_apply(&CatalogState::default(), &desired).unwrap();
    assert!(
        applied.changes.iter().any(|change| change.to_string() == "function silver.twice is new")
    );
    let text = query(&applied.state, "silver.v");
    assert!(!text.contains("twice") && text.contains("* 2"), "{text}");
    let RelationKind::MaterializedView(stored) =
        &applied.state.relation(&name("silver.v")).unwrap().kind
    else {
        panic!("no view")
    };
    assert!(stored.constraints[0].condition.contains("* 2"), "{:?}", stored.constraints);

    let again = plan_apply(&applied.state, &desired).unwrap();
    assert!(again.changes.is_empty(), "{:?}", again.changes);

    let second = function("CAST(n AS bigint) * 3");
    let changed = loaded(&[SCHEMAS, BRONZE, ("catalog/functions.sql", &second), view]);
    let changed = plan_apply(&applied.state, &changed).unwrap();
    let words: Vec<String> = changed.changes.iter().map(ToString::to_string).collect();
    assert!(words.contains(&"function silver.twice has changed".to_owned()), "{words:?}");
    assert!(words.iter().any(|change| change.contains("silver.v")), "{words:?}");
    assert!(query(&changed.state, "silver.v").contains("* 3"));

    let gone = loaded(&[SCHEMAS, BRONZE]);
    let gone = plan_apply(&applied.state, &gone).unwrap();
    assert!(gone.state.functions.is_empty());
}

#[test]
fn mistakes_in_functions_have_a_place() {
    let functions = "-- Two.\nCREATE FUNCTION silver.f(x int) RETURNS int RETURN silver.f(x);\nCREATE FUNCTION nowhere.g(x int) RETURNS int RETURN x;\nCREATE FUNCTION silver.h(x int) RETURNS int RETURN x;\nCREATE FUNCTION silver.h(x int) RETURNS int RETURN x;\n";
    let mistakes = load(&[SCHEMAS, ("catalog/functions.sql", functions)]).unwrap_err();
    let words: Vec<String> = mistakes
        .iter()
        .map(|m| format!("{}:{}: {}", m.file.display(), m.line, m.error.message()))
        .collect();
    assert_eq!(
        words,
        [
            "catalog/functions.sql:2: functions call each other more than 16 deep",
            "catalog/functions.sql:3: schema \"nowhere\" does not exist",
            "catalog/functions.sql:5: function \"h\" already exists with same argument types",
        ]
    );
}
