//! Values to text, as Postgres prints them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, PrimitiveArray, StringArray, StringBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, IntervalMonthDayNanoType,
    IntervalUnit, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use chrono_tz::Tz;

use crate::error::{Error, Result};
use crate::query::text::{Interval, Styles, put_float, time_text};

use super::arrow_cast;

/// The texts of `array`, whose type is `from`.
pub(super) fn texts(array: &ArrayRef, from: &DataType, styles: &Styles) -> Result<ArrayRef> {
    let micros = TimeUnit::Microsecond;
    let printed = match from {
        DataType::Date32 => each(array.as_primitive::<Date32Type>(), |days| styles.date(days))?,
        DataType::Time64(_) => {
            each(array.as_primitive::<Time64MicrosecondType>(), |time| time_text(time, micros))?
        }
        DataType::Timestamp(_, zone) => {
            let zone = zone.as_deref().map(|zone| zone.parse().unwrap_or(Tz::UTC));
            each(array.as_primitive::<TimestampMicrosecondType>(), |time| {
                styles.timestamp(time, micros, zone)
            })?
        }
        DataType::Interval(_) | DataType::Duration(_) => {
            let plain = arrow_cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            each(plain.as_primitive::<IntervalMonthDayNanoType>(), |interval| {
                let (months, days) = (interval.months, interval.days);
                Ok(styles.interval(Interval::from_nanos(months, days, interval.nanoseconds)))
            })?
        }
        DataType::Float32 => each(array.as_primitive::<Float32Type>(), |value| {
            let mut text = String::new();
            put_float(value, 6, &mut text);
            Ok(text)
        })?,
        DataType::Float64 => each(array.as_primitive::<Float64Type>(), |value| {
            let mut text = String::new();
            put_float(value, 15, &mut text);
            Ok(text)
        })?,
        DataType::Binary => {
            let values = array.as_binary::<i32>().iter();
            values.map(|bytes| bytes.map(|bytes| styles.bytes(bytes))).collect::<StringArray>()
        }
        DataType::List(_) => return Err(Error::unsupported("an array as text")),
        _ => return arrow_cast(array, &DataType::Utf8),
    };
    Ok(Arc::new(printed))
}

fn each<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    print: impl Fn(T::Native) -> Result<String>,
) -> Result<StringArray> {
    let mut builder = StringBuilder::with_capacity(values.len(), values.len() * 8);
    for value in values {
        builder.append_option(value.map(&print).transpose()?);
    }
    Ok(builder.finish())
}
