//! Regular expressions as Postgres' functions use them.
//!
//! Patterns are read by a matcher of linear time; what it does not know (references back, looking around) is
//! refused, never matched otherwise.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use regex::{Captures, Regex, RegexBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::query::runtime::StatementInfo;

use super::row_wise::{Function, boolean, int_at, null, pure, text, text_at};

/// Bytes a compiled pattern may take.
const SIZE_MAX: usize = 1 << 20;

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    pure("regexp_match", &["text text", "text text text"], "_text", |info, v| {
        let flags = flags(v, 2, false)?;
        match pattern(info, v, 1, &flags)?.captures(text_at(v, 0).unwrap_or_default()) {
            Some(found) => groups(&found),
            None => null(),
        }
    }),
    pure("__regexp_matches", &["text text", "text text text"], "__text", |info, v| {
        let flags = flags(v, 2, true)?;
        let pattern = pattern(info, v, 1, &flags)?;
        let count = if flags.global { usize::MAX } else { 1 };
        let found = pattern.captures_iter(text_at(v, 0).unwrap_or_default()).take(count);
        let rows = found.map(|found| groups(&found)).collect::<Result<Vec<_>>>()?;
        let inner = DataType::new_list(DataType::Utf8, true);
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&rows, &inner)))
    }),
    pure("regexp_replace", &["text text text", "text text text text"], "text", replace),
    pure("regexp_split_to_array", &["text text", "text text text"], "_text", split),
    pure("regexp_like", &["text text", "text text text"], "bool", |info, v| {
        let flags = flags(v, 2, false)?;
        boolean(pattern(info, v, 1, &flags)?.is_match(text_at(v, 0).unwrap_or_default()))
    }),
    pure(
        "regexp_count",
        &["text text", "text text int4", "text text int4 text"],
        "int4",
        |info, v| {
            let flags = flags(v, 3, false)?;
            let searched = from(text_at(v, 0).unwrap_or_default(), int_at(v, 2).unwrap_or(1))?;
            let count = pattern(info, v, 1, &flags)?.find_iter(searched).count();
            Ok(ScalarValue::Int32(i32::try_from(count).ok()))
        },
    ),
    pure(
        "regexp_substr",
        &[
            "text text",
            "text text int4",
            "text text int4 int4",
            "text text int4 int4 text",
            "text text int4 int4 text int4",
        ],
        "text",
        |info, v| {
            let flags = flags(v, 4, false)?;
            let searched = from(text_at(v, 0).unwrap_or_default(), int_at(v, 2).unwrap_or(1))?;
            let nth = usize::try_from(int_at(v, 3).unwrap_or(1) - 1).unwrap_or(0);
            let group = usize::try_from(int_at(v, 5).unwrap_or(0)).unwrap_or(0);
            let pattern = pattern(info, v, 1, &flags)?;
            let found = pattern.captures_iter(searched).nth(nth);
            text(found.and_then(|found| found.get(group).map(|m| m.as_str().to_owned())))
        },
    ),
    pure("__substring_matching", &["text text", "text text text"], "text", substring),
    pure("__similar_to", &["text text", "text text text"], "bool", |info, v| {
        let escape = escape(v, 2)?;
        let written = similar(text_at(v, 1).unwrap_or_default(), escape)?;
        let pattern = compiled(info, &format!("^(?:{written})$"), &Flags::default())?;
        boolean(pattern.is_match(text_at(v, 0).unwrap_or_default()))
    }),
];

#[derive(Debug, Default)]
struct Flags {
    global: bool,
    ignore_case: bool,
    by_line: bool,
    dot_stops: bool,
    expanded: bool,
    literal: bool,
}

impl Flags {
    /// A number of their own for each combination that compiles to something else.
    fn bits(&self) -> u8 {
        [self.ignore_case, self.by_line, self.dot_stops, self.expanded, self.literal]
            .into_iter()
            .fold(0, |bits, flag| bits * 2 + u8::from(flag))
    }
}

