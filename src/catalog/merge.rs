//! What a transaction changed, brought together with what others published meanwhile.
//!
//! Its one idea: an object that only one side touched is that side's; one that both touched differently is a
//! conflict, and the transaction's to begin anew.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::error::{Error, ErrorKind, Result};

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
    Ok(CatalogState {
        schemas: objects("schema", [&base.schemas, &ours.schemas, &theirs.schemas])?,
        relations: objects("relation", [&base.relations, &ours.relations, &theirs.relations])?,
        roles: objects("role", [&base.roles, &ours.roles, &theirs.roles])?,
        functions: objects("function", [&base.functions, &ours.functions, &theirs.functions])?,
        grants,
    })
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
            let message = format!(
                "could not serialize access because {noun} \"{name}\" was changed meanwhile"
            );
            return Err(Error::new(ErrorKind::SerializationFailure, message)
                .hint("Begin the transaction again."));
        }
        match is {
            Some(is) => merged.insert(name.clone(), is.clone()),
            None => merged.remove(name),
        };
    }
    Ok(merged)
}
