//! EXCEPT ALL and INTERSECT ALL, which count how often a row occurs.
//!
//! Its one idea: the copies of a row are numbered on both sides, and then a copy meets the one of its number;
//! the engine's own joins would take rows for members of a set.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType, NullEquality, Result};
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionDefinition};
use datafusion::logical_expr::{Expr, ExprFunctionExt, Join, LogicalPlan, LogicalPlanBuilder};

/// The number of a row's copy.
pub(crate) const COPY: &str = "__lakeport_copy";

/// The plan with the copies of rows numbered where they count.
pub(crate) fn counted(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) if counts_copies(&join) => Ok(Transformed::yes(numbered(join)?)),
        other => Ok(Transformed::no(other)),
    })
    .map(|done| done.data)
}

/// How the planner joins for these two, and for nothing else.
pub(crate) fn counts_copies(join: &Join) -> bool {
    join.null_equality == NullEquality::NullEqualsNull
        && matches!(join.join_type, JoinType::LeftAnti | JoinType::LeftSemi)
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(_))
        && !join.left.schema().fields().iter().any(|field| field.name() == COPY)
}

fn numbered(join: Join) -> Result<LogicalPlan> {
    let columns = join.left.schema().columns();
    // Names of their own, for who puts the join's keys into a condition.
    let other = format!("{COPY}_right");
    let (left, right) = (with_copies(join.left, COPY)?, with_copies(join.right, &other)?);
    let (mut left_keys, mut right_keys): (Vec<Column>, Vec<Column>) = (Vec::new(), Vec::new());
    for (left, right) in &join.on {
        if let (Expr::Column(left), Expr::Column(right)) = (left, right) {
            left_keys.push(left.clone());
            right_keys.push(right.clone());
        }
    }
    left_keys.push(Column::from_name(COPY));
    right_keys.push(Column::from_name(other));
    LogicalPlanBuilder::from(left)
        .join_detailed(
            right,
            join.join_type,
            (left_keys, right_keys),
            join.filter,
            NullEquality::NullEqualsNull,
        )?
        .project(columns.into_iter().map(Expr::Column))?
        .build()
}

fn with_copies(input: Arc<LogicalPlan>, name: &str) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    let definition = WindowFunctionDefinition::WindowUDF(row_number_udwf());
    let number = Expr::from(WindowFunction::new(definition, Vec::new()))
        .partition_by(columns.clone())
        .build()?
        .alias(name);
    let window = LogicalPlanBuilder::from(Arc::unwrap_or_clone(input)).window([number])?.build()?;
    let all = columns.into_iter().chain([Expr::Column(Column::from_name(name))]);
    LogicalPlanBuilder::from(window).project(all)?.build()
}
