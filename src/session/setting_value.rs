//! What values a setting takes, and the one spelling each is kept in.

use std::time::Duration;

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::error::{Error, ErrorKind, Result};
use crate::name::quote_identifier;

/// The kinds of setting.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// `on` or `off`.
    Bool,
    /// A whole number between two.
    Integer(i64, i64),
    /// A duration; a number without unit is milliseconds.
    Milliseconds,
    /// One of a few words.
    OneOf(&'static [&'static str]),
    /// An isolation level.
    Isolation,
    /// A style, and the order in which dates are read.
    DateStyle,
    /// An encoding by one of its names.
    Encoding,
    /// An IANA name or a whole number of hours.
    TimeZone,
    /// A list of schemas.
    SearchPath,
    /// A role's name; whether it may be set is the session's to decide.
    Role,
    /// Shown, never set.
    Fixed,
}

impl Kind {
    /// As `pg_settings` has it.
    pub(super) fn vartype(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Integer(..) | Kind::Milliseconds => "integer",
            Kind::OneOf(_) | Kind::Isolation => "enum",
            _ => "string",
        }
    }

    /// Who may set it.
    pub(super) fn context(self) -> &'static str {
        if matches!(self, Kind::Fixed) { "internal" } else { "user" }
    }

    pub(super) fn unit(self) -> Option<&'static str> {
        matches!(self, Kind::Milliseconds).then_some("ms")
    }

    pub(super) fn range(self) -> Option<(i64, i64)> {
        match self {
            Kind::Integer(least, most) => Some((least, most)),
            Kind::Milliseconds => Some((0, i64::from(i32::MAX))),
            _ => None,
        }
    }

    pub(super) fn words(&self) -> Option<&[&'static str]> {
        const LEVELS: &[&str] =
            &["serializable", "repeatable read", "read committed", "read uncommitted"];
        match self {
            Kind::OneOf(words) => Some(words),
            Kind::Isolation => Some(LEVELS),
            _ => None,
        }
    }

    /// Reads a value and spells it as SHOW prints it.
    pub(super) fn read(self, name: &str, values: &[String]) -> Result<String> {
        let text = values.join(", ");
        let lower = text.trim().to_ascii_lowercase();
        let invalid = || invalid_value(name, &text);
        match self {
            Kind::Text | Kind::Role | Kind::Fixed => Ok(text),
            Kind::Bool => match boolean(&lower) {
                Some(true) => Ok("on".to_owned()),
                Some(false) => Ok("off".to_owned()),
                None => Err(Error::new(
                    ErrorKind::InvalidParameterValue,
                    format!("parameter \"{name}\" requires a Boolean value"),
                )),
            },
            Kind::Integer(least, most) => {
                let value: i64 = lower.parse().map_err(|_| invalid())?;
                if value < least || value > most {
                    return Err(Error::new(
                        ErrorKind::InvalidParameterValue,
                        format!(
                            "{value} is outside the valid range for parameter \"{name}\" \
                             ({least} .. {most})"
                        ),
                    ));
                }
                Ok(value.to_string())
            }
            Kind::Milliseconds => Ok(duration_text(read_duration(&lower).ok_or_else(invalid)?)),
            Kind::OneOf(words) => words
                .iter()
                .find(|word| **word == lower || boolean_word(word, &lower))
                .map(|word| (*word).to_owned())
                .ok_or_else(|| invalid().hint(format!("Available values: {}.", words.join(", ")))),
            Kind::Isolation => match lower.as_str() {
                "read committed" | "read uncommitted" | "repeatable read" | "serializable" => {
                    Ok(lower)
                }
                _ => Err(invalid()),
            },
            Kind::DateStyle => date_style(&lower).ok_or_else(invalid),
            Kind::Encoding => encoding(&lower)
                .map(str::to_owned)
                .ok_or_else(|| invalid().hint(format!("There are {}.", ENCODINGS.join(", ")))),
            Kind::TimeZone => time_zone(text.trim()).ok_or_else(invalid),
            Kind::SearchPath => Ok(search_path(values)),
        }
    }
}

fn invalid_value(name: &str, value: &str) -> Error {
    Error::new(
        ErrorKind::InvalidParameterValue,
        format!("invalid value for parameter \"{name}\": \"{value}\""),
    )
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "yes" | "1" | "t" | "y" => Some(true),
        "off" | "false" | "no" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}

fn boolean_word(word: &str, text: &str) -> bool {
    match word {
        "on" => boolean(text) == Some(true),
        "off" => boolean(text) == Some(false),
        _ => false,
    }
}

const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];

/// Reads `250`, `250ms`, `5 s`, `1min`.
pub(super) fn read_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim();
    let scale = match unit {
        "" => 1,
        _ => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    let millis = number.checked_mul(scale)?;
    (millis <= i32::MAX as u64).then(|| Duration::from_millis(millis))
}

