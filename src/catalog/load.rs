//! `catalog/*.sql` and `sql/**/*.sql` to a desired state; every mistake at once.
//!
//! Statements may stand in any order and file: objects are gathered first, grants and references are
//! judged over the whole. Nothing is returned unless everything is right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{RelationId, RelationName, RoleName};
use crate::syntax::{CreateFunction, ObjectName, RoleOptions, Statement, normalize};

use super::define;
use super::files::{self, FileError, Folder, Located, SourceFile};
use super::functions::{self, Function};
use super::object::{Relation, Role, SchemaObject};
use super::state::{BUILT_IN, CatalogState, SYSTEM};

/// What the files ask for.
#[derive(Debug, Clone)]
pub struct Desired {
    /// Schemas, relations (ids are placeholders until matched), roles and grants of the files.
    pub state: CatalogState,
    pub(super) places: BTreeMap<RelationName, FileError>,
}

impl Desired {
    /// `error`, placed where the files define `name`: its position, when it has one, is taken as one
    /// in the defining statement. For mistakes that only show once types are known.
    pub fn mistake(&self, name: &RelationName, error: Error) -> FileError {
        match self.places.get(name) {
            Some(place) => FileError { error, ..place.clone() },
            None => FileError { file: name.to_string().into(), line: 1, column: 1, error },
        }
    }
}

/// Reads every file, checks them as a whole (names, cycles, duplicates, file name = view name, `__`).
///
/// `types` of columns are not known here: `query::check` continues where this ends.
///
/// # Errors
/// Every mistake there is, sorted by file and line.
pub fn load_files(catalog: &Path, sql: &Path) -> Result<Desired, Vec<FileError>> {
    let mut mistakes = Vec::new();
    let files = files::read(catalog, sql, &mut mistakes);
    let all = files.iter().enumerate().flat_map(|(index, file)| files::statements(index, file));
    let statements: Vec<Located> = all.collect();
    let mut loader = Loader {
        files: &files,
        mistakes,
        state: CatalogState::default(),
        defined: BTreeMap::new(),
        broken: BTreeSet::new(),
    };
    loader.gather(&statements);
    loader.check_grants(&statements);
    loader.check_references(&statements);
    let Loader { mut mistakes, state, defined, .. } = loader;
    if mistakes.is_empty() {
        let place = |(name, at): (RelationName, usize)| {
            let located = &statements[at];
            (
                name,
                files[located.file].mistake(located, Error::internal("a place without a mistake")),
            )
        };
        return Ok(Desired { state, places: defined.into_iter().map(place).collect() });
    }
    mistakes.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    Err(mistakes)
}

pub(super) struct Loader<'a> {
    pub(super) files: &'a [SourceFile],
    pub(super) mistakes: Vec<FileError>,
    pub(super) state: CatalogState,
    /// Which statement defines a relation.
    pub(super) defined: BTreeMap<RelationName, usize>,
    /// What was meant to be defined: reading it is no second mistake.
    pub(super) broken: BTreeSet<RelationName>,
}

