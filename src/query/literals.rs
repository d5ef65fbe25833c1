//! Numbers of a plan as Postgres types them, before the engine brings both sides of an operator
//! together.
//!
//! Its one idea: what is settled here the engine has nothing to guess about: whole numbers are
//! integers, and a numeric beside a float is a float.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, cast};

/// The plan with its numbers settled.
pub(crate) fn settled(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_up(|expr| Ok(settle(expr, &schema)))?;
            Ok(replaced.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(plan.data)
}

fn settle(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::Cast(_) => integer(expr),
        Expr::BinaryExpr(mut binary) if compares(binary.op) => {
            let mut sides = [binary.left.as_mut(), binary.right.as_mut()];
            let changed = as_floats(&mut sides, schema);
            transformed(Expr::BinaryExpr(binary), changed)
        }
        Expr::Between(mut between) => {
            let mut sides = [between.expr.as_mut(), between.low.as_mut(), between.high.as_mut()];
            let changed = as_floats(&mut sides, schema);
            transformed(Expr::Between(between), changed)
        }
        Expr::InList(mut list) => {
            let mut sides: Vec<&mut Expr> =
                std::iter::once(list.expr.as_mut()).chain(&mut list.list).collect();
            let changed = as_floats(&mut sides, schema);
            transformed(Expr::InList(list), changed)
        }
        other => Transformed::no(other),
    }
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn transformed(expr: Expr, changed: bool) -> Transformed<Expr> {
    if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
}

/// A cast of a whole number to `integer`, which is how one is written, is a number of that type:
/// functions look for it.
fn integer(expr: Expr) -> Transformed<Expr> {
    if let Expr::Cast(cast) = &expr
        && *cast.field.data_type() == DataType::Int32
        && let Expr::Literal(ScalarValue::Int64(Some(value)), _) = cast.expr.as_ref()
        && let Ok(value) = i32::try_from(*value)
    {
        return Transformed::yes(Expr::Literal(ScalarValue::Int32(Some(value)), None));
    }
    Transformed::no(expr)
}

/// Makes floats of the numerics among `sides`, if one is a float.
fn as_floats(sides: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let types: Vec<Option<DataType>> =
        sides.iter().map(|side| side.get_type(schema).ok()).collect();
    if !types.iter().flatten().any(DataType::is_floating) {
        return false;
    }
    let mut changed = false;
    for (side, data_type) in sides.iter_mut().zip(&types) {
        if matches!(data_type, Some(DataType::Decimal128(..) | DataType::Decimal256(..))) {
            let numeric = std::mem::replace(*side, Expr::Literal(ScalarValue::Null, None));
            **side = cast(numeric, DataType::Float64);
            changed = true;
        }
    }
    changed
}
