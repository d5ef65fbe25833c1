//! The types a column of a file may have, and how SQL spells them.
//!
//! A closed set, because it is written into every file list and read back by later versions. Arrow's
//! own types are derived from it. Parses no values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

use super::naming;

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileColumn {
    /// Its name in the table.
    pub(crate) name: String,
    /// Its name as the first file had it.
    pub(crate) original: String,
    /// Its type.
    pub(crate) kind: ColumnType,
}

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColumnType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    /// Precision and scale.
    Decimal(u8, i8),
    Date,
    /// Without time zone.
    Timestamp,
    /// With time zone.
    TimestampTz,
    Text,
    Struct(Vec<FileColumn>),
    List(Box<ColumnType>),
}

impl FileColumn {
    pub(crate) fn new(name: &str, original: &str, kind: ColumnType) -> Self {
        Self { name: name.to_owned(), original: original.to_owned(), kind }
    }

    /// The Arrow field: nullable, the original name as its comment where it differs.
    pub(crate) fn field(&self) -> Field {
        let field = Field::new(&self.name, self.kind.arrow(), true);
        if self.original == self.name || self.original.trim().is_empty() {
            return field;
        }
        field.with_metadata(HashMap::from([("comment".to_owned(), self.original.clone())]))
    }
}

impl ColumnType {
    /// The Arrow type.
    pub(crate) fn arrow(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::SmallInt => DataType::Int16,
            Self::Integer => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Real => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal(precision, scale) => DataType::Decimal128(*precision, *scale),
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Text => DataType::Utf8,
            Self::Struct(columns) => DataType::Struct(
                columns
                    .iter()
                    .map(|column| Field::new(&column.name, column.kind.arrow(), true))
                    .collect::<Fields>(),
            ),
            Self::List(item) => DataType::List(Arc::new(Field::new("element", item.arrow(), true))),
        }
    }

    /// Whether its values are numbers.
    pub(crate) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::SmallInt
                | Self::Integer
                | Self::BigInt
                | Self::Real
                | Self::Double
                | Self::Decimal(..)
        )
    }

    /// Whether it has parts of its own.
    pub(crate) fn is_nested(&self) -> bool {
        matches!(self, Self::Struct(_) | Self::List(_))
    }

    /// Reads a type as SQL spells it: Postgres' names, Databricks' `STRING`, `STRUCT<a INT>` and
    /// `ARRAY<INT>`, and `int[]`.
    ///
    /// # Errors
    /// `UndefinedObject` for a name that is no type here, `InvalidParameterValue` for bad modifiers.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(item) = text.strip_suffix("[]") {
            return Ok(Self::List(Box::new(Self::parse(item)?)));
        }
        let lower = text.to_lowercase();
        if let Some(inner) = bracketed(text, &lower, "array") {
            return Ok(Self::List(Box::new(Self::parse(inner)?)));
        }
        if let Some(inner) = bracketed(text, &lower, "struct") {
            return Ok(Self::Struct(parse_columns(inner)?));
        }
        let (word, modifiers) = split_modifiers(&lower)?;
        Self::named(&word, &modifiers).ok_or_else(|| {
            Error::new(ErrorKind::UndefinedObject, format!("type \"{text}\" does not exist"))
                .hint("Columns of files are boolean, smallint, integer, bigint, real, double precision, numeric(p,s), date, timestamp, timestamptz, text, struct<...> or array<...>.")
        })
    }

    fn named(word: &str, modifiers: &[i64]) -> Option<Self> {
        Some(match word {
            "boolean" | "bool" => Self::Boolean,
            "smallint" | "int2" | "short" | "tinyint" => Self::SmallInt,
            "integer" | "int" | "int4" => Self::Integer,
            "bigint" | "int8" | "long" => Self::BigInt,
            "real" | "float4" => Self::Real,
            "double precision" | "double" | "float8" | "float" => Self::Double,
            "numeric" | "decimal" | "dec" => match modifiers {
                [] => Self::Decimal(38, 10),
                [precision] => Self::decimal(*precision, 0)?,
                [precision, scale] => Self::decimal(*precision, *scale)?,
                _ => return None,
            },
            "date" => Self::Date,
            "timestamp" | "timestamp without time zone" | "timestamp_ntz" | "timestampntz" => {
                Self::Timestamp
            }
            "timestamptz" | "timestamp with time zone" | "timestamp_ltz" => Self::TimestampTz,
            "text" | "varchar" | "character varying" | "string" | "char" | "character" | "uuid"
            | "json" | "jsonb" => Self::Text,
            _ => return None,
        })
    }

    fn decimal(precision: i64, scale: i64) -> Option<Self> {
        let precision = u8::try_from(precision).ok().filter(|p| (1..=38).contains(p))?;
        let scale = i8::try_from(scale).ok().filter(|s| (0..=precision as i8).contains(s))?;
        Some(Self::Decimal(precision, scale))
    }
}

/// Reads `name type, name type, ...`, as `schemaHints`, `schema` and `STRUCT<...>` have it; a colon
/// may stand between name and type.
pub(crate) fn parse_columns(text: &str) -> Result<Vec<FileColumn>> {
    let mut columns = Vec::new();
    for part in split_top_level(text) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let (name, kind) = split_name(part).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidParameterValue,
                format!("\"{part}\" is not of the form name type"),
            )
        })?;
        columns.push(FileColumn::new(
            &naming::clean(name, columns.len()),
            name,
            ColumnType::parse(kind)?,
        ));
    }
    Ok(columns)
}

fn split_name(part: &str) -> Option<(&str, &str)> {
    for quote in ['"', '`'] {
        if let Some(rest) = part.strip_prefix(quote) {
            let (name, kind) = rest.split_once(quote)?;
            return Some((name, kind.trim_start_matches([':', ' '])));
        }
    }
    let end = part.find(|c: char| c == ':' || c.is_whitespace())?;
    let (name, kind) = part.split_at(end);
    Some((name, kind.trim_start_matches(|c: char| c == ':' || c.is_whitespace())))
}

fn split_top_level(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (offset, character) in text.char_indices() {
        match character {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..offset]);
                start = offset + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn bracketed<'a>(text: &'a str, lower: &str, word: &str) -> Option<&'a str> {
    // Lower-casing may change byte lengths outside ASCII, but never before an ASCII-only prefix.
    let rest = lower.strip_prefix(word)?.trim_start();
    if !rest.starts_with('<') {
        return None;
    }
    let open = text.find('<')?;
    text[open + 1..].trim_end().strip_suffix('>')
}

/// `character varying(20) ` to the words and the numbers in parentheses, wherever these stand.
fn split_modifiers(lower: &str) -> Result<(String, Vec<i64>)> {
    let Some((before, rest)) = lower.split_once('(') else {
        return Ok((words(lower), Vec::new()));
    };
    let invalid = || {
        Error::new(
            ErrorKind::InvalidParameterValue,
            format!("invalid type modifier in \"{lower}\""),
        )
    };
    let (inside, after) = rest.split_once(')').ok_or_else(invalid)?;
    let modifiers = inside
        .split(',')
        .map(|number| number.trim().parse().map_err(|_| invalid()))
        .collect::<Result<Vec<i64>>>()?;
    Ok((words(&format!("{before} {after}")), modifiers))
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
