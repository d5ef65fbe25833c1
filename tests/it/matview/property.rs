//! A view is what its query says, whatever happened to its sources: random tables, histories, views.
//!
//! Oracle: the query itself, over the same versions. Seeds are fixed; `LAKEPORT_LONG=1` (`.ci/run --long`) runs
//! 20,000, `LAKEPORT_SEEDS=from..to` others, and a failure prints its seed with the shortest history that still fails.

mod grammar;
mod history;

use std::collections::BTreeMap;

use futures::StreamExt as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use self::grammar::{Keyed, floats, keyed, over, view};
use self::history::{Step, TABLES, bronze, steps};
use super::world::World;

/// Plain views a seed has.
const VIEWS: usize = 2;
/// What tells the chance of the other views from that of the plain ones.
const OTHERS: u64 = 1 << 40;
/// Seeds of a person's run, and of CI's.
const SEEDS: u64 = 60;
const SEEDS_IN_CI: u64 = 500;
/// With `LAKEPORT_LONG`.
const SEEDS_LONG: u64 = 20_000;
/// One history in so many is written by delta-rs, too.
const FOREIGN_EVERY: u64 = 16;
/// Seeds at once.
const AT_ONCE: usize = 4;

/// How often views were refreshed by which strategy, and why.
type Tally = BTreeMap<String, u64>;

#[tokio::test(flavor = "multi_thread")]
async fn a_view_equals_its_query_whatever_happened() {
    let seeds = match std::env::var("LAKEPORT_SEEDS") {
        Ok(range) => {
            let (from, to) = range.split_once("..").expect("from..to");
            from.parse().unwrap()..to.parse().unwrap()
        }
        Err(_) if crate::support::long() => 0..SEEDS_LONG,
        Err(_) if std::env::var_os("CI").is_some() => 0..SEEDS_IN_CI,
        Err(_) => 0..SEEDS,
    };
    let trials = futures::stream::iter(seeds).map(|seed| {
        let trial = tokio::spawn(async move {
            let (case, mut tally) = (Case::random(seed), Tally::new());
            let ended = case.run(&mut tally).await;
            (seed, case, tally, ended)
        });
        async move { trial.await.unwrap() }
    });
    let mut trials = std::pin::pin!(trials.buffer_unordered(AT_ONCE));
    let mut all = Tally::new();
    while let Some((seed, case, tally, ended)) = trials.next().await {
        if let Err(wrong) = ended {
            let (case, wrong) = shortest(case, wrong).await;
            panic!("seed {seed}: {wrong}\n{case:#?}");
        }
        for (word, times) in tally {
            *all.entry(word).or_default() += times;
        }
    }
    eprintln!("{all:#?}");
    let lost = all.keys().find(|reason| reason.contains("were not in its table"));
    assert_eq!(lost, None, "rows that a view had were not found in its table");
    let incremental = all.get("incremental").copied().unwrap_or(0);
    let marking = all.remove("of these with deletion vectors").unwrap_or(0);
    let refreshes: u64 = all.values().sum();
    assert!(marking > 0, "no refresh marked rows as gone");
    assert!(incremental * 2 > refreshes, "{incremental} of {refreshes} were incremental");
}

#[derive(Debug, Clone)]
struct View {
    query: String,
    /// Between its name and its policy.
    clauses: String,
    /// What its rows hold to, where others are kept apart.
    holds: Option<&'static str>,
    /// What of it is compared.
    shown: &'static str,
}

impl View {
    fn plain(query: String) -> Self {
        Self { query, clauses: String::new(), holds: None, shown: "*" }
    }

    fn floats((query, shown): (String, &'static str)) -> Self {
        Self { shown, ..Self::plain(query) }
    }

    fn keyed(Keyed { query, key, holds }: Keyed) -> Self {
        let clauses = format!(
            " (CONSTRAINT has_key EXPECT ({holds}) ON VIOLATION QUARANTINE ROW, PRIMARY KEY ({key}))"
        );
        Self { query, clauses, holds: Some(holds), shown: "*" }
    }
}

/// Views over tables, and what happens to these.
#[derive(Debug, Clone)]
struct Case {
    views: Vec<View>,
    steps: Vec<Step>,
}

impl Case {
    fn random(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // One of them shallow: there a wrong rule is not covered by the operators above it.
        let depth = |i| if i == 0 { 1 } else { 3 };
        let mut views: Vec<View> =
            (0..VIEWS).map(|i| View::plain(view(&mut random, depth(i)))).collect();
        let mut others = ChaCha8Rng::seed_from_u64(seed ^ OTHERS);
        views.push(View::keyed(keyed(&mut others)));
        views.push(match seed.is_multiple_of(2) {
            true => View::floats(floats(&mut others)),
            false => View::plain(over(&mut others)),
        });
        // Starting Python takes half a second, so not every history has strangers in it.
        let foreign = seed.is_multiple_of(FOREIGN_EVERY) && history::delta_rs().is_some();
        Self { views, steps: steps(&mut random, foreign) }
    }

