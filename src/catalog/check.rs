//! What only the whole of the files can tell: grants, references, circles.

use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;
use crate::syntax::{GrantObject, Query, RelationReference, Statement};

use super::define;
use super::files::Located;
use super::grants::{self, Direction};
use super::load::Loader;
use super::nearest::nearest;
use super::order;
use super::state::SYSTEM;

impl Loader<'_> {
    pub(super) fn known_schema(&self, schema: &str) -> Result<()> {
        if self.state.schemas.contains_key(schema) {
            return Ok(());
        }
        let error = undefined_schema(schema);
        match nearest(schema, self.state.schemas.keys().map(String::as_str)) {
            Some(near) => Err(error.hint(format!("Did you mean \"{near}\"?"))),
            None => Err(error.hint(format!("Add CREATE SCHEMA {schema} to catalog/schemas.sql."))),
        }
    }

    pub(super) fn check_grants(&mut self, statements: &[Located]) {
        for located in statements {
            let (grant, direction) = match &located.statement {
                Ok(Statement::Grant(grant)) => (grant, Direction::Grant),
                Ok(Statement::Revoke(grant)) => (grant, Direction::Revoke),
                _ => continue,
            };
            let mut grant = grant.clone();
            if let GrantObject::Relations(names) = &mut grant.object {
                names.retain(|name| {
                    let name = define::resolve(name);
                    self.state.relations.contains_key(&name) || !self.broken.contains(&name)
                });
            }
            let resolve = |name: &_| Ok(define::resolve(name));
            if let Err(error) = grants::change(&mut self.state, &grant, direction, &resolve) {
                self.fail(located, error);
            }
        }
    }

    pub(super) fn check_references(&mut self, statements: &[Located]) {
        let defined = self.defined.clone();
        for (name, at) in defined.iter().filter(|(name, _)| name.schema != "quarantine") {
            let located = &statements[*at];
            let query = match &located.statement {
                Ok(Statement::CreateView(create)) => &create.query,
                Ok(Statement::CreateMaterializedView(create)) => &create.query,
                _ => continue,
            };
            for error in self.undefined(name, query) {
                self.fail(located, error);
            }
        }
        for cycle in order::cycles(&self.state.relations) {
            if let Some(at) = cycle.first().and_then(|name| defined.get(name)) {
                self.fail(&statements[*at], order::circle(&cycle));
            }
        }
    }

    fn undefined(&self, reader: &RelationName, query: &Query) -> Vec<Error> {
        let missing = |reference: &&RelationReference| {
            let name = define::resolve_reference(reference);
            reference.database.is_some()
                || !(define::is_system(reference)
                    || self.state.relations.contains_key(&name)
                    || self.broken.contains(&name)
                    || name == *reader)
        };
        let references = query.references().iter().filter(missing);
        references.map(|reference| self.missing(reference)).collect()
    }

    fn missing(&self, reference: &RelationReference) -> Error {
        let position = reference.position.unwrap_or(1);
        let name = define::resolve_reference(reference);
        if let Some(database) = &reference.database {
            let message = format!(
                "cross-database references are not implemented: \"{database}.{}.{}\"",
                name.schema, name.relation
            );
            return Error::new(ErrorKind::FeatureNotSupported, message).at(position);
        }
        let written = match &reference.schema {
            Some(_) => name.to_string(),
            None => name.relation.clone(),
        };
        let error = undefined_relation(&written).at(position);
        match self.hint(reference, &name) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn hint(&self, reference: &RelationReference, name: &RelationName) -> Option<String> {
        let names = || self.state.relations.keys().filter(|known| known.schema != "quarantine");
        let same = names().find(|known| known.relation == name.relation);
        if reference.schema.is_none() {
            let rule = "Names without a schema mean public in files.";
            return Some(match same {
                Some(same) => format!("Did you mean \"{same}\"? {rule}"),
                None => rule.to_owned(),
            });
        }
        if let Some(same) = same {
            return Some(format!("Did you mean \"{same}\"?"));
        }
        if name.schema == "public" || name.schema == "sandbox" {
            return Some(format!(
                "Tables of {} live in the lake only; files cannot rely on them.",
                name.schema
            ));
        }
        let all: Vec<String> = names().map(ToString::to_string).collect();
        let near = nearest(&name.to_string(), all.iter().map(String::as_str))?;
        Some(format!("Did you mean \"{near}\"?"))
    }
}

/// `schema "x" does not exist`.
pub(super) fn undefined_schema(name: &str) -> Error {
    if SYSTEM.contains(&name) {
        return Error::unsupported(format!("this on the system schema \"{name}\""));
    }
    Error::new(ErrorKind::InvalidSchemaName, format!("schema \"{name}\" does not exist"))
}

/// `relation "x" does not exist`.
pub(super) fn undefined_relation(name: &str) -> Error {
    Error::new(ErrorKind::UndefinedTable, format!("relation \"{name}\" does not exist"))
}
