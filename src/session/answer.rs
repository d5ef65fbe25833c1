//! Rows that the session itself answers with: SHOW and EXPLAIN.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

use crate::error::{Error, Result};
use crate::syntax::ExplainFormat;

use super::known_settings::SETTINGS;
use super::settings::{Settings, find, unrecognized};

/// The columns of `SHOW name`.
///
/// # Errors
/// `UndefinedObject` for a setting there is not.
pub(super) fn show_schema(settings: &Settings, name: &str) -> Result<SchemaRef> {
    if name.eq_ignore_ascii_case("all") {
        return Ok(text_schema(&["name", "setting", "description"]));
    }
    match find(name) {
        Some(setting) => Ok(text_schema(&[setting.name])),
        None if settings.value(name).is_some() => Ok(text_schema(&[name])),
        None => Err(unrecognized(name)),
    }
}

/// The rows of `SHOW name`.
///
/// # Errors
/// As [`show_schema`].
pub(super) fn show_rows(settings: &Settings, name: &str) -> Result<RecordBatch> {
    let schema = show_schema(settings, name)?;
    if name.eq_ignore_ascii_case("all") {
        let value = |name: &str| settings.value(name).unwrap_or_default().to_owned();
        return text_rows(
            schema,
            vec![
                SETTINGS.iter().map(|setting| setting.name.to_owned()).collect(),
                SETTINGS.iter().map(|setting| value(setting.name)).collect(),
                SETTINGS.iter().map(|setting| setting.description.to_owned()).collect(),
            ],
        );
    }
    let canonical = find(name).map_or(name, |setting| setting.name);
    let value = settings.value(canonical).ok_or_else(|| unrecognized(name))?;
    text_rows(schema, vec![vec![value.to_owned()]])
}

/// The columns of EXPLAIN.
pub(super) fn explain_schema(format: ExplainFormat) -> SchemaRef {
    let mut field = Field::new("QUERY PLAN", DataType::Utf8, false);
    if format == ExplainFormat::Json {
        let json = ("ARROW:extension:name".to_owned(), "arrow.json".to_owned());
        field = field.with_metadata([json].into());
    }
    Arc::new(Schema::new(vec![field]))
}

/// The rows of EXPLAIN.
pub(super) fn explain_rows(lines: Vec<String>, format: ExplainFormat) -> Result<RecordBatch> {
    text_rows(explain_schema(format), vec![lines])
}

fn text_schema(names: &[&str]) -> SchemaRef {
    let fields: Vec<Field> =
        names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
    Arc::new(Schema::new(fields))
}

fn text_rows(schema: SchemaRef, columns: Vec<Vec<String>>) -> Result<RecordBatch> {
    let columns =
        columns.into_iter().map(|column| Arc::new(StringArray::from(column)) as _).collect();
    RecordBatch::try_new(schema, columns)
        .map_err(|error| Error::internal("rows of the session itself").caused_by(error))
}

/// One batch as a stream.
pub(super) fn stream_of(batch: RecordBatch) -> SendableRecordBatchStream {
    let schema = batch.schema();
    Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter([Ok(batch)])))
}
