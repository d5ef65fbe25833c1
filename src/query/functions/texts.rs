//! Functions over text that the engine lacks or means otherwise: quoting, `format`, encodings.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Volatility;

use crate::error::{Error, ErrorKind, Result};
use crate::name::quote_identifier;
use crate::query::runtime::StatementInfo;
use crate::query::system;

use super::row_wise::{Function, bool_at, int_at, null, pure, text, text_at};

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    pure("quote_ident", &["text"], "text", |_, v| text(text_at(v, 0).map(quoted))),
    pure("quote_literal", &["text", "any"], "text", |_, v| text(Some(literal(&plain(&v[0])?)))),
    pure("quote_nullable", &["text", "any"], "text", |_, v| {
        if v[0].is_null() {
            return text(Some("NULL"));
        }
        text(Some(literal(&plain(&v[0])?)))
    })
    .with_nulls(),
    pure("parse_ident", &["text", "text bool"], "_text", parse_ident),
    pure("format", &["text any*"], "text", format).with_nulls(),
    pure("encode", &["bytea text"], "text", encode),
    pure("decode", &["text text"], "bytea", decode),
    pure("width_bucket", &["float8 float8 float8 int4"], "int4", width_bucket),
    pure("to_ascii", &["text", "text text", "text int4"], "text", |_, _| {
        Err(Error::unsupported("encoding conversion from UTF8 to ASCII"))
    }),
    pure("unistr", &["text"], "text", |_, v| {
        text(Some(super::unescaped::unistr(text_at(v, 0).unwrap_or_default())?))
    }),
    pure("normalize", &["text"], "text", |_, v| text(text_at(v, 0))),
    Function {
        name: "gen_random_uuid",
        overloads: &[""],
        returns: "uuid",
        strict: true,
        volatility: Volatility::Volatile,
        body: |_, _| text(Some(uuid::Uuid::new_v4().to_string())),
    },
    pure("getdatabaseencoding", &[""], "name", |_, _| text(Some("UTF8"))),
    pure("pg_client_encoding", &[""], "name", |_, _| text(Some("UTF8"))),
    pure("pg_encoding_to_char", &["int4"], "name", |_, v| {
        text(Some(match int_at(v, 0) {
            Some(0) => "SQL_ASCII",
            Some(6) => "UTF8",
            Some(8) => "LATIN1",
            _ => "",
        }))
    }),
    pure("pg_char_to_encoding", &["name"], "int4", |_, v| {
        let number = match text_at(v, 0).unwrap_or_default().to_ascii_uppercase().as_str() {
            "UTF8" | "UTF-8" | "UNICODE" => 6,
            "SQL_ASCII" => 0,
            "LATIN1" => 8,
            _ => -1,
        };
        Ok(ScalarValue::Int32(Some(number)))
    }),
];

/// A name as a statement must have it.
pub(super) fn quoted(name: &str) -> String {
    match system::is_keyword(name) {
        true => format!("\"{name}\""),
        false => quote_identifier(name),
    }
}

