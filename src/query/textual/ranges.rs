//! Ranges and multiranges: bounds in the one form that Postgres prints.

use std::cmp::Ordering;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use chrono_tz::Tz;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::query::cast::cast_array;
use crate::query::text::{date_text, timestamp_text};

use super::numbers;

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Of `int4range`.
    Small(i32),
    /// Of `int8range`.
    Integer(i64),
    /// A numeric without needless zeros.
    Number(String),
    /// Days since 1970.
    Day(i32),
    /// Microseconds since 1970.
    Time(i64),
    /// Microseconds since 1970, in Greenwich.
    Instant(i64),
}

/// What lies between two bounds; a missing one has no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Nothing lies in it.
    pub empty: bool,
    /// Where it begins.
    pub lower: Option<Bound>,
    /// Where it ends.
    pub upper: Option<Bound>,
    /// Whether `lower` is of it.
    pub lower_inclusive: bool,
    /// Whether `upper` is of it.
    pub upper_inclusive: bool,
}

const EMPTY: Range =
    Range { empty: true, lower: None, upper: None, lower_inclusive: false, upper_inclusive: false };

/// The type of a range's bounds.
pub fn element(range: &str) -> Option<&'static str> {
    Some(match range {
        "int4range" => "int4",
        "int8range" => "int8",
        "numrange" => "numeric",
        "daterange" => "date",
        "tsrange" => "timestamp",
        "tstzrange" => "timestamptz",
        _ => return None,
    })
}

/// The range type that a multirange is of.
pub fn range_of(multirange: &str) -> Option<&'static str> {
    Some(match multirange {
        "int4multirange" => "int4range",
        "int8multirange" => "int8range",
        "nummultirange" => "numrange",
        "datemultirange" => "daterange",
        "tsmultirange" => "tsrange",
        "tstzmultirange" => "tstzrange",
        _ => return None,
    })
}

impl Range {
    /// Reads `[1,5)` as a value of the type `name`.
    ///
    /// # Errors
    /// `InvalidTextRepresentation` and what reading a bound answers.
    pub fn read(name: &str, text: &str, zone: Tz) -> Result<Self> {
        let mut rest = text.trim();
        let range = Self::read_from(name, &mut rest, zone, text)?;
        if rest.trim().is_empty() { Ok(range) } else { Err(malformed(text)) }
    }

    fn read_from(name: &str, rest: &mut &str, zone: Tz, text: &str) -> Result<Self> {
        if let Some(after) = rest.get(5..).filter(|_| rest[..5].eq_ignore_ascii_case("empty")) {
            *rest = after;
            return Ok(EMPTY);
        }
        let lower_inclusive = match rest.chars().next() {
            Some('[') => true,
            Some('(') => false,
            _ => return Err(malformed(text)),
        };
        *rest = &rest[1..];
        let lower = bound_text(rest).ok_or_else(|| malformed(text))?;
        *rest = rest.strip_prefix(',').ok_or_else(|| malformed(text))?;
        let upper = bound_text(rest).ok_or_else(|| malformed(text))?;
        let upper_inclusive = match rest.chars().next() {
            Some(']') => true,
            Some(')') => false,
            _ => return Err(malformed(text)),
        };
        *rest = &rest[1..];
        let bound = |text: Option<String>| text.map(|text| Bound::read(name, &text, zone));
        let (lower, upper) = (bound(lower).transpose()?, bound(upper).transpose()?);
        Self::new(lower, upper, lower_inclusive, upper_inclusive)
    }

