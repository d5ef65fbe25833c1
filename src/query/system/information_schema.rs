//! `information_schema`: what tools ask about schemas, tables and columns, in the standard's words.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use futures::future::BoxFuture;

use crate::error::Result;
use crate::query::engine::{Context, Engine};
use crate::security::{self, Access};
use crate::syntax::Privilege;

use super::table::Kind::{Int, Text};
use super::table::{Definition, Row, int, text, text_or_null};
use super::types;
use super::visible::{relations, visible};

/// The tables of this file.
pub(crate) const TABLES: &[Definition] = &[
    Definition {
        schema_name: "information_schema",
        name: "schemata",
        comment: "One row per schema the role may use.",
        columns: &[
            ("catalog_name", Text, ""),
            ("schema_name", Text, ""),
            ("schema_owner", Text, ""),
            ("default_character_set_catalog", Text, ""),
            ("default_character_set_schema", Text, ""),
            ("default_character_set_name", Text, ""),
            ("sql_path", Text, ""),
        ],
        rows: schemata,
    },
    Definition {
        schema_name: "information_schema",
        name: "tables",
        comment: "One row per relation; stored views are base tables.",
        columns: &[
            ("table_catalog", Text, ""),
            ("table_schema", Text, ""),
            ("table_name", Text, ""),
            ("table_type", Text, ""),
            ("self_referencing_column_name", Text, ""),
            ("reference_generation", Text, ""),
            ("user_defined_type_catalog", Text, ""),
            ("user_defined_type_schema", Text, ""),
            ("user_defined_type_name", Text, ""),
            ("is_insertable_into", Text, ""),
            ("is_typed", Text, ""),
            ("commit_action", Text, ""),
        ],
        rows: tables,
    },
    Definition {
        schema_name: "information_schema",
        name: "columns",
        comment: "One row per column.",
        columns: &[
            ("table_catalog", Text, ""),
            ("table_schema", Text, ""),
            ("table_name", Text, ""),
            ("column_name", Text, ""),
            ("ordinal_position", Int, ""),
            ("column_default", Text, ""),
            ("is_nullable", Text, ""),
            ("data_type", Text, ""),
            ("character_maximum_length", Int, ""),
            ("character_octet_length", Int, ""),
            ("numeric_precision", Int, ""),
            ("numeric_precision_radix", Int, ""),
            ("numeric_scale", Int, ""),
            ("datetime_precision", Int, ""),
            ("udt_catalog", Text, ""),
            ("udt_schema", Text, ""),
            ("udt_name", Text, ""),
            ("is_identity", Text, ""),
            ("is_generated", Text, ""),
            ("is_updatable", Text, ""),
        ],
        rows: columns,
    },
    Definition {
        schema_name: "information_schema",
        name: "views",
        comment: "One row per view that is not stored.",
        columns: &[
            ("table_catalog", Text, ""),
            ("table_schema", Text, ""),
            ("table_name", Text, ""),
            ("view_definition", Text, ""),
            ("check_option", Text, ""),
            ("is_updatable", Text, ""),
            ("is_insertable_into", Text, ""),
        ],
        rows: views,
    },
];

/// Schemas the role may use, the server's own included.
pub(crate) fn schemas(context: &Context) -> BTreeSet<String> {
    let snapshot = &context.snapshot;
    let usable = |schema: &&String| {
        let usage = Privilege::Usage;
        security::schema_access(&snapshot.grants, &context.role, schema, usage) != Access::Hidden
    };
    let own = security::SYSTEM_SCHEMAS.iter().map(|schema| (*schema).to_owned());
    let built_in = ["public".to_owned()];
    let named = snapshot.catalog.schemas.keys().filter(usable).cloned();
    own.chain(built_in).chain(named).collect()
}

fn schemata<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let nothing = || text_or_null::<String>(None);
        let row = |schema: String| {
            vec![
                text(&context.database),
                text(schema),
                text("lakeport"),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
            ]
        };
        Ok(schemas(context).into_iter().map(row).collect())
    })
}

fn tables<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let nothing = || text_or_null::<String>(None);
        let mut rows = Vec::new();
        let insertable = |name: &crate::name::RelationName| {
            let relation = context.snapshot.catalog.relation(name);
            relation.is_some_and(|relation| {
                matches!(relation.kind, crate::catalog::RelationKind::Table { .. })
            })
        };
        for relation in listed(engine, context).await? {
            rows.push(vec![
                text(&context.database),
                text(&relation.name.schema),
                text(&relation.name.relation),
                text(relation.table_type),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                text(if insertable(&relation.name) { "YES" } else { "NO" }),
                text("NO"),
                nothing(),
            ]);
        }
        Ok(rows)
    })
}

/// Visible relations, the server's own under the names clients know them by.
async fn listed(
    engine: &Engine,
    context: &Context,
) -> Result<Vec<crate::query::engine::VisibleRelation>> {
    let mut relations = visible(engine, context).await?;
    for relation in &mut relations {
        if relation.table_type == "SYSTEM TABLE" {
            relation.table_type = "VIEW";
        }
    }
    Ok(relations)
}

fn columns<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for relation in listed(engine, context).await? {
            let Some(schema) = &relation.schema else { continue };
            for (index, field) in schema.fields().iter().enumerate() {
                let mut row = vec![
                    text(&context.database),
                    text(&relation.name.schema),
                    text(&relation.name.relation),
                    text(field.name()),
                    int(i32::try_from(index + 1).ok()),
                    text_or_null::<String>(None),
                    text("YES"),
                ];
                row.extend(described(context, field.data_type()));
                rows.push(row);
            }
        }
        Ok(rows)
    })
}

/// The columns of `information_schema.columns` that follow from the type, from `data_type` on.
fn described(context: &Context, data_type: &DataType) -> Vec<datafusion::scalar::ScalarValue> {
    let known = types::of(data_type);
    let bits = match data_type {
        DataType::Int16 => Some((16, 2, Some(0))),
        DataType::Int32 => Some((32, 2, Some(0))),
        DataType::Int64 => Some((64, 2, Some(0))),
        DataType::Float32 => Some((24, 2, None)),
        DataType::Float64 => Some((53, 2, None)),
        _ => types::numeric(data_type).map(|(precision, scale)| (precision, 10, Some(scale))),
    };
    let datetime = match data_type {
        DataType::Date32 => Some(0),
        DataType::Time64(_) | DataType::Timestamp(..) | DataType::Interval(_) => Some(6),
        _ => None,
    };
    let name = if matches!(data_type, DataType::List(_)) { "ARRAY" } else { known.long_name };
    vec![
        text(name),
        int(None),
        int(None),
        int(bits.map(|(precision, _, _)| precision)),
        int(bits.map(|(_, radix, _)| radix)),
        int(bits.and_then(|(_, _, scale)| scale)),
        int(datetime),
        text(&context.database),
        text("pg_catalog"),
        text(known.name),
        text("NO"),
        text("NEVER"),
        text("NO"),
    ]
}

fn views<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let row = |relation: std::sync::Arc<crate::catalog::Relation>| {
            let crate::catalog::RelationKind::View { query } = &relation.kind else { return None };
            Some(vec![
                text(&context.database),
                text(&relation.name.schema),
                text(&relation.name.relation),
                text(query),
                text("NONE"),
                text("NO"),
                text("NO"),
            ])
        };
        Ok(relations(context).into_iter().filter_map(row).collect())
    })
}
