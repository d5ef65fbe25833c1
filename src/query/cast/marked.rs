//! Casts from and to types that Arrow knows as text, numbers or lists only: what marks a field says.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StringArray};
use arrow::datatypes::{DataType, Field, Int16Type, Int32Type, Int64Type};
use chrono_tz::Tz;

use crate::error::{Error, ErrorKind, Result};
use crate::query::functions::{json_text, jsonb_text, reg_number, reg_text, uuid_text};
use crate::query::runtime::StatementInfo;
use crate::query::system::{element_of, marked_type, written};
use crate::query::textual;

use super::{cast_array, cast_styled, depth, in_session, is_text, nested, rows};

/// Characters of a `name`.
const NAME_BYTES_MAX: usize = 63;

/// Whether a cast between these is of this file.
pub(super) fn concerns(from: &Field, to: &Field) -> bool {
    let marked = [from, to].into_iter().any(|field| marked_type(field).is_some());
    marked || is_text(to.data_type()) && rows::holds_rows(from.data_type())
}

/// The values of `array`, which are of `from`, as ones of `to`.
pub(super) fn cast(
    info: &StatementInfo,
    array: &ArrayRef,
    from: &Field,
    to: &Field,
) -> Result<ArrayRef> {
    let (was, becomes) = (marked_type(from), marked_type(to));
    if matches!(from.data_type(), DataType::Struct(_)) && rows::holds_rows(from.data_type()) {
        return cast_array(&rows::texts(info, array)?, to.data_type());
    }
    let element = |field: &Field| match field.data_type() {
        DataType::List(element) => Some(element_of(field).unwrap_or_else(|| Arc::clone(element))),
        _ => None,
    };
    if let (Some(inner_from), Some(inner_to)) = (element(from), element(to)) {
        return elements(info, array, &inner_from, &inner_to, to);
    }
    // Through the text of each element, whose mark says what it is.
    let (text, lists) = texts_like(from, to);
    if let Some(element) = element(to) {
        let texts = cast_array(array, lists.data_type())?;
        return elements(info, &texts, &text, &element, to);
    }
    if let (Some(element), true) = (element(from), is_text(to.data_type()))
        && !matches!(was, Some("int2vector" | "oidvector"))
    {
        let texts = elements(info, array, &element, &text, &lists)?;
        return cast_array(&texts, to.data_type());
    }
    if [was, becomes].into_iter().flatten().any(|name| textual::textual(name).is_some()) {
        return kept_as_text(info.time_zone(), array, from, to);
    }
    match (was, becomes) {
        (Some("int2vector" | "oidvector"), _) if is_text(to.data_type()) => vector_texts(array),
        (Some(kind), _) if kind.starts_with("reg") && is_text(to.data_type()) => {
            let names = info.names();
            let numbers = array.as_primitive::<Int64Type>();
            let texts = numbers.iter().map(|n| n.map(|n| reg_text(&names, kind, n)));
            Ok(Arc::new(texts.collect::<StringArray>()))
        }
        (_, Some(kind)) if kind.starts_with("reg") && is_text(from.data_type()) => {
            let texts = cast_array(array, &DataType::Utf8)?;
            let numbers = texts
                .as_string::<i32>()
                .iter()
                .map(|text| text.map(|text| reg_number(info, kind, text)).transpose());
            Ok(Arc::new(numbers.collect::<Result<Int64Array>>()?))
        }
        (_, Some(kind @ ("oid" | "xid" | "cid"))) => oids(array, kind),
        (_, Some("char")) if is_text(from.data_type()) => {
            texts(array, |text| Ok(text.chars().take(1).collect()))
        }
        (Some("char"), _) if to.data_type().is_integer() => {
            let chars = cast_array(array, &DataType::Utf8)?;
            let codes = chars.as_string::<i32>().iter();
            let codes = codes.map(|c| c.map(|c| i64::from(c.bytes().next().unwrap_or(0))));
            let codes: ArrayRef = Arc::new(codes.collect::<Int64Array>());
            cast_array(&codes, to.data_type())
        }
        (_, Some("name")) => texts(array, |text| Ok(name(text).to_owned())),
        (_, Some("uuid")) => texts(array, uuid_text),
        (_, Some("json")) if was != Some("json") => texts(array, json_text),
        (_, Some("jsonb")) if was != Some("jsonb") => texts(array, jsonb_text),
        _ => {
            let styles = info.styles();
            cast_styled(&in_session(array, to.data_type(), &styles)?, to.data_type(), &styles)
        }
    }
}