    /// The range in its one form.
    ///
    /// # Errors
    /// `DataException` for bounds in the wrong order, `NumericValueOutOfRange` for a bound with none after it.
    pub fn new(
        lower: Option<Bound>,
        upper: Option<Bound>,
        lower_inclusive: bool,
        upper_inclusive: bool,
    ) -> Result<Self> {
        let mut range = Self {
            empty: false,
            lower_inclusive: lower_inclusive && lower.is_some(),
            upper_inclusive: upper_inclusive && upper.is_some(),
            lower,
            upper,
        };
        if let (Some(lower), Some(upper)) = (&range.lower, &range.upper)
            && lower.compare(upper) == Ordering::Greater
        {
            let message = "range lower bound must be less than or equal to range upper bound";
            return Err(Error::new(ErrorKind::DataException, message));
        }
        if let Some(lower) = range.lower.as_mut().filter(|_| !range.lower_inclusive)
            && lower.step()?
        {
            range.lower_inclusive = true;
        }
        if let Some(upper) = range.upper.as_mut().filter(|_| range.upper_inclusive)
            && upper.step()?
        {
            range.upper_inclusive = false;
        }
        if let (Some(lower), Some(upper)) = (&range.lower, &range.upper) {
            let both = range.lower_inclusive && range.upper_inclusive;
            match lower.compare(upper) {
                Ordering::Less => {}
                Ordering::Equal if both => {}
                _ => return Ok(EMPTY),
            }
        }
        Ok(range)
    }

    /// As it is kept.
    pub fn text(&self) -> String {
        self.shown(Tz::UTC).unwrap_or_else(|_| "empty".to_owned())
    }

    /// As a session in `zone` sees it.
    ///
    /// # Errors
    /// `DatetimeFieldOverflow` for bounds that no calendar has.
    pub fn shown(&self, zone: Tz) -> Result<String> {
        if self.empty {
            return Ok("empty".to_owned());
        }
        let end = |bound: &Option<Bound>| match bound {
            Some(bound) => bound.text(zone).map(|text| quoted(&text)),
            None => Ok(String::new()),
        };
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        Ok(format!("{open}{},{}{close}", end(&self.lower)?, end(&self.upper)?))
    }

    /// Whether it begins before `other` ends, or where it ends.
    fn joins(&self, next: &Self) -> bool {
        let (Some(end), Some(start)) = (&self.upper, &next.lower) else { return true };
        match end.compare(start) {
            Ordering::Greater => true,
            Ordering::Equal => self.upper_inclusive || next.lower_inclusive,
            Ordering::Less => false,
        }
    }

    fn starts_before(&self, other: &Self) -> Ordering {
        match (&self.lower, &other.lower) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(own), Some(others)) => {
                own.compare(others).then(other.lower_inclusive.cmp(&self.lower_inclusive))
            }
        }
    }

    fn ends_before(&self, other: &Self) -> bool {
        match (&self.upper, &other.upper) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(own), Some(others)) => match own.compare(others) {
                Ordering::Less => true,
                Ordering::Equal => !self.upper_inclusive && other.upper_inclusive,
                Ordering::Greater => false,
            },
        }
    }
}

impl Bound {
    fn read(range: &str, text: &str, zone: Tz) -> Result<Self> {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let read = |to: DataType| cast_array(&texts, &to);
        let micros =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let time = |array: &ArrayRef| array.as_primitive::<TimestampMicrosecondType>().value(0);
        Ok(match range {
            "int4range" => Self::Small(read(DataType::Int32)?.as_primitive::<Int32Type>().value(0)),
            "int8range" => {
                Self::Integer(read(DataType::Int64)?.as_primitive::<Int64Type>().value(0))
            }
            "numrange" => Self::Number(numbers::plain(text)?),
            "daterange" => Self::Day(read(DataType::Date32)?.as_primitive::<Date32Type>().value(0)),
            "tsrange" => Self::Time(time(&read(micros(None))?)),
            "tstzrange" => Self::Instant(time(&read(micros(Some(zone.name())))?)),
            other => return Err(Error::unsupported(format!("ranges of type {other}"))),
        })
    }

