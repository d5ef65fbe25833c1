//! `sqrt`, `ln`, `exp`, `power`, `erf` and their like over floats: an error where Postgres has one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Float64Array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, ErrorKind, Result as Answer};
use crate::query::planner::external;
use crate::query::system;

use super::operators::Op;

/// What a function computes; one of a single argument does not look at the second.
type Compute = fn(f64, f64) -> Answer<f64>;

/// A function's name, its other names, how many arguments it has, and what it computes.
type Named = (&'static str, &'static [&'static str], usize, Compute);

/// The functions of this file.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    const NAMES: [Named; 9] = [
        ("sqrt", &[], 1, |x, _| {
            if x < 0.0 {
                return Err(Error::new(
                    ErrorKind::InvalidArgumentForPowerFunction,
                    "cannot take square root of a negative number",
                ));
            }
            Ok(x.sqrt())
        }),
        // Of PostgreSQL 16: the area below the normal curve is erfc(-z / sqrt(2)) / 2.
        ("erf", &[], 1, |x, _| Ok(libm::erf(x))),
        ("erfc", &[], 1, |x, _| Ok(libm::erfc(x))),
        ("cbrt", &[], 1, |x, _| Ok(x.cbrt())),
        ("ln", &[], 1, |x, _| logarithm(x).map(f64::ln)),
        ("log10", &[], 1, |x, _| logarithm(x).map(f64::log10)),
        // Of the second argument, to the base of the first.
        ("__log", &[], 2, |base, x| {
            let (base, x) = (logarithm(base)?.ln(), logarithm(x)?.ln());
            if base == 0.0 {
                return Err(Error::new(ErrorKind::DivisionByZero, "division by zero"));
            }
            Ok(x / base)
        }),
        ("exp", &[], 1, |x, _| in_range(x.exp(), x.is_infinite(), x == f64::NEG_INFINITY)),
        ("power", &["pow"], 2, |x, y| {
            if x < 0.0 && y.is_finite() && y.fract() != 0.0 {
                return Err(Error::new(
                    ErrorKind::InvalidArgumentForPowerFunction,
                    "a negative number raised to a non-integer power yields a complex result",
                ));
            }
            if x == 0.0 && y < 0.0 {
                return Err(Error::new(
                    ErrorKind::InvalidArgumentForPowerFunction,
                    "zero raised to a negative power is undefined",
                ));
            }
            let infinite = x.is_infinite() || y.is_infinite();
            in_range(x.powf(y), infinite, infinite || x == 0.0)
        }),
    ];
    NAMES
        .iter()
        .map(|(name, aliases, arity, compute)| {
            let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
            let signature = Signature::user_defined(Volatility::Immutable);
            let function = Floats { name, aliases, arity: *arity, compute: *compute, signature };
            Arc::new(ScalarUDF::new_from_impl(function))
        })
        .collect()
}

/// A sum, difference or product: an error where it leaves what floats hold.
pub(super) fn compute(op: Op, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let computed = match op {
        Op::AddFloats => numeric::add_wrapping(left, right)?,
        Op::SubtractFloats => numeric::sub_wrapping(left, right)?,
        _ => numeric::mul_wrapping(left, right)?,
    };
    if computed.data_type() == &DataType::Float32 {
        check::<Float32Type>(op, &computed, left, right)?;
    } else {
        check::<Float64Type>(op, &computed, left, right)?;
    }
    Ok(computed)
}

fn check<T: ArrowPrimitiveType>(
    op: Op,
    computed: &ArrayRef,
    left: &ArrayRef,
    right: &ArrayRef,
) -> Result<()>
where
    T::Native: Into<f64>,
{
    let (values, left, right) =
        (computed.as_primitive::<T>(), left.as_primitive::<T>(), right.as_primitive::<T>());
    let product = op == Op::MultiplyFloats;
    // Mostly nothing is infinite or zero, and the operands need no look.
    let strange = |value: &T::Native| {
        let value: f64 = (*value).into();
        value.is_infinite() || product && value == 0.0
    };
    if !values.values().iter().any(strange) {
        return Ok(());
    }
    for at in (0..values.len()).filter(|at| values.is_valid(*at)) {
        let value: f64 = values.value(at).into();
        let (left, right): (f64, f64) = (left.value(at).into(), right.value(at).into());
        if value.is_infinite() && left.is_finite() && right.is_finite() {
            return Err(external(Error::new(
                ErrorKind::NumericValueOutOfRange,
                "value out of range: overflow",
            )));
        }
        if product && value == 0.0 && left != 0.0 && right != 0.0 {
            return Err(external(Error::new(
                ErrorKind::NumericValueOutOfRange,
                "value out of range: underflow",
            )));
        }
    }
    Ok(())
}

fn logarithm(x: f64) -> Answer<f64> {
    let wrong = |message| Err(Error::new(ErrorKind::InvalidArgumentForLogarithm, message));
    if x == 0.0 {
        return wrong("cannot take logarithm of zero");
    }
    if x < 0.0 {
        return wrong("cannot take logarithm of a negative number");
    }
    Ok(x)
}

fn in_range(value: f64, may_be_infinite: bool, may_be_zero: bool) -> Answer<f64> {
    let wrong = |message| Err(Error::new(ErrorKind::NumericValueOutOfRange, message));
    if value.is_infinite() && !may_be_infinite {
        return wrong("value out of range: overflow");
    }
    if value == 0.0 && !may_be_zero {
        return wrong("value out of range: underflow");
    }
    Ok(value)
}

#[derive(Debug)]
struct Floats {
    name: &'static str,
    aliases: Vec<String>,
    arity: usize,
    compute: Compute,
    signature: Signature,
}

impl PartialEq for Floats {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Floats {}

impl std::hash::Hash for Floats {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Floats {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let number = |t: &DataType| t.is_numeric() || t.is_null() || *t == DataType::Utf8;
        if types.len() != self.arity || !types.iter().all(number) {
            let named = |data_type: &DataType| {
                let field = Field::new("argument", data_type.clone(), true);
                system::spelled(system::of(&field).oid, None)
            };
            let types: Vec<String> = types.iter().map(named).collect();
            let message = format!("function {}({}) does not exist", self.name, types.join(", "));
            return Err(external(
                Error::new(ErrorKind::UndefinedFunction, message).hint("It takes numbers."),
            ));
        }
        Ok(vec![DataType::Float64; self.arity])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let first = arrays[0].as_primitive::<Float64Type>();
        let computed: Float64Array = match arrays.get(1) {
            None => first.try_unary(|x| (self.compute)(x, 0.0).map_err(external))?,
            Some(second) => {
                let pairs = first.iter().zip(second.as_primitive::<Float64Type>());
                let values = pairs.map(|(x, y)| match (x, y) {
                    (Some(x), Some(y)) => (self.compute)(x, y).map(Some).map_err(external),
                    _ => Ok(None),
                });
                values.collect::<Result<_>>()?
            }
        };
        let computed: ArrayRef = Arc::new(computed);
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&computed, 0)?));
        }
        Ok(ColumnarValue::Array(computed))
    }
}
