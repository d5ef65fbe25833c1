//! Postgres' date patterns: `YYYY-MM-DD HH24:MI:SS` and their like, read into fields.
//!
//! Its one idea: what is not known to be done right is refused with 0A000, never copied through.

use crate::error::{Error, ErrorKind, Result};

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it stands.
    Literal(String),
    /// A field of the date.
    Field {
        /// Which.
        field: Field,
        /// `FM`: no padding.
        plain: bool,
    },
}

/// The fields that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Year,
    YearOfCentury,
    IsoYear,
    Month,
    MonthName(Case),
    MonthShort(Case),
    Day,
    DayOfYear,
    DayOfWeek,
    IsoDayOfWeek,
    DayName(Case),
    DayShort(Case),
    Week,
    IsoWeek,
    Quarter,
    Hour24,
    Hour12,
    Minute,
    Second,
    SecondOfDay,
    Millisecond,
    Microsecond,
    Meridiem(Case),
}

/// How a name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Upper,
    Capital,
    Lower,
}

/// Longer keywords stand before those they begin with.
const KNOWN: &[(&str, Field)] = &[
    ("YYYY", Field::Year),
    ("YY", Field::YearOfCentury),
    ("IYYY", Field::IsoYear),
    ("MONTH", Field::MonthName(Case::Upper)),
    ("Month", Field::MonthName(Case::Capital)),
    ("month", Field::MonthName(Case::Lower)),
    ("MON", Field::MonthShort(Case::Upper)),
    ("Mon", Field::MonthShort(Case::Capital)),
    ("mon", Field::MonthShort(Case::Lower)),
    ("MM", Field::Month),
    ("MI", Field::Minute),
    ("MS", Field::Millisecond),
    ("DAY", Field::DayName(Case::Upper)),
    ("Day", Field::DayName(Case::Capital)),
    ("day", Field::DayName(Case::Lower)),
    ("DY", Field::DayShort(Case::Upper)),
    ("Dy", Field::DayShort(Case::Capital)),
    ("dy", Field::DayShort(Case::Lower)),
    ("DDD", Field::DayOfYear),
    ("DD", Field::Day),
    ("D", Field::DayOfWeek),
    ("IW", Field::IsoWeek),
    ("ID", Field::IsoDayOfWeek),
    ("WW", Field::Week),
    ("Q", Field::Quarter),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("SSSSS", Field::SecondOfDay),
    ("SSSS", Field::SecondOfDay),
    ("SS", Field::Second),
    ("US", Field::Microsecond),
    ("AM", Field::Meridiem(Case::Upper)),
    ("PM", Field::Meridiem(Case::Upper)),
    ("am", Field::Meridiem(Case::Lower)),
    ("pm", Field::Meridiem(Case::Lower)),
];

/// Keywords of Postgres that are not done here.
const REFUSED: &[&str] = &[
    "Y,YYY", "YYY", "Y", "IYY", "IY", "IDDD", "I", "BC", "B.C.", "AD", "A.D.", "A.M.", "P.M.", "J",
    "CC", "RM", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "TZH", "TZM", "TZ", "OF", "TM", "TH",
    "FX", "SP", "W",
];

/// Reads a pattern.
///
/// # Errors
/// `FeatureNotSupported` naming the keyword that is not done.
pub(crate) fn parse(pattern: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    let mut plain = false;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = strip_keyword(rest, "FM") {
            plain = true;
            rest = after;
        } else if next == '"' {
            let body = rest.get(1..).unwrap_or_default();
            let end = body.find('"').unwrap_or(body.len());
            literal(&mut pieces, body.get(..end).unwrap_or_default());
            rest = body.get(end + 1..).unwrap_or_default();
        } else if let Some((field, after)) = known(rest) {
            if strip_keyword(after, "TH").is_some() && !after.starts_with(' ') {
                return Err(refused("TH"));
            }
            pieces.push(Piece::Field { field, plain });
            plain = false;
            rest = after;
        } else if let Some(keyword) =
            REFUSED.iter().find(|keyword| strip_keyword(rest, keyword).is_some())
        {
            return Err(refused(keyword));
        } else {
            literal(&mut pieces, rest.get(..next.len_utf8()).unwrap_or_default());
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
    Ok(pieces)
}

fn refused(keyword: &str) -> Error {
    Error::new(
        ErrorKind::FeatureNotSupported,
        format!("the date pattern \"{keyword}\" is not supported"),
    )
    .hint("Put text that is to be copied in double quotes.")
}

fn known(rest: &str) -> Option<(Field, &str)> {
    // Names are told apart by case; numbers are not.
    KNOWN
        .iter()
        .filter(|(keyword, _)| {
            !REFUSED.iter().any(|refused| {
                refused.len() > keyword.len() && strip_keyword(rest, refused).is_some()
            })
        })
        .find_map(|(keyword, field)| rest.strip_prefix(keyword).map(|after| (*field, after)))
        .or_else(|| {
            KNOWN.iter().find_map(|(keyword, field)| {
                strip_keyword(rest, keyword).map(|after| (*field, after))
            })
        })
}

fn strip_keyword<'a>(text: &'a str, keyword: &str) -> Option<&'a str> {
    let head = text.get(..keyword.len())?;
    if head.eq_ignore_ascii_case(keyword) { text.get(keyword.len()..) } else { None }
}

fn literal(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Literal(before)) => before.push_str(text),
        _ => pieces.push(Piece::Literal(text.to_owned())),
    }
}
