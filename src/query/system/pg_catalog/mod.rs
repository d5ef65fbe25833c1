//! `pg_catalog` and `information_schema`: every catalog of PostgreSQL 15, with its columns.
//!
//! Its one idea: columns and what is the same everywhere come from [`super::postgres`]; the catalogs named
//! in [`COMPUTED`] are computed from the lake; what a lake has none of is empty.

mod access;
mod classes;
mod functions;
mod keys;
mod roles;
mod server;
mod standard;
mod standard_columns;
mod views;

use std::sync::{Arc, OnceLock, Weak};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use futures::future::BoxFuture;

use crate::error::{Error, Result};
use crate::query::engine::{Context, Engine};
use crate::query::rows::RowSource;

use super::cells::{Cells, batch, text_batch};
use super::names::Names;
use super::postgres::{self, RELATIONS};
use super::types;

pub(crate) use access::{Kind, allowed};
pub(crate) use keys::{constraint_oid, index_definition};
pub(crate) use views::definition;

/// What a catalog's rows are computed from.
pub(super) struct Asked<'a> {
    pub(super) engine: &'a Engine,
    pub(super) context: &'a Context,
    pub(super) names: Names,
}

/// Computes the rows of a catalog.
type Rows = for<'a> fn(&'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>>;

/// Catalogs that say something of this lake.
const COMPUTED: &[(&str, Rows)] = &[
    ("pg_catalog.pg_class", classes::pg_class),
    ("pg_catalog.pg_attribute", classes::pg_attribute),
    ("pg_catalog.pg_description", classes::pg_description),
    ("pg_catalog.pg_namespace", classes::pg_namespace),
    ("pg_catalog.pg_index", keys::pg_index),
    ("pg_catalog.pg_constraint", keys::pg_constraint),
    ("pg_catalog.pg_indexes", keys::pg_indexes),
    ("pg_catalog.pg_rewrite", keys::pg_rewrite),
    ("pg_catalog.pg_depend", keys::pg_depend),
    ("pg_catalog.pg_roles", roles::pg_roles),
    ("pg_catalog.pg_authid", roles::pg_authid),
    ("pg_catalog.pg_user", roles::pg_user),
    ("pg_catalog.pg_shadow", roles::pg_shadow),
    ("pg_catalog.pg_group", roles::pg_group),
    ("pg_catalog.pg_auth_members", roles::pg_auth_members),
    ("pg_catalog.pg_database", server::pg_database),
    ("pg_catalog.pg_tablespace", server::pg_tablespace),
    ("pg_catalog.pg_settings", server::pg_settings),
    ("pg_catalog.pg_timezone_names", server::pg_timezone_names),
    ("pg_catalog.pg_stat_database", server::pg_stat_database),
    ("pg_catalog.pg_tables", views::pg_tables),
    ("pg_catalog.pg_views", views::pg_views),
    ("pg_catalog.pg_matviews", views::pg_matviews),
    ("pg_catalog.pg_stat_user_tables", views::pg_stat_user_tables),
    ("pg_catalog.pg_stat_all_tables", views::pg_stat_user_tables),
    ("information_schema.information_schema_catalog_name", standard::catalog_name),
    ("information_schema.schemata", standard::schemata),
    ("information_schema.tables", standard::tables),
    ("information_schema.views", standard::views),
    ("information_schema.character_sets", standard::character_sets),
    ("information_schema.enabled_roles", standard::enabled_roles),
    ("information_schema.applicable_roles", standard::applicable_roles),
    ("information_schema.table_privileges", standard::table_privileges),
    ("information_schema.role_table_grants", standard::role_table_grants),
    ("information_schema.view_table_usage", standard::view_table_usage),
    ("information_schema.columns", standard_columns::columns),
    ("information_schema.column_privileges", standard_columns::column_privileges),
    ("information_schema.role_column_grants", standard_columns::role_column_grants),
    ("information_schema.element_types", standard_columns::element_types),
    ("information_schema.table_constraints", standard_columns::table_constraints),
    ("information_schema.key_column_usage", standard_columns::key_column_usage),
    ("information_schema.constraint_column_usage", standard_columns::constraint_column_usage),
    ("information_schema.constraint_table_usage", standard_columns::constraint_table_usage),
];

/// One catalog.
struct Catalog {
    relation: &'static postgres::Relation,
    schema: SchemaRef,
    rows: Option<Rows>,
    engine: Weak<Engine>,
    /// The rows that never change, once read.
    kept: OnceLock<RecordBatch>,
}

/// Registers every catalog.
pub(super) fn register(engine: &Arc<Engine>) {
    for relation in RELATIONS.iter() {
        let name = format!("{}.{}", relation.schema, relation.name);
        let rows = COMPUTED.iter().find(|(computed, _)| *computed == name).map(|(_, rows)| *rows);
        let fields = relation.columns.iter().map(|column| {
            types::field(column.name, column.type_name).with_nullable(!column.not_null)
        });
        let schema =
            Arc::new(Schema::new(fields.map(|f| f.with_nullable(true)).collect::<Vec<_>>()));
        let engine_of_rows = Arc::downgrade(engine);
        let kept = OnceLock::new();
        engine.register(Arc::new(Catalog { relation, schema, rows, engine: engine_of_rows, kept }));
    }
}

#[async_trait::async_trait]
impl RowSource for Catalog {
    fn schema_name(&self) -> &'static str {
        self.relation.schema
    }

    fn name(&self) -> &'static str {
        self.relation.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn comment(&self) -> &'static str {
        ""
    }

    async fn rows(&self, context: &Context) -> Result<Vec<RecordBatch>> {
        let Some(rows) = self.rows else {
            if (self.relation.schema, self.relation.name) == ("pg_catalog", "pg_proc")
                && !context.snapshot.catalog.functions.is_empty()
            {
                let mut rows = postgres::rows(self.relation.schema, self.relation.name);
                rows.extend(functions::pg_proc(context, &self.relation.columns));
                return Ok(vec![text_batch(&self.schema, &self.relation.columns, &rows)?]);
            }
            if let Some(kept) = self.kept.get() {
                return Ok(vec![kept.clone()]);
            }
            let rows = postgres::rows(self.relation.schema, self.relation.name);
            let read = text_batch(&self.schema, &self.relation.columns, &rows)?;
            return Ok(vec![self.kept.get_or_init(|| read).clone()]);
        };
        let engine = self
            .engine
            .upgrade()
            .ok_or_else(|| Error::internal("a system table outlived its engine"))?;
        let names = Names::of(context, engine.registry());
        let asked = Asked { engine: &engine, context, names };
        let rows = rows(&asked).await?;
        Ok(vec![batch(&self.schema, &self.relation.columns, &rows)?])
    }
}
