//! A join whose right side asks about the rows of its left.
//!
//! Where the right side makes its rows from one row at a time, the left itself goes inside; else the different
//! values that are asked for do, and the rows are joined back by them.

use std::sync::Arc;

use datafusion::common::{Column, Result, TableReference};
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection};

use crate::error::Error;
use crate::query::planner::external;

use super::push::{Outer, push, requalified};
use super::{Unnester, asked_of, check, joined_by, only};

impl Unnester {
    /// The join without questions across it.
    pub(super) fn lateral(&mut self, join: Join) -> Result<LogicalPlan> {
        let Some((subquery, alias)) = lateral_side(&join.right) else {
            return Ok(LogicalPlan::Join(join));
        };
        let left = Arc::unwrap_or_clone(Arc::clone(&join.left));
        let asked = asked_of(&left, &subquery)?;
        if asked.is_empty() {
            // Nothing is asked of the left; what is left is asked further out.
            return Ok(LogicalPlan::Join(join));
        }
        if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
            return Err(external(Error::unsupported("this kind of lateral join")));
        }
        let columns = join.schema.columns();
        let on = join.on.iter().map(|(left, right)| left.clone().eq(right.clone()));
        let condition = on.chain(join.filter.clone()).reduce(Expr::and);
        if join.join_type == JoinType::Inner
            && check::is_row_wise(&subquery, &left, alias.as_ref())?
        {
            let outer: Outer = asked.iter().map(|c| (c.clone(), c.clone())).collect();
            let pushed = push(Arc::unwrap_or_clone(subquery), &left, &outer)?;
            let kept = left.schema().columns();
            let pushed = requalified(pushed, &kept, alias.as_ref())?;
            let filtered = match condition {
                Some(condition) => LogicalPlanBuilder::from(pushed).filter(condition)?.build()?,
                None => pushed,
            };
            return only(filtered, columns);
        }
        let (domain, outer) = self.domain(&left, &asked)?;
        let pushed = push(Arc::unwrap_or_clone(subquery), &domain, &outer)?;
        let kept: Vec<Column> = outer.iter().map(|(_, key)| key.clone()).collect();
        let right = requalified(pushed, &kept, alias.as_ref())?;
        let joined = joined_by(left, right, join.join_type, &outer, condition)?;
        only(joined, columns)
    }
}

/// The subquery and the alias of a lateral right side.
pub(super) fn lateral_side(
    right: &LogicalPlan,
) -> Option<(Arc<LogicalPlan>, Option<TableReference>)> {
    match right {
        LogicalPlan::Subquery(subquery) => Some((Arc::clone(&subquery.subquery), None)),
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::Subquery(subquery) => {
                Some((Arc::clone(&subquery.subquery), Some(alias.alias.clone())))
            }
            // Columns renamed by the alias.
            LogicalPlan::Projection(projection) => {
                let LogicalPlan::Subquery(subquery) = projection.input.as_ref() else {
                    return None;
                };
                let input = Arc::clone(&subquery.subquery);
                let inside = Projection::try_new(projection.expr.clone(), input).ok()?;
                let inside = Arc::new(LogicalPlan::Projection(inside));
                Some((inside, Some(alias.alias.clone())))
            }
            _ => None,
        },
        LogicalPlan::Projection(projection) => {
            let (subquery, alias) = lateral_side(&projection.input)?;
            alias.is_none().then_some(())?;
            let inside = Projection::try_new(projection.expr.clone(), subquery).ok()?;
            Some((Arc::new(LogicalPlan::Projection(inside)), None))
        }
        _ => None,
    }
}
