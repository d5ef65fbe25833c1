//! Types that Arrow does not have and that are kept as text: addresses, ranges, times with a zone.
//!
//! Its one idea: equal values have equal texts, so that `=`, GROUP BY and joins are those of text; what
//! needs an order that texts do not have is refused where it is planned.

mod network;
mod numbers;
mod ranges;
mod timetz;

use std::borrow::Cow;

use chrono_tz::Tz;

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::TEXTUAL;

pub use network::Address;
pub(crate) use numbers::compared as compare_numbers;
pub use ranges::{Bound, Range, element, range_of, read_multirange};
pub use timetz::split as split_timetz;

/// The type's own spelling of its name, if it is one that is kept as text.
pub fn textual(name: &str) -> Option<&'static str> {
    TEXTUAL.into_iter().find(|known| *known == name)
}

/// Whether texts of the type have the order of its values.
pub(crate) fn is_ordered(name: &str) -> bool {
    name == "macaddr" || textual(name).is_none() && !matches!(name, "json" | "jsonb")
}

/// The text that is kept for what `text` says; `zone` is what a time without an offset means.
///
/// # Errors
/// `InvalidTextRepresentation` and other kinds of class 22; `FeatureNotSupported`.
pub fn read(name: &str, text: &str, zone: Tz) -> Result<String> {
    match name {
        "inet" => Ok(Address::read(text, false)?.text(false)),
        "cidr" => Ok(Address::read(text, true)?.text(true)),
        "macaddr" => network::macaddr(text),
        "timetz" => timetz::read(text, zone),
        "pg_lsn" => lsn(text),
        "tid" => tid(text),
        name if name.ends_with("multirange") => ranges::multirange_text(name, text, zone),
        name => Ok(Range::read(name, text, zone)?.text()),
    }
}

/// The text that a session in `zone` is shown for a kept one.
///
/// # Errors
/// Of the class 22, should the kept text be none of the type.
pub fn shown<'a>(name: &str, kept: &'a str, zone: Tz) -> Result<Cow<'a, str>> {
    match name {
        "tstzrange" if zone != Tz::UTC => {
            Ok(Cow::Owned(Range::read(name, kept, Tz::UTC)?.shown(zone)?))
        }
        "tstzmultirange" if zone != Tz::UTC => {
            let ranges = read_multirange(name, kept, Tz::UTC)?;
            let texts = ranges.iter().map(|range| range.shown(zone)).collect::<Result<Vec<_>>>()?;
            Ok(Cow::Owned(format!("{{{}}}", texts.join(","))))
        }
        _ => Ok(Cow::Borrowed(kept)),
    }
}

fn invalid(name: &str, text: &str) -> Error {
    let message = format!("invalid input syntax for type {name}: \"{text}\"");
    Error::new(ErrorKind::InvalidTextRepresentation, message)
}

/// `16/B374D848`.
fn lsn(text: &str) -> Result<String> {
    let half = |text: &str| {
        let figures = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(text, 16).ok().filter(|_| figures)
    };
    let halves = text.split_once('/').and_then(|(high, low)| Some((half(high)?, half(low)?)));
    let (high, low) = halves.ok_or_else(|| invalid("pg_lsn", text))?;
    Ok(format!("{high:X}/{low:X}"))
}

/// `(0,1)`: a block and a place in it.
fn tid(text: &str) -> Result<String> {
    let inner = text.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let parts = inner.and_then(|inner| inner.split_once(','));
    let numbers = parts.and_then(|(block, offset)| {
        Some((block.trim().parse::<u32>().ok()?, offset.trim().parse::<u16>().ok()?))
    });
    let (block, offset) = numbers.ok_or_else(|| invalid("tid", text))?;
    Ok(format!("({block},{offset})"))
}
