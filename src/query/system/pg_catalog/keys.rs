//! Declared keys as indexes and constraints, and what views read: `pg_index`, `pg_constraint`, `pg_depend`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use futures::future::BoxFuture;

use crate::error::Result;
use crate::query::system::cells::{Cell, Cells, boolean, int, ints, text};
use crate::query::system::names::{
    Class, PG_CLASS, PG_REWRITE, oid, primary_key, relation_of, schema_oid,
};
use crate::query::system::postgres;
use crate::query::system::types;
use crate::query::system::visible::seen;

use super::Asked;

/// A primary key: its table, its index, and where its columns stand in the table.
pub(super) struct Key {
    pub(super) table: Class,
    pub(super) index: Class,
    pub(super) columns: Vec<String>,
    pub(super) schema: SchemaRef,
    positions: Vec<i64>,
}

impl Key {
    fn types(&self) -> Vec<&'static postgres::Type> {
        let field = |column: &String| self.schema.field_with_name(column).ok();
        self.columns.iter().filter_map(field).map(types::of).collect()
    }
}

/// The oid of the constraint that a primary key is.
pub(crate) fn constraint_oid(table: &Class) -> i64 {
    oid("constraint", &relation_of(table).to_string())
}

/// Every primary key of a table with columns.
pub(super) async fn keys(asked: &Asked<'_>) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    for seen in seen(asked.engine, asked.context, &asked.names).await? {
        let (Some(index), Some(schema)) = (asked.names.index_of(seen.class.oid), seen.schema)
        else {
            continue;
        };
        let Some(relation) = &seen.class.relation else { continue };
        let columns = primary_key(relation).to_vec();
        let position = |column: &String| {
            schema.index_of(column).ok().and_then(|at| i64::try_from(at + 1).ok())
        };
        let positions = columns.iter().filter_map(position).collect();
        let schema = Arc::clone(&schema);
        keys.push(Key {
            table: seen.class.clone(),
            index: index.clone(),
            columns,
            schema,
            positions,
        });
    }
    Ok(keys)
}

pub(super) fn pg_index<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |key: &Key| {
            let count = Cell::Int(i64::try_from(key.positions.len()).unwrap_or(0));
            let of_types = |of: fn(&postgres::Type) -> i64| ints(key.types().into_iter().map(of));
            vec![
                ("indexrelid", int(key.index.oid)),
                ("indrelid", int(key.table.oid)),
                ("indnatts", count.clone()),
                ("indnkeyatts", count),
                ("indisunique", boolean(true)),
                ("indisprimary", boolean(true)),
                ("indimmediate", boolean(true)),
                ("indisvalid", boolean(true)),
                ("indisready", boolean(true)),
                ("indislive", boolean(true)),
                ("indkey", ints(key.positions.iter().copied())),
                ("indcollation", of_types(|known| known.collation)),
                ("indclass", of_types(|known| postgres::operator_class(known.oid))),
                ("indoption", ints(key.positions.iter().map(|_| 0))),
            ]
        };
        Ok(keys(asked).await?.iter().map(row).collect())
    })
}

pub(super) fn pg_constraint<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |key: &Key| {
            vec![
                ("oid", int(constraint_oid(&key.table))),
                ("conname", text(&key.index.name)),
                ("connamespace", int(schema_oid(&key.table.schema))),
                ("contype", text("p")),
                ("convalidated", boolean(true)),
                ("conrelid", int(key.table.oid)),
                ("conindid", int(key.index.oid)),
                ("confupdtype", text(" ")),
                ("confdeltype", text(" ")),
                ("confmatchtype", text(" ")),
                ("conislocal", boolean(true)),
                ("connoinherit", boolean(true)),
                ("conkey", ints(key.positions.iter().copied())),
            ]
        };
        Ok(keys(asked).await?.iter().map(row).collect())
    })
}

/// The statement that would make the index of a primary key.
pub(crate) fn index_definition(table: &Class, index: &Class, columns: &[String]) -> String {
    let quoted = |name: &str| crate::name::quote_identifier(name);
    let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    format!(
        "CREATE UNIQUE INDEX {} ON {}.{} USING btree ({})",
        quoted(&index.name),
        quoted(&table.schema),
        quoted(&table.name),
        columns.join(", ")
    )
}

pub(super) fn pg_indexes<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |key: &Key| {
            vec![
                ("schemaname", text(&key.table.schema)),
                ("tablename", text(&key.table.name)),
                ("indexname", text(&key.index.name)),
                ("indexdef", text(index_definition(&key.table, &key.index, &key.columns))),
            ]
        };
        Ok(keys(asked).await?.iter().map(row).collect())
    })
}

/// Views that are not stored, with the number of the rule that answers for each.
fn rules<'a>(asked: &'a Asked<'a>) -> impl Iterator<Item = (i64, &'a Class)> {
    let is_view = |class: &&Class| matches!(class.kind, 'v' | 'm') && class.relation.is_some();
    let rule = |class: &'a Class| (oid("rule", &relation_of(class).to_string()), class);
    asked.names.classes().filter(is_view).map(rule)
}

pub(super) fn pg_rewrite<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |(rule, class): (i64, &Class)| {
            vec![
                ("oid", int(rule)),
                ("rulename", text("_RETURN")),
                ("ev_class", int(class.oid)),
                ("ev_type", text("1")),
                ("ev_enabled", text("O")),
                ("is_instead", boolean(true)),
            ]
        };
        Ok(rules(asked).map(row).collect())
    })
}

pub(super) fn pg_depend<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |rule: i64, on: i64, kind: &str| {
            vec![
                ("classid", int(PG_REWRITE)),
                ("objid", int(rule)),
                ("refclassid", int(PG_CLASS)),
                ("refobjid", int(on)),
                ("deptype", text(kind)),
            ]
        };
        let mut rows = Vec::new();
        for (rule, class) in rules(asked) {
            rows.push(row(rule, class.oid, "i"));
            let sources = class.relation.as_ref().map(|r| r.sources()).unwrap_or_default();
            for source in sources {
                let read = asked.names.class_named(Some(&source.schema), &source.relation);
                if let Some(read) = read {
                    rows.push(row(rule, read.oid, "n"));
                }
            }
        }
        Ok(rows)
    })
}
