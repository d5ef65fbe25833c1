//! Times of fewer digits than are kept: `timestamp(3)`, `time(0)`.
//!
//! Its one idea: rounded as Postgres rounds, half away from the moment it counts from.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{
    DataType, FieldRef, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::error::Error;
use crate::query::planner::external;

/// From 1970 to 2000, in microseconds.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// `__to_precision(time, digits)`, which nobody writes.
pub(super) fn to_precision() -> Arc<ScalarUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(ToPrecision { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToPrecision {
    signature: Signature,
}

impl ScalarUDFImpl for ToPrecision {
    fn name(&self) -> &str {
        "__to_precision"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(args.arg_fields[0].as_ref().clone().with_name(self.name())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let digits = match &args.args[1] {
            ColumnarValue::Scalar(digits) => digits.cast_to(&DataType::UInt32)?,
            ColumnarValue::Array(_) => ScalarValue::UInt32(None),
        };
        let ScalarValue::UInt32(Some(digits @ 0..=6)) = digits else {
            return Err(external(Error::internal("a time of so many digits")));
        };
        match &args.args[0] {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(rounded(array, digits)?)),
            ColumnarValue::Scalar(value) => {
                let one = rounded(&value.to_array()?, digits)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?))
            }
        }
    }
}

fn rounded(array: &ArrayRef, digits: u32) -> Result<ArrayRef> {
    let step = 10_i64.pow(6 - digits);
    Ok(match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let moved = |micros: i64| {
                let since = micros.checked_sub(POSTGRES_EPOCH)?;
                to_step(since, step)?.checked_add(POSTGRES_EPOCH)
            };
            let times = array.as_primitive::<TimestampMicrosecondType>();
            let times = times.unary_opt::<_, TimestampMicrosecondType>(moved);
            Arc::new(times.with_timezone_opt(zone.clone()))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let times = array.as_primitive::<Time64MicrosecondType>();
            Arc::new(times.unary_opt::<_, Time64MicrosecondType>(|micros| to_step(micros, step)))
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>().iter();
            let texts = texts.map(|text| text.map(|text| zoned(text, digits)).transpose());
            Arc::new(texts.collect::<Result<StringArray>>()?)
        }
        // NULL, which is of no type yet.
        _ => Arc::clone(array),
    })
}

fn to_step(micros: i64, step: i64) -> Option<i64> {
    let half = if micros < 0 { -step / 2 } else { step / 2 };
    Some(micros.checked_add(half)? / step * step)
}

/// A time with its zone, if it has no more digits than these.
fn zoned(text: &str, digits: u32) -> Result<&str> {
    let fraction = text.split_once('.').map_or("", |(_, after)| after);
    let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if count > usize::try_from(digits).unwrap_or(usize::MAX) {
        let what = "a time with a zone that has to be rounded";
        return Err(external(Error::unsupported(what)));
    }
    Ok(text)
}
