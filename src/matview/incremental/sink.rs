//! Rows of some keys, asked for as far down as can be.
//!
//! Its one idea: X ⋉ K may be made before whatever leaves the key of a row as it is: before a projection, a
//! filter, an unnesting, the other side of a join, and before a window or a group whose partition the key is a
//! part of. What is dear is then done for the rows of these keys only, not for all rows there are. Below a filter
//! or a join are rows that are none of the result, of which nothing may be worked out: it might fail. Pure; looks
//! at no data.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::{Aggregate, Expr, Join, JoinType, LogicalPlan, Union, Unnest};

use super::differ::partition_of;
use super::keys::KeyRows;
use super::law;

/// X ⋉ K: the rows of `plan` whose `exprs` are one of the keys, NULL being a key like any other.
pub(super) fn restricted(
    plan: LogicalPlan,
    exprs: &[Expr],
    keys: &KeyRows,
    mark: &str,
) -> Result<LogicalPlan> {
    match sunk(&plan, exprs, keys, mark)? {
        Some(Sunk { plan, whole: true }) => Ok(plan),
        Some(Sunk { plan, whole: false }) => law::matched(plan, exprs, keys, mark),
        None => here(plan, exprs, keys, mark),
    }
}

/// Restricted as far down as it goes: first by what rows have as they are stored, then by what is worked out
/// of them, which is then done for few.
fn here(plan: LogicalPlan, exprs: &[Expr], keys: &KeyRows, mark: &str) -> Result<LogicalPlan> {
    let stored: Vec<usize> =
        (0..exprs.len()).filter(|&at| matches!(exprs[at], Expr::Column(_))).collect();
    if stored.is_empty() || stored.len() == exprs.len() {
        return law::restricted(plan, exprs, keys, mark);
    }
    let columns: Vec<Expr> = stored.iter().map(|&at| exprs[at].clone()).collect();
    let plan = law::restricted(plan, &columns, &keys.part(&stored)?, &format!("{mark} stored"))?;
    law::matched(plan, exprs, keys, mark)
}

/// A plan that was restricted further down.
struct Sunk {
    plan: LogicalPlan,
    /// By the whole key, not by a part of it only.
    whole: bool,
}

fn sunk(plan: &LogicalPlan, exprs: &[Expr], keys: &KeyRows, mark: &str) -> Result<Option<Sunk>> {
    match plan {
        LogicalPlan::Filter(filter) => {
            by_part(plan, &filter.input, &as_they_are(exprs), keys, mark)
        }
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Projection(_) => {
            let Some((input, below)) = through(plan, exprs)? else { return Ok(None) };
            let input = restricted(input.clone(), &below, keys, mark)?;
            over(plan, vec![input])
        }
        LogicalPlan::Union(union) => {
            let mut inputs = Vec::new();
            for (at, input) in union.inputs.iter().enumerate() {
                let Some(below) = through_union(union, at, exprs)? else { return Ok(None) };
                inputs.push(restricted(LogicalPlan::clone(input), &below, keys, mark)?);
            }
            over(plan, inputs)
        }
        LogicalPlan::Window(window) => {
            let partition = partition_of(window);
            let below: Vec<Option<Expr>> = exprs
                .iter()
                .map(|expr| Some(expr.clone()).filter(|expr| partition.contains(expr)))
                .collect();
            by_part(plan, &window.input, &below, keys, mark)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let groups = &aggregate.group_expr;
            if groups.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
                return Ok(None);
            }
            let inside = |expr: &Expr| match expr {
                Expr::Column(named) => {
                    let at = aggregate.schema.maybe_index_of_column(named)?;
                    groups.get(at).map(|group| group.clone().unalias_nested().data)
                }
                _ => None,
            };
            let below: Vec<Option<Expr>> = exprs.iter().map(inside).collect();
            by_part(plan, &aggregate.input, &below, keys, mark)
        }
        LogicalPlan::Unnest(unnest) => {
            by_part(plan, &unnest.input, &not_unnested(unnest, exprs), keys, mark)
        }
        LogicalPlan::Join(join) => by_side(join, exprs, keys, mark),
        _ => Ok(None),
    }
}

/// The input of an alias or a projection, and the key in its terms; `None` where it has none.
pub(super) fn through<'p>(
    plan: &'p LogicalPlan,
    exprs: &[Expr],
) -> Result<Option<(&'p LogicalPlan, Vec<Expr>)>> {
    let (input, below) = match plan {
        LogicalPlan::SubqueryAlias(alias) => {
            let inside = |at: usize| Expr::Column(column(alias.input.schema(), at));
            (&alias.input, mapped(exprs, &alias.schema, &inside)?)
        }
        LogicalPlan::Projection(projection) => {
            let inside = |at: usize| projection.expr[at].clone().unalias_nested().data;
            (&projection.input, mapped(exprs, &projection.schema, &inside)?)
        }
        _ => return Ok(None),
    };
    let below = below.filter(|below| !below.iter().any(Expr::is_volatile));
    Ok(below.map(|below| (input.as_ref(), below)))
}

/// The key in the terms of one input of a union.
pub(super) fn through_union(union: &Union, at: usize, exprs: &[Expr]) -> Result<Option<Vec<Expr>>> {
    let input = &union.inputs[at];
    let inside = |at: usize| Expr::Column(column(input.schema(), at));
    mapped(exprs, &union.schema, &inside)
}

