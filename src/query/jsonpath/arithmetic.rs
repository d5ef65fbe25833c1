//! Arithmetic of the numbers in a document.

use crate::error::{Error, ErrorKind};

use super::find::{Failure, Found, failed};

/// The whole number next to one, below it or above.
pub(super) fn whole(number: &str, below: bool) -> Found<String> {
    let (cut, fraction) = number.split_once('.').unwrap_or((number, ""));
    let exact = fraction.bytes().all(|digit| digit == b'0');
    let step = match (exact, number.starts_with('-'), below) {
        (false, true, true) => "-1",
        (false, false, false) => "1",
        _ => "0",
    };
    computed('+', cut, step)
}

/// Sums, differences, products and remainders of numbers of up to 38 digits.
pub(super) fn computed(op: char, left: &str, right: &str) -> Found<String> {
    let too_long = || {
        let message = "numbers of more than 38 digits in a jsonpath's arithmetic";
        Failure::Fatal(Error::unsupported(message))
    };
    let read = |text: &str| -> Option<(i128, u32)> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        Some((format!("{whole}{fraction}").parse().ok()?, u32::try_from(fraction.len()).ok()?))
    };
    let (Some((left, one)), Some((right, other))) = (read(left), read(right)) else {
        return Err(too_long());
    };
    let scale = one.max(other);
    let widened = |number: i128, from: u32| {
        10_i128.checked_pow(scale - from).and_then(|unit| number.checked_mul(unit))
    };
    if op == '*' {
        let product = left.checked_mul(right).ok_or_else(too_long)?;
        return Ok(written(product, one + other));
    }
    let (Some(left), Some(right)) = (widened(left, one), widened(right, other)) else {
        return Err(too_long());
    };
    let result = match op {
        '+' => left.checked_add(right),
        '-' => left.checked_sub(right),
        _ if right == 0 => return failed(ErrorKind::DivisionByZero, "division by zero"),
        _ => left.checked_rem(right),
    };
    Ok(written(result.ok_or_else(too_long)?, scale))
}

fn written(number: i128, scale: u32) -> String {
    let scale = i8::try_from(scale).unwrap_or(i8::MAX);
    crate::query::text::numeric_text(&number.to_string(), scale)
}
