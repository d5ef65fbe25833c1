//! Whether how many digits a numeric parameter has can be seen in an answer.
//!
//! Its one idea: beside a number it is a number, whatever its trailing zeros; anywhere else it may be shown, or
//! become a text, and is planned anew with the digits it came with.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};

/// Whether a numeric parameter of `plan` stands anywhere but in a comparison with numbers.
pub(super) fn shows_parameters(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let is_number = |expr: &Expr| expr.get_type(&schema).is_ok_and(|found| found.is_numeric());
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                let compared = match expr {
                    Expr::BinaryExpr(binary) if compares(binary.op) => {
                        is_number(&binary.left) && is_number(&binary.right)
                    }
                    Expr::Between(between) => is_number(&between.expr),
                    Expr::InList(list) => is_number(&list.expr),
                    Expr::Placeholder(Placeholder { field: Some(field), .. }) => {
                        found |= has_digits(field.data_type());
                        false
                    }
                    _ => false,
                };
                Ok(match (compared, found) {
                    (_, true) => TreeNodeRecursion::Stop,
                    (true, _) => TreeNodeRecursion::Jump,
                    _ => TreeNodeRecursion::Continue,
                })
            })
        })
    });
    found || walked.is_err()
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn has_digits(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(element) => has_digits(element.data_type()),
        other => matches!(other, DataType::Decimal128(..)),
    }
}
