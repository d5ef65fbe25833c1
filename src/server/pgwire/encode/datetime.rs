//! Dates, times and intervals as Postgres counts them on the wire.

use arrow::datatypes::TimeUnit;
use bytes::{BufMut, BytesMut};

use crate::error::Result;
use crate::query::text::{FIRST_DAY, Interval, in_range, micros, out_of_range};

/// Days from 1970-01-01 to 2000-01-01, where Postgres counts from.
pub(in crate::server::pgwire) const POSTGRES_EPOCH_DAYS: i64 = 10_957;
/// Microseconds from 1970-01-01 to 2000-01-01.
pub(in crate::server::pgwire) const POSTGRES_EPOCH_MICROS: i64 =
    POSTGRES_EPOCH_DAYS * 86_400_000_000;

/// Days since 2000-01-01.
pub(super) fn date_binary(days: i32) -> Result<i32> {
    if let i32::MAX | i32::MIN = days {
        return Ok(days);
    }
    let days = i64::from(days);
    if days < FIRST_DAY {
        return Err(out_of_range("date"));
    }
    i32::try_from(days - POSTGRES_EPOCH_DAYS).map_err(|_| out_of_range("date"))
}

/// Microseconds since 2000-01-01.
pub(super) fn timestamp_binary(value: i64, unit: TimeUnit) -> Result<i64> {
    match in_range(micros(value, unit)?)? {
        infinity @ (i64::MAX | i64::MIN) => Ok(infinity),
        micros => Ok(micros - POSTGRES_EPOCH_MICROS),
    }
}

/// Appends the parts as Postgres sends them.
pub(super) fn put_interval(interval: Interval, out: &mut BytesMut) {
    out.put_i64(interval.micros);
    out.put_i32(interval.days);
    out.put_i32(interval.months);
}
