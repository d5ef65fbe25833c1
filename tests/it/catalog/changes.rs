//! From one state to the next: by files, and by DDL over the wire.

use lakeport::catalog::{
    CatalogState, Relation, RelationKind, ddl, plain_table, plain_view, plan_apply,
};
use lakeport::error::{Error, ErrorKind};
use lakeport::name::RoleName;
use lakeport::syntax::{DropKind, Grant, RoleOptions, Statement, parse_one};

use super::files::{ORDERS, SCHEMAS, loaded, name};

const ROLES: (&str, &str) =
    ("catalog/roles.sql", "CREATE ROLE finance LOGIN; GRANT SELECT ON SCHEMA silver TO finance;");

fn view(text: &'static str) -> (&'static str, &'static str) {
    ("sql/silver/v.sql", text)
}

fn apply(state: &CatalogState, files: &[(&str, &str)]) -> (CatalogState, Vec<String>) {
    let plan = plan_apply(state, &loaded(files)).expect("no mistakes");
    let again = plan_apply(&plan.state, &loaded(files)).expect("no mistakes");
    assert_eq!(again.state, plan.state, "applying twice is applying once");
    assert_eq!(again.changes, []);
    (plan.state, plan.changes.iter().map(ToString::to_string).collect())
}

#[test]
fn a_changed_view_keeps_what_it_was_until_it_is_rebuilt() {
    let first = view("CREATE MATERIALIZED VIEW silver.v AS SELECT a FROM bronze.orders");
    let (state, changes) = apply(&CatalogState::default(), &[SCHEMAS, ORDERS, ROLES, first]);
    assert_eq!(
        changes,
        [
            "schema bronze is new",
            "schema gold_finance is new",
            "schema silver is new",
            "bronze.orders is new",
            "silver.v is new",
            "role finance is new",
            "select on schema silver to finance is granted"
        ]
    );
    let before = state.relation(&name("silver.v")).expect("the view").clone();

    let spaced = view("-- note\ncreate MATERIALIZED view silver.V as select A from bronze.orders;");
    let (same, changes) = apply(&state, &[SCHEMAS, ORDERS, ROLES, spaced]);
    assert_eq!(changes, Vec::<String>::new());
    assert!(same.relation(&name("silver.v")).expect("the view").pending().is_none());

    let commented = view(
        "CREATE MATERIALIZED VIEW silver.v COMMENT 'c' SCHEDULE EVERY 1 DAYS AS SELECT a FROM bronze.orders",
    );
    let (altered, changes) = apply(&state, &[SCHEMAS, ORDERS, ROLES, commented]);
    assert_eq!(changes, ["silver.v has a new comment, schedule or policy"]);
    assert!(altered.relation(&name("silver.v")).expect("the view").pending().is_none());

    let triggered = view(
        "CREATE MATERIALIZED VIEW silver.v COMMENT 'c' TRIGGER ON UPDATE REFRESH POLICY INCREMENTAL
         AS SELECT a FROM bronze.orders",
    );
    let (altered, changes) = apply(&altered, &[SCHEMAS, ORDERS, ROLES, triggered]);
    assert_eq!(changes, ["silver.v has a new comment, schedule or policy"]);
    assert!(altered.relation(&name("silver.v")).expect("the view").pending().is_none());

    let second = view(
        "CREATE MATERIALIZED VIEW silver.v COMMENT 'new' AS SELECT a, 1 AS b FROM bronze.orders",
    );
    let (changed, changes) = apply(&altered, &[SCHEMAS, ORDERS, ROLES, second]);
    assert_eq!(changes, ["silver.v has a new definition"]);
    let now = changed.relation(&name("silver.v")).expect("the view");
    assert_eq!((now.id, &now.definition_hash), (before.id, &before.definition_hash));
    assert_eq!(now.comment.as_deref(), Some("new"));
    let pending = now.pending().expect("the new definition waits");
    assert_eq!(pending.id, before.id);
    assert!(pending.definition.contains("AS b") && pending.pending().is_none());

    let (back, _) = apply(&changed, &[SCHEMAS, ORDERS, ROLES, first]);
    assert!(back.relation(&name("silver.v")).expect("the view").pending().is_none());
}

