//! `date_trunc(field, time [, zone])`: a time cut off below a field, as Postgres cuts it.
//!
//! Its one idea: cutting is done on what clocks show, in microseconds; an instant is read on the clocks of its
//! zone first. A date is its first instant in the session's zone, as in Postgres.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray, TimestampMicrosecondArray};
use arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampMicrosecondType,
};
use chrono_tz::Tz;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::cast::{clock, instant};
use crate::query::planner::external;

use super::simple::constant_text;
use super::zones::zone_named;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// `date_trunc`.
pub(crate) fn date_trunc() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(DateTrunc::new("UTC".to_owned())))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    session: String,
    signature: Signature,
}

impl DateTrunc {
    fn new(session: String) -> Self {
        Self { session, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

/// What is kept; what is below becomes zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// So many microseconds.
    Fixed(i64),
    Week,
    /// So many months, counted from a year that ends in as many zeros.
    Months(i64),
    Century,
    Millennium,
}

impl Field {
    /// A field by any of the names Postgres knows it by.
    fn named(name: &str, of: &DataType) -> Result<Self> {
        Ok(match name.trim().to_lowercase().as_str() {
            "microsecond" | "microseconds" | "us" | "usec" | "usecs" | "usecond" | "useconds" => {
                Self::Fixed(1)
            }
            "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" | "msecond" | "mseconds" => {
                Self::Fixed(1000)
            }
            "second" | "seconds" | "s" | "sec" | "secs" => Self::Fixed(SECOND),
            "minute" | "minutes" | "m" | "min" | "mins" => Self::Fixed(60 * SECOND),
            "hour" | "hours" | "h" | "hr" | "hrs" => Self::Fixed(HOUR),
            "day" | "days" | "d" => Self::Fixed(DAY),
            "week" | "weeks" | "w" => Self::Week,
            "month" | "months" | "mon" | "mons" => Self::Months(1),
            "quarter" | "qtr" => Self::Months(3),
            "year" | "years" | "y" | "yr" | "yrs" => Self::Months(12),
            "decade" | "decades" | "dec" | "decs" => Self::Months(120),
            "century" | "centuries" | "c" | "cent" => Self::Century,
            "millennium" | "millennia" | "mil" | "mils" => Self::Millennium,
            _ => return Err(unknown(name, of)),
        })
    }

    /// The time that clocks show, cut off.
    fn cut(self, local: i64) -> i64 {
        match self {
            Self::Fixed(unit) => local.div_euclid(unit) * unit,
            Self::Week => {
                let day = local.div_euclid(DAY);
                // 1970-01-01 was a Thursday; weeks begin on Mondays.
                (day - (day + 3).rem_euclid(7)) * DAY
            }
            Self::Months(months) => {
                let (year, month) = year_and_month(local.div_euclid(DAY));
                let months = (year * 12 + month).div_euclid(months) * months;
                first_day(months.div_euclid(12), months.rem_euclid(12)) * DAY
            }
            Self::Century => first_day(first_year(local, 100), 0) * DAY,
            Self::Millennium => first_day(first_year(local, 1000), 0) * DAY,
        }
    }

    /// The instant cut off on the clocks of `zone`. Hours and what is below keep their distance to UTC, so
    /// that the hour which clocks show twice is cut off within itself.
    fn cut_in(self, instant_micros: i64, zone: Tz) -> Result<i64> {
        if zone == Tz::UTC {
            return Ok(self.cut(instant_micros));
        }
        let local = clock(instant_micros, zone).map_err(external)?;
        let cut = self.cut(local);
        match self {
            Self::Fixed(unit) if unit < DAY => Ok(instant_micros - (local - cut)),
            _ => instant(cut, zone).map_err(external),
        }
    }

    /// An interval cut off: its months, its days and its time each by themselves.
    fn cut_interval(self, value: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
        let months = |unit: i32| IntervalMonthDayNano::new(value.months / unit * unit, 0, 0);
        Ok(match self {
            Self::Fixed(DAY) => IntervalMonthDayNano::new(value.months, value.days, 0),
            Self::Fixed(unit) => {
                let nanos = value.nanoseconds / (unit * 1000) * (unit * 1000);
                IntervalMonthDayNano::new(value.months, value.days, nanos)
            }
            Self::Week => {
                return Err(external(
                    Error::unsupported("unit \"week\" of type interval")
                        .detail("Months usually have fractional weeks."),
                ));
            }
            Self::Months(unit) => months(i32::try_from(unit).unwrap_or(i32::MAX)),
            Self::Century => months(1200),
            Self::Millennium => months(12_000),
        })
    }
}

/// The first year of the century, or millennium, of a time. They begin with a year one, and there was no
/// year zero: the year before 1 is here 0, as astronomers count.
fn first_year(local: i64, years: i64) -> i64 {
    let (year, _) = year_and_month(local.div_euclid(DAY));
    match year > 0 {
        true => (year + years - 1) / years * years - (years - 1),
        false => -((years - 1 - (year - 1)) / years * years) + 1,
    }
}

/// Year and month, from 0, of a day counted from 1970-01-01, in the calendar of today continued both ways
/// (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn year_and_month(day: i64) -> (i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let (month, more) = if from_march < 10 { (from_march + 2, 0) } else { (from_march - 10, 1) };
    (era * 400 + year + more, month)
}

/// The first day of a month, from 0, counted from 1970-01-01.
fn first_day(year: i64, month: i64) -> i64 {
    let year = if month < 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let from_march = (month + 10) % 12;
    let of_year = (153 * from_march + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        Some(ScalarUDF::new_from_impl(Self::new(config.execution.time_zone.clone()?)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let instant = |zone: &str| DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
        match types {
            [_, DataType::Timestamp(_, zone)] => {
                Ok(vec![DataType::Utf8, DataType::Timestamp(TimeUnit::Microsecond, zone.clone())])
            }
            [_, DataType::Interval(_) | DataType::Duration(_)] => {
                Ok(vec![DataType::Utf8, DataType::Interval(IntervalUnit::MonthDayNano)])
            }
            [_, value] if is_instant(value) => Ok(vec![DataType::Utf8, instant(&self.session)]),
            [_, DataType::Timestamp(_, Some(zone)), _] => {
                Ok(vec![DataType::Utf8, instant(zone), DataType::Utf8])
            }
            [_, value, _] if is_instant(value) || matches!(value, DataType::Timestamp(..)) => {
                Ok(vec![DataType::Utf8, instant(&self.session), DataType::Utf8])
            }
            _ => Err(external(
                Error::new(ErrorKind::UndefinedFunction, "function date_trunc does not exist")
                    .hint("It takes a field, a date, timestamp or interval, and perhaps a zone."),
            )),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.get(1).cloned().unwrap_or(DataType::Null))
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        let constant = |at: usize| {
            inputs.get(at).is_none_or(|i| i.sort_properties == SortProperties::Singleton)
        };
        Ok(match inputs.get(1) {
            Some(time) if constant(0) && constant(2) => time.sort_properties,
            _ => SortProperties::Unordered,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        for (index, what) in [(0, "field of date_trunc"), (2, "time zone")] {
            if let Some(ColumnarValue::Array(_)) = args.args.get(index) {
                let what = format!("a {what} that differs from row to row");
                return Err(external(Error::unsupported(what)));
            }
        }
        let null = || Ok(ColumnarValue::Scalar(ScalarValue::try_from(args.return_type())?));
        let Some(field) = constant_text(&args, 0)? else { return null() };
        let zone = match (args.args.len(), constant_text(&args, 2)?) {
            (3.., None) => return null(),
            (_, zone) => zone.as_deref().map(zone_named).transpose()?,
        };
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let cut = cut(&arrays[1], Field::named(&field, args.return_type())?, zone)?;
        match scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&cut, 0)?)),
            false => Ok(ColumnarValue::Array(cut)),
        }
    }
}

/// What Postgres takes for an instant in the session's zone: a date, and what has no type yet.
fn is_instant(of: &DataType) -> bool {
    use DataType::{Date32, Date64, Null, Utf8, Utf8View};
    matches!(of, Date32 | Date64 | Null | Utf8 | Utf8View)
}

/// Times or intervals, each cut off; instants on the clocks of `zone`, or of their own.
fn cut(values: &ArrayRef, field: Field, zone: Option<Tz>) -> Result<ArrayRef> {
    if let Some(intervals) = values.as_primitive_opt::<IntervalMonthDayNanoType>() {
        let cut: IntervalMonthDayNanoArray =
            intervals.try_unary(|value| field.cut_interval(value))?;
        return Ok(Arc::new(cut));
    }
    let times = values.as_primitive::<TimestampMicrosecondType>();
    // Both ends of time stay what they are.
    let infinite = |micros: i64| matches!(micros, i64::MAX | i64::MIN);
    let cut: TimestampMicrosecondArray = match times.timezone() {
        None => times.unary(|micros| if infinite(micros) { micros } else { field.cut(micros) }),
        Some(own) => {
            let zone = zone.unwrap_or_else(|| own.parse().unwrap_or(Tz::UTC));
            times.try_unary(|micros| match infinite(micros) {
                true => Ok(micros),
                false => field.cut_in(micros, zone),
            })?
        }
    };
    Ok(Arc::new(cut.with_timezone_opt(times.timezone())))
}

fn unknown(name: &str, of: &DataType) -> DataFusionError {
    let of = match of {
        DataType::Timestamp(_, None) => "timestamp without time zone",
        DataType::Timestamp(..) => "timestamp with time zone",
        _ => "interval",
    };
    let name = name.to_lowercase();
    external(Error::new(
        ErrorKind::InvalidParameterValue,
        format!("unit \"{name}\" not recognized for type {of}"),
    ))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Datelike as _};

    use super::*;

    #[test]
    fn days_and_months_agree_with_the_calendar() {
        let epoch = DateTime::UNIX_EPOCH.date_naive();
        for day in (-2_000_000..2_000_000).step_by(97) {
            let date = epoch + chrono::Duration::days(day);
            let (year, month) = (i64::from(date.year()), i64::from(date.month0()));
            assert_eq!(year_and_month(day), (year, month), "{date}");
            assert_eq!(first_day(year, month), day - i64::from(date.day0()), "{date}");
        }
    }
}
