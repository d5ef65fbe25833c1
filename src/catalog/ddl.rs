//! DDL over the wire, as pure steps from state to state.
//!
//! What files define is theirs: every step refuses it, naming the file. Privileges are judged by the
//! caller before.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{RelationName, RoleName};
use crate::syntax::{DropKind, Grant, GrantObject, ObjectName, RoleOptions};

use super::apply::is_governed;
use super::check::undefined_schema;
use super::define;
use super::grants::{self, Direction};
use super::load::{check_schema_name, described};
use super::object::{GrantEntry, Relation, RelationKind, Role, SchemaObject};
use super::state::{BUILT_IN, CatalogState};

pub(super) fn defined_in(what: impl std::fmt::Display, file: &str) -> Error {
    Error::new(ErrorKind::ObjectInUse, format!("{what} is defined in {file}"))
        .hint("Change the file; the server applies it when it starts.")
}

/// Refuses a schema in which no client makes relations.
///
/// # Errors
/// `InvalidSchemaName`; `ObjectInUse` naming the file, or for `quarantine`.
pub fn check_open_schema(state: &CatalogState, schema: &str) -> Result<()> {
    let Some(object) = state.schemas.get(schema) else { return Err(undefined_schema(schema)) };
    if schema == "quarantine" {
        let message = "schema \"quarantine\" is filled by the server";
        return Err(Error::new(ErrorKind::ObjectInUse, message));
    }
    match &object.file {
        Some(file) => Err(defined_in(format!("schema \"{schema}\""), file)
            .hint("Relations of this schema are files; your own tables go to sandbox.")),
        None => Ok(()),
    }
}

/// Adds a schema that lives in the lake only.
///
/// # Errors
/// `DuplicateSchema` (not with `if_not_exists`), `InvalidName`.
pub fn create_schema(
    state: &CatalogState,
    name: &str,
    if_not_exists: bool,
) -> Result<CatalogState> {
    check_schema_name(name)?;
    if state.schemas.contains_key(name) {
        if if_not_exists {
            return Ok(state.clone());
        }
        let message = format!("schema \"{name}\" already exists");
        return Err(Error::new(ErrorKind::DuplicateSchema, message));
    }
    let mut state = state.clone();
    state.schemas.insert(name.to_owned(), SchemaObject { name: name.to_owned(), file: None });
    Ok(state)
}

/// Removes schemas that are empty.
///
/// # Errors
/// `InvalidSchemaName` (not with `if_exists`), `ObjectInUse`, `DependentObjectsStillExist`.
pub fn drop_schemas(
    state: &CatalogState,
    names: &[String],
    if_exists: bool,
) -> Result<CatalogState> {
    let mut state = state.clone();
    for name in names {
        let Some(schema) = state.schemas.get(name) else {
            if if_exists {
                continue;
            }
            return Err(undefined_schema(name));
        };
        if let Some(file) = &schema.file {
            return Err(defined_in(format!("schema \"{name}\""), file));
        }
        if BUILT_IN.contains(&name.as_str()) {
            let message = format!("schema \"{name}\" is part of every lake");
            return Err(Error::new(ErrorKind::ObjectInUse, message));
        }
        let inside: Vec<String> = state
            .relations
            .values()
            .filter(|relation| relation.name.schema == *name)
            .map(|relation| format!("{} depends on schema {name}.", described(relation)))
            .collect();
        if !inside.is_empty() {
            return Err(still_needed(&format!("schema {name}"), &inside));
        }
        state.schemas.remove(name);
        state.grants.retain(|entry| entry.schema != *name);
    }
    Ok(state)
}

/// Adds a relation to a schema that is open to clients.
///
/// # Errors
/// `DuplicateTable`, `InvalidName`, and those of [`check_open_schema`].
pub fn create_relation(state: &CatalogState, relation: Relation) -> Result<CatalogState> {
    relation.name.validate_plain()?;
    check_open_schema(state, &relation.name.schema)?;
    if state.relations.contains_key(&relation.name) {
        let message = format!("relation \"{}\" already exists", relation.name.relation);
        return Err(Error::new(ErrorKind::DuplicateTable, message));
    }
    let mut state = state.clone();
    state.insert(relation);
    Ok(state)
}

/// CREATE OR REPLACE VIEW: the view keeps its id, owner and grants.
///
/// # Errors
/// `WrongObjectType` where something else has the name, `InvalidObjectDefinition` for a view that
/// would read itself, and those of [`create_relation`].
pub fn replace_view(state: &CatalogState, mut relation: Relation) -> Result<CatalogState> {
    let Some(known) = state.relations.get(&relation.name) else {
        return create_relation(state, relation);
    };
    if let Some(file) = &known.file {
        return Err(defined_in(described(known), file));
    }
    if !matches!(known.kind, RelationKind::View { .. }) {
        let message = format!("\"{}\" is not a view", relation.name.relation);
        return Err(Error::new(ErrorKind::WrongObjectType, message));
    }
    (relation.id, relation.owner) = (known.id, known.owner.clone());
    let mut state = state.clone();
    state.insert(relation);
    if let Some(cycle) = super::order::cycles(&state.relations).first() {
        return Err(super::order::circle(cycle));
    }
    Ok(state)
}

