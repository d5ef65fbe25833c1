//! Parameters: text and binary from a client to values for the planner.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit};
use bytes::Buf;
use datafusion::scalar::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::Styles;
use crate::query::{cast_styled, json_text, jsonb_text, textual, type_name};
use crate::syntax::wide_numeric;

use super::decode_array::{array_from_binary, array_from_text};
use super::decode_textual::textual_from_binary;
use super::encode::{Format, Output, POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS};
use super::types::{self, parameter_type};

/// Reads one parameter; `None` is NULL. `input` says how texts are written.
///
/// # Errors
/// `InvalidTextRepresentation`, `InvalidDatetimeFormat`, `InvalidBinaryRepresentation`,
/// `NumericValueOutOfRange`, and `FeatureNotSupported` for types that are not taken.
pub(super) fn decode_parameter(
    oid: u32,
    format: Format,
    value: Option<&[u8]>,
    input: &Output,
) -> Result<ScalarValue> {
    let data_type = parameter_type(oid)?;
    let Some(bytes) = value else {
        return ScalarValue::try_from(&data_type)
            .map_err(|error| Error::internal("a NULL parameter").caused_by(error));
    };
    if let Some(element) = types::element_of(oid) {
        return match format {
            Format::Text => array_from_text(&text_of(bytes, input)?, element, input),
            Format::Binary => array_from_binary(bytes, input),
        };
    }
    if let Some(name) = type_name(oid).and_then(textual::textual) {
        let text = match format {
            Format::Text => textual::read(name, &text_of(bytes, input)?, input.styles.zone)?,
            Format::Binary => textual_from_binary(name, bytes)?,
        };
        return Ok(ScalarValue::Utf8(Some(text)));
    }
    match format {
        Format::Text => from_text(&text_of(bytes, input)?, oid, &data_type, &input.styles),
        Format::Binary => from_binary(bytes, oid, &data_type, input),
    }
}

fn text_of<'a>(bytes: &'a [u8], input: &Output) -> Result<Cow<'a, str>> {
    match input.encoding.decode(bytes)? {
        text if !text.contains('\0') => Ok(text),
        _ => Err(Error::new(
            ErrorKind::CharacterNotInRepertoire,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        )),
    }
}

fn spelled(oid: u32) -> &'static str {
    match oid {
        types::BOOL => "boolean",
        types::BYTEA => "bytea",
        types::INT2 => "smallint",
        types::INT4 => "integer",
        types::INT8 => "bigint",
        types::FLOAT4 => "real",
        types::FLOAT8 => "double precision",
        types::NUMERIC => "numeric",
        types::DATE => "date",
        types::TIME => "time",
        types::TIMESTAMP => "timestamp",
        types::TIMESTAMPTZ => "timestamp with time zone",
        types::INTERVAL => "interval",
        types::UUID => "uuid",
        types::OID => "oid",
        _ => "text",
    }
}

fn invalid_text(oid: u32, text: &str) -> Error {
    let kind = match oid {
        types::DATE | types::TIME | types::TIMESTAMP | types::TIMESTAMPTZ | types::INTERVAL => {
            ErrorKind::InvalidDatetimeFormat
        }
        _ => ErrorKind::InvalidTextRepresentation,
    };
    Error::new(kind, format!("invalid input syntax for type {}: \"{text}\"", spelled(oid)))
}

