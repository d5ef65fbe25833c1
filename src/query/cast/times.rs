//! Text to dates and times, and times from one zone's clocks to another's.
//!
//! Reads ISO's forms and `month/day/year`; what it does not know is an error, never a guess.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::{FIRST_DAY, Styles, out_of_range};

use super::arrow_cast;
use super::read::each;

const DAY_MICROS: i64 = 86_400_000_000;
const EPOCH: NaiveDate = DateTime::UNIX_EPOCH.naive_utc().date();

/// The texts of `array` as dates, times or timestamps.
pub(super) fn read(array: &ArrayRef, to: &DataType, styles: &Styles) -> Result<ArrayRef> {
    let day_first = styles.day_first;
    let texts = array.as_string::<i32>();
    let read: ArrayRef = match to {
        DataType::Date32 => Arc::new(each::<Date32Type>(texts, |text| match infinity(text) {
            Some(true) => Ok(i32::MAX),
            Some(false) => Ok(i32::MIN),
            None => {
                let moment = Moment::read(text, "date", day_first)?;
                i32::try_from(days(moment.date)).map_err(|_| out_of_range("date"))
            }
        })?),
        DataType::Time64(_) => Arc::new(each::<Time64MicrosecondType>(texts, Moment::read_time)?),
        DataType::Timestamp(_, None) => {
            Arc::new(each::<TimestampMicrosecondType>(texts, |text| match infinity(text) {
                Some(later) => Ok(if later { i64::MAX } else { i64::MIN }),
                None => Moment::read(text, "timestamp", day_first)?.local(),
            })?)
        }
        DataType::Timestamp(_, Some(zone)) => {
            let session: Tz = zone.parse().unwrap_or(Tz::UTC);
            let read = each::<TimestampMicrosecondType>(texts, |text| match infinity(text) {
                Some(later) => Ok(if later { i64::MAX } else { i64::MIN }),
                None => Moment::read(text, "timestamp with time zone", day_first)?.instant(session),
            })?;
            Arc::new(read.with_timezone(Arc::clone(zone)))
        }
        _ => return arrow_cast(array, to),
    };
    arrow_cast(&read, to)
}

/// Times with a zone to times without, and back.
pub(super) fn moved(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let moved: ArrayRef = match (array.data_type(), to) {
        (DataType::Timestamp(_, Some(zone)), _) => {
            let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
            let times = array.as_primitive::<TimestampMicrosecondType>();
            let local: PrimitiveArray<TimestampMicrosecondType> =
                times.try_unary(|instant| clock(instant, zone))?;
            Arc::new(local.with_timezone_opt(None::<Arc<str>>))
        }
        (from, DataType::Timestamp(_, Some(zone))) => {
            let named: Tz = zone.parse().unwrap_or(Tz::UTC);
            let local = match from {
                DataType::Date32 => midnights(array)?,
                _ => arrow_cast(array, &micros)?,
            };
            let times = local.as_primitive::<TimestampMicrosecondType>();
            let instants: PrimitiveArray<TimestampMicrosecondType> =
                times.try_unary(|local| instant(local, named))?;
            Arc::new(instants.with_timezone(Arc::clone(zone)))
        }
        _ => Arc::clone(array),
    };
    arrow_cast(&moved, to)
}

/// The moments at which dates begin.
fn midnights(dates: &ArrayRef) -> Result<ArrayRef> {
    const DAY_MICROS: i64 = 86_400_000_000;
    let moments: PrimitiveArray<TimestampMicrosecondType> =
        dates.as_primitive::<Date32Type>().try_unary(|day| match day {
            i32::MAX => Ok(i64::MAX),
            i32::MIN => Ok(i64::MIN),
            day => i64::from(day).checked_mul(DAY_MICROS).ok_or_else(|| out_of_range("date")),
        })?;
    Ok(Arc::new(moments))
}

/// What clocks in `zone` show at an instant.
pub(crate) fn clock(instant: i64, zone: Tz) -> Result<i64> {
    if let i64::MAX | i64::MIN = instant {
        return Ok(instant);
    }
    let time = DateTime::from_timestamp_micros(instant).ok_or_else(|| out_of_range("timestamp"))?;
    let offset = zone.offset_from_utc_datetime(&time.naive_utc()).fix().local_minus_utc();
    Ok(instant + i64::from(offset) * 1_000_000)
}

/// The instant at which clocks in `zone` show a time: the second of two, and in the hour that a
/// change of the clocks skips, the time as it would have gone on.
pub(crate) fn instant(local: i64, zone: Tz) -> Result<i64> {
    if let i64::MAX | i64::MIN = local {
        return Ok(local);
    }
    let time = DateTime::from_timestamp_micros(local).ok_or_else(|| out_of_range("timestamp"))?;
    let time = time.naive_utc();
    let hour = chrono::Duration::hours(1);
    let found = match zone.from_local_datetime(&time).latest() {
        Some(found) => Some(found),
        None => zone.from_local_datetime(&(time - hour)).latest().map(|found| found + hour),
    };
    Ok(found.map_or(local, |found| found.timestamp_micros()))
}

