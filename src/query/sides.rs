//! What values become beside others of their comparison.
//!
//! Its one idea: one side's type decides what the other's literals are, before the engine guesses.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, cast};

/// Whether `expr` is a quoted literal, which has no type of its own. One with a mark is a parameter's
/// value, which has its type.
pub(super) fn is_untyped(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Utf8(Some(_)), metadata) if metadata.is_none())
}

/// Makes the quoted literals among `sides` what the others are: the values between which something chooses have
/// one type. Texts stay texts, and a type that only a mark tells is left to `marks`.
pub(super) fn as_siblings(sides: &mut [&mut Expr], schema: &DFSchema) -> bool {
    if !sides.iter().any(|side| is_untyped(side)) {
        return false;
    }
    let typed = sides.iter().filter(|side| !is_untyped(side));
    let fields = typed.map(|side| side.to_field(schema).map(|(_, field)| field));
    let Ok(fields) = fields.collect::<Result<Vec<_>, _>>() else { return false };
    let Some(common) = common_type(&fields) else { return false };
    let field = Arc::new(Field::new("", common, true));
    for side in sides.iter_mut().filter(|side| is_untyped(side)) {
        let literal = std::mem::replace(*side, Expr::Literal(ScalarValue::Null, None));
        **side = Expr::Cast(Cast::new_from_field(Box::new(literal), Arc::clone(&field)));
    }
    true
}

/// The type that values of these fields have in common; `None` for texts and where there is none.
pub(super) fn common_type(fields: &[FieldRef]) -> Option<DataType> {
    let known = fields.iter().filter(|field| !field.data_type().is_null());
    let mut common: Option<DataType> = None;
    for field in known {
        let found = field.data_type();
        if super::system::marked_type(field).is_some() {
            return None;
        }
        common = Some(match common {
            None => found.clone(),
            Some(common) => wider(&common, found)?,
        });
    }
    let has_own_reading = |found: &DataType| {
        found.is_numeric()
            || matches!(
                found,
                DataType::Boolean
                    | DataType::Date32
                    | DataType::Time64(_)
                    | DataType::Timestamp(..)
                    | DataType::Interval(_)
                    | DataType::Binary
                    | DataType::List(_)
            )
    };
    common.filter(has_own_reading)
}

/// Of two types the one that holds both.
fn wider(one: &DataType, other: &DataType) -> Option<DataType> {
    let rank = |found: &DataType| match found {
        DataType::Int8 | DataType::Int16 => Some(0),
        DataType::Int32 => Some(1),
        DataType::Int64 => Some(2),
        DataType::Decimal128(..) => Some(3),
        DataType::Float32 => Some(4),
        DataType::Float64 => Some(5),
        DataType::Date32 => Some(10),
        DataType::Timestamp(_, None) => Some(11),
        DataType::Timestamp(_, Some(_)) => Some(12),
        _ => None,
    };
    if one == other {
        return Some(one.clone());
    }
    let (first, second) = (rank(one)?, rank(other)?);
    if (first < 10) != (second < 10) {
        return None;
    }
    Some(if first < second { other.clone() } else { one.clone() })
}

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
