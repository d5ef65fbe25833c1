//! Dates, timestamps and intervals under Postgres' operators.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Int32Array, IntervalMonthDayNanoArray, PrimitiveArray,
};
use arrow::compute::kernels::arity::try_binary;
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use chrono::{DateTime, Datelike, NaiveDateTime};
use chrono_tz::Tz;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::cast::{clock, instant};
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

/// Days and the time that remains, as Postgres subtracts timestamps. Beside an instant, one without a zone is what
/// the session's clocks show.
pub(crate) fn subtract_timestamps(left: &ArrayRef, right: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    let is_instant = |side: &ArrayRef| matches!(side.data_type(), DataType::Timestamp(_, Some(_)));
    let beside_instant = is_instant(left) || is_instant(right);
    let read = |side: &ArrayRef| -> Result<ArrayRef> {
        if !beside_instant || is_instant(side) {
            return Ok(Arc::clone(side));
        }
        let local = side.as_primitive::<TimestampMicrosecondType>();
        let instants: PrimitiveArray<TimestampMicrosecondType> =
            local.try_unary(|local| instant(local, zone).map_err(external))?;
        Ok(Arc::new(instants))
    };
    let (left, right) = (read(left)?, read(right)?);
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

/// A moment moved by an interval: months first, then days, as clocks in `zone` show them, then time.
pub(crate) fn plus_interval(
    micros: i64,
    interval: IntervalMonthDayNano,
    zone: Option<&str>,
) -> Result<i64> {
    let overflow =
        || external(Error::new(ErrorKind::DatetimeFieldOverflow, "timestamp out of range"));
    let zone: Option<Tz> = zone.and_then(|zone| zone.parse().ok());
    let mut micros = micros;
    if interval.months != 0 || interval.days != 0 {
        let local = match zone {
            Some(zone) => clock(micros, zone).map_err(external)?,
            None => micros,
        };
        let time = DateTime::from_timestamp_micros(local).ok_or_else(overflow)?.naive_utc();
        let months = chrono::Months::new(interval.months.unsigned_abs());
        let moved = if interval.months < 0 {
            time.checked_sub_months(months)
        } else {
            time.checked_add_months(months)
        };
        let days = chrono::TimeDelta::try_days(i64::from(interval.days)).ok_or_else(overflow)?;
        let moved = moved.and_then(|time| time.checked_add_signed(days)).ok_or_else(overflow)?;
        let local = moved.and_utc().timestamp_micros();
        micros = match zone {
            Some(zone) => instant(local, zone).map_err(external)?,
            None => local,
        };
    }
    micros.checked_add(interval.nanoseconds / 1000).ok_or_else(overflow)
}

/// `age`: years, months, days and the time from the second time to the first.
pub(crate) fn age() -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Stable);
    Arc::new(ScalarUDF::new_from_impl(Age { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Age {
    signature: Signature,
}

impl ScalarUDFImpl for Age {
    fn name(&self) -> &str {
        "age"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Two times as clocks show them, those with a zone in the session's.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let is_time = |data_type: &DataType| {
            matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Null)
                || data_type.is_string()
        };
        if types.len() != 2 || !types.iter().all(is_time) {
            return Err(external(
                Error::new(ErrorKind::UndefinedFunction, "function age does not exist")
                    .hint("It takes one or two timestamps."),
            ));
        }
        Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, None); 2])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let later = arrays[0].as_primitive::<TimestampMicrosecondType>();
        let earlier = arrays[1].as_primitive::<TimestampMicrosecondType>();
        let ages: Result<IntervalMonthDayNanoArray, ArrowError> =
            try_binary(later, earlier, |later, earlier| {
                if later < earlier {
                    let age = between(earlier, later).ok_or_else(overflow)?;
                    let nanos = -age.nanoseconds;
                    return Ok(IntervalMonthDayNano::new(-age.months, -age.days, nanos));
                }
                between(later, earlier).ok_or_else(overflow)
            });
        Ok(ColumnarValue::Array(Arc::new(ages.map_err(|_| interval_out_of_range())?)))
    }
}

/// From `earlier` to `later`; a month that is not whole has as many days as the earlier one's.
fn between(later: i64, earlier: i64) -> Option<IntervalMonthDayNano> {
    let (to, from) = (
        DateTime::from_timestamp_micros(later)?.naive_utc(),
        DateTime::from_timestamp_micros(earlier)?.naive_utc(),
    );
    let micros = |time: NaiveDateTime| time.and_utc().timestamp_micros().rem_euclid(DAY_MICROS);
    let mut time = micros(to) - micros(from);
    let mut days = i64::from(to.day()) - i64::from(from.day());
    let mut months = (i64::from(to.year()) - i64::from(from.year())) * 12 + i64::from(to.month())
        - i64::from(from.month());
    if time < 0 {
        time += DAY_MICROS;
        days -= 1;
    }
    while days < 0 {
        days += i64::from(from.date().num_days_in_month());
        months -= 1;
    }
    let (months, days) = (i32::try_from(months).ok()?, i32::try_from(days).ok()?);
    Some(IntervalMonthDayNano::new(months, days, time.checked_mul(1000)?))
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
