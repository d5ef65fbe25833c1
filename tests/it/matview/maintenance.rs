//! Whatever is folded, vacuumed and rewritten: what may be asked for reads as it was published.
//!
//! The model is the sentence of the design: the epoch of the cut and all after it can be read, and
//! those that are kept by number; all others answer that they are too old.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::util::display::array_value_to_string;
use chrono::{DateTime, TimeDelta, Utc};
use lakeport::clock::{Clock, SystemClock};
use lakeport::config::{Config, Retention};
use lakeport::error::ErrorKind;
use lakeport::lake::{Location, Run, RunKind, Table};
use lakeport::matview::Maintenance;
use lakeport::name::{Epoch, RelationId, Version};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::world::{World, name, orders, rates};

const HOURS: i64 = 168;
pub(super) const VIEWS: [(&str, &str); 2] = [
    (
        "silver/orders",
        "CREATE MATERIALIZED VIEW silver.orders (\n\
         CONSTRAINT has_id EXPECT (order_id IS NOT NULL) ON VIOLATION QUARANTINE ROW)\n\
         AS SELECT o.order_id, o.currency, o.amount * r.rate AS eur\n\
         FROM bronze.orders o JOIN bronze.rates r ON r.currency = o.currency;",
    ),
    (
        "gold/finance/revenue",
        "CREATE MATERIALIZED VIEW gold_finance.revenue\n\
         AS SELECT currency, count(*) AS orders FROM silver.orders GROUP BY currency;",
    ),
];
const RELATIONS: [&str; 5] = [
    "bronze.orders",
    "bronze.rates",
    "silver.orders",
    "quarantine.silver__orders",
    "gold_finance.revenue",
];

#[derive(Debug, Clone)]
enum Step {
    Arrive,
    ArriveRates,
    /// Rows are committed by a run that has not published them yet.
    Commit,
    Refresh,
    Optimize(usize),
    Checkpoint(usize),
    Vacuum(usize),
    Sweep,
    Fold,
    Wait(u64),
    Keep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Arrive),
        2 => Just(Step::ArriveRates),
        2 => Just(Step::Commit),
        4 => Just(Step::Refresh),
        3 => (0..RELATIONS.len()).prop_map(Step::Optimize),
        2 => (0..RELATIONS.len()).prop_map(Step::Checkpoint),
        2 => (0..RELATIONS.len()).prop_map(Step::Vacuum),
        2 => Just(Step::Sweep),
        1 => Just(Step::Fold),
        4 => (1..120_u64).prop_map(Step::Wait),
        1 => Just(Step::Keep),
    ]
}

/// A version of a table.
type Place = (Location, Version);

/// What was published, and what of it may still be asked for.
#[derive(Default)]
struct Model {
    /// When each epoch was published, and the version of each relation in it.
    epochs: BTreeMap<Epoch, (DateTime<Utc>, BTreeMap<RelationId, Place>)>,
    rows: BTreeMap<Place, Vec<String>>,
    oldest: Epoch,
    kept: BTreeSet<Epoch>,
    keep: Vec<Epoch>,
}

impl Model {
    fn readable(&self, epoch: Epoch) -> bool {
        epoch >= self.oldest || self.kept.contains(&epoch)
    }

    fn fold(&mut self, now: DateTime<Utc>) {
        let cut = now - TimeDelta::hours(HOURS);
        let past = self.epochs.iter().filter(|(_, (at, _))| *at <= cut);
        let oldest = past.map(|(epoch, _)| *epoch).max().unwrap_or(0).max(self.oldest);
        let keep = self.keep.iter().copied();
        self.kept = keep.filter(|epoch| *epoch < oldest && self.readable(*epoch)).collect();
        self.oldest = oldest;
    }

    /// Takes in the newest epoch; a run that only moved rows has changed none.
    async fn record(&mut self, world: &World, moved: bool) {
        let state = world.lake.epoch();
        if self.epochs.contains_key(&state.epoch) || state.epoch == 0 {
            return;
        }
        let before = self.epochs.last_key_value().map(|(_, (_, relations))| relations.clone());
        let mut relations = BTreeMap::new();
        for (id, relation) in &state.relations {
            let place = (relation.location.clone(), relation.version);
            if !self.rows.contains_key(&place) {
                let table = world.lake.at_version(&place.0, place.1).await.unwrap();
                let rows = texts(&table).await;
                if moved {
                    let before = before.as_ref().and_then(|before| before.get(id)).unwrap();
                    assert_eq!(self.rows[before], rows, "OPTIMIZE changed rows of {}", place.0);
                }
                self.rows.insert(place.clone(), rows);
            }
            relations.insert(*id, place);
        }
        self.epochs.insert(state.epoch, (state.published_at.unwrap(), relations));
    }

