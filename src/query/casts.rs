//! Casts to types that say less in Postgres than here: arrays of any dimensions, numerics of any digits.
//!
//! Its one idea: what such a type leaves open is what the value has that is cast.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, cast as cast_expr};

use super::cast;
use super::system::{marked_type, storage};
use super::wide::is_wide_numeric;

/// The cast as one to a type that leaves nothing open.
pub(super) fn settled(cast: Cast, schema: &DFSchema) -> Transformed<Expr> {
    match cast.field.data_type() {
        DataType::List(_) => array_of_dimensions(cast, schema),
        DataType::Decimal128(..) if marked_type(&cast.field) == Some("numeric") => {
            numeric_of_digits(cast, schema)
        }
        _ => Transformed::no(Expr::Cast(cast)),
    }
}

fn array_of_dimensions(cast: Cast, schema: &DFSchema) -> Transformed<Expr> {
    let written = cast::depth(cast.field.data_type());
    let has = match cast.expr.as_ref() {
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => cast::dimensions(text),
        other => other.get_type(schema).map_or(1, |data_type| cast::depth(&data_type).max(1)),
    };
    let mut element = cast.field.data_type();
    while let DataType::List(inner) = element {
        element = inner.data_type();
    }
    if has == written {
        return Transformed::no(Expr::Cast(cast));
    }
    let data_type = cast::nested(element.clone(), has);
    let field = Arc::new(cast.field.as_ref().clone().with_data_type(data_type));
    Transformed::yes(Expr::Cast(Cast::new_from_field(cast.expr, field)))
}

/// `x::numeric` keeps the digits of a numeric, and gives a whole number none after the point.
fn numeric_of_digits(cast: Cast, schema: &DFSchema) -> Transformed<Expr> {
    let text = match cast.expr.as_ref() {
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(text.clone()),
        Expr::Literal(ScalarValue::Int32(Some(number)), _) => Some(number.to_string()),
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => Some(number.to_string()),
        _ => None,
    };
    let own_digits = *cast.field.data_type() != storage("numeric");
    if let Some(text) = text.filter(|_| own_digits)
        && let Some(number) = read(&text, cast.field.data_type())
    {
        return Transformed::yes(Expr::Literal(number, None));
    }
    let given = cast.expr.get_type(schema);
    let whole = |precision| DataType::Decimal128(precision, 0);
    let data_type = match given {
        Ok(DataType::Decimal128(..)) => return Transformed::yes(*cast.expr),
        Ok(DataType::Utf8) if is_wide(&cast.expr, schema) => return Transformed::yes(*cast.expr),
        Ok(DataType::Int16) => whole(5),
        Ok(DataType::Int32) => whole(10),
        Ok(DataType::Int64) => whole(19),
        _ => cast.field.data_type().clone(),
    };
    Transformed::yes(cast_expr(*cast.expr, data_type))
}

fn is_wide(expr: &Expr, schema: &DFSchema) -> bool {
    expr.to_field(schema).is_ok_and(|(_, field)| is_wide_numeric(&field))
}

/// A literal's number; what is none says so when it runs.
fn read(text: &str, data_type: &DataType) -> Option<ScalarValue> {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let numbers = cast::cast_array(&texts, data_type).ok()?;
    ScalarValue::try_from_array(&numbers, 0).ok()
}
