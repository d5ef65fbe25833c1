//! The parts of a plan with several inputs, made to carry the values asked of the outside.

use std::sync::Arc;

use datafusion::common::{Column, NullEquality, Result};
use datafusion::logical_expr::{
    Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Union, binary_expr,
};

use super::push::{Outer, asks, inner, keys, push, unsupported};

pub(super) fn push_join(join: Join, domain: &LogicalPlan, outer: &Outer) -> Result<LogicalPlan> {
    let (left_asks, right_asks) = (asks(&join.left, outer)?, asks(&join.right, outer)?);
    let columns: Vec<Column> =
        domain.schema().columns().into_iter().chain(join.schema.columns()).collect();
    let (left, right) = (Arc::unwrap_or_clone(join.left), Arc::unwrap_or_clone(join.right));
    // Members of sets are the same where both are NULL.
    let same = match join.null_equality {
        NullEquality::NullEqualsNull => Operator::IsNotDistinctFrom,
        NullEquality::NullEqualsNothing => Operator::Eq,
    };
    let condition = |outer: &Outer| -> Result<Option<Expr>> {
        let on = join.on.iter().map(|(left, right)| binary_expr(left.clone(), same, right.clone()));
        let all = on.chain(join.filter.clone()).map(|expr| inner(expr, outer));
        Ok(all.collect::<Result<Vec<_>>>()?.into_iter().reduce(Expr::and))
    };
    let inner_join = join.join_type == JoinType::Inner;
    let joined = if right_asks && !left_asks && inner_join {
        LogicalPlanBuilder::from(left).join_on(
            push(right, domain, outer)?,
            JoinType::Inner,
            condition(outer)?,
        )?
    } else if !right_asks
        && matches!(
            join.join_type,
            JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti
        )
    {
        let left = push(left, domain, outer)?;
        LogicalPlanBuilder::from(left).join_on(right, join.join_type, condition(outer)?)?
    } else if matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        // Both carry the values; a row meets the rows of the same ones.
        let left = push(left, domain, outer)?;
        let right = push(right, domain, outer)?;
        let twin = |column: &Column| Column::from_name(format!("{}_right", column.name));
        let keys = keys(outer);
        let renamed = right.schema().columns().into_iter().map(|column| {
            if !keys.contains(&column) {
                return Expr::Column(column);
            }
            let twin = twin(&column);
            Expr::Column(column).alias(twin.name)
        });
        let renamed: Vec<Expr> = renamed.collect();
        let right = LogicalPlanBuilder::from(right).project(renamed)?.build()?;
        let twins: Vec<Column> = keys.iter().map(twin).collect();
        LogicalPlanBuilder::from(left).join_detailed(
            right,
            join.join_type,
            (keys, twins),
            condition(outer)?,
            NullEquality::NullEqualsNull,
        )?
    } else {
        return Err(unsupported("this kind of join"));
    };
    joined.project(columns.into_iter().map(Expr::Column))?.build()
}

pub(super) fn push_union(union: Union, domain: &LogicalPlan, outer: &Outer) -> Result<LogicalPlan> {
    let mut inputs = Vec::with_capacity(union.inputs.len());
    for input in union.inputs {
        let columns = input.schema().columns();
        let pushed = push(Arc::unwrap_or_clone(input), domain, outer)?;
        let all = domain.schema().columns().into_iter().chain(columns).map(Expr::Column);
        let all: Vec<Expr> = all.collect();
        inputs.push(Arc::new(LogicalPlanBuilder::from(pushed).project(all)?.build()?));
    }
    let names = union.schema.columns();
    let all = LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?);
    // The union's own columns go by the names they had.
    let kept = domain.schema().columns();
    let found = all.schema().columns();
    let columns = found
        .into_iter()
        .zip(kept.into_iter().chain(names))
        .map(|(column, name)| Expr::Column(column).alias_qualified(name.relation, name.name));
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(all).project(columns)?.build()
}
