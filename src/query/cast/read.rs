//! Text to numbers and booleans, as Postgres' input functions read it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveBuilder, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type,
};

use crate::error::{Error, ErrorKind, Result};

use super::arrow_cast;
use super::numbers::fitting;

/// The texts of `array` as numbers or booleans.
pub(super) fn read(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    Ok(match to {
        DataType::Boolean => {
            let read = texts.iter().map(|text| text.map(boolean).transpose());
            Arc::new(read.collect::<Result<BooleanArray>>()?)
        }
        DataType::Int8 | DataType::Int16 => {
            let read = each::<Int16Type>(texts, |text| integer(text, "smallint"))?;
            return arrow_cast(&(Arc::new(read) as ArrayRef), to);
        }
        DataType::Int32 => Arc::new(each::<Int32Type>(texts, |text| integer(text, "integer"))?),
        DataType::Int64 => Arc::new(each::<Int64Type>(texts, |text| integer(text, "bigint"))?),
        DataType::Float32 => Arc::new(each::<Float32Type>(texts, |text| {
            float::<f32>(text, "real", |value| (f64::from(value), value == 0.0))
        })?),
        DataType::Float64 => Arc::new(each::<Float64Type>(texts, |text| {
            float::<f64>(text, "double precision", |value| (value, value == 0.0))
        })?),
        DataType::Decimal128(precision, scale) => {
            let read = each::<Decimal128Type>(texts, |text| {
                let unscaled = decimal_of(text.trim(), *scale).ok_or_else(|| numeric(text))?;
                fitting(unscaled, *precision, *scale)
            })?;
            let typed = read.with_precision_and_scale(*precision, *scale);
            Arc::new(typed.map_err(|error| Error::internal("a numeric's type").caused_by(error))?)
        }
        _ => return arrow_cast(array, to),
    })
}

/// Each text read, NULLs as they are.
pub(super) fn each<T: ArrowPrimitiveType>(
    texts: &StringArray,
    read: impl Fn(&str) -> Result<T::Native>,
) -> Result<arrow::array::PrimitiveArray<T>> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(texts.len());
    for text in texts {
        builder.append_option(text.map(&read).transpose()?);
    }
    Ok(builder.finish())
}

/// `invalid input syntax for type ...`.
pub(super) fn invalid(text: &str, name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidTextRepresentation,
        format!("invalid input syntax for type {name}: \"{text}\""),
    )
}

fn numeric(text: &str) -> Error {
    let word = text.trim().trim_start_matches(['+', '-']).to_ascii_lowercase();
    if matches!(word.as_str(), "nan" | "inf" | "infinity") {
        return Error::unsupported("NaN or infinity as a numeric");
    }
    invalid(text, "numeric")
}

fn boolean(text: &str) -> Result<bool> {
    let word = text.trim().to_ascii_lowercase();
    let begins = |whole: &str| !word.is_empty() && whole.starts_with(&word);
    match word.as_str() {
        "1" | "on" => Ok(true),
        "0" | "of" | "off" => Ok(false),
        _ if begins("true") || begins("yes") => Ok(true),
        _ if begins("false") || begins("no") => Ok(false),
        _ => Err(invalid(text, "boolean")),
    }
}

fn integer<T: std::str::FromStr>(text: &str, name: &str) -> Result<T> {
    let trimmed = text.trim();
    if let Ok(value) = trimmed.parse() {
        return Ok(value);
    }
    let figures = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if figures.is_empty() || !figures.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(text, name));
    }
    Err(Error::new(
        ErrorKind::NumericValueOutOfRange,
        format!("value \"{text}\" is out of range for type {name}"),
    ))
}

/// `wide` gives the value as a wide float, and whether it is zero.
fn float<T: std::str::FromStr + Copy>(
    text: &str,
    name: &str,
    wide: impl Fn(T) -> (f64, bool),
) -> Result<T> {
    let trimmed = text.trim();
    let value: T = trimmed.parse().map_err(|_| invalid(text, name))?;
    let (seen, zero) = wide(value);
    let mantissa = trimmed.split(['e', 'E']).next().unwrap_or_default();
    let numeral = trimmed.bytes().any(|byte| byte.is_ascii_digit());
    let lost = zero && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if numeral && seen.is_infinite() || lost {
        return Err(Error::new(
            ErrorKind::NumericValueOutOfRange,
            format!("\"{text}\" is out of range for type {name}"),
        ));
    }
    Ok(value)
}

/// The digits of a number's text with `scale` of them after the point, rounded half away from zero.
/// `None` for what is no number, `Some(None)` for one of too many digits.
pub(super) fn decimal_of(text: &str, scale: i8) -> Option<Option<i128>> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let figures: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if figures.is_empty() || !figures.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // How many figures stand before the place where the number is cut.
    let point = i64::try_from(whole.len()).ok()?.saturating_add(i64::from(exponent));
    let kept = point.saturating_add(i64::from(scale));
    let mut unscaled: Option<i128> = Some(0);
    for at in 0..kept.clamp(0, 1000) {
        let figure =
            usize::try_from(at).ok().and_then(|at| figures.get(at)).map_or(0, |f| f - b'0');
        unscaled = unscaled
            .and_then(|value| value.checked_mul(10))
            .and_then(|value| value.checked_add(i128::from(figure)));
        if unscaled.is_none() {
            return Some(None);
        }
    }
    let next = usize::try_from(kept).ok().and_then(|at| figures.get(at));
    let up = next.is_some_and(|figure| *figure >= b'5');
    let unscaled = unscaled.and_then(|value| value.checked_add(i128::from(up)));
    Some(unscaled.map(|value| if negative { -value } else { value }))
}
