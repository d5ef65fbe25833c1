//! Postgres' patterns of numbers: `FM999G990D00` and their like, read into pieces.
//!
//! Its one idea: what a piece writes depends on the whole pattern, so the whole is summed up while it is read.
//! Knows nothing of the number that is written.

use crate::error::{Error, ErrorKind, Result};

use super::number_read;
use super::number_written::{self, Number};

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Key(Key),
    /// Text as it stands.
    Text(char),
}

/// The keywords of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Comma,
    Point,
    Zero,
    Nine,
    Blank,
    LocalePoint,
    Exponent,
    Fill,
    Group,
    Currency,
    Minus,
    Plus,
    Bracket,
    Roman {
        lower: bool,
    },
    Sign,
    LocaleSign,
    Ordinal {
        lower: bool,
    },
    Shift,
    /// Known to Postgres, and nothing to it.
    Nothing,
}

/// Longer keywords stand before those they begin with.
const KEYS: [(&str, Key); 36] = [
    (",", Key::Comma),
    (".", Key::Point),
    ("0", Key::Zero),
    ("9", Key::Nine),
    ("B", Key::Blank),
    ("C", Key::Nothing),
    ("D", Key::LocalePoint),
    ("EEEE", Key::Exponent),
    ("FM", Key::Fill),
    ("G", Key::Group),
    ("L", Key::Currency),
    ("MI", Key::Minus),
    ("PL", Key::Plus),
    ("PR", Key::Bracket),
    ("RN", Key::Roman { lower: false }),
    ("SG", Key::Sign),
    ("SP", Key::Nothing),
    ("S", Key::LocaleSign),
    ("TH", Key::Ordinal { lower: false }),
    ("V", Key::Shift),
    ("b", Key::Blank),
    ("c", Key::Nothing),
    ("d", Key::LocalePoint),
    ("eeee", Key::Exponent),
    ("fm", Key::Fill),
    ("g", Key::Group),
    ("l", Key::Currency),
    ("mi", Key::Minus),
    ("pl", Key::Plus),
    ("pr", Key::Bracket),
    ("rn", Key::Roman { lower: true }),
    ("sg", Key::Sign),
    ("sp", Key::Nothing),
    ("s", Key::LocaleSign),
    ("th", Key::Ordinal { lower: true }),
    ("v", Key::Shift),
];

/// Where `S` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LocaleSign {
    #[default]
    Absent,
    Before,
    Behind,
}

/// The whole of a pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Places before and after the point, and those that `V` adds.
    pub(crate) before: usize,
    pub(crate) after: usize,
    pub(crate) shifted: usize,
    /// The first and the last place that is a zero; counted from one, none is zero.
    pub(crate) zero_start: usize,
    pub(crate) zero_end: usize,
    pub(crate) locale_sign: LocaleSign,
    pub(crate) before_sign: usize,
    pub(crate) point: bool,
    pub(crate) zero: bool,
    pub(crate) blank: bool,
    pub(crate) fill: bool,
    pub(crate) bracket: bool,
    pub(crate) minus: bool,
    pub(crate) plus: bool,
    pub(crate) roman: bool,
    pub(crate) shift: bool,
    pub(crate) exponent: bool,
}

/// A pattern, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) summary: Summary,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `SyntaxError` for keywords that do not go together.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut pattern = Self::default();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some((word, key)) = KEYS.iter().find(|(word, _)| rest.starts_with(word)) {
                pattern.summary.add(*key)?;
                pattern.pieces.push(Piece::Key(*key));
                rest = rest.get(word.len()..).unwrap_or_default();
            } else if next == '"' {
                rest = pattern.quoted(rest.get(1..).unwrap_or_default());
            } else {
                let escaped = rest.strip_prefix('\\').filter(|rest| rest.starts_with('"'));
                rest = escaped.unwrap_or(rest);
                let Some(next) = rest.chars().next() else { break };
                pattern.pieces.push(Piece::Text(next));
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
            }
        }
        Ok(pattern)
    }

    /// `number` as the pattern writes it.
    pub(crate) fn written(&self, number: Number) -> String {
        if self.pieces.is_empty() { String::new() } else { number_written::written(self, number) }
    }

    /// The digits of `text`, with their sign and their point.
    ///
    /// # Errors
    /// `FeatureNotSupported` for patterns that only write.
    pub(crate) fn read(&self, text: &str) -> Result<String> {
        number_read::read(self, text)
    }

    /// Places after the point.
    pub(crate) fn after(&self) -> usize {
        self.summary.after
    }

    /// Places that `V` moves the point by.
    pub(crate) fn shifted(&self) -> usize {
        self.summary.shifted
    }

    /// Takes what stands in double quotes; what comes after.
    fn quoted<'a>(&mut self, body: &'a str) -> &'a str {
        let mut chars = body.char_indices();
        while let Some((at, next)) = chars.next() {
            let taken = match next {
                '"' => return body.get(at + 1..).unwrap_or_default(),
                '\\' => chars.next().map_or(next, |(_, escaped)| escaped),
                other => other,
            };
            self.pieces.push(Piece::Text(taken));
        }
        ""
    }
}

