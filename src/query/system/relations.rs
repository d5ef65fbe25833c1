//! `lakeport.*`: the relations of the lake, by what people ask about them.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::catalog::{Relation, RelationKind};
use crate::error::Result;
use crate::lake::Table;
use crate::query::engine::{Context, Engine};
use crate::query::travel;
use crate::syntax::{RefreshPolicy, RelationReference};

use super::table::Kind::{BigInt, Bool, Int, Text, Time};
use super::table::{Definition, Row, bigint, boolean, int, text, text_or_null, time};
use super::types;
use super::visible::{relations, visible};

/// The tables of this file.
pub(crate) const TABLES: &[Definition] = &[
    Definition {
        schema_name: "lakeport",
        name: "tables",
        comment: "One row per relation, with the version a query would read.",
        columns: &[
            ("schema_name", Text, "The schema."),
            ("table_name", Text, "The relation."),
            ("kind", Text, "What it is."),
            ("version", BigInt, "The Delta version a query reads; NULL for views."),
            ("epoch", BigInt, "The epoch that published it."),
            ("published_at", Time, "When that was."),
            ("rows", BigInt, "Rows, where every file's statistics say."),
            ("files", BigInt, "Data files."),
            ("bytes", BigInt, "Bytes of data files."),
            ("comment", Text, "COMMENT."),
        ],
        rows: tables,
    },
    Definition {
        schema_name: "lakeport",
        name: "columns",
        comment: "One row per column.",
        columns: &[
            ("schema_name", Text, "The schema."),
            ("table_name", Text, "The relation."),
            ("column_name", Text, "The column."),
            ("position", Int, "From 1."),
            ("data_type", Text, "Its type as Postgres spells it."),
            ("comment", Text, "COMMENT."),
        ],
        rows: columns,
    },
    Definition {
        schema_name: "lakeport",
        name: "matviews",
        comment: "One row per materialized view, with how it is kept.",
        columns: &[
            ("schema_name", Text, "The schema."),
            ("view_name", Text, "The view."),
            ("policy", Text, "REFRESH POLICY."),
            ("every_seconds", BigInt, "SCHEDULE EVERY, in seconds; NULL for none."),
            ("on_update", Bool, "TRIGGER ON UPDATE: it runs when a source has changed."),
            ("at_most_every_seconds", BigInt, "AT MOST EVERY, in seconds; NULL for no limit."),
            ("built", Bool, "Some version is published."),
            ("pending", Bool, "A changed definition waits for its rebuild."),
            ("version", BigInt, "The version served."),
            ("epoch", BigInt, "The epoch that published it."),
            ("published_at", Time, "When that was."),
            ("primary_key", Text, "Its columns, separated by commas."),
            ("sources", Text, "The relations it reads, separated by commas."),
            ("file", Text, "The file that defines it."),
            ("comment", Text, "COMMENT."),
        ],
        rows: matviews,
    },
    Definition {
        schema_name: "lakeport",
        name: "sources",
        comment: "One row per place rows come from: streaming and external tables.",
        columns: &[
            ("schema_name", Text, "The schema."),
            ("table_name", Text, "The table."),
            ("kind", Text, "What it is."),
            ("location", Text, "The path or pattern as written."),
            ("every_seconds", BigInt, "SCHEDULE EVERY, in seconds; NULL for none."),
            ("version", BigInt, "The version served."),
            ("published_at", Time, "When that was published."),
        ],
        rows: sources,
    },
    Definition {
        schema_name: "lakeport",
        name: "quarantine",
        comment: "One row per relation with rows or lines that were refused.",
        columns: &[
            ("schema_name", Text, "The schema."),
            ("relation_name", Text, "The relation."),
            ("quarantine_table", Text, "Where its refused rows are."),
            ("rows", BigInt, "How many there are now."),
            ("published_at", Time, "When they last changed."),
        ],
        rows: quarantine,
    },
];

/// The table a query would read now, where there is one.
async fn current(engine: &Engine, context: &Context, relation: &Relation) -> Option<Table> {
    if matches!(relation.kind, RelationKind::View { .. }) {
        return None;
    }
    let reference = RelationReference {
        database: None,
        schema: Some(relation.name.schema.clone()),
        relation: relation.name.relation.clone(),
        travel: None,
        planned_as: relation.name.relation.clone(),
        position: None,
    };
    // A table that cannot be read is listed without figures; querying it says why.
    travel::table(engine.lake(), context, relation, &reference).await.ok()
}

