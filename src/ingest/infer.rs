//! Column types from values.
//!
//! Its one idea: a type is taken only if every value seen reads back from it unchanged (leading zeros
//! stay text, digits are never rounded away). What was never seen is text. Reads no files.

use serde_json::value::RawValue;

use super::json;
use super::naming;
use super::options::{ReadOptions, TextOptions};
use super::pattern;
use super::types::{ColumnType, FileColumn};
use super::widen::widen;

/// Objects nested deeper than this stay JSON text.
const DEPTH_MAX: usize = 16;

/// What the values seen so far have in common.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Guess {
    /// No value yet.
    Nothing,
    Boolean,
    Number(Digits),
    Date,
    Timestamp,
    TimestampTz,
    Text,
    Struct(Vec<(String, Guess)>),
    List(Box<Guess>),
    /// The files say it.
    Known(ColumnType),
}

/// The largest of each over all numbers seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Digits {
    whole: u32,
    fraction: u32,
    /// Written with a fraction or exponent.
    fractional: bool,
    /// Double precision would change some value's digits.
    inexact: bool,
    /// A decimal could not hold some value as written.
    exponent: bool,
}

impl Guess {
    /// By one field of a CSV file.
    pub(crate) fn of_text(text: &str, options: &TextOptions) -> Self {
        let trimmed = text.trim();
        if options.date.as_ref().is_some_and(|pattern| pattern.date(trimmed).is_some())
            && options.timestamp.is_none()
        {
            return Self::Date;
        }
        if let Some(pattern) = &options.timestamp
            && let Some((_, zoned)) = pattern.timestamp(trimmed)
        {
            return if zoned { Self::TimestampTz } else { Self::Timestamp };
        }
        if trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false") {
            return Self::Boolean;
        }
        if let Some(digits) = Digits::of(trimmed).filter(|digits| !digits.exponent) {
            return Self::Number(digits);
        }
        if options.date.is_none() && pattern::iso_date(trimmed).is_some() {
            return Self::Date;
        }
        match pattern::iso_timestamp(trimmed) {
            Some((_, true)) if options.timestamp.is_none() => Self::TimestampTz,
            Some((_, false)) if options.timestamp.is_none() => Self::Timestamp,
            _ => Self::Text,
        }
    }

    /// By one JSON value: its own type, except that what is a string stays text.
    pub(crate) fn of_json(raw: &RawValue, depth: usize) -> Self {
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'n') => Self::Nothing,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'"') => Self::Text,
            Some(b'{' | b'[') if depth >= DEPTH_MAX => Self::Text,
            Some(b'{') => match json::object(text) {
                Some(members) => {
                    members.0.into_iter().fold(Self::Struct(Vec::new()), |whole, (key, value)| {
                        let member = (key.into_owned(), Self::of_json(value, depth + 1));
                        whole.merge(Self::Struct(vec![member]))
                    })
                }
                None => Self::Text,
            },
            Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(items) => {
                    Self::List(Box::new(items.into_iter().fold(Self::Nothing, |all, item| {
                        all.merge(Self::of_json(item, depth + 1))
                    })))
                }
                Err(_) => Self::Text,
            },
            _ => match Digits::of(text) {
                Some(digits) => Self::Number(digits),
                None => Self::Text,
            },
        }
    }

    /// What two guesses have in common.
    pub(crate) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Number(a), Self::Number(b)) => Self::Number(a.merge(b)),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.merge(*b))),
            (Self::Struct(mut members), Self::Struct(others)) => {
                for (key, guess) in others {
                    match members.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => {
                            *known = std::mem::replace(known, Self::Nothing).merge(guess);
                        }
                        None => members.push((key, guess)),
                    }
                }
                Self::Struct(members)
            }
            (Self::Known(a), Self::Known(b)) => Self::Known(widen(a, b)),
            (a, b) if a == b => a,
            _ => Self::Text,
        }
    }

    /// The type that holds every value seen.
    pub(crate) fn column_type(&self, prefers_decimal: bool) -> ColumnType {
        match self {
            Self::Nothing | Self::Text => ColumnType::Text,
            Self::Boolean => ColumnType::Boolean,
            Self::Known(kind) => kind.clone(),
            Self::Number(digits) => digits.column_type(prefers_decimal),
            Self::Date => ColumnType::Date,
            Self::Timestamp => ColumnType::Timestamp,
            Self::TimestampTz => ColumnType::TimestampTz,
            // Parquet has no group without members.
            Self::Struct(members) if members.is_empty() => ColumnType::Text,
            Self::Struct(members) => {
                let names = naming::clean_all(members.iter().map(|(key, _)| key.as_str()));
                ColumnType::Struct(
                    members
                        .iter()
                        .zip(names)
                        .map(|((key, guess), name)| {
                            FileColumn::new(&name, key, guess.column_type(prefers_decimal))
                        })
                        .collect(),
                )
            }
            Self::List(item) => ColumnType::List(Box::new(item.column_type(prefers_decimal))),
        }
    }
}

