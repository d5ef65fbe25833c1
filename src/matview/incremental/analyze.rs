//! Which law each operator of a view has, before anything changes.
//!
//! Its one idea: the laws themselves say it, asked with every source imagined to have moved; so what is
//! promised here is what will be done.

use std::cell::RefCell;
use std::collections::BTreeMap;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};

use crate::error::Result;
use crate::query::{AuthorizedPlan, Context, Engine, MOMENTS, Sealed, metered};

use super::answer::{Blocked, Stop, VOLATILE};
use super::differ::{Differ, Sources};
use super::known::Known;
use super::merge::{Grouped, MERGED};

/// What became of the question.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    /// Place, operator and law, innermost first.
    pub(crate) laws: Vec<(String, &'static str, &'static str)>,
    /// The operator without one.
    pub(crate) blocked: Option<Blocked>,
}

/// Looks for the law of each operator; of a plan that ends in groups which follow changes, of those
/// below.
///
/// # Errors
/// What planning says.
pub(crate) fn analyze(
    engine: &Engine,
    plan: &AuthorizedPlan,
    grouped: Option<&Sealed<Grouped>>,
    context: &Context,
) -> Result<Analysis> {
    if let Some(blocked) = unsteady(plan)? {
        return Ok(Analysis { blocked: Some(blocked), ..Analysis::default() });
    }
    let normal = engine.normalized(plan, context)?;
    let keys = Known::default();
    let then = Some(context.now);
    let differ = Differ {
        sources: Sources::Imagined,
        keys: &keys,
        then,
        hold_from_bytes: 0,
        laws: RefCell::default(),
        again: None,
        result: None,
    };
    let changed = match grouped {
        Some(grouped) => {
            differ.note("0", "aggregate", MERGED);
            differ.changed(grouped.input(), "0.0")
        }
        None => differ.changed(&normal, "0"),
    };
    let blocked = match changed {
        Ok(_) => None,
        Err(Stop::Blocked(blocked)) => Some(blocked),
        Err(Stop::Failed(error)) => return Err(Engine::error(error)),
        Err(Stop::Needs(_)) => {
            return Err(crate::error::Error::internal("keys of imagined changes are asked for"));
        }
    };
    Ok(Analysis { laws: differ.laws.into_inner(), blocked })
}

/// How many rows each operator would give of all rows, by its place, where statistics say.
///
/// # Errors
/// What planning says.
pub(crate) async fn estimates(
    engine: &Engine,
    plan: &AuthorizedPlan,
    grouped: Option<&Sealed<Grouped>>,
    context: &Context,
) -> Result<BTreeMap<String, u64>> {
    let counted = {
        let whole = match grouped {
            Some(grouped) => grouped.plain(),
            None => LogicalPlan::clone(&*engine.normalized(plan, context)?),
        };
        let counted = with_meters(whole, "0").map_err(Engine::error)?;
        engine.derived(plan, counted, context)?
    };
    let foreseen = engine.foreseen(&counted, context).await?;
    let known = foreseen
        .meters(false)
        .into_iter()
        .filter_map(|read| Some((read.name, read.estimated_rows?)));
    Ok(known.collect())
}

/// The plan with a meter at each place.
fn with_meters(plan: LogicalPlan, place: &str) -> datafusion::error::Result<LogicalPlan> {
    let mut inputs = 0..;
    let counted = plan.map_children(|input| {
        let place = format!("{place}.{}", inputs.next().unwrap_or_default());
        with_meters(input, &place).map(Transformed::yes)
    })?;
    Ok(metered(counted.data, place.to_owned(), None))
}

/// Functions that the engine takes for depending on the statement, and that a refresh, which is always its
/// owner's and in UTC, gives one value.
const STEADY: [&str; 10] = [
    "to_char",
    "to_timestamp",
    "version",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_user",
    "session_user",
    "pg_is_in_recovery",
    "date_trunc",
];

/// A function of the plan whose value is told neither by its arguments nor by the moment.
///
/// # Errors
/// What looking at the plan says.
pub(crate) fn unsteady(plan: &AuthorizedPlan) -> Result<Option<Blocked>> {
    unsteady_function(&Engine::planned(plan)).map_err(Engine::error)
}

fn unsteady_function(plan: &LogicalPlan) -> datafusion::error::Result<Option<Blocked>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr {
                    found = found.take().or(match call.func.signature().volatility {
                        Volatility::Immutable => None,
                        _ if MOMENTS.contains(&call.name()) => None,
                        Volatility::Stable if STEADY.contains(&call.name()) => None,
                        Volatility::Stable => Some(Blocked {
                            operator: "clock",
                            reason: format!("{}() has another value each time", call.name()),
                            hint: "Leave it to the query that reads the view.",
                        }),
                        Volatility::Volatile => Some(Blocked {
                            operator: VOLATILE,
                            reason: format!("{}() has another value for each row", call.name()),
                            hint: "Compute it where the rows come from.",
                        }),
                    });
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}
