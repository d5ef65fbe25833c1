//! Dates and times as text: ISO by default, or by a pattern in Java's letters.
//!
//! A value either reads as a whole or not at all; nothing is guessed. Knows no columns.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveDate, NaiveTime};

use crate::error::{Error, ErrorKind, Result};

/// A `dateFormat` or `timestampFormat`, ready to read values.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    items: Vec<Item<'static>>,
}

impl Pattern {
    /// Reads a pattern such as `dd/MM/yyyy HH:mm`.
    ///
    /// # Errors
    /// `FeatureNotSupported` naming a letter that has no meaning here.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let format = strftime(text)?;
        let items = StrftimeItems::new(&format).parse_to_owned().map_err(|_| {
            Error::new(ErrorKind::InvalidParameterValue, format!("invalid date pattern \"{text}\""))
        })?;
        Ok(Self { items })
    }

    fn read(&self, text: &str) -> Option<Parsed> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        Some(parsed)
    }

    /// The day, when `text` matches.
    pub(crate) fn date(&self, text: &str) -> Option<NaiveDate> {
        self.read(text)?.to_naive_date().ok()
    }

    /// Microseconds of the time as written, and whether an offset was written (the microseconds are
    /// then UTC).
    pub(crate) fn timestamp(&self, text: &str) -> Option<(i64, bool)> {
        let parsed = self.read(text)?;
        if parsed.offset().is_some() {
            return Some((parsed.to_datetime().ok()?.timestamp_micros(), true));
        }
        let date = parsed.to_naive_date().ok()?;
        let time = match parsed.to_naive_time() {
            Ok(time) => time,
            // A pattern without any time of day means its beginning.
            Err(_) if parsed.hour_mod_12().is_none() => NaiveTime::MIN,
            Err(_) => return None,
        };
        Some((date.and_time(time).and_utc().timestamp_micros(), false))
    }
}

/// Java's letters to chrono's.
fn strftime(pattern: &str) -> Result<String> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut format = String::new();
    let mut at = 0;
    while at < characters.len() {
        let character = characters[at];
        if character == '\'' {
            at = quoted_literal(&characters, at, &mut format);
            continue;
        }
        if !character.is_ascii_alphabetic() {
            match character {
                '%' => format.push_str("%%"),
                '[' | ']' => return Err(unsupported(pattern, character)),
                _ => format.push(character),
            }
            at += 1;
            continue;
        }
        let run = characters[at..].iter().take_while(|c| **c == character).count();
        push_field(pattern, character, run, &mut format)?;
        at += run;
    }
    Ok(format)
}

fn push_field(pattern: &str, letter: char, run: usize, format: &mut String) -> Result<()> {
    let field = match (letter, run) {
        ('y' | 'u', 2) => "%y",
        ('y' | 'u', _) => "%Y",
        ('M' | 'L', 1 | 2) => "%m",
        ('M' | 'L', 3) => "%b",
        ('M' | 'L', 4) => "%B",
        ('d', _) => "%d",
        ('D', _) => "%j",
        ('H' | 'k', _) => "%H",
        ('h' | 'K', _) => "%I",
        ('m', _) => "%M",
        ('s', _) => "%S",
        ('S', _) if format.ends_with('.') => {
            format.pop();
            "%.f"
        }
        ('S', 3) => "%3f",
        ('S', 6) => "%6f",
        ('S', 9) => "%9f",
        ('a', _) => "%p",
        ('E', 1..=3) => "%a",
        ('E', _) => "%A",
        ('X' | 'x' | 'Z', _) => "%#z",
        _ => return Err(unsupported(pattern, letter)),
    };
    format.push_str(field);
    Ok(())
}

/// Copies `'text'`; two quotes in a row are one. Returns the position behind it.
fn quoted_literal(characters: &[char], open: usize, format: &mut String) -> usize {
    if characters.get(open + 1) == Some(&'\'') {
        format.push('\'');
        return open + 2;
    }
    let mut at = open + 1;
    while at < characters.len() && characters[at] != '\'' {
        if characters[at] == '%' {
            format.push('%');
        }
        format.push(characters[at]);
        at += 1;
    }
    at + 1
}

fn unsupported(pattern: &str, letter: char) -> Error {
    Error::unsupported(format!("\"{letter}\" in the date pattern \"{pattern}\""))
        .hint("Letters understood are y M d D H h m s S a E X Z and quoted text.")
}

/// `yyyy-mm-dd`.
pub(crate) fn iso_date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = number(&bytes[..4])?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(&bytes[5..7])?, number(&bytes[8..])?)
}

/// `yyyy-mm-dd`, then optionally `T` or a blank, `hh:mm`, seconds, fraction, `Z` or an offset.
/// Microseconds, and whether an offset was written (they are then UTC).
pub(crate) fn iso_timestamp(text: &str) -> Option<(i64, bool)> {
    let day = iso_date(text.get(..10)?)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some((day.and_time(NaiveTime::MIN).and_utc().timestamp_micros(), false));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let time = day.and_time(time_of_day(clock.trim_end())?);
    let micros = time.and_utc().timestamp_micros();
    match zone {
        "" => Some((micros, false)),
        "Z" | "z" => Some((micros, true)),
        _ => Some((micros.checked_sub(offset_micros(zone)?)?, true)),
    }
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    let bytes = text.as_bytes();
    if bytes.len() < 5 || bytes[2] != b':' {
        return None;
    }
    let (hour, minute) = (number(&bytes[..2])?, number(&bytes[3..5])?);
    if bytes.len() == 5 {
        return NaiveTime::from_hms_opt(hour, minute, 0);
    }
    if bytes.len() < 8 || bytes[5] != b':' {
        return None;
    }
    let second = number(&bytes[6..8])?;
    let micros = match &bytes[8..] {
        [] => 0,
        [b'.' | b',', digits @ ..] if (1..=9).contains(&digits.len()) => {
            let scaled = number(digits)?.checked_mul(10_u32.pow(9 - digits.len() as u32))?;
            // Finer than a microsecond is more than a column can keep.
            if scaled % 1000 != 0 {
                return None;
            }
            scaled / 1000
        }
        _ => return None,
    };
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros)
}

fn offset_micros(zone: &str) -> Option<i64> {
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours = number(&digits.as_bytes()[..2])?;
    let minutes = if digits.len() == 4 { number(&digits.as_bytes()[2..])? } else { 0 };
    (hours <= 15 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60) * 1_000_000)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| u32::from(digit - b'0'))
            .and_then(|digit| value.checked_mul(10)?.checked_add(digit))
    })
}

/// Days since 1970-01-01.
pub(crate) fn epoch_days(date: NaiveDate) -> i32 {
    let epoch = DateTime::UNIX_EPOCH.date_naive();
    date.signed_duration_since(epoch).num_days() as i32
}

/// Whether a table can keep it: the years 1 to 9999.
pub(crate) fn storable(micros: i64) -> bool {
    const YEAR_1: i64 = -62_135_596_800_000_000;
    const YEAR_10000: i64 = 253_402_300_800_000_000;
    (YEAR_1..YEAR_10000).contains(&micros)
}
