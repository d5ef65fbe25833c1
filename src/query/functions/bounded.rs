//! Functions that make long texts of short ones, kept from making longer ones than fit.
//!
//! Its one idea: how long the result will be is known before it is made, and memory that a value takes is counted by
//! nobody.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

/// The functions of the engine that need it.
pub(super) const NAMES: [&str; 4] = ["repeat", "lpad", "rpad", "replace"];

/// Bytes that the texts of one batch may have together, and so a single one.
const BYTES_MAX: u64 = 256 << 20;

/// The engine's function with the length of its result looked at.
pub(super) fn bounded(inner: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    let signature = inner.signature().clone();
    Arc::new(ScalarUDF::new_from_impl(Bounded { inner, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Bounded {
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
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let mut bytes = 0_u64;
        for row in 0..rows {
            bytes = bytes.saturating_add(length(self.name(), &args.args, row).unwrap_or(0));
            if bytes > BYTES_MAX {
                return Err(external(too_long(row)));
            }
        }
        self.inner.invoke_with_args(args)
    }
}

fn too_long(row: usize) -> Error {
    let error = Error::new(ErrorKind::ProgramLimitExceeded, "requested length too large");
    if row == 0 {
        return error.detail(format!("A value has at most {BYTES_MAX} bytes."));
    }
    error.detail(format!("The values of {} rows have more than {BYTES_MAX} bytes.", row + 1))
}

/// Bytes of one row's result, or fewer; `None` for NULL.
fn length(name: &str, args: &[ColumnarValue], row: usize) -> Option<u64> {
    let text = text_at(args.first()?, row)?;
    let bytes = bytes_of(text);
    match name {
        "replace" => {
            let (from, to) = (text_at(args.get(1)?, row)?, text_at(args.get(2)?, row)?);
            if from.is_empty() || to.len() <= from.len() {
                return Some(bytes);
            }
            let added = bytes_of(to) - bytes_of(from);
            // Counted only where it may matter.
            if (bytes / bytes_of(from)).saturating_mul(added) <= BYTES_MAX / 4096 {
                return Some(bytes);
            }
            let found = u64::try_from(text.matches(from).count()).unwrap_or(u64::MAX);
            Some(bytes.saturating_add(found.saturating_mul(added)))
        }
        "repeat" => {
            let times = u64::try_from(number_at(args.get(1)?, row)?).unwrap_or(0);
            Some(bytes.saturating_mul(times))
        }
        _ => Some(u64::try_from(number_at(args.get(1)?, row)?).unwrap_or(0)),
    }
}

fn bytes_of(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn text_at(value: &ColumnarValue, row: usize) -> Option<&str> {
    let array = match value {
        ColumnarValue::Scalar(
            ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text),
        ) => return text.as_deref(),
        ColumnarValue::Scalar(_) => return None,
        ColumnarValue::Array(array) => array,
    };
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}

fn number_at(value: &ColumnarValue, row: usize) -> Option<i64> {
    match value {
        ColumnarValue::Scalar(ScalarValue::Int64(number)) => *number,
        ColumnarValue::Array(array) if array.is_valid(row) => {
            array.as_primitive_opt::<Int64Type>().map(|numbers| numbers.value(row))
        }
        _ => None,
    }
}
