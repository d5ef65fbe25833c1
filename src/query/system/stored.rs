//! System tables kept as Delta: read whole, shaped to their columns, rows filtered by role.
//!
//! Its one idea: a row that names a relation is shown to who may see that relation.

use std::sync::{Arc, Weak};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};

use crate::error::{Error, Result};
use crate::name::RelationName;
use crate::query::engine::{Context, Engine};
use crate::query::error;
use crate::query::rows::{RowSource, StoredRows};
use crate::security::{self, Access};
use crate::syntax::Privilege;

/// Columns that name the relation a row is about, beside `schema_name`.
const RELATION_COLUMNS: [&str; 3] = ["relation_name", "view_name", "table_name"];

/// A stored system table with the engine that reads it.
pub(crate) struct Stored {
    rows: StoredRows,
    engine: Weak<Engine>,
}

impl Stored {
    pub(crate) fn new(rows: StoredRows, engine: &Arc<Engine>) -> Arc<Self> {
        Arc::new(Self { rows, engine: Arc::downgrade(engine) })
    }
}

#[async_trait::async_trait]
impl RowSource for Stored {
    fn name(&self) -> &'static str {
        self.rows.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.rows.schema)
    }

    fn comment(&self) -> &'static str {
        self.rows.comment
    }

    async fn rows(&self, context: &Context) -> Result<Vec<RecordBatch>> {
        let engine = self
            .engine
            .upgrade()
            .ok_or_else(|| Error::internal("a system table outlived its engine"))?;
        let batches = engine.read_system(self.rows.name, context).await?;
        batches
            .iter()
            .map(|batch| visible_rows(&shaped(batch, &self.rows.schema)?, context))
            .collect()
    }
}

/// The batch with the columns of `schema`: found by name, cast, NULL where missing.
pub(crate) fn shaped(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let column = |name: &str, data_type: &DataType| -> Result<ArrayRef> {
        match batch.column_by_name(name) {
            Some(found) => cast(found, data_type).map_err(|failure| error::convert(failure.into())),
            None => Ok(new_null_array(data_type, batch.num_rows())),
        }
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type()))
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|failure| error::convert(failure.into()))
}

/// The rows about relations that the role may see; rows about none are for superusers.
pub(crate) fn visible_rows(batch: &RecordBatch, context: &Context) -> Result<RecordBatch> {
    let grants = &context.snapshot.grants;
    let relation = RELATION_COLUMNS.iter().find_map(|name| batch.column_by_name(name));
    let (Some(schemas), Some(relations)) = (batch.column_by_name("schema_name"), relation) else {
        return Ok(batch.clone());
    };
    let (Some(schemas), Some(relations)) =
        (schemas.as_string_opt::<i32>(), relations.as_string_opt::<i32>())
    else {
        return Ok(batch.clone());
    };
    if security::is_superuser(grants, &context.role) {
        return Ok(batch.clone());
    }
    let kept: BooleanArray = (0..batch.num_rows())
        .map(|row| {
            if schemas.is_null(row) || relations.is_null(row) {
                return Some(false);
            }
            let name = RelationName::new(schemas.value(row), relations.value(row));
            let access = security::relation_access(grants, &context.role, &name, Privilege::Select);
            Some(access != Access::Hidden)
        })
        .collect();
    filter_record_batch(batch, &kept).map_err(|failure| error::convert(failure.into()))
}
