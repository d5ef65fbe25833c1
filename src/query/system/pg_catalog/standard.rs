//! `information_schema`: schemas, tables, views and privileges, in the standard's words.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::catalog::{Relation, RelationKind};
use crate::error::Result;
use crate::query::system::cells::{Cell, Cells, or_null, text};
use crate::query::system::names::{Class, schemas};
use crate::query::system::visible::relations;
use crate::security;
use crate::syntax::Privilege;

use super::{Asked, views};

pub(super) fn catalog_name<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move { Ok(vec![vec![("catalog_name", text(&asked.context.database))]]) })
}

pub(super) fn schemata<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |schema: String| {
            vec![
                ("catalog_name", text(&asked.context.database)),
                ("schema_name", text(schema)),
                ("schema_owner", text("lakeport")),
            ]
        };
        Ok(schemas(asked.context).into_iter().map(row).collect())
    })
}

pub(super) fn yes(value: bool) -> Cell {
    text(if value { "YES" } else { "NO" })
}

fn is_written(class: &Class) -> bool {
    let kind = class.relation.as_ref().map(|relation| &relation.kind);
    matches!(kind, Some(RelationKind::Table { .. }))
}

/// Tables and views; a materialized view shown as such is none, as in Postgres.
pub(super) fn standard_classes<'a>(asked: &'a Asked<'a>) -> impl Iterator<Item = &'a Class> {
    asked.names.classes().filter(|class| matches!(class.kind, 'r' | 'v'))
}

pub(super) fn tables<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |class: &Class| {
            vec![
                ("table_catalog", text(&asked.context.database)),
                ("table_schema", text(&class.schema)),
                ("table_name", text(&class.name)),
                ("table_type", text(if class.kind == 'v' { "VIEW" } else { "BASE TABLE" })),
                ("is_insertable_into", yes(is_written(class))),
                ("is_typed", yes(false)),
            ]
        };
        Ok(standard_classes(asked).map(row).collect())
    })
}

pub(super) fn views<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |class: &Class| {
            let defined = class.relation.as_deref().and_then(views::definition);
            vec![
                ("table_catalog", text(&asked.context.database)),
                ("table_schema", text(&class.schema)),
                ("table_name", text(&class.name)),
                ("view_definition", or_null(defined, |query| text(format!("{query};")))),
                ("check_option", text("NONE")),
                ("is_updatable", yes(false)),
                ("is_insertable_into", yes(false)),
                ("is_trigger_updatable", yes(false)),
                ("is_trigger_deletable", yes(false)),
                ("is_trigger_insertable_into", yes(false)),
            ]
        };
        Ok(asked.names.classes().filter(|class| class.kind == 'v').map(row).collect())
    })
}

pub(super) fn character_sets<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        Ok(vec![vec![
            ("character_set_name", text("UTF8")),
            ("character_repertoire", text("UCS")),
            ("form_of_use", text("UTF8")),
            ("default_collate_catalog", text(&asked.context.database)),
            ("default_collate_schema", text("pg_catalog")),
            ("default_collate_name", text("C")),
        ]])
    })
}

pub(super) fn enabled_roles<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let state = &asked.context.snapshot.grants;
        let all = security::is_superuser(state, &asked.context.role);
        let own = security::effective_roles(state, &asked.context.role);
        let shown = state.roles.keys().filter(|role| all || own.contains(role));
        Ok(shown.map(|role| vec![("role_name", text(&role.0))]).collect())
    })
}

pub(super) fn applicable_roles<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let state = &asked.context.snapshot.grants;
        let own = security::effective_roles(state, &asked.context.role);
        let mut rows = Vec::new();
        for role in state.roles.values().filter(|role| own.contains(&role.name)) {
            for group in &role.member_of {
                rows.push(vec![
                    ("grantee", text(&role.name.0)),
                    ("role_name", text(&group.0)),
                    ("is_grantable", yes(false)),
                ]);
            }
        }
        Ok(rows)
    })
}

/// Who may do what with a relation, as far as the asking role is concerned: grantee, privilege.
pub(super) fn privileges(asked: &Asked<'_>, relation: &Relation) -> Vec<(String, &'static str)> {
    let state = &asked.context.snapshot.grants;
    let all = security::is_superuser(state, &asked.context.role);
    let own = security::effective_roles(state, &asked.context.role);
    let shown = |role: &crate::name::RoleName| all || own.contains(role);
    let mut found = Vec::new();
    if shown(&relation.owner) {
        let writes = matches!(relation.kind, RelationKind::Table { .. });
        let held: &[&str] = if writes { &["INSERT", "SELECT"] } else { &["SELECT"] };
        found.extend(held.iter().map(|privilege| (relation.owner.0.clone(), *privilege)));
    }
    for grant in state.grants.iter().filter(|grant| shown(&grant.role)) {
        let privilege = match grant.privilege {
            Privilege::Select => "SELECT",
            Privilege::Insert => "INSERT",
            _ => continue,
        };
        let named = grant.relation.as_ref().is_none_or(|name| *name == relation.name.relation);
        if grant.schema != relation.name.schema || !named {
            continue;
        }
        let grantee = if grant.role.0 == security::PUBLIC {
            "PUBLIC".to_owned()
        } else {
            grant.role.0.clone()
        };
        if !found.contains(&(grantee.clone(), privilege)) {
            found.push((grantee, privilege));
        }
    }
    found
}

fn privilege_rows(asked: &Asked<'_>) -> Vec<Cells> {
    let mut rows = Vec::new();
    for relation in relations(asked.context) {
        for (grantee, privilege) in privileges(asked, &relation) {
            rows.push(vec![
                ("grantor", text(&relation.owner.0)),
                ("is_grantable", yes(grantee == relation.owner.0)),
                ("grantee", text(grantee)),
                ("table_catalog", text(&asked.context.database)),
                ("table_schema", text(&relation.name.schema)),
                ("table_name", text(&relation.name.relation)),
                ("privilege_type", text(privilege)),
                ("with_hierarchy", yes(privilege == "SELECT")),
            ]);
        }
    }
    rows
}

pub(super) fn table_privileges<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move { Ok(privilege_rows(asked)) })
}

pub(super) fn role_table_grants<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let mut rows = privilege_rows(asked);
        rows.retain(|row| !row.contains(&("grantee", text("PUBLIC"))));
        Ok(rows)
    })
}

pub(super) fn view_table_usage<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let is_view = |relation: &Arc<Relation>| matches!(relation.kind, RelationKind::View { .. });
        let mut rows = Vec::new();
        for relation in relations(asked.context).into_iter().filter(is_view) {
            for source in relation.sources() {
                if asked.names.class_named(Some(&source.schema), &source.relation).is_none() {
                    continue;
                }
                rows.push(vec![
                    ("view_catalog", text(&asked.context.database)),
                    ("view_schema", text(&relation.name.schema)),
                    ("view_name", text(&relation.name.relation)),
                    ("table_catalog", text(&asked.context.database)),
                    ("table_schema", text(source.schema)),
                    ("table_name", text(source.relation)),
                ]);
            }
        }
        Ok(rows)
    })
}
