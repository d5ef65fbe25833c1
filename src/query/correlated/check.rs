//! Which correlated subqueries the engine's own rules take apart.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, TableReference};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan, Operator};

use super::lateral::lateral_side;
use super::push::outer_columns;

/// Whether some subquery of the plan is beyond the engine's own rules.
pub(super) fn is_hard(plan: &LogicalPlan) -> Result<bool> {
    let mut hard = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Join(join) = node
            && lateral_side(&join.right).is_some()
        {
            hard = true;
        }
        hard |= match node {
            LogicalPlan::Filter(filter) => is_hard_condition(node, &filter.predicate, true)?,
            _ => {
                let mut inside = false;
                node.apply_expressions(|expr| {
                    inside |= is_hard_anywhere(node, expr)?;
                    Ok(TreeNodeRecursion::Continue)
                })?;
                inside
            }
        };
        Ok(if hard { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(hard)
}

/// Whether a condition is beyond the engine. `whole` until an OR is passed.
fn is_hard_condition(node: &LogicalPlan, expr: &Expr, whole: bool) -> Result<bool> {
    if let Some((left, right, whole)) = connected(expr, whole) {
        return Ok(is_hard_condition(node, left, whole)? || is_hard_condition(node, right, whole)?);
    }
    match membership(expr) {
        Some((among, negated)) if is_told_apart(among, negated, whole)? => {
            is_hard_anywhere(node, &among.expr)
        }
        _ => is_hard_anywhere(node, expr),
    }
}

/// The sides of AND and OR, and whether each of them must still hold alone.
pub(super) fn connected(expr: &Expr, whole: bool) -> Option<(&Expr, &Expr, bool)> {
    let Expr::BinaryExpr(binary) = expr else { return None };
    let whole = match binary.op {
        Operator::And => whole,
        Operator::Or => false,
        _ => return None,
    };
    Some((&binary.left, &binary.right, whole))
}

/// `x IN (query)` and `NOT (x IN (query))`, and whether it is negated.
pub(super) fn membership(expr: &Expr) -> Option<(&InSubquery, bool)> {
    match expr {
        Expr::InSubquery(among) => Some((among, among.negated)),
        Expr::Not(inner) => membership(inner).map(|(among, negated)| (among, !negated)),
        _ => None,
    }
}

/// Whether the engine answers this condition right: of its joins only one that stands for a whole NOT IN, and asks
/// nothing of the outside, tells "unknown" from "no", which is the same wherever nothing but AND and OR is above.
pub(super) fn is_told_apart(among: &InSubquery, negated: bool, whole: bool) -> Result<bool> {
    let plan = among.subquery.subquery.as_ref();
    let correlated = !outer_columns(plan)?.is_empty();
    if negated {
        // What is looked for is a key of the join, and no key is without a column.
        return Ok(whole && !correlated && !among.expr.column_refs().is_empty());
    }
    Ok(!correlated || filters_only(plan, false)?)
}

fn is_hard_anywhere(node: &LogicalPlan, expr: &Expr) -> Result<bool> {
    let mut hard = false;
    expr.apply(|expr| {
        hard |= is_hard_in(node, expr)?;
        Ok(if hard { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(hard)
}

fn is_hard_in(node: &LogicalPlan, expr: &Expr) -> Result<bool> {
    let filters = matches!(node, LogicalPlan::Filter(_));
    let (subquery, scalar) = match expr {
        Expr::ScalarSubquery(subquery) => (subquery, true),
        Expr::Exists(exists) => (&exists.subquery, false),
        Expr::InSubquery(_) => return Ok(true),
        _ => return Ok(false),
    };
    let plan = subquery.subquery.as_ref();
    let correlated = !outer_columns(plan)?.is_empty();
    if !correlated {
        return Ok(!scalar && !filters);
    }
    if scalar {
        let placed = filters || matches!(node, LogicalPlan::Projection(_));
        return Ok(!(placed && is_aggregated(plan)?));
    }
    Ok(!filters || !filters_only(plan, false)?)
}

fn asks(exprs: &[Expr]) -> bool {
    exprs.iter().any(Expr::contains_outer)
}

fn is_correlated(plan: &LogicalPlan) -> Result<bool> {
    Ok(!outer_columns(plan)?.is_empty())
}

/// One row by an aggregate without groups, over rows found by equality with the outside.
fn is_aggregated(plan: &LogicalPlan) -> Result<bool> {
    match plan {
        LogicalPlan::Projection(node) => Ok(!asks(&node.expr) && is_aggregated(&node.input)?),
        LogicalPlan::SubqueryAlias(node) => is_aggregated(&node.input),
        LogicalPlan::Aggregate(node) => {
            let plain = node.group_expr.is_empty() && !asks(&node.aggr_expr);
            Ok(plain && filters_only(&node.input, true)?)
        }
        _ => Ok(false),
    }
}

/// Whether the outside is asked in conditions only.
fn filters_only(plan: &LogicalPlan, equality: bool) -> Result<bool> {
    if !is_correlated(plan)? {
        return Ok(true);
    }
    match plan {
        LogicalPlan::Projection(node) => {
            Ok(!asks(&node.expr) && filters_only(&node.input, equality)?)
        }
        LogicalPlan::SubqueryAlias(node) => filters_only(&node.input, equality),
        LogicalPlan::Distinct(Distinct::All(input)) => filters_only(input, equality),
        LogicalPlan::Filter(node) => {
            let fits = split_conjunction(&node.predicate).into_iter().all(|conjunct| {
                !has_subquery(conjunct)
                    && (!equality || !conjunct.contains_outer() || is_equality(conjunct))
            });
            Ok(fits && filters_only(&node.input, equality)?)
        }
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
            let own = join.filter.iter().any(Expr::contains_outer)
                || join.on.iter().any(|(l, r)| l.contains_outer() || r.contains_outer());
            Ok(!own && filters_only(&join.left, equality)? && filters_only(&join.right, equality)?)
        }
        _ => Ok(false),
    }
}

fn has_subquery(expr: &Expr) -> bool {
    let is_subquery = |expr: &Expr| {
        Ok(matches!(expr, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)))
    };
    expr.exists(is_subquery).unwrap_or(true)
}

fn is_equality(expr: &Expr) -> bool {
    let Expr::BinaryExpr(binary) = expr else { return false };
    let sides = [&binary.left, &binary.right];
    binary.op == Operator::Eq
        && sides.iter().filter(|side| side.contains_outer()).count() == 1
        && sides.iter().any(|side| matches!(side.as_ref(), Expr::OuterReferenceColumn(..)))
}

/// Whether a lateral side makes its rows from one row of the left at a time, so that the left itself may
/// be put inside, twins and all.
pub(super) fn is_row_wise(
    plan: &LogicalPlan,
    left: &LogicalPlan,
    alias: Option<&TableReference>,
) -> Result<bool> {
    let taken = left.schema().columns();
    if alias.is_some_and(|alias| taken.iter().any(|column| column.relation.as_ref() == Some(alias)))
    {
        return Ok(false);
    }
    let mut row_wise = true;
    plan.apply(|node| {
        let clashes = node.schema().columns().iter().any(|column| taken.contains(column));
        let subqueries = node.expressions().iter().any(has_subquery);
        row_wise &= !clashes && !subqueries;
        row_wise &= match node {
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Unnest(_) => true,
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
                !(is_correlated(&join.left)? && is_correlated(&join.right)?)
            }
            // What asks nothing of the left may be anything.
            other => !is_correlated(other)?,
        };
        Ok(if row_wise { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(row_wise)
}
