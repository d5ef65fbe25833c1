//! Version clauses: what they say, as plain data.

use datafusion::sql::sqlparser::ast::{DataType, Expr, TableVersion, Value};

use crate::error::{Error, ErrorKind, Result};

use super::query::TimeTravel;

/// Reads a version clause.
///
/// # Errors
/// `FeatureNotSupported` where it is not a constant.
pub(super) fn time_travel(version: TableVersion) -> Result<TimeTravel> {
    match version {
        TableVersion::VersionAsOf(Expr::Value(value)) => match &value.value {
            Value::Number(number, _) => number.parse().map(TimeTravel::Version).map_err(|_| {
                let message = format!("invalid table version: \"{number}\"");
                Error::new(ErrorKind::InvalidParameterValue, message)
            }),
            _ => Err(Error::unsupported("a table version that is not a number")),
        },
        TableVersion::TimestampAsOf(expr) | TableVersion::ForSystemTimeAsOf(expr) => {
            constant_text(&expr).map(TimeTravel::Timestamp).ok_or_else(|| {
                Error::unsupported("a version clause that is not a constant")
                    .hint("Write the time as a literal, for example '2026-10-31 12:00:00+00'.")
            })
        }
        _ => Err(Error::unsupported("this version clause")),
    }
}

fn constant_text(expr: &Expr) -> Option<String> {
    let temporal =
        |data_type: &DataType| matches!(data_type, DataType::Timestamp(None, _) | DataType::Date);
    let text = |value: &Value| match value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    };
    match expr {
        Expr::Value(value) => text(&value.value),
        Expr::Nested(inner) => constant_text(inner),
        Expr::TypedString(typed) if temporal(&typed.data_type) => text(&typed.value.value),
        Expr::Cast { expr, data_type, .. } if temporal(data_type) => match expr.as_ref() {
            Expr::Value(value) => text(&value.value),
            _ => None,
        },
        _ => None,
    }
}
