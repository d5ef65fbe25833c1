//! `timetz`: a time of day and how far east its clock is.

use arrow::datatypes::TimeUnit;
use chrono::{NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

use crate::error::{Error, Result};
use crate::query::cast::time_and_offset;
use crate::query::text::{offset_text, time_text};

use super::invalid;

pub(super) fn read(text: &str, zone: Tz) -> Result<String> {
    let (micros, offset) =
        time_and_offset(text).map_err(|()| invalid("time with time zone", text))?;
    let seconds = match offset {
        Some(seconds) => seconds,
        None => steady(zone).ok_or_else(|| {
            Error::unsupported("a time without an offset in a zone whose clocks change")
                .hint("Write the offset: '12:00+02'.")
        })?,
    };
    Ok(format!("{}{}", time_text(micros, TimeUnit::Microsecond)?, offset_text(seconds)))
}

/// Microseconds since midnight and seconds east of a kept text.
///
/// # Errors
/// `InvalidTextRepresentation` for what is none.
pub fn split(kept: &str) -> Result<(i64, i32)> {
    match time_and_offset(kept) {
        Ok((micros, Some(seconds))) => Ok((micros, seconds)),
        _ => Err(invalid("time with time zone", kept)),
    }
}

/// The zone's offset, where it is one all year.
fn steady(zone: Tz) -> Option<i32> {
    let at = |month: u32| {
        let noon = NaiveDate::from_ymd_opt(2026, month, 1)?.and_hms_opt(12, 0, 0)?;
        Some(zone.offset_from_utc_datetime(&noon).fix().local_minus_utc())
    };
    at(1).filter(|january| at(7) == Some(*january))
}
