//! `timezone(zone, time)`, which is what `time AT TIME ZONE zone` means.
//!
//! A time without a zone is read as one in `zone` and becomes an instant; an instant becomes the
//! time that clocks in `zone` show.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono_tz::Tz;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::cast::{clock, instant};
use crate::query::planner::external;

use super::simple::constant_text;

/// `timezone`.
pub(crate) fn timezone() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Timezone::new("UTC".to_owned())))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Timezone {
    session: String,
    signature: Signature,
}

impl Timezone {
    fn new(session: String) -> Self {
        Self { session, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Timezone {
    fn name(&self) -> &str {
        "timezone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        Some(ScalarUDF::new_from_impl(Self::new(config.execution.time_zone.clone()?)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let time = match types {
            [_, DataType::Timestamp(_, zone)] => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            // Postgres takes what has no type yet, and dates, for instants in the session's zone.
            [_, DataType::Utf8 | DataType::Utf8View | DataType::Date32 | DataType::Null] => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(self.session.as_str().into()))
            }
            _ => {
                return Err(external(Error::new(
                    ErrorKind::UndefinedFunction,
                    "function timezone does not exist",
                )));
            }
        };
        Ok(vec![DataType::Utf8, time])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let zoned = matches!(types.get(1), Some(DataType::Timestamp(_, Some(_))));
        let zone = (!zoned).then(|| self.session.as_str().into());
        Ok(DataType::Timestamp(TimeUnit::Microsecond, zone))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        if !matches!(args.args.first(), Some(ColumnarValue::Scalar(_))) {
            return Err(external(Error::unsupported("a time zone that differs from row to row")));
        }
        let Some(name) = constant_text(&args, 0)? else {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(args.return_type())?));
        };
        let zone = zone_named(&name)?;
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let times = arrays[1].as_primitive::<TimestampMicrosecondType>();
        let moved: Result<TimestampMicrosecondArray> = if times.timezone().is_some() {
            times.try_unary(|micros| clock(micros, zone).map_err(external))
        } else {
            times.try_unary(|micros| instant(micros, zone).map_err(external))
        };
        let moved = moved?.with_timezone_opt(zone_of(args.return_type()));
        let moved: ArrayRef = Arc::new(moved);
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&moved, 0)?));
        }
        Ok(ColumnarValue::Array(moved))
    }
}

/// The zone of a name, in any case.
pub(super) fn zone_named(name: &str) -> Result<Tz> {
    let known = chrono_tz::TZ_VARIANTS.iter();
    let found = known.copied().find(|zone| zone.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| unknown(name))
}

fn zone_of(data_type: &DataType) -> Option<Arc<str>> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    }
}

fn unknown(name: &str) -> DataFusionError {
    external(Error::new(
        ErrorKind::InvalidParameterValue,
        format!("time zone \"{name}\" not recognized"),
    ))
}
