//! Privileges as Postgres writes them: access lists, and the answers of `has_*_privilege`.

use crate::catalog::CatalogState;
use crate::name::{RelationName, RoleName};
use crate::query::engine::Context;
use crate::query::system::cells::{Cell, texts};
use crate::security::{self, Access};
use crate::syntax::Privilege;

/// What a privilege is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Relation,
    Schema,
    Database,
}

/// The access list of a relation, or of a schema; NULL where nothing was granted.
pub(super) fn list(context: &Context, owner: &str, schema: &str, relation: Option<&str>) -> Cell {
    let state = &context.snapshot.grants;
    let all = security::is_superuser(state, &context.role);
    let own = security::effective_roles(state, &context.role);
    let mut granted: Vec<(String, String)> = Vec::new();
    for grant in &state.grants {
        let on = grant.schema == schema && grant.relation.as_deref() == relation;
        // On a schema, the privileges of all its relations are Lakeport's own, without a letter here.
        let letter = match (grant.privilege, relation.is_some()) {
            (Privilege::Select, true) => 'r',
            (Privilege::Insert, true) => 'a',
            (Privilege::Usage, false) => 'U',
            (Privilege::Create, false) => 'C',
            _ => continue,
        };
        if !on || !(all || own.contains(&grant.role)) {
            continue;
        }
        let role = if grant.role.0 == security::PUBLIC { "" } else { &grant.role.0 };
        match granted.iter_mut().find(|(known, _)| known == role) {
            Some((_, letters)) => letters.push(letter),
            None => granted.push((role.to_owned(), letter.to_string())),
        }
    }
    if granted.is_empty() {
        return Cell::Null;
    }
    let owned = if relation.is_some() { "arwdDxt" } else { "UC" };
    let entries = granted.iter().map(|(role, letters)| format!("{role}={letters}/{owner}"));
    texts(std::iter::once(format!("{owner}={owned}/{owner}")).chain(entries))
}

/// Whether `role` holds the privilege of this name, `WITH GRANT OPTION` included.
///
/// `None` for a name that is no privilege.
pub(crate) fn allowed(
    state: &CatalogState,
    role: &RoleName,
    kind: Kind,
    schema: &str,
    relation: &str,
    privilege: &str,
) -> Option<bool> {
    let privilege = privilege.trim().to_ascii_uppercase();
    let (privilege, option) = match privilege.strip_suffix(" WITH GRANT OPTION") {
        Some(plain) => (plain, true),
        None => (privilege.as_str(), false),
    };
    let superuser = security::is_superuser(state, role);
    if option {
        return Some(superuser);
    }
    let on_relation = |privilege| {
        let name = RelationName::new(schema, relation);
        security::relation_access(state, role, &name, privilege) == Access::Granted
    };
    let on_schema =
        |privilege| security::schema_access(state, role, schema, privilege) == Access::Granted;
    Some(match (kind, privilege) {
        (Kind::Relation, "SELECT") => on_relation(Privilege::Select),
        (Kind::Relation, "INSERT") => on_relation(Privilege::Insert),
        (Kind::Relation, "UPDATE" | "DELETE" | "TRUNCATE" | "REFERENCES" | "TRIGGER") => superuser,
        (Kind::Schema, "USAGE") => on_schema(Privilege::Usage),
        (Kind::Schema, "CREATE") => on_schema(Privilege::Create),
        (Kind::Database, "CONNECT") => true,
        (Kind::Database, "CREATE" | "TEMPORARY" | "TEMP") => superuser,
        _ => return None,
    })
}
