//! Intervals times and by a number: what is no whole month becomes days, what is no whole day becomes time.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::compute::kernels::arity::try_binary;
use arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType};
use arrow::error::ArrowError;
use datafusion::common::Result;

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

const DAYS_A_MONTH: f64 = 30.0;
const SECONDS_A_DAY: f64 = 86_400.0;

/// `interval * number`, either way round.
pub(super) fn multiply(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    match left.data_type() {
        DataType::Interval(_) => compute(left, right, |part, number| part * number),
        _ => compute(right, left, |part, number| part * number),
    }
}

/// `interval / number`.
pub(super) fn divide(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    if right.as_primitive::<Float64Type>().iter().flatten().any(|number| number == 0.0) {
        return Err(external(Error::new(ErrorKind::DivisionByZero, "division by zero")));
    }
    compute(left, right, |part, number| part / number)
}

fn compute(
    intervals: &ArrayRef,
    numbers: &ArrayRef,
    part: impl Fn(f64, f64) -> f64,
) -> Result<ArrayRef> {
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let numbers = numbers.as_primitive::<Float64Type>();
    let scaled: Result<IntervalMonthDayNanoArray, ArrowError> =
        try_binary(intervals, numbers, |interval, number| {
            scaled(interval, |whole| part(whole, number))
                .ok_or_else(|| ArrowError::ComputeError("interval out of range".to_owned()))
        });
    let out_of_range =
        |_| external(Error::new(ErrorKind::DatetimeFieldOverflow, "interval out of range"));
    Ok(Arc::new(scaled.map_err(out_of_range)?))
}

/// As Postgres cuts and rounds each part.
fn scaled(
    interval: IntervalMonthDayNano,
    part: impl Fn(f64) -> f64,
) -> Option<IntervalMonthDayNano> {
    let months = part(f64::from(interval.months));
    let days = part(f64::from(interval.days));
    let (whole_months, whole_days) = (fitting(months)?, fitting(days)?);
    let month_days = to_micros((months - f64::from(whole_months)) * DAYS_A_MONTH);
    let mut seconds =
        to_micros((days - f64::from(whole_days) + month_days - month_days.trunc()) * SECONDS_A_DAY);
    let mut days = whole_days;
    if seconds.abs() >= SECONDS_A_DAY {
        let more = (seconds / SECONDS_A_DAY).trunc();
        days = days.checked_add(fitting(more)?)?;
        seconds -= more * SECONDS_A_DAY;
    }
    days = days.checked_add(fitting(month_days)?)?;
    let time = part((interval.nanoseconds / 1000) as f64) + seconds * 1e6;
    let micros = time.round_ties_even();
    // Nanoseconds of these must fit in 64 bits.
    if micros.abs() > 9.2e15 || micros.is_nan() {
        return None;
    }
    Some(IntervalMonthDayNano::new(whole_months, days, micros as i64 * 1000))
}

fn fitting(value: f64) -> Option<i32> {
    let fits = value >= f64::from(i32::MIN) && value <= f64::from(i32::MAX);
    fits.then_some(value.trunc() as i32)
}

/// Rounded to what a time can say.
fn to_micros(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}
