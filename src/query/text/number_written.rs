//! A number as a pattern writes it: `to_char(1234.5, 'FM9G999D00')`.
//!
//! Its one idea: the number's digits and the pattern's places are walked side by side, as Postgres walks them, so
//! that its corners (a sign before the first digit, a point that goes with its zeros) come out as there.

use super::number_pattern::{Key, LocaleSign, Pattern, Piece, Summary};
use super::number_words::{ordinal, roman};

/// Digits that a double holds for certain, and those a real does.
const DOUBLE_DIGITS: usize = 15;
const REAL_DIGITS: usize = 6;

/// A number on its way to a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Whole(i64),
    /// Units of `10^-scale`.
    Exact(i128, u32),
    Double(f64),
    Real(f32),
}

/// `number` as `pattern` writes it.
pub(crate) fn written(pattern: &Pattern, number: Number) -> String {
    let mut summary = pattern.summary.clone();
    if summary.exponent {
        return scientific(&summary, number);
    }
    if summary.roman {
        let text = roman(whole_of(number));
        return Writer::new(roman_summary(&summary), text.into_bytes(), 0, b' ').all(pattern);
    }
    let digits = plain(&mut summary, number);
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => (b'-', digits.to_owned()),
        None => (b'+', digits),
    };
    let whole = digits.find('.').unwrap_or(digits.len());
    if whole > summary.before {
        let hashes = |count| "#".repeat(count);
        let text = format!("{}.{}", hashes(summary.before), hashes(summary.after));
        return Writer::new(summary, text.into_bytes(), 0, sign).all(pattern);
    }
    let spaces = summary.before - whole;
    Writer::new(summary, digits.into_bytes(), spaces, sign).all(pattern)
}

/// The digits that the pattern has places for.
fn plain(summary: &mut Summary, number: Number) -> String {
    let shifted = u32::try_from(summary.shifted).unwrap_or(u32::MAX);
    summary.before += summary.shifted;
    let after = summary.after;
    match number {
        Number::Whole(value) => {
            let value = i128::from(value).saturating_mul(10_i128.saturating_pow(shifted));
            let point = if after > 0 { "." } else { "" };
            format!("{value}{point}{}", "0".repeat(after))
        }
        Number::Exact(units, scale) => {
            let left = scale.saturating_sub(shifted);
            let units = units.saturating_mul(10_i128.saturating_pow(shifted.saturating_sub(scale)));
            rounded(units, left, after)
        }
        Number::Double(value) => {
            float(summary, value * 10_f64.powi(i32::try_from(shifted).unwrap_or(0)), DOUBLE_DIGITS)
        }
        Number::Real(value) => float(
            summary,
            f64::from(value) * 10_f64.powi(i32::try_from(shifted).unwrap_or(0)),
            REAL_DIGITS,
        ),
    }
}

fn float(summary: &mut Summary, value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let whole = format!("{:.0}", value.abs()).len();
    summary.after = summary.after.min(digits.saturating_sub(whole));
    format!("{value:.*}", summary.after)
}

/// Units of `10^-scale` with so many digits after the point, halves away from zero.
fn rounded(units: i128, scale: u32, after: usize) -> String {
    let wanted = u32::try_from(after).unwrap_or(u32::MAX);
    let mut magnitude = units.unsigned_abs();
    let mut zeros = 0;
    if wanted < scale {
        let divisor = 10_u128.saturating_pow(scale - wanted);
        let half = magnitude % divisor >= divisor.div_ceil(2);
        magnitude = magnitude / divisor + u128::from(half);
    } else {
        zeros = (wanted - scale) as usize;
    }
    let kept = scale.min(wanted) as usize;
    let digits = format!("{magnitude:0>width$}", width = kept + 1);
    let (whole, fraction) = digits.split_at(digits.len() - kept);
    let sign = if units < 0 && magnitude != 0 { "-" } else { "" };
    let point = if after > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}{}", "0".repeat(zeros))
}

