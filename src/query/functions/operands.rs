//! What stands beside an operator, before the operator is chosen.
//!
//! Its one idea: a mark or a literal on one side says what the other side is.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::RawBinaryExpr;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};

use crate::error::{Error, ErrorKind};
use crate::query::marks;
use crate::query::planner::external;

/// An operator of json, as the function that answers for it.
pub(super) fn json_operator(symbol: &str, raw: &RawBinaryExpr, schema: &DFSchema) -> Option<Expr> {
    json_call(symbol, &raw.left, &raw.right, schema)
}

/// As [`json_operator`], of both sides.
pub(super) fn json_call(
    symbol: &str,
    left: &Expr,
    right: &Expr,
    schema: &DFSchema,
) -> Option<Expr> {
    let (one, other) = (marks::told(left, schema), marks::told(right, schema));
    let name = super::json::operator(symbol, one.as_deref(), other.as_deref())?;
    let function = super::json::ALL.iter().find(|function| function.name == name)?;
    let (left, right) = (left.clone(), right.clone());
    let args = if symbol == "<@" { vec![right, left] } else { vec![left, right] };
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(function.build(), args)))
}

/// A quoted literal has no type of its own: beside a number or a time it is one of the same type.
pub(super) fn literal_typed(raw: RawBinaryExpr, schema: &DFSchema) -> Result<RawBinaryExpr> {
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(ScalarValue::Utf8(Some(_)), _));
    let like = |literal: Expr, other: &Expr, minus: bool| {
        let Ok(data_type) = other.get_type(schema) else { return literal };
        let time = matches!(data_type, DataType::Date32 | DataType::Timestamp(..));
        if data_type.is_numeric() || minus && time { cast(literal, data_type) } else { literal }
    };
    let minus = raw.op.to_string() == "-";
    match (is_literal(&raw.left), is_literal(&raw.right)) {
        (true, true) => Err(external(
            Error::new(
                ErrorKind::AmbiguousFunction,
                format!("operator is not unique: unknown {} unknown", raw.op),
            )
            .hint(
                "Could not choose a best candidate operator. You might need to add explicit type \
                 casts.",
            ),
        )),
        (true, false) => {
            let left = like(raw.left, &raw.right, minus);
            Ok(RawBinaryExpr { left, ..raw })
        }
        (false, true) => {
            let right = like(raw.right, &raw.left, minus);
            Ok(RawBinaryExpr { right, ..raw })
        }
        (false, false) => Ok(raw),
    }
}
