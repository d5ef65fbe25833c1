//! `unistr`: characters written by their numbers.

use crate::error::{Error, ErrorKind, Result};

/// The text with `\\XXXX`, `\\+XXXXXX`, `\\uXXXX` and `\\UXXXXXXXX` as the characters they name.
///
/// # Errors
/// `SyntaxError` for what names none.
pub(super) fn unistr(written: &str) -> Result<String> {
    let mut out = String::with_capacity(written.len());
    let mut rest = written;
    let mut high: Option<u32> = None;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        let after = &escape[1..];
        if high.is_some() && !before.is_empty() {
            return Err(no_pair());
        }
        out.push_str(before);
        if let Some(more) = after.strip_prefix('\\') {
            out.push('\\');
            rest = more;
            continue;
        }
        let (code, more) = numbered(after).ok_or_else(invalid)?;
        rest = more;
        match (high.take(), code) {
            (Some(first), 0xdc00..=0xdfff) => {
                out.push(character(0x10000 + ((first - 0xd800) << 10) + (code - 0xdc00))?);
            }
            (None, 0xd800..=0xdbff) => high = Some(code),
            (None, 0xdc00..=0xdfff) | (Some(_), _) => return Err(no_pair()),
            (None, code) => out.push(character(code)?),
        }
    }
    if high.is_some() {
        return Err(no_pair());
    }
    out.push_str(rest);
    Ok(out)
}

fn numbered(text: &str) -> Option<(u32, &str)> {
    let (digits, count) = match text.chars().next()? {
        '+' => (&text[1..], 6),
        'u' => (&text[1..], 4),
        'U' => (&text[1..], 8),
        _ => (text, 4),
    };
    let (code, rest) = digits.split_at_checked(count)?;
    if !code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(code, 16).ok()?, rest))
}

fn character(code: u32) -> Result<char> {
    let invalid = || {
        let message = format!("invalid Unicode code point: {code:04X}");
        Error::new(ErrorKind::InvalidParameterValue, message)
    };
    char::from_u32(code).filter(|c| *c != '\0').ok_or_else(invalid)
}

fn no_pair() -> Error {
    Error::new(ErrorKind::SyntaxError, "invalid Unicode surrogate pair")
}

fn invalid() -> Error {
    Error::new(ErrorKind::SyntaxError, "invalid Unicode escape")
        .hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
}
