//! One column under construction: values as text or JSON in, an Arrow array out.
//!
//! Its one idea: a value either fits its column without losing anything, or the column gets NULL and
//! the caller is told, so that the raw value can be kept elsewhere. Knows no files and no lines.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, ListArray, StringBuilder,
    StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::ArrowError;
use chrono::NaiveTime;
use serde_json::value::RawValue;

use super::json::{self, Members};
use super::naming;
use super::options::TextOptions;
use super::pattern;
use super::types::{ColumnType, FileColumn};

/// A column being filled.
#[derive(Debug)]
pub(crate) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    SmallInt(Int16Builder),
    Integer(Int32Builder),
    BigInt(Int64Builder),
    Real(Float32Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder, bool),
    Text(StringBuilder),
    Struct(StructBuilder),
    List(ListBuilder),
}

/// A column of objects.
#[derive(Debug)]
pub(crate) struct StructBuilder {
    fields: Fields,
    lookup: Lookup,
    columns: Vec<ColumnBuilder>,
    valid: Vec<bool>,
}

/// A column of arrays.
#[derive(Debug)]
pub(crate) struct ListBuilder {
    item: Box<ColumnBuilder>,
    field: Arc<Field>,
    offsets: Vec<i32>,
    valid: Vec<bool>,
}

/// Finds a column by a key of a file.
#[derive(Debug)]
pub(crate) struct Lookup {
    originals: HashMap<String, usize>,
    names: HashMap<String, usize>,
}

impl Lookup {
    pub(crate) fn new(columns: &[FileColumn]) -> Self {
        let index = |of: fn(&FileColumn) -> &String| {
            columns.iter().enumerate().map(|(at, column)| (of(column).clone(), at)).collect()
        };
        Self { originals: index(|column| &column.original), names: index(|column| &column.name) }
    }

    /// The column whose original name this is, else whose cleaned name it becomes.
    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.originals.get(key).or_else(|| self.names.get(&naming::clean(key, 0))).copied()
    }
}

impl ColumnBuilder {
    pub(crate) fn new(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::SmallInt => Self::SmallInt(Int16Builder::new()),
            ColumnType::Integer => Self::Integer(Int32Builder::new()),
            ColumnType::BigInt => Self::BigInt(Int64Builder::new()),
            ColumnType::Real => Self::Real(Float32Builder::new()),
            ColumnType::Double => Self::Double(Float64Builder::new()),
            ColumnType::Decimal(precision, scale) => Self::Decimal(
                Decimal128Builder::new().with_data_type(DataType::Decimal128(*precision, *scale)),
                *precision,
                *scale,
            ),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new(), false),
            ColumnType::TimestampTz => {
                let builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
                Self::Timestamp(builder, true)
            }
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Struct(columns) => Self::Struct(StructBuilder {
                fields: columns
                    .iter()
                    .map(|column| Field::new(&column.name, column.kind.arrow(), true))
                    .collect(),
                lookup: Lookup::new(columns),
                columns: columns.iter().map(|column| Self::new(&column.kind)).collect(),
                valid: Vec::new(),
            }),
            ColumnType::List(item) => Self::List(ListBuilder {
                item: Box::new(Self::new(item)),
                field: Arc::new(Field::new("element", item.arrow(), true)),
                offsets: vec![0],
                valid: Vec::new(),
            }),
        }
    }

    pub(crate) fn append_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::SmallInt(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::BigInt(builder) => builder.append_null(),
            Self::Real(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Decimal(builder, ..) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder, _) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Struct(builder) => builder.append_null(),
            Self::List(builder) => builder.append_null(),
        }
    }

    /// Values so far.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Boolean(builder) => builder.len(),
            Self::SmallInt(builder) => builder.len(),
            Self::Integer(builder) => builder.len(),
            Self::BigInt(builder) => builder.len(),
            Self::Real(builder) => builder.len(),
            Self::Double(builder) => builder.len(),
            Self::Decimal(builder, ..) => builder.len(),
            Self::Date(builder) => builder.len(),
            Self::Timestamp(builder, _) => builder.len(),
            Self::Text(builder) => builder.len(),
            Self::Struct(builder) => builder.valid.len(),
            Self::List(builder) => builder.valid.len(),
        }
    }

    /// Appends a value given as text; false when it does not fit and NULL was appended.
    pub(crate) fn append_text(&mut self, text: &str, options: &TextOptions) -> bool {
        if let Self::Text(builder) = self {
            builder.append_value(text);
            return true;
        }
        let text = text.trim();
        let fits = match self {
            Self::Boolean(builder) => boolean(text).map(|value| builder.append_value(value)),
            Self::SmallInt(builder) => text.parse().ok().map(|value| builder.append_value(value)),
            Self::Integer(builder) => text.parse().ok().map(|value| builder.append_value(value)),
            Self::BigInt(builder) => text.parse().ok().map(|value| builder.append_value(value)),
            Self::Real(builder) => text.parse().ok().map(|value| builder.append_value(value)),
            Self::Double(builder) => text.parse().ok().map(|value| builder.append_value(value)),
            Self::Decimal(builder, precision, scale) => {
                decimal(text, *precision, *scale).map(|value| builder.append_value(value))
            }
            Self::Date(builder) => date(text, options).map(|value| builder.append_value(value)),
            Self::Timestamp(builder, zoned) => {
                timestamp(text, *zoned, options).map(|value| builder.append_value(value))
            }
            Self::Text(_) | Self::Struct(_) | Self::List(_) => None,
        };
        if fits.is_none() {
            self.append_null();
        }
        fits.is_some()
    }

    /// Appends a JSON value; false when something of it does not fit and is NULL in the column.
    pub(crate) fn append_json(&mut self, raw: &RawValue, options: &TextOptions) -> bool {
        let text = raw.get();
        if text == "null" {
            self.append_null();
            return true;
        }
        match self {
            Self::Struct(builder) => builder.append(raw, options),
            Self::List(builder) => builder.append(raw, options),
            _ if text.starts_with('"') => match json::string(raw) {
                Some(value) if !options.null_values.iter().any(|null| null.as_str() == value) => {
                    self.append_text(&value, options)
                }
                Some(_) => {
                    self.append_null();
                    true
                }
                None => {
                    self.append_null();
                    false
                }
            },
            // A number is no truth value, nor the other way round, whatever text would allow.
            Self::Boolean(_) if !matches!(text, "true" | "false") => {
                self.append_null();
                false
            }
            _ => self.append_text(text, options),
        }
    }

    /// The column so far; the builder starts again.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::SmallInt(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::BigInt(builder) => Arc::new(builder.finish()),
            Self::Real(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder, ..) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder, _) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Struct(builder) => Arc::new(builder.finish()?),
            Self::List(builder) => Arc::new(builder.finish()?),
        })
    }
}