fn flags(values: &[ScalarValue], at: usize, global: bool) -> Result<Flags> {
    let mut flags = Flags::default();
    for flag in text_at(values, at).unwrap_or_default().chars() {
        match flag {
            'g' if global => flags.global = true,
            'g' => {
                let message = "this function does not support the \"global\" option";
                return Err(Error::new(ErrorKind::InvalidParameterValue, message));
            }
            'i' => flags.ignore_case = true,
            'c' => flags.ignore_case = false,
            'n' | 'm' => (flags.by_line, flags.dot_stops) = (true, true),
            'w' => flags.by_line = true,
            'p' => flags.dot_stops = true,
            's' => (flags.by_line, flags.dot_stops) = (false, false),
            'x' => flags.expanded = true,
            't' => flags.expanded = false,
            'q' => flags.literal = true,
            'e' | 'b' => {}
            other => {
                let message = format!("invalid regular expression option: \"{other}\"");
                return Err(Error::new(ErrorKind::InvalidParameterValue, message));
            }
        }
    }
    Ok(flags)
}

fn pattern(
    info: &StatementInfo,
    values: &[ScalarValue],
    at: usize,
    flags: &Flags,
) -> Result<Arc<Regex>> {
    compiled(info, text_at(values, at).unwrap_or_default(), flags)
}

/// A pattern is the same for all rows nearly always, and compiling it costs more than a thousand matches.
fn compiled(info: &StatementInfo, written: &str, flags: &Flags) -> Result<Arc<Regex>> {
    info.patterns.get((written, flags.bits()), || compile(written, flags))
}

fn compile(written: &str, flags: &Flags) -> Result<Regex> {
    let written = if flags.literal { regex::escape(written) } else { postgres(written) };
    RegexBuilder::new(&written)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.by_line)
        .dot_matches_new_line(!flags.dot_stops)
        .ignore_whitespace(flags.expanded)
        .size_limit(SIZE_MAX)
        .build()
        .map_err(|failure| {
            let reason = failure.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            let message = format!("invalid regular expression: {reason}");
            Error::new(ErrorKind::InvalidRegularExpression, message)
        })
}

/// Postgres' escapes that are written otherwise: borders of words, and the ends of the text.
pub(crate) fn postgres(written: &str) -> String {
    let mut out = String::with_capacity(written.len());
    let mut chars = written.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('m') => out.push_str("\\b{start}"),
            Some('M') => out.push_str("\\b{end}"),
            Some('y') => out.push_str("\\b"),
            Some('Y') => out.push_str("\\B"),
            Some('Z') => out.push_str("\\z"),
            // A backspace, and a backslash.
            Some('b') => out.push_str("\\x08"),
            Some('B') => out.push_str("\\\\"),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

/// What the groups matched; without groups, what all of it did.
fn groups(found: &Captures<'_>) -> Result<ScalarValue> {
    let from = usize::from(found.len() > 1);
    let texts: Vec<ScalarValue> = found
        .iter()
        .skip(from)
        .map(|group| ScalarValue::Utf8(group.map(|group| group.as_str().to_owned())))
        .collect();
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&texts, &DataType::Utf8)))
}

/// The text from a place counted in characters from 1.
fn from(searched: &str, start: i64) -> Result<&str> {
    let Some(skip) = usize::try_from(start - 1).ok() else {
        let message = format!("invalid value for parameter \"start\": {start}");
        return Err(Error::new(ErrorKind::InvalidParameterValue, message));
    };
    let at = searched.char_indices().nth(skip).map_or(searched.len(), |(at, _)| at);
    Ok(searched.get(at..).unwrap_or_default())
}

