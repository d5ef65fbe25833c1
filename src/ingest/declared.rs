//! The columns a streaming table will have, told before any file is read.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::datasource::empty::EmptyTable;

use crate::catalog::{Relation, RelationKind};
use crate::error::{ErrorKind, Result};
use crate::query::{Context, Engine};
use crate::syntax::{Query, STREAM_RELATION};

use super::layout::{Layout, METADATA};
use super::options::ReadOptions;

/// The columns of a streaming table: those it has in a lake (`stored`), then what its column list
/// and its query say. `None` where only its files know.
///
/// # Errors
/// `UndefinedObject` for a type that does not exist; what planning the query says, save that a column
/// is unknown, which the files may yet bring.
pub async fn declared_columns(
    engine: &Engine,
    relation: &Relation,
    stored: Option<&SchemaRef>,
    mut context: Context,
) -> Result<Option<SchemaRef>> {
    let RelationKind::Streaming(table) = &relation.kind else { return Ok(None) };
    if relation.columns.is_empty() {
        return Ok(stored.cloned());
    }
    let options = ReadOptions::of(table, &relation.columns)?;
    let layout = Layout {
        columns: options.declared.clone(),
        options,
        metadata: METADATA.to_vec(),
        ingested_at: context.now,
        line_bytes_max: 0,
    };
    let stream = Arc::new(EmptyTable::new(layout.schema()));
    context.extra.insert(STREAM_RELATION.to_owned(), stream);
    let planned = engine.plan(&Query::parse(&table.query)?, &context, &[]).await;
    let schema = match planned {
        Ok(plan) => plan.schema(),
        Err(error) if error.kind() == ErrorKind::UndefinedColumn => return Ok(stored.cloned()),
        Err(error) => return Err(error),
    };
    let mut fields: Vec<Arc<Field>> =
        stored.map(|stored| stored.fields().to_vec()).unwrap_or_default();
    for field in schema.fields() {
        let hidden = METADATA.contains(&field.name().as_str());
        if !hidden && !fields.iter().any(|known| known.name() == field.name()) {
            fields.push(Arc::clone(field));
        }
    }
    Ok(Some(Arc::new(Schema::new(fields))))
}