impl Digits {
    /// Of a number in plain or exponent notation; `None` for what is no number, or whose text says
    /// more than its value (`007`, `+5`).
    fn of(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || fraction.is_some_and(|part| !digits(part)) {
            return None;
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        if exponent.is_some_and(|part| part.parse::<i32>().is_err()) {
            return None;
        }
        let fractional = fraction.is_some() || exponent.is_some();
        if !fractional && text.parse::<i64>().is_err() {
            return None;
        }
        let fraction = fraction.unwrap_or_default().trim_end_matches('0');
        Some(Self {
            whole: if whole == "0" { 0 } else { whole.len() as u32 },
            fraction: fraction.len() as u32,
            fractional,
            inexact: exponent.is_none() && whole.len() + fraction.len() > 15 && !exact(unsigned),
            exponent: exponent.is_some(),
        })
    }

    fn merge(self, other: Self) -> Self {
        Self {
            whole: self.whole.max(other.whole),
            fraction: self.fraction.max(other.fraction),
            fractional: self.fractional || other.fractional,
            inexact: self.inexact || other.inexact,
            exponent: self.exponent || other.exponent,
        }
    }

    fn column_type(self, prefers_decimal: bool) -> ColumnType {
        if !self.fractional {
            return ColumnType::BigInt;
        }
        let digits = self.whole + self.fraction;
        if prefers_decimal && !self.exponent && digits <= 38 {
            let precision = if digits <= 18 { 18 } else { 38 };
            return ColumnType::Decimal(precision, self.fraction as i8);
        }
        if self.inexact { ColumnType::Text } else { ColumnType::Double }
    }
}

/// Whether double precision prints the number with the digits it was written with.
fn exact(unsigned: &str) -> bool {
    let written = match unsigned.contains('.') {
        true => unsigned.trim_end_matches('0').trim_end_matches('.'),
        false => unsigned,
    };
    unsigned.parse::<f64>().is_ok_and(|value| value.to_string() == written)
}

/// The columns seen in a sample, in the order they were first met.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    columns: Vec<(FileColumn, Guess)>,
    /// Keys that were met, the ones that share a column included.
    keys: std::collections::HashMap<String, usize>,
}

impl Sample {
    /// The place of a CSV column, whose cleaned name tells it apart.
    pub(crate) fn column(&mut self, name: &str, original: &str) -> usize {
        match self.columns.iter().position(|(column, _)| column.name == name) {
            Some(at) => at,
            None => {
                self.columns
                    .push((FileColumn::new(name, original, ColumnType::Text), Guess::Nothing));
                self.columns.len() - 1
            }
        }
    }

    /// Adds a value to a column.
    pub(crate) fn add(&mut self, at: usize, guess: impl FnOnce() -> Guess) {
        if let Some((_, known)) = self.columns.get_mut(at)
            && *known != Guess::Text
        {
            *known = std::mem::replace(known, Guess::Nothing).merge(guess());
        }
    }

    /// Adds one JSON object. Keys that clean to one name share a column unless one object has both.
    pub(crate) fn add_object(&mut self, members: &json::Members<'_>) {
        for (position, (key, value)) in members.0.iter().enumerate() {
            let at = match self.keys.get(key.as_ref()) {
                Some(at) => *at,
                None => {
                    let at = self.place(key, position, members);
                    self.keys.insert(key.clone().into_owned(), at);
                    at
                }
            };
            self.add(at, || Guess::of_json(value, 0));
        }
    }

    /// Adds what a later run of files showed; false when only reading both in order could tell which
    /// keys share a column, and then this sample is of no more use.
    pub(crate) fn absorb(&mut self, later: Self) -> bool {
        let csv = self.keys.is_empty() && later.keys.is_empty();
        let mut places = Vec::with_capacity(later.columns.len());
        for (column, guess) in later.columns {
            let known = self.columns.iter().position(|(known, _)| known.name == column.name);
            let at = match known {
                None => self.column(&column.name, &column.original),
                Some(at) if csv || self.columns[at].0.original == column.original => at,
                Some(_) => return false,
            };
            self.add(at, || guess);
            places.push(at);
        }
        later.keys.into_iter().all(|(key, at)| {
            let at = places.get(at).copied().unwrap_or_default();
            *self.keys.entry(key).or_insert(at) == at
        })
    }

    fn place(&mut self, key: &str, position: usize, members: &json::Members<'_>) -> usize {
        let name = naming::clean(key, position);
        let same_name = self.columns.iter().position(|(column, _)| column.name == name);
        let Some(at) = same_name else {
            return self.column(&name, key);
        };
        let original = &self.columns[at].0.original;
        if !members.0.iter().any(|(other, _)| other.as_ref() == original.as_str()) {
            return at;
        }
        let taken = self.columns.iter().map(|(column, _)| column.name.clone()).collect();
        self.column(&naming::free_name(name, &taken), key)
    }

    /// The columns of the table's files from here on: those known before, in their order and with
    /// their types, then the new ones, then declared ones that no file had yet.
    pub(crate) fn resolve(&self, known: &[FileColumn], options: &ReadOptions) -> Vec<FileColumn> {
        let mut columns = known.to_vec();
        for column in &mut columns {
            if let Some(declared) = options.declared(&column.name) {
                column.kind = declared.kind.clone();
            }
        }
        for (column, guess) in &self.columns {
            if columns.iter().any(|known| known.name == column.name) {
                continue;
            }
            let kind = match options.declared(&column.name) {
                Some(declared) => declared.kind.clone(),
                None if options.infer_types => guess.column_type(options.prefers_decimal),
                None => ColumnType::Text,
            };
            columns.push(FileColumn { kind, ..column.clone() });
        }
        for declared in &options.declared {
            if !columns.iter().any(|known| known.name == declared.name) {
                columns.push(declared.clone());
            }
        }
        columns
    }
}
