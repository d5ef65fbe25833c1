//! `lakeport.*`: what the server knows and does: catalog, epochs, grants, statements, memory.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use crate::catalog::Relation;
use crate::error::Result;
use crate::name::RelationId;
use crate::query::engine::{Context, Engine};
use crate::security::{self, Access};
use crate::syntax::Privilege;

use super::stored::shaped;
use super::table::Kind::{BigInt, Bool, Text, Time};
use super::table::{Definition, Row, bigint, boolean, text, text_or_null, time};
use super::visible::relations;

/// The tables of this file.
pub(crate) const TABLES: &[Definition] = &[
    Definition {
        schema_name: "lakeport",
        name: "catalog",
        comment: "One row per relation, with the statement that defines it.",
        columns: &[
            ("schema_name", Text, "The schema."),
            ("relation_name", Text, "The relation."),
            ("relation_id", Text, "Its id, for life."),
            ("kind", Text, "What it is."),
            ("owner", Text, "Whose rights a view runs with."),
            ("file", Text, "The file that defines it; NULL for one that lives in the lake only."),
            ("definition", Text, "The defining statement."),
            ("comment", Text, "COMMENT."),
        ],
        rows: catalog,
    },
    Definition {
        schema_name: "lakeport",
        name: "epochs",
        comment: "One row per relation that an epoch published a new version of.",
        columns: &[
            ("epoch", BigInt, "The epoch."),
            ("published_at", Time, "When it was published."),
            ("run_id", Text, "The run that published it."),
            ("schema_name", Text, "The schema."),
            ("relation_name", Text, "The relation."),
            ("version", BigInt, "The Delta version readers see from this epoch on."),
            ("read_only", Bool, "The run only read it."),
        ],
        rows: epochs,
    },
    Definition {
        schema_name: "lakeport",
        name: "functions",
        comment: "One row per SQL function, with the expression it stands for.",
        columns: &[
            ("schema_name", Text, "The schema."),
            ("function_name", Text, "The function."),
            ("arguments", Text, "Its parameters and their types."),
            ("returns", Text, "The type of its result."),
            ("body", Text, "The expression over the parameters."),
            ("owner", Text, "Who made it."),
            ("file", Text, "The file that defines it; NULL for one that lives in the lake only."),
            ("comment", Text, "COMMENT."),
        ],
        rows: functions,
    },
    Definition {
        schema_name: "lakeport",
        name: "queries",
        comment: "One row per statement that runs or lately ran, without its literals.",
        columns: &[
            ("query_id", Text, "The statement's id, as in the log."),
            ("session_id", Text, "The session; NULL for the server's own."),
            ("role_name", Text, "Who ran it."),
            ("started_at", Time, "When it started."),
            ("elapsed_ms", BigInt, "Milliseconds so far, or in all."),
            ("state", Text, "running, finished, failed, canceled, or abandoned by its client."),
            ("rows", BigInt, "Rows returned so far, or in all."),
            ("sqlstate", Text, "Why it failed."),
            ("query", Text, "Its shape: literals are replaced by ?."),
        ],
        rows: queries,
    },
    Definition {
        schema_name: "lakeport",
        name: "catalog_probes",
        comment: "One row per question about the catalogs that a tool asked and got an error for.",
        columns: &[
            ("last_at", Time, "When it was last asked."),
            ("application_name", Text, "Who asked, as the tool calls itself."),
            ("role_name", Text, "The role."),
            ("times", BigInt, "How often."),
            ("sqlstate", Text, "The error."),
            ("message", Text, "Its text."),
            ("query", Text, "Its shape: literals are replaced by ?."),
        ],
        rows: catalog_probes,
    },
    Definition {
        schema_name: "lakeport",
        name: "caches",
        comment: "One row per bounded store of memory the engine keeps.",
        columns: &[
            ("cache_name", Text, "What it holds."),
            ("bytes", BigInt, "Bytes held."),
            ("limit_bytes", BigInt, "Bytes it may hold."),
        ],
        rows: caches,
    },
    Definition {
        schema_name: "lakeport",
        name: "grants",
        comment: "One row per privilege granted to a role on an object.",
        columns: &[
            ("role_name", Text, "To whom."),
            ("privilege", Text, "What."),
            ("schema_name", Text, "The schema."),
            ("relation_name", Text, "The relation; NULL for the whole schema."),
        ],
        rows: grants,
    },
];

fn catalog<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let row = |relation: Arc<Relation>| {
            vec![
                text(&relation.name.schema),
                text(&relation.name.relation),
                text(relation.id.to_string()),
                text(relation.kind.noun()),
                text(relation.owner.to_string()),
                text_or_null(relation.file.clone()),
                text(&relation.definition),
                text_or_null(relation.comment.clone()),
            ]
        };
        Ok(relations(context).into_iter().map(row).collect())
    })
}

