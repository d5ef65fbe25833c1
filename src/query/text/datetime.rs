//! Dates, times and intervals as Postgres prints them.
//!
//! The calendar is computed here, on 64 bits: chrono's ends in the year 262142, Postgres' does not.

use std::fmt::Write as _;

use arrow::datatypes::TimeUnit;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::error::{Error, ErrorKind, Result};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// What the last number of a date and of a timestamp means, and the first with a minus: as in Postgres.
const INFINITY: &str = "infinity";
/// 4714-11-24 BC, the first day Postgres knows.
pub const FIRST_DAY: i64 = -2_440_588;

/// `value` of `unit` in microseconds, halves of a microsecond rounded up.
///
/// # Errors
/// `DatetimeFieldOverflow`.
pub fn micros(value: i64, unit: TimeUnit) -> Result<i64> {
    let scaled = match unit {
        TimeUnit::Second => value.checked_mul(MICROS_PER_SECOND),
        TimeUnit::Millisecond => value.checked_mul(1000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => value.checked_add(500).map(|value| value.div_euclid(1000)),
    };
    scaled.ok_or_else(|| out_of_range("timestamp"))
}

/// `timestamp out of range`.
pub fn out_of_range(what: &str) -> Error {
    Error::new(ErrorKind::DatetimeFieldOverflow, format!("{what} out of range"))
}

/// Year (astronomical: 0 is 1 BC), month and day of a day counted from 1970-01-01.
pub(super) fn civil(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

fn put_day(days: i64, out: &mut String) -> bool {
    let (year, month, day) = civil(days);
    let before_christ = year <= 0;
    let shown = if before_christ { 1 - year } else { year };
    // Writing to a String cannot fail.
    let _ = write!(out, "{shown:04}-{month:02}-{day:02}");
    before_christ
}

pub(super) fn put_clock(micros_of_day: i64, out: &mut String) {
    let seconds = micros_of_day / MICROS_PER_SECOND;
    let _ = write!(out, "{:02}:{:02}:", seconds / 3600, seconds / 60 % 60);
    put_seconds(seconds % 60, micros_of_day % MICROS_PER_SECOND, out);
}

fn put_seconds(seconds: i64, fraction: i64, out: &mut String) {
    let _ = write!(out, "{seconds:02}");
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
}

/// `2024-02-29`, with ` BC` where it applies.
///
/// # Errors
/// `DatetimeFieldOverflow`.
pub fn date_text(days: i32) -> Result<String> {
    match days {
        i32::MAX => return Ok(INFINITY.to_owned()),
        i32::MIN => return Ok(format!("-{INFINITY}")),
        _ => {}
    }
    let days = i64::from(days);
    if days < FIRST_DAY {
        return Err(out_of_range("date"));
    }
    let mut text = String::with_capacity(16);
    if put_day(days, &mut text) {
        text.push_str(" BC");
    }
    Ok(text)
}

/// `23:59:59.5`.
///
/// # Errors
/// `DatetimeFieldOverflow`.
pub fn time_text(value: i64, unit: TimeUnit) -> Result<String> {
    let mut text = String::with_capacity(16);
    put_clock(micros(value, unit)?, &mut text);
    Ok(text)
}

/// `2024-02-29T23:59:59.5`, with the zone's offset for a timestamptz; `separator` is a blank in
/// Postgres' own text and a `T` in json.
///
/// # Errors
/// `DatetimeFieldOverflow`.
pub fn timestamp_text(
    value: i64,
    unit: TimeUnit,
    zone: Option<Tz>,
    separator: char,
) -> Result<String> {
    let utc = in_range(micros(value, unit)?)?;
    match utc {
        i64::MAX => return Ok(INFINITY.to_owned()),
        i64::MIN => return Ok(format!("-{INFINITY}")),
        _ => {}
    }
    let offset_seconds = zone.map(|zone| offset_seconds(utc, zone)).transpose()?;
    let local = utc + i64::from(offset_seconds.unwrap_or(0)) * MICROS_PER_SECOND;
    let mut text = String::with_capacity(32);
    let before_christ = put_day(local.div_euclid(MICROS_PER_DAY), &mut text);
    text.push(separator);
    put_clock(local.rem_euclid(MICROS_PER_DAY), &mut text);
    if let Some(offset) = offset_seconds {
        put_offset(offset, separator == 'T', &mut text);
    }
    if before_christ {
        text.push_str(" BC");
    }
    Ok(text)
}

/// The instant, if Postgres knows it.
///
/// # Errors
/// `DatetimeFieldOverflow`.
pub fn in_range(micros: i64) -> Result<i64> {
    let finite = micros != i64::MIN;
    if finite && micros < FIRST_DAY * MICROS_PER_DAY {
        Err(out_of_range("timestamp"))
    } else {
        Ok(micros)
    }
}

fn offset_seconds(utc_micros: i64, zone: Tz) -> Result<i32> {
    let time =
        DateTime::from_timestamp_micros(utc_micros).ok_or_else(|| out_of_range("timestamp"))?;
    Ok(zone.offset_from_utc_datetime(&time.naive_utc()).fix().local_minus_utc())
}

/// `+02`, `-03:30`, `+00:19:32`.
pub fn offset_text(seconds: i32) -> String {
    let mut text = String::new();
    put_offset(seconds, false, &mut text);
    text
}

/// `+02`, `-03:30`, `+00:19:32`: no more parts than needed (json wants minutes always).
fn put_offset(seconds: i32, with_minutes: bool, out: &mut String) {
    let (sign, rest) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let _ = write!(out, "{sign}{:02}", rest / 3600);
    if rest % 3600 != 0 || with_minutes {
        let _ = write!(out, ":{:02}", rest / 60 % 60);
    }
    if rest % 60 != 0 {
        let _ = write!(out, ":{:02}", rest % 60);
    }
}

/// An interval's parts as Postgres keeps them.
#[derive(Debug, Clone, Copy)]
pub struct Interval {
    /// Whole months.
    pub months: i32,
    /// Whole days.
    pub days: i32,
    /// What remains.
    pub micros: i64,
}

impl Interval {
    /// Nanoseconds are rounded to microseconds, halves up.
    pub fn from_nanos(months: i32, days: i32, nanos: i64) -> Self {
        let micros = nanos.div_euclid(1000) + i64::from(nanos.rem_euclid(1000) >= 500);
        Self { months, days, micros }
    }

    /// Text in the style `postgres`: `1 year 2 mons -3 days +04:05:06.5`.
    pub fn text(self) -> String {
        let mut text = String::new();
        let mut after_negative = false;
        for (value, unit) in
            [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")]
        {
            if value == 0 {
                continue;
            }
            let space = if text.is_empty() { "" } else { " " };
            let plus = if after_negative && value > 0 { "+" } else { "" };
            let plural = if value == 1 { "" } else { "s" };
            let _ = write!(text, "{space}{plus}{value} {unit}{plural}");
            after_negative = value < 0;
        }
        if self.micros != 0 || text.is_empty() {
            if !text.is_empty() {
                text.push(' ');
            }
            if self.micros < 0 {
                text.push('-');
            } else if after_negative {
                text.push('+');
            }
            let micros = self.micros.unsigned_abs();
            let seconds = micros / MICROS_PER_SECOND as u64;
            let _ = write!(text, "{:02}:{:02}:", seconds / 3600, seconds / 60 % 60);
            let fraction = (micros % MICROS_PER_SECOND as u64) as i64;
            put_seconds((seconds % 60) as i64, fraction, &mut text);
        }
        text
    }
}
