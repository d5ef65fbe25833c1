//! Numbers to other numbers: rounded, and refused where they do not fit.
//!
//! Numerics round half away from zero, floats half to even, as Postgres does; a numeric becomes the
//! nearest float.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, PrimitiveArray, PrimitiveBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type,
};

use crate::error::{Error, ErrorKind, Result};
use crate::query::functions::out_of_range;
use crate::query::text::numeric_text;

use super::arrow_cast;
use super::read::decimal_of;

/// Floats below this hold every whole number.
const EXACT: u128 = 1 << 53;
/// Powers of ten up to this one are floats exactly.
const EXACT_POWER: i8 = 22;

/// `array` as `to`, another type of number.
pub(super) fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match (array.data_type(), to) {
        (DataType::Decimal128(_, scale), DataType::Float64) => {
            let values = array.as_primitive::<Decimal128Type>();
            Ok(Arc::new(each::<_, Float64Type>(values, |value| Ok(nearest(value, *scale)))?))
        }
        (DataType::Decimal128(_, scale), DataType::Float32) => {
            let values = array.as_primitive::<Decimal128Type>();
            let nearest = |value: i128| {
                Ok(numeric_text(&value.to_string(), *scale).parse().unwrap_or(f32::NAN))
            };
            Ok(Arc::new(each::<_, Float32Type>(values, nearest)?))
        }
        (DataType::Decimal128(_, from), DataType::Decimal128(precision, scale)) => {
            let values = array.as_primitive::<Decimal128Type>();
            decimals(values, *precision, *scale, |value| rescaled(value, *from, *scale))
        }
        (DataType::Decimal128(_, scale), to) => {
            let values = array.as_primitive::<Decimal128Type>();
            integers(values, to, |value| rescaled(value, *scale, 0))
        }
        (from, DataType::Decimal128(precision, scale)) if from.is_floating() => {
            // Postgres keeps the digits that a float is sure of.
            let digits = if *from == DataType::Float32 { 5 } else { 14 };
            let wide = arrow_cast(array, &DataType::Float64)?;
            let values = wide.as_primitive::<Float64Type>();
            decimals(values, *precision, *scale, |value| {
                if !value.is_finite() {
                    return Err(Error::unsupported("NaN or infinity as a numeric"));
                }
                Ok(decimal_of(&format!("{value:.digits$e}"), *scale).flatten())
            })
        }
        (from, DataType::Decimal128(precision, scale)) if from.is_integer() => {
            let wide = arrow_cast(array, &DataType::Int64)?;
            let values = wide.as_primitive::<Int64Type>();
            decimals(values, *precision, *scale, |value| rescaled(i128::from(value), 0, *scale))
        }
        (from, to) if from.is_floating() => {
            let wide = arrow_cast(array, &DataType::Float64)?;
            let values = wide.as_primitive::<Float64Type>();
            integers(values, to, |value| {
                let rounded = value.round_ties_even();
                // Beyond these a conversion would stop at the bound.
                let fits = (-9.3e18..9.3e18).contains(&rounded);
                Ok(fits.then_some(rounded as i128))
            })
        }
        (_, to) => arrow_cast(array, to),
    }
}

/// The float nearest to a numeric.
fn nearest(value: i128, scale: i8) -> f64 {
    if value.unsigned_abs() < EXACT && (0..=EXACT_POWER).contains(&scale) {
        // Both are exact, so the quotient is rounded once.
        return value as f64 / 10_f64.powi(i32::from(scale));
    }
    numeric_text(&value.to_string(), scale).parse().unwrap_or(f64::NAN)
}

/// `value` with `to` digits after the point; `None` where it outgrows the type.
fn rescaled(value: i128, from: i8, to: i8) -> Result<Option<i128>> {
    let power = |digits: i16| 10_i128.checked_pow(u32::from(digits.unsigned_abs()));
    let digits = i16::from(to) - i16::from(from);
    if digits >= 0 {
        return Ok(power(digits).and_then(|power| value.checked_mul(power)));
    }
    let Some(power) = power(digits) else { return Ok(Some(0)) };
    let (whole, rest) = (value / power, value % power);
    let up = rest.unsigned_abs() >= power.unsigned_abs() - rest.unsigned_abs();
    Ok(Some(if up { whole + value.signum() } else { whole }))
}

fn each<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    values: &PrimitiveArray<F>,
    cast: impl Fn(F::Native) -> Result<T::Native>,
) -> Result<PrimitiveArray<T>> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(values.len());
    for value in values {
        builder.append_option(value.map(&cast).transpose()?);
    }
    Ok(builder.finish())
}

/// Whole numbers of the type `to`.
fn integers<F: ArrowPrimitiveType>(
    values: &PrimitiveArray<F>,
    to: &DataType,
    whole: impl Fn(F::Native) -> Result<Option<i128>>,
) -> Result<ArrayRef> {
    fn of<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
        values: &PrimitiveArray<F>,
        to: &DataType,
        whole: impl Fn(F::Native) -> Result<Option<i128>>,
    ) -> Result<ArrayRef>
    where
        T::Native: TryFrom<i128>,
    {
        let cast = |value| {
            let whole = whole(value)?;
            whole.and_then(|whole| T::Native::try_from(whole).ok()).ok_or_else(|| out_of_range(to))
        };
        Ok(Arc::new(each::<F, T>(values, cast)?))
    }
    match to {
        DataType::Int8 => of::<F, Int8Type>(values, to, whole),
        DataType::Int16 => of::<F, Int16Type>(values, to, whole),
        DataType::Int32 => of::<F, Int32Type>(values, to, whole),
        _ => of::<F, Int64Type>(values, to, whole),
    }
}

/// Numerics of `precision` digits in all.
pub(super) fn decimals<F: ArrowPrimitiveType>(
    values: &PrimitiveArray<F>,
    precision: u8,
    scale: i8,
    unscaled: impl Fn(F::Native) -> Result<Option<i128>>,
) -> Result<ArrayRef> {
    let cast = |value| fitting(unscaled(value)?, precision, scale);
    let decimals: Decimal128Array = each::<F, Decimal128Type>(values, cast)?;
    let typed = decimals.with_precision_and_scale(precision, scale);
    Ok(Arc::new(typed.map_err(|_| overflow(precision, scale))?))
}

/// A numeric's digits, if `precision` of them are enough.
pub(super) fn fitting(unscaled: Option<i128>, precision: u8, scale: i8) -> Result<i128> {
    let limit = 10_u128.checked_pow(u32::from(precision)).unwrap_or(u128::MAX);
    unscaled
        .filter(|unscaled| unscaled.unsigned_abs() < limit)
        .ok_or_else(|| overflow(precision, scale))
}

fn overflow(precision: u8, scale: i8) -> Error {
    let whole = i16::from(precision) - i16::from(scale);
    let bound = if whole == 0 { "1".to_owned() } else { format!("10^{whole}") };
    Error::new(ErrorKind::NumericValueOutOfRange, "numeric field overflow").detail(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less \
         than {bound}."
    ))
}
