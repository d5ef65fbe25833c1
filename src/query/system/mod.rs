//! Tables every role can read about the lake itself, each row shown only to who may see it.
//!
//! Owns the system tables that need nothing but the catalog, the lake and the engine's own memory;
//! modules above register theirs.

mod information_schema;
mod lakeport;
mod pg_catalog;
mod relations;
mod stored;
mod table;
mod types;
mod visible;

use std::sync::Arc;

pub(crate) use stored::Stored;
pub(crate) use visible::visible;

use super::engine::Engine;

/// Registers the built-in tables. They hold the engine weakly: it holds them.
pub(crate) fn register(engine: &Arc<Engine>) {
    let tables =
        [lakeport::TABLES, relations::TABLES, information_schema::TABLES, pg_catalog::TABLES];
    for definition in tables.into_iter().flatten() {
        engine.register(table::BuiltIn::new(definition, engine));
    }
}
