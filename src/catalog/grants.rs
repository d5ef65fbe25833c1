//! GRANT and REVOKE over a state, whoever asks: a file or a client.

use crate::error::{Error, ErrorKind, Result};
use crate::name::{RelationName, RoleName};
use crate::syntax::{Grant, GrantObject, ObjectName};

use super::check::{undefined_relation, undefined_schema};
use super::define;
use super::nearest::nearest;
use super::object::GrantEntry;
use super::state::CatalogState;

/// Giving or taking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Grant,
    Revoke,
}

/// How a name as written becomes a relation's.
pub(super) type Resolve<'a> = &'a dyn Fn(&ObjectName) -> Result<RelationName>;

/// # Errors
/// `UndefinedObject` for a role, `InvalidSchemaName`, `UndefinedTable`; `InvalidObjectDefinition` for
/// roles that would be members of each other. Then nothing has changed.
pub(super) fn change(
    state: &mut CatalogState,
    grant: &Grant,
    direction: Direction,
    resolve: Resolve<'_>,
) -> Result<()> {
    let roles: Vec<RoleName> = grant.roles.iter().map(|role| RoleName(role.clone())).collect();
    for role in roles.iter().filter(|role| role.0 != "public") {
        check_role(state, role)?;
    }
    let objects: Vec<(String, Option<String>)> = match &grant.object {
        GrantObject::Roles(groups) => return membership(state, groups, &roles, direction),
        GrantObject::Schemas(schemas) => {
            let unknown = schemas.iter().find(|schema| !state.schemas.contains_key(*schema));
            if let Some(schema) = unknown {
                return Err(undefined_schema(schema));
            }
            schemas.iter().map(|schema| (schema.clone(), None)).collect()
        }
        GrantObject::Functions(names) => {
            let mut objects = Vec::new();
            for name in names {
                let function = define::resolve(name);
                if !state.functions.contains_key(&function) {
                    return Err(undefined_function(name));
                }
                objects.push((function.schema, Some(function.relation)));
            }
            objects
        }
        GrantObject::Relations(names) => {
            let mut objects = Vec::new();
            for name in names {
                let relation = resolve(name)?;
                if !state.relations.contains_key(&relation) {
                    let written = match &name.schema {
                        Some(schema) => format!("{schema}.{}", name.name),
                        None => name.name.clone(),
                    };
                    let error = undefined_relation(&written);
                    return Err(match name.position {
                        Some(position) => error.at(position),
                        None => error,
                    });
                }
                objects.push((relation.schema, Some(relation.relation)));
            }
            objects
        }
    };
    for role in roles {
        for privilege in &grant.privileges {
            for (schema, relation) in &objects {
                let entry = GrantEntry {
                    role: role.clone(),
                    privilege: *privilege,
                    schema: schema.clone(),
                    relation: relation.clone(),
                };
                match direction {
                    Direction::Grant => state.grants.insert(entry),
                    Direction::Revoke => state.grants.remove(&entry),
                };
            }
        }
    }
    Ok(())
}

/// `function x does not exist`.
pub(super) fn undefined_function(name: &ObjectName) -> Error {
    let written = match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    };
    let message = format!("could not find a function named \"{written}\"");
    let error = Error::new(ErrorKind::UndefinedFunction, message);
    match name.position {
        Some(position) => error.at(position),
        None => error,
    }
}

fn check_role(state: &CatalogState, role: &RoleName) -> Result<()> {
    if state.roles.contains_key(role) {
        return Ok(());
    }
    let error = Error::new(ErrorKind::UndefinedObject, format!("role \"{role}\" does not exist"));
    Err(match nearest(&role.0, state.roles.keys().map(|known| known.0.as_str())) {
        Some(near) => error.hint(format!("Did you mean \"{near}\"?")),
        None => error,
    })
}

fn membership(
    state: &mut CatalogState,
    groups: &[String],
    roles: &[RoleName],
    direction: Direction,
) -> Result<()> {
    let groups: Vec<RoleName> = groups.iter().map(|group| RoleName(group.clone())).collect();
    for group in &groups {
        check_role(state, group)?;
        for role in roles {
            if role.0 == "public" {
                return Err(Error::unsupported("membership of PUBLIC in a role"));
            }
            if direction == Direction::Grant && (role == group || is_member(state, group, role)) {
                let message = format!("role \"{group}\" is a member of role \"{role}\"");
                return Err(Error::new(ErrorKind::InvalidObjectDefinition, message));
            }
        }
    }
    for role in roles {
        let Some(member) = state.roles.get_mut(role) else { continue };
        member.member_of.retain(|group| !groups.contains(group));
        if direction == Direction::Grant {
            member.member_of.extend(groups.iter().cloned());
            member.member_of.sort();
            member.member_of.dedup();
        }
    }
    Ok(())
}

/// Whether `role` is a member of `group`, through any number of others.
fn is_member(state: &CatalogState, role: &RoleName, group: &RoleName) -> bool {
    let mut seen = vec![role];
    let mut at = 0;
    while let Some(name) = seen.get(at).copied() {
        at += 1;
        let groups =
            state.roles.get(name).map(|role| role.member_of.as_slice()).unwrap_or_default();
        if groups.contains(group) {
            return true;
        }
        for next in groups {
            if !seen.contains(&next) {
                seen.push(next);
            }
        }
    }
    false
}
