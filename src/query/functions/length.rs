//! `length`: characters of a text, bytes of a bytea.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

/// `length`.
pub(crate) fn length() -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Length { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Length {
    signature: Signature,
}

impl ScalarUDFImpl for Length {
    fn name(&self) -> &str {
        "length"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Binary | DataType::LargeBinary | DataType::BinaryView] => {
                Ok(vec![DataType::Binary])
            }
            [text] if text.is_string() || text.is_null() => Ok(vec![DataType::Utf8]),
            [DataType::Dictionary(..)] => Ok(vec![DataType::Utf8]),
            _ => Err(external(
                Error::new(ErrorKind::UndefinedFunction, "function length does not exist")
                    .hint("It takes a text or a bytea."),
            )),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args.first(), Some(ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let count = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
        let lengths: Int32Array = match arrays[0].data_type() {
            DataType::Binary => {
                let values = arrays[0].as_binary::<i32>().iter();
                values.map(|bytes| bytes.map(|bytes| count(bytes.len()))).collect()
            }
            _ => {
                let texts = arrays[0].as_string::<i32>().iter();
                texts.map(|text| text.map(|text| count(text.chars().count()))).collect()
            }
        };
        let lengths: ArrayRef = Arc::new(lengths);
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&lengths, 0)?));
        }
        Ok(ColumnarValue::Array(lengths))
    }
}
