//! Which object a name in a statement means, as far as the role may know.
//!
//! A relation on which the role has no privilege at all does not exist for it; neither does a schema
//! in which it has none.

use std::sync::Arc;

use crate::catalog::{CatalogState, Relation, RelationKind, ddl};
use crate::error::{Error, ErrorKind, Result};
use crate::name::{RelationName, RoleName};
use crate::security::{self, Access, SYSTEM_SCHEMAS};
use crate::syntax::{ObjectName, Privilege};

use super::connection::Session;

/// Schemas for people's own tables, in every lake.
const EVERYWHERE: [&str; 2] = ["public", "sandbox"];

/// Resolves names for one role.
pub(super) struct Names<'a> {
    pub(super) state: &'a CatalogState,
    pub(super) role: &'a RoleName,
    pub(super) search_path: &'a [String],
    /// The one database, whose name may stand before a schema's.
    pub(super) database: &'a str,
}

impl Names<'_> {
    /// The relation of this name, if the role has any privilege on it.
    pub(super) fn find(&self, name: &ObjectName) -> Option<Arc<Relation>> {
        self.check_database(name).ok()?;
        let schemas = match &name.schema {
            Some(schema) => std::slice::from_ref(schema),
            None => self.search_path,
        };
        schemas.iter().find_map(|schema| {
            let name = RelationName::new(schema.as_str(), name.name.as_str());
            let relation = self.state.relation(&name)?;
            let access = security::relation_access(self.state, self.role, &name, Privilege::Select);
            (access != Access::Hidden).then(|| relation.clone())
        })
    }

    /// # Errors
    /// `FeatureNotSupported` for a name in another database.
    pub(super) fn check_database(&self, name: &ObjectName) -> Result<()> {
        match name.elsewhere() {
            Some(error) if name.database.as_deref() != Some(self.database) => Err(error),
            _ => Ok(()),
        }
    }

    /// As [`Names::find`].
    ///
    /// # Errors
    /// `UndefinedTable`, the same for a missing relation and a hidden one.
    pub(super) fn relation(&self, name: &ObjectName) -> Result<Arc<Relation>> {
        self.check_database(name)?;
        self.find(name).ok_or_else(|| {
            let error = security::undefined_relation(&written(name));
            match name.position {
                Some(position) => error.at(position),
                None => error,
            }
        })
    }

    /// What a new relation will be called, where the role may create one.
    ///
    /// # Errors
    /// `InvalidSchemaName` for a schema that is missing or hidden, `InsufficientPrivilege`,
    /// `InvalidName`, `ObjectInUse` for schemas that files define.
    pub(super) fn new_relation(&self, name: &ObjectName) -> Result<RelationName> {
        let name = self.place_of_new(name)?;
        ddl::check_open_schema(self.state, &name.schema)?;
        Ok(name)
    }

    /// As [`Names::new_relation`], also in schemas that files define: for what is not created.
    ///
    /// # Errors
    /// As [`Names::new_relation`], but `ObjectInUse`.
    pub(super) fn place_of_new(&self, name: &ObjectName) -> Result<RelationName> {
        self.check_database(name)?;
        let schema = match &name.schema {
            Some(schema) => schema.clone(),
            None => self
                .search_path
                .iter()
                // A role may have the name of a system schema, which is nobody's own.
                .filter(|schema| self.state.schemas.contains_key(*schema))
                .find(|schema| self.access(schema, Privilege::Create) != Access::Hidden)
                .cloned()
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidSchemaName,
                        "no schema has been selected to create in",
                    )
                })?,
        };
        match self.access(&schema, Privilege::Create) {
            Access::Granted => {}
            Access::Denied => {
                return Err(Error::new(
                    ErrorKind::InsufficientPrivilege,
                    format!("permission denied for schema {schema}"),
                ));
            }
            Access::Hidden => return Err(undefined_schema(&schema)),
        }
        let name = RelationName::new(schema, name.name.as_str());
        name.validate_plain()?;
        Ok(name)
    }

    /// A schema that does not exist is hidden, from superusers too.
    fn access(&self, schema: &str, privilege: Privilege) -> Access {
        if !self.state.schemas.contains_key(schema) && !SYSTEM_SCHEMAS.contains(&schema) {
            return Access::Hidden;
        }
        match security::schema_access(self.state, self.role, schema, privilege) {
            // Every lake has these: there is nothing to hide.
            Access::Hidden if EVERYWHERE.contains(&schema) => Access::Denied,
            access => access,
        }
    }

    /// # Errors
    /// `InsufficientPrivilege` for anyone but the owner, its members, and superusers.
    pub(super) fn must_own(&self, relation: &Relation) -> Result<()> {
        let roles = security::effective_roles(self.state, self.role);
        if roles.contains(&relation.owner) || security::is_superuser(self.state, self.role) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InsufficientPrivilege,
            format!("must be owner of {} {}", relation.kind.noun(), relation.name.relation),
        ))
    }

    /// # Errors
    /// `InsufficientPrivilege` with `message` for anyone but superusers.
    pub(super) fn must_be_superuser(&self, message: &str) -> Result<()> {
        if security::is_superuser(self.state, self.role) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InsufficientPrivilege, message))
    }

    /// # Errors
    /// `WrongObjectType` for everything that people do not write, then `InsufficientPrivilege`.
    pub(super) fn must_insert(&self, relation: &Relation) -> Result<()> {
        let name = &relation.name.relation;
        if !matches!(relation.kind, RelationKind::Table { .. }) {
            let error = Error::new(
                ErrorKind::WrongObjectType,
                format!("cannot change {} \"{name}\"", relation.kind.noun()),
            );
            return Err(if relation.kind.is_maintained() {
                error.hint("Only the server writes it, when it ingests or refreshes.")
            } else {
                error
            });
        }
        let insert = Privilege::Insert;
        match security::relation_access(self.state, self.role, &relation.name, insert) {
            Access::Granted => Ok(()),
            Access::Denied | Access::Hidden => Err(security::denied_relation(relation)),
        }
    }
}

impl Session {
    /// Names as the session's role and search path read them.
    pub(super) fn names<'a>(&'a self, state: &'a CatalogState, path: &'a [String]) -> Names<'a> {
        let database = &self.services.config.name;
        Names { state, role: &self.role, search_path: path, database }
    }
}

/// A name as it was written.
pub(super) fn written(name: &ObjectName) -> String {
    name.written()
}

/// The error of a schema that is missing or hidden.
pub(super) fn undefined_schema(schema: &str) -> Error {
    Error::new(ErrorKind::InvalidSchemaName, format!("schema \"{schema}\" does not exist"))
}
