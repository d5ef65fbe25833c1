//! Version clauses and `table_changes`: what they say, as plain data.

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, TableVersion, Value,
};

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

/// The function whose rows are a table's changes.
pub(super) const TABLE_CHANGES: &str = "table_changes";

/// Reads the arguments of `table_changes('schema.relation', from, to)`: the name's parts, and which
/// changes.
///
/// # Errors
/// `InvalidParameterValue` for anything else, and for versions in the wrong order.
pub(super) fn table_changes(args: &[FunctionArg]) -> Result<(Vec<String>, TimeTravel)> {
    let invalid = |message: &str| {
        Error::new(ErrorKind::InvalidParameterValue, message)
            .hint("Write table_changes('schema.relation', 12, 15): what changed after version 12, up to 15.")
    };
    let value = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => {
            Some(value.value.clone())
        }
        _ => None,
    };
    let values: Vec<Option<Value>> = args.iter().map(value).collect();
    let [Some(Value::SingleQuotedString(name)), Some(from), Some(to)] = values.as_slice() else {
        return Err(invalid("table_changes takes a name and two versions as constants"));
    };
    let version = |value: &Value| match value {
        Value::Number(number, _) => number.parse::<u64>().ok(),
        _ => None,
    };
    let (Some(from), Some(to)) = (version(from), version(to)) else {
        return Err(invalid("a version in table_changes is not a whole number"));
    };
    if from > to {
        return Err(invalid("the first version in table_changes is after the second"));
    }
    let parts = name.split('.').map(str::to_owned).collect();
    Ok((parts, TimeTravel::Changes(from, to)))
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