fn days(date: NaiveDate) -> i64 {
    date.signed_duration_since(EPOCH).num_days()
}

/// What a text says.
struct Moment {
    date: NaiveDate,
    /// Since midnight.
    micros: i64,
    zone: Option<Zone>,
}

enum Zone {
    /// Seconds east.
    Offset(i64),
    Named(Tz),
}

/// Why a text says nothing.
enum Wrong {
    Syntax,
    Range,
    Unsupported,
}

impl Moment {
    fn read(text: &str, name: &str, day_first: bool) -> Result<Self> {
        moment(text.trim(), day_first).map_err(|wrong| error(wrong, text, name))
    }

    fn read_time(text: &str) -> Result<i64> {
        let trimmed = text.trim();
        let read = match time(trimmed) {
            Ok((micros, _)) => Ok(micros),
            Err(wrong) => moment(trimmed, false).map(|moment| moment.micros).map_err(|_| wrong),
        };
        read.map_err(|wrong| error(wrong, text, "time"))
    }

    fn local(&self) -> Result<i64> {
        days(self.date)
            .checked_mul(DAY_MICROS)
            .and_then(|micros| micros.checked_add(self.micros))
            .ok_or_else(|| out_of_range("timestamp"))
    }

    fn instant(&self, session: Tz) -> Result<i64> {
        let local = self.local()?;
        match self.zone {
            Some(Zone::Offset(seconds)) => Ok(local - seconds * 1_000_000),
            Some(Zone::Named(zone)) => instant(local, zone),
            None => instant(local, session),
        }
    }
}

fn error(wrong: Wrong, text: &str, name: &str) -> Error {
    match wrong {
        Wrong::Syntax => Error::new(
            ErrorKind::InvalidDatetimeFormat,
            format!("invalid input syntax for type {name}: \"{text}\""),
        ),
        Wrong::Range => Error::new(
            ErrorKind::DatetimeFieldOverflow,
            format!("date/time field value out of range: \"{text}\""),
        ),
        Wrong::Unsupported => Error::unsupported(format!("the {name} \"{text}\"")),
    }
}

/// Whether a text is after all times, or before.
fn infinity(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "infinity" | "+infinity" => Some(true),
        "-infinity" => Some(false),
        _ => None,
    }
}

/// A time of day in microseconds, and seconds east where it has an offset.
pub(crate) fn time_and_offset(text: &str) -> Result<(i64, Option<i32>), ()> {
    match time(text.trim()) {
        Ok((micros, None)) => Ok((micros, None)),
        Ok((micros, Some(Zone::Offset(seconds)))) => {
            i32::try_from(seconds).map(|seconds| (micros, Some(seconds))).map_err(|_| ())
        }
        // Of a named zone only its dates have an offset.
        _ => Err(()),
    }
}

fn moment(text: &str, day_first: bool) -> Result<Moment, Wrong> {
    // Years before Christ are counted from 1 back.
    let era = text.len().checked_sub(3).and_then(|at| text.split_at_checked(at));
    if let Some((before, era)) = era
        && (era.eq_ignore_ascii_case(" bc") || era.eq_ignore_ascii_case(" ad"))
    {
        let mut moment = moment(before.trim_end(), day_first)?;
        if era.eq_ignore_ascii_case(" bc") {
            let year = 1 - moment.date.year();
            moment.date = moment.date.with_year(year).ok_or(Wrong::Range)?;
            if days(moment.date) < FIRST_DAY {
                return Err(Wrong::Range);
            }
        }
        return Ok(moment);
    }
    match text.to_ascii_lowercase().as_str() {
        "epoch" => {
            return Ok(Moment { date: EPOCH, micros: 0, zone: Some(Zone::Offset(0)) });
        }
        "now" | "today" | "tomorrow" | "yesterday" | "allballs" => {
            return Err(Wrong::Unsupported);
        }
        _ => {}
    }
    let (date, rest) = date(text, day_first)?;
    if rest.is_empty() {
        return Ok(Moment { date, micros: 0, zone: None });
    }
    if rest.starts_with(['+', '-']) {
        return Ok(Moment { date, micros: 0, zone: zone(rest)? });
    }
    let clock = rest.strip_prefix(['T', 't']).unwrap_or_else(|| rest.trim_start());
    if clock.len() == rest.len() {
        return Err(Wrong::Syntax);
    }
    if !clock.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(Moment { date, micros: 0, zone: zone(clock)? });
    }
    let (micros, zone) = time(clock)?;
    Ok(Moment { date, micros, zone })
}

