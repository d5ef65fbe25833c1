//! Text to bytea: hexadecimal after `\x`, else Postgres' older escapes.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray};

use crate::error::{Error, ErrorKind, Result};

use super::read::invalid;

/// The texts of `array` as bytes.
pub(super) fn read(array: &ArrayRef) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>().iter();
    let read = texts.map(|text| text.map(bytes).transpose()).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(read.iter().map(Option::as_deref).collect::<BinaryArray>()))
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix("\\x") {
        Some(figures) => hexadecimal(figures),
        None => escaped(text),
    }
}

fn hexadecimal(figures: &str) -> Result<Vec<u8>> {
    let wrong = |message: String| Error::new(ErrorKind::InvalidParameterValue, message);
    let mut bytes = Vec::with_capacity(figures.len() / 2);
    let mut chars = figures.chars();
    let digit = |c: char| {
        c.to_digit(16).ok_or_else(|| wrong(format!("invalid hexadecimal digit: \"{c}\"")))
    };
    while let Some(c) = chars.next() {
        if c.is_ascii_whitespace() {
            continue;
        }
        let high = digit(c)?;
        let Some(c) = chars.next() else {
            return Err(wrong("invalid hexadecimal data: odd number of digits".to_owned()));
        };
        bytes.push((high * 16 + digit(c)?) as u8);
    }
    Ok(bytes)
}

fn escaped(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'\\' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        match after {
            [b'\\', after @ ..] => {
                bytes.push(b'\\');
                rest = after;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            _ => {
                let error = invalid(text, "bytea");
                return Err(Error::new(error.kind(), "invalid input syntax for type bytea"));
            }
        }
    }
    Ok(bytes)
}
