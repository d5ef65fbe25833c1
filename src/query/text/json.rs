//! Json as a value: read, asked, and printed as `json` and as `jsonb` print it.
//!
//! Its one idea: a number keeps its digits and an object its order, until `jsonb` orders the keys.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::error::{Error, ErrorKind, Result};

use super::number::without_exponent;

/// How deep values may lie within each other.
const DEPTH_MAX: usize = 256;

/// A value of json.
#[derive(Debug, Clone)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As written, but for an exponent.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
    /// Known to be json, and left as it was written.
    Written(String),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Whether what lies within the outermost array or object stays as it was written.
    keeps: bool,
}

impl Json {
    /// Reads json.
    ///
    /// # Errors
    /// `InvalidTextRepresentation`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::read(text, false)
    }

    /// Reads an array or an object whose parts stay as they were written.
    ///
    /// # Errors
    /// `InvalidTextRepresentation`.
    pub(crate) fn opened(text: &str) -> Result<Self> {
        Self::read(text, true)
    }

    fn read(text: &str, keeps: bool) -> Result<Self> {
        let mut reader = Reader { text, at: 0, keeps };
        let value = reader.value(0).and_then(|value| {
            reader.blank();
            if reader.at == text.len() { Ok(value) } else { Err(()) }
        });
        value.map_err(|()| {
            let rest = text.get(reader.at..).unwrap_or_default();
            let token: String = rest
                .chars()
                .enumerate()
                .take_while(|(at, c)| *at == 0 || c.is_alphanumeric() || *c == '_')
                .map(|(_, c)| c)
                .collect();
            let detail = if token.is_empty() {
                "The input string ended unexpectedly.".to_owned()
            } else {
                format!("Token \"{token}\" is invalid.")
            };
            let message = "invalid input syntax for type json";
            Error::new(ErrorKind::InvalidTextRepresentation, message).detail(detail)
        })
    }

    /// The name of its kind, as `json_typeof` says.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::Text(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
            Json::Written(text) => Json::parse(text).map_or("null", |value| value.kind()),
        }
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The element at this place, from 0; from the end where it is negative.
    pub(crate) fn element(&self, at: i64) -> Option<&Json> {
        let Json::Array(elements) = self else { return None };
        let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
        let at = if at < 0 { at + length } else { at };
        elements.get(usize::try_from(at).ok()?)
    }

    /// One step of a path: a name, or a place in an array.
    pub(crate) fn step(&self, step: &str) -> Option<&Json> {
        match self {
            Json::Array(_) => self.element(step.trim().parse().ok()?),
            _ => self.member(step),
        }
    }

    /// Itself as text where it is a string; NULL of json is none.
    pub(crate) fn plain(&self, binary: bool) -> Option<String> {
        match self {
            Json::Null => None,
            Json::Text(text) => Some(text.clone()),
            Json::Written(text) => match Json::parse(text) {
                Ok(Json::Null) => None,
                Ok(Json::Text(text)) => Some(text),
                _ => Some(text.clone()),
            },
            other => Some(if binary { other.spaced() } else { other.compact() }),
        }
    }

    /// As `jsonb` keeps it: keys in its order, the last of equal ones.
    pub(crate) fn ordered(self) -> Self {
        match self {
            Json::Array(elements) => Json::Array(elements.into_iter().map(Json::ordered).collect()),
            Json::Object(members) => {
                let mut kept: Vec<(String, Json)> = Vec::with_capacity(members.len());
                for (name, value) in members {
                    kept.retain(|(known, _)| *known != name);
                    kept.push((name, value.ordered()));
                }
                let by_length = |one: &str, other: &str| -> Ordering {
                    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
                };
                kept.sort_by(|(one, _), (other, _)| by_length(one, other));
                Json::Object(kept)
            }
            Json::Number(number) => Json::Number(without_exponent(&number)),
            Json::Written(text) => Json::parse(&text).map_or(Json::Null, Json::ordered),
            other => other,
        }
    }

    /// Without blanks.
    pub(crate) fn compact(&self) -> String {
        let mut text = String::new();
        self.print("", &mut text);
        text
    }

    /// With a blank after each comma and colon, as `jsonb` prints.
    pub(crate) fn spaced(&self) -> String {
        let mut text = String::new();
        self.print(" ", &mut text);
        text
    }

    /// On lines of their own, as `jsonb_pretty` prints.
    pub(crate) fn pretty(&self, depth: usize) -> String {
        let inner = "    ".repeat(depth + 1);
        let lines: Vec<String> = match self {
            Json::Array(elements) => {
                elements.iter().map(|value| format!("{inner}{}", value.pretty(depth + 1))).collect()
            }
            Json::Object(members) => members
                .iter()
                .map(|(name, value)| {
                    format!("{inner}{}: {}", quoted(name), value.pretty(depth + 1))
                })
                .collect(),
            other => return other.spaced(),
        };
        let (open, close) = if matches!(self, Json::Array(_)) { ('[', ']') } else { ('{', '}') };
        let body = lines.join(",\n");
        let separator = if lines.is_empty() { "" } else { "\n" };
        format!("{open}\n{body}{separator}{}{close}", "    ".repeat(depth))
    }

    fn print(&self, blank: &str, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Number(number) | Json::Written(number) => out.push_str(number),
            Json::Text(text) => out.push_str(&quoted(text)),
            Json::Array(elements) => {
                out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                        out.push_str(blank);
                    }
                    element.print(blank, out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                        out.push_str(blank);
                    }
                    out.push_str(&quoted(name));
                    out.push(':');
                    out.push_str(blank);
                    value.print(blank, out);
                }
                out.push('}');
            }
        }
    }
}

