//! Plans of a refresh run, and their rows taken.
//!
//! Its one idea: everything held in memory has a limit, and everything that runs a budget; over either the
//! answer is why, and computing in full is cheaper.

use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use futures::StreamExt as _;

use crate::error::{Error, Result};
use crate::query::{AuthorizedPlan, Engine};

use super::budget::Budget;
use super::keys::KeyRows;
use super::merge::nullable;
use super::net::NetRows;
use super::shared::Held;
use super::states::LEAST_WEIGHT;
use super::steps::{Changing, Conform};

/// Distinct keys beyond which an operator is computed in full.
const KEYS_MAX: usize = 500_000;

/// Rows of a plan, held in memory.
pub(super) struct Rows {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
}

impl Rows {
    /// The first columns as keys.
    pub(super) fn keys(&self, width: usize) -> datafusion::error::Result<KeyRows> {
        let columns: Vec<usize> = (0..width).collect();
        let batches = self.batches.iter().map(|batch| batch.project(&columns));
        let batches = batches.collect::<std::result::Result<Vec<_>, _>>()?;
        KeyRows::new(Arc::new(self.schema.project(&columns)?), batches)
    }

    /// Whether a row of a group went.
    pub(super) fn went(&self) -> bool {
        self.batches.iter().any(|batch| {
            let least = batch.column_by_name(LEAST_WEIGHT);
            let least = least.and_then(|column| column.as_primitive_opt::<Int64Type>());
            least.is_none_or(|least| least.iter().flatten().any(|weight| weight < 0))
        })
    }
}

/// Why a plan's rows are not there, in the words that follow "because".
pub(super) type Refusal = String;

/// Runs a plan whose rows are held.
pub(super) async fn rows_of(
    changing: &Changing<'_>,
    plan: &AuthorizedPlan,
) -> Result<std::result::Result<Rows, Refusal>> {
    let (mut batches, mut rows) = (Vec::new(), 0);
    let schema = nullable(&plan.schema());
    let ran = run(changing, plan, |batch| {
        rows += batch.num_rows();
        if rows > KEYS_MAX {
            return Ok(Err(format!("more than {KEYS_MAX} keys are touched")));
        }
        let batch = RecordBatch::try_new(schema.clone(), batch.columns().to_vec())
            .map_err(|error| Error::internal("rows that are held").caused_by(error))?;
        batches.push(batch);
        Ok(Ok(()))
    });
    Ok(ran.await?.map(|()| Rows { schema, batches }))
}

/// Runs a plan whose rows are read once for both versions; `None` when there is no room for them.
pub(super) async fn held_of(
    changing: &Changing<'_>,
    plan: &AuthorizedPlan,
    room: &mut usize,
) -> Result<std::result::Result<Option<Held>, Refusal>> {
    let (schema, mut batches, mut bytes) = (plan.schema(), Vec::new(), 0);
    let ran = run(changing, plan, |batch| {
        bytes += batch.get_array_memory_size();
        if bytes > *room {
            return Ok(Err("the rows do not fit".to_owned()));
        }
        let batch = RecordBatch::try_new(schema.clone(), batch.columns().to_vec())
            .map_err(|error| Error::internal("rows that are held").caused_by(error))?;
        batches.push(batch);
        Ok(Ok(()))
    });
    let ended = ran.await?;
    if bytes > *room {
        return Ok(Ok(None));
    }
    *room -= bytes;
    Ok(ended.map(|()| Some(Held { schema, batches })))
}

/// Runs the changed plan.
pub(super) async fn sum_up(
    changing: &Changing<'_>,
    plan: &AuthorizedPlan,
    net: &mut NetRows,
    conform: &Conform<'_>,
) -> Result<std::result::Result<(), Refusal>> {
    run(changing, plan, |batch| {
        let width = batch.num_columns().saturating_sub(1);
        let columns: Vec<usize> = (0..width).collect();
        let shown = batch
            .project(&columns)
            .map_err(|error| Error::internal("take the weights off").caused_by(error))?;
        let added = net.add(&conform(&shown)?, batch.column(width))?;
        Ok(added.map_err(|_| "the changes do not fit in memory".to_owned()))
    })
    .await
}

/// Runs a plan for what each of its batches is taken for, within what it may cost.
async fn run(
    changing: &Changing<'_>,
    plan: &AuthorizedPlan,
    mut take: impl FnMut(RecordBatch) -> Result<std::result::Result<(), Refusal>> + Send,
) -> Result<std::result::Result<(), Refusal>> {
    let Some(started) = changing.in_time(changing.execute(plan)).await else {
        return Ok(Err(TOO_LONG.to_owned()));
    };
    let Some(execution) = started? else { return Ok(Err(too_dear(changing))) };
    let mut stream = execution.stream;
    let refused = loop {
        match changing.in_time(stream.next()).await {
            None => break Some(TOO_LONG.to_owned()),
            Some(None) => break None,
            Some(Some(Ok(batch))) => {
                if let Err(why) = take(batch)? {
                    break Some(why);
                }
            }
            Some(Some(Err(_))) if changing.is_over() => break Some(too_dear(changing)),
            Some(Some(Err(error))) => return Err(Engine::error(error)),
        }
    };
    changing.reads().add(&execution.ran, refused.is_none());
    Ok(refused.map_or(Ok(()), Err))
}

const TOO_LONG: &str = "following the changes took more than half as long as computing in full did";

fn too_dear(changing: &Changing<'_>) -> Refusal {
    let weighed = changing.budget.map(Budget::weighed);
    let (changes, all) = weighed.map_or((0, 0), |weighed| (weighed.incremental, weighed.full));
    format!(
        "following the changes costs as much as {changes} rows or more, computing in full {all}"
    )
}
