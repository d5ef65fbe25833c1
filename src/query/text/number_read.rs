//! A number out of a text by a pattern: `to_number('1,234.5-', '9G999D9S')`.
//!
//! Its one idea: the pattern says what each place of the text may be; what is no digit there is passed over.

use crate::error::{Error, Result};

use super::number_pattern::{Key, LocaleSign, Pattern, Piece, Summary};

/// The digits of `text`, with their sign and their point.
///
/// # Errors
/// `FeatureNotSupported` for patterns that only write.
pub(crate) fn read(pattern: &Pattern, text: &str) -> Result<String> {
    let summary = &pattern.summary;
    if summary.exponent {
        return Err(Error::unsupported("\"EEEE\" for input"));
    }
    if summary.roman {
        return Err(Error::unsupported("\"RN\" for input"));
    }
    let mut reader = Reader {
        summary,
        text: text.as_bytes(),
        at: 0,
        sign: b' ',
        digits: String::new(),
        before: 0,
        after: 0,
        point: false,
    };
    for piece in &pattern.pieces {
        if reader.is_over() {
            break;
        }
        match piece {
            Piece::Text(_) => reader.at += reader.width(),
            Piece::Key(key) => reader.key(*key),
        }
    }
    let sign = if reader.sign == b'-' { "-" } else { "" };
    Ok(format!("{sign}{}", reader.digits.trim_end_matches('.')))
}

struct Reader<'a> {
    summary: &'a Summary,
    text: &'a [u8],
    at: usize,
    sign: u8,
    digits: String,
    before: usize,
    after: usize,
    point: bool,
}

impl Reader<'_> {
    fn is_over(&self) -> bool {
        self.at >= self.text.len()
    }

    fn here(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// Bytes of the character here.
    fn width(&self) -> usize {
        match self.here() {
            0xF0.. => 4,
            0xE0.. => 3,
            0xC0.. => 2,
            _ => 1,
        }
    }

    fn key(&mut self, key: Key) {
        match key {
            Key::Nine | Key::Zero | Key::Point | Key::LocalePoint => {
                self.place(matches!(key, Key::Nine | Key::Zero));
                self.at += 1;
            }
            // A group's comma is read where one stands.
            Key::Comma | Key::Group if self.here() == b',' && !self.summary.fill => self.at += 1,
            Key::Currency => self.pass(1),
            Key::Ordinal { .. } if self.sign != b'-' && !self.summary.point => self.pass(2),
            Key::Minus if self.here() == b'-' => self.take_sign(),
            Key::Plus if self.here() == b'+' => self.take_sign(),
            Key::Sign if matches!(self.here(), b'-' | b'+') => self.take_sign(),
            Key::Minus | Key::Plus | Key::Sign => self.pass(1),
            _ => {}
        }
    }

    fn take_sign(&mut self) {
        self.sign = self.here();
        self.at += 1;
    }

    /// Passes over what is no part of a number.
    fn pass(&mut self, characters: usize) {
        for _ in 0..characters {
            if self.is_over() || b"0123456789.,+-".contains(&self.here()) {
                return;
            }
            self.at += self.width();
        }
    }

    fn place(&mut self, digit: bool) {
        if self.here() == b' ' {
            self.at += 1;
        }
        if self.is_over() {
            return;
        }
        if self.sign == b' ' && digit && self.before + self.after == 0 {
            self.sign_before();
        }
        if self.is_over() {
            return;
        }
        let mut read = false;
        if self.here().is_ascii_digit() {
            if self.point && self.after == self.summary.after {
                return;
            }
            self.digits.push(char::from(self.here()));
            if self.point {
                self.after += 1;
            } else {
                self.before += 1;
            }
            read = true;
        } else if self.summary.point && !self.point && self.here() == b'.' {
            self.digits.push('.');
            self.point = true;
            read = true;
        }
        if self.sign == b' ' && self.before + self.after > 0 {
            self.sign_behind(read);
        }
    }

    fn sign_before(&mut self) {
        let here = self.here();
        if self.summary.locale_sign == LocaleSign::Before {
            if matches!(here, b'-' | b'+') {
                self.take_sign();
            }
        } else if here == b'-' || self.summary.bracket && here == b'<' {
            self.sign = b'-';
            self.at += 1;
        } else if here == b'+' {
            self.take_sign();
        }
    }

    fn sign_behind(&mut self, read: bool) {
        let signed = self.summary.locale_sign != LocaleSign::Absent;
        let next = self.text.get(self.at + 1).copied();
        if signed && read {
            // The sign stands right behind the last digit, and is passed with it.
            if let Some(sign @ (b'-' | b'+')) = next {
                self.sign = sign;
                self.at += 1;
            }
        } else if !read && !signed && (self.summary.plus || self.summary.minus) {
            let here = self.here();
            if matches!(here, b'-' | b'+') {
                self.sign = here;
            }
        }
    }
}