impl StructBuilder {
    fn append_null(&mut self) {
        self.columns.iter_mut().for_each(ColumnBuilder::append_null);
        self.valid.push(false);
    }

    fn append(&mut self, raw: &RawValue, options: &TextOptions) -> bool {
        let Some(Members(members)) = json::object(raw.get()) else {
            self.append_null();
            return false;
        };
        let mut slots: Vec<Option<&RawValue>> = vec![None; self.columns.len()];
        let mut whole = true;
        for (key, value) in members {
            match self.lookup.find(&key) {
                Some(at) => slots[at] = Some(value),
                None => whole = whole && value.get() == "null",
            }
        }
        for (column, slot) in self.columns.iter_mut().zip(slots) {
            match slot {
                Some(value) => whole &= column.append_json(value, options),
                None => column.append_null(),
            }
        }
        self.valid.push(true);
        whole
    }

    fn finish(&mut self) -> Result<StructArray, ArrowError> {
        let arrays =
            self.columns.iter_mut().map(ColumnBuilder::finish).collect::<Result<Vec<_>, _>>()?;
        let nulls = NullBuffer::from(std::mem::take(&mut self.valid));
        StructArray::try_new(self.fields.clone(), arrays, Some(nulls))
    }
}

impl ListBuilder {
    fn append_null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.valid.push(false);
    }

    fn append(&mut self, raw: &RawValue, options: &TextOptions) -> bool {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
            self.append_null();
            return false;
        };
        let mut whole = true;
        for item in &items {
            whole &= self.item.append_json(item, options);
        }
        let end = self.offsets.last().copied().unwrap_or(0) + items.len() as i32;
        self.offsets.push(end);
        self.valid.push(true);
        whole
    }

    fn finish(&mut self) -> Result<ListArray, ArrowError> {
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, vec![0]).into());
        let nulls = NullBuffer::from(std::mem::take(&mut self.valid));
        ListArray::try_new(Arc::clone(&self.field), offsets, self.item.finish()?, Some(nulls))
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn date(text: &str, options: &TextOptions) -> Option<i32> {
    let date = match &options.date {
        Some(pattern) => pattern.date(text),
        None => pattern::iso_date(text),
    }?;
    let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    pattern::storable(midnight).then(|| pattern::epoch_days(date))
}

/// Text without an offset means UTC in a column with time zone; an offset has no place in one
/// without.
fn timestamp(text: &str, zoned: bool, options: &TextOptions) -> Option<i64> {
    let (micros, has_offset) = match &options.timestamp {
        Some(pattern) => pattern.timestamp(text),
        None => pattern::iso_timestamp(text),
    }?;
    (pattern::storable(micros) && (zoned || !has_offset)).then_some(micros)
}

/// The unscaled value, when the number is in plain notation and fits without rounding.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mut value, mut fraction, mut seen, mut after_point) = (0_i128, 0_i8, false, false);
    for byte in digits {
        match byte {
            b'.' if !after_point => after_point = true,
            b'0'..=b'9' => {
                seen = true;
                if after_point && fraction == scale {
                    if *byte != b'0' {
                        return None;
                    }
                    continue;
                }
                value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                fraction += i8::from(after_point);
            }
            _ => return None,
        }
    }
    let missing = u32::try_from(scale - fraction).ok()?;
    let value = value.checked_mul(10_i128.checked_pow(missing)?)?;
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (seen && value < limit).then_some(if negative { -value } else { value })
}