    /// Another server, which has read nothing yet, is asked for every epoch there ever was.
    async fn check(&self, world: &World) {
        let server = world.second().await;
        let mut read: BTreeMap<Place, Vec<String>> = BTreeMap::new();
        for (epoch, (_, relations)) in &self.epochs {
            let found = server.lake.epoch_at(*epoch).await;
            if !self.readable(*epoch) {
                let error = found.expect_err("it is past retention");
                assert_eq!(error.kind(), ErrorKind::SnapshotTooOld);
                let oldest = format!("the oldest is {}", self.oldest);
                assert!(error.message().ends_with(&oldest), "{error}");
                continue;
            }
            let found = found.unwrap_or_else(|error| panic!("epoch {epoch}: {error}"));
            assert_eq!(found.relations.len(), relations.len(), "epoch {epoch}");
            for (id, relation) in &found.relations {
                let place = (relation.location.clone(), relation.version);
                assert_eq!(place, relations[id], "epoch {epoch}");
                if !read.contains_key(&place) {
                    let table = server.lake.at_version(&place.0, place.1).await;
                    let table = table.unwrap_or_else(|e| panic!("{place:?} of {epoch}: {e:?}"));
                    read.insert(place.clone(), texts(&table).await);
                }
                assert_eq!(read[&place], self.rows[&place], "{place:?} of epoch {epoch}");
            }
        }
        self.check_sources(&server).await;
    }

    /// A refresh finds what its sources went through since the rows of its view were computed.
    async fn check_sources(&self, server: &World) {
        let state = server.catalog.at(&server.lake.epoch()).await.unwrap();
        let id = |relation: &str| state.relation(&name(relation)).unwrap().id;
        for (view, source) in [
            ("silver.orders", "bronze.orders"),
            ("silver.orders", "bronze.rates"),
            ("gold_finance.revenue", "silver.orders"),
        ] {
            let newest = async |relation: &str| {
                server.lake.newest(&server.lake.location(&name(relation))).await.unwrap()
            };
            let (Some(table), Some(newest)) = (newest(view).await, newest(source).await) else {
                continue;
            };
            let app = format!("mv/{}/{}", id(view), id(source));
            let version = table.progress(&app).await.unwrap().unwrap() as Version;
            for version in version..=newest.version() {
                let old = server.lake.at_version(newest.location(), version).await.unwrap();
                let rows = texts(&old).await;
                let place = (newest.location().clone(), version);
                if let Some(known) = self.rows.get(&place) {
                    assert_eq!(rows, *known);
                }
            }
            assert!(!newest.foreign_since(version).await.unwrap(), "a commit of {source} is gone");
        }
    }
}

pub(super) async fn texts(table: &Table) -> Vec<String> {
    let mut rows = Vec::new();
    let batches = table.read().await.unwrap_or_else(|error| panic!("{table:?}: {error:?}"));
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|c| array_value_to_string(c, row).unwrap());
            rows.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    rows.sort();
    rows
}

/// Maintenance of a server that has just started.
pub(super) fn maintenance(world: &World, keep: &[Epoch]) -> Arc<Maintenance> {
    let retention = Retention { keep: keep.to_vec(), ..Retention::default() };
    let config = Arc::new(Config { retention, ..Config::default() });
    Maintenance::new(world.lake.clone(), Arc::clone(&world.catalog), config)
}

struct Trial {
    world: World,
    model: Model,
    next: i64,
}

impl Trial {
    async fn start() -> Self {
        let world = World::starting(SystemClock.now(), &VIEWS).await;
        world.arrive("bronze.rates", rates(&[("EUR", 1.0), ("USD", 0.5)])).await;
        let mut trial = Self { world, model: Model::default(), next: 0 };
        for step in [Step::Arrive, Step::Refresh] {
            trial.take(&step).await;
        }
        trial
    }

    fn orders(&mut self) -> arrow::array::RecordBatch {
        let n = self.next;
        self.next += 1;
        orders(&[(Some(n), "EUR", Some(n as f64)), (None, "USD", Some(1.0))])
    }

