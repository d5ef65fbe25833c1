//! Epochs past retention are folded, whoever publishes and reads meanwhile.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lakeport::clock::Clock;
use lakeport::lake::Retention;
use lakeport::name::Epoch;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn start() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-10-01T00:00:00Z").unwrap().to_utc()
}

/// What is older than `hours` may go, but for `keep`.
fn retention(clock: &ManualClock, hours: i64, keep: &[Epoch]) -> Retention {
    Retention { cut: clock.now() - TimeDelta::hours(hours), keep: keep.iter().copied().collect() }
}

async fn open(path: &std::path::Path, clock: &Arc<ManualClock>) -> Lake {
    let time: Arc<dyn Clock> = clock.clone();
    Lake::open(LakeRoot::Folder(path.to_owned()), time).await.unwrap()
}

/// Publishes `version` of relation number `relation`.
async fn publish(lake: &Lake, relation: u128, version: u64) -> Epoch {
    let row = Published {
        relation_id: RelationId(uuid::Uuid::from_u128(100 + relation)),
        location: lake.location(&RelationName::new("silver", format!("t{relation}"))),
        version,
        read_only: false,
    };
    lake.publish(&Run::start(RunKind::Refresh), vec![row]).await.unwrap().epoch
}

/// Versions of the relations at an epoch.
async fn versions(lake: &Lake, epoch: Epoch) -> Vec<u64> {
    let state = lake.epoch_at(epoch).await.unwrap();
    assert_eq!(state.epoch, epoch);
    state.relations.values().map(|relation| relation.version).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn older_epochs_answer_with_the_oldest_and_each_relation_keeps_its_last_row() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(start());
    let lake = open(dir.path(), &clock).await;
    let reader = open(dir.path(), &clock).await;
    // Epoch n is published at hour n: t0 at 1, t1 at 2, t0 again at 3 to 6.
    for (relation, version) in [(0, 0), (1, 0), (0, 1), (0, 2), (0, 3), (0, 4)] {
        clock.advance(HOUR);
        publish(&lake, relation, version).await;
    }
    assert!(!lake.fold(&retention(&clock, 7, &[])).await.unwrap(), "nothing is that old");
    assert!(reader.poll_epoch().await.unwrap());
    // Now is hour 6; what was the newest at hour 4 is epoch 4.
    assert!(lake.fold(&retention(&clock, 2, &[2])).await.unwrap());
    assert!(!lake.fold(&retention(&clock, 2, &[2])).await.unwrap(), "once is enough");
    reader.poll_epoch().await.unwrap();
    let second = open(dir.path(), &clock).await;
    for lake in [&lake, &reader, &second] {
        for gone in [0, 1, 3] {
            let error = lake.epoch_at(gone).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SnapshotTooOld, "{gone}");
            assert!(error.message().contains("the oldest is 4"), "{error}");
        }
        assert_eq!(versions(lake, 2).await, [0, 0]);
        assert_eq!(versions(lake, 4).await, [2, 0]);
        assert_eq!(versions(lake, 5).await, [3, 0]);
        assert_eq!(versions(lake, 6).await, [4, 0]);
        let early = lake.epoch_at_time(start() + HOUR * 3).await.unwrap_err();
        assert_eq!(early.kind(), ErrorKind::SnapshotTooOld);
        assert_eq!(lake.epoch_at_time(start() + HOUR * 4).await.unwrap().epoch, 4);
        assert_eq!(lake.epoch_at_time(start() + HOUR * 5).await.unwrap().epoch, 5);
    }
    // What is no longer named goes with the next fold, and what is gone stays gone.
    assert!(lake.fold(&retention(&clock, 2, &[1])).await.unwrap());
    for gone in [1, 2] {
        let error = lake.epoch_at(gone).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SnapshotTooOld);
    }
    // A later cut that keeps more brings nothing back.
    assert!(!lake.fold(&retention(&clock, 5, &[])).await.unwrap());
    assert_eq!(lake.epoch_at(3).await.unwrap_err().kind(), ErrorKind::SnapshotTooOld);
    assert_eq!(publish(&lake, 1, 7).await, 7);
    assert_eq!(versions(&second, 7).await, [4, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_and_readers_go_on_while_epochs_are_folded() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(start());
    let lakes = [open(dir.path(), &clock).await, open(dir.path(), &clock).await];
    let mut tasks = Vec::new();
    let folded = Arc::new(AtomicU32::new(0));
    for relation in 0..4_u128 {
        let (lake, clock) = (lakes[relation as usize % 2].clone(), clock.clone());
        let folded = Arc::clone(&folded);
        tasks.push(tokio::spawn(async move {
            for version in 0..15 {
                // However the tasks are scheduled, some of this comes before a fold and some after.
                while version == 10 && folded.load(Ordering::SeqCst) == 0 {
                    tokio::task::yield_now().await;
                }
                clock.advance(HOUR);
                publish(&lake, relation, version).await;
            }
        }));
    }
    let (lake, folding) = (open(dir.path(), &clock).await, clock.clone());
    let folder = tokio::spawn(async move {
        while lake.epoch().epoch < 60 {
            let did = lake.fold(&retention(&folding, 10, &[])).await.unwrap();
            folded.fetch_add(u32::from(did), Ordering::SeqCst);
            lake.poll_epoch().await.unwrap();
        }
    });
    // Publishers wait for a fold; one that never comes is a failure, not a test without end.
    let all = async {
        for task in tasks {
            task.await.unwrap();
        }
        folder.await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(120), all).await.expect("no epoch was folded");
    for lake in lakes.iter().chain([&open(dir.path(), &clock).await]) {
        lake.poll_epoch().await.unwrap();
        assert_eq!(lake.epoch().epoch, 60);
        assert!(lake.epoch().relations.values().all(|relation| relation.version == 14));
        let mut readable = 0;
        for epoch in 0..=60 {
            match lake.epoch_at(epoch).await {
                // Each epoch published one version more.
                Ok(state) => {
                    readable += 1;
                    assert_eq!(state.relations.values().map(|r| r.version + 1).sum::<u64>(), epoch);
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::SnapshotTooOld),
            }
        }
        assert!((1..60).contains(&readable), "{readable} epochs are left");
    }
}
