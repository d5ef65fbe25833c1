//! Numbers of any size as text: one text a number, and their order.

use std::cmp::Ordering;

use crate::error::{Error, ErrorKind, Result};

/// A number's figures without needless zeros.
pub(super) fn plain(text: &str) -> Result<String> {
    let wrong = || super::invalid("numeric", text);
    let trimmed = text.trim();
    let (mantissa, exponent) = match trimmed.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| wrong())?),
        None => (trimmed, 0),
    };
    let (negative, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let figures = format!("{whole}{fraction}");
    if figures.is_empty() || !figures.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(match mantissa.to_ascii_lowercase().as_str() {
            "nan" | "infinity" | "-infinity" | "inf" | "-inf" => {
                Error::unsupported("a bound that is not a finite number")
            }
            _ => wrong(),
        });
    }
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent.into());
    if !(-1000..=1000).contains(&point) {
        return Err(Error::new(
            ErrorKind::NumericValueOutOfRange,
            "value overflows numeric format",
        ));
    }
    let leading = "0".repeat(usize::try_from(-point.min(0)).unwrap_or(0));
    let figures = format!("{leading}{figures}");
    let point = usize::try_from(point.max(0)).unwrap_or(0);
    let padding = "0".repeat(point.saturating_sub(figures.len()));
    let figures = format!("{figures}{padding}");
    let (whole, fraction) = figures.split_at(point);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if negative && (whole != "0" || !fraction.is_empty()) { "-" } else { "" };
    let dot = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{sign}{whole}{dot}{fraction}"))
}

/// Two of [`plain`]'s texts by their values.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let parts = |text: &str| {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, text.to_owned()),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((&unsigned, ""));
        (negative, whole.len(), whole.to_owned(), fraction.to_owned())
    };
    let (left_negative, left_length, left_whole, left_fraction) = parts(left);
    let (right_negative, right_length, right_whole, right_fraction) = parts(right);
    let size = left_length
        .cmp(&right_length)
        .then(left_whole.cmp(&right_whole))
        .then(left_fraction.cmp(&right_fraction));
    match (left_negative, right_negative) {
        (false, false) => size,
        (true, true) => size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// Two numbers by their values, however they are written; `None` where one is none.
pub(crate) fn compared(left: &str, right: &str) -> Option<Ordering> {
    Some(compare(&plain(left).ok()?, &plain(right).ok()?))
}
