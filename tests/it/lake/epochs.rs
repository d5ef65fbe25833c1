//! Epochs, and the lake's own tables.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn racing_publishers_each_get_an_epoch_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let lakes = [folder(dir.path()).await, folder(dir.path()).await];
    let relations: Vec<RelationId> = (0..8).map(|_| RelationId::random()).collect();
    let mut publishers = Vec::new();
    for (index, relation) in relations.iter().copied().enumerate() {
        let lake = lakes[index % 2].clone();
        publishers.push(tokio::spawn(async move {
            let location = lake.location(&RelationName::new("silver", format!("t{index}")));
            for version in 0..5 {
                let row = Published {
                    relation_id: relation,
                    location: location.clone(),
                    version,
                    read_only: false,
                };
                let state = lake.publish(&Run::start(RunKind::Refresh), vec![row]).await.unwrap();
                assert!(state.relations[&relation].version >= version);
            }
        }));
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let reader = folder(dir.path()).await;
    let newest = reader.epoch();
    assert_eq!(newest.epoch, 40);
    assert!(newest.relations.values().all(|relation| relation.version == 4));
    let mut before = None;
    for epoch in 0..=40 {
        let state = reader.epoch_at(epoch).await.unwrap();
        assert_eq!(state.epoch, epoch);
        assert!(state.published_at >= before, "published_at went back");
        before = state.published_at;
        let versions: u64 = state.relations.values().map(|relation| relation.version + 1).sum();
        assert_eq!(versions, epoch);
    }
    let unknown = reader.epoch_at(41).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::InvalidParameterValue);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_no_newer_than_the_published_one_publishes_nothing() {
    let lake = memory().await;
    let relation_id = RelationId::random();
    let location = lake.location(&orders());
    let row =
        |version| Published { relation_id, location: location.clone(), version, read_only: false };
    let run = Run::start(RunKind::Ingest);
    assert_eq!(lake.publish(&run, vec![row(3)]).await.unwrap().epoch, 1);
    assert_eq!(lake.publish(&run, vec![row(3)]).await.unwrap().epoch, 1);
    assert_eq!(lake.publish(&run, vec![row(2)]).await.unwrap().epoch, 1);
    assert_eq!(lake.publish(&run, vec![row(4)]).await.unwrap().epoch, 2);
    assert_eq!(lake.epoch_at(1).await.unwrap().relations[&relation_id].version, 3);
    assert_eq!(lake.epoch_at(0).await.unwrap().relations.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn published_at_never_goes_back_and_finds_the_epoch_of_a_time() {
    let start = chrono::DateTime::parse_from_rfc3339("2026-10-01T00:00:00Z").unwrap().to_utc();
    let hour = std::time::Duration::from_secs(3600);
    let dir = tempfile::tempdir().unwrap();
    let open =
        async |clock| Lake::open(LakeRoot::Folder(dir.path().to_owned()), clock).await.unwrap();
    let (clock, behind) = (ManualClock::new(start), ManualClock::new(start));
    let lake = open(clock.clone()).await;
    let relation_id = RelationId::random();
    let row = |version| Published {
        relation_id,
        location: lake.location(&orders()),
        version,
        read_only: false,
    };
    let run = Run::start(RunKind::Ingest);
    clock.advance(hour * 2);
    lake.publish(&run, vec![row(1)]).await.unwrap();
    // Another machine, whose clock is two hours behind.
    let late = open(behind.clone()).await;
    let state = late.publish(&run, vec![row(2)]).await.unwrap();
    assert_eq!(state.published_at, Some(start + hour * 2));
    clock.advance(hour);
    lake.publish(&run, vec![row(3)]).await.unwrap();
    assert_eq!(lake.epoch_at_time(start + hour).await.unwrap().epoch, 0);
    assert_eq!(lake.epoch_at_time(start + hour * 2).await.unwrap().epoch, 2);
    assert_eq!(lake.epoch_at_time(start + hour * 9).await.unwrap().epoch, 3);
    assert!(late.poll_epoch().await.unwrap());
    assert!(!late.poll_epoch().await.unwrap());
    assert_eq!(late.epoch().epoch, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_was_moved_opens_with_its_epochs() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new place"));
    let relation_id = RelationId::random();
    {
        let lake = folder(&old).await;
        let location = lake.location(&orders());
        let table = create(&lake, &location, 0..3).await;
        let row = Published { relation_id, location, version: table.version(), read_only: false };
        lake.publish(&Run::start(RunKind::Refresh), vec![row]).await.unwrap();
    }
    std::fs::rename(&old, &new).unwrap();
    let lake = folder(&new).await;
    let relation = lake.epoch().relations[&relation_id].clone();
    assert_eq!(relation.location, lake.location(&orders()));
    let table = lake.at_version(&relation.location, relation.version).await.unwrap();
    assert_eq!(read(&table).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_survive_their_compaction() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, other) = (folder(dir.path()).await, folder(dir.path()).await);
    let relation_id = RelationId::random();
    let location = lake.location(&orders());
    for version in 0..120 {
        let row = Published { relation_id, location: location.clone(), version, read_only: false };
        lake.publish(&Run::start(RunKind::Ingest), vec![row]).await.unwrap();
        if version == 60 {
            other.poll_epoch().await.unwrap();
        }
    }
    lake.settle().await;
    lake.maintain(&lake.system_location("epochs")).await.unwrap();
    let table = lake.newest(&lake.system_location("epochs")).await.unwrap().unwrap();
    assert!(table.files().0 <= 101, "{} files", table.files().0);
    other.poll_epoch().await.unwrap();
    for lake in [lake, other, folder(dir.path()).await] {
        assert_eq!(lake.epoch().epoch, 120);
        assert_eq!(lake.epoch().relations[&relation_id].version, 119);
        assert_eq!(lake.epoch_at(7).await.unwrap().relations[&relation_id].version, 6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_to_a_system_table_lose_no_row_and_its_files_stay_few() {
    let dir = tempfile::tempdir().unwrap();
    let lakes = [folder(dir.path()).await, folder(dir.path()).await];
    let mut appenders = Vec::new();
    for worker in 0..4i64 {
        let lake = lakes[usize::try_from(worker % 2).unwrap()].clone();
        appenders.push(tokio::spawn(async move {
            for round in 0..40i64 {
                let n = Int64Array::from(vec![worker * 1000 + round]);
                let own = Int64Array::from(vec![round]);
                let batch = RecordBatch::try_from_iter([
                    ("n", Arc::new(n) as Arc<dyn Array>),
                    (["a", "b", "c", "d"][usize::try_from(worker).unwrap()], Arc::new(own) as _),
                ]);
                lake.append_system("refreshes", batch.unwrap(), None).await.unwrap();
            }
        }));
    }
    for appender in appenders {
        appender.await.unwrap();
    }
    for lake in &lakes {
        lake.settle().await;
    }
    let lake = folder(dir.path()).await;
    let location = lake.system_location("refreshes");
    lake.maintain(&location).await.unwrap();
    let table = lake.newest(&location).await.unwrap().unwrap();
    let expected: Vec<i64> =
        (0..4).flat_map(|worker| (0..40).map(move |round| worker * 1000 + round)).collect();
    assert_eq!(read(&table).await, expected);
    assert_eq!(table.schema().fields().len(), 5);
    assert!(table.files().0 <= 101, "{} files", table.files().0);
    let log = dir.path().join("_lakeport/refreshes/_delta_log");
    let checkpoints = std::fs::read_dir(log).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().contains(".checkpoint")
    });
    assert!(checkpoints.count() > 0, "no checkpoint was written");
}
