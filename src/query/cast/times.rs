//! Text to dates and times, and times from one zone's clocks to another's.
//!
//! Reads ISO's forms and `month/day/year`; what it does not know is an error, never a guess.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::out_of_range;

use super::arrow_cast;
use super::read::each;

const DAY_MICROS: i64 = 86_400_000_000;
const EPOCH: NaiveDate = DateTime::UNIX_EPOCH.naive_utc().date();

/// The texts of `array` as dates, times or timestamps.
pub(super) fn read(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    let read: ArrayRef = match to {
        DataType::Date32 => Arc::new(each::<Date32Type>(texts, |text| {
            let moment = Moment::read(text, "date")?;
            i32::try_from(days(moment.date)).map_err(|_| out_of_range("date"))
        })?),
        DataType::Time64(_) => Arc::new(each::<Time64MicrosecondType>(texts, Moment::read_time)?),
        DataType::Timestamp(_, None) => {
            Arc::new(each::<TimestampMicrosecondType>(texts, |text| {
                Moment::read(text, "timestamp")?.local()
            })?)
        }
        DataType::Timestamp(_, Some(zone)) => {
            let session: Tz = zone.parse().unwrap_or(Tz::UTC);
            let read = each::<TimestampMicrosecondType>(texts, |text| {
                Moment::read(text, "timestamp with time zone")?.instant(session)
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
        (_, DataType::Timestamp(_, Some(zone))) => {
            let named: Tz = zone.parse().unwrap_or(Tz::UTC);
            let local = arrow_cast(array, &micros)?;
            let times = local.as_primitive::<TimestampMicrosecondType>();
            let instants: PrimitiveArray<TimestampMicrosecondType> =
                times.try_unary(|local| instant(local, named))?;
            Arc::new(instants.with_timezone(Arc::clone(zone)))
        }
        _ => Arc::clone(array),
    };
    arrow_cast(&moved, to)
}

/// What clocks in `zone` show at an instant.
pub(crate) fn clock(instant: i64, zone: Tz) -> Result<i64> {
    let time = DateTime::from_timestamp_micros(instant).ok_or_else(|| out_of_range("timestamp"))?;
    let offset = zone.offset_from_utc_datetime(&time.naive_utc()).fix().local_minus_utc();
    Ok(instant + i64::from(offset) * 1_000_000)
}

/// The instant at which clocks in `zone` show a time: the second of two, and in the hour that a
/// change of the clocks skips, the time as it would have gone on.
pub(crate) fn instant(local: i64, zone: Tz) -> Result<i64> {
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
    fn read(text: &str, name: &str) -> Result<Self> {
        moment(text.trim()).map_err(|wrong| error(wrong, text, name))
    }

    fn read_time(text: &str) -> Result<i64> {
        let trimmed = text.trim();
        let read = match time(trimmed) {
            Ok((micros, _)) => Ok(micros),
            Err(wrong) => moment(trimmed).map(|moment| moment.micros).map_err(|_| wrong),
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

fn moment(text: &str) -> Result<Moment, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "epoch" => {
            return Ok(Moment { date: EPOCH, micros: 0, zone: Some(Zone::Offset(0)) });
        }
        "infinity" | "-infinity" | "now" | "today" | "tomorrow" | "yesterday" | "allballs" => {
            return Err(Wrong::Unsupported);
        }
        _ => {}
    }
    let (date, rest) = date(text)?;
    if rest.is_empty() {
        return Ok(Moment { date, micros: 0, zone: None });
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

fn date(text: &str) -> Result<(NaiveDate, &str), Wrong> {
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
        return Ok((made(third, first, second)?, rest));
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
        let (hours, minutes): (i64, i64) = (number(hours)?, number(minutes)?);
        if hours > 15 || minutes > 59 {
            return Err(Wrong::Range);
        }
        let seconds = hours * 3600 + minutes * 60;
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
