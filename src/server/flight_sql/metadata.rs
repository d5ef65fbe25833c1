//! What exists, as Flight SQL lists it. Shows what the caller's role may see, nothing else.

use std::collections::{BTreeSet, HashMap};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables,
};
use tonic::Status;

use crate::query::VisibleRelation;

use super::FlightSql;
use super::logins::Login;
use super::status::status;
use super::types::type_name;

/// Types of table, as JDBC names them.
const TABLE_TYPES: [&str; 3] = ["SYSTEM TABLE", "TABLE", "VIEW"];

impl FlightSql {
    /// What the caller may see.
    pub(super) async fn visible(&self, login: &Login) -> Result<Vec<VisibleRelation>, Status> {
        login.session.lock().await.visible().await.map_err(|error| status(&error))
    }
}

/// The one catalog: the database.
pub(super) fn catalogs(
    command: CommandGetCatalogs,
    database: &str,
) -> Result<RecordBatch, FlightError> {
    let mut rows = command.into_builder();
    rows.append(database);
    rows.build()
}

/// Schemas with something visible in them.
pub(super) fn schemas(
    command: CommandGetDbSchemas,
    database: &str,
    visible: &[VisibleRelation],
) -> Result<RecordBatch, FlightError> {
    let names: BTreeSet<&str> =
        visible.iter().map(|relation| relation.name.schema.as_str()).collect();
    let mut rows = command.into_builder();
    for name in names {
        rows.append(database, name);
    }
    rows.build()
}

/// Relations, with their columns when asked for.
pub(super) fn tables(
    command: CommandGetTables,
    database: &str,
    visible: &[VisibleRelation],
) -> Result<RecordBatch, FlightError> {
    let mut rows = command.into_builder();
    for relation in visible {
        let schema = described(relation, database);
        let table_type = match relation.table_type {
            "BASE TABLE" => "TABLE",
            other => other,
        };
        let name = &relation.name;
        rows.append(database, &name.schema, &name.relation, table_type, &schema)?;
    }
    rows.build()
}

/// The types a table can have.
pub(super) fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch, FlightError> {
    let mut rows = command.into_builder();
    for table_type in TABLE_TYPES {
        rows.append(table_type);
    }
    rows.build()
}

/// The columns with the metadata that Flight SQL defines for them; none before the first build.
fn described(relation: &VisibleRelation, database: &str) -> Schema {
    let Some(schema) = &relation.schema else { return Schema::empty() };
    let fields = schema.fields().iter().map(|field| column(field, relation, database));
    Schema::new(fields.collect::<Vec<_>>())
}

fn column(field: &Field, relation: &VisibleRelation, database: &str) -> Field {
    let mut metadata: HashMap<String, String> = HashMap::new();
    let mut set = |key: &str, value: &str| {
        metadata.insert(format!("ARROW:FLIGHT:SQL:{key}"), value.to_owned());
    };
    set("CATALOG_NAME", database);
    set("SCHEMA_NAME", &relation.name.schema);
    set("TABLE_NAME", &relation.name.relation);
    set("TYPE_NAME", &type_name(field.data_type()));
    set("IS_READ_ONLY", "1");
    set("IS_AUTO_INCREMENT", "0");
    set("IS_CASE_SENSITIVE", if field.data_type() == &DataType::Utf8 { "1" } else { "0" });
    set("IS_SEARCHABLE", "1");
    if let DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) =
        field.data_type()
    {
        set("PRECISION", &precision.to_string());
        set("SCALE", &scale.to_string());
    }
    if let Some(comment) = field.metadata().get("comment") {
        set("REMARKS", comment);
    }
    Field::new(field.name(), field.data_type().clone(), field.is_nullable()).with_metadata(metadata)
}
