//! Binary parameters of types that are kept as text.

use std::net::IpAddr;

use arrow::datatypes::TimeUnit;
use bytes::Buf;
use chrono_tz::Tz;

use crate::error::{Error, Result};
use crate::query::text::{offset_text, time_text};
use crate::query::textual::{self, Address, Bound, Range};

use super::decode::{invalid_binary, numeric_text_from_binary};
use super::encode::{POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS, flags};

/// The text that is kept for a binary value.
pub(super) fn textual_from_binary(name: &str, bytes: &[u8]) -> Result<String> {
    match name {
        "inet" | "cidr" => address(name, bytes),
        "macaddr" => {
            let pairs = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
            if pairs.len() == 6 { Ok(pairs.join(":")) } else { Err(invalid_binary()) }
        }
        "timetz" => timetz(bytes),
        "pg_lsn" => {
            let value = u64::from_be_bytes(bytes.try_into().map_err(|_| invalid_binary())?);
            Ok(format!("{:X}/{:X}", value >> 32, value & u64::from(u32::MAX)))
        }
        "tid" => {
            let mut rest = bytes;
            let block = rest.try_get_u32().map_err(|_| invalid_binary())?;
            let offset = rest.try_get_u16().map_err(|_| invalid_binary())?;
            if rest.is_empty() { Ok(format!("({block},{offset})")) } else { Err(invalid_binary()) }
        }
        name => match textual::range_of(name) {
            Some(element) => multirange(name, element, bytes),
            None => Ok(range(name, bytes)?.text()),
        },
    }
}

fn address(name: &str, bytes: &[u8]) -> Result<String> {
    let [_family, bits, _is_cidr, length, rest @ ..] = bytes else { return Err(invalid_binary()) };
    if rest.len() != usize::from(*length) {
        return Err(invalid_binary());
    }
    let ip = if let Ok(octets) = <[u8; 4]>::try_from(rest) {
        IpAddr::from(octets)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(rest).map_err(|_| invalid_binary())?)
    };
    // Read again, which refuses masks that are too long and bits after a network's.
    let text = format!("{ip}/{bits}");
    let network = name == "cidr";
    Ok(Address::read(&text, network)?.text(network))
}

fn timetz(bytes: &[u8]) -> Result<String> {
    const DAY_MICROS: i64 = 86_400_000_000;
    let mut rest = bytes;
    let micros = rest.try_get_i64().map_err(|_| invalid_binary())?;
    // Postgres counts seconds west.
    let west = rest.try_get_i32().map_err(|_| invalid_binary())?;
    if !rest.is_empty() || !(0..=DAY_MICROS).contains(&micros) || west.abs() >= 16 * 3600 {
        return Err(invalid_binary());
    }
    Ok(format!("{}{}", time_text(micros, TimeUnit::Microsecond)?, offset_text(-west)))
}

fn multirange(name: &str, element: &str, bytes: &[u8]) -> Result<String> {
    let mut rest = bytes;
    let count = rest.try_get_u32().map_err(|_| invalid_binary())?;
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(range(element, counted(&mut rest)?)?.text());
    }
    if !rest.is_empty() {
        return Err(invalid_binary());
    }
    textual::read(name, &format!("{{{}}}", texts.join(",")), Tz::UTC)
}

fn counted<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = rest.try_get_i32().map_err(|_| invalid_binary())?;
    let length = usize::try_from(length).map_err(|_| invalid_binary())?;
    let (value, after) = rest.split_at_checked(length).ok_or_else(invalid_binary)?;
    *rest = after;
    Ok(value)
}

fn range(name: &str, bytes: &[u8]) -> Result<Range> {
    let (flags, mut rest) = bytes.split_first().ok_or_else(invalid_binary)?;
    if flags & flags::EMPTY != 0 {
        return Range::read(name, "empty", Tz::UTC);
    }
    let mut bound = |infinite: u8| -> Result<Option<Bound>> {
        if flags & infinite != 0 {
            return Ok(None);
        }
        bound(name, counted(&mut rest)?).map(Some)
    };
    let (lower, upper) = (bound(flags::LOWER_INFINITE)?, bound(flags::UPPER_INFINITE)?);
    if !rest.is_empty() {
        return Err(invalid_binary());
    }
    let inclusive = |flag: u8| flags & flag != 0;
    let (from, to) = (inclusive(flags::LOWER_INCLUSIVE), inclusive(flags::UPPER_INCLUSIVE));
    Range::new(lower, upper, from, to)
}

fn bound(range: &str, mut bytes: &[u8]) -> Result<Bound> {
    fn whole(bytes: &mut &[u8]) -> Result<i64> {
        bytes.try_get_i64().map_err(|_| invalid_binary())
    }
    let micros = |value: i64| match value {
        i64::MAX | i64::MIN => Ok(value),
        value => value.checked_add(POSTGRES_EPOCH_MICROS).ok_or_else(invalid_binary),
    };
    let read = match textual::element(range) {
        Some("int4") => Bound::Small(bytes.try_get_i32().map_err(|_| invalid_binary())?),
        Some("int8") => Bound::Integer(whole(&mut bytes)?),
        Some("date") => match bytes.try_get_i32().map_err(|_| invalid_binary())? {
            days @ (i32::MAX | i32::MIN) => Bound::Day(days),
            days => {
                let days = i64::from(days) + POSTGRES_EPOCH_DAYS;
                Bound::Day(days.try_into().map_err(|_| invalid_binary())?)
            }
        },
        Some("timestamp") => Bound::Time(micros(whole(&mut bytes)?)?),
        Some("timestamptz") => Bound::Instant(micros(whole(&mut bytes)?)?),
        Some("numeric") => {
            let text = numeric_text_from_binary(std::mem::take(&mut bytes))?;
            Bound::number(&text)?
        }
        _ => return Err(Error::unsupported(format!("a binary parameter of type {range}"))),
    };
    if bytes.is_empty() { Ok(read) } else { Err(invalid_binary()) }
}