    async fn take(&mut self, step: &Step) {
        self.world.clock.advance(Duration::from_secs(1));
        let world = &self.world;
        let relation = async |index: usize| {
            let state = world.catalog.at(&world.lake.epoch()).await.unwrap();
            state.relation(&name(RELATIONS[index])).unwrap().as_ref().clone()
        };
        let maintenance = maintenance(world, &self.model.keep);
        match step {
            Step::Arrive => {
                let rows = self.orders();
                self.world.arrive("bronze.orders", rows).await;
            }
            Step::ArriveRates => {
                world.arrive("bronze.rates", rates(&[(&format!("C{}", self.next), 2.0)])).await;
            }
            Step::Commit => {
                let (run, rows) = (Run::start(RunKind::Ingest), self.orders());
                self.world.append("bronze.orders", rows, Some(&run)).await;
            }
            Step::Refresh => {
                let report = world.refresh().await;
                assert!(report.views.iter().all(|view| view.state.is_current()), "{report:?}");
            }
            Step::Optimize(index) => match maintenance.optimize(&relation(*index).await).await {
                Ok(()) => {}
                // Rows of a run that has not published are not published for it.
                Err(error) => assert_eq!(error.kind(), ErrorKind::SerializationFailure, "{error}"),
            },
            Step::Checkpoint(index) => {
                let location = world.lake.location(&name(RELATIONS[*index]));
                world.lake.maintain(&location).await.unwrap();
            }
            Step::Vacuum(index) => {
                self.model.fold(world.clock.now());
                maintenance.vacuum(&relation(*index).await, None, false).await.unwrap();
            }
            Step::Sweep => {
                self.model.fold(world.clock.now());
                maintenance.sweep().await.unwrap();
            }
            Step::Fold => {
                self.model.fold(world.clock.now());
                maintenance.fold().await.unwrap();
            }
            Step::Wait(hours) => world.wait(hours * 3600),
            Step::Keep => self.model.keep.push(world.epoch()),
        }
        let moved = matches!(step, Step::Optimize(_));
        self.model.record(&self.world, moved).await;
        let clears = matches!(step, Step::Vacuum(_) | Step::Sweep | Step::Fold);
        if clears || moved {
            self.world.lake.settle().await;
            self.model.check(&self.world).await;
        }
    }

    /// In the end nothing is kept that nobody may ask for.
    async fn finish(mut self) {
        for step in [Step::Wait(1), Step::Arrive, Step::Refresh, Step::Wait(200)] {
            self.take(&step).await;
        }
        let sql = VIEWS.map(|(_, text)| text.split_once("AS SELECT").unwrap().1.trim_matches(';'));
        for (query, view) in sql.iter().zip(["silver.orders", "gold_finance.revenue"]) {
            let mut expected = self.world.rows(&format!("SELECT{query}")).await;
            expected.retain(|row| view != "silver.orders" || !row.starts_with('|'));
            assert_eq!(self.world.rows(&format!("SELECT * FROM {view}")).await, expected, "{view}");
        }
        self.model.keep.clear();
        self.take(&Step::Sweep).await;
        let newest = self.world.lake.epoch();
        assert_eq!(self.model.oldest, newest.epoch);
        for relation in newest.relations.values() {
            let lake = &self.world.lake;
            let table = lake.at_version(&relation.location, relation.version).await.unwrap();
            let place = self.world.path(&format!("lake/{}", lake.relative(&relation.location)));
            let entries = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
            let data = entries.filter(|path| path.extension().is_some_and(|e| e == "parquet"));
            assert_eq!(data.count() as u64, table.files().0, "files of {}", relation.location);
        }
    }
}

fn run(steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut trial = Trial::start().await;
        for step in &steps {
            trial.take(step).await;
        }
        trial.finish().await;
    });
}

#[test]
fn every_epoch_in_retention_reads_as_it_was_published_whatever_is_cleared_away() {
    let config = ProptestConfig {
        cases: 6,
        max_shrink_iters: 20,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let ran = runner.run(&vec(step(), 30..70), |steps| {
        run(steps);
        Ok(())
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
}

#[test]
fn long_histories_of_one_table_lose_their_beginning_only() {
    let day: Vec<Step> = (0..12)
        .flat_map(|_| [Step::Arrive, Step::Arrive])
        .chain([Step::Checkpoint(0), Step::Refresh, Step::Optimize(0), Step::Keep, Step::Wait(100)])
        .chain([Step::Sweep])
        .collect();
    run(day.iter().cycle().take(day.len() * 3).cloned().collect());
}