fn wrong<T>(message: &str) -> Result<T> {
    Err(Error::new(ErrorKind::SyntaxError, message))
}

impl Summary {
    fn add(&mut self, key: Key) -> Result<()> {
        if self.exponent && key != Key::Exponent {
            return wrong("\"EEEE\" must be the last pattern used");
        }
        match key {
            Key::Nine | Key::Zero => return self.digit(key),
            Key::Blank => self.blank |= self.before == 0 && self.after == 0 && !self.zero,
            Key::Point | Key::LocalePoint => {
                if self.point {
                    return wrong("multiple decimal points");
                }
                if self.shift {
                    return wrong("cannot use \"V\" and decimal point together");
                }
                self.point = true;
            }
            Key::Fill => self.fill = true,
            Key::LocaleSign => return self.sign(),
            Key::Minus | Key::Plus | Key::Sign if self.locale_sign != LocaleSign::Absent => {
                let word = match key {
                    Key::Minus => "MI",
                    Key::Plus => "PL",
                    _ => "SG",
                };
                return wrong(&format!("cannot use \"S\" and \"{word}\" together"));
            }
            Key::Minus => self.minus = true,
            Key::Plus => self.plus = true,
            Key::Sign => (self.minus, self.plus) = (true, true),
            Key::Bracket => {
                if self.locale_sign != LocaleSign::Absent || self.plus || self.minus {
                    let message = "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together";
                    return wrong(message);
                }
                self.bracket = true;
            }
            Key::Roman { .. } => self.roman = true,
            Key::Shift => {
                if self.point {
                    return wrong("cannot use \"V\" and decimal point together");
                }
                self.shift = true;
            }
            Key::Exponent => return self.exponent(),
            Key::Comma | Key::Group | Key::Currency | Key::Ordinal { .. } | Key::Nothing => {}
        }
        Ok(())
    }

    fn digit(&mut self, key: Key) -> Result<()> {
        let zero = key == Key::Zero;
        if self.bracket {
            let digit = if zero { "0" } else { "9" };
            return wrong(&format!("\"{digit}\" must be ahead of \"PR\""));
        }
        if zero && !self.zero && !self.point {
            self.zero = true;
            self.zero_start = self.before + 1;
        }
        if !zero && self.shift {
            self.shifted += 1;
        } else if self.point {
            self.after += 1;
        } else {
            self.before += 1;
        }
        if zero {
            self.zero_end = self.before + self.after;
        }
        Ok(())
    }

    fn sign(&mut self) -> Result<()> {
        if self.locale_sign != LocaleSign::Absent {
            return wrong("cannot use \"S\" twice");
        }
        if self.plus || self.minus || self.bracket {
            return wrong("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
        }
        if self.point {
            self.locale_sign = LocaleSign::Behind;
        } else {
            self.locale_sign = LocaleSign::Before;
            self.before_sign = self.before;
        }
        Ok(())
    }

    fn exponent(&mut self) -> Result<()> {
        if self.exponent {
            return wrong("cannot use \"EEEE\" twice");
        }
        let signed = self.locale_sign != LocaleSign::Absent || self.minus || self.plus;
        if self.blank || self.fill || signed || self.bracket || self.roman || self.shift {
            let message = "\"EEEE\" is incompatible with other formats";
            return wrong(message).map_err(|error: Error| {
                error.detail(
                    "\"EEEE\" may only be used together with digit and decimal point patterns.",
                )
            });
        }
        self.exponent = true;
        Ok(())
    }
}
