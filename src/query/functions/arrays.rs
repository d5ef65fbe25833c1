//! What may be asked of an array: its bounds, its length, its dimensions.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::runtime::StatementInfo;

use super::row_wise::{Function, int_at, list_at, null, pure, text, text_at};

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    pure("array_upper", &["any int8"], "int4", length_of),
    pure("array_length", &["any int8"], "int4", length_of),
    pure("array_lower", &["any int8"], "int4", |info, v| {
        let length = length_of(info, v)?;
        if length.is_null() { null() } else { Ok(ScalarValue::Int32(Some(1))) }
    }),
    pure("array_ndims", &["any"], "int4", |_, v| {
        let lengths = lengths(v)?;
        if lengths.is_empty() {
            return null();
        }
        Ok(ScalarValue::Int32(i32::try_from(lengths.len()).ok()))
    }),
    pure("array_dims", &["any"], "text", |_, v| {
        let lengths = lengths(v)?;
        let dims: String = lengths.iter().map(|length| format!("[1:{length}]")).collect();
        text((!lengths.is_empty()).then_some(dims))
    }),
    pure("cardinality", &["any"], "int4", |_, v| {
        let lengths = lengths(v)?;
        let count: usize = if lengths.is_empty() { 0 } else { lengths.iter().product() };
        Ok(ScalarValue::Int32(i32::try_from(count).ok()))
    }),
    pure("string_to_array", &["text text", "text text text"], "_text", string_to_array)
        .with_nulls(),
    pure("pg_blocking_pids", &["int4"], "_int4", |_, _| {
        // Nobody waits for another's lock.
        let none = ScalarValue::new_list_nullable(&[], &DataType::Int32);
        Ok(ScalarValue::List(none))
    }),
    // `x LIKE p ESCAPE e` is `x LIKE __like_pattern(p, e)`.
    pure("__like_pattern", &["text text"], "text", like_pattern),
];

/// The parts of a text: between separators, each character for a NULL one; those equal to the third are NULL.
fn string_to_array(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let list = |parts: Vec<&str>| {
        let absent = text_at(values, 2);
        let part = |part: &str| {
            ScalarValue::Utf8(absent.is_none_or(|absent| absent != part).then(|| part.to_owned()))
        };
        let parts: Vec<ScalarValue> = parts.into_iter().map(part).collect();
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&parts, &DataType::Utf8)))
    };
    let Some(whole) = text_at(values, 0) else {
        return ScalarValue::try_new_null(&list(Vec::new())?.data_type())
            .map_err(crate::query::error::convert);
    };
    match text_at(values, 1) {
        _ if whole.is_empty() => list(Vec::new()),
        None => {
            let ends = whole.char_indices().map(|(at, c)| &whole[at..at + c.len_utf8()]);
            list(ends.collect())
        }
        Some("") => list(vec![whole]),
        Some(separator) => list(whole.split(separator).collect()),
    }
}

/// The lengths of an array's dimensions, outermost first; none for an empty one.
fn lengths(values: &[ScalarValue]) -> Result<Vec<usize>> {
    let Some(mut list) = list_at(values, 0) else {
        let message = "function of an array does not exist for another type";
        return Err(Error::new(ErrorKind::UndefinedFunction, message));
    };
    let mut lengths = Vec::new();
    loop {
        if list.is_empty() {
            return Ok(if lengths.is_empty() { lengths } else { Vec::new() });
        }
        lengths.push(list.len());
        let inner: ArrayRef = match list.data_type() {
            DataType::List(_) => list.as_list::<i32>().value(0),
            _ => return Ok(lengths),
        };
        list = inner;
    }
}

fn length_of(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let lengths = lengths(values)?;
    let dimension = int_at(values, 1).and_then(|at| usize::try_from(at - 1).ok());
    match dimension.and_then(|at| lengths.get(at)) {
        Some(length) => Ok(ScalarValue::Int32(i32::try_from(*length).ok())),
        None => null(),
    }
}

fn like_pattern(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let pattern = text_at(values, 0).unwrap_or_default();
    let mut escapes = text_at(values, 1).unwrap_or_default().chars();
    let escape = escapes.next();
    if escapes.next().is_some() {
        return Err(Error::new(ErrorKind::InvalidEscapeSequence, "invalid escape string")
            .hint("Escape string must be empty or one character."));
    }
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            let Some(next) = chars.next() else {
                let message = "LIKE pattern must not end with escape character";
                return Err(Error::new(ErrorKind::InvalidEscapeSequence, message));
            };
            out.push('\\');
            out.push(next);
        } else if c == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(c);
        }
    }
    text(Some(out))
}
