//! Who may read what: hidden looks missing, denied says so, and nothing leaks around.

use lakeport::catalog::{CatalogState, RelationKind};
use lakeport::error::ErrorKind;
use lakeport::name::RoleName;
use lakeport::security::{Access, is_superuser, relation_access, schema_access};
use lakeport::syntax::Privilege;

use crate::query::Lab;

fn access(state: &CatalogState, role: &str, relation: &str, privilege: Privilege) -> Access {
    relation_access(state, &RoleName(role.to_owned()), &relation.parse().unwrap(), privilege)
}

async fn shop() -> Lab {
    let mut lab = Lab::new().await;
    for (role, groups) in [("finance", vec![]), ("alice", vec!["analysts"]), ("nobody", vec![])] {
        lab.role(role, false, &groups);
    }
    lab.role("analysts", false, &["readers"]);
    lab.role("readers", false, &[]);
    lab.role("admin", false, &["lakeport"]);
    let orders = lab.matview("silver.orders");
    lab.matview("silver.stores");
    lab.relation("quarantine.silver__orders", RelationKind::Quarantine { of: orders.id });
    lab.grant("readers", "silver", Some("orders"));
    lab.publish(&orders, &lab.write(&orders, 3).await).await;
    lab
}

#[tokio::test(flavor = "multi_thread")]
async fn privileges_come_by_membership_however_indirect() {
    let lab = shop().await;
    let state = &lab.state;
    assert_eq!(access(state, "alice", "silver.orders", Privilege::Select), Access::Granted);
    assert_eq!(access(state, "alice", "silver.orders", Privilege::Insert), Access::Denied);
    assert_eq!(access(state, "alice", "silver.stores", Privilege::Select), Access::Hidden);
    assert_eq!(access(state, "nobody", "silver.orders", Privilege::Select), Access::Hidden);
    assert_eq!(access(state, "admin", "silver.stores", Privilege::Refresh), Access::Granted);
    assert!(is_superuser(state, &RoleName("admin".to_owned())));
    assert!(!is_superuser(state, &RoleName("alice".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_grant_is_for_every_relation_in_it() {
    let mut lab = shop().await;
    lab.grant("finance", "silver", None);
    assert_eq!(access(&lab.state, "finance", "silver.stores", Privilege::Select), Access::Granted);
    assert_eq!(access(&lab.state, "finance", "silver.stores", Privilege::Refresh), Access::Denied);
    assert_eq!(access(&lab.state, "finance", "silver.nope", Privilege::Select), Access::Hidden);
    lab.grant("public", "silver", Some("stores"));
    assert_eq!(access(&lab.state, "nobody", "silver.stores", Privilege::Select), Access::Granted);
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantine_inherits_its_relations_grants() {
    let lab = shop().await;
    let quarantine = "quarantine.silver__orders";
    assert_eq!(access(&lab.state, "alice", quarantine, Privilege::Select), Access::Granted);
    assert_eq!(access(&lab.state, "nobody", quarantine, Privilege::Select), Access::Hidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_and_create_show_no_relation() {
    let mut lab = shop().await;
    lab.grant_privilege("nobody", Privilege::Usage, "silver", None);
    lab.grant_privilege("nobody", Privilege::Create, "silver", None);
    let schema =
        |privilege| schema_access(&lab.state, &RoleName("nobody".to_owned()), "silver", privilege);
    assert_eq!(schema(Privilege::Create), Access::Granted);
    assert_eq!(schema(Privilege::Select), Access::Denied);
    assert_eq!(access(&lab.state, "nobody", "silver.orders", Privilege::Select), Access::Hidden);
    let hidden =
        schema_access(&lab.state, &RoleName("finance".to_owned()), "silver", Privilege::Usage);
    assert_eq!(hidden, Access::Hidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_relation_fails_like_a_missing_one() {
    let lab = shop().await;
    let shapes = [
        "SELECT * FROM silver.{}",
        "SELECT (SELECT count(*) FROM silver.{})",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM silver.{} VERSION AS OF 0)",
        "WITH x AS (SELECT * FROM silver.{} TIMESTAMP AS OF '2026-10-31') SELECT * FROM x",
        "SELECT * FROM silver.orders o JOIN silver.{} s ON true",
    ];
    for shape in shapes {
        let hidden = lab.ask_as("alice", &shape.replace("{}", "stores")).await.unwrap_err();
        let missing = lab.ask_as("alice", &shape.replace("{}", "nopeee")).await.unwrap_err();
        assert_eq!(hidden.kind(), ErrorKind::UndefinedTable, "{shape}");
        assert_eq!(format!("{hidden:?}").replace("stores", "nopeee"), format!("{missing:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_relation_says_so() {
    let mut lab = shop().await;
    lab.grant_privilege("finance", Privilege::Refresh, "silver", Some("orders"));
    let error = lab.ask_as("finance", "SELECT * FROM silver.orders").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsufficientPrivilege);
    assert_eq!(error.message(), "permission denied for materialized view orders");
}

#[tokio::test(flavor = "multi_thread")]
async fn system_tables_show_only_what_the_role_may_see() {
    let lab = shop().await;
    let visible = |role: &'static str, sql: &'static str| {
        let lab = &lab;
        async move { lab.ask_as(role, sql).await.unwrap() }
    };
    let named = "SELECT relation_name FROM lakeport.catalog ORDER BY 1";
    assert_eq!(visible("lakeport", named).await, ["orders", "silver__orders", "stores"]);
    assert_eq!(visible("alice", named).await, ["orders", "silver__orders"]);
    assert!(visible("nobody", named).await.is_empty());
    let epochs = "SELECT relation_name FROM lakeport.epochs";
    assert_eq!(visible("alice", epochs).await, ["orders"]);
    assert!(visible("nobody", epochs).await.is_empty());
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'silver'";
    assert_eq!(visible("alice", tables).await, ["orders"]);
    let classes = "SELECT relname FROM pg_class WHERE relname IN ('orders', 'stores')";
    assert_eq!(visible("alice", classes).await, ["orders"]);
    let grants = "SELECT role_name FROM lakeport.grants";
    assert_eq!(visible("alice", grants).await, ["readers"]);
    assert!(visible("nobody", grants).await.is_empty());
    let schemas =
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'silver'";
    assert!(visible("nobody", schemas).await.is_empty());
    visible("alice", "SELECT 'mine'").await;
    let queries = "SELECT DISTINCT role_name FROM lakeport.queries";
    assert_eq!(visible("nobody", queries).await, ["nobody"]);
}