impl Loader<'_> {
    pub(super) fn fail(&mut self, located: &Located, error: Error) {
        self.mistakes.push(self.files[located.file].mistake(located, error));
    }

    fn gather(&mut self, statements: &[Located]) {
        for located in statements {
            let file = &self.files[located.file];
            let outcome = match (&located.statement, file.folder) {
                (Err(error), _) => Err(error.clone()),
                (Ok(statement), Folder::Catalog) => {
                    self.schema_or_role(statement, &located.text, &file.stored)
                }
                (Ok(_), Folder::Sql) => Ok(()),
            };
            if let Err(error) = outcome {
                self.fail(located, error);
                self.broken.extend(meant(&located.text));
            }
        }
        self.check_functions(statements);
        for (at, located) in statements.iter().enumerate() {
            if let Ok(statement) = &located.statement
                && let Err(error) = self.relation(at, located, statement, statements)
            {
                self.fail(located, error);
                self.broken.extend(meant(&located.text));
            }
        }
        for (index, file) in self.files.iter().enumerate() {
            let mut own = statements.iter().filter(|located| located.file == index);
            if file.folder == Folder::Sql && own.next().is_none() {
                let error =
                    Error::new(ErrorKind::InvalidObjectDefinition, "no view is defined here")
                        .hint("A file of sql/ holds one CREATE MATERIALIZED VIEW or CREATE VIEW.");
                self.mistakes.push(file.mistake_in_whole(error));
            }
            self.broken.extend(file.expected.clone());
        }
    }

    fn schema_or_role(&mut self, statement: &Statement, text: &str, file: &str) -> Result<()> {
        match statement {
            Statement::CreateSchema { name, .. } => self.schema(name, file),
            Statement::CreateRole { name, options, .. } => self.role(name, *options, file),
            Statement::CreateFunction(create) => self.function(create, text, file),
            Statement::CreateExternalTable(_)
            | Statement::CreateStreamingTable(_)
            | Statement::CreateView(_)
            | Statement::Grant(_)
            | Statement::Revoke(_) => Ok(()),
            Statement::CreateMaterializedView(_) => Err(Error::new(
                ErrorKind::InvalidObjectDefinition,
                "a materialized view is defined in sql/, one a file",
            )),
            _ => Err(Error::new(
                ErrorKind::InvalidObjectDefinition,
                "this statement does not define what the lakehouse is",
            )
            .hint(
                "Files of catalog/ hold CREATE SCHEMA, EXTERNAL TABLE, STREAMING TABLE, VIEW, FUNCTION, \
                 ROLE, GRANT and REVOKE.",
            )),
        }
    }

    fn schema(&mut self, name: &str, file: &str) -> Result<()> {
        check_schema_name(name)?;
        let known = self.state.schemas.get(name).and_then(|known| known.file.as_ref());
        if let Some(other) = known {
            let message = format!("schema \"{name}\" already exists");
            return Err(Error::new(ErrorKind::DuplicateSchema, message)
                .detail(format!("It is defined in {other}, too.")));
        }
        // Written or not, the built-in ones are the lake's.
        if !BUILT_IN.contains(&name) {
            let schema = SchemaObject { name: name.to_owned(), file: Some(file.to_owned()) };
            self.state.schemas.insert(name.to_owned(), schema);
        }
        Ok(())
    }

    fn role(&mut self, name: &str, options: RoleOptions, file: &str) -> Result<()> {
        let name = RoleName(name.to_owned());
        if name.0 == "public" || name.0 == "none" || name.0.starts_with("pg_") {
            let message = format!("role name \"{name}\" is reserved");
            return Err(Error::new(ErrorKind::InvalidName, message));
        }
        let known = self.state.roles.get(&name).and_then(|role| role.file.as_ref());
        if let Some(other) = known {
            let message = format!("role \"{name}\" already exists");
            return Err(Error::new(ErrorKind::DuplicateObject, message)
                .detail(format!("It is defined in {other}, too.")));
        }
        let whole = RoleOptions { login: true, superuser: true };
        if name == RoleName::lakeport() && options != whole {
            let message = "role \"lakeport\" must have LOGIN and SUPERUSER";
            return Err(Error::new(ErrorKind::InvalidObjectDefinition, message));
        }
        let file = Some(file.to_owned());
        let role = Role { name: name.clone(), options, member_of: Vec::new(), file };
        self.state.roles.insert(name, role);
        Ok(())
    }

    fn function(&mut self, create: &CreateFunction, text: &str, file: &str) -> Result<()> {
        let name = define::resolve(&create.name);
        name.validate()?;
        if name.schema == "quarantine" || SYSTEM.contains(&name.schema.as_str()) {
            let message = format!("schema \"{}\" is filled by the server", name.schema);
            return Err(Error::new(ErrorKind::InvalidObjectDefinition, message));
        }
        if self.state.functions.contains_key(&name) {
            return Err(functions::duplicate(&name));
        }
        let mut function = Function::new(name.clone(), RoleName::lakeport(), create, text);
        function.file = Some(file.to_owned());
        self.state.functions.insert(name, Arc::new(function));
        Ok(())
    }

    /// What needs all functions: each is in a schema there is, and can be read with those it calls.
    fn check_functions(&mut self, statements: &[Located]) {
        for located in statements {
            let Ok(Statement::CreateFunction(create)) = &located.statement else { continue };
            let name = define::resolve(&create.name);
            let Some(function) = self.state.functions.get(&name) else { continue };
            let checked = self
                .known_schema(&name.schema)
                .and_then(|()| function.probe(&self.state).map(drop));
            if let Err(error) = checked {
                // Its position is one in what the call became.
                let mut plain = Error::new(error.kind(), error.message().to_owned());
                if let Some(hint) = error.hint_text() {
                    plain = plain.hint(hint.to_owned());
                }
                self.fail(located, plain);
            }
        }
    }

    fn relation(
        &mut self,
        at: usize,
        located: &Located,
        statement: &Statement,
        all: &[Located],
    ) -> Result<()> {
        let file = &self.files[located.file];
        let lakeport = RoleName::lakeport();
        let text = &located.text;
        let (name, relation) = match (statement, file.folder) {
            (Statement::CreateExternalTable(create), Folder::Catalog) => {
                let name = define::resolve(&create.name);
                (&create.name, Ok(define::external_table(name, lakeport, create, text)))
            }
            (Statement::CreateStreamingTable(create), Folder::Catalog) => {
                let expanded = functions::in_streaming_table(&self.state, create)?;
                (&create.name, define::streaming_table(&expanded, text))
            }
            (Statement::CreateView(create), _) => {
                let name = define::resolve(&create.name);
                let expanded = functions::in_view(&self.state, create)?;
                (&create.name, Ok(define::plain_view(name, lakeport, &expanded, text)))
            }
            (Statement::CreateMaterializedView(create), Folder::Sql) => {
                let expanded = functions::in_materialized_view(&self.state, create)?;
                (&create.name, define::materialized_view(&expanded, text))
            }
            (_, Folder::Catalog) => return Ok(()),
            (_, Folder::Sql) => {
                let message = "a file of sql/ defines one view and nothing else";
                return Err(Error::new(ErrorKind::InvalidObjectDefinition, message)
                    .hint("Everything else is defined in catalog/."));
            }
        };
        let here = |error: Error| match name.position {
            Some(position) if error.position().is_none() => error.at(position),
            _ => error,
        };
        self.name(name, located, at, all).map_err(here)?;
        let mut relation = relation.map_err(here)?;
        relation.file = Some(file.stored.clone());
        if relation.has_quarantine() {
            let quarantine = relation.quarantine(RelationId::random());
            self.defined.insert(quarantine.name.clone(), at);
            self.state.insert(quarantine);
        }
        self.defined.insert(relation.name.clone(), at);
        self.state.insert(relation);
        Ok(())
    }

    /// Whether a relation may have this name, here.
    fn name(&self, name: &ObjectName, located: &Located, at: usize, all: &[Located]) -> Result<()> {
        let file = &self.files[located.file];
        let relation = define::resolve(name);
        relation.validate()?;
        let invalid = |message: String| Error::new(ErrorKind::InvalidObjectDefinition, message);
        if relation.schema == "quarantine" || SYSTEM.contains(&relation.schema.as_str()) {
            return Err(invalid(format!("schema \"{}\" is filled by the server", relation.schema)));
        }
        if file.folder == Folder::Sql {
            if all[..at].iter().any(|other| other.file == located.file) {
                return Err(invalid("a second view in one file".to_owned())
                    .hint("Give each view a file of its own, named after it."));
            }
            match &file.expected {
                None => {
                    return Err(invalid(
                        "a view's file lies in the folder of its schema".to_owned(),
                    )
                    .hint(format!(
                        "Move it to sql/{}/{}.sql.",
                        relation.schema, relation.relation
                    )));
                }
                Some(expected) if *expected != relation => {
                    return Err(invalid(format!(
                        "this file defines {relation}, but its path says {expected}"
                    ))
                    .hint(
                        "Rename the view, or move the file: folders below sql/ are the schema.",
                    ));
                }
                Some(_) => {}
            }
        }
        if let Some(other) = self.defined.get(&relation) {
            let other = &all[*other];
            let place = self.files[other.file].place(other);
            let message = format!("relation \"{relation}\" already exists");
            return Err(Error::new(ErrorKind::DuplicateTable, message)
                .detail(format!("It is defined in {place}, too.")));
        }
        self.known_schema(&relation.schema)
    }
}

