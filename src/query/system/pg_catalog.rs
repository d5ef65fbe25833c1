//! `pg_catalog`: the few of Postgres' own tables that the simplest clients read.
//!
//! Oids are made from names, so they agree between servers and survive restarts.

use std::collections::BTreeMap;
use std::hash::Hasher;

use futures::future::BoxFuture;

use crate::error::Result;
use crate::query::engine::{Context, Engine};
use crate::security;

use super::information_schema::schemas;
use super::table::Kind::{BigInt, Bool, Int, Text};
use super::table::{Definition, Row, bigint, boolean, int, text, text_or_null};
use super::types;
use super::visible::{relations, visible};

/// The first oid Postgres gives to user objects.
const FIRST_OID: u64 = 16_384;
const PG_CATALOG_OID: u64 = 11;

/// The tables of this file.
pub(crate) const TABLES: &[Definition] = &[
    Definition {
        schema_name: "pg_catalog",
        name: "pg_namespace",
        comment: "One row per schema the role may use.",
        columns: &[("oid", BigInt, ""), ("nspname", Text, ""), ("nspowner", BigInt, "")],
        rows: pg_namespace,
    },
    Definition {
        schema_name: "pg_catalog",
        name: "pg_class",
        comment: "One row per relation the role may see.",
        columns: &[
            ("oid", BigInt, ""),
            ("relname", Text, ""),
            ("relnamespace", BigInt, ""),
            ("reltype", BigInt, ""),
            ("relowner", BigInt, ""),
            ("relkind", Text, ""),
            ("relnatts", Int, ""),
            ("relhasindex", Bool, ""),
            ("relpersistence", Text, ""),
            ("relispartition", Bool, ""),
        ],
        rows: pg_class,
    },
    Definition {
        schema_name: "pg_catalog",
        name: "pg_attribute",
        comment: "One row per column.",
        columns: &[
            ("attrelid", BigInt, ""),
            ("attname", Text, ""),
            ("atttypid", BigInt, ""),
            ("attlen", Int, ""),
            ("attnum", Int, ""),
            ("atttypmod", Int, ""),
            ("attnotnull", Bool, ""),
            ("atthasdef", Bool, ""),
            ("attisdropped", Bool, ""),
            ("attidentity", Text, ""),
            ("attgenerated", Text, ""),
        ],
        rows: pg_attribute,
    },
    Definition {
        schema_name: "pg_catalog",
        name: "pg_type",
        comment: "One row per type a column can have.",
        columns: &[
            ("oid", BigInt, ""),
            ("typname", Text, ""),
            ("typnamespace", BigInt, ""),
            ("typowner", BigInt, ""),
            ("typlen", Int, ""),
            ("typtype", Text, ""),
            ("typcategory", Text, ""),
            ("typnotnull", Bool, ""),
            ("typbasetype", BigInt, ""),
            ("typrelid", BigInt, ""),
            ("typelem", BigInt, ""),
            ("typarray", BigInt, ""),
            ("typtypmod", Int, ""),
            ("typdelim", Text, ""),
        ],
        rows: pg_type,
    },
    Definition {
        schema_name: "pg_catalog",
        name: "pg_database",
        comment: "The one database.",
        columns: &[
            ("oid", BigInt, ""),
            ("datname", Text, ""),
            ("datdba", BigInt, ""),
            ("encoding", Int, ""),
            ("datistemplate", Bool, ""),
            ("datallowconn", Bool, ""),
        ],
        rows: pg_database,
    },
    Definition {
        schema_name: "pg_catalog",
        name: "pg_roles",
        comment: "One row per role: all for superusers, else the role itself and its groups.",
        columns: &[
            ("oid", BigInt, ""),
            ("rolname", Text, ""),
            ("rolsuper", Bool, ""),
            ("rolinherit", Bool, ""),
            ("rolcreaterole", Bool, ""),
            ("rolcreatedb", Bool, ""),
            ("rolcanlogin", Bool, ""),
        ],
        rows: pg_roles,
    },
    Definition {
        schema_name: "pg_catalog",
        name: "pg_tables",
        comment: "One row per table, stored views included.",
        columns: &[("schemaname", Text, ""), ("tablename", Text, ""), ("tableowner", Text, "")],
        rows: pg_tables,
    },
    Definition {
        schema_name: "pg_catalog",
        name: "pg_description",
        comment: "One row per comment on a relation or column.",
        columns: &[
            ("objoid", BigInt, ""),
            ("classoid", BigInt, ""),
            ("objsubid", Int, ""),
            ("description", Text, ""),
        ],
        rows: pg_description,
    },
    Definition {
        schema_name: "pg_catalog",
        name: "pg_settings",
        comment: "One row per setting of the session.",
        columns: &[("name", Text, ""), ("setting", Text, ""), ("category", Text, "")],
        rows: pg_settings,
    },
];

/// The oid of a named object: stable, and above Postgres' own.
pub(crate) fn oid(kind: &str, name: &str) -> u64 {
    // FNV-1a: small, and the same everywhere, which std's hasher does not promise.
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }

        fn finish(&self) -> u64 {
            self.0
        }
    }
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    hasher.write(kind.as_bytes());
    hasher.write(b":");
    hasher.write(name.as_bytes());
    FIRST_OID + hasher.finish() % ((1 << 31) - FIRST_OID)
}

