//! An array of a Parquet file as one of a table's column.
//!
//! Its one idea: an array whose values all fit is taken over or cast as a whole, and cast back to see
//! that nothing was lost; the rest goes value by value the way JSON's values do. Knows no files.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, ListArray, StructArray, new_null_array,
};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, cast, cast_with_options, nullif};
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};

use super::columns::{ColumnBuilder, Lookup};
use super::json;
use super::options::TextOptions;
use super::types::ColumnType;
use super::widen::of_arrow;

/// A row, and its value as JSON.
pub(crate) type Misfit = (usize, String);

/// `array` as a column of this type, NULL where a value does not fit, and those values.
pub(crate) fn conform(
    field: &FieldRef,
    array: &ArrayRef,
    kind: &ColumnType,
    texts: &TextOptions,
) -> std::result::Result<(ArrayRef, Vec<Misfit>), ArrowError> {
    if let Some(whole) = as_it_is(array, kind) {
        return Ok((whole, Vec::new()));
    }
    if castable(array.data_type(), kind) {
        return exactly(field, array, &kind.arrow());
    }
    one_by_one(field, array, kind, texts)
}

/// Values of a type with parts, each written as JSON text, `[1, 2]` or `{"a": 1}`.
///
/// # Errors
/// `InvalidTextRepresentation` naming the first that is none; `DatatypeMismatch` where there is no text.
pub fn nested_values(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to || array.data_type().is_null() {
        return cast(array, to).map_err(inconsistent);
    }
    let Some(texts) = array.as_string_opt::<i32>() else {
        return Err(Error::new(
            ErrorKind::DatatypeMismatch,
            "a value of a type with parts is written as JSON text",
        ));
    };
    let mut builder = ColumnBuilder::new(&of_arrow(to));
    for text in texts {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        let raw = serde_json::from_str::<&RawValue>(text).ok();
        if !raw.is_some_and(|raw| builder.append_json(raw, &TextOptions::default())) {
            return Err(Error::new(
                ErrorKind::InvalidTextRepresentation,
                format!("\"{text}\" is no JSON of this type"),
            ));
        }
    }
    let built = builder.finish().map_err(inconsistent)?;
    cast(&built, to).map_err(inconsistent)
}

fn inconsistent(error: ArrowError) -> Error {
    Error::internal("values of a column differ").caused_by(error)
}

/// Every value that is not NULL: the table has no column for them.
pub(crate) fn every_value(
    field: &FieldRef,
    array: &ArrayRef,
) -> std::result::Result<Vec<Misfit>, ArrowError> {
    let all = BooleanArray::from(vec![true; array.len()]);
    values(field, array, &all)
}

/// The array, where its type differs in names and layout only.
fn as_it_is(array: &ArrayRef, kind: &ColumnType) -> Option<ArrayRef> {
    let target = kind.arrow();
    match (kind, array.data_type()) {
        (ColumnType::Text, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            let text = cast(array, &target).ok()?;
            // Text cannot carry a NUL.
            let values = text.as_string::<i32>().values();
            memchr::memchr(0, values.as_slice()).is_none().then_some(text)
        }
        (ColumnType::Struct(columns), DataType::Struct(fields)) => {
            let lookup = Lookup::new(columns);
            let array = array.as_struct();
            let mut members: Vec<Option<ArrayRef>> = vec![None; columns.len()];
            for (field, member) in fields.iter().zip(array.columns()) {
                let at = lookup.find(field.name())?;
                if members[at].is_some() {
                    return None;
                }
                members[at] = Some(as_it_is(member, &columns[at].kind)?);
            }
            let members = members
                .into_iter()
                .zip(columns)
                .map(|(member, column)| {
                    member.unwrap_or_else(|| new_null_array(&column.kind.arrow(), array.len()))
                })
                .collect();
            let DataType::Struct(fields) = target else { return None };
            let nulls = array.nulls().cloned();
            Some(Arc::new(StructArray::try_new(fields, members, nulls).ok()?))
        }
        (ColumnType::List(item), DataType::List(_)) => {
            let list = array.as_list::<i32>();
            let items = as_it_is(list.values(), item)?;
            let DataType::List(field) = target else { return None };
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Some(Arc::new(ListArray::try_new(field, offsets, items, nulls).ok()?))
        }
        (ColumnType::List(item), DataType::Map(..)) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let items = as_it_is(&entries, item)?;
            let DataType::List(field) = target else { return None };
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Some(Arc::new(ListArray::try_new(field, offsets, items, nulls).ok()?))
        }
        (ColumnType::Struct(_) | ColumnType::List(_), _) => None,
        (_, own) if *own == target => Some(Arc::clone(array)),
        _ => None,
    }
}

