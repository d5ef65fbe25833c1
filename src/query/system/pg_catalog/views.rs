//! Postgres' own views over its catalogs: tables, views, materialized views, and their statistics.

use futures::future::BoxFuture;

use crate::catalog::{Relation, RelationKind};
use crate::error::Result;
use crate::query::system::cells::{Cell, Cells, boolean, int, or_null, text};
use crate::query::system::names::Class;
use crate::query::system::visible::seen;

use super::Asked;

fn owner(class: &Class) -> &str {
    class.relation.as_ref().map_or("lakeport", |relation| relation.owner.0.as_str())
}

/// The query of a view, stored or not.
pub(crate) fn definition(relation: &Relation) -> Option<&str> {
    match &relation.kind {
        RelationKind::View { query } => Some(query),
        RelationKind::MaterializedView(view) => Some(&view.query),
        _ => None,
    }
}

fn of_kind<'a>(asked: &'a Asked<'a>, kind: char) -> impl Iterator<Item = &'a Class> {
    asked.names.classes().filter(move |class| class.kind == kind)
}

pub(super) fn pg_tables<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |class: &Class| {
            vec![
                ("schemaname", text(&class.schema)),
                ("tablename", text(&class.name)),
                ("tableowner", text(owner(class))),
                ("hasindexes", boolean(asked.names.index_of(class.oid).is_some())),
                ("hasrules", boolean(false)),
                ("hastriggers", boolean(false)),
                ("rowsecurity", boolean(false)),
            ]
        };
        Ok(of_kind(asked, 'r').map(row).collect())
    })
}

fn view_row(class: &Class, name: &'static str, owned_by: &'static str) -> Cells {
    let defined = class.relation.as_deref().and_then(definition);
    vec![
        ("schemaname", text(&class.schema)),
        (name, text(&class.name)),
        (owned_by, text(owner(class))),
        ("definition", or_null(defined, |query| text(format!("{query};")))),
    ]
}

pub(super) fn pg_views<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        Ok(of_kind(asked, 'v').map(|class| view_row(class, "viewname", "viewowner")).collect())
    })
}

pub(super) fn pg_matviews<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |class: &Class| {
            let mut row = view_row(class, "matviewname", "matviewowner");
            row.push(("hasindexes", boolean(asked.names.index_of(class.oid).is_some())));
            row.push(("ispopulated", boolean(true)));
            row
        };
        Ok(of_kind(asked, 'm').map(row).collect())
    })
}

pub(super) fn pg_stat_user_tables<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = Vec::new();
        for seen in seen(asked.engine, asked.context, &asked.names).await? {
            if seen.class.relation.is_none() || seen.class.kind == 'v' {
                continue;
            }
            let live =
                or_null(seen.rows, |rows| Cell::Int(i64::try_from(rows).unwrap_or(i64::MAX)));
            rows.push(vec![
                ("relid", int(seen.class.oid)),
                ("schemaname", text(&seen.class.schema)),
                ("relname", text(&seen.class.name)),
                ("n_live_tup", live),
                ("n_dead_tup", int(0)),
            ]);
        }
        Ok(rows)
    })
}