/// Which of `count` equal parts between the bounds a value falls into.
fn width_bucket(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let float = |at: usize| match values.get(at) {
        Some(ScalarValue::Float64(Some(value))) => *value,
        _ => f64::NAN,
    };
    let (value, low, high) = (float(0), float(1), float(2));
    let count = i32::try_from(int_at(values, 3).unwrap_or(0)).unwrap_or(0);
    let wrong = |message| Error::new(ErrorKind::InvalidArgumentForWidthBucket, message);
    if count <= 0 {
        return Err(wrong("count must be greater than zero"));
    }
    if value.is_nan() || low.is_nan() || high.is_nan() {
        return Err(wrong("operand, lower bound, and upper bound cannot be NaN"));
    }
    if !low.is_finite() || !high.is_finite() {
        return Err(wrong("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(wrong("lower bound cannot equal upper bound"));
    }
    let part = (value - low) / (high - low);
    let bucket = if part < 0.0 {
        0
    } else if part >= 1.0 {
        count.saturating_add(1)
    } else {
        // Between 0 and the count.
        (part * f64::from(count)) as i32 + 1
    };
    Ok(ScalarValue::Int32(Some(bucket)))
}

/// A value as it prints.
pub(super) fn plain(value: &ScalarValue) -> Result<String> {
    if let ScalarValue::Boolean(Some(value)) = value {
        return Ok(if *value { "t" } else { "f" }.to_owned());
    }
    let array = value.to_array().map_err(crate::query::error::convert)?;
    let texts = crate::query::cast_array(&array, &arrow::datatypes::DataType::Utf8)?;
    let texts = arrow::array::AsArray::as_string::<i32>(&texts).clone();
    Ok(texts.value(0).to_owned())
}

/// A quoted literal; with backslashes, one in the form that escapes them.
pub(super) fn literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if value.contains('\\') {
        return format!("E'{}'", doubled.replace('\\', "\\\\"));
    }
    format!("'{doubled}'")
}

fn parse_ident(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let written = text_at(values, 0).unwrap_or_default();
    let strict = bool_at(values, 1).unwrap_or(true);
    let invalid = || {
        let message = format!("string is not a valid identifier: \"{written}\"");
        Error::new(ErrorKind::InvalidParameterValue, message)
    };
    let parts = system::parts(written).ok_or_else(invalid)?;
    let plain = |part: &String| part.chars().all(|c| c.is_alphanumeric() || "_$".contains(c));
    if strict && !written.contains('"') && !parts.iter().all(plain) {
        return Err(invalid());
    }
    let parts: Vec<ScalarValue> = parts.into_iter().map(ScalarValue::from).collect();
    let list = ScalarValue::new_list_nullable(&parts, &arrow::datatypes::DataType::Utf8);
    Ok(ScalarValue::List(list))
}

/// One `%...` of a pattern.
struct Directive {
    position: Option<usize>,
    left: bool,
    width: Option<Width>,
    kind: char,
}

enum Width {
    Is(usize),
    NextArgument,
    Argument(usize),
}

fn too_few() -> Error {
    Error::new(ErrorKind::InvalidParameterValue, "too few arguments for format()")
}

fn directive(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Directive> {
    let unterminated = || {
        Error::new(ErrorKind::InvalidParameterValue, "unterminated format() type specifier")
            .hint("For a single \"%\" use \"%%\".")
    };
    let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse::<usize>().ok()
    };
    let mut found = Directive { position: None, left: false, width: None, kind: 's' };
    if let Some(first) = number(chars) {
        if chars.next_if_eq(&'$').is_some() {
            if first == 0 {
                let message = "format specifies argument 0, but arguments are numbered from 1";
                return Err(Error::new(ErrorKind::InvalidParameterValue, message));
            }
            found.position = Some(first);
        } else {
            found.width = Some(Width::Is(first));
        }
    }
    if found.width.is_none() {
        found.left = chars.next_if_eq(&'-').is_some();
        if chars.next_if_eq(&'*').is_some() {
            let argument = number(chars);
            found.width = Some(match argument {
                Some(argument) if chars.next_if_eq(&'$').is_some() => Width::Argument(argument),
                _ => Width::NextArgument,
            });
        } else {
            found.width = number(chars).map(Width::Is);
        }
    }
    found.kind = chars.next().ok_or_else(unterminated)?;
    Ok(found)
}

fn format(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let Some(pattern) = text_at(values, 0) else { return null() };
    let (mut out, mut next) = (String::new(), 1);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let found = directive(&mut chars)?;
        let mut left = found.left;
        let width = match found.width {
            None => 0,
            Some(Width::Is(width)) => width,
            Some(Width::NextArgument | Width::Argument(_)) => {
                let at = if let Some(Width::Argument(at)) = found.width { at } else { next };
                next = at + 1;
                let width = int_at(values, at).unwrap_or(0);
                left |= width < 0;
                usize::try_from(width.unsigned_abs()).unwrap_or(0)
            }
        };
        let at = found.position.unwrap_or(next);
        next = at + 1;
        let value = values.get(at).ok_or_else(too_few)?;
        let shown = match (found.kind, value.is_null()) {
            ('s', true) => String::new(),
            ('s', false) => plain(value)?,
            ('L', true) => "NULL".to_owned(),
            ('L', false) => literal(&plain(value)?).trim_start().to_owned(),
            ('I', false) => quoted(&plain(value)?),
            ('I', true) => {
                let message = "null values cannot be formatted as an SQL identifier";
                return Err(Error::new(ErrorKind::NullValueNotAllowed, message));
            }
            (kind, _) => {
                let message = format!("unrecognized format() type specifier \"{kind}\"");
                return Err(Error::new(ErrorKind::InvalidParameterValue, message)
                    .hint("For a single \"%\" use \"%%\"."));
            }
        };
        let blanks = " ".repeat(width.min(1 << 20).saturating_sub(shown.chars().count()));
        out.push_str(&if left { shown + &blanks } else { blanks + &shown });
    }
    text(Some(out))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn bytes_at(values: &[ScalarValue], at: usize) -> &[u8] {
    match values.get(at) {
        Some(ScalarValue::Binary(Some(bytes))) => bytes,
        _ => &[],
    }
}

fn unknown_encoding(name: &str) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, format!("unrecognized encoding: \"{name}\""))
}

