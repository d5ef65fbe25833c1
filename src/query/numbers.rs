//! Numbers of several types that something chooses between or compares.
//!
//! Its one idea: the type that holds them all is found before the engine looks, because it looks at the first only.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, cast};

use super::marks;
use super::sides::{as_siblings, common_type};

/// The first value, of the type that it is compared as, unless the second equals it.
pub(super) fn settle_nullif(mut function: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    let mut sides: Vec<&mut Expr> = function.args.iter_mut().collect();
    let siblings = as_siblings(&mut sides, schema);
    let marked = marks::common(&mut sides, schema);
    let types = (|| {
        let [one, other] = function.args.as_slice() else { return None };
        Some((one.get_type(schema).ok()?, other.get_type(schema).ok()?))
    })();
    let Some((one, other)) =
        types.filter(|(one, other)| one != other && !one.is_null() && !other.is_null())
    else {
        let call = Expr::ScalarFunction(function);
        return match marked {
            Some(mark) => Transformed::yes(marks::put(call, &mark)),
            None if siblings => Transformed::yes(call),
            None => Transformed::no(call),
        };
    };
    let (Some(second), Some(first)) = (function.args.pop(), function.args.pop()) else {
        return Transformed::no(Expr::ScalarFunction(function));
    };
    let compared_as = match (&one, &other) {
        (one, other)
            if one.is_floating() != other.is_floating()
                && one.is_numeric()
                && other.is_numeric() =>
        {
            Some(DataType::Float64)
        }
        (one, DataType::Decimal128(..)) if one.is_integer() => Some(whole_decimal(one)),
        _ => None,
    };
    let value = match compared_as {
        Some(data_type) => cast(first.clone(), data_type),
        None => first.clone(),
    };
    let equal = super::literals::settle(first.eq(second), schema).data;
    let null = Expr::Literal(ScalarValue::Null, None);
    let case = Case::new(None, vec![(Box::new(equal), Box::new(null))], Some(Box::new(value)));
    Transformed::yes(Expr::Case(case))
}

/// The decimal that holds every whole number of the type.
fn whole_decimal(data_type: &DataType) -> DataType {
    let digits = match data_type {
        DataType::Int8 | DataType::Int16 => 5,
        DataType::Int32 => 10,
        _ => 19,
    };
    DataType::Decimal128(digits, 0)
}

/// Numbers between which something chooses are of the type that holds them all.
pub(super) fn as_numbers(sides: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let fields = sides.iter().map(|side| side.to_field(schema).map(|(_, field)| field));
    let Ok(fields) = fields.collect::<Result<Vec<_>>>() else { return as_floats(sides, schema) };
    let Some(common) = common_type(&fields).filter(DataType::is_numeric) else {
        return as_floats(sides, schema);
    };
    let common = match common {
        DataType::Decimal128(..) => {
            let digits = fields.iter().map(|field| match field.data_type() {
                DataType::Decimal128(precision, scale) => (*precision as i8 - *scale, *scale),
                DataType::Null => (0, 0),
                DataType::Int64 => (19, 0),
                _ => (10, 0),
            });
            let (whole, scale) =
                digits.fold((0, 0), |(whole, scale), (w, s)| (whole.max(w), scale.max(s)));
            let precision = u8::try_from(whole + scale).unwrap_or(38).min(38);
            DataType::Decimal128(precision, scale)
        }
        other => other,
    };
    let mut changed = false;
    for (side, field) in sides.iter_mut().zip(&fields) {
        if *field.data_type() != common && !field.data_type().is_null() {
            let number = std::mem::replace(*side, Expr::Literal(ScalarValue::Null, None));
            **side = cast(number, common.clone());
            changed = true;
        }
    }
    changed
}

/// Makes floats of the numerics among `sides`, if one is a float.
pub(super) fn as_floats(sides: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let types: Vec<Option<DataType>> =
        sides.iter().map(|side| side.get_type(schema).ok()).collect();
    if !types.iter().flatten().any(DataType::is_floating) {
        return false;
    }
    let mut changed = false;
    for (side, data_type) in sides.iter_mut().zip(&types) {
        if data_type.as_ref().is_some_and(is_decimal) {
            let numeric = std::mem::replace(*side, Expr::Literal(ScalarValue::Null, None));
            **side = cast(numeric, DataType::Float64);
            changed = true;
        }
    }
    changed
}

pub(super) fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..))
}
