//! `date_bin` with strides that PostgreSQL takes.
//!
//! Its one idea: the engine's own counts months and goes backwards, where PostgreSQL says that it cannot.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, FieldRef, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

/// The engine's function with its strides looked at.
pub(super) fn date_bin(inner: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    let signature = inner.signature().clone();
    Arc::new(ScalarUDF::new_from_impl(DateBin { inner, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateBin {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for DateBin {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(strides) = args.args.first() {
            check(strides)?;
        }
        self.inner.invoke_with_args(args)
    }
}

fn check(strides: &ColumnarValue) -> Result<()> {
    const DAY_NANOS: i128 = 86_400_000_000_000;
    if strides.data_type() != DataType::Interval(IntervalUnit::MonthDayNano) {
        return Ok(());
    }
    let strides = strides.to_array(1)?;
    for stride in strides.as_primitive::<IntervalMonthDayNanoType>().iter().flatten() {
        if stride.months != 0 {
            let message = "timestamps cannot be binned into intervals containing months or years";
            return Err(external(Error::new(ErrorKind::FeatureNotSupported, message)));
        }
        if i128::from(stride.days) * DAY_NANOS + i128::from(stride.nanoseconds) <= 0 {
            let message = "stride must be greater than zero";
            return Err(external(Error::new(ErrorKind::DatetimeFieldOverflow, message)));
        }
    }
    Ok(())
}