    /// A numeric of any size.
    ///
    /// # Errors
    /// `InvalidTextRepresentation`, `NumericValueOutOfRange`.
    pub fn number(text: &str) -> Result<Self> {
        numbers::plain(text).map(Self::Number)
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(own), Self::Number(others)) => numbers::compare(own, others),
            _ => self.key().cmp(&other.key()),
        }
    }

    fn key(&self) -> i64 {
        match self {
            Self::Integer(value) | Self::Time(value) | Self::Instant(value) => *value,
            Self::Small(value) | Self::Day(value) => i64::from(*value),
            Self::Number(_) => 0,
        }
    }

    /// Moves to the next value; false where there is none because between two is always one more.
    fn step(&mut self) -> Result<bool> {
        let out_of_range = |what: &str| {
            Error::new(ErrorKind::NumericValueOutOfRange, format!("{what} out of range"))
        };
        match self {
            Self::Small(value) => {
                *value = value.checked_add(1).ok_or_else(|| out_of_range("integer"))?;
            }
            Self::Integer(value) => {
                *value = value.checked_add(1).ok_or_else(|| out_of_range("bigint"))?;
            }
            Self::Day(i32::MAX | i32::MIN) => return Ok(false),
            Self::Day(days) => *days += 1,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn text(&self, zone: Tz) -> Result<String> {
        match self {
            Self::Small(value) => Ok(value.to_string()),
            Self::Integer(value) => Ok(value.to_string()),
            Self::Number(text) => Ok(text.clone()),
            Self::Day(days) => date_text(*days),
            Self::Time(micros) => timestamp_text(*micros, TimeUnit::Microsecond, None, ' '),
            Self::Instant(micros) => {
                timestamp_text(*micros, TimeUnit::Microsecond, Some(zone), ' ')
            }
        }
    }
}

/// Reads `{[1,3),[5,7)}`: ranges in order, those that touch as one.
///
/// # Errors
/// As of [`Range::read`].
pub fn read_multirange(name: &str, text: &str, zone: Tz) -> Result<Vec<Range>> {
    let wrong = || {
        let message = format!("malformed multirange literal: \"{text}\"");
        Error::new(ErrorKind::InvalidTextRepresentation, message)
    };
    let range = range_of(name).ok_or_else(|| Error::unsupported(format!("the type {name}")))?;
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inner.ok_or_else(wrong)?.trim();
    let mut ranges = Vec::new();
    while !rest.is_empty() {
        ranges.push(Range::read_from(range, &mut rest, zone, text).map_err(|error| {
            if error.message().starts_with("malformed") { wrong() } else { error }
        })?);
        rest = rest.trim_start();
        match rest.strip_prefix(',') {
            Some(after) if !after.trim().is_empty() => rest = after.trim_start(),
            _ if rest.is_empty() => {}
            _ => return Err(wrong()),
        }
    }
    Ok(merged(ranges))
}

fn merged(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.retain(|range| !range.empty);
    ranges.sort_by(Range::starts_before);
    let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.joins(&range) => {
                if last.ends_before(&range) {
                    last.upper = range.upper;
                    last.upper_inclusive = range.upper_inclusive;
                }
            }
            _ => merged.push(range),
        }
    }
    merged
}

pub(super) fn multirange_text(name: &str, text: &str, zone: Tz) -> Result<String> {
    let ranges = read_multirange(name, text, zone)?;
    let texts: Vec<String> = ranges.iter().map(Range::text).collect();
    Ok(format!("{{{}}}", texts.join(",")))
}

fn malformed(text: &str) -> Error {
    let message = format!("malformed range literal: \"{text}\"");
    Error::new(ErrorKind::InvalidTextRepresentation, message)
}

/// A bound as written, up to what ends it; nothing written is no bound.
fn bound_text(rest: &mut &str) -> Option<Option<String>> {
    let mut text = String::new();
    let mut written = false;
    let mut quoted = false;
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ',' | ')' | ']' | '(' | '[' if !quoted => {
                *rest = &rest[at..];
                return Some(written.then_some(text));
            }
            '\\' => text.push(chars.next()?.1),
            // A doubled quote inside quotes is one.
            '"' if quoted && chars.as_str().starts_with('"') => {
                chars.next();
                text.push('"');
            }
            '"' => quoted = !quoted,
            c => text.push(c),
        }
        written = true;
    }
    None
}

fn quoted(text: &str) -> String {
    let special =
        |c: char| matches!(c, '"' | '\\' | '(' | ')' | '[' | ']' | ',') || c.is_whitespace();
    if !text.is_empty() && !text.contains(special) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
}
