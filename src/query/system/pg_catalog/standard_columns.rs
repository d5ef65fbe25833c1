//! `information_schema`: columns and declared keys, in the standard's words.

use arrow::datatypes::{DataType, Field};
use futures::future::BoxFuture;

use crate::catalog::RelationKind;
use crate::error::Result;
use crate::query::system::cells::{Cell, Cells, int, or_null, text};
use crate::query::system::names::Class;
use crate::query::system::postgres;
use crate::query::system::types;
use crate::query::system::visible::seen;

use super::Asked;
use super::keys::keys;
use super::standard::{privileges, yes};

pub(super) fn columns<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for seen in seen(asked.engine, asked.context, &asked.names).await? {
            let Some(schema) = &seen.schema else { continue };
            if seen.class.kind == 'm' {
                continue;
            }
            let relation = seen.class.relation.as_deref();
            let written =
                relation.is_some_and(|known| matches!(known.kind, RelationKind::Table { .. }));
            for (index, field) in schema.fields().iter().enumerate() {
                let mut row = placed(asked, &seen.class, index, field);
                row.extend(described(&asked.context.database, field));
                row.extend([
                    ("is_nullable", yes(!seen.is_not_null(field))),
                    ("is_self_referencing", yes(false)),
                    ("is_identity", yes(false)),
                    ("identity_cycle", yes(false)),
                    ("is_generated", text("NEVER")),
                    ("is_updatable", yes(written)),
                ]);
                rows.push(row);
            }
        }
        Ok(rows)
    })
}

fn placed(asked: &Asked<'_>, class: &Class, index: usize, field: &Field) -> Cells {
    vec![
        ("table_catalog", text(&asked.context.database)),
        ("table_schema", text(&class.schema)),
        ("table_name", text(&class.name)),
        ("column_name", text(field.name())),
        ("ordinal_position", position(index)),
        ("dtd_identifier", text((index + 1).to_string())),
    ]
}

fn position(index: usize) -> Cell {
    Cell::Int(i64::try_from(index + 1).unwrap_or(0))
}

/// What follows from the type.
fn described(database: &str, field: &Field) -> Cells {
    let known = types::of(field);
    let bits = match known.name {
        "int2" => Some((16, 2, Some(0))),
        "int4" => Some((32, 2, Some(0))),
        "int8" => Some((64, 2, Some(0))),
        "float4" => Some((24, 2, None)),
        "float8" => Some((53, 2, None)),
        "numeric" => {
            types::numeric(field.data_type()).map(|(precision, scale)| (precision, 10, Some(scale)))
        }
        _ => None,
    };
    let datetime = match known.name {
        "date" => Some(0_i64),
        "time" | "timestamp" | "timestamptz" | "interval" => Some(6),
        _ => None,
    };
    let is_text = matches!(known.name, "text" | "varchar" | "bpchar");
    let length = types::own_modifier(field).filter(|length| is_text && *length > 4);
    let length = length.map(|length| i64::from(length) - 4);
    let octets = is_text.then(|| length.map_or(1_073_741_824, |length| length * 4));
    let is_array = known.element != 0 && known.name.starts_with('_');
    let name = if is_array { "ARRAY".to_owned() } else { types::spelled(known.oid, None) };
    vec![
        ("data_type", text(name)),
        ("character_maximum_length", or_null(length, Cell::Int)),
        ("character_octet_length", or_null(octets, Cell::Int)),
        ("numeric_precision", or_null(bits, |(precision, _, _)| int(precision))),
        ("numeric_precision_radix", or_null(bits, |(_, radix, _)| int(radix))),
        ("numeric_scale", or_null(bits.and_then(|(_, _, scale)| scale), |scale: i32| int(scale))),
        ("datetime_precision", or_null(datetime, Cell::Int)),
        ("udt_catalog", text(database)),
        ("udt_schema", text("pg_catalog")),
        ("udt_name", text(known.name)),
    ]
}

