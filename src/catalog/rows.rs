//! A state as rows of `_lakeport/catalog`: one row an object, its document in JSON.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

use super::state::CatalogState;

/// The version of the documents this server writes, and the newest it reads. Format 2 added what
/// triggers a view, format 3 functions, format 4 where a table's files are; an older server would drop them
/// without a word.
const FORMAT: i32 = 4;

pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("format", DataType::Int32, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("schema_name", DataType::Utf8, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("id", DataType::Utf8, true),
        Field::new("document", DataType::Utf8, false),
    ]))
}

#[derive(Default)]
struct Rows {
    kinds: Vec<&'static str>,
    schemas: Vec<Option<String>>,
    names: Vec<Option<String>>,
    ids: Vec<Option<String>>,
    documents: Vec<String>,
}

impl Rows {
    fn push(
        &mut self,
        kind: &'static str,
        name: (Option<&str>, Option<&str>),
        id: Option<String>,
        document: &impl Serialize,
    ) -> Result<()> {
        let document = serde_json::to_string(document)
            .map_err(|error| Error::internal("a catalog object as JSON").caused_by(error))?;
        self.kinds.push(kind);
        self.schemas.push(name.0.map(str::to_owned));
        self.names.push(name.1.map(str::to_owned));
        self.ids.push(id);
        self.documents.push(document);
        Ok(())
    }
}

pub(super) fn to_batch(state: &CatalogState) -> Result<RecordBatch> {
    let mut rows = Rows::default();
    for schema in state.schemas.values() {
        rows.push("schema", (Some(&schema.name), None), None, schema)?;
    }
    for role in state.roles.values() {
        rows.push("role", (None, Some(&role.name.0)), None, role)?;
    }
    for relation in state.relations.values() {
        let name = (Some(relation.name.schema.as_str()), Some(relation.name.relation.as_str()));
        rows.push("relation", name, Some(relation.id.to_string()), relation)?;
    }
    for function in state.functions.values() {
        let name = (Some(function.name.schema.as_str()), Some(function.name.relation.as_str()));
        rows.push("function", name, None, function.as_ref())?;
    }
    for grant in &state.grants {
        rows.push("grant", (Some(&grant.schema), grant.relation.as_deref()), None, grant)?;
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![FORMAT; rows.kinds.len()])),
        Arc::new(StringArray::from(rows.kinds)),
        Arc::new(StringArray::from(rows.schemas)),
        Arc::new(StringArray::from(rows.names)),
        Arc::new(StringArray::from(rows.ids)),
        Arc::new(StringArray::from(rows.documents)),
    ];
    RecordBatch::try_new(schema(), columns)
        .map_err(|error| Error::internal("the catalog's rows").caused_by(error))
}

pub(super) fn from_batches(batches: &[RecordBatch]) -> Result<CatalogState> {
    let mut state = CatalogState::default();
    for batch in batches {
        let formats = column::<Int32Array>(batch, "format")?;
        let kinds = column::<StringArray>(batch, "kind")?;
        let documents = column::<StringArray>(batch, "document")?;
        for row in 0..batch.num_rows() {
            let format = formats.value(row);
            if format > FORMAT {
                let message = format!(
                    "the lake's catalog has format {format}, and this server reads up to {FORMAT}"
                );
                return Err(Error::new(ErrorKind::FeatureNotSupported, message)
                    .hint("A newer server wrote it; use that one."));
            }
            add(&mut state, kinds.value(row), documents.value(row))?;
        }
    }
    Ok(state)
}

fn add(state: &mut CatalogState, kind: &str, document: &str) -> Result<()> {
    match kind {
        "schema" => {
            let schema: super::SchemaObject = read(document)?;
            state.schemas.insert(schema.name.clone(), schema);
        }
        "role" => {
            let role: super::Role = read(document)?;
            state.roles.insert(role.name.clone(), role);
        }
        "relation" => state.insert(read(document)?),
        "function" => {
            let function: super::Function = read(document)?;
            state.functions.insert(function.name.clone(), Arc::new(function));
        }
        "grant" => {
            state.grants.insert(read(document)?);
        }
        other => {
            let message = format!("the lake's catalog holds an object of unknown kind \"{other}\"");
            return Err(Error::new(ErrorKind::DataCorrupted, message));
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(document: &str) -> Result<T> {
    serde_json::from_str(document).map_err(|error| {
        Error::new(ErrorKind::DataCorrupted, "the lake's catalog holds a row that does not read")
            .caused_by(error)
    })
}

fn column<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a A> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.ok_or_else(|| {
        let message = format!("the lake's catalog has no column \"{name}\" of the right type");
        Error::new(ErrorKind::DataCorrupted, message)
    })
}