/// The groups of an aggregate, as those above it name them.
pub(super) fn groups_as_columns(aggregate: &Aggregate) -> Vec<Expr> {
    let groups = 0..aggregate.group_expr.len();
    match aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        true => Vec::new(),
        false => groups.map(|at| Expr::Column(column(&aggregate.schema, at))).collect(),
    }
}

/// The same operator over other inputs.
fn over(plan: &LogicalPlan, inputs: Vec<LogicalPlan>) -> Result<Option<Sunk>> {
    let plan = plan.with_new_exprs(plan.expressions(), inputs)?;
    Ok(Some(Sunk { plan, whole: true }))
}

/// Restricted by those parts of the key that are left as they are.
fn by_part(
    plan: &LogicalPlan,
    input: &Arc<LogicalPlan>,
    below: &[Option<Expr>],
    keys: &KeyRows,
    mark: &str,
) -> Result<Option<Sunk>> {
    let known: Vec<usize> = (0..below.len()).filter(|&at| below[at].is_some()).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let whole = known.len() == below.len();
    let exprs: Vec<Expr> = below.iter().flatten().cloned().collect();
    let part = if whole { keys.clone() } else { keys.part(&known)? };
    let input = restricted(LogicalPlan::clone(input), &exprs, &part, mark)?;
    let plan = plan.with_new_exprs(plan.expressions(), vec![input])?;
    Ok(Some(Sunk { plan, whole }))
}

/// The columns that are not unnested, in terms of the row that each comes from.
fn not_unnested(unnest: &Unnest, exprs: &[Expr]) -> Vec<Option<Expr>> {
    let inside = |expr: &Expr| {
        let Expr::Column(named) = expr else { return None };
        let at = unnest.schema.maybe_index_of_column(named)?;
        let below = *unnest.dependency_indices.get(at)?;
        let is_list = unnest.list_type_columns.iter().any(|(list, _)| *list == below);
        let is_unnested = is_list || unnest.struct_type_columns.contains(&below);
        (!is_unnested).then(|| Expr::Column(column(unnest.input.schema(), below)))
    };
    exprs.iter().map(inside).collect()
}

/// The columns among `exprs`; nothing is worked out for them.
fn as_they_are(exprs: &[Expr]) -> Vec<Option<Expr>> {
    let columns = exprs.iter().cloned().map(|expr| matches!(expr, Expr::Column(_)).then_some(expr));
    columns.collect()
}

/// Restricted on one side of a join, by the columns among the key.
fn by_side(join: &Join, exprs: &[Expr], keys: &KeyRows, mark: &str) -> Result<Option<Sunk>> {
    let Some((left, input)) = beside(join, exprs) else { return Ok(None) };
    let known = as_they_are(exprs);
    let part: Vec<usize> = (0..known.len()).filter(|&at| known[at].is_some()).collect();
    let columns: Vec<Expr> = known.into_iter().flatten().collect();
    let whole = part.len() == exprs.len();
    let input = restricted(LogicalPlan::clone(input), &columns, &keys.part(&part)?, mark)?;
    let mut join = join.clone();
    match left {
        true => join.left = Arc::new(input),
        false => join.right = Arc::new(input),
    }
    Ok(Some(Sunk { plan: LogicalPlan::Join(join), whole }))
}

/// The side of a join that all of the key comes from, where each of its rows is in the result for itself;
/// whether it is the left one.
fn beside<'j>(join: &'j Join, exprs: &[Expr]) -> Option<(bool, &'j LogicalPlan)> {
    let of = |side: &LogicalPlan| {
        let known = |column: &Column| side.schema().maybe_index_of_column(column).is_some();
        exprs.iter().all(|expr| expr.column_refs().into_iter().all(known))
    };
    if exprs.iter().any(|expr| expr.column_refs().is_empty())
        || !exprs.iter().any(|expr| matches!(expr, Expr::Column(_)))
    {
        return None;
    }
    match join.join_type {
        JoinType::Inner | JoinType::Left if of(&join.left) => Some((true, &join.left)),
        JoinType::Inner | JoinType::Right if of(&join.right) => Some((false, &join.right)),
        _ => None,
    }
}

/// Expressions over an operator's columns as expressions over what they stand for; `None` where one is not
/// among them.
fn mapped(
    exprs: &[Expr],
    schema: &DFSchema,
    inside: &dyn Fn(usize) -> Expr,
) -> Result<Option<Vec<Expr>>> {
    let mut found = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let mut is_known = true;
        let replaced = expr.clone().transform(|expr| {
            let Expr::Column(named) = &expr else { return Ok(Transformed::no(expr)) };
            match schema.maybe_index_of_column(named) {
                Some(at) => {
                    // What it stands for is not looked into again.
                    let inside = inside(at);
                    Ok(Transformed::new(
                        inside,
                        true,
                        datafusion::common::tree_node::TreeNodeRecursion::Jump,
                    ))
                }
                None => {
                    is_known = false;
                    Ok(Transformed::no(expr))
                }
            }
        });
        let replaced = replaced.data()?;
        if !is_known {
            return Ok(None);
        }
        found.push(replaced);
    }
    Ok(Some(found))
}

fn column(schema: &DFSchema, at: usize) -> Column {
    Column::from(schema.qualified_field(at))
}
