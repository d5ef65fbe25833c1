//! What a subquery is sorted by, further out.
//!
//! Its one idea: the engine forgets an ORDER BY once its query is a table of another one. PostgreSQL keeps the rows in
//! that order, and people rely on it where they collect values (`array_agg` over a sorted subquery), cut rows off, or
//! do nothing at all; so it is said again there.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Sort, SortExpr};

use super::functions::ARRAY_OF;

/// Aggregates whose answer depends on the order of their rows.
const COLLECTORS: [&str; 5] = ["array_agg", "string_agg", "first_value", "last_value", ARRAY_OF];

/// The plan with the orders of its subqueries kept.
pub(crate) fn kept(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) => collected(aggregate),
        LogicalPlan::Limit(mut limit) => match order_of(&limit.input) {
            Some(order) if order.from_within => {
                limit.input = Arc::new(sorted(limit.input, order.keys));
                Ok(Transformed::yes(LogicalPlan::Limit(limit)))
            }
            _ => Ok(Transformed::no(LogicalPlan::Limit(limit))),
        },
        node => Ok(Transformed::no(node)),
    })?;
    Ok(plan.data)
}

/// The plan with its rows in the order of the subquery that they come from, where they have none of their own.
pub(crate) fn shown(plan: LogicalPlan) -> LogicalPlan {
    match order_of(&plan) {
        Some(order) if order.from_within => sorted(Arc::new(plan), order.keys),
        _ => plan,
    }
}

fn sorted(input: Arc<LogicalPlan>, keys: Vec<SortExpr>) -> LogicalPlan {
    LogicalPlan::Sort(Sort { expr: keys, input, fetch: None })
}

fn collected(mut aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let Some(order) = order_of(&aggregate.input) else {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    };
    let mut changed = false;
    for expr in &mut aggregate.aggr_expr {
        let name = expr.schema_name().to_string();
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { continue };
        let AggregateFunctionParams { distinct, order_by, .. } = params;
        if *distinct || !order_by.is_empty() || !COLLECTORS.contains(&func.name()) {
            continue;
        }
        order_by.clone_from(&order.keys);
        *expr = expr.clone().alias(name);
        changed = true;
    }
    Ok(Transformed::new_transformed(LogicalPlan::Aggregate(aggregate), changed))
}

struct Order {
    keys: Vec<SortExpr>,
    /// Whether it is a subquery's, which the engine forgets.
    from_within: bool,
}

/// What the rows of a plan are sorted by, in its own columns; `None` where they are not, or by what it does not show.
fn order_of(plan: &LogicalPlan) -> Option<Order> {
    match plan {
        LogicalPlan::Sort(sort) => Some(Order { keys: sort.expr.clone(), from_within: false }),
        LogicalPlan::Filter(filter) => order_of(&filter.input),
        LogicalPlan::Limit(limit) => order_of(&limit.input),
        LogicalPlan::SubqueryAlias(alias) => {
            let mut order = order_of(&alias.input)?;
            let (inner, outer) = (alias.input.schema(), alias.schema.columns());
            for key in &mut order.keys {
                let Expr::Column(column) = &key.expr else { return None };
                let at = inner.maybe_index_of_column(column)?;
                key.expr = Expr::Column(outer.get(at)?.clone());
            }
            Some(Order { from_within: true, ..order })
        }
        LogicalPlan::Projection(projection) => {
            let mut order = order_of(&projection.input)?;
            for key in &mut order.keys {
                let same = |item: &Expr| item.clone().unalias() == key.expr;
                let at = projection.expr.iter().position(same)?;
                let (qualifier, field) = projection.schema.qualified_field(at);
                key.expr = Expr::Column(Column::from((qualifier, field)));
            }
            Some(order)
        }
        _ => None,
    }
}
