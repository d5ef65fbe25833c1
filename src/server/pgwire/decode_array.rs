//! Array parameters, of one dimension.

use arrow::datatypes::DataType;
use bytes::Buf;
use datafusion::scalar::ScalarValue;

use crate::error::{Error, ErrorKind, Result};

use super::decode::{decode_parameter, invalid_binary};
use super::encode::{Format, Output};
use super::types::parameter_type;

fn list_of(values: Vec<ScalarValue>, element: &DataType) -> ScalarValue {
    ScalarValue::List(ScalarValue::new_list(&values, element, true))
}

pub(super) fn array_from_binary(bytes: &[u8], input: &Output) -> Result<ScalarValue> {
    let mut rest = bytes;
    let next = |rest: &mut &[u8]| rest.try_get_i32().map_err(|_| invalid_binary());
    let dimensions = next(&mut rest)?;
    let _has_null = next(&mut rest)?;
    let element_oid = next(&mut rest)? as u32;
    let element = parameter_type(element_oid)?;
    if dimensions == 0 {
        return Ok(list_of(Vec::new(), &element));
    }
    if dimensions != 1 {
        return Err(Error::unsupported("an array parameter of several dimensions"));
    }
    let count = next(&mut rest)?;
    let _lower_bound = next(&mut rest)?;
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
    Ok(list_of(values, &element))
}

pub(super) fn array_from_text(text: &str, element_oid: u32, input: &Output) -> Result<ScalarValue> {
    let element = parameter_type(element_oid)?;
    let words = array_words(text.trim()).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidTextRepresentation,
            format!("malformed array literal: \"{text}\""),
        )
    })?;
    let values = words
        .iter()
        .map(|word| {
            let bytes = word.as_deref().map(str::as_bytes);
            decode_parameter(element_oid, Format::Text, bytes, input)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(list_of(values, &element))
}

/// The elements of `{a,"b c",NULL}`; `None` when it is malformed or has several dimensions.
fn array_words(text: &str) -> Option<Vec<Option<String>>> {
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut words = Vec::new();
    let mut characters = inside.trim().chars().peekable();
    if characters.peek().is_none() {
        return Some(words);
    }
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        let mut word = String::new();
        if characters.next_if_eq(&'"').is_some() {
            loop {
                match characters.next()? {
                    '"' => break,
                    '\\' => word.push(characters.next()?),
                    character => word.push(character),
                }
            }
            words.push(Some(word));
            while characters.next_if(|c| c.is_whitespace()).is_some() {}
        } else {
            while let Some(character) = characters.next_if(|c| *c != ',') {
                match character {
                    '"' | '{' | '}' => return None,
                    '\\' => word.push(characters.next()?),
                    character => word.push(character),
                }
            }
            let plain = word.trim();
            if plain.is_empty() {
                return None;
            }
            words.push((!plain.eq_ignore_ascii_case("null")).then(|| plain.to_owned()));
        }
        match characters.next() {
            None => return Some(words),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}
