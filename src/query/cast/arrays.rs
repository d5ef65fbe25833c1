//! Arrays from and to text: `{1,NULL,"a b"}`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef};

use crate::error::{Error, ErrorKind, Result};

use crate::query::text::Styles;

use super::cast_styled;

/// An element of an array as written.
#[derive(Debug)]
pub enum Element {
    /// NULL.
    Null,
    /// A value's text.
    Text(String),
    /// An array within.
    Nested(Vec<Element>),
}

/// Reads text as arrays of `element`.
///
/// # Errors
/// `InvalidTextRepresentation`, and what reading an element answers.
pub(super) fn read(array: &ArrayRef, element: &FieldRef, styles: &Styles) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    let parsed = texts.iter().map(|text| text.map(parse).transpose());
    lists(parsed.collect::<Result<Vec<_>>>()?, element, styles)
}

fn lists(rows: Vec<Option<Vec<Element>>>, element: &FieldRef, styles: &Styles) -> Result<ArrayRef> {
    let nulls = NullBuffer::from(rows.iter().map(Option::is_some).collect::<Vec<_>>());
    let lengths = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let elements = rows.into_iter().flatten().flatten();
    let values = if let DataType::List(inner) = element.data_type() {
        let nested = elements.map(|element| match element {
            Element::Nested(elements) => Ok(Some(elements)),
            Element::Null => Ok(None),
            Element::Text(text) => Err(malformed(&text)),
        });
        lists(nested.collect::<Result<Vec<_>>>()?, inner, styles)?
    } else {
        let texts = elements.map(|element| match element {
            Element::Text(text) => Ok(Some(text)),
            Element::Null => Ok(None),
            Element::Nested(_) => Err(Error::unsupported("reading an array of several dimensions")),
        });
        let texts: ArrayRef = Arc::new(texts.collect::<Result<StringArray>>()?);
        cast_styled(&texts, element.data_type(), styles)?
    };
    Ok(Arc::new(ListArray::new(Arc::clone(element), offsets, values, Some(nulls))))
}

fn malformed(text: &str) -> Error {
    let message = format!("malformed array literal: \"{text}\"");
    Error::new(ErrorKind::InvalidTextRepresentation, message)
}

/// Reads the text of an array.
///
/// # Errors
/// `InvalidTextRepresentation`, also for inner arrays of different lengths; `FeatureNotSupported` for an
/// array that does not begin at 1.
pub fn parse(text: &str) -> Result<Vec<Element>> {
    let trimmed = text.trim();
    let body = match trimmed.starts_with('[') {
        true => within_bounds(trimmed).ok_or_else(|| malformed(text))??,
        false => trimmed,
    };
    let mut chars = body.char_indices().peekable();
    let outcome = elements(&mut chars, 0).filter(|_| chars.next().is_none());
    let found = outcome.ok_or_else(|| {
        let error = malformed(text);
        if trimmed.starts_with(['{', '[']) {
            return error;
        }
        error.detail("Array value must start with \"{\" or dimension information.")
    })?;
    match shape(&found) {
        Some(shape) if shape.len() > 1 && shape.contains(&0) => {
            Err(malformed(text).detail("Unexpected \"}\" character."))
        }
        Some(_) => Ok(found),
        None => Err(malformed(text)
            .detail("Multidimensional arrays must have sub-arrays with matching dimensions.")),
    }
}

/// What follows `[1:2][1:3]=`.
fn within_bounds(text: &str) -> Option<Result<&str>> {
    let (bounds, body) = text.split_once('=')?;
    let mut rest = bounds.trim();
    while !rest.is_empty() {
        let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
        let lower = inside.split_once(':').map_or("1", |(lower, _)| lower.trim());
        let lower: i32 = lower.parse().ok()?;
        if lower != 1 {
            return Some(Err(Error::unsupported("an array that does not begin at 1")));
        }
        rest = after.trim();
    }
    Some(Ok(body.trim()))
}

/// The lengths of each dimension, outermost first; `None` where inner arrays differ.
fn shape(elements: &[Element]) -> Option<Vec<usize>> {
    let inner = |element: &Element| match element {
        Element::Nested(inner) => shape(inner),
        _ => Some(Vec::new()),
    };
    let mut shapes = elements.iter().map(inner);
    let first = shapes.next().unwrap_or_else(|| Some(Vec::new()))?;
    if shapes.any(|other| other.as_ref() != Some(&first)) {
        return None;
    }
    Some(std::iter::once(elements.len()).chain(first).collect())
}

