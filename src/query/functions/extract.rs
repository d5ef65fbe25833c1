//! `extract(field FROM time)`: a numeric, with the fraction of a second, as in Postgres.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{
    DataType, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDateTime};
use chrono_tz::Tz;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::cast::clock;
use crate::query::planner::external;

use super::simple::constant_text;

const PRECISION: u8 = 20;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// `extract`.
pub(crate) fn extract() -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Extract { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extract {
    signature: Signature,
}

/// Digits after the point of a field's numeric.
fn scale(field: &str) -> i8 {
    match field {
        "second" | "seconds" | "epoch" => 6,
        "millisecond" | "milliseconds" => 3,
        _ => 0,
    }
}

fn undefined() -> DataFusionError {
    external(
        Error::new(ErrorKind::UndefinedFunction, "function extract does not exist")
            .hint("It takes a field from a date, time, timestamp or interval."),
    )
}

impl ScalarUDFImpl for Extract {
    fn name(&self) -> &str {
        "extract"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [_, value] = types else { return Err(undefined()) };
        let value = match value {
            DataType::Timestamp(_, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            DataType::Date32 | DataType::Date64 | DataType::Null => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            DataType::Interval(_) | DataType::Duration(_) => {
                DataType::Interval(IntervalUnit::MonthDayNano)
            }
            DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
            _ => return Err(undefined()),
        };
        Ok(vec![DataType::Utf8, value])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(PRECISION, 6))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let field = match args.scalar_arguments.first() {
            Some(Some(ScalarValue::Utf8(Some(field)))) => field.to_lowercase(),
            _ => {
                return Err(external(Error::unsupported("extract of a field that is not written")));
            }
        };
        let data_type = DataType::Decimal128(PRECISION, scale(&field));
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let field = constant_text(&args, 0)?.unwrap_or_default().to_lowercase();
        let scalar = matches!(args.args.get(1), Some(ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args[1..])?;
        let extracted = extracted(&field, &arrays[0]).map_err(external)?;
        let extracted: ArrayRef =
            Arc::new(extracted.with_precision_and_scale(PRECISION, scale(&field))?);
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&extracted, 0)?));
        }
        Ok(ColumnarValue::Array(extracted))
    }
}

fn extracted(field: &str, values: &ArrayRef) -> crate::error::Result<Decimal128Array> {
    let wide = |value: crate::error::Result<i64>| value.map(i128::from);
    match values.data_type() {
        DataType::Timestamp(_, zone) => {
            let zone: Option<Tz> = zone.as_ref().map(|zone| zone.parse().unwrap_or(Tz::UTC));
            let times = values.as_primitive::<TimestampMicrosecondType>().iter();
            let of = |micros: i64| wide(of_timestamp(field, micros, zone));
            times.map(|micros| micros.map(of).transpose()).collect()
        }
        DataType::Interval(_) => {
            let intervals = values.as_primitive::<IntervalMonthDayNanoType>().iter();
            let of = |interval| wide(of_interval(field, interval));
            intervals.map(|interval| interval.map(of).transpose()).collect()
        }
        _ => {
            let times = values.as_primitive::<Time64MicrosecondType>().iter();
            let of = |micros: i64| {
                let clock = of_clock(field, micros).ok_or_else(|| unknown(field, "time"));
                wide(if field == "epoch" { Ok(micros) } else { clock })
            };
            times.map(|micros| micros.map(of).transpose()).collect()
        }
    }
}

fn unknown(field: &str, name: &str) -> Error {
    let message = format!("unit \"{field}\" not recognized for type {name}");
    Error::new(ErrorKind::InvalidParameterValue, message)
}

/// Fields of the time of day, unscaled.
fn of_clock(field: &str, micros: i64) -> Option<i64> {
    Some(match field {
        "hour" | "hours" => micros / (3600 * SECOND),
        "minute" | "minutes" => micros / (60 * SECOND) % 60,
        "second" | "seconds" | "millisecond" | "milliseconds" | "microsecond" | "microseconds" => {
            micros % (60 * SECOND)
        }
        _ => return None,
    })
}

fn of_timestamp(field: &str, micros: i64, zone: Option<Tz>) -> crate::error::Result<i64> {
    if field == "epoch" {
        return Ok(micros);
    }
    let local = zone.map_or(Ok(micros), |zone| clock(micros, zone))?;
    if let Some(found) = of_clock(field, local.rem_euclid(DAY)) {
        return Ok(found);
    }
    let out_of_range = || crate::query::text::out_of_range("timestamp");
    let time = DateTime::from_timestamp_micros(local).ok_or_else(out_of_range)?.naive_utc();
    match (field, zone) {
        ("timezone", Some(_)) => Ok((local - micros) / SECOND),
        _ => of_date(field, time).ok_or_else(|| {
            let zoned = if zone.is_some() { "with" } else { "without" };
            unknown(field, &format!("timestamp {zoned} time zone"))
        }),
    }
}

fn of_date(field: &str, time: NaiveDateTime) -> Option<i64> {
    let year = i64::from(time.year());
    // Postgres has no year 0: before it stands 1 BC.
    let shown = if year > 0 { year } else { year - 1 };
    let century = |years: i64| {
        if year > 0 { (year + years - 1) / years } else { -((years - shown - 1) / years) }
    };
    Some(match field {
        "year" | "years" => shown,
        "quarter" => i64::from(time.month0() / 3 + 1),
        "month" | "months" => i64::from(time.month()),
        "week" | "weeks" => i64::from(time.iso_week().week()),
        "day" | "days" => i64::from(time.day()),
        "dow" => i64::from(time.weekday().num_days_from_sunday()),
        "isodow" => i64::from(time.weekday().number_from_monday()),
        "doy" => i64::from(time.ordinal()),
        "isoyear" => {
            let year = i64::from(time.iso_week().year());
            if year > 0 { year } else { year - 1 }
        }
        "decade" | "decades" => year.div_euclid(10),
        "century" | "centuries" => century(100),
        "millennium" | "millennia" | "millenniums" => century(1000),
        _ => return None,
    })
}

fn of_interval(field: &str, interval: IntervalMonthDayNano) -> crate::error::Result<i64> {
    let micros = interval.nanoseconds / 1000;
    if let Some(found) = of_clock(field, micros) {
        return Ok(found);
    }
    let (years, months) = (i64::from(interval.months / 12), i64::from(interval.months % 12));
    let days = i64::from(interval.days);
    Ok(match field {
        // A year of 365.25 days, a month of 30.
        "epoch" => (years * 31_557_600 + months * 2_592_000 + days * 86_400)
            .checked_mul(SECOND)
            .and_then(|micros_of_days| micros_of_days.checked_add(micros))
            .ok_or_else(|| crate::query::text::out_of_range("interval"))?,
        "day" | "days" => days,
        "month" | "months" => months,
        "quarter" => months / 3 + 1,
        "year" | "years" => years,
        "decade" | "decades" => years / 10,
        "century" | "centuries" => years / 100,
        "millennium" | "millennia" | "millenniums" => years / 1000,
        _ => return Err(unknown(field, "interval")),
    })
}
