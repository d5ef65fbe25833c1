//! A built-in system table: columns as data, rows by a function of engine and context.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::scalar::ScalarValue;
use futures::future::BoxFuture;

use crate::error::{Error, Result};
use crate::query::engine::{Context, Engine};
use crate::query::error;
use crate::query::rows::RowSource;

/// One row, in the order of the columns.
pub(crate) type Row = Vec<ScalarValue>;

/// Computes the rows a context may see.
pub(crate) type Rows = for<'a> fn(&'a Engine, &'a Context) -> BoxFuture<'a, Result<Vec<Row>>>;

/// The types system tables use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Bool,
    Int,
    BigInt,
    Time,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Bool => DataType::Boolean,
            Kind::Int => DataType::Int32,
            Kind::BigInt => DataType::Int64,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// What a table is, but for its rows.
pub(crate) struct Definition {
    pub(crate) schema_name: &'static str,
    pub(crate) name: &'static str,
    pub(crate) comment: &'static str,
    /// Name, type, comment.
    pub(crate) columns: &'static [(&'static str, Kind, &'static str)],
    pub(crate) rows: Rows,
}

/// A definition with the engine that answers for it.
pub(crate) struct BuiltIn {
    definition: &'static Definition,
    schema: SchemaRef,
    engine: Weak<Engine>,
}

impl BuiltIn {
    pub(crate) fn new(definition: &'static Definition, engine: &Arc<Engine>) -> Arc<Self> {
        let fields: Vec<Field> = definition
            .columns
            .iter()
            .map(|(name, kind, comment)| {
                let field = Field::new(*name, kind.data_type(), true);
                if comment.is_empty() {
                    return field;
                }
                field.with_metadata(HashMap::from([("comment".to_owned(), (*comment).to_owned())]))
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        Arc::new(Self { definition, schema, engine: Arc::downgrade(engine) })
    }
}

#[async_trait::async_trait]
impl RowSource for BuiltIn {
    fn schema_name(&self) -> &'static str {
        self.definition.schema_name
    }

    fn name(&self) -> &'static str {
        self.definition.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn comment(&self) -> &'static str {
        self.definition.comment
    }

    async fn rows(&self, context: &Context) -> Result<Vec<RecordBatch>> {
        let engine = self
            .engine
            .upgrade()
            .ok_or_else(|| Error::internal("a system table outlived its engine"))?;
        let rows = (self.definition.rows)(&engine, context).await?;
        Ok(vec![batch(&self.schema, rows)?])
    }
}

fn batch(schema: &SchemaRef, rows: Vec<Row>) -> Result<RecordBatch> {
    if rows.is_empty() {
        return Ok(RecordBatch::new_empty(Arc::clone(schema)));
    }
    let count = rows.len();
    let mut columns: Vec<Vec<ScalarValue>> =
        schema.fields().iter().map(|_| Vec::with_capacity(count)).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let arrays = columns
        .into_iter()
        .map(ScalarValue::iter_to_array)
        .collect::<Result<Vec<ArrayRef>, _>>()
        .map_err(error::convert)?;
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
        .map_err(|failure| error::convert(failure.into()))
}

pub(crate) fn text(value: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8(Some(value.into()))
}

pub(crate) fn text_or_null<T: Into<String>>(value: Option<T>) -> ScalarValue {
    ScalarValue::Utf8(value.map(Into::into))
}

pub(crate) fn boolean(value: bool) -> ScalarValue {
    ScalarValue::Boolean(Some(value))
}

pub(crate) fn int(value: impl Into<Option<i32>>) -> ScalarValue {
    ScalarValue::Int32(value.into())
}

/// Counts beyond what a bigint holds are shown as the largest.
pub(crate) fn bigint(value: Option<u64>) -> ScalarValue {
    ScalarValue::Int64(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
}

pub(crate) fn time(value: Option<DateTime<Utc>>) -> ScalarValue {
    let micros = value.map(|value| value.timestamp_micros());
    ScalarValue::TimestampMicrosecond(micros, Some("UTC".into()))
}
