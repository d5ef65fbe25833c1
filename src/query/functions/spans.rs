//! Ranges made of their bounds, and what addresses are made of.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::ScalarUDF;

use crate::error::{Error, ErrorKind, Result};
use crate::query::runtime::StatementInfo;
use crate::query::text::Interval;
use crate::query::textual::{self, Address, Bound, Range};

use super::row_wise::{Function, int_at, pure, text, text_at};

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    pure("int4range", &["int4 int4", "int4 int4 text"], "int4range", |_, v| range("int4range", v))
        .with_nulls(),
    pure("int8range", &["int8 int8", "int8 int8 text"], "int8range", |_, v| range("int8range", v))
        .with_nulls(),
    pure("numrange", &["numeric numeric", "numeric numeric text"], "numrange", |_, v| {
        range("numrange", v)
    })
    .with_nulls(),
    pure("daterange", &["date date", "date date text"], "daterange", |_, v| range("daterange", v))
        .with_nulls(),
    pure("tsrange", &["timestamp timestamp", "timestamp timestamp text"], "tsrange", |_, v| {
        range("tsrange", v)
    })
    .with_nulls(),
    pure(
        "tstzrange",
        &["timestamptz timestamptz", "timestamptz timestamptz text"],
        "tstzrange",
        |_, v| range("tstzrange", v),
    )
    .with_nulls(),
    pure("int4multirange", &["", "int4range*"], "int4multirange", |i, v| {
        multirange(i, "int4multirange", v)
    }),
    pure("int8multirange", &["", "int8range*"], "int8multirange", |i, v| {
        multirange(i, "int8multirange", v)
    }),
    pure("nummultirange", &["", "numrange*"], "nummultirange", |i, v| {
        multirange(i, "nummultirange", v)
    }),
    pure("datemultirange", &["", "daterange*"], "datemultirange", |i, v| {
        multirange(i, "datemultirange", v)
    }),
    pure("tsmultirange", &["", "tsrange*"], "tsmultirange", |i, v| {
        multirange(i, "tsmultirange", v)
    }),
    pure("tstzmultirange", &["", "tstzrange*"], "tstzmultirange", |i, v| {
        multirange(i, "tstzmultirange", v)
    }),
    pure("host", &["inet"], "text", |_, v| text(address(v)?.map(|a| a.ip.to_string()))),
    pure("masklen", &["inet"], "int4", |_, v| {
        Ok(ScalarValue::Int32(address(v)?.map(|a| i32::from(a.bits))))
    }),
    pure("family", &["inet"], "int4", |_, v| {
        Ok(ScalarValue::Int32(address(v)?.map(|a| if a.ip.is_ipv4() { 4 } else { 6 })))
    }),
    pure("justify_days", &["interval"], "interval", |_, v| justified(v, false, true)),
    pure("justify_hours", &["interval"], "interval", |_, v| justified(v, true, false)),
    pure("justify_interval", &["interval"], "interval", |_, v| justified(v, true, true)),
    pure("__interval_within", &["interval text int8"], "interval", |_, v| within(v)),
    pure("isfinite", &["date", "timestamp", "timestamptz", "interval"], "bool", |_, v| {
        Ok(ScalarValue::Boolean(Some(match &v[0] {
            ScalarValue::Date32(Some(days)) => !matches!(*days, i32::MAX | i32::MIN),
            ScalarValue::TimestampMicrosecond(Some(micros), _) => {
                !matches!(*micros, i64::MAX | i64::MIN)
            }
            _ => true,
        })))
    }),
    pure("get_byte", &["bytea int4"], "int4", |_, v| {
        let (bytes, at) = byte_at(v)?;
        Ok(ScalarValue::Int32(bytes.get(at).map(|byte| i32::from(*byte))))
    }),
    pure("set_byte", &["bytea int4 int4"], "bytea", |_, v| {
        let (mut bytes, at) = byte_at(v)?;
        let ScalarValue::Int32(Some(value)) = v[2] else { return Ok(ScalarValue::Null) };
        if let Some(byte) = bytes.get_mut(at) {
            // As in C: the bits that fit.
            *byte = (value & 0xff) as u8;
        }
        Ok(ScalarValue::Binary(Some(bytes)))
    }),
];

/// The length of an interval as its comparisons take it, in microseconds; no one writes its name.
pub(crate) fn interval_span() -> Arc<ScalarUDF> {
    const DAY_MICROS: i128 = 86_400_000_000;
    const SCALE: i8 = 0;
    let span = |_: &StatementInfo, values: &[ScalarValue]| {
        let ScalarValue::IntervalMonthDayNano(Some(value)) = values[0] else {
            return Ok(ScalarValue::Null);
        };
        let parts = Interval::from_nanos(value.months, value.days, value.nanoseconds);
        let days = i128::from(parts.months) * 30 + i128::from(parts.days);
        let micros = days * DAY_MICROS + i128::from(parts.micros);
        Ok(ScalarValue::Decimal128(Some(micros), 38, SCALE))
    };
    pure("__interval_span", &["interval"], "__span", span).build()
}

fn range(name: &str, values: &[ScalarValue]) -> Result<ScalarValue> {
    let flags = match values.get(2) {
        None => "[)",
        Some(flags) if flags.is_null() => {
            let message = "range constructor flags argument must not be null";
            return Err(Error::new(ErrorKind::DataException, message));
        }
        Some(_) => text_at(values, 2).unwrap_or_default(),
    };
    let (from, to) = match flags {
        "[)" => (true, false),
        "[]" => (true, true),
        "()" => (false, false),
        "(]" => (false, true),
        _ => {
            let hint = "Valid values are \"[]\", \"[)\", \"(]\", and \"()\".";
            return Err(Error::new(ErrorKind::SyntaxError, "invalid range bound flags").hint(hint));
        }
    };
    let range = Range::new(bound(&values[0])?, bound(&values[1])?, from, to)?;
    debug_assert!(textual::element(name).is_some());
    text(Some(range.text()))
}

