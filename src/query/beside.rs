//! Parameters beside an operand: what an operator makes of one whose type nothing else tells.
//!
//! Its one idea: mostly a parameter is what the other operand is, and the engine knows that much; what is written
//! here are the operators that mean something else.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit};
use datafusion::common::{DFSchema, Result as Planned};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::planner::RawBinaryExpr;

use crate::error::{Error, ErrorKind};

use super::parameters::{field, parameter_field, parameter_like, untold};
use super::planner::external;
use super::system::marked_type;

/// The operands with the type that the operator gives a parameter beside the other one. The engine would take both
/// for values of one type.
///
/// # Errors
/// `AmbiguousFunction` where Postgres has several operators to choose from.
pub(super) fn typed(raw: RawBinaryExpr, schema: &DFSchema) -> Planned<RawBinaryExpr> {
    let RawBinaryExpr { op, mut left, mut right } = raw;
    let symbol = op.to_string();
    match (untold(&left).is_some(), untold(&right).is_some()) {
        (true, true) => match symbol.as_str() {
            "+" | "-" | "*" | "/" | "%" => return Err(ambiguous("unknown", &symbol, "unknown")),
            "||" => {
                let text = parameter_field(DataType::Utf8);
                (left, right) = (with_type(left, &text), with_type(right, &text));
            }
            _ => {}
        },
        (true, false) => {
            if let Some(said) = said_by_operand(&symbol, field(&right, schema).as_deref(), true)? {
                left = with_type(left, &said);
            }
        }
        (false, true) => {
            if let Some(said) = said_by_operand(&symbol, field(&left, schema).as_deref(), false)? {
                right = with_type(right, &said);
            }
        }
        (false, false) => {}
    }
    Ok(RawBinaryExpr { op, left, right })
}

/// The type of a parameter beside an operand, where it is not the operand's own.
fn said_by_operand(
    symbol: &str,
    operand: Option<&Field>,
    parameter_first: bool,
) -> Planned<Option<FieldRef>> {
    let Some(operand) = operand else { return Ok(None) };
    let interval = || parameter_field(DataType::Interval(IntervalUnit::MonthDayNano));
    let json = marked_type(operand) == Some("jsonb");
    let list = matches!(operand.data_type(), DataType::List(_));
    Ok(match (symbol, operand.data_type()) {
        ("+", DataType::Timestamp(..)) => Some(interval()),
        ("+", DataType::Date32) if parameter_first => {
            return Err(ambiguous("unknown", symbol, "date"));
        }
        ("+", DataType::Date32) => return Err(ambiguous("date", symbol, "unknown")),
        ("*", DataType::Interval(_)) => Some(parameter_field(DataType::Float64)),
        ("/", DataType::Interval(_)) if !parameter_first => {
            Some(parameter_field(DataType::Float64))
        }
        ("@>" | "<@" | "||", _) if json || list => Some(parameter_like(operand)),
        _ => None,
    })
}

fn ambiguous(left: &str, symbol: &str, right: &str) -> DataFusionError {
    let message = format!("operator is not unique: {left} {symbol} {right}");
    external(Error::new(ErrorKind::AmbiguousFunction, message).hint(
        "Could not choose a best candidate operator. You might need to add explicit type casts.",
    ))
}

fn with_type(expr: Expr, field: &FieldRef) -> Expr {
    match expr {
        Expr::Placeholder(Placeholder { id, field: None }) => {
            Expr::Placeholder(Placeholder { id, field: Some(Arc::clone(field)) })
        }
        other => other,
    }
}