/// How many dimensions the array has that a text says; 1 for what is none.
pub(crate) fn dimensions(text: &str) -> usize {
    parse(text).ok().and_then(|elements| shape(&elements)).map_or(1, |shape| shape.len())
}

type Chars<'a> = std::iter::Peekable<std::str::CharIndices<'a>>;

/// As many dimensions as Postgres' arrays may have.
const DEPTH_MAX: usize = 6;

fn elements(chars: &mut Chars<'_>, depth: usize) -> Option<Vec<Element>> {
    if depth >= DEPTH_MAX || chars.next()?.1 != '{' {
        return None;
    }
    let mut found = Vec::new();
    blank(chars);
    if chars.next_if(|(_, c)| *c == '}').is_some() {
        return Some(found);
    }
    loop {
        blank(chars);
        found.push(match chars.peek()?.1 {
            '{' => Element::Nested(elements(chars, depth + 1)?),
            '"' => Element::Text(quoted(chars)?),
            _ => plain(chars)?,
        });
        blank(chars);
        match chars.next()?.1 {
            ',' => {}
            '}' => return Some(found),
            _ => return None,
        }
    }
}

fn blank(chars: &mut Chars<'_>) {
    while chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
}

fn quoted(chars: &mut Chars<'_>) -> Option<String> {
    chars.next();
    let mut text = String::new();
    loop {
        match chars.next()?.1 {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?.1),
            c => text.push(c),
        }
    }
}

fn plain(chars: &mut Chars<'_>) -> Option<Element> {
    let mut text = String::new();
    let mut escaped = false;
    while let Some((_, c)) = chars.next_if(|(_, c)| !matches!(c, ',' | '}' | '{' | '"')) {
        if c == '\\' {
            escaped = true;
            text.push(chars.next()?.1);
        } else {
            text.push(c);
        }
    }
    let text = text.trim_end().to_owned();
    if text.is_empty() {
        return None;
    }
    if !escaped && text.eq_ignore_ascii_case("null") {
        return Some(Element::Null);
    }
    Some(Element::Text(text))
}

/// `data_type` within so many lists more.
pub(crate) fn nested(data_type: DataType, times: usize) -> DataType {
    (0..times)
        .fold(data_type, |inner, _| DataType::List(Arc::new(Field::new_list_field(inner, true))))
}

/// How many lists are one in another.
pub(crate) fn depth(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(element) => 1 + depth(element.data_type()),
        _ => 0,
    }
}

/// Arrays as text.
///
/// # Errors
/// As printing an element does.
pub(super) fn print(array: &ArrayRef, styles: &Styles) -> Result<StringArray> {
    let lists = array.as_list::<i32>();
    let values = lists.values();
    let nested = matches!(values.data_type(), DataType::List(_));
    let texts = if nested {
        print(values, styles)?
    } else {
        cast_styled(values, &DataType::Utf8, styles)?.as_string::<i32>().clone()
    };
    // A truth is a letter in an array.
    let truth = *values.data_type() == DataType::Boolean;
    let offsets = lists.offsets();
    let text = |row: usize| {
        if lists.is_null(row) {
            return None;
        }
        let mut out = String::from("{");
        for at in offsets[row] as usize..offsets[row + 1] as usize {
            if at > offsets[row] as usize {
                out.push(',');
            }
            match texts.is_valid(at).then(|| texts.value(at)) {
                None => out.push_str("NULL"),
                Some(text) if nested => out.push_str(text),
                Some(text) if truth => out.push_str(text.get(..1).unwrap_or_default()),
                Some(text) => put_element(text, &mut out),
            }
        }
        out.push('}');
        Some(out)
    };
    Ok((0..lists.len()).map(text).collect())
}

fn put_element(text: &str, out: &mut String) {
    let special = |c: char| matches!(c, '{' | '}' | '"' | ',' | '\\') || c.is_ascii_whitespace();
    if !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.contains(special) {
        return out.push_str(text);
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
