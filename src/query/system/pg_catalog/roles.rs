//! Roles, as far as the asking role may see them. No password is among them.

use std::collections::BTreeSet;

use futures::future::BoxFuture;

use crate::catalog::Role;
use crate::error::{Error, ErrorKind, Result};
use crate::name::RoleName;
use crate::query::engine::Context;
use crate::query::system::cells::{Cell, Cells, boolean, int, ints, text};
use crate::query::system::names::{LAKEPORT_ROLE, role_oid};
use crate::query::system::visible::relations;
use crate::security;

use super::Asked;

/// What Postgres shows in place of a password.
const HIDDEN: &str = "********";

/// The role itself, those it is a member of, and the owners of what it may see; all for superusers.
fn roles(context: &Context) -> Vec<&Role> {
    let state = &context.snapshot.grants;
    let all = security::is_superuser(state, &context.role);
    let mut shown = security::effective_roles(state, &context.role);
    shown.insert(RoleName::lakeport());
    shown.extend(relations(context).iter().map(|relation| relation.owner.clone()));
    state.roles.values().filter(|role| all || shown.contains(&role.name)).collect()
}

/// A role nobody can log in as is, in Postgres' older words, a group.
fn is_group(role: &Role) -> bool {
    !role.options.login
}

fn role_row(role: &Role) -> Cells {
    let superuser = boolean(role.options.superuser);
    vec![
        ("oid", int(role_oid(&role.name.0))),
        ("rolname", text(&role.name.0)),
        ("rolsuper", superuser.clone()),
        ("rolinherit", boolean(true)),
        ("rolcreaterole", superuser.clone()),
        ("rolcreatedb", superuser.clone()),
        ("rolcanlogin", boolean(role.options.login)),
        ("rolreplication", boolean(false)),
        ("rolbypassrls", superuser),
        ("rolconnlimit", int(-1)),
    ]
}

pub(super) fn pg_roles<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |role: &Role| {
            let mut row = role_row(role);
            row.push(("rolpassword", text(HIDDEN)));
            row
        };
        Ok(roles(asked.context).into_iter().map(row).collect())
    })
}

fn only_superusers(context: &Context, table: &str) -> Result<()> {
    if security::is_superuser(&context.snapshot.grants, &context.role) {
        return Ok(());
    }
    let message = format!("permission denied for table {table}");
    Err(Error::new(ErrorKind::InsufficientPrivilege, message))
}

pub(super) fn pg_authid<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        only_superusers(asked.context, "pg_authid")?;
        Ok(roles(asked.context).into_iter().map(role_row).collect())
    })
}

fn user_row(role: &Role) -> Cells {
    let superuser = boolean(role.options.superuser);
    vec![
        ("usename", text(&role.name.0)),
        ("usesysid", int(role_oid(&role.name.0))),
        ("usecreatedb", superuser.clone()),
        ("usesuper", superuser.clone()),
        ("userepl", boolean(false)),
        ("usebypassrls", superuser),
    ]
}

pub(super) fn pg_user<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |role: &Role| {
            let mut row = user_row(role);
            row.push(("passwd", text(HIDDEN)));
            row
        };
        Ok(roles(asked.context).into_iter().filter(|role| !is_group(role)).map(row).collect())
    })
}

pub(super) fn pg_shadow<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        only_superusers(asked.context, "pg_shadow")?;
        Ok(roles(asked.context).into_iter().filter(|role| !is_group(role)).map(user_row).collect())
    })
}

pub(super) fn pg_group<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let shown = roles(asked.context);
        let row = |group: &&Role| {
            let members = shown.iter().filter(|role| role.member_of.contains(&group.name));
            vec![
                ("groname", text(&group.name.0)),
                ("grosysid", int(role_oid(&group.name.0))),
                ("grolist", ints(members.map(|role| role_oid(&role.name.0)))),
            ]
        };
        Ok(shown.iter().filter(|role| is_group(role)).map(row).collect())
    })
}

pub(super) fn pg_auth_members<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let shown = roles(asked.context);
        let names: BTreeSet<&RoleName> = shown.iter().map(|role| &role.name).collect();
        let mut rows: Vec<Cells> = Vec::new();
        for role in &shown {
            for group in role.member_of.iter().filter(|group| names.contains(group)) {
                rows.push(vec![
                    ("roleid", int(role_oid(&group.0))),
                    ("member", int(role_oid(&role.name.0))),
                    ("grantor", Cell::Int(LAKEPORT_ROLE)),
                    ("admin_option", boolean(false)),
                ]);
            }
        }
        Ok(rows)
    })
}