/// In the largest unit that divides it, as SHOW prints durations.
pub(super) fn duration_text(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0".to_owned();
    }
    let (name, scale) =
        UNITS.iter().find(|(_, scale)| millis % scale == 0).copied().unwrap_or(("ms", 1));
    format!("{}{name}", millis / scale)
}

/// How dates print, and the order in which ambiguous ones are read; what is not said stays ISO and MDY.
fn date_style(lower: &str) -> Option<String> {
    let (mut style, mut order) = ("ISO", "MDY");
    for word in lower.split([',', ' ']).filter(|word| !word.is_empty()) {
        match word {
            "iso" => style = "ISO",
            "sql" => style = "SQL",
            "german" => {
                style = "German";
                order = "DMY";
            }
            word if word.starts_with("postgres") => style = "Postgres",
            "default" => {}
            "mdy" | "us" | "noneuro" | "noneuropean" => order = "MDY",
            "dmy" | "euro" | "european" => order = "DMY",
            "ymd" => order = "YMD",
            _ => return None,
        }
    }
    Some(format!("{style}, {order}"))
}

/// The encodings that clients may have, as Postgres spells them.
const ENCODINGS: [&str; 30] = [
    "UTF8",
    "SQL_ASCII",
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "KOI8R",
    "KOI8U",
    "WIN866",
    "WIN874",
    "WIN1250",
    "WIN1251",
    "WIN1252",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1256",
    "WIN1257",
    "WIN1258",
    "EUC_JP",
    "EUC_KR",
];

/// The encoding's own name. As Postgres, it looks at letters and figures only.
fn encoding(lower: &str) -> Option<&'static str> {
    let letters = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    let asked = letters(lower);
    let name = match asked.as_str() {
        "unicode" => "utf8",
        "iso88591" => "latin1",
        "iso88592" => "latin2",
        "iso88593" => "latin3",
        "iso88594" => "latin4",
        "iso885910" => "latin6",
        "iso885913" => "latin7",
        "iso885914" => "latin8",
        "iso885915" => "latin9",
        "iso885916" => "latin10",
        "koi8" => "koi8r",
        "win" => "win1251",
        "alt" => "win866",
        other => match other.strip_prefix("windows") {
            Some(page) => return encoding(&format!("win{page}")),
            None => other,
        },
    };
    ENCODINGS.into_iter().find(|known| letters(known) == name)
}

/// The zone's own spelling.
fn time_zone(text: &str) -> Option<String> {
    if matches!(text.to_ascii_lowercase().as_str(), "local" | "default" | "z" | "utc") {
        return Some("UTC".to_owned());
    }
    if let Some(zone) = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(text)) {
        return Some(zone.name().to_owned());
    }
    // A number counts hours east; with a name or minutes it is POSIX, which counts them west.
    let east = match text.parse::<i32>() {
        Ok(hours) => hours,
        Err(_) => -posix_hours(text)?,
    };
    match east {
        0 => Some("UTC".to_owned()),
        hours @ 1..=14 => Some(format!("Etc/GMT-{hours}")),
        hours @ -12..=-1 => Some(format!("Etc/GMT+{}", -hours)),
        _ => None,
    }
}

/// Whole hours of `GMT+3`, `<+02>-02` or `-02:00`; other offsets have no zone here.
fn posix_hours(text: &str) -> Option<i32> {
    let offset = match text.strip_prefix('<') {
        Some(named) => named.split_once('>')?.1,
        None => {
            let name = text.bytes().take_while(u8::is_ascii_alphabetic).count();
            if name != 0 && name < 3 {
                return None;
            }
            &text[name..]
        }
    };
    let mut parts = offset.split(':');
    let hours = parts.next()?.parse().ok()?;
    parts.all(|part| part == "00").then_some(hours)
}

/// The zone of a setting's value; UTC when it names none.
pub(super) fn zone_of(text: &str) -> Tz {
    text.parse().unwrap_or(Tz::UTC)
}

/// Each value is one schema's name, as SET gives them.
fn search_path(values: &[String]) -> String {
    let quoted: Vec<String> = values
        .iter()
        .filter(|schema| !schema.is_empty())
        .map(|schema| quote_identifier(schema))
        .collect();
    quoted.join(", ")
}

/// The schemas a `search_path` names, unquoted; `None` when a quote is left open.
pub(super) fn split_search_path(text: &str) -> Option<Vec<String>> {
    let mut schemas = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (schema, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                (quoted[..end].to_owned(), quoted[end + 1..].trim_start())
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim().to_ascii_lowercase(), &rest[end..])
            }
        };
        if !schema.is_empty() {
            schemas.push(schema);
        }
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => "",
            None => return None,
        };
    }
    Some(schemas)
}
