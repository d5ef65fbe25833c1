//! A table about to be: what it is made of, before anything is written.
//!
//! Refuses to write anything itself.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::catalog::CatalogState;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Table, TableSpec};
use crate::name::RelationName;
use crate::query::{is_wide_numeric, kept_type, refused_wide};
use crate::syntax::{ColumnDefinition, CreateTable, Key, ObjectName};

/// A table about to be.
pub(super) struct NewTable<'a> {
    /// Its name as the client wrote it.
    pub(super) written: &'a ObjectName,
    /// Its full name.
    pub(super) name: RelationName,
    /// Whose folder its files are in.
    pub(super) place: RelationName,
    /// What it is.
    pub(super) spec: TableSpec,
    /// What no two of its rows share.
    pub(super) keys: Vec<Key>,
    /// Whether it takes the place of a table of that name, with its owner and grants.
    pub(super) replaces: bool,
    /// The version that what takes its place was computed from; none for whatever is there.
    pub(super) base: Option<Table>,
    /// Whether the rows that are there stay, with more columns.
    pub(super) keeps_rows: bool,
}

impl NewTable<'_> {
    /// A new table is none before its epoch; one that was there is read by its own log.
    pub(super) fn unpublished(&self, error: Error) -> Error {
        if !self.replaces {
            return error;
        }
        let name = &self.name.relation;
        let message =
            format!("table \"{name}\" has its new columns, but the catalog does not say so");
        Error::new(ErrorKind::StatementCompletionUnknown, message)
            .hint("Look at its columns and rows before trying again.")
            .caused_by(error)
    }

    pub(super) fn conflict(&self, why: String) -> Error {
        let message = format!("could not create table \"{}\"", self.name.relation);
        Error::new(ErrorKind::SerializationFailure, message).detail(why)
    }

    /// Whether its folder is another's by now.
    pub(super) fn check_place(&self, state: &CatalogState) -> Result<()> {
        let mut others = state.relations.values().filter(|known| known.name != self.name);
        if !others.any(|known| known.place() == &self.place) {
            return Ok(());
        }
        let message = format!("the name of table \"{}\" was taken meanwhile", self.name.relation);
        Err(Error::new(ErrorKind::SerializationFailure, message))
    }
}

pub(super) fn table_spec(schema: SchemaRef, create: &CreateTable) -> TableSpec {
    TableSpec {
        partition_by: create.partition_by.clone(),
        comment: create.comment.clone(),
        ..TableSpec::of(schema)
    }
}

/// A query's columns as a table keeps them.
pub(super) fn storable(schema: &Schema) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        if fields.iter().any(|other| other.name() == field.name()) {
            return Err(Error::new(
                ErrorKind::DuplicateColumn,
                format!("column \"{}\" specified more than once", field.name()),
            ));
        }
        if is_wide_numeric(field) {
            return Err(refused_wide());
        }
        let data_type = match field.data_type() {
            DataType::Null => DataType::Utf8,
            DataType::Timestamp(_, zone) => {
                let zone = zone.as_ref().map(|_| "UTC".into());
                DataType::Timestamp(TimeUnit::Microsecond, zone)
            }
            other => other.clone(),
        };
        fields.push(kept_type(Field::new(field.name(), data_type, true), field));
    }
    Ok(Arc::new(Schema::new(fields)))
}

pub(super) fn columns_of(schema: &Schema) -> Vec<ColumnDefinition> {
    let column = |field: &Arc<Field>| ColumnDefinition {
        name: field.name().clone(),
        sql_type: String::new(),
        not_null: !field.is_nullable(),
        comment: field.metadata().get("comment").cloned(),
    };
    schema.fields().iter().map(column).collect()
}
