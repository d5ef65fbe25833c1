//! Values as PostgreSQL prints them: what both binary protocols are decoded to.
//!
//! Written apart from the server's own encoder, so that the two can disagree.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta};

pub(super) fn boolean(value: bool) -> String {
    if value { "t" } else { "f" }.to_owned()
}

/// Shortest digits that read back the same; scientific from 1e15 on, as PostgreSQL since version 12.
pub(super) fn double(value: f64) -> String {
    float(value.is_nan(), value.is_infinite(), value < 0.0, &format!("{value:e}"), 15)
}

/// As [`double`], scientific from 1e6 on.
pub(super) fn real(value: f32) -> String {
    float(value.is_nan(), value.is_infinite(), value < 0.0, &format!("{value:e}"), 6)
}

fn float(nan: bool, infinite: bool, negative: bool, scientific: &str, limit: i32) -> String {
    if nan {
        return "NaN".to_owned();
    }
    if infinite {
        return if negative { "-Infinity" } else { "Infinity" }.to_owned();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    if (-4..limit).contains(&exponent) {
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let sign = if mantissa.starts_with('-') { "-" } else { "" };
        return format!("{sign}{}", plain(&digits, exponent));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn plain(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{}.{}", &digits[..whole], &digits[whole..])
}

/// An unscaled number, given as text of its digits, with its scale.
pub(super) fn decimal(unscaled: &str, scale: usize) -> String {
    let (sign, digits) = unscaled.strip_prefix('-').map_or(("", unscaled), |digits| ("-", digits));
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Days since 1970-01-01.
pub(super) fn date(days: i32) -> String {
    let day = NaiveDate::default() + TimeDelta::days(i64::from(days));
    day.format("%Y-%m-%d").to_string()
}

/// Microseconds since midnight.
pub(super) fn time(micros: i64) -> String {
    let time = NaiveTime::MIN + TimeDelta::microseconds(micros);
    format!("{}{}", time.format("%H:%M:%S"), fraction(micros))
}

/// Microseconds since 1970-01-01.
pub(super) fn timestamp(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap();
    format!("{}{}", time.format("%Y-%m-%d %H:%M:%S"), fraction(micros))
}

/// Microseconds since 1970-01-01 UTC, printed in UTC, which is every test session's zone.
pub(super) fn timestamptz(micros: i64) -> String {
    format!("{}+00", timestamp(micros))
}

fn fraction(micros: i64) -> String {
    match micros.rem_euclid(1_000_000) {
        0 => String::new(),
        micros => format!(".{micros:06}").trim_end_matches('0').to_owned(),
    }
}

/// `1 year 2 mons 3 days 04:05:06`, the style `postgres`.
pub(super) fn interval(months: i32, days: i32, micros: i64) -> String {
    let mut parts = Vec::new();
    let mut before_negative = false;
    for (value, one, many) in
        [(months / 12, "year", "years"), (months % 12, "mon", "mons"), (days, "day", "days")]
    {
        if value != 0 {
            let plus = if before_negative && value > 0 { "+" } else { "" };
            parts.push(format!("{plus}{value} {}", if value == 1 { one } else { many }));
            before_negative = value < 0;
        }
    }
    if micros != 0 || parts.is_empty() {
        let sign = match (micros < 0, before_negative) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let size = micros.abs();
        let seconds = size / 1_000_000;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        parts.push(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(size)));
    }
    parts.join(" ")
}

pub(super) fn bytea(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\x{hex}")
}

pub(super) fn uuid(bytes: &[u8]) -> String {
    uuid::Uuid::from_slice(bytes).unwrap().to_string()
}

/// `{1,NULL,"a b"}`; elements that are arrays themselves come as their own text.
pub(super) fn array(elements: &[Option<String>], nested: bool) -> String {
    let quoted = |text: &String| {
        let special = |c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_whitespace();
        if nested
            || !(text.is_empty() || text.eq_ignore_ascii_case("null") || text.contains(special))
        {
            return text.clone();
        }
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    };
    let elements: Vec<String> = elements
        .iter()
        .map(|element| element.as_ref().map_or_else(|| "NULL".to_owned(), quoted))
        .collect();
    format!("{{{}}}", elements.join(","))
}
