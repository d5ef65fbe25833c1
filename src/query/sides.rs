//! What values become beside others of their comparison.
//!
//! Its one idea: one side's type decides what the other's literals are, before the engine guesses.

use arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};

/// Makes booleans of the quoted literals among `sides`, if one is a boolean: `'t'` is how tools write it.
pub(super) fn as_booleans(sides: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let is_boolean = |side: &Expr| side.get_type(schema).is_ok_and(|t| t == DataType::Boolean);
    if !sides.iter().any(|side| is_boolean(side)) {
        return false;
    }
    let mut changed = false;
    for side in sides {
        changed |= boolean(side);
    }
    changed
}

/// Makes a quoted literal a boolean.
pub(super) fn boolean(side: &mut Expr) -> bool {
    if !matches!(side, Expr::Literal(ScalarValue::Utf8(Some(_)), None)) {
        return false;
    }
    let literal = std::mem::replace(side, Expr::Literal(ScalarValue::Null, None));
    *side = cast(literal, DataType::Boolean);
    true
}

/// Makes numbers of intervals that are compared: a month is thirty days there, and a day 24 hours.
pub(super) fn as_spans(sides: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let interval = |side: &Expr| {
        matches!(side.get_type(schema), Ok(DataType::Interval(_) | DataType::Duration(_)))
    };
    let literal = |side: &Expr| matches!(side, Expr::Literal(ScalarValue::Utf8(_), None));
    let known = sides.iter().any(|side| interval(side));
    if !known || !sides.iter().all(|side| interval(side) || literal(side)) {
        return false;
    }
    for side in sides {
        let mut value = std::mem::replace(*side, Expr::Literal(ScalarValue::Null, None));
        if literal(&value) {
            value = cast(value, DataType::Interval(IntervalUnit::MonthDayNano));
        }
        let call = ScalarFunction::new_udf(super::functions::interval_span(), vec![value]);
        **side = Expr::ScalarFunction(call);
    }
    true
}
