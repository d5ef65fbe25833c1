//! Changes of a plan, step by step: first the keys that laws ask for, then the rows.
//!
//! Its one idea: plans are put together between the steps and sealed before anything runs. Everything
//! held in memory has a limit; over it the answer is that computing in full is cheaper.

use std::cell::RefCell;
use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt as _;

use crate::error::{Error, Result};
use crate::lake::Location;
use crate::query::{AuthorizedPlan, Context, Engine, Sealed};

use super::differ::{Blocked, Delta, Differ, SourceChange, Sources, Stop};
use super::keys::KeyRows;
use super::net::NetRows;

/// Distinct keys beyond which an operator is computed in full.
const KEYS_MAX: usize = 500_000;
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
    /// Bytes of summed-up rows that are held at most.
    pub(crate) bytes_max: usize,
}

/// A plan's changes.
pub(crate) struct Changed {
    /// Summed up, in the columns the rows are stored in and those behind them.
    pub(crate) net: NetRows,
    /// Rows before they were summed up.
    pub(crate) rows_read: u64,
    /// Which law each operator was changed by: its place, its name, the law.
    pub(crate) laws: Vec<(String, &'static str, &'static str)>,
}

/// How it went.
pub(crate) enum Outcome {
    /// There they are.
    Changed(Changed),
    /// An operator has no law.
    Blocked(Blocked),
    /// They are so many that computing in full is cheaper; the words follow "because".
    TooMany(String),
}

/// What comes next.
enum Step {
    Nothing,
    Keys(String, AuthorizedPlan),
    Rows(AuthorizedPlan),
    Blocked(Blocked),
}

/// The changes of a plan. `conform` gives its rows, without the weight, the types of `schema`.
///
/// # Errors
/// What running the plans says; a data file that is gone is an error of reading.
pub(crate) async fn changes_of(
    changing: &Changing<'_>,
    schema: &SchemaRef,
    conform: &(dyn Fn(&RecordBatch) -> Result<RecordBatch> + Send + Sync),
) -> Result<Outcome> {
    let normal = changing.engine.normalized(changing.plan, changing.context)?;
    let mut keys: BTreeMap<String, KeyRows> = BTreeMap::new();
    let mut net = NetRows::new(schema, changing.bytes_max)?;
    for _ in 0..STEPS_MAX {
        let (step, laws) = next(changing, &normal, &keys)?;
        match step {
            Step::Blocked(blocked) => return Ok(Outcome::Blocked(blocked)),
            Step::Nothing => return Ok(Outcome::Changed(Changed { net, rows_read: 0, laws })),
            Step::Keys(place, plan) => match keys_of(changing, &plan).await? {
                Some(found) => {
                    keys.insert(place, found);
                }
                None => return Ok(too_many(format!("more than {KEYS_MAX} keys are touched"))),
            },
            Step::Rows(plan) => {
                let Some(rows_read) = sum_up(changing, &plan, &mut net, conform).await? else {
                    return Ok(too_many("the changes do not fit in memory".to_owned()));
                };
                return Ok(Outcome::Changed(Changed { net, rows_read, laws }));
            }
        }
    }
    Ok(too_many(format!("more than {STEPS_MAX} operators ask for keys")))
}

fn too_many(why: String) -> Outcome {
    Outcome::TooMany(why)
}

type Laws = Vec<(String, &'static str, &'static str)>;

/// Asks the laws once.
fn next(
    changing: &Changing<'_>,
    normal: &Sealed<LogicalPlan>,
    keys: &BTreeMap<String, KeyRows>,
) -> Result<(Step, Laws)> {
    let differ =
        Differ { sources: Sources::Moved(changing.sources), keys, laws: RefCell::default() };
    let authorized = |plan| changing.engine.derived(changing.plan, plan, changing.context);
    let step = match differ.changed(normal, "0") {
        Ok(None) => Step::Nothing,
        Ok(Some(Delta { plan, .. })) => Step::Rows(authorized(plan)?),
        Err(Stop::Needs(place, plan)) => Step::Keys(place, authorized(*plan)?),
        Err(Stop::Blocked(blocked)) => Step::Blocked(blocked),
        Err(Stop::Failed(error)) => return Err(Engine::error(error)),
    };
    Ok((step, differ.laws.into_inner()))
}

async fn keys_of(changing: &Changing<'_>, plan: &AuthorizedPlan) -> Result<Option<KeyRows>> {
    let (mut batches, mut rows) = (Vec::new(), 0);
    let execution = changing.engine.execute(plan, changing.context, Vec::new()).await?;
    let mut stream = execution.stream;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(Engine::error)?;
        rows += batch.num_rows();
        if rows > KEYS_MAX {
            return Ok(None);
        }
        batches.push(batch);
    }
    let schema = plan.schema();
    let nullable = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
    let schema: SchemaRef = Schema::new(nullable.collect::<Vec<_>>()).into();
    let batches = batches.into_iter().map(|batch| {
        RecordBatch::try_new(schema.clone(), batch.columns().to_vec())
            .map_err(|error| Error::internal("keys").caused_by(error))
    });
    let batches = batches.collect::<Result<Vec<_>>>()?;
    KeyRows::new(schema, batches).map(Some).map_err(Engine::error)
}

/// Runs the changed plan; `None` when there is no room for its rows.
async fn sum_up(
    changing: &Changing<'_>,
    plan: &AuthorizedPlan,
    net: &mut NetRows,
    conform: &(dyn Fn(&RecordBatch) -> Result<RecordBatch> + Send + Sync),
) -> Result<Option<u64>> {
    let execution = changing.engine.execute(plan, changing.context, Vec::new()).await?;
    let mut stream = execution.stream;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(Engine::error)?;
        rows += batch.num_rows() as u64;
        let width = batch.num_columns().saturating_sub(1);
        let columns: Vec<usize> = (0..width).collect();
        let shown = batch
            .project(&columns)
            .map_err(|error| Error::internal("take the weights off").caused_by(error))?;
        if net.add(&conform(&shown)?, batch.column(width))?.is_err() {
            return Ok(None);
        }
    }
    Ok(Some(rows))
}
