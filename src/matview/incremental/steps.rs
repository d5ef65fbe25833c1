//! Changes of a plan, step by step: first the keys that laws ask for, then the rows.
//!
//! Its one idea: plans are put together between the steps and sealed before anything runs. Everything
//! held in memory has a limit; over it the answer is that computing in full is cheaper.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use datafusion::logical_expr::LogicalPlan;

use crate::error::Result;
use crate::lake::{Location, Table};
use crate::matview::reads::Reads;
use crate::query::{
    AuthorizedPlan, Context, Engine, Execution, Ran, Sealed, metered, rows_in_place, table_in_place,
};

use super::answer::{Blocked, Stop};
use super::budget::Budget;
use super::differ::{Differ, SourceChange, Sources};
use super::known::{Asker, Known};
use super::merge::{Grouped, MERGED};
use super::net::NetRows;
use super::runs::{Rows, held_of, rows_of, sum_up};
use super::shown::{ResultOf, Shown};

/// Of the memory for changed rows, the part that rows read once for both versions may take.
const HELD_SHARE: usize = 2;
/// Operators that ask for keys, in one plan.
const STEPS_MAX: usize = 100;

/// What a view's changes are computed with.
pub(crate) struct Changing<'a> {
    pub(crate) engine: &'a Engine,
    /// The plan over the new versions.
    pub(crate) plan: &'a AuthorizedPlan,
    pub(crate) context: &'a Context,
    /// Sources that moved.
    pub(crate) sources: &'a BTreeMap<Location, SourceChange>,
    /// What `now()` was when the stored result was computed.
    pub(crate) then: Option<DateTime<Utc>>,
    /// What the plans that ran have read.
    pub(crate) reads: &'a Mutex<Reads>,
    /// What it may cost, where that is a question.
    pub(crate) budget: Option<&'a Budget>,
    /// Tables of so many bytes and more are read once for both versions.
    pub(crate) hold_from_bytes: u64,
    /// Bytes of summed-up rows that are held at most.
    pub(crate) bytes_max: usize,
    /// Where the rows stand that the plan gave before, where all do.
    pub(crate) shown: Option<Shown>,
}

impl Changing<'_> {
    pub(super) fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a plan, unless that would cost too much.
    pub(super) async fn execute(&self, plan: &AuthorizedPlan) -> Result<Option<Execution>> {
        let lets = |ran: &Ran| self.budget.is_none_or(|budget| budget.lets(ran));
        let started = self.engine.execute_if(plan, self.context, Vec::new(), &lets).await;
        if self.is_over() { Ok(None) } else { started }
    }

    /// What comes of it within the time there is; `None` when that is over.
    pub(super) async fn in_time<T: Send>(
        &self,
        coming: impl Future<Output = T> + Send,
    ) -> Option<T> {
        match self.budget.and_then(Budget::until) {
            Some(until) => tokio::time::timeout_at(until.into(), coming).await.ok(),
            None => Some(coming.await),
        }
    }

    /// Whether what was to be computed again came to cost too much.
    pub(super) fn is_over(&self) -> bool {
        self.budget.is_some_and(Budget::is_used_up)
    }
}

/// A plan's changes.
pub(crate) struct Changed {
    /// Summed up, in the columns the rows are stored in and those behind them.
    pub(crate) net: NetRows,
    pub(crate) laws: Laws,
}

/// Gives a plan's rows the types they are stored in.
pub(crate) type Conform<'a> = dyn Fn(&RecordBatch) -> Result<RecordBatch> + Send + Sync + 'a;

/// How it went.
pub(crate) enum Outcome {
    /// There they are.
    Changed(Changed),
    /// An operator has no law.
    Blocked(Blocked),
    /// They are so many that computing in full is cheaper; the words follow "because".
    TooMany(String),
}

/// What a plan's changes are.
enum Resolved {
    Nothing,
    Rows(AuthorizedPlan),
    Blocked(Blocked),
    TooMany(String),
}