fn bound(value: &ScalarValue) -> Result<Option<Bound>> {
    Ok(match value {
        ScalarValue::Int32(value) => value.map(Bound::Small),
        ScalarValue::Int64(value) => value.map(Bound::Integer),
        ScalarValue::Date32(days) => days.map(Bound::Day),
        ScalarValue::TimestampMicrosecond(micros, None) => micros.map(Bound::Time),
        ScalarValue::TimestampMicrosecond(micros, Some(_)) => micros.map(Bound::Instant),
        ScalarValue::Decimal128(Some(value), _, scale) => {
            let text = crate::query::text::numeric_text(&value.to_string(), *scale);
            Some(Bound::number(&text)?)
        }
        value if value.is_null() => None,
        _ => return Err(Error::internal("a bound of another type")),
    })
}

fn multirange(info: &StatementInfo, name: &str, values: &[ScalarValue]) -> Result<ScalarValue> {
    let ranges: Vec<&str> = (0..values.len()).filter_map(|at| text_at(values, at)).collect();
    let joined = format!("{{{}}}", ranges.join(","));
    text(Some(textual::read(name, &joined, info.time_zone())?))
}

/// Whole days of the time as days, whole months of the days as months, all with one sign.
fn justified(values: &[ScalarValue], hours: bool, days: bool) -> Result<ScalarValue> {
    const DAY_MICROS: i64 = 86_400_000_000;
    let out_of_range = || crate::query::text::out_of_range("interval");
    let ScalarValue::IntervalMonthDayNano(Some(value)) = values[0] else {
        return Ok(ScalarValue::Null);
    };
    let parts = Interval::from_nanos(value.months, value.days, value.nanoseconds);
    let (mut months, mut total) = (i64::from(parts.months), i64::from(parts.days));
    let mut micros = parts.micros;
    if hours {
        total += micros / DAY_MICROS;
        micros %= DAY_MICROS;
    }
    if days {
        months += total / 30;
        total %= 30;
    }
    if days && months > 0 && (total < 0 || total == 0 && hours && micros < 0) {
        total += 30;
        months -= 1;
    } else if days && months < 0 && (total > 0 || total == 0 && hours && micros > 0) {
        total -= 30;
        months += 1;
    }
    if hours && total > 0 && micros < 0 {
        micros += DAY_MICROS;
        total -= 1;
    } else if hours && total < 0 && micros > 0 {
        micros -= DAY_MICROS;
        total += 1;
    }
    let (months, days) = (i32::try_from(months), i32::try_from(total));
    let (Ok(months), Ok(days)) = (months, days) else { return Err(out_of_range()) };
    let nanos = micros.checked_mul(1000).ok_or_else(out_of_range)?;
    let value = arrow::datatypes::IntervalMonthDayNano::new(months, days, nanos);
    Ok(ScalarValue::IntervalMonthDayNano(Some(value)))
}

/// An interval without what is smaller than a field, its seconds rounded to so many digits.
fn within(values: &[ScalarValue]) -> Result<ScalarValue> {
    let ScalarValue::IntervalMonthDayNano(Some(value)) = values[0] else {
        return Ok(ScalarValue::Null);
    };
    let parts = Interval::from_nanos(value.months, value.days, value.nanoseconds);
    let (mut months, mut days, mut micros) = (parts.months, parts.days, parts.micros);
    let unit = text_at(values, 1).unwrap_or("second");
    match unit {
        "year" => (months, days, micros) = (months / 12 * 12, 0, 0),
        "month" => (days, micros) = (0, 0),
        "day" => micros = 0,
        "hour" => micros -= micros % 3_600_000_000,
        "minute" => micros -= micros % 60_000_000,
        _ => {}
    }
    let digits = int_at(values, 2).and_then(|digits| u32::try_from(digits).ok()).unwrap_or(6);
    let step = 10_i64.pow(6 - digits.min(6));
    let half = if micros < 0 { -step / 2 } else { step / 2 };
    let out_of_range = || crate::query::text::out_of_range("interval");
    let rounded = micros.checked_add(half).ok_or_else(out_of_range)? / step * step;
    let nanos = rounded.checked_mul(1000).ok_or_else(out_of_range)?;
    let value = arrow::datatypes::IntervalMonthDayNano::new(months, days, nanos);
    Ok(ScalarValue::IntervalMonthDayNano(Some(value)))
}

fn address(values: &[ScalarValue]) -> Result<Option<Address>> {
    text_at(values, 0).map(|text| Address::read(text, false)).transpose()
}

fn byte_at(values: &[ScalarValue]) -> Result<(Vec<u8>, usize)> {
    let (ScalarValue::Binary(Some(bytes)), ScalarValue::Int32(Some(at))) = (&values[0], &values[1])
    else {
        return Err(Error::internal("a byte of another type"));
    };
    match usize::try_from(*at).ok().filter(|at| *at < bytes.len()) {
        Some(at) => Ok((bytes.clone(), at)),
        None => {
            let last = i64::try_from(bytes.len()).unwrap_or(i64::MAX) - 1;
            let message = format!("index {at} out of valid range, 0..{last}");
            Err(Error::new(ErrorKind::ArraySubscriptError, message))
        }
    }
}
