//! Digits that a type is declared for, where the planner knows no such type.
//!
//! Its one idea: times are kept to microseconds, so one of fewer digits is rounded where it is cast; and NULL
//! may be of any type that clients can be told of, also of one no value here can have.

use datafusion::sql::sqlparser::ast::{DataType, ExactNumberInfo, Expr, Value};

use crate::error::{Error, Result};

use super::forms::call;

/// As many digits after the point of a second as are kept.
const DIGITS_MAX: u64 = 6;
/// Digits of the widest numeric.
const PRECISION_MAX: u64 = 38;

/// Rewrites a cast to such a type; `None` leaves it.
///
/// # Errors
/// `FeatureNotSupported` for a value of a type that only NULL has here.
pub(super) fn cast(value: &Expr, data_type: &mut DataType) -> Result<Option<u64>> {
    let is_null = matches!(value, Expr::Value(value) if value.value == Value::Null);
    match data_type {
        DataType::Timestamp(precision, _) | DataType::Time(precision, _) => {
            Ok(precision.take().filter(|digits| *digits < DIGITS_MAX))
        }
        DataType::Bit(_) | DataType::BitVarying(_) | DataType::VarBit(_) if is_null => {
            *data_type = DataType::Text;
            Ok(None)
        }
        DataType::Numeric(digits) | DataType::Decimal(digits) | DataType::Dec(digits)
            if is_beyond(*digits) =>
        {
            if !is_null {
                return Err(Error::unsupported(format!("a value of type {data_type}")));
            }
            *digits = ExactNumberInfo::None;
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// The value, rounded to so many digits after the point of a second.
pub(super) fn rounded(cast: Expr, digits: u64) -> Expr {
    let digits = Expr::value(Value::Number(digits.to_string(), false));
    call("__to_precision", vec![cast, digits])
}

/// Whether Postgres has such a numeric, and Lakeport no values of it.
fn is_beyond(digits: ExactNumberInfo) -> bool {
    /// Of either, as Postgres has it.
    const WIDEST: u64 = 1000;
    match digits {
        ExactNumberInfo::PrecisionAndScale(precision, scale) => {
            let has = (1..=WIDEST).contains(&precision) && scale.unsigned_abs() <= WIDEST;
            let fits = scale >= 0 && scale.unsigned_abs() <= precision.min(PRECISION_MAX);
            has && (precision > PRECISION_MAX || !fits)
        }
        ExactNumberInfo::Precision(precision) => (PRECISION_MAX + 1..=WIDEST).contains(&precision),
        ExactNumberInfo::None => false,
    }
}