/// A table's new columns: it keeps its id, owner and grants.
///
/// # Errors
/// `WrongObjectType` where something else has the name, `DependentObjectsStillExist` while views
/// read it, `ObjectInUse` naming the file.
pub fn replace_table(state: &CatalogState, relation: Relation) -> Result<CatalogState> {
    let kind = DropKind::Table;
    let (_, replaced) = drop_relations(state, std::slice::from_ref(&relation.name), kind, false)?;
    if let Some(other) =
        replaced.iter().find(|known| !matches!(known.kind, RelationKind::Table { .. }))
    {
        let message = format!("cannot change {} \"{}\"", other.kind.noun(), other.name.relation);
        return Err(Error::new(ErrorKind::WrongObjectType, message));
    }
    let mut state = state.clone();
    state.insert(relation);
    Ok(state)
}

/// Removes relations of one kind, with their grants; returns what was removed.
///
/// # Errors
/// `UndefinedTable` (not with `if_exists`), `WrongObjectType`, `ObjectInUse` naming the file,
/// `DependentObjectsStillExist` naming who reads them. Then nothing is removed.
pub fn drop_relations(
    state: &CatalogState,
    names: &[RelationName],
    kind: DropKind,
    if_exists: bool,
) -> Result<(CatalogState, Vec<Arc<Relation>>)> {
    let mut dropped = Vec::new();
    for name in names {
        match state.relations.get(name) {
            Some(relation) => dropped.push(Arc::clone(relation)),
            None if if_exists => {}
            None => {
                let message = format!("{} \"{}\" does not exist", noun(kind), name.relation);
                return Err(Error::new(ErrorKind::UndefinedTable, message));
            }
        }
    }
    let going: BTreeSet<&RelationName> = dropped.iter().map(|relation| &relation.name).collect();
    for relation in &dropped {
        check_kind(relation, kind)?;
        if let Some(file) = &relation.file {
            return Err(defined_in(described(relation), file));
        }
        let readers: Vec<String> = state
            .dependents(&relation.name)
            .iter()
            .filter(|reader| !going.contains(&reader.name))
            .map(|reader| format!("{} depends on {}.", described(reader), described(relation)))
            .collect();
        if !readers.is_empty() {
            return Err(still_needed(&described(relation), &readers));
        }
    }
    let mut after = state.clone();
    for relation in &dropped {
        let name = &relation.name;
        after.relations.remove(name);
        after.grants.retain(|entry| {
            entry.schema != name.schema || entry.relation.as_ref() != Some(&name.relation)
        });
    }
    Ok((after, dropped))
}

fn noun(kind: DropKind) -> &'static str {
    match kind {
        DropKind::Table => "table",
        DropKind::View => "view",
        DropKind::MaterializedView => "materialized view",
        DropKind::Schema => "schema",
        DropKind::Role => "role",
        DropKind::Function => "function",
        DropKind::Index => "index",
    }
}

fn check_kind(relation: &Relation, kind: DropKind) -> Result<()> {
    let proper = match &relation.kind {
        RelationKind::View { .. } => DropKind::View,
        RelationKind::MaterializedView(_) => DropKind::MaterializedView,
        RelationKind::Table { .. }
        | RelationKind::External { .. }
        | RelationKind::Files(_)
        | RelationKind::Streaming(_)
        | RelationKind::Quarantine { .. } => DropKind::Table,
    };
    if proper == kind {
        return Ok(());
    }
    let message = format!("\"{}\" is not a {}", relation.name.relation, noun(kind));
    let hint = format!("Use DROP {} to remove a {}.", noun(proper).to_uppercase(), noun(proper));
    Err(Error::new(ErrorKind::WrongObjectType, message).hint(hint))
}

pub(super) fn still_needed(what: &str, readers: &[String]) -> Error {
    let message = format!("cannot drop {what} because other objects depend on it");
    Error::new(ErrorKind::DependentObjectsStillExist, message)
        .detail(readers.join("\n"))
        .hint("Drop those first.")
}