/// Refuses what no new schema may be called.
pub(super) fn check_schema_name(name: &str) -> Result<()> {
    if SYSTEM.contains(&name) || name.starts_with("pg_") {
        let message = format!("unacceptable schema name \"{name}\"");
        return Err(Error::new(ErrorKind::InvalidName, message)
            .detail("The name is reserved for system schemas."));
    }
    RelationName::new(name, "x").validate()
}

// The relation that a statement which cannot be read was meant to define.
fn meant(text: &str) -> Option<RelationName> {
    let normal = normalize(text);
    let words: Vec<&str> = normal.split(' ').take(12).collect();
    let after = words.iter().position(|word| matches!(*word, "table" | "view"))? + 1;
    let exists = words.get(after..after + 3) == Some(&["if", "not", "exists"]);
    let name = words.get(if exists { after + 3 } else { after }..)?;
    let part = |word: &str| word.trim_matches('"').to_owned();
    match name {
        [schema, ".", relation, ..] => Some(RelationName::new(part(schema), part(relation))),
        [relation, ..] => Some(RelationName::new(define::DEFAULT_SCHEMA, part(relation))),
        [] => None,
    }
}

/// For messages: what a relation is.
pub(super) fn described(relation: &Relation) -> String {
    format!("{} {}", relation.kind.noun(), relation.name)
}