fn from_text(text: &str, oid: u32, data_type: &DataType, styles: &Styles) -> Result<ScalarValue> {
    let trimmed = text.trim();
    let invalid = || invalid_text(oid, text);
    Ok(match data_type {
        DataType::Utf8 if oid == types::UUID => {
            uuid_value(uuid::Uuid::parse_str(trimmed).map_err(|_| invalid())?)
        }
        DataType::Utf8 => ScalarValue::Utf8(Some(document(text, oid)?)),
        DataType::Boolean => {
            ScalarValue::Boolean(Some(match trimmed.to_ascii_lowercase().as_str() {
                "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => true,
                "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => false,
                _ => return Err(invalid()),
            }))
        }
        DataType::Int16 | DataType::Int32 | DataType::Int64 => integer(trimmed, oid, data_type)?,
        DataType::Float32 => ScalarValue::Float32(Some(trimmed.parse().map_err(|_| invalid())?)),
        DataType::Float64 => ScalarValue::Float64(Some(trimmed.parse().map_err(|_| invalid())?)),
        DataType::Decimal128(..) => match wide_numeric(trimmed) {
            Some(wide) => ScalarValue::Utf8(Some(wide)),
            None => numeric(trimmed)?.ok_or_else(invalid)?,
        },
        DataType::Binary => ScalarValue::Binary(Some(bytea(text).ok_or_else(invalid)?)),
        _ => cast_text(trimmed, oid, data_type, styles)?,
    })
}

/// A text as its type keeps it.
fn document(text: &str, oid: u32) -> Result<String> {
    match oid {
        types::JSON => json_text(text),
        types::JSONB => jsonb_text(text),
        _ => Ok(text.to_owned()),
    }
}

fn integer(text: &str, oid: u32, data_type: &DataType) -> Result<ScalarValue> {
    let wide: i128 = text.parse().map_err(|_| invalid_text(oid, text))?;
    let out_of_range = |_| {
        Error::new(
            ErrorKind::NumericValueOutOfRange,
            format!("value \"{text}\" is out of range for type {}", spelled(oid)),
        )
    };
    Ok(match data_type {
        DataType::Int16 => ScalarValue::Int16(Some(wide.try_into().map_err(out_of_range)?)),
        DataType::Int32 => ScalarValue::Int32(Some(wide.try_into().map_err(out_of_range)?)),
        _ => ScalarValue::Int64(Some(wide.try_into().map_err(out_of_range)?)),
    })
}

fn uuid_value(uuid: uuid::Uuid) -> ScalarValue {
    ScalarValue::Utf8(Some(uuid.to_string()))
}

/// A numeric's text as it is written; `None` when it is none.
fn numeric(text: &str) -> Result<Option<ScalarValue>> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) => (mantissa, exponent),
            Err(_) => return Ok(None),
        },
        None => (text, 0),
    };
    let (negative, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let figures = format!("{whole}{fraction}");
    if figures.is_empty() || !figures.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let fraction = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    let exponent = exponent.saturating_sub(fraction);
    exact_decimal(negative, &figures, exponent, exponent.saturating_neg().max(0)).map(Some)
}

/// `figures` times ten to the power of `exponent`, with `scale` digits after the point, or not at all.
fn exact_decimal(negative: bool, figures: &str, exponent: i32, scale: i32) -> Result<ScalarValue> {
    const PRECISION_MAX: i32 = 38;
    let too_long = || {
        Error::new(ErrorKind::NumericValueOutOfRange, "a numeric parameter has more than 38 digits")
            .hint("Write the number into the statement as a float.")
    };
    let trimmed = figures.trim_end_matches('0');
    let dropped = i32::try_from(figures.len() - trimmed.len()).unwrap_or(i32::MAX);
    let significant = trimmed.trim_start_matches('0');
    let shift = exponent.saturating_add(dropped).saturating_add(scale);
    let digits = i32::try_from(significant.len()).unwrap_or(i32::MAX).saturating_add(shift);
    let value = if significant.is_empty() {
        0
    } else {
        if shift < 0 || digits > PRECISION_MAX {
            return Err(too_long());
        }
        let unscaled: i128 = significant
            .parse()
            .map_err(|error| Error::internal("digits of a numeric").caused_by(error))?;
        unscaled * 10_i128.pow(shift.unsigned_abs())
    };
    let digits = if significant.is_empty() { 1 } else { digits.max(1) };
    let (Ok(precision), Ok(scale)) = (u8::try_from(digits.max(scale)), i8::try_from(scale)) else {
        return Err(too_long());
    };
    if i32::from(precision) > PRECISION_MAX {
        return Err(too_long());
    }
    Ok(ScalarValue::Decimal128(Some(if negative { -value } else { value }), precision, scale))
}

