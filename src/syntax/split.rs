//! Where statements end, told without parsing them.
//!
//! A reader of quotes and comments only: it accepts any text, so that what cannot be parsed still
//! reaches the parser, which says why.

/// Splits a script at top-level `;` without parsing (strings, comments and dollar quotes respected);
/// each piece with its byte offset, blank ones left out. Never fails: an unclosed quote makes one
/// last piece.
pub fn split_statements(text: &str) -> Vec<(usize, &str)> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let (mut start, mut at, mut blank) = (0, 0, true);
    while at < bytes.len() {
        if bytes[at] == b';' {
            if !blank {
                pieces.push((start, &text[start..at]));
            }
            at += 1;
            (start, blank) = (at, true);
            continue;
        }
        let next = skip(bytes, at);
        let comment = matches!(bytes.get(at..at + 2), Some(b"--" | b"/*"));
        blank &= comment || bytes[at].is_ascii_whitespace();
        at = next;
    }
    if !blank {
        pieces.push((start, &text[start..]));
    }
    pieces
}

// One past what begins at `at`: a quoted thing, a comment, a word, or one byte. `;`, quotes and
// comment marks are ASCII, so stepping over the bytes of a longer character one by one is harmless,
// and pieces are cut at `;` only.
fn skip(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        b'\'' => quoted(bytes, at + 1, b'\'', false),
        b'"' => quoted(bytes, at + 1, b'"', false),
        b'e' | b'E' if bytes.get(at + 1) == Some(&b'\'') => quoted(bytes, at + 2, b'\'', true),
        b'-' if bytes.get(at + 1) == Some(&b'-') => {
            let end = bytes[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            end.map_or(bytes.len(), |length| at + length)
        }
        b'/' if bytes.get(at + 1) == Some(&b'*') => comment(bytes, at + 2),
        b'$' => dollar(bytes, at),
        byte if is_word(byte) => word(bytes, at),
        _ => at + 1,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

// A word may hold `$`, which then opens no quote.
fn word(bytes: &[u8], at: usize) -> usize {
    let rest = bytes[at..].iter().position(|byte| !is_word(*byte) && *byte != b'$');
    rest.map_or(bytes.len(), |length| at + length)
}

// A doubled quote ends one part and opens the next, so it needs no case of its own.
fn quoted(bytes: &[u8], mut at: usize, quote: u8, escapes: bool) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 1_usize;
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn dollar(bytes: &[u8], at: usize) -> usize {
    let tag = bytes[at + 1..].iter().position(|byte| !is_word(*byte));
    let Some(length) = tag.filter(|length| bytes[at + 1 + length] == b'$') else { return at + 1 };
    if bytes[at + 1].is_ascii_digit() {
        return at + 1;
    }
    let mark = &bytes[at..at + length + 2];
    let body = at + mark.len();
    find(bytes, body, mark)
}

// One past the next `needle`, or the end.
fn find(bytes: &[u8], from: usize, needle: &[u8]) -> usize {
    let found = bytes[from..].windows(needle.len()).position(|window| window == needle);
    found.map_or(bytes.len(), |offset| from + offset + needle.len())
}

/// `text` as it reads where plain strings have escapes (`standard_conforming_strings = off`): those that
/// hold a backslash are marked as such. `None` where none does.
pub fn with_escapes(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        let unicode =
            matches!(at.checked_sub(2).and_then(|from| bytes.get(from..at)), Some(b"U&" | b"u&"));
        if bytes[at] != b'\'' || unicode {
            at = skip(bytes, at);
            continue;
        }
        let end = quoted(bytes, at + 1, b'\'', true).min(bytes.len());
        if bytes[at..end].contains(&b'\\') {
            out.push_str(&text[copied..at]);
            out.push('E');
            copied = at;
        }
        at = end;
    }
    if copied == 0 && out.is_empty() {
        return None;
    }
    out.push_str(&text[copied..]);
    Some(out)
}

/// Bytes of white space and comments before the first word.
pub fn leading_blank(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let comment = matches!(bytes.get(at..at + 2), Some(b"--" | b"/*"));
        if !comment && !bytes[at].is_ascii_whitespace() {
            break;
        }
        at = skip(bytes, at);
    }
    at
}

/// Where the last quoted thing, comment or word begins: what is open at the end of the text.
pub(super) fn last_opened(text: &str) -> usize {
    let (mut last, mut at) = (0, 0);
    while at < text.len() {
        last = at;
        at = skip(text.as_bytes(), at);
    }
    last
}
