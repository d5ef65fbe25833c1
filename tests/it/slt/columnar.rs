//! Arrow arrays to text.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType, UInt32Type,
};

use super::text;

/// The value at `row` as PostgreSQL would print it; `None` for NULL.
pub(super) fn value(array: &dyn Array, row: usize) -> Result<Option<String>, String> {
    if array.is_null(row) {
        return Ok(None);
    }
    Ok(Some(match array.data_type() {
        DataType::Null => return Ok(None),
        DataType::Boolean => text::boolean(array.as_boolean().value(row)),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::Float32 => text::real(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => text::double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let unscaled = array.as_primitive::<Decimal128Type>().value(row).to_string();
            text::decimal(&unscaled, scale.unsigned_abs().into())
        }
        DataType::Decimal256(_, scale) => {
            let unscaled = array.as_primitive::<Decimal256Type>().value(row).to_string();
            text::decimal(&unscaled, scale.unsigned_abs().into())
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Binary => text::bytea(array.as_binary::<i32>().value(row)),
        DataType::Date32 => text::date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(TimeUnit::Microsecond) => {
            text::time(array.as_primitive::<Time64MicrosecondType>().value(row))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            if zone.is_some() { text::timestamptz(micros) } else { text::timestamp(micros) }
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let span = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            text::interval(span.months, span.days, span.nanoseconds / 1000)
        }
        DataType::List(element) => {
            let values = array.as_list::<i32>().value(row);
            let elements: Vec<Option<String>> =
                (0..values.len()).map(|at| value(&values, at)).collect::<Result<_, _>>()?;
            text::array(&elements, element.data_type().is_nested())
        }
        other => return Err(format!("the corpus cannot print Arrow type {other} yet")),
    }))
}
