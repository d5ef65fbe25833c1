//! Expressions of ROLLUP, CUBE and GROUPING SETS, as columns of what is grouped.
//!
//! Its one idea: the engine finds such an expression again by the name it is made of, and loses it when that name
//! changes with the types of its literals; a column keeps its name.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, LogicalPlanBuilder};

/// The plan with a column for each such expression.
pub(super) fn as_columns(plan: LogicalPlan) -> Result<LogicalPlan> {
    let is_grouping = |node: &LogicalPlan| {
        matches!(node, LogicalPlan::Aggregate(aggregate)
            if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))))
    };
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= is_grouping(node);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !found {
        return Ok(plan);
    }
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate)
            if is_grouping(&LogicalPlan::Aggregate(aggregate.clone())) =>
        {
            over_columns(aggregate)
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(plan.data)
}

fn over_columns(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let mut computed: Vec<Expr> = Vec::new();
    let mut note = |expr: &Expr| {
        if !matches!(expr, Expr::Column(_)) && !computed.contains(expr) {
            computed.push(expr.clone());
        }
    };
    for expr in &aggregate.group_expr {
        match expr {
            Expr::GroupingSet(GroupingSet::Rollup(exprs) | GroupingSet::Cube(exprs)) => {
                exprs.iter().for_each(&mut note);
            }
            Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => {
                sets.iter().flatten().for_each(&mut note);
            }
            other => note(other),
        }
    }
    if computed.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let named = |expr: &Expr| Column::new_unqualified(expr.schema_name().to_string());
    let columns = aggregate.input.schema().columns().into_iter().map(Expr::Column);
    let items = columns.chain(computed.iter().map(|expr| expr.clone().alias(named(expr).name)));
    let input = LogicalPlanBuilder::from(Arc::unwrap_or_clone(aggregate.input))
        .project(items.collect::<Vec<_>>())?
        .build()?;
    let replaced = |expr: Expr| {
        expr.transform_down(|expr| {
            if computed.contains(&expr) {
                let column = Expr::Column(named(&expr));
                return Ok(Transformed::new(column, true, TreeNodeRecursion::Jump));
            }
            Ok(Transformed::no(expr))
        })
        .map(|replaced| replaced.data)
    };
    let groups = aggregate.group_expr.into_iter().map(replaced).collect::<Result<Vec<_>>>()?;
    // Only GROUPING speaks of the groups themselves.
    let aggregates = aggregate.aggr_expr.into_iter().map(|expr| match &expr {
        Expr::AggregateFunction(call) if call.func.name() == "grouping" => {
            let name = expr.schema_name().to_string();
            Ok(replaced(expr)?.alias(name))
        }
        _ => Ok(expr),
    });
    let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
    let grouped = Aggregate::try_new(Arc::new(input), groups, aggregates)?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(grouped)))
}
