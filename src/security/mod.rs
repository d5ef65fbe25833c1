//! Who may do what: pure decisions over a [`CatalogState`].
//!
//! Its one idea: access has three answers, and hiding is not denying. Does no I/O, keeps no state,
//! and has not heard of plans.

pub mod scram;

use std::collections::BTreeSet;

use crate::catalog::{CatalogState, GrantEntry, Relation, RelationKind};
use crate::error::{Error, ErrorKind};
use crate::name::{RelationName, RoleName};
use crate::syntax::Privilege;

/// What a role may do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Granted,
    /// It has some privilege on the object, but not this one: `InsufficientPrivilege`.
    Denied,
    /// It has none at all: the object must look as if it did not exist.
    Hidden,
}

/// The role everybody is a member of.
pub const PUBLIC: &str = "public";

/// Schemas of the server itself: readable by everyone (their rows are filtered by role instead),
/// writable by no one.
pub const SYSTEM_SCHEMAS: [&str; 3] = ["information_schema", "lakeport", "pg_catalog"];

/// Whether `role` (itself or by membership) has `privilege` on a relation. Superusers and owners
/// have all; quarantine tables inherit their relation's grants.
pub fn relation_access(
    state: &CatalogState,
    role: &RoleName,
    relation: &RelationName,
    privilege: Privilege,
) -> Access {
    if SYSTEM_SCHEMAS.contains(&relation.schema.as_str()) {
        return if privilege == Privilege::Select { Access::Granted } else { Access::Denied };
    }
    let roles = effective_roles(state, role);
    if roles.iter().any(|role| is_marked_superuser(state, role)) {
        return Access::Granted;
    }
    let Some(object) = state.relation(relation) else { return Access::Hidden };
    let own = access_by_grants(state, &roles, object, privilege);
    match &object.kind {
        RelationKind::Quarantine { of } if own != Access::Granted => {
            let inherited = state
                .relation_by_id(*of)
                .map_or(Access::Hidden, |of| access_by_grants(state, &roles, of, privilege));
            if inherited == Access::Hidden { own } else { inherited }
        }
        _ => own,
    }
}

/// Whether `role` has `privilege` on a schema.
///
/// Any privilege on something in a schema implies USAGE of the schema.
pub fn schema_access(
    state: &CatalogState,
    role: &RoleName,
    schema: &str,
    privilege: Privilege,
) -> Access {
    if SYSTEM_SCHEMAS.contains(&schema) {
        let readable = matches!(privilege, Privilege::Select | Privilege::Usage);
        return if readable { Access::Granted } else { Access::Denied };
    }
    let roles = effective_roles(state, role);
    if roles.iter().any(|role| is_marked_superuser(state, role)) {
        return Access::Granted;
    }
    let grants: Vec<&GrantEntry> = state
        .grants
        .iter()
        .filter(|grant| grant.schema == schema && roles.contains(&grant.role))
        .collect();
    let owns_something = || {
        state
            .relations
            .values()
            .any(|relation| relation.name.schema == schema && roles.contains(&relation.owner))
    };
    // As in Postgres, everybody may name the schema `public`, which says nothing of what is in it.
    let is_public = schema == PUBLIC;
    if grants.iter().any(|grant| grant.relation.is_none() && grant.privilege == privilege) {
        Access::Granted
    } else if grants.is_empty() && !is_public && !owns_something() {
        Access::Hidden
    } else if privilege == Privilege::Usage {
        Access::Granted
    } else {
        Access::Denied
    }
}

/// Whether `role` is a superuser, itself or by membership.
pub fn is_superuser(state: &CatalogState, role: &RoleName) -> bool {
    effective_roles(state, role).iter().any(|role| is_marked_superuser(state, role))
}

/// `role`, everything it is a member of however indirectly, and [`PUBLIC`].
pub fn effective_roles(state: &CatalogState, role: &RoleName) -> BTreeSet<RoleName> {
    let mut found = BTreeSet::from([RoleName(PUBLIC.to_owned())]);
    let mut open = vec![role.clone()];
    while let Some(role) = open.pop() {
        if let Some(object) = state.roles.get(&role) {
            open.extend(object.member_of.iter().filter(|role| !found.contains(role)).cloned());
        }
        found.insert(role);
    }
    found
}

/// The error of a relation that is not there, byte-identical to the one of a hidden relation.
pub fn undefined_relation(name_as_written: &str) -> Error {
    Error::new(ErrorKind::UndefinedTable, format!("relation \"{name_as_written}\" does not exist"))
}

/// The error of a relation on which the role has some privilege, but not the one needed.
pub fn denied_relation(relation: &Relation) -> Error {
    let noun = match &relation.kind {
        RelationKind::View { .. } => "view",
        RelationKind::MaterializedView(_) => "materialized view",
        _ => "table",
    };
    Error::new(
        ErrorKind::InsufficientPrivilege,
        format!("permission denied for {noun} {}", relation.name.relation),
    )
}

fn is_marked_superuser(state: &CatalogState, role: &RoleName) -> bool {
    state.roles.get(role).is_some_and(|role| role.options.superuser)
}

fn access_by_grants(
    state: &CatalogState,
    roles: &BTreeSet<RoleName>,
    object: &Relation,
    privilege: Privilege,
) -> Access {
    if roles.contains(&object.owner) {
        return Access::Granted;
    }
    let mut some = false;
    for grant in &state.grants {
        if grant.schema != object.name.schema || !roles.contains(&grant.role) {
            continue;
        }
        let applies = match &grant.relation {
            // A function may be called like a relation.
            Some(_) if grant.privilege == Privilege::Execute => false,
            Some(relation) => *relation == object.name.relation,
            // USAGE and CREATE are about the schema itself and say nothing of its relations.
            None => !matches!(
                grant.privilege,
                Privilege::Usage | Privilege::Create | Privilege::Execute
            ),
        };
        if applies && grant.privilege == privilege {
            return Access::Granted;
        }
        some |= applies;
    }
    if some { Access::Denied } else { Access::Hidden }
}