fn tables<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for relation in relations(context) {
            let table = current(engine, context, &relation).await;
            let published = context.snapshot.epoch.relations.get(&relation.id);
            let files = table.as_ref().map(Table::files);
            rows.push(vec![
                text(&relation.name.schema),
                text(&relation.name.relation),
                text(relation.kind.noun()),
                bigint(table.as_ref().map(Table::version)),
                bigint(published.map(|published| published.epoch)),
                time(published.map(|published| published.published_at)),
                bigint(table.as_ref().and_then(Table::rows)),
                bigint(files.map(|(files, _)| files)),
                bigint(files.map(|(_, bytes)| bytes)),
                text_or_null(relation.comment.clone()),
            ]);
        }
        Ok(rows)
    })
}

fn columns<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for relation in visible(engine, context).await? {
            let Some(schema) = &relation.schema else { continue };
            for (index, field) in schema.fields().iter().enumerate() {
                rows.push(vec![
                    text(&relation.name.schema),
                    text(&relation.name.relation),
                    text(field.name()),
                    int(i32::try_from(index + 1).ok()),
                    text(types::written(field)),
                    text_or_null(field.metadata().get("comment").cloned()),
                ]);
            }
        }
        Ok(rows)
    })
}

fn matviews<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let row = |relation: Arc<Relation>| {
            let RelationKind::MaterializedView(view) = &relation.kind else { return None };
            let published = context.snapshot.epoch.relations.get(&relation.id);
            let policy = match view.policy {
                RefreshPolicy::Auto => "auto",
                RefreshPolicy::Incremental => "incremental",
                RefreshPolicy::IncrementalStrict => "incremental strict",
                RefreshPolicy::Full => "full",
            };
            let sources: Vec<String> = view.sources.iter().map(ToString::to_string).collect();
            Some(vec![
                text(&relation.name.schema),
                text(&relation.name.relation),
                text(policy),
                bigint(view.schedule.map(|schedule| schedule.every.as_secs())),
                boolean(view.trigger.is_some()),
                bigint(view.trigger.and_then(|trigger| trigger.at_most_every).map(|d| d.as_secs())),
                boolean(published.is_some()),
                boolean(view.pending.is_some()),
                bigint(published.map(|published| published.version)),
                bigint(published.map(|published| published.epoch)),
                time(published.map(|published| published.published_at)),
                text(view.primary_key.join(",")),
                text(sources.join(",")),
                text_or_null(relation.file.clone()),
                text_or_null(relation.comment.clone()),
            ])
        };
        Ok(relations(context).into_iter().filter_map(row).collect())
    })
}

fn sources<'a>(_: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let row = |relation: Arc<Relation>| {
            let (location, schedule) = match &relation.kind {
                RelationKind::Streaming(table) => (table.files.path.clone(), table.schedule),
                RelationKind::External { location } => (location.clone(), None),
                RelationKind::Files(files) => (files.location.clone(), None),
                _ => return None,
            };
            let published = context.snapshot.epoch.relations.get(&relation.id);
            Some(vec![
                text(&relation.name.schema),
                text(&relation.name.relation),
                text(relation.kind.noun()),
                text(location),
                bigint(schedule.map(|schedule| schedule.every.as_secs())),
                bigint(published.map(|published| published.version)),
                time(published.map(|published| published.published_at)),
            ])
        };
        Ok(relations(context).into_iter().filter_map(row).collect())
    })
}

fn quarantine<'a>(engine: &'a Engine, context: &'a Context) -> BoxFuture<'a, Result<Vec<Row>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for relation in relations(context) {
            let RelationKind::Quarantine { of } = relation.kind else { continue };
            let Some(kept_for) = context.snapshot.catalog.relation_by_id(of) else { continue };
            let table = current(engine, context, &relation).await;
            let published = context.snapshot.epoch.relations.get(&relation.id);
            rows.push(vec![
                text(&kept_for.name.schema),
                text(&kept_for.name.relation),
                text(relation.name.to_string()),
                bigint(table.map_or(Some(0), |table| table.rows())),
                time(published.map(|published| published.published_at)),
            ]);
        }
        Ok(rows)
    })
}
