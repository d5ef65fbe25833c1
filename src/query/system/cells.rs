//! Rows by the names of their columns, to batches of a catalog's types.
//!
//! Its one idea: a row says what it knows; every other column has what Postgres would have there: NULL, or
//! the nothing of its type where NULL is not allowed.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    IntervalMonthDayNanoArray, ListArray, RecordBatch, RecordBatchOptions, StringArray,
    new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, IntervalMonthDayNano, SchemaRef};

use crate::error::Result;
use crate::query::error;

use super::postgres::Column;

/// One value, not yet of its column's type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Seconds.
    Interval(i64),
    List(Vec<Cell>),
}

/// What a row knows.
pub(crate) type Cells = Vec<(&'static str, Cell)>;

pub(crate) fn text(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

pub(crate) fn int(value: impl Into<i64>) -> Cell {
    Cell::Int(value.into())
}

pub(crate) fn boolean(value: bool) -> Cell {
    Cell::Bool(value)
}

/// `value`, or NULL.
pub(crate) fn or_null<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    value.map_or(Cell::Null, cell)
}

pub(crate) fn texts(values: impl IntoIterator<Item = String>) -> Cell {
    Cell::List(values.into_iter().map(Cell::Text).collect())
}

pub(crate) fn ints(values: impl IntoIterator<Item = i64>) -> Cell {
    Cell::List(values.into_iter().map(Cell::Int).collect())
}

/// One batch of the rows.
pub(crate) fn batch(schema: &SchemaRef, columns: &[Column], rows: &[Cells]) -> Result<RecordBatch> {
    let arrays = schema.fields().iter().zip(columns).map(|(field, column)| {
        let missing = missing(field.data_type(), column.not_null);
        let cells = rows.iter().map(|row| {
            let found = row.iter().find(|(name, _)| *name == column.name);
            match found {
                Some((_, Cell::Null)) | None => &missing,
                Some((_, cell)) => cell,
            }
        });
        array(field.data_type(), &cells.collect::<Vec<_>>())
    });
    assemble(schema, arrays.collect(), rows.len())
}

/// One batch of rows in the text form of COPY.
pub(crate) fn text_batch(
    schema: &SchemaRef,
    columns: &[Column],
    rows: &[Vec<Option<String>>],
) -> Result<RecordBatch> {
    let arrays = schema.fields().iter().zip(columns).enumerate().map(|(at, (field, column))| {
        let missing = missing(field.data_type(), column.not_null);
        let read = |row: &Vec<Option<String>>| match row.get(at) {
            Some(Some(text)) => cell(field.data_type(), text),
            _ => missing.clone(),
        };
        let cells: Vec<Cell> = rows.iter().map(read).collect();
        array(field.data_type(), &cells.iter().collect::<Vec<_>>())
    });
    assemble(schema, arrays.collect(), rows.len())
}

fn assemble(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
        .map_err(|failure| error::convert(failure.into()))
}

fn missing(data_type: &DataType, not_null: bool) -> Cell {
    if !not_null {
        return Cell::Null;
    }
    match data_type {
        DataType::Boolean => Cell::Bool(false),
        DataType::Utf8 => Cell::Text(String::new()),
        DataType::List(_) => Cell::List(Vec::new()),
        DataType::Float32 | DataType::Float64 => Cell::Float(0.0),
        DataType::Int16 | DataType::Int32 | DataType::Int64 => Cell::Int(0),
        _ => Cell::Null,
    }
}

/// Reads COPY's text of one value.
fn cell(data_type: &DataType, text: &str) -> Cell {
    match data_type {
        DataType::Boolean => Cell::Bool(text == "t"),
        DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            text.parse().map_or(Cell::Null, Cell::Int)
        }
        DataType::Float32 | DataType::Float64 => text.parse().map_or(Cell::Null, Cell::Float),
        DataType::List(element) => {
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let (inner, separator) = inner.map_or((text, ' '), |inner| (inner, ','));
            let elements = inner.split(separator).filter(|element| !element.is_empty());
            let read = |text: &str| cell(element.data_type(), text.trim_matches('"'));
            Cell::List(elements.map(read).collect())
        }
        _ => Cell::Text(text.to_owned()),
    }
}

fn integer(cell: &Cell) -> Option<i64> {
    if let Cell::Int(value) = cell { Some(*value) } else { None }
}

fn float(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Float(value) => Some(*value),
        // Counts of rows are shown as floats; beyond 2^53 the last digits do not matter.
        Cell::Int(value) => Some(*value as f64),
        _ => None,
    }
}

fn array(data_type: &DataType, cells: &[&Cell]) -> ArrayRef {
    let cells_of = || cells.iter().copied();
    match data_type {
        DataType::Boolean => Arc::new(
            cells_of()
                .map(|cell| if let Cell::Bool(value) = cell { Some(*value) } else { None })
                .collect::<BooleanArray>(),
        ),
        DataType::Int16 => Arc::new(
            cells_of()
                .map(|cell| integer(cell).and_then(|value| i16::try_from(value).ok()))
                .collect::<Int16Array>(),
        ),
        DataType::Int32 => Arc::new(
            cells_of()
                .map(|cell| integer(cell).and_then(|value| i32::try_from(value).ok()))
                .collect::<Int32Array>(),
        ),
        DataType::Int64 => Arc::new(cells_of().map(integer).collect::<Int64Array>()),
        DataType::Float32 => Arc::new(
            cells_of().map(|cell| float(cell).map(|value| value as f32)).collect::<Float32Array>(),
        ),
        DataType::Float64 => Arc::new(cells_of().map(float).collect::<Float64Array>()),
        DataType::Utf8 => Arc::new(
            cells_of()
                .map(|cell| if let Cell::Text(text) = cell { Some(text.as_str()) } else { None })
                .collect::<StringArray>(),
        ),
        DataType::Interval(_) => {
            let interval = |cell| match cell {
                &Cell::Interval(seconds) => {
                    Some(IntervalMonthDayNano::new(0, 0, seconds.saturating_mul(1_000_000_000)))
                }
                _ => None,
            };
            Arc::new(cells_of().map(interval).collect::<IntervalMonthDayNanoArray>())
        }
        DataType::List(element) => {
            let (mut inner, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
            for cell in cells_of() {
                let elements =
                    if let Cell::List(elements) = cell { elements.as_slice() } else { &[] };
                inner.extend(elements.iter());
                lengths.push(elements.len());
                valid.push(matches!(cell, Cell::List(_)));
            }
            let values = array(element.data_type(), &inner);
            let offsets = OffsetBuffer::from_lengths(lengths);
            let nulls = NullBuffer::from(valid);
            Arc::new(ListArray::new(Arc::clone(element), offsets, values, Some(nulls)))
        }
        other => new_null_array(other, cells.len()),
    }
}