/// What comes next.
enum Step {
    Keys(Asker, AuthorizedPlan),
    Rows(Asker, AuthorizedPlan),
    Done(Resolved),
}

/// A plan to be put together, once all keys it asks for are known.
type Asked<'a> =
    dyn Fn(&Differ<'_>) -> std::result::Result<Option<LogicalPlan>, Stop> + Send + Sync + 'a;

/// The changes of a plan, of the one with the columns that its groups keep where these are kept. `conform` gives its rows, without the weight, the types of `schema`.
///
/// # Errors
/// What running the plans says; a data file that is gone is an error of reading.
pub(crate) async fn changes_of(
    changing: &Changing<'_>,
    grouped: Option<&Sealed<Grouped>>,
    schema: &SchemaRef,
    conform: &Conform<'_>,
) -> Result<Outcome> {
    let normal = normal(changing, grouped)?;
    let mut laws = Laws::new();
    let asked = |differ: &Differ<'_>| Ok(differ.changed(&normal, "0")?.map(|delta| delta.plan));
    let resolved = resolve(changing, Some(&normal), &asked, &mut laws).await?;
    outcome_of(changing, resolved, schema, conform, laws).await
}

/// The plan that laws are asked about; the one that runs is filled in for this moment.
fn normal(
    changing: &Changing<'_>,
    grouped: Option<&Sealed<Grouped>>,
) -> Result<Sealed<LogicalPlan>> {
    match grouped {
        Some(grouped) => {
            let whole = grouped.full().map_err(Engine::error)?;
            changing.engine.normalized_plan(whole, changing.context)
        }
        None => changing.engine.normalized(changing.plan, changing.context),
    }
}

/// The changes of a plan that ends in groups, which `stored` keeps; `None` when rows went that the
/// kept columns cannot follow.
///
/// # Errors
/// As [`changes_of`].
pub(crate) async fn groups_of(
    changing: &Changing<'_>,
    grouped: &Sealed<Grouped>,
    stored: &Table,
    schema: &SchemaRef,
    conform: &Conform<'_>,
) -> Result<Option<Outcome>> {
    let mut laws = vec![("0".to_owned(), "aggregate", MERGED)];
    let asked = |differ: &Differ<'_>| {
        let Some(delta) = differ.changed(grouped.input(), "0.0")? else { return Ok(None) };
        let delta = if grouped.only_grows() { differ.summed(delta)? } else { delta };
        Ok(Some(grouped.added(delta.plan)?))
    };
    let added = match resolve(changing, None, &asked, &mut laws).await? {
        Resolved::Rows(plan) => plan,
        other => return outcome_of(changing, other, schema, conform, laws).await.map(Some),
    };
    let added = match rows_of(changing, &added).await? {
        Ok(added) => added,
        Err(why) => return Ok(Some(Outcome::TooMany(why))),
    };
    if grouped.only_grows() && added.went() {
        // What comes instead has other operators.
        changing.reads().forget_operators();
        return Ok(None);
    }
    let kept = kept_plan(changing, grouped, stored, &added)?;
    let had = match rows_of(changing, &kept).await? {
        Ok(had) => had,
        Err(why) => return Ok(Some(Outcome::TooMany(why))),
    };
    let merged = merged_plan(changing, grouped, had, added)?;
    outcome_of(changing, Resolved::Rows(merged), schema, conform, laws).await.map(Some)
}

fn kept_plan(
    changing: &Changing<'_>,
    grouped: &Sealed<Grouped>,
    stored: &Table,
    added: &Rows,
) -> Result<AuthorizedPlan> {
    let touched = added.keys(grouped.keys().len()).map_err(Engine::error)?;
    let stored = table_in_place("stored", stored.stored_provider()?).map_err(Engine::error)?;
    let kept = grouped.kept(stored, &touched).map_err(Engine::error)?;
    changing.engine.derived(changing.plan, kept, changing.context)
}