fn encode(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let (bytes, name) = (bytes_at(values, 0), text_at(values, 1).unwrap_or_default());
    text(Some(match name.to_ascii_lowercase().as_str() {
        "hex" => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "base64" => base64(bytes),
        "escape" => bytes
            .iter()
            .map(|byte| match byte {
                b'\\' => "\\\\".to_owned(),
                0 | 128.. => format!("\\{byte:03o}"),
                byte => char::from(*byte).to_string(),
            })
            .collect(),
        _ => return Err(unknown_encoding(name)),
    }))
}

/// In lines of 76 characters, as Postgres breaks them.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (group, chunk) in bytes.chunks(3).enumerate() {
        if group > 0 && group % 19 == 0 {
            out.push('\n');
        }
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let sextet = usize::try_from(word >> (18 - 6 * place) & 63).unwrap_or(0);
            let missing = place > chunk.len();
            out.push(if missing { '=' } else { char::from(BASE64[sextet]) });
        }
    }
    out
}

fn decode(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let (written, name) = (text_at(values, 0).unwrap_or_default(), text_at(values, 1));
    let name = name.unwrap_or_default();
    let invalid = |message: String| Error::new(ErrorKind::InvalidParameterValue, message);
    let bytes = match name.to_ascii_lowercase().as_str() {
        "hex" => {
            let digits: Vec<char> = written.chars().filter(|c| !c.is_whitespace()).collect();
            if digits.len() % 2 == 1 {
                return Err(invalid("invalid hexadecimal data: odd number of digits".to_owned()));
            }
            let digit = |c: char| {
                c.to_digit(16).ok_or_else(|| invalid(format!("invalid hexadecimal digit: \"{c}\"")))
            };
            let byte = |pair: &[char]| {
                Ok(u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).unwrap_or(0))
            };
            digits.chunks(2).map(byte).collect::<Result<Vec<u8>>>()?
        }
        "base64" => from_base64(written)?,
        "escape" => from_escapes(written)?,
        _ => return Err(unknown_encoding(name)),
    };
    Ok(ScalarValue::Binary(Some(bytes)))
}

fn from_base64(written: &str) -> Result<Vec<u8>> {
    let (mut bytes, mut word, mut count) = (Vec::new(), 0_u32, 0);
    for c in written.bytes().filter(|c| !c.is_ascii_whitespace() && *c != b'=') {
        let Some(sextet) = BASE64.iter().position(|known| *known == c) else {
            let message = format!(
                "invalid symbol \"{}\" found while decoding base64 sequence",
                char::from(c)
            );
            return Err(Error::new(ErrorKind::InvalidParameterValue, message));
        };
        word = word << 6 | u32::try_from(sextet).unwrap_or(0);
        count += 1;
        if count == 4 {
            bytes.extend(&word.to_be_bytes()[1..]);
            (word, count) = (0, 0);
        }
    }
    match count {
        0 => {}
        2 => bytes.push(u8::try_from(word >> 4 & 255).unwrap_or(0)),
        3 => bytes.extend(&(word >> 2 & 0xffff).to_be_bytes()[2..]),
        _ => {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "invalid base64 end sequence",
            )
            .hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
        }
    }
    Ok(bytes)
}

fn from_escapes(written: &str) -> Result<Vec<u8>> {
    let invalid =
        || Error::new(ErrorKind::InvalidTextRepresentation, "invalid input syntax for type bytea");
    let mut bytes = Vec::new();
    let mut rest = written.as_bytes();
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
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => return Err(invalid()),
        }
    }
    Ok(bytes)
}