fn replace(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let flags = flags(values, 3, true)?;
    let pattern = pattern(info, values, 1, &flags)?;
    let (searched, written) = (text_at(values, 0).unwrap_or_default(), text_at(values, 2));
    let written = written.unwrap_or_default();
    let count = if flags.global { usize::MAX } else { 1 };
    let (mut out, mut last) = (String::with_capacity(searched.len()), 0);
    for found in pattern.captures_iter(searched).take(count) {
        let Some(whole) = found.get(0) else { break };
        out.push_str(&searched[last..whole.start()]);
        let mut chars = written.chars();
        while let Some(c) = chars.next() {
            match (c, c == '\\') {
                (_, true) => match chars.next() {
                    Some('&') => out.push_str(whole.as_str()),
                    Some(digit) if digit.is_ascii_digit() && digit != '0' => {
                        let group = digit.to_digit(10).unwrap_or(0) as usize;
                        out.push_str(found.get(group).map_or("", |group| group.as_str()));
                    }
                    Some('\\') => out.push('\\'),
                    Some(other) => {
                        out.push('\\');
                        out.push(other);
                    }
                    None => out.push('\\'),
                },
                (c, false) => out.push(c),
            }
        }
        last = whole.end();
    }
    out.push_str(&searched[last..]);
    text(Some(out))
}

fn split(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let flags = flags(values, 2, false)?;
    let pattern = pattern(info, values, 1, &flags)?;
    let searched = text_at(values, 0).unwrap_or_default();
    let (mut parts, mut last) = (Vec::new(), 0);
    for found in pattern.find_iter(searched) {
        // Nothing matched at either end, or right after the last match, splits nothing.
        if found.is_empty() && (found.start() == last || found.start() == searched.len()) {
            if found.start() == 0 || found.start() == searched.len() {
                continue;
            }
            if found.start() == last {
                continue;
            }
        }
        parts.push(ScalarValue::from(&searched[last..found.start()]));
        last = found.end();
    }
    parts.push(ScalarValue::from(&searched[last..]));
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&parts, &DataType::Utf8)))
}

fn substring(info: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let searched = text_at(values, 0).unwrap_or_default();
    let written = text_at(values, 1).unwrap_or_default();
    if values.len() == 3 {
        let escape = escape(values, 2)?;
        let marker = escape.map(|escape| format!("{escape}\"")).unwrap_or_default();
        let parts: Vec<&str> = written.split(&marker).collect();
        let [before, middle, after] = parts.as_slice() else {
            let whole =
                compiled(info, &format!("^(?:{})$", similar(written, escape)?), &Flags::default())?;
            return text(whole.is_match(searched).then(|| searched.to_owned()));
        };
        let parts = [before, middle, after].map(|part| similar(part, escape));
        let [before, middle, after] = parts;
        let (before, middle, after) = (before?, middle?, after?);
        let all = format!("^(?:{before})({middle})(?:{after})$");
        let pattern = compiled(info, &all, &Flags::default())?;
        let found = pattern.captures(searched);
        return text(found.and_then(|found| found.get(1).map(|m| m.as_str().to_owned())));
    }
    let pattern = compiled(info, written, &Flags::default())?;
    let found = pattern.captures(searched);
    let group = usize::from(pattern.captures_len() > 1);
    text(found.and_then(|found| found.get(group).map(|m| m.as_str().to_owned())))
}

/// The one character that takes others' meaning away; none for an empty text.
fn escape(values: &[ScalarValue], at: usize) -> Result<Option<char>> {
    let Some(written) = text_at(values, at) else { return Ok(Some('\\')) };
    let mut chars = written.chars();
    match (chars.next(), chars.next()) {
        (escape, None) => Ok(escape),
        _ => Err(Error::new(ErrorKind::InvalidParameterValue, "invalid escape string")
            .hint("Escape string must be empty or one character.")),
    }
}

/// A pattern of SIMILAR TO as a regular expression.
fn similar(written: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::new();
    let mut chars = written.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            match chars.next() {
                Some(next) => out.push_str(&regex::escape(&next.to_string())),
                None => {
                    let message = "LIKE pattern must not end with escape character";
                    return Err(Error::new(ErrorKind::InvalidEscapeSequence, message));
                }
            }
            continue;
        }
        match c {
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        match c {
            '%' if !in_class => out.push_str("(?s:.*)"),
            '_' if !in_class => out.push_str("(?s:.)"),
            '(' if !in_class => out.push_str("(?:"),
            '.' | '^' | '$' | '\\' if !in_class => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    Ok(out)
}
