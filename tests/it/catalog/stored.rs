//! The catalog in the lake.

use std::sync::Arc;

use chrono::DateTime;
use lakeport::catalog::{Catalog, CatalogState, Relation, ddl, plan_apply};
use lakeport::clock::{ManualClock, SystemClock};
use lakeport::error::ErrorKind;
use lakeport::lake::{EpochState, Lake, LakeRoot, Run, RunKind};
use lakeport::syntax::RoleOptions;

use super::files::{ORDERS, SCHEMAS, loaded};

async fn open() -> (Lake, Arc<Catalog>) {
    let clock = ManualClock::new(DateTime::from_timestamp(1_793_000_000, 0).expect("a time"));
    let lake = Lake::open(LakeRoot::Memory, clock).await.expect("a lake");
    let catalog = Catalog::open(lake.clone()).await.expect("a catalog");
    (lake, catalog)
}

async fn publish(lake: &Lake, catalog: &Catalog, state: &CatalogState) -> Arc<EpochState> {
    let run = Run::start(RunKind::Ddl);
    let row = catalog.write(&run, &lake.epoch(), state).await.expect("written");
    lake.publish(&run, vec![row]).await.expect("published")
}

fn with_role(state: &CatalogState, role: &str) -> CatalogState {
    ddl::create_role(state, role, RoleOptions::default(), false).expect("a role")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_the_same_when_it_is_read_back() {
    let (lake, catalog) = open().await;
    assert_eq!(*catalog.at(&lake.epoch()).await.expect("read"), CatalogState::default());
    let files = [
        SCHEMAS,
        ORDERS,
        ("catalog/roles.sql", "CREATE ROLE a LOGIN; GRANT SELECT ON SCHEMA silver TO a;"),
        (
            "sql/silver/v.sql",
            "CREATE MATERIALIZED VIEW silver.v (a COMMENT 'ä', CONSTRAINT c EXPECT (a > 0) ON VIOLATION DROP ROW,
             PRIMARY KEY (a)) SCHEDULE EVERY 90 SECONDS AS SELECT a FROM bronze.orders",
        ),
    ];
    let state = plan_apply(&CatalogState::default(), &loaded(&files)).expect("a plan").state;
    let epoch = publish(&lake, &catalog, &state).await;
    let another = Catalog::open(lake.clone()).await.expect("opened again");
    assert_eq!(*another.at(&epoch).await.expect("read"), state);
    let plan = plan_apply(&state, &loaded(&files)).expect("a plan");
    assert_eq!((plan.changes.len(), plan.state), (0, state));
}

#[test]
fn a_view_written_before_triggers_existed_is_read() {
    let view = "CREATE MATERIALIZED VIEW silver.v AS SELECT a FROM bronze.orders";
    let files = [SCHEMAS, ORDERS, ("sql/silver/v.sql", view)];
    let state = plan_apply(&CatalogState::default(), &loaded(&files)).expect("a plan").state;
    let known = state.relation(&"silver.v".parse().expect("a name")).expect("the view");
    let mut document = serde_json::to_value(known.as_ref()).expect("a document");
    document["kind"].as_object_mut().expect("the kind").remove("trigger").expect("a trigger");
    let read: Relation = serde_json::from_value(document).expect("an older document");
    assert_eq!(read, **known);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_epoch_has_its_own_names() {
    let (lake, catalog) = open().await;
    let first = with_role(&CatalogState::default(), "first");
    let second = with_role(&first, "second");
    let old = publish(&lake, &catalog, &first).await;
    let new = publish(&lake, &catalog, &second).await;
    let another = Catalog::open(lake.clone()).await.expect("opened again");
    assert_eq!(*another.at(&old).await.expect("read"), first);
    assert_eq!(*another.at(&new).await.expect("read"), second);
    let held = catalog.at(&new).await.expect("held");
    assert!(Arc::ptr_eq(&held, &catalog.at(&new).await.expect("held")), "read once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_from_an_old_epoch_is_refused() {
    let (lake, catalog) = open().await;
    let base = lake.epoch();
    publish(&lake, &catalog, &with_role(&CatalogState::default(), "first")).await;
    let late = with_role(&CatalogState::default(), "late");
    let run = Run::start(RunKind::Ddl);
    let error = catalog.write(&run, &base, &late).await.expect_err("computed from an old epoch");
    assert_eq!(error.kind(), ErrorKind::SerializationFailure);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_writer_left_is_written_over() {
    let (lake, catalog) = open().await;
    let first = with_role(&CatalogState::default(), "first");
    publish(&lake, &catalog, &first).await;
    let dead = Run::start(RunKind::Ddl);
    let lost = with_role(&first, "lost");
    catalog.write(&dead, &lake.epoch(), &lost).await.expect("committed, never published");
    assert_eq!(*catalog.at(&lake.epoch()).await.expect("read"), first, "nobody sees it");
    let second = with_role(&first, "second");
    let epoch = publish(&lake, &catalog, &second).await;
    assert_eq!(*catalog.at(&epoch).await.expect("read"), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_at_once_one_is_told_to_try_again() {
    // A clock that jumps would take the other writer for dead.
    let lake = Lake::open(LakeRoot::Memory, Arc::new(SystemClock)).await.expect("a lake");
    let catalog = Catalog::open(lake.clone()).await.expect("a catalog");
    publish(&lake, &catalog, &with_role(&CatalogState::default(), "first")).await;
    let change = |role: &'static str| {
        let (lake, catalog) = (lake.clone(), Arc::clone(&catalog));
        tokio::spawn(async move {
            for _ in 0..20 {
                let (run, base) = (Run::start(RunKind::Ddl), lake.epoch());
                let state = with_role(catalog.at(&base).await.expect("read").as_ref(), role);
                match catalog.write(&run, &base, &state).await {
                    Ok(row) => {
                        lake.publish(&run, vec![row]).await.expect("published");
                        let now = catalog.at(&lake.epoch()).await.expect("read");
                        assert!(now.roles.keys().any(|known| known.0 == role), "{role} was lost");
                        return;
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::SerializationFailure),
                }
            }
            panic!("{role} never came through");
        })
    };
    let tasks: Vec<_> = ["a", "b", "c", "d"].into_iter().map(change).collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let last = catalog.at(&lake.epoch()).await.expect("read");
    assert_eq!(last.roles.len(), 6, "{:?}", last.roles.keys());
}
