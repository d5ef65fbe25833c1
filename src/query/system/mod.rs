//! Tables every role can read about the lake itself, each row shown only to who may see it.
//!
//! Owns the system tables that need nothing but the catalog, the lake and the engine's own memory;
//! modules above register theirs.

mod cells;
mod facts;
mod lakeport;
mod names;
mod pg_catalog;
mod postgres;
mod relations;
mod stored;
mod table;
mod types;
mod visible;

use std::sync::Arc;

pub(crate) use facts::Facts;
pub(crate) use names::{
    Class, Names, catalog_oid, parts, primary_key, relation_oid, role_oid, schema_oid,
};
pub(crate) use pg_catalog::{Kind, allowed, constraint_oid, definition, index_definition};
pub(crate) use postgres::{
    function_name, function_oids, function_types, is_keyword, type_named, type_numbered,
};
pub(crate) use stored::Stored;
pub use types::{
    element_of, is_row, kept_type, marked_type, own_modifier, postgres_type, row_fields,
    type_field, type_name_of, type_number, type_shown, type_spelled,
};
pub(crate) use types::{field, marked, of, row_field, spelled, storage, with_modifier, written};
pub use visible::VisibleRelation;
pub(crate) use visible::visible;

use super::engine::Engine;

/// Registers the built-in tables. They hold the engine weakly: it holds them.
pub(crate) fn register(engine: &Arc<Engine>) {
    for definition in [lakeport::TABLES, relations::TABLES].into_iter().flatten() {
        engine.register(table::BuiltIn::new(definition, engine));
    }
    pg_catalog::register(engine);
}
