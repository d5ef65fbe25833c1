//! The binary form of types that are kept as text.

use std::net::IpAddr;

use bytes::{BufMut, BytesMut};
use chrono_tz::Tz;

use crate::error::{Error, Result};
use crate::query::textual::{self, Address, Bound, Range};

use super::datetime::{date_binary, timestamp_binary};
use super::number::put_plain_number;
use super::patch_length;

/// What the first byte of a range says.
pub(in crate::server::pgwire) mod flags {
    pub(in crate::server::pgwire) const EMPTY: u8 = 1;
    pub(in crate::server::pgwire) const LOWER_INCLUSIVE: u8 = 2;
    pub(in crate::server::pgwire) const UPPER_INCLUSIVE: u8 = 4;
    pub(in crate::server::pgwire) const LOWER_INFINITE: u8 = 8;
    pub(in crate::server::pgwire) const UPPER_INFINITE: u8 = 16;
}

/// Appends the binary form of a kept text.
pub(super) fn put_textual(name: &str, kept: &str, out: &mut BytesMut) -> Result<()> {
    let broken = || Error::internal(format!("a kept {name} that is none"));
    match name {
        "inet" | "cidr" => put_address(kept, name == "cidr", out)?,
        "macaddr" => {
            for pair in kept.split(':') {
                out.put_u8(u8::from_str_radix(pair, 16).map_err(|_| broken())?);
            }
        }
        "timetz" => {
            let (micros, east) = textual::split_timetz(kept)?;
            out.put_i64(micros);
            out.put_i32(-east);
        }
        "pg_lsn" => {
            for half in kept.split('/') {
                out.put_u32(u32::from_str_radix(half, 16).map_err(|_| broken())?);
            }
        }
        "tid" => {
            let inner = kept.trim_matches(['(', ')']);
            let (block, offset) = inner.split_once(',').ok_or_else(broken)?;
            out.put_u32(block.parse().map_err(|_| broken())?);
            out.put_u16(offset.parse().map_err(|_| broken())?);
        }
        name if textual::range_of(name).is_some() => {
            let ranges = textual::read_multirange(name, kept, Tz::UTC)?;
            out.put_i32(i32::try_from(ranges.len()).unwrap_or(i32::MAX));
            for range in &ranges {
                counted(out, |out| put_range(range, out))?;
            }
        }
        name => put_range(&Range::read(name, kept, Tz::UTC)?, out)?,
    }
    Ok(())
}

fn put_address(kept: &str, network: bool, out: &mut BytesMut) -> Result<()> {
    /// Families of addresses as Postgres numbers them.
    const V4: u8 = 2;
    const V6: u8 = 3;
    let address = Address::read(kept, network)?;
    let (family, octets) = match address.ip {
        IpAddr::V4(ip) => (V4, ip.octets().to_vec()),
        IpAddr::V6(ip) => (V6, ip.octets().to_vec()),
    };
    out.put_u8(family);
    out.put_u8(address.bits);
    out.put_u8(u8::from(network));
    out.put_u8(u8::try_from(octets.len()).unwrap_or(u8::MAX));
    out.put_slice(&octets);
    Ok(())
}

fn put_range(range: &Range, out: &mut BytesMut) -> Result<()> {
    let mut first = 0;
    let mut set = |flag: u8, is: bool| first |= if is { flag } else { 0 };
    set(flags::EMPTY, range.empty);
    set(flags::LOWER_INCLUSIVE, range.lower_inclusive);
    set(flags::UPPER_INCLUSIVE, range.upper_inclusive);
    set(flags::LOWER_INFINITE, !range.empty && range.lower.is_none());
    set(flags::UPPER_INFINITE, !range.empty && range.upper.is_none());
    out.put_u8(first);
    for bound in [&range.lower, &range.upper].into_iter().flatten() {
        counted(out, |out| put_bound(bound, out))?;
    }
    Ok(())
}

fn put_bound(bound: &Bound, out: &mut BytesMut) -> Result<()> {
    use arrow::datatypes::TimeUnit::Microsecond;
    match bound {
        Bound::Small(value) => out.put_i32(*value),
        Bound::Integer(value) => out.put_i64(*value),
        Bound::Number(text) => put_plain_number(text, out),
        Bound::Day(days) => out.put_i32(date_binary(*days)?),
        Bound::Time(micros) | Bound::Instant(micros) => {
            out.put_i64(timestamp_binary(*micros, Microsecond)?);
        }
    }
    Ok(())
}

fn counted(out: &mut BytesMut, put: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let value_at = out.len();
    out.put_i32(0);
    put(out)?;
    patch_length(out, value_at, out.len() - value_at - 4)
}
