//! Integer arithmetic that fails where it would wrap around.

use arrow::array::{Array, ArrayRef};
use arrow::compute::kernels::numeric;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::Result;

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

use super::operators::Op;

/// `left op right`; both have the result's type.
pub(crate) fn compute(op: Op, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let computed = match op {
        Op::AddIntegers => numeric::add(left, right),
        Op::SubtractIntegers => numeric::sub(left, right),
        _ => numeric::mul(left, right),
    };
    computed.map_err(|failure| match failure {
        ArrowError::ArithmeticOverflow(_) => external(out_of_range(left.data_type())),
        other => other.into(),
    })
}

/// Postgres' error for a value its integer type cannot hold.
pub(crate) fn out_of_range(data_type: &DataType) -> Error {
    let name = match data_type {
        DataType::Int16 => "smallint",
        DataType::Int32 => "integer",
        _ => "bigint",
    };
    Error::new(ErrorKind::NumericValueOutOfRange, format!("{name} out of range"))
}

/// What an aggregate that is exact over exact numbers takes its argument as; `None` for what is no
/// number.
pub(crate) fn exact_argument(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 | DataType::Float32 | DataType::Null => DataType::Float64,
        DataType::Int32
        | DataType::Int64
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Duration(_)
        | DataType::Interval(_) => data_type.clone(),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Dictionary(_, value) => return exact_argument(value),
        _ => return None,
    })
}