fn epochs<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let zone = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
        let schema = Arc::new(Schema::new(vec![
            Field::new("epoch", DataType::Int64, true),
            Field::new("published_at", zone, true),
            Field::new("run_id", DataType::Utf8, true),
            Field::new("relation_id", DataType::Utf8, true),
            Field::new("version", DataType::Int64, true),
            Field::new("read_only", DataType::Boolean, true),
        ]));
        let mut rows = Vec::new();
        for batch in engine.read_system("epochs", context).await? {
            let batch = shaped(&batch, &schema)?;
            let epochs = batch.column(0).as_primitive::<Int64Type>();
            let times = batch.column(1).as_primitive::<TimestampMicrosecondType>();
            let runs = batch.column(2).as_string::<i32>();
            let ids = batch.column(3).as_string::<i32>();
            let versions = batch.column(4).as_primitive::<Int64Type>();
            let read_only = batch.column(5).as_boolean();
            for row in 0..batch.num_rows() {
                let Some((schema_name, relation)) = named(context, ids.value(row)) else {
                    continue;
                };
                let published = times.is_valid(row).then(|| times.value(row));
                rows.push(vec![
                    bigint(u64::try_from(epochs.value(row)).ok()),
                    time(published.and_then(DateTime::<Utc>::from_timestamp_micros)),
                    text(runs.value(row)),
                    text(schema_name),
                    text(relation),
                    bigint(u64::try_from(versions.value(row)).ok()),
                    boolean(read_only.is_valid(row) && read_only.value(row)),
                ]);
            }
        }
        Ok(rows)
    })
}

/// The name of the relation with this id, if the role may see it. Ids of relations that no longer
/// exist are shown to superusers.
fn named(context: &Context, id: &str) -> Option<(String, String)> {
    let snapshot = &context.snapshot;
    let id: RelationId = id.parse().ok()?;
    if id == RelationId::CATALOG {
        return Some(("lakeport".to_owned(), "catalog".to_owned()));
    }
    match snapshot.catalog.relation_by_id(id) {
        Some(relation) => {
            let name = &relation.name;
            let access =
                security::relation_access(&snapshot.grants, &context.role, name, Privilege::Select);
            (access != Access::Hidden).then(|| (name.schema.clone(), name.relation.clone()))
        }
        None => security::is_superuser(&snapshot.grants, &context.role)
            .then(|| (String::new(), id.to_string())),
    }
}

fn queries<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let all = security::is_superuser(&context.snapshot.grants, &context.role);
        let entries = engine.history().entries().into_iter();
        let row = |entry: crate::query::history::QueryEntry| {
            vec![
                text(entry.query_id.to_string()),
                text_or_null(entry.session_id.map(|id| id.to_string())),
                text(entry.role.to_string()),
                time(Some(entry.started_at)),
                bigint(Some(entry.elapsed_ms)),
                text(entry.state),
                bigint(Some(entry.rows)),
                text_or_null(entry.sqlstate),
                text(entry.shape.as_ref()),
            ]
        };
        Ok(entries.filter(|entry| all || entry.role == context.role).map(row).collect())
    })
}

fn catalog_probes<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let all = security::is_superuser(&context.snapshot.grants, &context.role);
        let probes = engine.probes.all().into_iter();
        let row = |probe: crate::query::probes::Probe| {
            vec![
                time(Some(probe.last_at)),
                text(probe.application),
                text(probe.role.to_string()),
                bigint(Some(probe.times)),
                text(probe.kind.sqlstate()),
                text(probe.message),
                text(probe.shape),
            ]
        };
        Ok(probes.filter(|probe| all || probe.role == context.role).map(row).collect())
    })
}

fn caches<'a>(engine: &'a Engine, _: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let row = |name: &str, bytes: usize, limit: usize| {
            vec![text(name), bigint(Some(bytes as u64)), bigint(Some(limit as u64))]
        };
        Ok(engine
            .memory()
            .into_iter()
            .map(|(name, bytes, limit)| row(name, bytes, limit))
            .collect())
    })
}

fn functions<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let grants = &context.snapshot.grants;
        let roles = security::effective_roles(grants, &context.role);
        let known = context.snapshot.catalog.functions.values();
        let row = |function: &Arc<crate::catalog::Function>| {
            let arguments =
                function.parameters.iter().map(|p| format!("{} {}", p.name, p.sql_type));
            vec![
                text(&function.name.schema),
                text(&function.name.relation),
                text(arguments.collect::<Vec<_>>().join(", ")),
                text(&function.returns),
                text(&function.body),
                text(function.owner.to_string()),
                text_or_null(function.file.clone()),
                text_or_null(function.comment.clone()),
            ]
        };
        Ok(known.filter(|f| f.may_call(grants, &roles)).map(row).collect())
    })
}

fn grants<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let state = &context.snapshot.grants;
        let all = security::is_superuser(state, &context.role);
        let own = security::effective_roles(state, &context.role);
        let mut rows = Vec::new();
        for grant in state.grants.iter().filter(|grant| all || own.contains(&grant.role)) {
            let privilege = match grant.privilege {
                Privilege::Select => "SELECT",
                Privilege::Insert => "INSERT",
                Privilege::Usage => "USAGE",
                Privilege::Create => "CREATE",
                Privilege::Refresh => "REFRESH",
                Privilege::Execute => "EXECUTE",
            };
            rows.push(vec![
                text(grant.role.to_string()),
                text(privilege),
                text(&grant.schema),
                text_or_null(grant.relation.clone()),
            ]);
        }
        Ok(rows)
    })
}
