//! Numbers as Postgres prints and sends them: shortest floats, exact numerics.

use bytes::{BufMut, BytesMut};

/// Appends a float's shortest text that reads back as the same value.
///
/// Postgres uses an exponent below 1e-4 and from `digits` digits before the point on (15 for
/// float8, 6 for float4).
pub(super) fn put_float<F: std::fmt::LowerExp + Into<f64> + Copy>(
    value: F,
    digits: i32,
    out: &mut BytesMut,
) {
    let wide: f64 = value.into();
    if wide.is_nan() {
        return out.put_slice(b"NaN");
    }
    if wide.is_infinite() {
        return out.put_slice(if wide > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits {
        out.put_slice(mantissa.as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        out.put_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
        return;
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    out.put_slice(sign.as_bytes());
    let figures: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    put_point(&figures, exponent + 1, out);
}

/// Appends `figures` with the point after `before` of them (which may lie outside).
fn put_point(figures: &[u8], before: i32, out: &mut BytesMut) {
    let Ok(before) = usize::try_from(before) else {
        out.put_slice(b"0.");
        out.put_bytes(b'0', before.unsigned_abs() as usize);
        return out.put_slice(figures);
    };
    if before == 0 {
        out.put_slice(b"0.");
        out.put_slice(figures);
    } else if figures.len() <= before {
        out.put_slice(figures);
        out.put_bytes(b'0', before - figures.len());
    } else {
        out.put_slice(&figures[..before]);
        out.put_u8(b'.');
        out.put_slice(&figures[before..]);
    }
}

/// The text of a decimal: `unscaled` is the integer's text, with `scale` digits after the point.
pub(in crate::server::pgwire) fn numeric_text(unscaled: &str, scale: i8) -> String {
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

/// Appends a decimal as Postgres sends it: groups of four digits, base 10000.
pub(super) fn put_numeric_binary(unscaled: &str, scale: i8, out: &mut BytesMut) {
    let text = numeric_text(unscaled, scale);
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.as_str()),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = Vec::with_capacity(text.len() / 4 + 2);
    let lead = whole.len() % 4;
    if lead > 0 {
        groups.push(group(&whole[..lead]));
    }
    groups.extend(whole.as_bytes()[lead..].chunks(4).map(group_of_bytes));
    let mut weight = groups.len() as i16 - 1;
    for chunk in fraction.as_bytes().chunks(4) {
        // The last group of the fraction is filled up on its right.
        let filled = group_of_bytes(chunk) * 10_i16.pow(4 - chunk.len() as u32);
        groups.push(filled);
    }
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= leading as i16;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    out.put_i16(groups.len() as i16);
    out.put_i16(weight);
    out.put_u16(if negative && !groups.is_empty() { 0x4000 } else { 0 });
    out.put_i16(fraction.len() as i16);
    for group in groups {
        out.put_i16(group);
    }
}

fn group(figures: &str) -> i16 {
    group_of_bytes(figures.as_bytes())
}

fn group_of_bytes(figures: &[u8]) -> i16 {
    figures.iter().fold(0, |sum, figure| sum * 10 + i16::from(figure - b'0'))
}
