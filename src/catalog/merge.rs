//! What a transaction changed, brought together with what others published meanwhile.
//!
//! Its one idea: an object that only one side touched is that side's; one that both touched differently is a
//! conflict, and the transaction's to begin anew.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;

use super::object::GrantEntry;
use super::state::CatalogState;

/// What makes `ours` of `base`, done to `theirs`.
///
/// # Errors
/// `SerializationFailure` naming what both changed.
pub fn merge(
    base: &CatalogState,
    ours: &CatalogState,
    theirs: &CatalogState,
) -> Result<CatalogState> {
    let mut grants = theirs.grants.clone();
    grants.extend(ours.grants.difference(&base.grants).cloned());
    for taken in base.grants.difference(&ours.grants) {
        grants.remove(taken);
    }
    let merged = CatalogState {
        schemas: objects("schema", [&base.schemas, &ours.schemas, &theirs.schemas])?,
        relations: objects("relation", [&base.relations, &ours.relations, &theirs.relations])?,
        roles: objects("role", [&base.roles, &ours.roles, &theirs.roles])?,
        functions: objects("function", [&base.functions, &ours.functions, &theirs.functions])?,
        grants,
    };
    check_grants(base, ours, theirs)?;
    check_grants(base, theirs, ours)?;
    check_left(base, &merged)?;
    Ok(merged)
}

/// Grants go with their relation: given on one that `one` has taken away or renamed, they would be those of
/// whatever has the name next.
fn check_grants(base: &CatalogState, one: &CatalogState, other: &CatalogState) -> Result<()> {
    let went = |entry: &&GrantEntry| {
        let Some(relation) = &entry.relation else { return false };
        let name = RelationName::new(entry.schema.as_str(), relation.as_str());
        let (was, is) = (base.relation(&name), one.relation(&name));
        was.is_some_and(|was| is.is_none_or(|is| is.id != was.id))
    };
    match other.grants.symmetric_difference(&base.grants).find(went) {
        Some(GrantEntry { schema, relation: Some(relation), .. }) => {
            Err(conflict("relation", &format!("{schema}.{relation}")))
        }
        _ => Ok(()),
    }
}

/// What was taken away with all that was in it, or was its, has nothing left from the other side.
fn check_left(base: &CatalogState, merged: &CatalogState) -> Result<()> {
    let gone = base.schemas.keys().filter(|name| !merged.schemas.contains_key(*name));
    for schema in gone {
        let inside = merged.relations.keys().any(|name| name.schema == *schema)
            || merged.functions.keys().any(|name| name.schema == *schema)
            || merged.grants.iter().any(|entry| entry.schema == *schema);
        if inside {
            return Err(conflict("schema", schema));
        }
    }
    let gone = base.roles.keys().filter(|name| !merged.roles.contains_key(*name));
    for role in gone {
        let needed = merged.relations.values().any(|relation| relation.owner == *role)
            || merged.grants.iter().any(|entry| entry.role == *role)
            || merged.roles.values().any(|other| other.member_of.contains(role));
        if needed {
            return Err(conflict("role", role));
        }
    }
    Ok(())
}

fn conflict(noun: &str, name: &impl Display) -> Error {
    let message =
        format!("could not serialize access because {noun} \"{name}\" was changed meanwhile");
    Error::new(ErrorKind::SerializationFailure, message).hint("Begin the transaction again.")
}

fn objects<K: Ord + Clone + Display, V: PartialEq + Clone>(
    noun: &str,
    [base, ours, theirs]: [&BTreeMap<K, V>; 3],
) -> Result<BTreeMap<K, V>> {
    let mut merged = theirs.clone();
    for name in base.keys().chain(ours.keys()) {
        let (was, is, other) = (base.get(name), ours.get(name), theirs.get(name));
        if is == was || is == other {
            continue;
        }
        if other != was {
            return Err(conflict(noun, name));
        }
        match is {
            Some(is) => merged.insert(name.clone(), is.clone()),
            None => merged.remove(name),
        };
    }
    Ok(merged)
}
