//! Rows of any type as columns of the lake's own tables.
//!
//! Its one idea: a system table's schema is data, and its rows are read off values by one function a
//! column, in that order. Refuses to know what the rows are about.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{Float64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};

use crate::error::{Error, Result};

/// The schema of a system table: name, type, and what the column says.
pub fn system_schema(columns: &[(&str, DataType, &str)]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, data_type, comment)| {
            let metadata = [("comment".to_owned(), (*comment).to_owned())];
            Field::new(*name, data_type.clone(), true).with_metadata(metadata.into())
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// The type of times in system tables.
pub fn system_time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Columns made of rows, one after the other.
#[derive(Debug)]
pub struct SystemColumns<'a, T> {
    rows: &'a [T],
    columns: Vec<ArrayRef>,
}

impl<'a, T> SystemColumns<'a, T> {
    /// No column yet.
    pub fn of(rows: &'a [T]) -> Self {
        Self { rows, columns: Vec::new() }
    }

    /// A column of text.
    pub fn text<S: Into<String>>(mut self, of: impl Fn(&'a T) -> Option<S>) -> Self {
        let texts = self.rows.iter().map(|row| of(row).map(Into::into));
        self.columns.push(Arc::new(texts.collect::<StringArray>()));
        self
    }

    /// A column of whole numbers; what a bigint cannot hold is shown as the largest.
    pub fn count(mut self, of: impl Fn(&'a T) -> Option<u64>) -> Self {
        let numbers = self.rows.iter().map(|row| of(row).map(signed));
        self.columns.push(Arc::new(numbers.collect::<Int64Array>()));
        self
    }

    /// A column of small whole numbers.
    pub fn number(mut self, of: impl Fn(&'a T) -> Option<u32>) -> Self {
        let narrow = |number| i32::try_from(number).unwrap_or(i32::MAX);
        let numbers = self.rows.iter().map(|row| of(row).map(narrow));
        self.columns.push(Arc::new(numbers.collect::<Int32Array>()));
        self
    }

    /// A column of fractions.
    pub fn fraction(mut self, of: impl Fn(&'a T) -> Option<f64>) -> Self {
        self.columns.push(Arc::new(self.rows.iter().map(of).collect::<Float64Array>()));
        self
    }

    /// A column of yes and no.
    pub fn boolean(mut self, of: impl Fn(&'a T) -> Option<bool>) -> Self {
        self.columns.push(Arc::new(self.rows.iter().map(of).collect::<BooleanArray>()));
        self
    }

    /// A column of [`system_time`].
    pub fn time(mut self, of: impl Fn(&'a T) -> Option<DateTime<Utc>>) -> Self {
        let micros = self.rows.iter().map(|row| of(row).map(|time| time.timestamp_micros()));
        let times = micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        self.columns.push(Arc::new(times));
        self
    }

    /// The batch.
    ///
    /// # Errors
    /// `InternalError` when the columns are not those of `schema`.
    pub fn batch(self, schema: &SchemaRef) -> Result<RecordBatch> {
        RecordBatch::try_new(Arc::clone(schema), self.columns).map_err(|error| {
            Error::internal("put rows of a system table together").caused_by(error)
        })
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