fn merged_plan(
    changing: &Changing<'_>,
    grouped: &Sealed<Grouped>,
    had: Rows,
    added: Rows,
) -> Result<AuthorizedPlan> {
    let plan = rows_in_place("had", had.schema, had.batches)
        .and_then(|had| Ok((had, rows_in_place("added", added.schema, added.batches)?)))
        .and_then(|(had, added)| Ok(metered(grouped.merged(had, added)?, "0".to_owned(), None)))
        .map_err(Engine::error)?;
    changing.engine.derived(changing.plan, plan, changing.context)
}

async fn outcome_of(
    changing: &Changing<'_>,
    resolved: Resolved,
    schema: &SchemaRef,
    conform: &Conform<'_>,
    laws: Laws,
) -> Result<Outcome> {
    let mut net = NetRows::new(schema, changing.bytes_max)?;
    match resolved {
        Resolved::Nothing => {}
        Resolved::Blocked(blocked) => return Ok(Outcome::Blocked(blocked)),
        Resolved::TooMany(why) => return Ok(Outcome::TooMany(why)),
        Resolved::Rows(plan) => {
            if let Err(why) = sum_up(changing, &plan, &mut net, conform).await? {
                return Ok(Outcome::TooMany(why));
            }
        }
    }
    Ok(Outcome::Changed(Changed { net, laws }))
}

/// Which law each operator was changed by: its place, its name, the law.
pub(crate) type Laws = Vec<(String, &'static str, &'static str)>;

/// Asks the laws until they ask for no more keys.
async fn resolve(
    changing: &Changing<'_>,
    whole: Option<&Sealed<LogicalPlan>>,
    asked: &Asked<'_>,
    laws: &mut Laws,
) -> Result<Resolved> {
    let mut keys = Known::default();
    let mut room = changing.bytes_max / HELD_SHARE;
    for _ in 0..STEPS_MAX {
        let (step, noted) = next(changing, whole, asked, &keys)?;
        match step {
            Step::Done(resolved) => {
                laws.extend(noted);
                return Ok(resolved);
            }
            Step::Rows(asker, plan) => match held_of(changing, &plan, &mut room).await? {
                Ok(held) => keys.hold(asker, held),
                Err(why) => return Ok(Resolved::TooMany(why)),
            },
            Step::Keys(asker, plan) => match rows_of(changing, &plan).await? {
                Ok(found) => {
                    let width = found.schema.fields().len();
                    keys.insert(asker, found.keys(width).map_err(Engine::error)?);
                }
                Err(_) if asker.can_do_without() => keys.hold(asker, None),
                Err(why) => return Ok(Resolved::TooMany(why)),
            },
        }
    }
    Ok(Resolved::TooMany(format!("more than {STEPS_MAX} operators ask for keys")))
}

/// Asks the laws once; `whole` is the plan they are asked about, where its result may be looked into.
fn next(
    changing: &Changing<'_>,
    whole: Option<&Sealed<LogicalPlan>>,
    asked: &Asked<'_>,
    keys: &Known,
) -> Result<(Step, Laws)> {
    let sources = Sources::Moved(changing.sources);
    let again = changing.budget.map(Budget::again);
    let hold_from_bytes = changing.hold_from_bytes;
    let (then, laws) = (changing.then, RefCell::default());
    let result = whole.zip(changing.shown.as_ref()).map(|(plan, shown)| ResultOf { plan, shown });
    let differ = Differ { sources, keys, then, hold_from_bytes, laws, again, result };
    let authorized = |plan| changing.engine.derived(changing.plan, plan, changing.context);
    let step = match asked(&differ) {
        Ok(None) => Step::Done(Resolved::Nothing),
        Ok(Some(plan)) => Step::Done(Resolved::Rows(authorized(plan)?)),
        Err(Stop::Needs(needed)) => {
            let plan = authorized(needed.plan)?;
            match needed.is_keys {
                true => Step::Keys(needed.asker, plan),
                false => Step::Rows(needed.asker, plan),
            }
        }
        Err(Stop::Blocked(blocked)) => Step::Done(Resolved::Blocked(blocked)),
        Err(Stop::Failed(error)) => return Err(Engine::error(error)),
    };
    Ok((step, differ.laws.into_inner()))
}
