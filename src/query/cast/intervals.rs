//! Text to intervals: `1 year 2 mons -3 days 04:05:06`, `90 minutes ago`, `P1Y2M3DT4H`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{IntervalMonthDayNano, IntervalMonthDayNanoType};

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::out_of_range;

use super::read::each;

const SECOND: i128 = 1_000_000;
const HOUR: i128 = 3600 * SECOND;
const DAY: i128 = 24 * HOUR;

/// The texts of `array` as intervals.
pub(super) fn read(array: &ArrayRef) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    Ok(Arc::new(each::<IntervalMonthDayNanoType>(texts, |text| {
        let sum = interval(text.trim().to_ascii_lowercase().as_str()).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidDatetimeFormat,
                format!("invalid input syntax for type interval: \"{text}\""),
            )
        })?;
        sum.interval().ok_or_else(|| out_of_range("interval"))
    })?))
}

#[derive(Default)]
struct Sum {
    months: i128,
    days: i128,
    micros: i128,
}

impl Sum {
    fn interval(&self) -> Option<IntervalMonthDayNano> {
        Some(IntervalMonthDayNano::new(
            i32::try_from(self.months).ok()?,
            i32::try_from(self.days).ok()?,
            i64::try_from(self.micros.checked_mul(1000)?).ok()?,
        ))
    }

    /// Adds `count` millionths of a unit; what is left of one goes into the smaller ones.
    fn add(&mut self, count: i128, unit: &str) -> Option<()> {
        let (whole, rest) = (count / SECOND, count % SECOND);
        match unit {
            "us" | "usec" | "usecs" | "microsecond" | "microseconds" => self.micros += whole,
            "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => {
                self.micros += count / 1000;
            }
            "s" | "sec" | "secs" | "second" | "seconds" => self.micros += count,
            "m" | "min" | "mins" | "minute" | "minutes" => self.micros += count * 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => self.micros += count * 3600,
            "d" | "day" | "days" => self.add_days(count),
            "w" | "week" | "weeks" => self.add_days(count * 7),
            "mon" | "mons" | "month" | "months" => {
                self.months += whole;
                self.add_days(rest * 30);
            }
            _ => {
                let years = match unit {
                    "y" | "yr" | "yrs" | "year" | "years" => 1,
                    "dec" | "decs" | "decade" | "decades" => 10,
                    "c" | "cent" | "century" | "centuries" => 100,
                    "mil" | "mils" | "millennium" | "millennia" => 1000,
                    _ => return None,
                };
                self.months += count * 12 * years / SECOND;
            }
        }
        Some(())
    }

    fn add_days(&mut self, count: i128) {
        self.days += count / SECOND;
        self.micros += count % SECOND * DAY / SECOND;
    }
}

fn interval(text: &str) -> Option<Sum> {
    if let Some(iso) = text.strip_prefix('p') {
        return iso_interval(iso);
    }
    let mut sum = Sum::default();
    let mut rest = text.strip_prefix('@').unwrap_or(text).trim_start();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if let Some("") = rest.strip_prefix("ago").map(str::trim) {
            return Some(Sum { months: -sum.months, days: -sum.days, micros: -sum.micros });
        }
        let word = rest.split_whitespace().next().unwrap_or_default();
        if word.contains(':') {
            sum.micros += clock(word)?;
            rest = rest[word.len()..].trim_start();
            continue;
        }
        if let Some(months) = years_and_months(word) {
            sum.months += months;
            rest = rest[word.len()..].trim_start();
            continue;
        }
        let (count, after) = number(rest)?;
        let after = after.trim_start();
        // A number alone before a time of day counts days.
        if after.split_whitespace().next().is_some_and(|next| next.contains(':')) {
            sum.add_days(count);
            rest = after;
            continue;
        }
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        // A number alone counts seconds, and only at the end.
        if unit.is_empty() && !after.is_empty() {
            return None;
        }
        sum.add(count, if unit.is_empty() { "s" } else { unit })?;
        rest = after.trim_start();
    }
    Some(sum)
}

/// `1-2`, a year and two months; the sign is of both.
fn years_and_months(word: &str) -> Option<i128> {
    let (negative, figures) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let (years, months) = figures.split_once('-')?;
    let digits = |text: &str| {
        let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if number && text.len() <= 9 { text.parse::<i128>().ok() } else { None }
    };
    let (years, months) = (digits(years)?, digits(months)?);
    let sum = if months < 12 { years * 12 + months } else { return None };
    Some(if negative { -sum } else { sum })
}

/// `-1.5`, in millionths, and what follows.
fn number(text: &str) -> Option<(i128, &str)> {
    let (negative, figures) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = figures.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (figures, rest) = figures.split_at(end);
    let (whole, fraction) = figures.split_once('.').unwrap_or((figures, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() > 18 || fraction.contains('.') {
        return None;
    }
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let count = whole * SECOND + fraction.parse::<i128>().ok()?;
    Some((if negative { -count } else { count }, rest))
}

/// `-04:05:06.5` in microseconds.
fn clock(text: &str) -> Option<i128> {
    let (negative, figures) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // Two parts, the second with a fraction, are minutes and seconds.
    let short = figures.matches(':').count() == 1 && figures.contains('.');
    let whole = if short { format!("0:{figures}") } else { figures.to_owned() };
    let mut parts = whole.split(':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = parts.next().map_or(Some((0, "")), number)?;
    let clean =
        [&hours, &minutes, &seconds].iter().all(|(count, rest)| *count >= 0 && rest.is_empty());
    if !clean || parts.next().is_some() || minutes.0 >= 60 * SECOND || seconds.0 > 60 * SECOND {
        return None;
    }
    let micros = hours.0 * 3600 + minutes.0 * 60 + seconds.0;
    Some(if negative { -micros } else { micros })
}

fn iso_interval(text: &str) -> Option<Sum> {
    let (dates, times) = text.split_once('t').unwrap_or((text, ""));
    let mut sum = Sum::default();
    for (mut rest, is_time) in [(dates, false), (times, true)] {
        while !rest.is_empty() {
            let (count, after) = number(rest)?;
            let unit = match (after.chars().next()?, is_time) {
                ('y', false) => "year",
                ('m', false) => "month",
                ('w', false) => "week",
                ('d', false) => "day",
                ('h', true) => "hour",
                ('m', true) => "minute",
                ('s', true) => "second",
                _ => return None,
            };
            sum.add(count, unit)?;
            rest = &after[1..];
        }
    }
    (!text.is_empty()).then_some(sum)
}
