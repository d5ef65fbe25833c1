//! `to_char` of numbers and `to_number`, over patterns of `text::number_pattern`.
//!
//! Its one idea: a pattern is read once and used for every row that has the same.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Float32Type, Float64Type, Int32Type, Int64Type,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;
use crate::query::text::{Number, NumberPattern};

/// Digits after the point where the pattern is not known beforehand.
const SCALE: i8 = 16;

/// What a number is, for `to_char`; `None` for what is none.
pub(super) fn taken(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 => DataType::Int32,
        other if other.is_integer() => DataType::Int64,
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => data_type.clone(),
        _ => return None,
    })
}

/// Each number as its pattern writes it.
pub(super) fn to_char(values: &ArrayRef, formats: &ArrayRef) -> Result<ArrayRef> {
    let mut patterns = Patterns::new(formats);
    let mut texts = StringBuilder::with_capacity(values.len(), values.len() * 12);
    for row in 0..values.len() {
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        match patterns.at(row)? {
            Some(pattern) => texts.append_value(pattern.written(number_at(values, row)?)),
            None => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}

fn number_at(values: &ArrayRef, row: usize) -> Result<Number> {
    Ok(match values.data_type() {
        DataType::Int32 => Number::Whole(values.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Number::Whole(values.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => Number::Real(values.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Number::Double(values.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let scale = u32::try_from(*scale).unwrap_or(0);
            Number::Exact(values.as_primitive::<Decimal128Type>().value(row), scale)
        }
        other => return Err(external(Error::internal(format!("to_char of {other}")))),
    })
}

/// The pattern of each row, read again only where it changes.
struct Patterns<'a> {
    texts: &'a StringArray,
    last: Option<(String, NumberPattern)>,
}

impl<'a> Patterns<'a> {
    fn new(texts: &'a ArrayRef) -> Self {
        Self { texts: texts.as_string::<i32>(), last: None }
    }

    fn at(&mut self, row: usize) -> Result<Option<&NumberPattern>> {
        if self.texts.is_null(row) {
            return Ok(None);
        }
        let text = self.texts.value(row);
        if self.last.as_ref().is_none_or(|(last, _)| last != text) {
            let pattern = NumberPattern::parse(text).map_err(external)?;
            self.last = Some((text.to_owned(), pattern));
        }
        Ok(self.last.as_ref().map(|(_, pattern)| pattern))
    }
}

/// `to_number(text, pattern)`.
pub(super) fn to_number() -> Arc<ScalarUDF> {
    let texts = vec![DataType::Utf8, DataType::Utf8];
    let signature = Signature::exact(texts, Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(ToNumber { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToNumber {
    signature: Signature,
}

impl ScalarUDFImpl for ToNumber {
    fn name(&self) -> &str {
        "to_number"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(38, SCALE))
    }

    // As many digits after the point as are written there, or as the pattern has places for.
    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let given = |at: usize| match args.scalar_arguments.get(at) {
            Some(Some(ScalarValue::Utf8(Some(text)))) => Some(text.as_str()),
            _ => None,
        };
        let pattern = given(1).map(NumberPattern::parse).transpose().map_err(external)?;
        let scale = match (pattern, given(0)) {
            (Some(pattern), Some(text)) => {
                let digits = pattern.read(text).map_err(external)?;
                let fraction = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                fraction + pattern.shifted()
            }
            (Some(pattern), None) => pattern.after() + pattern.shifted(),
            (None, _) => usize::from(SCALE.unsigned_abs()),
        };
        let scale = i8::try_from(scale).unwrap_or(SCALE).min(37);
        Ok(Arc::new(Field::new("to_number", DataType::Decimal128(38, scale), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let to = args.return_field.data_type().clone();
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = arrays[0].as_string::<i32>();
        let mut patterns = Patterns::new(&arrays[1]);
        let mut read = StringBuilder::with_capacity(texts.len(), texts.len() * 8);
        for row in 0..texts.len() {
            let Some(pattern) = patterns.at(row)?.filter(|_| texts.is_valid(row)) else {
                read.append_null();
                continue;
            };
            let digits = pattern.read(texts.value(row)).map_err(external)?;
            if !digits.bytes().any(|byte| byte.is_ascii_digit()) {
                let message = format!("invalid input syntax for type numeric: \"{digits}\"");
                return Err(external(Error::new(ErrorKind::InvalidTextRepresentation, message)));
            }
            match pattern.shifted() {
                0 => read.append_value(digits),
                shifted => read.append_value(format!("{digits}e-{shifted}")),
            }
        }
        let digits: ArrayRef = Arc::new(read.finish());
        let numbers = crate::query::cast_array(&digits, &to).map_err(external)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&numbers, 0)?));
        }
        Ok(ColumnarValue::Array(numbers))
    }
}
