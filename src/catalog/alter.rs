//! Relations that go on under another name, schema, owner or comment, as pure steps from state to state.
//!
//! Its one idea: a relation is its id; a table's files stay where they are, and the relation says where. What
//! files define is theirs. Privileges are judged by the caller before.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{RelationName, RoleName, quote_identifier};

use crate::syntax::ColumnDefinition;

use super::ddl::{check_open_schema, defined_in, still_needed};
use super::load::described;
use super::object::{GrantEntry, Relation, RelationKind};
use super::order;
use super::state::CatalogState;

/// Calls a relation `to`, with its grants; whoever reads it by its old name is looked for by
/// [`check_readers`].
///
/// # Errors
/// `ObjectInUse` naming the file, `DuplicateTable`, `InvalidName`, `WrongObjectType`, and those of
/// [`check_open_schema`].
pub fn rename(state: &CatalogState, from: &Relation, to: &RelationName) -> Result<CatalogState> {
    let mut relation = altered(from)?;
    to.validate_plain()?;
    check_open_schema(state, &to.schema)?;
    if state.relations.contains_key(to) {
        let message = format!("relation \"{}\" already exists", to.relation);
        return Err(Error::new(ErrorKind::DuplicateTable, message));
    }
    match &mut relation.kind {
        RelationKind::Table { place, .. } => {
            let stays = from.place().clone();
            *place = (stays != *to).then_some(stays);
        }
        RelationKind::View { query } => relation.definition = view_statement(from, to, query),
        _ => {}
    }
    relation.name = to.clone();
    let mut state = state.clone();
    state.relations.remove(&from.name);
    state.insert(relation);
    let is_its = |entry: &GrantEntry| {
        entry.schema == from.name.schema && entry.relation.as_ref() == Some(&from.name.relation)
    };
    state.grants = std::mem::take(&mut state.grants)
        .into_iter()
        .map(|entry| match is_its(&entry) {
            true => GrantEntry {
                schema: to.schema.clone(),
                relation: Some(to.relation.clone()),
                ..entry
            },
            false => entry,
        })
        .collect();
    Ok(state)
}

fn view_statement(view: &Relation, name: &RelationName, query: &str) -> String {
    let columns: Vec<String> =
        view.columns.iter().map(|column| quote_identifier(&column.name)).collect();
    let columns = match columns.is_empty() {
        true => String::new(),
        false => format!(" ({})", columns.join(", ")),
    };
    format!("CREATE VIEW {}{columns} AS {query}", name.quoted())
}

/// Gives a relation to another role.
///
/// # Errors
/// `ObjectInUse` naming the file, `UndefinedObject` for a role that is not there.
pub fn set_owner(state: &CatalogState, relation: &Relation, to: &RoleName) -> Result<CatalogState> {
    let mut relation = altered(relation)?;
    if !state.roles.contains_key(to) {
        let message = format!("role \"{to}\" does not exist");
        return Err(Error::new(ErrorKind::UndefinedObject, message));
    }
    relation.owner = to.clone();
    let mut state = state.clone();
    state.insert(relation);
    Ok(state)
}

/// Says something of a relation.
///
/// # Errors
/// `ObjectInUse` naming the file.
pub fn set_comment(
    state: &CatalogState,
    relation: &Relation,
    comment: Option<&str>,
) -> Result<CatalogState> {
    let mut relation = altered(relation)?;
    relation.comment = comment.map(str::to_owned);
    let mut state = state.clone();
    state.insert(relation);
    Ok(state)
}

/// Gives a relation other columns, or other words about them.
///
/// # Errors
/// `ObjectInUse` naming the file.
pub fn set_columns(
    state: &CatalogState,
    relation: &Relation,
    columns: Vec<ColumnDefinition>,
) -> Result<CatalogState> {
    let mut relation = altered(relation)?;
    relation.columns = columns;
    let mut state = state.clone();
    state.insert(relation);
    Ok(state)
}

/// The relation, where clients may alter it.
fn altered(relation: &Relation) -> Result<Relation> {
    match &relation.file {
        Some(file) => Err(defined_in(described(relation), file)),
        None => Ok(relation.clone()),
    }
}

/// Refuses a state in which somebody reads, by name, what was there before and is not any more.
///
/// # Errors
/// `DependentObjectsStillExist` naming who reads it; `InvalidObjectDefinition` for views that read each other.
pub fn check_readers(before: &CatalogState, after: &CatalogState) -> Result<()> {
    let there: BTreeSet<&RelationName> = after.relations.keys().collect();
    for gone in before.relations.values().filter(|known| !there.contains(&known.name)) {
        let readers = after.dependents(&gone.name);
        let readers: Vec<String> = readers
            .iter()
            .map(|reader| format!("{} depends on {}.", described(reader), described(gone)))
            .collect();
        if !readers.is_empty() {
            return Err(still_needed(&described(gone), &readers).hint(
                "Views read by name: put another relation in its place in the same transaction.",
            ));
        }
    }
    let mut reads = false;
    for made in after.relations.values().filter(|known| before.relation(&known.name) != Some(known))
    {
        let sources = made.sources();
        if let Some(source) = sources.iter().find(|source| !there.contains(source)) {
            let message = format!("{} reads \"{source}\", which is no more", described(made));
            return Err(Error::new(ErrorKind::DependentObjectsStillExist, message));
        }
        reads |= !sources.is_empty();
    }
    // Two that were no circle apart may be one together.
    match reads.then(|| order::cycles(&after.relations)).iter().flatten().next() {
        Some(cycle) => Err(order::circle(cycle)),
        None => Ok(()),
    }
}
