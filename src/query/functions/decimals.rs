//! Products and quotients of numerics, rounded half away from zero, and quotients of floats.
//!
//! Computed in 256 bits, so that the only loss is the final rounding to the result's scale.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowNumericType, AsArray, Decimal128Array, PrimitiveArray};
use arrow::compute::kernels::arity::try_binary;
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Float32Type, Float64Type, i256};
use arrow::error::ArrowError;
use datafusion::common::{Result, exec_err};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

use super::sum::numeric_overflow;

/// `left / right` with the precision and scale of `data_type`.
pub(crate) fn divide(left: &ArrayRef, right: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    let (left, right) = (operand(left), operand(right));
    let (precision, scale) = parameters(data_type)?;
    let shift = i32::from(scale) + i32::from(right.scale()) - i32::from(left.scale());
    let (up, down) = (power(shift), power(-shift));
    compute(left, right, precision, scale, |left, right| {
        if right == 0 {
            return Err(ArrowError::DivideByZero);
        }
        let numerator = i256::from_i128(left).checked_mul(up).ok_or_else(overflow)?;
        let denominator = i256::from_i128(right).checked_mul(down).ok_or_else(overflow)?;
        quotient(numerator, denominator)
    })
}

/// `left * right` with the precision and scale of `data_type`.
pub(crate) fn multiply(
    left: &ArrayRef,
    right: &ArrayRef,
    data_type: &DataType,
) -> Result<ArrayRef> {
    let (left, right) = (operand(left), operand(right));
    let (precision, scale) = parameters(data_type)?;
    let surplus = i32::from(left.scale()) + i32::from(right.scale()) - i32::from(scale);
    let (up, down) = (power(-surplus), power(surplus));
    compute(left, right, precision, scale, |left, right| {
        let product = i256::from_i128(left)
            .checked_mul(i256::from_i128(right))
            .and_then(|product| product.checked_mul(up))
            .ok_or_else(overflow)?;
        quotient(product, down)
    })
}

/// `sum / count` with `to` digits after the point, where `sum` has `from`.
pub(crate) fn average(sum: i128, count: i64, from: i8, to: i8) -> Result<i128> {
    let up = power(i32::from(to) - i32::from(from));
    let average = i256::from_i128(sum)
        .checked_mul(up)
        .ok_or_else(overflow)
        .and_then(|sum| quotient(sum, i256::from_i128(i128::from(count))))
        .and_then(|average| average.to_i128().ok_or_else(overflow))
        .ok()
        .filter(|average| Decimal128Type::validate_decimal_precision(*average, 38, to).is_ok());
    average.ok_or_else(numeric_overflow)
}

/// `left / right`, where IEEE 754 would answer infinity or NaN for a zero divisor.
pub(crate) fn divide_floats(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    fn of<T: ArrowNumericType>(
        left: &ArrayRef,
        right: &ArrayRef,
        divided: fn(T::Native, T::Native) -> Option<T::Native>,
    ) -> Result<ArrayRef> {
        let (left, right) = (left.as_primitive::<T>(), right.as_primitive::<T>());
        let computed: PrimitiveArray<T> = try_binary(left, right, |left, right| {
            divided(left, right).ok_or(ArrowError::DivideByZero)
        })?;
        Ok(Arc::new(computed))
    }
    match left.data_type() {
        DataType::Float32 => {
            of::<Float32Type>(left, right, |a, b| if b == 0.0 { None } else { Some(a / b) })
        }
        _ => of::<Float64Type>(left, right, |a, b| if b == 0.0 { None } else { Some(a / b) }),
    }
}

fn operand(array: &ArrayRef) -> &Decimal128Array {
    array.as_primitive::<Decimal128Type>()
}

fn compute(
    left: &Decimal128Array,
    right: &Decimal128Array,
    precision: u8,
    scale: i8,
    op: impl Fn(i128, i128) -> Result<i256, ArrowError>,
) -> Result<ArrayRef> {
    let computed: Result<Decimal128Array, ArrowError> = try_binary(left, right, |left, right| {
        let value = op(left, right)?.to_i128().ok_or_else(overflow)?;
        Decimal128Type::validate_decimal_precision(value, precision, scale)
            .map_err(|_| overflow())?;
        Ok(value)
    });
    match computed {
        Ok(computed) => Ok(Arc::new(computed.with_precision_and_scale(precision, scale)?)),
        Err(ArrowError::ArithmeticOverflow(_)) => Err(external(
            Error::new(ErrorKind::NumericValueOutOfRange, "numeric field overflow").detail(
                format!("A result with {scale} digits after the point needs more than {precision} digits."),
            ),
        )),
        Err(other) => Err(other.into()),
    }
}

/// Rounded half away from zero, as Postgres rounds numerics.
fn quotient(numerator: i256, denominator: i256) -> Result<i256, ArrowError> {
    let whole = numerator.checked_div(denominator).ok_or_else(overflow)?;
    let rest = numerator.checked_rem(denominator).ok_or_else(overflow)?;
    let twice = rest.wrapping_abs().checked_mul(i256::from_i128(2)).ok_or_else(overflow)?;
    if twice < denominator.wrapping_abs() {
        return Ok(whole);
    }
    let negative = numerator.is_negative() != denominator.is_negative();
    let step = if negative { i256::MINUS_ONE } else { i256::ONE };
    whole.checked_add(step).ok_or_else(overflow)
}

/// 10 to the power of `exponent`; 1 for negative ones.
fn power(exponent: i32) -> i256 {
    let exponent = u32::try_from(exponent).unwrap_or(0);
    i256::from_i128(10).wrapping_pow(exponent)
}

fn parameters(data_type: &DataType) -> Result<(u8, i8)> {
    match data_type {
        DataType::Decimal128(precision, scale) => Ok((*precision, *scale)),
        other => exec_err!("numeric arithmetic cannot answer {other}"),
    }
}

fn overflow() -> ArrowError {
    ArrowError::ArithmeticOverflow(String::new())
}
