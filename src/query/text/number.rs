//! Numbers as Postgres prints them: shortest floats, exact numerics.

use std::fmt::Write;

/// Appends a float's shortest text that reads back as the same value.
///
/// Postgres uses an exponent below 1e-4 and from `digits` digits before the point on (15 for
/// float8, 6 for float4).
pub fn put_float<F: std::fmt::LowerExp + Into<f64> + Copy>(
    value: F,
    digits: i32,
    out: &mut impl Write,
) {
    // Writing to a growing buffer cannot fail.
    let _ = write_float(value, digits, out);
}

fn write_float<F: std::fmt::LowerExp + Into<f64> + Copy>(
    value: F,
    digits: i32,
    out: &mut impl Write,
) -> std::fmt::Result {
    let wide: f64 = value.into();
    if wide.is_nan() {
        return out.write_str("NaN");
    }
    if wide.is_infinite() {
        return out.write_str(if wide > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits {
        let sign = if exponent < 0 { '-' } else { '+' };
        return write!(out, "{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    out.write_str(sign)?;
    let figures: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    write_point(&figures, exponent + 1, out)
}

/// Appends `figures` with the point after `before` of them (which may lie outside).
fn write_point(figures: &str, before: i32, out: &mut impl Write) -> std::fmt::Result {
    let Ok(before) = usize::try_from(before) else {
        return write!(out, "0.{}{figures}", "0".repeat(before.unsigned_abs() as usize));
    };
    if before == 0 {
        return write!(out, "0.{figures}");
    }
    match figures.split_at_checked(before) {
        Some((whole, "")) => out.write_str(whole),
        Some((whole, fraction)) => write!(out, "{whole}.{fraction}"),
        None => write!(out, "{figures:0<before$}"),
    }
}

/// The text of a decimal: `unscaled` is the integer's text, with `scale` digits after the point.
pub fn numeric_text(unscaled: &str, scale: i8) -> String {
    let (sign, figures) = match unscaled.strip_prefix('-') {
        Some(figures) => ("-", figures),
        None => ("", unscaled),
    };
    let Ok(scale) = usize::try_from(scale) else {
        if figures == "0" {
            return "0".to_owned();
        }
        return format!("{sign}{figures}{}", "0".repeat(scale.unsigned_abs() as usize));
    };
    if scale == 0 {
        return unscaled.to_owned();
    }
    if figures.len() > scale {
        let (whole, fraction) = figures.split_at(figures.len() - scale);
        return format!("{sign}{whole}.{fraction}");
    }
    format!("{sign}0.{figures:0>scale$}")
}

/// A number of json as `numeric` prints it.
pub(super) fn without_exponent(number: &str) -> String {
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else {
        return if number == "-0" { "0".to_owned() } else { number.to_owned() };
    };
    let Ok(exponent) = exponent.parse::<i32>() else { return number.to_owned() };
    if exponent.unsigned_abs() > 1000 {
        return number.to_owned();
    }
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).unwrap_or(0) + exponent;
    if point <= 0 {
        let zeros = "0".repeat(usize::try_from(-point).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    }
    let point = usize::try_from(point).unwrap_or(0);
    if point >= digits.len() {
        let plain = format!("{digits}{}", "0".repeat(point - digits.len()));
        let plain = plain.trim_start_matches('0');
        return if plain.is_empty() { "0".to_owned() } else { format!("{sign}{plain}") };
    }
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    format!("{sign}{}.{fraction}", if whole.is_empty() { "0" } else { whole })
}
