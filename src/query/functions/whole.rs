//! `ceil`, `floor`, `trunc` and `sign`: whole numerics of numerics, whole floats of everything else.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int32Array};
use arrow::compute::kernels::arity::binary;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Float64Type, Int32Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

const PRECISION_MAX: u8 = 38;

/// The functions of this file.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    [Function::Ceil, Function::Floor, Function::Trunc, Function::Sign]
        .into_iter()
        .map(|function| Arc::new(ScalarUDF::new_from_impl(Whole::new(function))))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Function {
    Ceil,
    Floor,
    Trunc,
    Sign,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Whole {
    function: Function,
    aliases: Vec<String>,
    signature: Signature,
}

impl Whole {
    fn new(function: Function) -> Self {
        let alias = (function == Function::Ceil).then(|| "ceiling".to_owned());
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { function, aliases: alias.into_iter().collect(), signature }
    }

    fn undefined(&self) -> datafusion::error::DataFusionError {
        let message = format!("function {} does not exist", self.name());
        external(Error::new(ErrorKind::UndefinedFunction, message).hint("It takes a number."))
    }

    /// The type of a result with `digits` after the point.
    fn result(&self, value: &DataType, digits: i8) -> DataType {
        match value {
            DataType::Decimal128(precision, scale) => {
                let kept = digits.clamp(0, *scale);
                let whole = i16::from(*precision) - i16::from(*scale) + 1 + i16::from(kept);
                let precision = u8::try_from(whole.max(1)).unwrap_or(PRECISION_MAX);
                DataType::Decimal128(precision.min(PRECISION_MAX), kept)
            }
            _ => DataType::Float64,
        }
    }
}

impl ScalarUDFImpl for Whole {
    fn name(&self) -> &str {
        match self.function {
            Function::Ceil => "ceil",
            Function::Floor => "floor",
            Function::Trunc => "trunc",
            Function::Sign => "sign",
        }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let exact = |data_type: &DataType| match data_type {
            DataType::Decimal128(..) => Some(data_type.clone()),
            _ if data_type.is_integer() => Some(DataType::Decimal128(20, 0)),
            _ => None,
        };
        match types {
            [value @ DataType::Decimal128(..)] => Ok(vec![value.clone()]),
            [value] if value.is_numeric() || value.is_null() => Ok(vec![DataType::Float64]),
            [value, digits] if self.function == Function::Trunc && digits.is_integer() => {
                Ok(vec![exact(value).ok_or_else(|| self.undefined())?, DataType::Int32])
            }
            _ => Err(self.undefined()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.result(&types[0], if types.len() == 2 { i8::MAX } else { 0 }))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let digits = match args.scalar_arguments {
            [_] => 0,
            [_, Some(digits)] => match digits.cast_to(&DataType::Int32)? {
                ScalarValue::Int32(Some(digits)) => {
                    i8::try_from(digits.clamp(-99, 99)).unwrap_or(0)
                }
                _ => i8::MAX,
            },
            _ => i8::MAX,
        };
        let result = self.result(args.arg_fields[0].data_type(), digits);
        Ok(Arc::new(Field::new(self.name(), result, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let computed: ArrayRef = match args.return_type() {
            DataType::Decimal128(precision, scale) => {
                let none: ArrayRef = Arc::new(Int32Array::from(vec![0; arrays[0].len()]));
                let digits = arrays.get(1).unwrap_or(&none);
                let computed = decimals(self.function, &arrays[0], digits, *scale)?;
                Arc::new(computed.with_precision_and_scale(*precision, *scale)?)
            }
            _ => {
                let function = match self.function {
                    Function::Ceil => f64::ceil,
                    Function::Floor => f64::floor,
                    Function::Trunc => f64::trunc,
                    Function::Sign => |value| if value == 0.0 { 0.0 } else { f64::signum(value) },
                };
                let computed: Float64Array =
                    arrays[0].as_primitive::<Float64Type>().unary(function);
                Arc::new(computed)
            }
        };
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&computed, 0)?));
        }
        Ok(ColumnarValue::Array(computed))
    }
}

/// The digits of each value with `to` of them after the point, where `digits` are kept.
fn decimals(
    function: Function,
    values: &ArrayRef,
    digits: &ArrayRef,
    to: i8,
) -> Result<Decimal128Array> {
    let values = values.as_primitive::<Decimal128Type>();
    let from = i32::from(values.scale());
    let digits = digits.as_primitive::<Int32Type>();
    let power = |exponent: i32| {
        u32::try_from(exponent).map_or(Some(1), |exponent| 10_i128.checked_pow(exponent))
    };
    // What remains of the value's own digits, which the result shows down to its scale.
    let shown = power(from - i32::from(to)).unwrap_or(1);
    Ok(binary(values, digits, |value, digits| {
        let Some(unit) = power(from.saturating_sub(digits.clamp(-99, from))) else { return 0 };
        let (whole, rest) = (value / unit, value % unit);
        match function {
            Function::Ceil => whole + i128::from(rest > 0),
            Function::Floor => whole - i128::from(rest < 0),
            Function::Sign => value.signum(),
            Function::Trunc => whole * unit / shown,
        }
    })?)
}