/// Adds a role that lives in the lake only.
///
/// # Errors
/// `DuplicateObject` (not with `if_not_exists`), `InvalidName`.
pub fn create_role(
    state: &CatalogState,
    name: &str,
    options: RoleOptions,
    if_not_exists: bool,
) -> Result<CatalogState> {
    let name = RoleName(name.to_owned());
    if name.0.is_empty() || name.0 == "public" || name.0 == "none" || name.0.starts_with("pg_") {
        let message = format!("role name \"{name}\" is reserved");
        return Err(Error::new(ErrorKind::InvalidName, message));
    }
    if state.roles.contains_key(&name) {
        if if_not_exists {
            return Ok(state.clone());
        }
        let message = format!("role \"{name}\" already exists");
        return Err(Error::new(ErrorKind::DuplicateObject, message));
    }
    let mut state = state.clone();
    let role = Role { name: name.clone(), options, member_of: Vec::new(), file: None };
    state.roles.insert(name, role);
    Ok(state)
}

/// Removes roles that own nothing, with their grants and memberships.
///
/// # Errors
/// `UndefinedObject` (not with `if_exists`), `ObjectInUse`, `DependentObjectsStillExist`.
pub fn drop_roles(state: &CatalogState, names: &[String], if_exists: bool) -> Result<CatalogState> {
    let mut state = state.clone();
    for name in names {
        let name = RoleName(name.clone());
        let Some(role) = state.roles.get(&name) else {
            if if_exists {
                continue;
            }
            let message = format!("role \"{name}\" does not exist");
            return Err(Error::new(ErrorKind::UndefinedObject, message));
        };
        if let Some(file) = &role.file {
            return Err(defined_in(format!("role \"{name}\""), file));
        }
        if name == RoleName::lakeport() {
            let message = "role \"lakeport\" is part of every lake";
            return Err(Error::new(ErrorKind::ObjectInUse, message));
        }
        let owned: Vec<String> = state
            .relations
            .values()
            .filter(|relation| relation.owner == name)
            .map(|relation| format!("owner of {}", described(relation)))
            .collect();
        if !owned.is_empty() {
            let message =
                format!("role \"{name}\" cannot be dropped because some objects depend on it");
            return Err(
                Error::new(ErrorKind::DependentObjectsStillExist, message).detail(owned.join("\n"))
            );
        }
        state.roles.remove(&name);
        state.grants.retain(|entry| entry.role != name);
        for role in state.roles.values_mut() {
            role.member_of.retain(|group| *group != name);
        }
    }
    Ok(state)
}

/// GRANT; `resolve` turns names as written into relations'.
///
/// # Errors
/// `UndefinedObject`, `InvalidSchemaName`, `UndefinedTable`; `ObjectInUse` where the files alone say
/// who has what.
pub fn grant(
    state: &CatalogState,
    grant: &Grant,
    resolve: &dyn Fn(&ObjectName) -> Result<RelationName>,
) -> Result<CatalogState> {
    change(state, grant, Direction::Grant, resolve)
}

/// REVOKE; as [`grant`]. Taking what was not given is no error, as in Postgres.
pub fn revoke(
    state: &CatalogState,
    grant: &Grant,
    resolve: &dyn Fn(&ObjectName) -> Result<RelationName>,
) -> Result<CatalogState> {
    change(state, grant, Direction::Revoke, resolve)
}

fn change(
    state: &CatalogState,
    grant: &Grant,
    direction: Direction,
    resolve: grants::Resolve<'_>,
) -> Result<CatalogState> {
    let mut after = state.clone();
    grants::change(&mut after, grant, direction, resolve)?;
    let touched: Vec<(String, Option<String>)> = match &grant.object {
        GrantObject::Schemas(schemas) => schemas.iter().map(|s| (s.clone(), None)).collect(),
        GrantObject::Functions(names) => {
            for name in names.iter().map(define::resolve) {
                let file = state.functions.get(&name).and_then(|function| function.file.as_ref());
                if file.is_some() {
                    let what = format!("who may call function \"{name}\"");
                    return Err(defined_in(what, "catalog/roles.sql"));
                }
            }
            Vec::new()
        }
        GrantObject::Relations(names) => {
            let names: Result<Vec<RelationName>> = names.iter().map(resolve).collect();
            names?.into_iter().map(|name| (name.schema, Some(name.relation))).collect()
        }
        GrantObject::Roles(_) => {
            let roles = grant.roles.iter().map(|role| RoleName(role.clone()));
            for role in roles {
                let file = state.roles.get(&role).and_then(|role| role.file.as_ref());
                if let Some(file) = file {
                    return Err(defined_in(format!("role \"{role}\""), file));
                }
            }
            Vec::new()
        }
    };
    for (schema, relation) in touched {
        let (role, privilege) = (RoleName::lakeport(), crate::syntax::Privilege::Select);
        let what = match &relation {
            Some(relation) => format!("relation \"{schema}.{relation}\""),
            None => format!("schema \"{schema}\""),
        };
        if is_governed(state, &GrantEntry { role, privilege, schema, relation }) {
            return Err(defined_in(format!("who may use {what}"), "catalog/roles.sql"));
        }
    }
    Ok(after)
}
