//! A query as a value, which is NULL where the query has no row.
//!
//! Its one idea: the engine takes the value for as little NULL as the query's column, and fails when no row comes;
//! a column that may be NULL keeps it from that.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, ScalarValue};
use datafusion::functions::core::nullif;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery};

use super::marks;
use super::system::marked_type;

/// The query with a column that may be NULL. One that asks of the query around it is joined to that, which knows.
pub(super) fn nullable(query: Subquery) -> Transformed<Expr> {
    let known = query.subquery.schema().fields().first().is_none_or(|field| field.is_nullable());
    if known || !query.outer_ref_columns.is_empty() || has_a_row(&query.subquery) {
        return Transformed::no(Expr::ScalarSubquery(query));
    }
    let (qualifier, field) = query.subquery.schema().qualified_field(0);
    let name = field.name().clone();
    let column = Expr::Column(Column::from((qualifier, field)));
    let same = vec![column, Expr::Literal(ScalarValue::Null, None)];
    let same = Expr::ScalarFunction(ScalarFunction::new_udf(nullif(), same));
    let same = match marked_type(field) {
        Some(mark) => marks::put(same, mark),
        None => same,
    };
    let item = same.alias_qualified(qualifier.cloned(), name);
    let projected = LogicalPlanBuilder::from(LogicalPlan::clone(&query.subquery)).project([item]);
    match projected.and_then(LogicalPlanBuilder::build) {
        Ok(plan) => {
            Transformed::yes(Expr::ScalarSubquery(Subquery { subquery: Arc::new(plan), ..query }))
        }
        Err(_) => Transformed::no(Expr::ScalarSubquery(query)),
    }
}

/// Whether one row comes whatever there is.
fn has_a_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => has_a_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_a_row(&alias.input),
        LogicalPlan::Sort(sort) => has_a_row(&sort.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        _ => false,
    }
}
