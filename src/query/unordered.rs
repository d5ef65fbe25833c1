//! Refuses what needs the order of values whose kept texts have another one.
//!
//! Its one idea: an answer in a wrong order is a wrong answer; equality is all these types have here.

use arrow::datatypes::Field;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, LogicalPlan, Operator};

use crate::error::Error;

use super::planner::external;
use super::system::{element_of, marked_type, written};
use super::textual::is_ordered;

/// Fails where `plan` would order such values.
///
/// # Errors
/// `FeatureNotSupported`.
pub(crate) fn refused(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        match node {
            LogicalPlan::Sort(sort) => {
                sort.expr.iter().try_for_each(|sort| ordered(&sort.expr, &schema))?;
            }
            LogicalPlan::Distinct(Distinct::On(distinct)) => {
                let sorts = distinct.sort_expr.iter().flatten();
                sorts.into_iter().try_for_each(|sort| ordered(&sort.expr, &schema))?;
            }
            _ => {}
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                in_expr(expr, &schema)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

fn in_expr(expr: &Expr, schema: &DFSchema) -> Result<()> {
    match expr {
        Expr::BinaryExpr(binary) if !is_equality(binary.op) => {
            ordered(&binary.left, schema)?;
            ordered(&binary.right, schema)
        }
        Expr::Between(between) => ordered(&between.expr, schema),
        Expr::AggregateFunction(call) => {
            // What is made distinct comes in some order, which nobody has asked for.
            let asked = if call.params.distinct { &[] } else { call.params.order_by.as_slice() };
            let sorts = asked.iter().map(|sort| &sort.expr);
            sorts.into_iter().try_for_each(|expr| ordered(expr, schema))?;
            if !matches!(call.func.name(), "min" | "max") {
                return Ok(());
            }
            call.params.args.iter().try_for_each(|expr| ordered(expr, schema))
        }
        Expr::WindowFunction(call) => {
            call.params.order_by.iter().try_for_each(|sort| ordered(&sort.expr, schema))?;
            if !matches!(call.fun.name(), "min" | "max") {
                return Ok(());
            }
            call.params.args.iter().try_for_each(|expr| ordered(expr, schema))
        }
        Expr::ScalarFunction(call) if matches!(call.func.name(), "greatest" | "least") => {
            call.args.iter().try_for_each(|expr| ordered(expr, schema))
        }
        _ => Ok(()),
    }
}

fn is_equality(op: Operator) -> bool {
    use Operator::{And, Eq, IsDistinctFrom, IsNotDistinctFrom, NotEq, Or};
    matches!(op, Eq | NotEq | IsDistinctFrom | IsNotDistinctFrom | And | Or)
}

fn ordered(expr: &Expr, schema: &DFSchema) -> Result<()> {
    // What a subquery takes from outside has its type with it.
    let Ok((_, field)) = expr.to_field(schema) else { return Ok(()) };
    let unordered = |field: &Field| marked_type(field).is_some_and(|name| !is_ordered(name));
    if unordered(&field) || element_of(&field).is_some_and(|element| unordered(&element)) {
        let message = format!("ordering and operators of type {}", written(&field));
        return Err(external(Error::unsupported(message).hint("Compare with = or cast to text.")));
    }
    Ok(())
}
