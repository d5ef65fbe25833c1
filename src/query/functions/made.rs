//! Times and intervals made of their parts: `make_interval`, `make_timestamp` and their like.

use chrono::NaiveDate;
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::cast::instant;
use crate::query::runtime::StatementInfo;

use super::row_wise::{Function, int_at, pure, stable, text_at};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    pure("make_interval", &["int4 int4 int4 int4 int4 int4 float8"], "interval", |_, v| {
        interval(v)
    }),
    pure("make_date", &["int4 int4 int4"], "date", |_, v| {
        let days = day(v)?.signed_duration_since(NaiveDate::default()).num_days();
        Ok(ScalarValue::Date32(i32::try_from(days).ok()))
    }),
    pure("make_time", &["int4 int4 float8"], "time", |_, v| {
        Ok(ScalarValue::Time64Microsecond(Some(time(v, 0)?)))
    }),
    pure("make_timestamp", &["int4 int4 int4 int4 int4 float8"], "timestamp", |_, v| {
        Ok(ScalarValue::TimestampMicrosecond(Some(moment(v)?), None))
    }),
    stable(
        "make_timestamptz",
        &["int4 int4 int4 int4 int4 float8", "int4 int4 int4 int4 int4 float8 text"],
        "timestamptz",
        zoned,
    ),
];

fn part(values: &[ScalarValue], at: usize) -> i64 {
    int_at(values, at).unwrap_or(0)
}

fn seconds(values: &[ScalarValue], at: usize) -> f64 {
    match values.get(at) {
        Some(ScalarValue::Float64(Some(seconds))) => *seconds,
        _ => 0.0,
    }
}

/// Seconds as microseconds, rounded half to even; `None` where they are none.
fn micros(seconds: f64) -> Option<i64> {
    let micros = (seconds * 1e6).round_ties_even();
    #[allow(clippy::cast_possible_truncation, reason = "the range is looked at first")]
    (micros.abs() < 9e18).then_some(micros as i64)
}

fn interval(values: &[ScalarValue]) -> Result<ScalarValue> {
    let out_of_range = || crate::query::text::out_of_range("interval");
    let months = part(values, 0) * 12 + part(values, 1);
    let days = part(values, 2) * 7 + part(values, 3);
    let time = (part(values, 4) * 3600 + part(values, 5) * 60).checked_mul(SECOND);
    let (Ok(months), Ok(days)) = (i32::try_from(months), i32::try_from(days)) else {
        return Err(out_of_range());
    };
    let seconds = micros(seconds(values, 6)).ok_or_else(out_of_range)?;
    let time = time.and_then(|time| time.checked_add(seconds));
    let nanos = time.and_then(|time| time.checked_mul(1000)).ok_or_else(out_of_range)?;
    let value = arrow::datatypes::IntervalMonthDayNano::new(months, days, nanos);
    Ok(ScalarValue::IntervalMonthDayNano(Some(value)))
}

fn overflow(message: String) -> Error {
    Error::new(ErrorKind::DatetimeFieldOverflow, message)
}

/// The day of the first three parts; years below zero are before Christ.
fn day(values: &[ScalarValue]) -> Result<NaiveDate> {
    let (year, month, day) = (part(values, 0), part(values, 1), part(values, 2));
    let found = || {
        let year = i32::try_from(if year < 0 { year + 1 } else { year }).ok()?;
        NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
    };
    let wrong = || overflow(format!("date field value out of range: {year}-{month:02}-{day:02}"));
    found().filter(|_| year != 0).ok_or_else(wrong)
}

/// The time of three parts; 24:00:00 and a 60th second are times, too.
fn time(values: &[ScalarValue], at: usize) -> Result<i64> {
    let (hour, minute, second) = (part(values, at), part(values, at + 1), seconds(values, at + 2));
    let wrong = || overflow(format!("time field value out of range: {hour}:{minute:02}:{second}"));
    let in_range = (0..=24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..=60.0).contains(&second)
        && (hour < 24 || minute == 0 && second == 0.0);
    if !in_range {
        return Err(wrong());
    }
    let second = micros(second).ok_or_else(wrong)?;
    let time = (hour * 3600 + minute * 60) * SECOND + second;
    if time > DAY { Err(wrong()) } else { Ok(time) }
}

fn moment(values: &[ScalarValue]) -> Result<i64> {
    let days = day(values)?.signed_duration_since(NaiveDate::default()).num_days();
    let out_of_range = || crate::query::text::out_of_range("timestamp");
    let midnight = days.checked_mul(DAY).ok_or_else(out_of_range)?;
    midnight.checked_add(time(values, 3)?).ok_or_else(out_of_range)
}

fn zoned(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let moment = moment(values)?;
    let zone = match text_at(values, 6) {
        Some(name) => name.parse().map_err(|_| {
            let message = format!("time zone \"{name}\" not recognized");
            Error::new(ErrorKind::InvalidParameterValue, message)
        })?,
        None => info.time_zone(),
    };
    let micros = instant(moment, zone)?;
    Ok(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
}
