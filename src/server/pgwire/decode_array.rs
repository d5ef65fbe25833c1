//! Array parameters, of any dimensions.

use arrow::datatypes::DataType;
use bytes::Buf;
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result};
use crate::query::{Element, array_elements};

use super::decode::{decode_parameter, invalid_binary};
use super::encode::{Format, Output};
use super::encoding::Encoding;
use super::types::parameter_type;

/// As many dimensions as Postgres' arrays may have.
const DIMENSIONS_MAX: usize = 6;

/// Numerics of one array have one precision and scale, as many as hold them all.
fn list_of(mut values: Vec<ScalarValue>, element: &DataType) -> Result<ScalarValue> {
    let mut common: Option<(u8, i8)> = None;
    for value in &values {
        if let ScalarValue::Decimal128(Some(_), precision, scale) = value {
            let (whole, digits) = common.map_or((0, 0), |(p, s)| (p - s.unsigned_abs(), s));
            let whole = whole.max(precision - scale.unsigned_abs());
            let digits = digits.max(*scale);
            common = Some((whole + digits.unsigned_abs(), digits));
        }
    }
    let mut element = values.iter().find(|value| !value.is_null()).map_or_else(
        || element.clone(),
        // Inner arrays have types of their own.
        |value| value.data_type(),
    );
    if let Some((precision, scale)) = common {
        if precision > arrow::datatypes::DECIMAL128_MAX_PRECISION {
            return Err(Error::unsupported("numerics of more than 38 digits in one array"));
        }
        element = DataType::Decimal128(precision, scale);
        values = values
            .into_iter()
            .map(|value| value.cast_to(&element))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::internal("numerics of an array").caused_by(error))?;
    } else {
        for value in values.iter_mut().filter(|value| value.is_null()) {
            *value = ScalarValue::try_from(&element)
                .map_err(|error| Error::internal("a NULL in an array").caused_by(error))?;
        }
    }
    Ok(ScalarValue::List(ScalarValue::new_list(&values, &element, true)))
}

pub(super) fn array_from_binary(bytes: &[u8], input: &Output) -> Result<ScalarValue> {
    let mut rest = bytes;
    let next = |rest: &mut &[u8]| rest.try_get_i32().map_err(|_| invalid_binary());
    let dimensions = usize::try_from(next(&mut rest)?).map_err(|_| invalid_binary())?;
    let _has_null = next(&mut rest)?;
    let element_oid = next(&mut rest)? as u32;
    let element = parameter_type(element_oid)?;
    if dimensions == 0 {
        return list_of(Vec::new(), &element);
    }
    if dimensions > DIMENSIONS_MAX {
        return Err(invalid_binary());
    }
    let mut lengths = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        lengths.push(usize::try_from(next(&mut rest)?).map_err(|_| invalid_binary())?);
        if next(&mut rest)? != 1 {
            return Err(Error::unsupported("an array that does not begin at 1"));
        }
    }
    let mut count: usize = 1;
    for length in &lengths {
        count = count.checked_mul(*length).ok_or_else(invalid_binary)?;
    }
    let mut values = Vec::new();
    for _ in 0..count {
        let length = next(&mut rest)?;
        let value = match usize::try_from(length) {
            Err(_) => None,
            Ok(length) => {
                let (value, after) = rest.split_at_checked(length).ok_or_else(invalid_binary)?;
                rest = after;
                Some(value)
            }
        };
        values.push(decode_parameter(element_oid, Format::Binary, value, input)?);
    }
    // From the innermost dimension outwards.
    for length in lengths.iter().skip(1).rev().filter(|length| **length > 0) {
        let inner = values.chunks(*length).map(|chunk| list_of(chunk.to_vec(), &element));
        values = inner.collect::<Result<_>>()?;
    }
    list_of(values, &element)
}

pub(super) fn array_from_text(text: &str, element_oid: u32, input: &Output) -> Result<ScalarValue> {
    let element = parameter_type(element_oid)?;
    values_of(array_elements(text)?, element_oid, &element, input)
}

fn values_of(
    elements: Vec<Element>,
    element_oid: u32,
    element: &DataType,
    input: &Output,
) -> Result<ScalarValue> {
    let value = |found: Element| match found {
        Element::Null => decode_parameter(element_oid, Format::Text, None, input),
        Element::Nested(inner) => values_of(inner, element_oid, element, input),
        // The array's text was decoded as a whole.
        Element::Text(text) => {
            let decoded = Output { encoding: Encoding::Utf8, ..*input };
            decode_parameter(element_oid, Format::Text, Some(text.as_bytes()), &decoded)
        }
    };
    let values = elements.into_iter().map(value).collect::<Result<Vec<_>>>()?;
    list_of(values, element)
}