fn privilege_rows<'a>(asked: &'a Asked<'a>, everybody: bool) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for seen in seen(asked.engine, asked.context, &asked.names).await? {
            let (Some(schema), Some(relation)) = (&seen.schema, &seen.class.relation) else {
                continue;
            };
            for (grantee, privilege) in privileges(asked, relation) {
                if !everybody && grantee == "PUBLIC" {
                    continue;
                }
                for field in schema.fields() {
                    rows.push(vec![
                        ("grantor", text(&relation.owner.0)),
                        ("grantee", text(&grantee)),
                        ("table_catalog", text(&asked.context.database)),
                        ("table_schema", text(&relation.name.schema)),
                        ("table_name", text(&relation.name.relation)),
                        ("column_name", text(field.name())),
                        ("privilege_type", text(privilege)),
                        ("is_grantable", yes(grantee == relation.owner.0)),
                    ]);
                }
            }
        }
        Ok(rows)
    })
}

pub(super) fn column_privileges<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    privilege_rows(asked, true)
}

pub(super) fn role_column_grants<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    privilege_rows(asked, false)
}

pub(super) fn element_types<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for seen in seen(asked.engine, asked.context, &asked.names).await? {
            let Some(schema) = &seen.schema else { continue };
            for (index, field) in schema.fields().iter().enumerate() {
                let known = types::of(field);
                let Some(element) = postgres::type_numbered(known.element) else { continue };
                if !matches!(field.data_type(), DataType::List(_)) {
                    continue;
                }
                rows.push(vec![
                    ("object_catalog", text(&asked.context.database)),
                    ("object_schema", text(&seen.class.schema)),
                    ("object_name", text(&seen.class.name)),
                    ("object_type", text(if seen.class.kind == 'v' { "VIEW" } else { "TABLE" })),
                    ("collection_type_identifier", text((index + 1).to_string())),
                    ("data_type", text(types::spelled(element.oid, None))),
                    ("udt_catalog", text(&asked.context.database)),
                    ("udt_schema", text("pg_catalog")),
                    ("udt_name", text(element.name)),
                    ("dtd_identifier", text(format!("a{}", index + 1))),
                ]);
            }
        }
        Ok(rows)
    })
}

/// The table and the constraint of a key.
fn constrained(asked: &Asked<'_>, table: &Class, name: &str) -> Cells {
    let database = || text(&asked.context.database);
    vec![
        ("constraint_catalog", database()),
        ("constraint_schema", text(&table.schema)),
        ("constraint_name", text(name)),
        ("table_catalog", database()),
        ("table_schema", text(&table.schema)),
        ("table_name", text(&table.name)),
    ]
}

pub(super) fn table_constraints<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for key in keys(asked).await? {
            let mut row = constrained(asked, &key.table, &key.index.name);
            row.extend([
                ("constraint_type", text("PRIMARY KEY")),
                ("is_deferrable", yes(false)),
                ("initially_deferred", yes(false)),
                ("enforced", yes(true)),
            ]);
            rows.push(row);
        }
        Ok(rows)
    })
}

pub(super) fn key_column_usage<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for key in keys(asked).await? {
            for (index, column) in key.columns.iter().enumerate() {
                let mut row = constrained(asked, &key.table, &key.index.name);
                row.push(("column_name", text(column)));
                row.push(("ordinal_position", position(index)));
                rows.push(row);
            }
        }
        Ok(rows)
    })
}

pub(super) fn constraint_column_usage<'a>(
    asked: &'a Asked<'a>,
) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for key in keys(asked).await? {
            for column in &key.columns {
                let mut row = constrained(asked, &key.table, &key.index.name);
                row.push(("column_name", text(column)));
                rows.push(row);
            }
        }
        Ok(rows)
    })
}

pub(super) fn constraint_table_usage<'a>(
    asked: &'a Asked<'a>,
) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |key: super::keys::Key| constrained(asked, &key.table, &key.index.name);
        Ok(keys(asked).await?.into_iter().map(row).collect())
    })
}