    /// Builds, lets everything happen, and compares after each refresh.
    async fn run(&self, tally: &mut Tally) -> Result<(), String> {
        let files: Vec<(String, String)> = self
            .views
            .iter()
            .enumerate()
            .map(|(i, View { query, clauses, .. })| {
                let marks = i % 2 == 1;
                let text = format!(
                    "-- One row.\nCREATE MATERIALIZED VIEW silver.v{i}{clauses}\nREFRESH POLICY INCREMENTAL\n\
                     TBLPROPERTIES ('delta.enableDeletionVectors' = {marks})\nAS {query};"
                );
                (format!("silver/v{i}"), text)
            })
            .collect();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let world = World::with(&bronze(), &files).await;
        for table in TABLES {
            history::begin(&world, table).await;
        }
        for (number, step) in self.steps.iter().enumerate() {
            step.take(&world).await;
            if !step.refreshes() && number > 0 {
                continue;
            }
            self.compare(&world, number).await?;
        }
        for row in world
            .rows("SELECT strategy, reason FROM lakeport.refreshes WHERE state = 'refreshed'")
            .await
        {
            let word = match row.split_once("; in full because ") {
                Some((_, because)) => format!("full: {because}"),
                None if row.starts_with("incremental") => "incremental".to_owned(),
                None => row,
            };
            *tally.entry(word).or_default() += 1;
        }
        let marking = "SELECT count(*)::text FROM lakeport.refresh_operators WHERE operator LIKE '%deletion vectors%'";
        let marking: u64 = world.rows(marking).await[0].parse().unwrap();
        *tally.entry("of these with deletion vectors".to_owned()).or_default() += marking;
        Ok(())
    }

    async fn compare(&self, world: &World, number: usize) -> Result<(), String> {
        let report = world.refresh().await;
        for outcome in &report.views {
            if !outcome.state.is_current() {
                return Err(format!("step {number}: {} {:?}", outcome.view, outcome.state));
            }
        }
        for (i, View { query, holds, shown, .. }) in self.views.iter().enumerate() {
            let Some(holds) = holds else {
                let query = format!("SELECT {shown} FROM ({query}) AS q");
                same(world, number, &query, &format!("SELECT {shown} FROM silver.v{i}")).await?;
                continue;
            };
            let kept = format!("SELECT * FROM ({query}) AS q WHERE {holds}");
            same(world, number, &kept, &format!("SELECT * FROM silver.v{i}")).await?;
            let refused = format!("SELECT * FROM ({query}) AS q WHERE NOT ({holds})");
            let apart = format!("SELECT c0, c1, c2, c3 FROM quarantine.silver__v{i}");
            same(world, number, &refused, &apart).await?;
        }
        let again = world.refresh().await;
        match again.epoch {
            None => Ok(()),
            Some(epoch) => Err(format!("step {number}: a second refresh made epoch {epoch}")),
        }
    }
}

/// The rows that a view has are those of its query.
async fn same(world: &World, number: usize, query: &str, view: &str) -> Result<(), String> {
    let wanted = world.try_rows(query).await.map_err(|e| format!("{query}: {e}"))?;
    let found = world.rows(view).await;
    if wanted == found {
        return Ok(());
    }
    let lacks: Vec<_> = wanted.iter().filter(|row| !found.contains(row)).collect();
    let has: Vec<_> = found.iter().filter(|row| !wanted.contains(row)).collect();
    Err(format!(
        "step {number}: {view} has {} rows for {}; lacks {lacks:?}, has {has:?}\n{query}",
        found.len(),
        wanted.len()
    ))
}

/// Leaves out what does not matter to the failure.
async fn shortest(mut case: Case, mut wrong: String) -> (Case, String) {
    let mut at = 0;
    while at < case.steps.len() + case.views.len() {
        let mut smaller = case.clone();
        if at < smaller.steps.len() {
            smaller.steps.remove(at);
        } else if smaller.views.len() > 1 {
            smaller.views.remove(at - smaller.steps.len());
        } else {
            break;
        }
        match smaller.run(&mut Tally::new()).await {
            Err(still) => (case, wrong) = (smaller, still),
            Ok(()) => at += 1,
        }
    }
    (case, wrong)
}

/// One of several, by weight.
fn choose<'a, T>(random: &mut ChaCha8Rng, from: &'a [T]) -> &'a T {
    &from[random.random_range(0..from.len())]
}
