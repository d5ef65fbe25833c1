//! Text to a date by a pattern, as `to_date` and `to_timestamp` read it.

use chrono::{NaiveDate, NaiveDateTime};

use crate::error::{Error, ErrorKind, Result};

use super::pattern::{Field, Piece};

/// What the fields said.
struct Parts {
    year: i32,
    month: u32,
    day: u32,
    day_of_year: Option<u32>,
    hour: u32,
    hour12: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
    micro: u32,
}

/// Reads `text` by `pieces`; what no field names is the first of its kind.
///
/// # Errors
/// `InvalidDatetimeFormat`, `DatetimeFieldOverflow`, `FeatureNotSupported` for fields that only
/// print.
pub(crate) fn read(text: &str, pieces: &[Piece]) -> Result<NaiveDateTime> {
    let mut parts = Parts {
        year: 1,
        month: 1,
        day: 1,
        day_of_year: None,
        hour: 0,
        hour12: None,
        afternoon: None,
        minute: 0,
        second: 0,
        micro: 0,
    };
    let mut rest = text;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => rest = skip(rest, literal),
            Piece::Field { field, plain } => {
                // Digits run together only where the next field follows at once.
                let bounded = !plain && matches!(pieces.get(index + 1), Some(Piece::Field { .. }));
                rest = rest.trim_start();
                if rest.is_empty() {
                    break;
                }
                rest = read_field(rest, *field, bounded, &mut parts)?;
            }
        }
    }
    assembled(text, &parts)
}

/// Separators stand for any separators; other literals skip as many characters.
fn skip<'a>(text: &'a str, literal: &str) -> &'a str {
    let mut rest = text;
    for expected in literal.chars() {
        let Some(next) = rest.chars().next() else { break };
        let separator = !expected.is_alphanumeric();
        if separator && next.is_alphanumeric() {
            continue;
        }
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    rest
}

fn read_field<'a>(
    text: &'a str,
    field: Field,
    bounded: bool,
    parts: &mut Parts,
) -> Result<&'a str> {
    let width = match field {
        Field::Year if !bounded => 9,
        Field::Year => 4,
        Field::DayOfYear | Field::Millisecond => 3,
        Field::Microsecond => 6,
        Field::SecondOfDay => 5,
        _ => 2,
    };
    match field {
        Field::MonthName(_) | Field::MonthShort(_) => return month_name(text, field, parts),
        Field::Meridiem(_) => return meridiem(text, parts),
        Field::DayName(_)
        | Field::DayShort(_)
        | Field::DayOfWeek
        | Field::IsoDayOfWeek
        | Field::Week
        | Field::IsoWeek
        | Field::IsoYear
        | Field::Quarter => {
            return Err(Error::unsupported("reading a date by week, weekday or quarter"));
        }
        _ => {}
    }
    let digits = text.chars().take(width).take_while(char::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let value: u32 = number.parse().map_err(|_| invalid(text, field, width))?;
    match field {
        Field::Year => parts.year = i32::try_from(value).unwrap_or(i32::MAX),
        // Postgres' rule: the year nearest to 2020.
        Field::YearOfCentury => {
            let century = if value < 70 { 2000 } else { 1900 };
            parts.year = century + i32::try_from(value).unwrap_or(0);
        }
        Field::Month => parts.month = value,
        Field::Day => parts.day = value,
        Field::DayOfYear => parts.day_of_year = Some(value),
        Field::Hour24 => parts.hour = value,
        Field::Hour12 => parts.hour12 = Some(value),
        Field::Minute => parts.minute = value,
        Field::Second => parts.second = value,
        Field::SecondOfDay => {
            (parts.hour, parts.minute) = (value / 3600, value / 60 % 60);
            parts.second = value % 60;
        }
        Field::Millisecond => parts.micro += fraction(value, digits, 3) * 1000,
        Field::Microsecond => parts.micro += fraction(value, digits, 6),
        _ => {}
    }
    Ok(rest)
}

/// `.5` as milliseconds is 500.
fn fraction(value: u32, digits: usize, width: usize) -> u32 {
    let missing = u32::try_from(width.saturating_sub(digits)).unwrap_or(0);
    value * 10_u32.pow(missing)
}

fn month_name<'a>(text: &'a str, field: Field, parts: &mut Parts) -> Result<&'a str> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let lower = text.to_ascii_lowercase();
    for (month, name) in (1..).zip(NAMES) {
        let name = if matches!(field, Field::MonthShort(_)) { &name[..3] } else { name };
        if lower.starts_with(name) {
            parts.month = month;
            return Ok(text.get(name.len()..).unwrap_or_default());
        }
    }
    Err(invalid(text, field, 3))
}

fn meridiem<'a>(text: &'a str, parts: &mut Parts) -> Result<&'a str> {
    let word = text.get(..2).unwrap_or_default().to_ascii_lowercase();
    parts.afternoon = Some(match word.as_str() {
        "am" => false,
        "pm" => true,
        _ => return Err(invalid(text, Field::Meridiem(super::pattern::Case::Upper), 2)),
    });
    Ok(text.get(2..).unwrap_or_default())
}

fn invalid(text: &str, field: Field, width: usize) -> Error {
    let value: String = text.chars().take(width).collect();
    let keyword = match field {
        Field::Year => "YYYY",
        Field::YearOfCentury => "YY",
        Field::Month => "MM",
        Field::MonthName(_) => "Month",
        Field::MonthShort(_) => "Mon",
        Field::Day => "DD",
        Field::DayOfYear => "DDD",
        Field::Hour24 => "HH24",
        Field::Hour12 => "HH12",
        Field::Minute => "MI",
        Field::Second => "SS",
        Field::SecondOfDay => "SSSS",
        Field::Millisecond => "MS",
        Field::Microsecond => "US",
        _ => "AM",
    };
    Error::new(
        ErrorKind::InvalidDatetimeFormat,
        format!("invalid value \"{value}\" for \"{keyword}\""),
    )
}

fn assembled(text: &str, parts: &Parts) -> Result<NaiveDateTime> {
    let overflow = || {
        Error::new(
            ErrorKind::DatetimeFieldOverflow,
            format!("date/time field value out of range: \"{text}\""),
        )
    };
    let date = match parts.day_of_year {
        Some(day) => NaiveDate::from_yo_opt(parts.year, day),
        None => NaiveDate::from_ymd_opt(parts.year, parts.month, parts.day),
    };
    let hour = match (parts.hour12, parts.afternoon) {
        (Some(hour @ 1..=12), afternoon) => {
            hour % 12 + if afternoon == Some(true) { 12 } else { 0 }
        }
        (Some(_), _) => return Err(overflow()),
        (None, _) => parts.hour,
    };
    date.and_then(|date| date.and_hms_micro_opt(hour, parts.minute, parts.second, parts.micro))
        .ok_or_else(overflow)
}