/// Digits at the start, and what follows.
fn figures(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}

fn number<T: std::str::FromStr>(figures: &str) -> Result<T, Wrong> {
    if figures.is_empty() {
        return Err(Wrong::Syntax);
    }
    figures.parse().map_err(|_| Wrong::Range)
}

fn date(text: &str, day_first: bool) -> Result<(NaiveDate, &str), Wrong> {
    let (first, rest) = figures(text);
    let made = |year: &str, month: &str, day: &str| {
        let (year, month, day) = (number(year)?, number(month)?, number(day)?);
        // Postgres has no year 0.
        let date = NaiveDate::from_ymd_opt(year, month, day).filter(|_| year > 0);
        date.ok_or(Wrong::Range)
    };
    if first.len() == 8 && !rest.starts_with(['-', '/', '.']) {
        return Ok((made(&first[..4], &first[4..6], &first[6..])?, rest));
    }
    let separator = rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.'));
    let separator = separator.ok_or(Wrong::Syntax)?;
    let (second, rest) = figures(&rest[1..]);
    let rest = rest.strip_prefix(separator).ok_or(Wrong::Syntax)?;
    let (third, rest) = figures(rest);
    let short = |figures: &str| (1..=2).contains(&figures.len());
    if first.len() >= 4 && short(second) && short(third) {
        return Ok((made(first, second, third)?, rest));
    }
    // Postgres' default for dates that do not begin with the year.
    if short(first) && short(second) && third.len() >= 4 {
        let (month, day) =
            if day_first || separator == '.' { (second, first) } else { (first, second) };
        return Ok((made(third, month, day)?, rest));
    }
    Err(Wrong::Syntax)
}

/// `08:26`, `8:26:00.5 PM`, and a zone after it.
fn time(text: &str) -> Result<(i64, Option<Zone>), Wrong> {
    let (hour, rest) = figures(text);
    let (minute, rest) = figures(rest.strip_prefix(':').ok_or(Wrong::Syntax)?);
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => figures(rest),
        None => ("0", rest),
    };
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => figures(rest),
        None => ("", rest),
    };
    let mut hour: i64 = number(hour)?;
    let (minute, second): (i64, i64) = (number(minute)?, number(second)?);
    let mut rest = rest.trim_start();
    let half = rest.get(..2).map(str::to_ascii_lowercase);
    // `America/Edmonton` is no half of the day.
    let half = half.filter(|_| !rest[2..].starts_with(|c: char| c.is_ascii_alphabetic()));
    if let Some(half @ ("am" | "pm")) = half.as_deref() {
        if !(1..=12).contains(&hour) {
            return Err(Wrong::Range);
        }
        hour = hour % 12 + if half == "pm" { 12 } else { 0 };
        rest = rest[2..].trim_start();
    }
    // Rounded to microseconds, which may fill the second.
    let seven: String = fraction.chars().chain(std::iter::repeat('0')).take(7).collect();
    let fraction = (number::<i64>(&seven)? + 5) / 10;
    let micros = (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction;
    if minute > 59 || second > 60 || micros > DAY_MICROS {
        return Err(Wrong::Range);
    }
    Ok((micros, zone(rest)?))
}

fn zone(text: &str) -> Result<Option<Zone>, Wrong> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(rest) = text.strip_prefix(['+', '-']) {
        let (hours, rest) = figures(rest);
        let (hours, minutes) = match hours.split_at_checked(2) {
            Some((hours, minutes)) if minutes.len() == 2 && rest.is_empty() => (hours, minutes),
            _ if rest.is_empty() => (hours, "0"),
            _ => (hours, rest.strip_prefix(':').ok_or(Wrong::Syntax)?),
        };
        let (minutes, seconds) = match minutes.split_once(':') {
            Some((minutes, seconds)) => (minutes, seconds),
            None => (minutes, "0"),
        };
        let (hours, minutes): (i64, i64) = (number(hours)?, number(minutes)?);
        let seconds: i64 = number(seconds)?;
        if hours > 15 || minutes > 59 || seconds > 59 {
            return Err(Wrong::Range);
        }
        let seconds = hours * 3600 + minutes * 60 + seconds;
        return Ok(Some(Zone::Offset(if text.starts_with('-') { -seconds } else { seconds })));
    }
    if ["z", "utc", "gmt", "zulu"].contains(&text.to_ascii_lowercase().as_str()) {
        return Ok(Some(Zone::Offset(0)));
    }
    chrono_tz::TZ_VARIANTS
        .iter()
        .find(|zone| zone.name().eq_ignore_ascii_case(text))
        .map(|zone| Some(Zone::Named(*zone)))
        .ok_or(Wrong::Syntax)
}