/// A string of json.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, ()> {
        if depth > DEPTH_MAX {
            return Err(());
        }
        self.blank();
        if self.keeps && depth == 1 {
            self.keeps = false;
            let start = self.at;
            self.value(depth)?;
            self.keeps = true;
            return self
                .text
                .get(start..self.at)
                .map(|text| Json::Written(text.to_owned()))
                .ok_or(());
        }
        if self.take("null") {
            return Ok(Json::Null);
        }
        if self.take("true") {
            return Ok(Json::Bool(true));
        }
        if self.take("false") {
            return Ok(Json::Bool(false));
        }
        match self.rest().chars().next().ok_or(())? {
            '"' => self.string().map(Json::Text),
            '[' => self.array(depth),
            '{' => self.object(depth),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, ()> {
        self.at += 1;
        let mut elements = Vec::new();
        self.blank();
        if self.take("]") {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.blank();
            if self.take("]") {
                return Ok(Json::Array(elements));
            }
            if !self.take(",") {
                return Err(());
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, ()> {
        self.at += 1;
        let mut members = Vec::new();
        self.blank();
        if self.take("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.blank();
            if !self.rest().starts_with('"') {
                return Err(());
            }
            let name = self.string()?;
            self.blank();
            if !self.take(":") {
                return Err(());
            }
            members.push((name, self.value(depth + 1)?));
            self.blank();
            if self.take("}") {
                return Ok(Json::Object(members));
            }
            if !self.take(",") {
                return Err(());
            }
        }
    }

    fn string(&mut self) -> Result<String, ()> {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = self.rest();
            let stop = rest.find(['"', '\\']).ok_or(())?;
            let escaped = rest.as_bytes().get(stop) == Some(&b'\\');
            self.at += stop + 1;
            if !escaped {
                break;
            }
            self.at += self.rest().chars().next().ok_or(())?.len_utf8();
        }
        // The escapes are serde_json's to read.
        serde_json::from_str(self.text.get(start..self.at).ok_or(())?).map_err(|_| ())
    }

    fn number(&mut self) -> Result<Json, ()> {
        let rest = self.rest();
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut length = usize::from(rest.starts_with('-'));
        let whole = digits(&rest[length..]);
        if whole == 0 || whole > 1 && rest[length..].starts_with('0') {
            return Err(());
        }
        length += whole;
        if rest[length..].starts_with('.') {
            let fraction = digits(&rest[length + 1..]);
            if fraction == 0 {
                return Err(());
            }
            length += 1 + fraction;
        }
        if rest[length..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[length + 1 + sign..]);
            if exponent == 0 {
                return Err(());
            }
            length += 1 + sign + exponent;
        }
        if rest[length..].starts_with(|c: char| c.is_alphanumeric()) {
            return Err(());
        }
        let number = rest[..length].to_owned();
        self.at += length;
        Ok(Json::Number(number))
    }
}
