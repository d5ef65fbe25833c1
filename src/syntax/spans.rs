//! `interval(3)`, `interval day to hour`: intervals of fewer fields or digits.
//!
//! Its one idea: the text is read as an interval first, and what the type has no room for is taken away after.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, DateTimeField, Expr, Interval, IntervalFields, Value,
};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind, Result};

use super::forms::{call, text};

/// Digits after the point of a second.
const DIGITS_MAX: u64 = 6;

/// `INTERVAL(3) '...'`, whose digits the parser would lose; `None` where something else stands.
pub(super) fn prefixed(parser: &mut Parser<'_>) -> Option<Parsed> {
    let [_, open, digits, close, written] =
        std::array::from_fn(|at| parser.peek_nth_token_ref(at).token.clone());
    let (Token::Number(digits, _), Token::SingleQuotedString(written)) = (digits, written) else {
        return None;
    };
    if open != Token::LParen || close != Token::RParen {
        return None;
    }
    for _ in 0..5 {
        parser.advance_token();
    }
    let data_type = DataType::Interval { fields: None, precision: digits.parse().ok() };
    let (kind, expr) = (CastKind::Cast, Box::new(text(&written)));
    Some(Ok(Expr::Cast { kind, expr, data_type, array: false, format: None }))
}

type Parsed = std::result::Result<Expr, ParserError>;

/// A cast to such an interval, as one to an interval and what follows; `None` for other casts.
///
/// # Errors
/// `InvalidParameterValue` for more digits than there are.
pub(super) fn cast(value: &Expr, data_type: &DataType) -> Result<Option<Expr>> {
    let DataType::Interval { fields, precision } = data_type else { return Ok(None) };
    if fields.is_none() && precision.is_none() {
        return Ok(None);
    }
    whole(value, *fields, *precision).map(Some)
}

/// `INTERVAL '1:30' MINUTE TO SECOND`; `None` for a literal that the planner reads right.
///
/// # Errors
/// As [`cast`].
pub(super) fn literal(interval: &Interval) -> Result<Option<Expr>> {
    let Expr::Value(value) = interval.value.as_ref() else { return Ok(None) };
    let Value::SingleQuotedString(written) = &value.value else { return Ok(None) };
    let precision = interval.fractional_seconds_precision.or(interval.leading_precision);
    let plain = written.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let fields = fields(interval.leading_field.as_ref(), interval.last_field.as_ref());
    match fields {
        Some(fields) if !plain || interval.last_field.is_some() || precision.is_some() => {
            whole(&interval.value, Some(fields), precision).map(Some)
        }
        _ => Ok(None),
    }
}

fn fields(first: Option<&DateTimeField>, last: Option<&DateTimeField>) -> Option<IntervalFields> {
    use DateTimeField::{Day, Hour, Minute, Month, Second, Year};
    Some(match (first?, last) {
        (Year, None) => IntervalFields::Year,
        (Month, None) => IntervalFields::Month,
        (Day, None) => IntervalFields::Day,
        (Hour, None) => IntervalFields::Hour,
        (Minute, None) => IntervalFields::Minute,
        (Second, None) => IntervalFields::Second,
        (Year, Some(Month)) => IntervalFields::YearToMonth,
        (Day, Some(Hour)) => IntervalFields::DayToHour,
        (Day, Some(Minute)) => IntervalFields::DayToMinute,
        (Day, Some(Second)) => IntervalFields::DayToSecond,
        (Hour, Some(Minute)) => IntervalFields::HourToMinute,
        (Hour, Some(Second)) => IntervalFields::HourToSecond,
        (Minute, Some(Second)) => IntervalFields::MinuteToSecond,
        _ => return None,
    })
}

/// The smallest field, and whether its predecessors may be minutes only.
fn smallest(fields: IntervalFields) -> &'static str {
    match fields {
        IntervalFields::Year => "year",
        IntervalFields::Month | IntervalFields::YearToMonth => "month",
        IntervalFields::Day => "day",
        IntervalFields::Hour | IntervalFields::DayToHour => "hour",
        IntervalFields::Minute | IntervalFields::DayToMinute | IntervalFields::HourToMinute => {
            "minute"
        }
        IntervalFields::Second
        | IntervalFields::DayToSecond
        | IntervalFields::HourToSecond
        | IntervalFields::MinuteToSecond => "second",
    }
}

fn whole(value: &Expr, fields: Option<IntervalFields>, precision: Option<u64>) -> Result<Expr> {
    if let Some(digits) = precision.filter(|digits| *digits > DIGITS_MAX) {
        let message = format!("interval({digits}) precision must be between 0 and {DIGITS_MAX}");
        return Err(Error::new(ErrorKind::InvalidParameterValue, message));
    }
    let unit = fields.map(smallest);
    let value = match (value, fields) {
        (Expr::Value(written), Some(fields)) => match &written.value {
            Value::SingleQuotedString(written) => text(&read_as(written, fields)),
            _ => value.clone(),
        },
        _ => value.clone(),
    };
    let data_type = DataType::Interval { fields: None, precision: None };
    let (kind, expr) = (CastKind::Cast, Box::new(value));
    let read = Expr::Cast { kind, expr, data_type, array: false, format: None };
    let digits = Expr::value(Value::Number(precision.unwrap_or(DIGITS_MAX).to_string(), false));
    Ok(call("__interval_within", vec![read, text(unit.unwrap_or("second")), digits]))
}

/// The text with what its fields say of it: a bare number counts the smallest, and two parts may be minutes.
fn read_as(written: &str, fields: IntervalFields) -> String {
    let trimmed = written.trim();
    let number = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let bare = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if bare {
        return format!("{trimmed} {}", smallest(fields));
    }
    if fields != IntervalFields::MinuteToSecond {
        return written.to_owned();
    }
    let (before, clock) = trimmed.rsplit_once(' ').map_or(("", trimmed), |(b, clock)| (b, clock));
    let unsigned = clock.strip_prefix(['-', '+']).unwrap_or(clock);
    let is_clock = unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b':');
    if is_clock && unsigned.split(':').count() == 2 {
        let sign = &clock[..clock.len() - unsigned.len()];
        return format!("{before} {sign}0:{unsigned}");
    }
    written.to_owned()
}