/// As much of a text as a name may have.
fn name(text: &str) -> &str {
    let mut end = text.len().min(NAME_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Arrays of text with the dimensions of those cast, and what they hold.
fn texts_like(from: &Field, to: &Field) -> (Arc<Field>, Field) {
    let dimensions = depth(from.data_type()).max(depth(to.data_type()));
    let inner = nested(DataType::Utf8, dimensions.saturating_sub(1));
    let text = Arc::new(Field::new_list_field(inner, true));
    let lists = Field::new("texts", DataType::List(Arc::clone(&text)), true);
    (text, lists)
}

/// Casts of [`textual`] types: from and to text, and to themselves.
fn kept_as_text(zone: Tz, array: &ArrayRef, from: &Field, to: &Field) -> Result<ArrayRef> {
    let kind = |field: &Field| marked_type(field).and_then(textual::textual);
    let text = |field: &Field| {
        let plain = ["text", "varchar", "bpchar", "name"];
        is_text(field.data_type()) && marked_type(field).is_none_or(|name| plain.contains(&name))
    };
    match (kind(from), kind(to)) {
        (Some(was), Some(becomes)) if was == becomes => Ok(Arc::clone(array)),
        (Some("cidr"), Some("inet")) => {
            texts(array, |text| Ok(textual::Address::read(text, true)?.text(false)))
        }
        (Some(was), None) if text(to) => {
            texts(array, |text| Ok(textual::shown(was, text, zone)?.into_owned()))
        }
        (None, Some("timetz")) if matches!(from.data_type(), DataType::Timestamp(_, Some(_))) => {
            let texts = cast_array(array, &DataType::Utf8)?;
            let times = texts.as_string::<i32>().iter();
            // What stands after the date.
            let times = times.map(|text| text.and_then(|text| Some(text.split_once(' ')?.1)));
            Ok(Arc::new(times.collect::<StringArray>()))
        }
        (None, Some(becomes)) if text(from) => {
            texts(array, |text| textual::read(becomes, text, zone))
        }
        _ if from.data_type().is_null() || array.null_count() == array.len() => {
            cast_array(array, to.data_type())
        }
        _ => {
            let message = format!("cannot cast type {} to {}", written(from), written(to));
            Err(Error::new(ErrorKind::CannotCoerce, message))
        }
    }
}

fn texts(array: &ArrayRef, read: impl Fn(&str) -> Result<String>) -> Result<ArrayRef> {
    let texts = cast_array(array, &DataType::Utf8)?;
    let read = texts.as_string::<i32>().iter().map(|text| text.map(&read).transpose());
    Ok(Arc::new(read.collect::<Result<StringArray>>()?))
}

/// `1 2 3`.
fn vector_texts(array: &ArrayRef) -> Result<ArrayRef> {
    let lists = array.as_list::<i32>();
    let text = |row: usize| -> Result<Option<String>> {
        if lists.is_null(row) {
            return Ok(None);
        }
        let values = cast_array(&lists.value(row), &DataType::Int64)?;
        let numbers = values.as_primitive::<Int64Type>().values().iter().map(i64::to_string);
        Ok(Some(numbers.collect::<Vec<_>>().join(" ")))
    };
    let texts = (0..lists.len()).map(text).collect::<Result<StringArray>>()?;
    Ok(Arc::new(texts))
}

fn elements(
    info: &StatementInfo,
    array: &ArrayRef,
    from: &Arc<Field>,
    to: &Arc<Field>,
    list: &Field,
) -> Result<ArrayRef> {
    let lists = array.as_list::<i32>();
    let values = cast(info, lists.values(), from, to)?;
    let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
    let element = match list.data_type() {
        DataType::List(element) => Arc::clone(element),
        _ => Arc::clone(to),
    };
    Ok(Arc::new(ListArray::new(element, offsets, values, nulls)))
}

/// Numbers of 32 bits without a sign; negative ones are read as those bits.
fn oids(array: &ArrayRef, kind: &str) -> Result<ArrayRef> {
    let out_of_range = |value: i64| {
        let message = format!("value \"{value}\" is out of range for type {kind}");
        Error::new(ErrorKind::NumericValueOutOfRange, message)
    };
    let read = |text: &str| -> Result<i64> {
        let invalid = || {
            let message = format!("invalid input syntax for type {kind}: \"{text}\"");
            Error::new(ErrorKind::InvalidTextRepresentation, message)
        };
        text.trim().parse().map_err(|_| invalid())
    };
    let numbers: Int64Array = match array.data_type() {
        data_type if is_text(data_type) => {
            let texts = cast_array(array, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>().iter();
            texts.map(|text| text.map(read).transpose()).collect::<Result<_>>()?
        }
        DataType::Int16 => array.as_primitive::<Int16Type>().unary(i64::from),
        DataType::Int32 => array.as_primitive::<Int32Type>().unary(i64::from),
        _ => cast_array(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone(),
    };
    let unsigned = numbers.iter().map(|number| match number {
        Some(number) if number < i64::from(i32::MIN) || number > i64::from(u32::MAX) => {
            Err(out_of_range(number))
        }
        Some(number) if number < 0 => Ok(Some(number + (1 << 32))),
        number => Ok(number),
    });
    Ok(Arc::new(unsigned.collect::<Result<Int64Array>>()?))
}
