//! `pg_class`, `pg_attribute`, `pg_description`, `pg_namespace`.

use arrow::datatypes::{DataType, Field};
use futures::future::BoxFuture;

use crate::error::Result;
use crate::query::system::cells::{Cell, Cells, boolean, int, text};
use crate::query::system::names::{
    BTREE, Class, HEAP, LAKEPORT_ROLE, PG_CLASS, primary_key, role_oid, schema_oid,
};
use crate::query::system::types;
use crate::query::system::visible::{Seen, seen};

use super::{Asked, access};

/// Bytes of a page, as Postgres counts.
const PAGE_BYTES: u64 = 8192;

fn owner(class: &Class) -> &str {
    class.relation.as_ref().map_or("lakeport", |relation| relation.owner.0.as_str())
}

pub(super) fn pg_class<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for seen in seen(asked.engine, asked.context, &asked.names).await? {
            let index = asked.names.index_of(seen.class.oid);
            if let Some(index) = index {
                let keys = index.relation.as_ref().map_or(0, |r| primary_key(r).len());
                rows.push(index_row(index, keys));
            }
            rows.push(table_row(asked, &seen, index.is_some()));
        }
        Ok(rows)
    })
}

fn named_row(class: &Class, columns: usize) -> Cells {
    vec![
        ("oid", int(class.oid)),
        ("relname", text(&class.name)),
        ("relnamespace", int(schema_oid(&class.schema))),
        ("relowner", int(role_oid(owner(class)))),
        ("relkind", text(class.kind)),
        ("relpersistence", text("p")),
        ("relnatts", Cell::Int(i64::try_from(columns).unwrap_or(0))),
        ("relispopulated", boolean(true)),
        ("relfilenode", int(if class.kind == 'v' { 0 } else { class.oid })),
    ]
}

fn index_row(class: &Class, keys: usize) -> Cells {
    let mut row = named_row(class, keys);
    row.extend([("relam", int(BTREE)), ("relreplident", text("n"))]);
    row
}

fn table_row(asked: &Asked<'_>, seen: &Seen, has_index: bool) -> Cells {
    let class = &seen.class;
    let is_view = class.kind == 'v';
    let columns = seen.schema.as_ref().map_or(0, |schema| schema.fields().len());
    let mut row = named_row(class, columns);
    let count = |count: u64| Cell::Int(i64::try_from(count).unwrap_or(i64::MAX));
    row.extend([
        ("relam", int(if is_view { 0 } else { HEAP })),
        // As in Postgres, -1 says that nobody has counted.
        ("reltuples", if is_view { int(-1) } else { seen.rows.map_or(int(-1), count) }),
        ("relpages", count(seen.bytes.div_ceil(PAGE_BYTES))),
        ("relhasindex", boolean(has_index)),
        ("relhasrules", boolean(is_view)),
        ("relreplident", text(if class.kind == 'r' { "d" } else { "n" })),
        ("relacl", access::list(asked.context, owner(class), &class.schema, Some(&class.name))),
    ]);
    row
}

/// Dimensions of arrays, as declared.
fn dimensions(data_type: &DataType) -> i64 {
    match data_type {
        DataType::List(inner) => 1 + dimensions(inner.data_type()),
        _ => 0,
    }
}

fn attribute(relation: i64, position: usize, field: &Field, not_null: bool) -> Cells {
    let known = types::of(field);
    let marked = types::marked_type(field).is_some();
    let list = if marked { 0 } else { dimensions(field.data_type()) };
    vec![
        ("attrelid", int(relation)),
        ("attname", text(field.name())),
        ("atttypid", int(known.oid)),
        ("attstattarget", int(-1)),
        ("attlen", int(known.length)),
        ("attnum", Cell::Int(i64::try_from(position).unwrap_or(0))),
        ("attndims", int(list)),
        ("attcacheoff", int(-1)),
        ("atttypmod", int(types::declared_modifier(field))),
        ("attbyval", boolean(known.by_value)),
        ("attalign", text(known.align)),
        ("attstorage", text(known.storage)),
        ("attnotnull", boolean(not_null)),
        ("attislocal", boolean(true)),
        ("attcollation", int(known.collation)),
    ]
}

pub(super) fn pg_attribute<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for seen in seen(asked.engine, asked.context, &asked.names).await? {
            let Some(schema) = &seen.schema else { continue };
            let keys = seen.class.relation.as_deref().map_or(&[] as &[_], primary_key);
            for (index, field) in schema.fields().iter().enumerate() {
                let not_null = seen.is_not_null(field);
                rows.push(attribute(seen.class.oid, index + 1, field, not_null));
            }
            if let Some(index) = asked.names.index_of(seen.class.oid) {
                let fields = keys.iter().filter_map(|key| schema.field_with_name(key).ok());
                for (position, field) in fields.enumerate() {
                    rows.push(attribute(index.oid, position + 1, field, false));
                }
            }
        }
        Ok(rows)
    })
}

pub(super) fn pg_description<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for seen in seen(asked.engine, asked.context, &asked.names).await? {
            let mut row = |position: usize, comment: &str| {
                rows.push(vec![
                    ("objoid", int(seen.class.oid)),
                    ("classoid", int(PG_CLASS)),
                    ("objsubid", Cell::Int(i64::try_from(position).unwrap_or(0))),
                    ("description", text(comment)),
                ]);
            };
            if let Some(comment) = &seen.comment {
                row(0, comment);
            }
            for (index, field) in seen.schema.iter().flat_map(|s| s.fields().iter()).enumerate() {
                if let Some(comment) = field.metadata().get("comment") {
                    row(index + 1, comment);
                }
            }
        }
        Ok(rows)
    })
}

pub(super) fn pg_namespace<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |name: String| {
            vec![
                ("oid", int(schema_oid(&name))),
                ("nspowner", int(LAKEPORT_ROLE)),
                ("nspacl", access::list(asked.context, "lakeport", &name, None)),
                ("nspname", text(name)),
            ]
        };
        let schemas = crate::query::system::names::schemas(asked.context);
        Ok(schemas.into_iter().map(row).collect())
    })
}
