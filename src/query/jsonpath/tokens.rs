//! The words, strings and numbers of a path.

use regex::RegexBuilder;

use crate::error::{Error, ErrorKind, Result};
use crate::query::functions::postgres_pattern;
use crate::query::text::json::Json;

/// Bytes a compiled pattern may take.
const SIZE_MAX: usize = 1 << 20;

/// What is left of a path's text.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) rest: &'a str,
    pub(super) depth: usize,
    pub(super) strict: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn wrong(&self) -> Error {
        let near: String = self.rest.chars().take(10).collect();
        let message = match near.is_empty() {
            true => "syntax error at end of jsonpath input".to_owned(),
            false => format!("syntax error at or near \"{near}\" of jsonpath input"),
        };
        Error::new(ErrorKind::SyntaxError, message).detail(format!("The path is {}.", self.text))
    }

    pub(super) fn blank(&mut self) {
        self.rest = self.rest.trim_start();
        while let Some(after) = self.rest.strip_prefix("/*") {
            self.rest = after.split_once("*/").map_or("", |(_, after)| after).trim_start();
        }
    }

    pub(super) fn take(&mut self, token: &str) -> bool {
        self.blank();
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    pub(super) fn name(&mut self) -> Option<&'a str> {
        self.blank();
        let own = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = self.rest.find(|c| !own(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        Some(name)
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        let before = self.rest;
        let found = self.name().is_some_and(|name| name.eq_ignore_ascii_case(word));
        if !found {
            self.rest = before;
        }
        found
    }

    pub(super) fn require(&mut self, token: &str) -> Result<()> {
        if self.take(token) { Ok(()) } else { Err(self.wrong()) }
    }

    /// A quoted string, with the escapes of json.
    pub(super) fn string(&mut self) -> Result<String> {
        self.blank();
        let mut end = None;
        let mut escaped = false;
        for (at, c) in self.rest.char_indices() {
            match c {
                '"' if at > 0 && !escaped => {
                    end = Some(at + 1);
                    break;
                }
                '"' if at == 0 => {}
                _ if at == 0 => break,
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        let (string, rest) =
            end.and_then(|end| self.rest.split_at_checked(end)).ok_or_else(|| self.wrong())?;
        match Json::parse(string) {
            Ok(Json::Text(text)) => {
                self.rest = rest;
                Ok(text)
            }
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn number(&mut self) -> Result<Json> {
        self.blank();
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| {
            bytes.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
        };
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        let (number, rest) = self.rest.split_at(end);
        let whole = if number.starts_with('.') { format!("0{number}") } else { number.to_owned() };
        let parsed = Json::parse(&whole).map_err(|_| self.wrong())?;
        if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return Err(self.wrong());
        }
        self.rest = rest;
        Ok(parsed.ordered())
    }
}

/// A pattern of `like_regex`.
///
/// # Errors
/// `InvalidRegularExpression`, `SyntaxError`, `FeatureNotSupported`.
pub(super) fn like(pattern: &str, flags: &str) -> Result<regex::Regex> {
    let mut builder = match flags.contains('q') {
        true => RegexBuilder::new(&regex::escape(pattern)),
        false => RegexBuilder::new(&postgres_pattern(pattern)),
    };
    builder.size_limit(SIZE_MAX);
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            's' => builder.dot_matches_new_line(true),
            'm' => builder.multi_line(true),
            'q' => &mut builder,
            'x' => {
                return Err(Error::unsupported("XQuery \"x\" flag (expanded regular expressions)"));
            }
            other => {
                let message = "invalid input syntax for type jsonpath";
                return Err(Error::new(ErrorKind::SyntaxError, message).detail(format!(
                    "Unrecognized flag character \"{other}\" in LIKE_REGEX predicate."
                )));
            }
        };
    }
    builder.build().map_err(|failure| {
        let message = format!("invalid regular expression: {failure}");
        Error::new(ErrorKind::InvalidRegularExpression, message)
    })
}