#[test]
fn files_rule_what_they_define_and_nothing_else() {
    let first = view("CREATE MATERIALIZED VIEW silver.v AS SELECT a FROM bronze.orders");
    let (state, _) = apply(&CatalogState::default(), &[SCHEMAS, ORDERS, ROLES, first]);
    let mine = table("sandbox.mine");
    let state = ddl::create_relation(&state, mine).expect("created");
    let state = ddl::create_role(&state, "anna", RoleOptions::default(), false).expect("created");
    let resolve = |written: &lakeport::syntax::ObjectName| {
        Ok(lakeport::name::RelationName::new("sandbox", &written.name))
    };
    let state =
        ddl::grant(&state, &grant("GRANT SELECT ON mine TO anna"), &resolve).expect("given");

    let roles = ("catalog/roles.sql", "CREATE ROLE finance NOLOGIN; CREATE ROLE audit;");
    let plan = plan_apply(&state, &loaded(&[SCHEMAS, ORDERS, roles])).expect("no mistakes");
    assert_eq!(plan.vanished, [name("silver.v")]);
    assert!(plan.state.relation(&name("silver.v")).is_some(), "it is kept");
    assert!(plan.state.relation(&name("sandbox.mine")).is_some());
    let grants: Vec<String> = plan.state.grants.iter().map(ToString::to_string).collect();
    assert_eq!(grants, ["select on sandbox.mine to anna"]);
    let changes: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        [
            "role audit is new",
            "role finance has changed",
            "select on schema silver to finance is revoked"
        ]
    );
    let gone = plan_apply(&plan.state, &loaded(&[SCHEMAS, ORDERS])).expect("no mistakes").state;
    let roles: Vec<&str> = gone.roles.keys().map(|role| role.0.as_str()).collect();
    assert_eq!(roles, ["anna", "lakeport"]);
}

#[test]
fn another_kind_under_the_same_name_is_a_mistake() {
    let first = view("CREATE MATERIALIZED VIEW silver.v AS SELECT 1 AS a");
    let (state, _) = apply(&CatalogState::default(), &[SCHEMAS, first]);
    let plain = loaded(&[SCHEMAS, view("\nCREATE VIEW silver.v AS SELECT 1 AS a")]);
    let mistakes = plan_apply(&state, &plain).expect_err("another kind");
    assert_eq!(mistakes.len(), 1);
    assert_eq!((mistakes[0].line, mistakes[0].error.kind()), (2, ErrorKind::WrongObjectType));
    let taken = ddl::create_relation(&CatalogState::default(), table("public.v")).expect("created");
    let public = loaded(&[("sql/public/v.sql", "CREATE VIEW v AS SELECT 1 AS a")]);
    let mistakes = plan_apply(&taken, &public).expect_err("taken");
    assert_eq!(mistakes[0].error.kind(), ErrorKind::DuplicateTable);
}

fn table(text: &str) -> Relation {
    plain_table(name(text), RoleName("anna".to_owned()), Vec::new(), Vec::new(), None)
}

fn wire_view(text: &str) -> Relation {
    match parse_one(text) {
        Ok(Some(Statement::CreateView(create))) => {
            let schema = create.name.schema.clone().expect("a schema");
            let name = lakeport::name::RelationName::new(schema, &create.name.name);
            plain_view(name, RoleName("anna".to_owned()), &create, text)
        }
        other => panic!("{other:?}"),
    }
}