/// `d.ddde+dd`.
fn scientific(summary: &Summary, number: Number) -> String {
    let after = summary.after;
    let text = match number {
        Number::Whole(value) => of_digits(i128::from(value), 0, after),
        Number::Exact(units, scale) => of_digits(units, scale, after),
        Number::Double(value) if value.is_finite() => format!("{value:.after$e}"),
        Number::Real(value) if value.is_finite() => format!("{:.after$e}", f64::from(value)),
        Number::Double(_) | Number::Real(_) => {
            let hashes = |count| "#".repeat(count);
            return format!(" {}.{}", hashes(summary.before), hashes(after + 4));
        }
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let blank = if mantissa.starts_with('-') { "" } else { " " };
    format!("{blank}{mantissa}e{sign}{exponent:0>2}")
}

fn of_digits(units: i128, scale: u32, after: usize) -> String {
    if units == 0 {
        let point = if after > 0 { "." } else { "" };
        return format!("0{point}{}e0", "0".repeat(after));
    }
    let magnitude = units.unsigned_abs();
    let count = magnitude.to_string().len();
    let exponent = |count: usize| i64::try_from(count).unwrap_or(0) - 1 - i64::from(scale);
    let behind = u32::try_from(count - 1).unwrap_or(0);
    let signed = i128::try_from(magnitude).unwrap_or(i128::MAX) * units.signum();
    let mut text = rounded(signed, behind, after);
    let mut power = exponent(count);
    // 9.99 may have become 10.0.
    if text.trim_start_matches('-').starts_with("10") {
        text = text.replacen("10", "1", 1);
        power += 1;
    }
    format!("{text}e{power}")
}

fn whole_of(number: Number) -> i64 {
    match number {
        Number::Whole(value) => value,
        Number::Exact(units, scale) => rounded(units, scale, 0).parse().unwrap_or(0),
        Number::Double(value) => value.round_ties_even() as i64,
        Number::Real(value) => value.round_ties_even() as i64,
    }
}

/// Of a pattern with Roman digits only their filling counts.
fn roman_summary(summary: &Summary) -> Summary {
    Summary { fill: summary.fill, roman: true, ..Summary::default() }
}

/// What has been written, and how far.
struct Writer {
    summary: Summary,
    /// The digits, and the next of them.
    number: Vec<u8>,
    at: usize,
    /// Places of the pattern before the first digit.
    spaces: usize,
    sign: u8,
    sign_written: bool,
    /// Whether a digit has been written.
    begun: bool,
    place: usize,
    places: usize,
    /// The last digit after the point that is no zero to be left out.
    last_relevant: Option<usize>,
    text: String,
}

impl Writer {
    fn new(mut summary: Summary, number: Vec<u8>, spaces: usize, sign: u8) -> Self {
        summary.zero_start = summary.zero_start.saturating_sub(1);
        let sign_written = if summary.plus || summary.minus {
            // They write the sign themselves.
            !summary.plus || summary.minus
        } else {
            if sign != b'-' && summary.bracket && summary.fill {
                summary.bracket = false;
            }
            let signed = summary.locale_sign != LocaleSign::Absent;
            if summary.locale_sign == LocaleSign::Before && summary.before == summary.before_sign {
                summary.locale_sign = LocaleSign::Behind;
            }
            sign == b'+' && summary.fill && !signed
        };
        let mut places = (summary.after + summary.before).saturating_sub(1);
        if !sign_written && spaces == 0 {
            places += 1;
        }
        let last_relevant = (summary.fill && summary.point)
            .then(|| last_relevant(&number, &summary, spaces))
            .flatten();
        let (begun, text) = (false, String::new());
        let (at, place) = (0, 0);
        Self {
            summary,
            number,
            at,
            spaces,
            sign,
            sign_written,
            begun,
            place,
            places,
            last_relevant,
            text,
        }
    }

    fn all(mut self, pattern: &Pattern) -> String {
        for piece in &pattern.pieces {
            match piece {
                Piece::Text(text) => self.text.push(*text),
                Piece::Key(key) => self.key(*key),
            }
        }
        self.text
    }

    fn key(&mut self, key: Key) {
        let fill = self.summary.fill;
        match key {
            Key::Nine | Key::Zero | Key::Point | Key::LocalePoint => self.place(key),
            Key::Comma | Key::Group if self.begun => self.text.push(','),
            Key::Comma | Key::Group if !fill => self.text.push(' '),
            Key::Currency => self.text.push(' '),
            Key::Roman { lower } => {
                let text = String::from_utf8_lossy(&self.number).into_owned();
                let text = if lower { text.to_lowercase() } else { text };
                let width = if fill { 0 } else { 15 };
                self.text.push_str(&format!("{text:>width$}"));
            }
            Key::Ordinal { lower } => {
                let hashes = self.number.first() == Some(&b'#');
                if !self.summary.roman && !hashes && self.sign != b'-' && !self.summary.point {
                    self.text.push_str(&ordinal(&self.number, lower));
                }
            }
            Key::Minus if self.sign == b'-' => self.text.push('-'),
            Key::Plus if self.sign == b'+' => self.text.push('+'),
            Key::Minus | Key::Plus if !fill => self.text.push(' '),
            Key::Sign => self.text.push(char::from(self.sign)),
            _ => {}
        }
    }

    fn digit(&self, at: usize) -> u8 {
        self.number.get(at).copied().unwrap_or(0)
    }

    fn ends_at_point(&self) -> bool {
        self.last_relevant.is_some_and(|last| self.digit(last) == b'.')
    }

    /// Whether the next digit is the zero of `0.1`, for which the pattern has no zero.
    fn is_leading_zero(&self) -> bool {
        !self.summary.zero && self.at == 0 && self.digit(0) == b'0' && self.summary.after != 0
    }

    fn place(&mut self, key: Key) {
        if self.summary.roman {
            return;
        }
        self.begun = false;
        let zero_here = self.summary.zero && self.summary.zero_start <= self.place;
        let reached =
            self.place >= self.spaces || self.summary.zero && self.summary.zero_start == self.place;
        if !self.sign_written && reached && (!self.is_leading_zero() || self.ends_at_point()) {
            self.write_sign();
        }
        if self.place < self.spaces && !zero_here {
            if !self.summary.fill {
                self.text.push(' ');
            }
        } else if self.place < self.spaces {
            self.text.push('0');
            self.begun = true;
        } else {
            self.digit_or_point(key);
            if self.at < self.number.len() {
                self.at += 1;
            }
        }
        self.end_of_number();
        self.place += 1;
    }

    fn write_sign(&mut self) {
        let sign = char::from(self.sign);
        if self.summary.locale_sign != LocaleSign::Absent {
            if self.summary.locale_sign == LocaleSign::Before {
                self.text.push(sign);
                self.sign_written = true;
            }
            return;
        }
        if self.summary.bracket {
            self.text.push(if self.sign == b'+' { ' ' } else { '<' });
        } else if self.sign == b'-' {
            self.text.push('-');
        } else if !self.summary.fill {
            self.text.push(' ');
        }
        self.sign_written = true;
    }

    fn digit_or_point(&mut self, key: Key) {
        let next = self.digit(self.at);
        if next == b'.' {
            if !self.ends_at_point() || self.summary.fill {
                self.text.push('.');
            }
            return;
        }
        if self.last_relevant.is_some_and(|last| self.at > last) && key != Key::Zero {
            return;
        }
        if self.is_leading_zero() {
            if !self.summary.fill {
                self.text.push(' ');
            } else if self.ends_at_point() {
                self.text.push('0');
            }
            return;
        }
        if next != 0 {
            self.text.push(char::from(next));
        }
        self.begun = true;
    }

    /// What stands behind the last digit.
    fn end_of_number(&mut self) {
        let mut end = self.places + usize::from(self.spaces > 0) + usize::from(self.summary.point);
        if self.last_relevant == Some(self.at) {
            end = self.place;
        }
        if self.place + 1 != end {
            return;
        }
        if self.sign_written && self.summary.bracket {
            self.text.push(if self.sign == b'+' { ' ' } else { '>' });
        } else if self.summary.locale_sign == LocaleSign::Behind {
            self.text.push(char::from(self.sign));
        }
    }
}

fn last_relevant(number: &[u8], summary: &Summary, spaces: usize) -> Option<usize> {
    let point = number.iter().position(|digit| *digit == b'.')?;
    let last =
        number.iter().rposition(|digit| *digit != b'0').map_or(point, |last| last.max(point));
    if summary.zero_end > spaces {
        let zero = (number.len() - 1).min(summary.zero_end - spaces);
        return Some(last.max(zero));
    }
    Some(last)
}