/// `\x...`, or text with octal escapes.
fn bytea(text: &str) -> Option<Vec<u8>> {
    if let Some(hex) = text.strip_prefix("\\x") {
        let digits: Vec<u8> = hex
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let pairs = digits.chunks_exact(2);
        return pairs
            .remainder()
            .is_empty()
            .then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
        } else if let Some(after) = after.strip_prefix(b"\\") {
            bytes.push(b'\\');
            rest = after;
        } else {
            let octal = std::str::from_utf8(after.get(..3)?).ok()?;
            bytes.push(u8::from_str_radix(octal, 8).ok()?);
            rest = &after[3..];
        }
    }
    Some(bytes)
}

/// Dates, times and intervals: Arrow's parser, which reads ISO 8601 and Postgres' intervals.
fn cast_text(text: &str, oid: u32, data_type: &DataType, styles: &Styles) -> Result<ScalarValue> {
    let zone = styles.zone;
    let array: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let options = CastOptions { safe: false, ..CastOptions::default() };
    // Without an offset the text is in the session's zone.
    let in_zone = match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(zone.name().into())),
        other => other.clone(),
    };
    let read = |array: &ArrayRef, to: &DataType| match (array.data_type(), to) {
        (DataType::Utf8, to) => cast_styled(array, to, styles),
        (_, to) => cast_with_options(array, to, &options)
            .map_err(|error| invalid_text(oid, text).caused_by(error)),
    };
    read(&array, &in_zone).and_then(|array| read(&array, data_type)).and_then(|array| {
        ScalarValue::try_from_array(&array, 0)
            .map_err(|error| Error::internal("a parameter").caused_by(error))
    })
}

pub(super) fn invalid_binary() -> Error {
    Error::new(ErrorKind::InvalidBinaryRepresentation, "incorrect binary data format")
}