fn grant(text: &str) -> Grant {
    match parse_one(text) {
        Ok(Some(Statement::Grant(grant) | Statement::Revoke(grant))) => grant,
        other => panic!("{other:?}"),
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, message: &str) {
    let error = result.expect_err(message);
    assert_eq!((error.kind(), error.message()), (kind, message));
}

#[test]
fn ddl_over_the_wire_leaves_files_alone() {
    let first = view("CREATE MATERIALIZED VIEW silver.v AS SELECT a FROM bronze.orders");
    let (state, _) = apply(&CatalogState::default(), &[SCHEMAS, ORDERS, ROLES, first]);
    refused(
        ddl::create_relation(&state, table("silver.x")),
        ErrorKind::ObjectInUse,
        "schema \"silver\" is defined in catalog/schemas.sql",
    );
    refused(
        ddl::create_relation(&state, table("quarantine.x")),
        ErrorKind::ObjectInUse,
        "schema \"quarantine\" is filled by the server",
    );
    refused(
        ddl::create_relation(&state, table("nowhere.x")),
        ErrorKind::InvalidSchemaName,
        "schema \"nowhere\" does not exist",
    );
    refused(
        ddl::drop_relations(&state, &[name("silver.v")], DropKind::MaterializedView, false),
        ErrorKind::ObjectInUse,
        "materialized view silver.v is defined in sql/silver/v.sql",
    );
    refused(
        ddl::drop_relations(&state, &[name("silver.v")], DropKind::Table, false),
        ErrorKind::WrongObjectType,
        "\"v\" is not a table",
    );
    let resolve = |_: &lakeport::syntax::ObjectName| Ok(name("silver.v"));
    for text in ["GRANT SELECT ON silver.v TO finance", "GRANT CREATE ON SCHEMA sandbox TO finance"]
    {
        let error = ddl::grant(&state, &grant(text), &resolve).expect_err("files say");
        assert_eq!(error.kind(), ErrorKind::ObjectInUse, "{text}");
        assert!(error.message().contains("roles.sql"), "{error}");
    }
    refused(
        ddl::drop_roles(&state, &["finance".to_owned()], false),
        ErrorKind::ObjectInUse,
        "role \"finance\" is defined in catalog/roles.sql",
    );
    refused(
        ddl::create_schema(&state, "pg_x", false),
        ErrorKind::InvalidName,
        "unacceptable schema name \"pg_x\"",
    );
}

#[test]
fn dropping_needs_nobody_to_depend_on_it() {
    let state = CatalogState::default();
    let state = ddl::create_role(&state, "anna", RoleOptions::default(), false).expect("a role");
    let state = ddl::create_relation(&state, table("sandbox.t")).expect("a table");
    refused(
        ddl::create_relation(&state, table("sandbox.t")),
        ErrorKind::DuplicateTable,
        "relation \"t\" already exists",
    );
    let reads = "CREATE VIEW sandbox.v AS SELECT * FROM sandbox.t";
    let state = ddl::create_relation(&state, wire_view(reads)).expect("a view");
    let drop = |state: &CatalogState, names: &[&str], kind, if_exists| {
        let names: Vec<_> = names.iter().map(|text| name(text)).collect();
        ddl::drop_relations(state, &names, kind, if_exists)
    };
    refused(
        drop(&state, &["sandbox.t"], DropKind::Table, false),
        ErrorKind::DependentObjectsStillExist,
        "cannot drop table sandbox.t because other objects depend on it",
    );
    refused(
        drop(&state, &["sandbox.u"], DropKind::Table, false),
        ErrorKind::UndefinedTable,
        "table \"u\" does not exist",
    );
    assert!(drop(&state, &["sandbox.u"], DropKind::Table, true).expect("nothing").1.is_empty());
    refused(
        ddl::drop_roles(&state, &["anna".to_owned()], false),
        ErrorKind::DependentObjectsStillExist,
        "role \"anna\" cannot be dropped because some objects depend on it",
    );
    let circle = wire_view("CREATE OR REPLACE VIEW sandbox.v AS SELECT * FROM sandbox.v");
    refused(
        ddl::replace_view(&state, circle),
        ErrorKind::InvalidObjectDefinition,
        "view sandbox.v reads itself",
    );
    let id = state.relation(&name("sandbox.v")).expect("the view").id;
    let other = wire_view("CREATE OR REPLACE VIEW sandbox.v AS SELECT 1 AS one");
    let state = ddl::replace_view(&state, other).expect("replaced");
    assert_eq!(state.relation(&name("sandbox.v")).expect("the view").id, id);
    let (state, gone) = drop(&state, &["sandbox.t"], DropKind::Table, false).expect("dropped");
    assert_eq!(gone.len(), 1);
    let (state, _) = drop(&state, &["sandbox.v"], DropKind::View, false).expect("dropped");
    let state = ddl::drop_roles(&state, &["anna".to_owned()], false).expect("dropped");
    assert_eq!(state, CatalogState::default());
}

#[test]
fn roles_cannot_be_members_of_each_other() {
    let mut state = CatalogState::default();
    for role in ["a", "b", "c"] {
        state = ddl::create_role(&state, role, RoleOptions::default(), false).expect("a role");
    }
    let resolve = |_: &lakeport::syntax::ObjectName| Ok(name("x.y"));
    let state = ddl::grant(&state, &grant("GRANT a TO b"), &resolve).expect("a member");
    let state = ddl::grant(&state, &grant("GRANT b TO c"), &resolve).expect("a member");
    refused(
        ddl::grant(&state, &grant("GRANT c TO a"), &resolve),
        ErrorKind::InvalidObjectDefinition,
        "role \"c\" is a member of role \"a\"",
    );
    refused(
        ddl::grant(&state, &grant("GRANT a TO nobody"), &resolve),
        ErrorKind::UndefinedObject,
        "role \"nobody\" does not exist",
    );
    let state = ddl::revoke(&state, &grant("REVOKE a FROM b"), &resolve).expect("taken");
    ddl::grant(&state, &grant("GRANT c TO a"), &resolve).expect("no circle any more");
}

#[test]
fn a_table_of_people_has_no_quarantine() {
    let state = ddl::create_relation(&CatalogState::default(), table("public.t")).expect("created");
    assert!(state.relations.values().all(|r| matches!(r.kind, RelationKind::Table { .. })));
}
