//! What exists, as Flight SQL lists it. Shows what the caller's role may see, nothing else.
//!
//! A listing's command is its own ticket: it is answered anew whenever it is redeemed, and so it never
//! expires.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::SqlInfoDataBuilder;
use arrow_flight::sql::{
    Command, CommandGetCatalogs, CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetSqlInfo,
    CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
};
use tonic::Status;

use crate::name::RelationName;
use crate::query::VisibleRelation;

use super::logins::Login;
use super::status::{status, unencodable};
use super::types::type_name;
use super::{Call, FlightSql, sql_info};

/// Types of table, as JDBC names them.
const TABLE_TYPES: [&str; 3] = ["SYSTEM TABLE", "TABLE", "VIEW"];

/// A command that lists.
#[derive(Debug)]
pub(super) enum Listing {
    Catalogs(CommandGetCatalogs),
    Schemas(CommandGetDbSchemas),
    Tables(CommandGetTables),
    TableTypes(CommandGetTableTypes),
    SqlInfo(CommandGetSqlInfo),
    XdbcTypes(CommandGetXdbcTypeInfo),
    PrimaryKeys(CommandGetPrimaryKeys),
    /// Imported, exported, and from one table to another: there are none.
    ForeignKeys,
}

impl Listing {
    pub(super) fn of(command: Command) -> Option<Self> {
        Some(match command {
            Command::CommandGetCatalogs(command) => Self::Catalogs(command),
            Command::CommandGetDbSchemas(command) => Self::Schemas(command),
            Command::CommandGetTables(command) => Self::Tables(command),
            Command::CommandGetTableTypes(command) => Self::TableTypes(command),
            Command::CommandGetSqlInfo(command) => Self::SqlInfo(command),
            Command::CommandGetXdbcTypeInfo(command) => Self::XdbcTypes(command),
            Command::CommandGetPrimaryKeys(command) => Self::PrimaryKeys(command),
            Command::CommandGetImportedKeys(_)
            | Command::CommandGetExportedKeys(_)
            | Command::CommandGetCrossReference(_) => Self::ForeignKeys,
            _ => return None,
        })
    }

    /// Its columns, as the specification has them.
    pub(super) fn schema(&self) -> Result<Schema, Status> {
        let schema: SchemaRef = match self {
            Self::Catalogs(command) => command.into_builder().schema(),
            Self::Schemas(command) => command.clone().into_builder().schema(),
            Self::Tables(command) => command.clone().into_builder().schema(),
            Self::TableTypes(command) => command.into_builder().schema(),
            Self::SqlInfo(_) => SqlInfoDataBuilder::schema().clone().into(),
            Self::XdbcTypes(command) => {
                let known = sql_info::xdbc_types().map_err(unencodable)?;
                command.into_builder(&known).schema()
            }
            Self::PrimaryKeys(_) => primary_key_schema(),
            Self::ForeignKeys => foreign_key_schema(),
        };
        Ok(schema.as_ref().clone())
    }
}

impl FlightSql {
    /// What a listing's command asks for.
    pub(super) async fn list(&self, call: &Call, listing: Listing) -> Result<RecordBatch, Status> {
        let (login, database) = (&call.login, self.services.config.name.as_str());
        let batch = match listing {
            Listing::Catalogs(command) => {
                let mut rows = command.into_builder();
                rows.append(database);
                rows.build()
            }
            Listing::Schemas(command) => {
                let visible = self.visible(login).await?;
                schemas(command, database, &visible)
            }
            Listing::Tables(command) => {
                let visible = self.visible(login).await?;
                tables(command, database, &visible)
            }
            Listing::TableTypes(command) => {
                let mut rows = command.into_builder();
                TABLE_TYPES.iter().for_each(|table_type| rows.append(table_type));
                rows.build()
            }
            Listing::SqlInfo(command) => {
                let known = sql_info::sql_info(&self.services.config).map_err(unencodable)?;
                command.into_builder(&known).build()
            }
            Listing::XdbcTypes(command) => {
                let known = sql_info::xdbc_types().map_err(unencodable)?;
                command.into_builder(&known).build()
            }
            Listing::PrimaryKeys(command) => {
                let keys = login.session.lock().await.primary_keys().await;
                primary_keys(&command, database, &keys.map_err(|error| status(&error))?)
            }
            Listing::ForeignKeys => Ok(RecordBatch::new_empty(foreign_key_schema())),
        };
        batch.map_err(unencodable)
    }

    /// What the caller may see.
    async fn visible(&self, login: &Login) -> Result<Vec<VisibleRelation>, Status> {
        let mut session = Self::fork(&login.session).await;
        session.visible().await.map_err(|error| status(&error))
    }
}

/// Schemas with something visible in them.
fn schemas(
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
fn tables(
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

fn primary_key_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

fn foreign_key_schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}

fn primary_keys(
    command: &CommandGetPrimaryKeys,
    database: &str,
    keys: &[(RelationName, Vec<String>)],
) -> Result<RecordBatch, FlightError> {
    let here = command.catalog.as_ref().is_none_or(|catalog| catalog == database);
    let wanted = |name: &RelationName| {
        here && name.relation == command.table
            && command.db_schema.as_ref().is_none_or(|schema| *schema == name.schema)
    };
    let rows: Vec<(&RelationName, &String, i32)> = keys
        .iter()
        .filter(|(name, _)| wanted(name))
        .flat_map(|(name, columns)| {
            columns.iter().zip(1..).map(move |(column, number)| (name, column, number))
        })
        .collect();
    let text = |value: &dyn Fn(&(&RelationName, &String, i32)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(value)))
    };
    let columns = vec![
        text(&|_| database.to_owned()),
        text(&|(name, _, _)| name.schema.clone()),
        text(&|(name, _, _)| name.relation.clone()),
        text(&|(_, column, _)| (*column).clone()),
        text(&|(name, _, _)| format!("{}_pkey", name.relation)),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|(_, _, number)| *number))),
    ];
    Ok(RecordBatch::try_new(primary_key_schema(), columns)?)
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
