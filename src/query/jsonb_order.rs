//! Jsonb in ORDER BY and beside `<`: by the order of its values, which is not that of its texts.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF};

use super::functions::jsonb_key;
use super::system::marked_type;

fn is_jsonb(expr: &Expr, schema: &DFSchema) -> bool {
    expr.to_field(schema).is_ok_and(|(_, field)| marked_type(&field) == Some("jsonb"))
}

fn key(function: &Arc<ScalarUDF>, value: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), vec![value]))
}

/// The node with its rows sorted by the order of jsonb, where they are by jsonb.
pub(super) fn sorted(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Sort(mut sort) = node else { return Ok(Transformed::no(node)) };
    let schema = Arc::clone(sort.input.schema());
    let function = jsonb_key();
    let mut changed = false;
    for by in sort.expr.iter_mut().filter(|by| is_jsonb(&by.expr, &schema)) {
        by.expr = key(&function, by.expr.clone());
        changed = true;
    }
    Ok(Transformed::new_transformed(LogicalPlan::Sort(sort), changed))
}

/// A comparison of two jsonb by their order; anything else as it is.
pub(super) fn compared(binary: BinaryExpr, schema: &DFSchema) -> Transformed<Expr> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    // Equal, too, are values whose texts are not: 1 and 1.0.
    let orders = matches!(binary.op, Eq | NotEq | Lt | LtEq | Gt | GtEq);
    if !orders || !is_jsonb(&binary.left, schema) || !is_jsonb(&binary.right, schema) {
        return Transformed::no(Expr::BinaryExpr(binary));
    }
    let function = jsonb_key();
    let (left, right) = (key(&function, *binary.left), key(&function, *binary.right));
    Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, Box::new(right))))
}
