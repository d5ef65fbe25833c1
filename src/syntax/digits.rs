//! `'1.50'::numeric`, `'{{1},{2}}'::int[]`: a literal has the digits, and the dimensions, that are written.
//!
//! The planner gives every `numeric` without a precision ten digits after the point, which is more than
//! most have, and less than some, and every array the dimensions of its type's name.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType, ExactNumberInfo, Expr, Ident, ObjectName, UnaryOperator, Value,
};

use crate::error::{Error, Result};

use super::forms::call;

/// The numeric of a literal's own digits, which nobody writes.
pub(super) const OWN_DIGITS: &str = "__numeric";
/// Digits of the widest numeric.
const PRECISION_MAX: usize = 38;

/// Gives a cast of a literal to `numeric` the literal's own precision and scale.
///
/// # Errors
/// `FeatureNotSupported` for more digits after the point than are kept.
pub(super) fn as_written(expr: &mut Expr) -> Result<()> {
    if let Some(wide) = wide_literal(expr) {
        *expr = call("__numeric", vec![Expr::value(Value::SingleQuotedString(wide))]);
        return Ok(());
    }
    let Expr::Cast { expr: value, data_type, array: false, .. } = expr else { return Ok(()) };
    if let DataType::Array(ArrayElemTypeDef::SquareBracket(..)) = data_type {
        if let Some(text) = literal(value) {
            with_dimensions(data_type, text);
        }
        return Ok(());
    }
    if !is_unconstrained(data_type) {
        return Ok(());
    }
    let Some((whole, scale)) = literal(value).and_then(digits) else { return Ok(()) };
    if scale > PRECISION_MAX || whole <= PRECISION_MAX && whole + scale > PRECISION_MAX {
        return Err(Error::unsupported("a numeric of more than 38 digits"));
    }
    // What has too many digits before the point overflows, and says so when it is read.
    let precision = (whole + scale).clamp(1, PRECISION_MAX);
    let arguments = vec![precision.to_string(), scale.to_string()];
    *data_type = DataType::Custom(ObjectName::from(vec![Ident::new(OWN_DIGITS)]), arguments);
    Ok(())
}

/// The text of `'NaN'::numeric`, or of its negative, where no number holds it.
fn wide_literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Cast { expr: value, data_type, array: false, .. } if is_unconstrained(data_type) => {
            match value.as_ref() {
                Expr::Value(value) => match &value.value {
                    Value::SingleQuotedString(text) => wide_numeric(text),
                    _ => None,
                },
                _ => None,
            }
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
            let text = wide_literal(inner)?;
            Some(match text.strip_prefix('-') {
                Some(positive) => positive.to_owned(),
                None if text == "NaN" => text,
                None => format!("-{text}"),
            })
        }
        _ => None,
    }
}

/// A numeric that no number here holds, as Postgres prints it: NaN, an infinity, or one of more than 38
/// digits. `None` for the others, and for what is none.
pub fn wide_numeric(text: &str) -> Option<String> {
    /// Digits before and after the point, as many as Postgres has.
    const DIGITS_MAX: (usize, usize) = (131_072, 16_383);
    let text = text.trim();
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    match unsigned.to_ascii_lowercase().as_str() {
        "nan" if unsigned.len() == text.len() => return Some("NaN".to_owned()),
        "inf" | "infinity" => return Some(format!("{sign}Infinity")),
        _ => {}
    }
    let (before, scale) = digits(text)?;
    if before + scale <= PRECISION_MAX || before > DIGITS_MAX.0 || scale > DIGITS_MAX.1 {
        return None;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let figures = format!("{whole}{fraction}");
    let figure = |at: i64| {
        let found = usize::try_from(at).ok().and_then(|at| figures.as_bytes().get(at));
        found.map_or('0', |figure| char::from(*figure))
    };
    let (before, scale) = (i64::try_from(before).ok()?, i64::try_from(scale).ok()?);
    let whole: String = (point - before..point).map(figure).collect();
    let fraction: String = (point..point + scale).map(figure).collect();
    let whole = if whole.is_empty() { "0" } else { &whole };
    let is_zero = !figures.bytes().any(|figure| figure != b'0');
    let (sign, dot) = (if is_zero { "" } else { sign }, if scale == 0 { "" } else { "." });
    Some(format!("{sign}{whole}{dot}{fraction}"))
}

/// Whether a type is `numeric` without a precision.
pub(super) fn is_unconstrained(data_type: &DataType) -> bool {
    match data_type {
        DataType::Numeric(ExactNumberInfo::None)
        | DataType::Decimal(ExactNumberInfo::None)
        | DataType::Dec(ExactNumberInfo::None) => true,
        DataType::Custom(name, arguments) if arguments.is_empty() => {
            let name = name.to_string().to_ascii_lowercase().replace('"', "");
            matches!(name.as_str(), "numeric" | "pg_catalog.numeric")
        }
        _ => false,
    }
}

/// As many dimensions as the text opens braces.
fn with_dimensions(data_type: &mut DataType, text: &str) {
    /// As many as Postgres' arrays may have.
    const DIMENSIONS_MAX: usize = 6;
    // `[1:2]={1,2}` says where its dimensions begin.
    let body = text.trim().rsplit_once('=').filter(|_| text.trim().starts_with('['));
    let body = body.map_or(text, |(_, body)| body);
    let open = body.chars().filter(|c| !c.is_whitespace()).take_while(|c| *c == '{').count();
    let mut element = data_type.clone();
    while let DataType::Array(ArrayElemTypeDef::SquareBracket(inner, _)) = element {
        element = *inner;
    }
    *data_type = (0..open.clamp(1, DIMENSIONS_MAX)).fold(element, |inner, _| {
        DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(inner), None))
    });
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) | Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
            literal(inner)
        }
        _ => None,
    }
}

/// How many digits stand before and after the point of a number; `None` for what is none.
fn digits(text: &str) -> Option<(usize, usize)> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let figures = format!("{whole}{fraction}");
    if figures.is_empty() || !figures.bytes().all(|figure| figure.is_ascii_digit()) {
        return None;
    }
    let leading = figures.bytes().take_while(|figure| *figure == b'0').count();
    let count = |length: usize| i32::try_from(length).ok();
    let point = count(whole.len())?.checked_add(exponent)?;
    let before = if leading == figures.len() { 0 } else { point - count(leading)? };
    let after = count(fraction.len())?.checked_sub(exponent)?;
    Some((usize::try_from(before.max(0)).ok()?, usize::try_from(after.max(0)).ok()?))
}
