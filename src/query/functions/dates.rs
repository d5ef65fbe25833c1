//! Dates, timestamps and intervals under Postgres' operators.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int32Array, IntervalMonthDayNanoArray};
use arrow::compute::kernels::arity::try_binary;
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

const DAY_MICROS: i64 = 86_400_000_000;

/// A date moved by `sign` times a number of days; the operands may stand either way round.
pub(crate) fn add_days(left: &ArrayRef, right: &ArrayRef, sign: i64) -> Result<ArrayRef> {
    let (dates, days) =
        if *left.data_type() == DataType::Date32 { (left, right) } else { (right, left) };
    let (dates, days) = (dates.as_primitive::<Date32Type>(), days.as_primitive::<Int64Type>());
    let moved: Result<Date32Array, ArrowError> = try_binary(dates, days, |date, days| {
        days.checked_mul(sign)
            .and_then(|days| i64::from(date).checked_add(days))
            .and_then(|date| i32::try_from(date).ok())
            .ok_or_else(overflow)
    });
    Ok(Arc::new(moved.map_err(|_| date_out_of_range())?))
}

/// Days from `right` to `left`.
pub(crate) fn subtract_dates(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let (left, right) = (left.as_primitive::<Date32Type>(), right.as_primitive::<Date32Type>());
    let days: Result<Int32Array, ArrowError> =
        try_binary(left, right, |left, right| left.checked_sub(right).ok_or_else(overflow));
    Ok(Arc::new(days.map_err(|_| date_out_of_range())?))
}

/// Days and the time that remains, as Postgres subtracts timestamps.
pub(crate) fn subtract_timestamps(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let left = left.as_primitive::<TimestampMicrosecondType>();
    let right = right.as_primitive::<TimestampMicrosecondType>();
    let between: Result<IntervalMonthDayNanoArray, ArrowError> =
        try_binary(left, right, |left, right| {
            let micros = left.checked_sub(right).ok_or_else(overflow)?;
            let days = i32::try_from(micros / DAY_MICROS).map_err(|_| overflow())?;
            Ok(IntervalMonthDayNano::new(0, days, (micros % DAY_MICROS) * 1000))
        });
    Ok(Arc::new(between.map_err(|_| interval_out_of_range())?))
}

/// An interval taken a whole number of times; the operands may stand either way round.
pub(crate) fn multiply_interval(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let (intervals, times) = if matches!(left.data_type(), DataType::Interval(_)) {
        (left, right)
    } else {
        (right, left)
    };
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let times = times.as_primitive::<Int64Type>();
    let scaled: Result<IntervalMonthDayNanoArray, ArrowError> =
        try_binary(intervals, times, |interval, times| {
            let part = |part: i32| {
                i64::from(part).checked_mul(times).and_then(|part| i32::try_from(part).ok())
            };
            let months = part(interval.months).ok_or_else(overflow)?;
            let days = part(interval.days).ok_or_else(overflow)?;
            let nanos = interval.nanoseconds.checked_mul(times).ok_or_else(overflow)?;
            Ok(IntervalMonthDayNano::new(months, days, nanos))
        });
    Ok(Arc::new(scaled.map_err(|_| interval_out_of_range())?))
}

fn overflow() -> ArrowError {
    ArrowError::ArithmeticOverflow(String::new())
}

fn date_out_of_range() -> DataFusionError {
    external(Error::new(ErrorKind::DatetimeFieldOverflow, "date out of range"))
}

fn interval_out_of_range() -> DataFusionError {
    external(Error::new(ErrorKind::DatetimeFieldOverflow, "interval out of range"))
}