fn from_binary(
    bytes: &[u8],
    oid: u32,
    data_type: &DataType,
    input: &Output,
) -> Result<ScalarValue> {
    fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
        bytes.try_into().map_err(|_| invalid_binary())
    }
    Ok(match data_type {
        DataType::Utf8 if oid == types::UUID => {
            uuid_value(uuid::Uuid::from_bytes(fixed::<16>(bytes)?))
        }
        DataType::Utf8 if oid == types::JSONB => {
            let (version, text) = bytes.split_first().ok_or_else(invalid_binary)?;
            if *version != 1 {
                return Err(invalid_binary());
            }
            ScalarValue::Utf8(Some(document(&text_of(text, input)?, oid)?))
        }
        DataType::Utf8 => ScalarValue::Utf8(Some(document(&text_of(bytes, input)?, oid)?)),
        DataType::Boolean => ScalarValue::Boolean(Some(fixed::<1>(bytes)?[0] != 0)),
        DataType::Int16 => ScalarValue::Int16(Some(i16::from_be_bytes(fixed(bytes)?))),
        DataType::Int32 => ScalarValue::Int32(Some(i32::from_be_bytes(fixed(bytes)?))),
        // Object ids are four bytes without a sign.
        DataType::Int64 if oid != types::INT8 => {
            ScalarValue::Int64(Some(i64::from(u32::from_be_bytes(fixed(bytes)?))))
        }
        DataType::Int64 => ScalarValue::Int64(Some(i64::from_be_bytes(fixed(bytes)?))),
        DataType::Float32 => ScalarValue::Float32(Some(f32::from_be_bytes(fixed(bytes)?))),
        DataType::Float64 => ScalarValue::Float64(Some(f64::from_be_bytes(fixed(bytes)?))),
        DataType::Decimal128(..) => numeric_from_binary(bytes)?,
        DataType::Binary => ScalarValue::Binary(Some(bytes.to_vec())),
        DataType::Date32 => {
            let days = match i32::from_be_bytes(fixed(bytes)?) {
                infinity @ (i32::MAX | i32::MIN) => infinity,
                days => {
                    let days = i64::from(days) + POSTGRES_EPOCH_DAYS;
                    days.try_into().map_err(|_| invalid_binary())?
                }
            };
            ScalarValue::Date32(Some(days))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            ScalarValue::Time64Microsecond(Some(i64::from_be_bytes(fixed(bytes)?)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = i64::from_be_bytes(fixed(bytes)?);
            let micros = match micros {
                infinity @ (i64::MAX | i64::MIN) => infinity,
                micros => micros.checked_add(POSTGRES_EPOCH_MICROS).ok_or_else(invalid_binary)?,
            };
            ScalarValue::TimestampMicrosecond(Some(micros), zone.clone())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let mut parts: &[u8] = &fixed::<16>(bytes)?;
            let micros = parts.get_i64();
            let (days, months) = (parts.get_i32(), parts.get_i32());
            let nanos = micros.checked_mul(1000).ok_or_else(invalid_binary)?;
            let interval = IntervalMonthDayNano::new(months, days, nanos);
            ScalarValue::IntervalMonthDayNano(Some(interval))
        }
        _ => return Err(Error::unsupported(format!("a binary parameter of type OID {oid}"))),
    })
}

fn numeric_from_binary(bytes: &[u8]) -> Result<ScalarValue> {
    let no_number = match bytes {
        [0, 0, _, _, 0xc0, 0, ..] => Some("NaN"),
        [0, 0, _, _, 0xd0, 0, ..] => Some("Infinity"),
        [0, 0, _, _, 0xf0, 0, ..] => Some("-Infinity"),
        _ => None,
    };
    if let Some(text) = no_number {
        return Ok(ScalarValue::Utf8(Some(text.to_owned())));
    }
    let (negative, figures, exponent, scale) = numeric_parts(bytes)?;
    exact_decimal(negative, &figures, exponent, scale).or_else(|error| {
        let written = numeric_text_from_binary(bytes)?;
        let wide = wide_numeric(&written).ok_or(error)?;
        // As many digits after the point as are said, whatever the last group has.
        let (whole, fraction) = wide.split_once('.').unwrap_or((&wide, ""));
        let scale = usize::try_from(scale).unwrap_or_default();
        let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(scale).collect();
        let dot = if scale == 0 { "" } else { "." };
        Ok(ScalarValue::Utf8(Some(format!("{whole}{dot}{fraction}"))))
    })
}

/// A numeric of any size as figures and a power of ten.
pub(super) fn numeric_text_from_binary(bytes: &[u8]) -> Result<String> {
    let (negative, figures, exponent, _) = numeric_parts(bytes)?;
    let figures = if figures.is_empty() { "0" } else { &figures };
    Ok(format!("{}{figures}e{exponent}", if negative { "-" } else { "" }))
}

/// Base-10000 groups: sign, figures, the power of ten they are times of, digits after the point.
fn numeric_parts(bytes: &[u8]) -> Result<(bool, String, i32, i32)> {
    let mut rest = bytes;
    let mut next = || rest.try_get_i16().map_err(|_| invalid_binary());
    let (count, weight, sign, scale) = (next()?, next()?, next()? as u16, next()?);
    let count = usize::try_from(count).map_err(|_| invalid_binary())?;
    let mut figures = String::with_capacity(count * 4);
    for _ in 0..count {
        let group = next()?;
        if !(0..10_000).contains(&group) {
            return Err(invalid_binary());
        }
        figures.push_str(&format!("{group:04}"));
    }
    if !rest.is_empty() {
        return Err(invalid_binary());
    }
    let negative = match sign {
        0 => false,
        0x4000 => true,
        _ => return Err(Error::unsupported("a numeric parameter that is not a finite number")),
    };
    let exponent = (i32::from(weight) + 1) * 4 - (count as i32) * 4;
    Ok((negative, figures, exponent, i32::from(scale)))
}
