//! `round` whose type is known from the first plan to the last.
//!
//! DataFusion's own takes the scale of its result from a literal, and loses sight of the literal while
//! types are being coerced; this one leaves the literal where it is.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::math::round::RoundFunc;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

/// `round`.
pub(crate) fn round() -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Round { inner: RoundFunc::new(), signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Round {
    inner: RoundFunc,
    signature: Signature,
}

impl ScalarUDFImpl for Round {
    fn name(&self) -> &str {
        "round"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let unknown = || {
            external(
                Error::new(ErrorKind::UndefinedFunction, "function round does not exist")
                    .hint("It takes a number, and the digits to keep after the point."),
            )
        };
        let value = match types.first() {
            Some(value) if value.is_numeric() => value.clone(),
            Some(DataType::Null) => DataType::Float64,
            _ => return Err(unknown()),
        };
        match types.get(1) {
            None => Ok(vec![value]),
            Some(digits) if digits.is_integer() && types.len() == 2 => {
                Ok(vec![value, digits.clone()])
            }
            Some(DataType::Null) if types.len() == 2 => Ok(vec![value, DataType::Int32]),
            Some(_) => Err(unknown()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let [value] = args.args.as_slice()
            && value.data_type() == DataType::Float64
        {
            return half_to_even(value);
        }
        if let Some(digits) = args.args.get_mut(1) {
            *digits = digits.cast_to(&DataType::Int32, None)?;
        }
        self.inner.invoke_with_args(args)
    }
}

/// Floats round half to even; numerics half away from zero, as DataFusion's own does.
fn half_to_even(value: &ColumnarValue) -> Result<ColumnarValue> {
    match value {
        ColumnarValue::Scalar(ScalarValue::Float64(value)) => {
            Ok(ColumnarValue::Scalar(ScalarValue::Float64(value.map(f64::round_ties_even))))
        }
        ColumnarValue::Scalar(other) => Ok(ColumnarValue::Scalar(other.clone())),
        ColumnarValue::Array(array) => {
            let rounded: Float64Array =
                array.as_primitive::<Float64Type>().unary(f64::round_ties_even);
            Ok(ColumnarValue::Array(Arc::new(rounded)))
        }
    }
}
