//! Commits that no epoch has: maintenance neither publishes them nor takes away what they replaced.

use lakeport::clock::{Clock, SystemClock};
use lakeport::error::ErrorKind;
use lakeport::lake::{Run, RunKind};

use super::maintenance::{VIEWS, maintenance, texts};
use super::world::{World, name, orders, rates};

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_run_that_has_not_published_are_not_published_for_it() {
    let world = World::starting(SystemClock.now(), &VIEWS).await;
    for n in 0..3 {
        world.arrive("bronze.orders", orders(&[(Some(n), "EUR", Some(1.0))])).await;
    }
    let run = Run::start(RunKind::Ingest);
    world.append("bronze.orders", orders(&[(Some(9), "EUR", Some(1.0))]), Some(&run)).await;
    let state = world.catalog.at(&world.lake.epoch()).await.unwrap();
    let relation = state.relation(&name("bronze.orders")).unwrap().clone();
    let before = world.epoch();
    let refused = maintenance(&world, &[]).optimize(&relation).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SerializationFailure);
    assert_eq!(world.epoch(), before);
    assert_eq!(world.rows("SELECT count(*) FROM bronze.orders").await, ["3"]);
    // Moves that nobody has published are gone on from.
    world.arrive("bronze.orders", orders(&[(Some(4), "EUR", Some(1.0))])).await;
    maintenance(&world, &[]).optimize(&relation).await.unwrap();
    world.undo("_lakeport/epochs", 1);
    let server = world.second().await;
    let published = server.lake.epoch().relations[&relation.id].version;
    maintenance(&server, &[]).optimize(&relation).await.unwrap();
    assert_eq!(server.lake.epoch().relations[&relation.id].version, published + 1);
    assert_eq!(server.rows("SELECT count(*) FROM bronze.orders").await, ["5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_run_has_overwritten_is_kept_for_those_who_read_what_was_published() {
    let world = World::starting(SystemClock.now(), &VIEWS).await;
    world.arrive("bronze.rates", rates(&[("EUR", 1.0)])).await;
    for n in 0..2 {
        world.wait(3600);
        world.arrive("bronze.orders", orders(&[(Some(n), "EUR", Some(1.0))])).await;
        world.refresh().await;
    }
    // It died before it published, and nobody noticed for longer than epochs are kept.
    world.undo("_lakeport/epochs", 1);
    let server = world.second().await;
    let before = server.rows("SELECT * FROM silver.orders").await;
    assert_eq!(before.len(), 1);
    server.wait(200 * 3600);
    server.arrive("bronze.rates", rates(&[("USD", 1.0)])).await;
    maintenance(&server, &[]).sweep().await.unwrap();
    let epoch = server.epoch();
    assert_eq!(server.second().await.rows("SELECT * FROM silver.orders").await, before);
    // Once it is finished, the epoch before stays whole too.
    server.refresh().await;
    maintenance(&server, &[]).sweep().await.unwrap();
    let reader = server.second().await;
    assert_eq!(reader.rows("SELECT * FROM silver.orders").await.len(), 2);
    let state = reader.lake.epoch_at(epoch).await.unwrap();
    let catalog = reader.catalog.at(&state).await.unwrap();
    let silver = &state.relations[&catalog.relation(&name("silver.orders")).unwrap().id];
    let table = reader.lake.at_version(&silver.location, silver.version).await.unwrap();
    assert_eq!(texts(&table).await, before);
}