/// Whether a cast keeps the meaning of what it keeps the value of.
fn castable(from: &DataType, to: &ColumnType) -> bool {
    match to {
        ColumnType::Date | ColumnType::TimestampTz => {
            matches!(from, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
        }
        // An offset has no place in a column without.
        ColumnType::Timestamp => {
            matches!(from, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None))
        }
        ColumnType::Text => matches!(from, DataType::Binary | DataType::LargeBinary),
        _ => to.is_number() && from.is_numeric(),
    }
}

/// Casts, and back: what comes back otherwise did not fit.
fn exactly(
    field: &FieldRef,
    array: &ArrayRef,
    to: &DataType,
) -> std::result::Result<(ArrayRef, Vec<Misfit>), ArrowError> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let there = cast_with_options(array, to, &options)?;
    let back = cast_with_options(&there, array.data_type(), &options)?;
    let mut same = not_distinct(&back, array)?;
    if let Some(texts) = there.as_string_opt::<i32>() {
        // Text cannot carry a NUL.
        let sound = texts.iter().map(|text| text.is_none_or(|text| !text.contains('\0')));
        same = arrow::compute::and(&same, &sound.map(Some).collect())?;
    }
    if same.false_count() == 0 {
        return Ok((there, Vec::new()));
    }
    let misfit = arrow::compute::not(&same)?;
    Ok((nullif(&there, &misfit)?, values(field, array, &misfit)?))
}

fn one_by_one(
    field: &FieldRef,
    array: &ArrayRef,
    kind: &ColumnType,
    texts: &TextOptions,
) -> std::result::Result<(ArrayRef, Vec<Misfit>), ArrowError> {
    let mut builder = ColumnBuilder::new(kind);
    let mut misfits = Vec::new();
    print(field, array, None, |row, value| {
        let Some(text) = value else { return builder.append_null() };
        let fits = match serde_json::from_str::<&RawValue>(&text) {
            Ok(raw) => builder.append_json(raw, texts),
            Err(_) => {
                builder.append_null();
                false
            }
        };
        if !fits {
            misfits.push((row, text));
        }
    })?;
    Ok((builder.finish()?, misfits))
}

/// The values of the rows that are marked, as JSON.
fn values(
    field: &FieldRef,
    array: &ArrayRef,
    marked: &BooleanArray,
) -> std::result::Result<Vec<Misfit>, ArrowError> {
    let mut values = Vec::new();
    print(field, array, Some(marked), |row, value| values.extend(value.map(|value| (row, value))))?;
    Ok(values)
}

/// Hands each value, of the marked rows where some are, to `take` as JSON; NULL is none.
fn print(
    field: &FieldRef,
    array: &ArrayRef,
    marked: Option<&BooleanArray>,
    mut take: impl FnMut(usize, Option<String>),
) -> std::result::Result<(), ArrowError> {
    let (options, format) = (EncoderOptions::default(), FormatOptions::default());
    let mut encoder = make_encoder(field, array, &options).ok();
    let shown = ArrayFormatter::try_new(array, &format)?;
    let nulls = array.logical_nulls();
    let mut buffer = Vec::new();
    for row in 0..array.len() {
        if marked.is_some_and(|marked| !marked.value(row)) {
            continue;
        }
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            take(row, None);
            continue;
        }
        buffer.clear();
        if let Some(encoder) = &mut encoder {
            encoder.encode(row, &mut buffer);
        }
        // What JSON has no word for, not-a-number for one, is kept as text.
        let text = match std::str::from_utf8(&buffer) {
            Ok(text) if !matches!(text, "" | "null") => text.to_owned(),
            _ => json::quoted(&shown.value(row).to_string()),
        };
        take(row, Some(text));
    }
    Ok(())
}