fn schema_oid(name: &str) -> u64 {
    if name == "pg_catalog" { PG_CATALOG_OID } else { oid("schema", name) }
}

fn owner_oid(context: &Context, name: &crate::name::RelationName) -> u64 {
    let relation = context.snapshot.catalog.relation(name);
    oid("role", relation.map_or("lakeport", |relation| relation.owner.0.as_str()))
}

fn pg_namespace<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let row = |name: String| {
            vec![bigint(Some(schema_oid(&name))), text(name), bigint(Some(oid("role", "lakeport")))]
        };
        Ok(schemas(context).into_iter().map(row).collect())
    })
}

fn pg_class<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for relation in visible(engine, context).await? {
            let columns = relation.schema.as_ref().map_or(0, |schema| schema.fields().len());
            let kind = if relation.table_type == "VIEW" { "v" } else { "r" };
            rows.push(vec![
                bigint(Some(oid("relation", &relation.name.to_string()))),
                text(&relation.name.relation),
                bigint(Some(schema_oid(&relation.name.schema))),
                bigint(Some(0)),
                bigint(Some(owner_oid(context, &relation.name))),
                text(kind),
                int(i32::try_from(columns).ok()),
                boolean(false),
                text("p"),
                boolean(false),
            ]);
        }
        Ok(rows)
    })
}

fn pg_attribute<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for relation in visible(engine, context).await? {
            let Some(schema) = &relation.schema else { continue };
            let relation_oid = oid("relation", &relation.name.to_string());
            for (index, field) in schema.fields().iter().enumerate() {
                let known = types::of(field.data_type());
                rows.push(vec![
                    bigint(Some(relation_oid)),
                    text(field.name()),
                    bigint(u64::try_from(known.oid).ok()),
                    int(known.length),
                    int(i32::try_from(index + 1).ok()),
                    int(types::modifier(field.data_type())),
                    boolean(false),
                    boolean(false),
                    boolean(false),
                    text(""),
                    text(""),
                ]);
            }
        }
        Ok(rows)
    })
}

fn pg_type<'a>(_: &'a Engine, _: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let by_name: BTreeMap<&str, i64> =
            types::ALL.iter().map(|known| (known.name, known.oid)).collect();
        let found = |name: &str| by_name.get(name).and_then(|oid| u64::try_from(*oid).ok());
        let row = |known: &types::PgType| {
            let element = known.name.strip_prefix('_').and_then(found).unwrap_or(0);
            vec![
                bigint(u64::try_from(known.oid).ok()),
                text(known.name),
                bigint(Some(PG_CATALOG_OID)),
                bigint(Some(oid("role", "lakeport"))),
                int(known.length),
                text("b"),
                text(known.category),
                boolean(false),
                bigint(Some(0)),
                bigint(Some(0)),
                bigint(Some(element)),
                bigint(Some(found(&format!("_{}", known.name)).unwrap_or(0))),
                int(-1),
                text(","),
            ]
        };
        Ok(types::ALL.iter().map(row).collect())
    })
}

fn pg_database<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        Ok(vec![vec![
            bigint(Some(oid("database", &context.database))),
            text(&context.database),
            bigint(Some(oid("role", "lakeport"))),
            int(6),
            boolean(false),
            boolean(true),
        ]])
    })
}

fn pg_roles<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let state = &context.snapshot.grants;
        let all = security::is_superuser(state, &context.role);
        let own = security::effective_roles(state, &context.role);
        let row = |role: &crate::catalog::Role| {
            vec![
                bigint(Some(oid("role", &role.name.0))),
                text(&role.name.0),
                boolean(role.options.superuser),
                boolean(true),
                boolean(role.options.superuser),
                boolean(false),
                boolean(role.options.login),
            ]
        };
        let shown = state.roles.values().filter(|role| all || own.contains(&role.name));
        Ok(shown.map(row).collect())
    })
}

fn pg_tables<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let row = |relation: std::sync::Arc<crate::catalog::Relation>| {
            let is_view = matches!(relation.kind, crate::catalog::RelationKind::View { .. });
            (!is_view).then(|| {
                vec![
                    text(&relation.name.schema),
                    text(&relation.name.relation),
                    text(relation.owner.to_string()),
                ]
            })
        };
        Ok(relations(context).into_iter().filter_map(row).collect())
    })
}

fn pg_description<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for relation in visible(engine, context).await? {
            let relation_oid = oid("relation", &relation.name.to_string());
            let mut row = |position: Option<i32>, comment: &str| {
                rows.push(vec![
                    bigint(Some(relation_oid)),
                    bigint(Some(1259)),
                    int(position),
                    text(comment),
                ]);
            };
            if let Some(comment) = &relation.comment {
                row(Some(0), comment);
            }
            for (index, field) in
                relation.schema.iter().flat_map(|schema| schema.fields().iter()).enumerate()
            {
                if let Some(comment) = field.metadata().get("comment") {
                    row(i32::try_from(index + 1).ok(), comment);
                }
            }
        }
        Ok(rows)
    })
}

fn pg_settings<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let sorted: BTreeMap<&String, &String> = context.settings.iter().collect();
        let row = |(name, value)| vec![text(name), text(value), text_or_null(Some("Settings"))];
        Ok(sorted.into_iter().map(row).collect())
    })
}
