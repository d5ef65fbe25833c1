//! Statements that change the catalog and write no rows: each is one epoch.
//!
//! The new state is a pure function of the newest one. Whoever loses the race for the catalog's next
//! version computes again from the winner's state, so a decision is never made on an old one.

use crate::catalog::{
    CatalogState, RelationKind, alter, ddl, drop_functions, external_table, plain_view,
};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Run, RunKind};
use crate::name::RelationName;
use crate::syntax::{
    CreateExternalTable, CreateView, DropKind, DropObject, Grant, GrantObject, ObjectName, Query,
    Statement, StoredAs,
};

use super::connection::Session;
use super::functions::must_own_function;
use super::names::{Names, undefined_schema, written};
use super::pending::Seen;
use super::prepared::Prepared;
use super::running::Running;

impl Session {
    /// Runs a statement that changes the catalog; answers its tag.
    pub(super) async fn define(
        &mut self,
        statement: &Statement,
        prepared: &Prepared,
        running: &Running,
    ) -> Result<String> {
        let text = prepared.text.as_str();
        let tag = match statement {
            Statement::CreateSchema { name, if_not_exists } => {
                self.change(|state, names| {
                    names.must_be_superuser("permission denied to create schemas")?;
                    ddl::create_schema(state, name, *if_not_exists)
                })
                .await?;
                "CREATE SCHEMA"
            }
            Statement::CreateRole { name, options, if_not_exists } => {
                self.change(|state, names| {
                    names.must_be_superuser("permission denied to create role")?;
                    ddl::create_role(state, name, *options, *if_not_exists)
                })
                .await?;
                "CREATE ROLE"
            }
            Statement::CreateView(create) => {
                self.create_view(create, text, running).await?;
                "CREATE VIEW"
            }
            Statement::CreateFunction(create) => {
                self.create_function(create, text, running).await?;
                "CREATE FUNCTION"
            }
            Statement::CreateExternalTable(create) => {
                self.create_external_table(create, text).await?;
                "CREATE TABLE"
            }
            Statement::Grant(grant) => {
                self.refuse_temporary_in(grant)?;
                self.change(|state, names| {
                    may_grant(names, grant)?;
                    ddl::grant(state, grant, &|name| Ok(names.relation(name)?.name.clone()))
                })
                .await?;
                if matches!(grant.object, GrantObject::Roles(_)) { "GRANT ROLE" } else { "GRANT" }
            }
            Statement::Revoke(grant) => {
                self.refuse_temporary_in(grant)?;
                self.change(|state, names| {
                    may_grant(names, grant)?;
                    ddl::revoke(state, grant, &|name| Ok(names.relation(name)?.name.clone()))
                })
                .await?;
                if matches!(grant.object, GrantObject::Roles(_)) { "REVOKE ROLE" } else { "REVOKE" }
            }
            Statement::Drop(drop) => {
                let drop = &self.drop_temporary(drop);
                self.note_missing(drop).await?;
                self.change(|state, names| dropped(state, names, drop)).await?;
                drop_tag(drop.kind)
            }
            Statement::CreateMaterializedView(_) => {
                return Err(in_files("CREATE MATERIALIZED VIEW", "sql/<schema>/<view>.sql"));
            }
            Statement::CreateStreamingTable(_) => {
                return Err(in_files("CREATE STREAMING TABLE", "catalog/*.sql"));
            }
            _ => return Err(Error::internal("a statement that changes nothing was to be run")),
        };
        Ok(tag.to_owned())
    }

    /// Publishes what `compute` makes of the newest state; nothing when it changes nothing.
    /// Inside a transaction the newest state is the one that it has made, and COMMIT publishes.
    pub(super) async fn change(
        &mut self,
        compute: impl Fn(&CatalogState, &Names<'_>) -> Result<CatalogState>,
    ) -> Result<()> {
        if self.is_in_block() {
            let Seen { base, state } = self.seen().await?;
            let search_path = self.search_path();
            let changed = compute(&state, &self.names(&state, &search_path))?;
            return if changed == *state { Ok(()) } else { self.keep_state(base, changed).await };
        }
        let (lake, catalog) = (&self.services.lake, &self.services.catalog);
        let search_path = self.search_path();
        let _alone = self.services.changing_catalog.lock().await;
        let mut attempt = 1;
        loop {
            let base = lake.epoch();
            let state = catalog.at(&base).await?;
            let names = self.names(&state, &search_path);
            let changed = compute(&state, &names)?;
            if changed == *state {
                return Ok(());
            }
            alter::check_readers(&state, &changed)?;
            let run = Run::start(RunKind::Ddl);
            match catalog.write(&run, &base, &changed).await {
                Ok(published) => {
                    lake.publish(&run, vec![published]).await?;
                    return Ok(());
                }
                Err(error) if self.tries_again(&error, attempt) => {
                    attempt += 1;
                    lake.poll_epoch().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a statement that lost a race begins again.
    pub(super) fn tries_again(&self, error: &Error, attempt: u32) -> bool {
        error.kind() == ErrorKind::SerializationFailure
            && attempt < self.services.config.limits.attempts_max
    }

    /// What DROP ... IF EXISTS passes over, it says.
    async fn note_missing(&mut self, drop: &DropObject) -> Result<()> {
        let relations =
            [DropKind::Table, DropKind::View, DropKind::MaterializedView, DropKind::Index];
        if !drop.if_exists || !relations.contains(&drop.kind) {
            return Ok(());
        }
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        let names = self.names(&state, &search_path);
        let is_there = |name: &ObjectName| names.find(name).is_some();
        let missed =
            drop.names.iter().filter(|name| drop.kind == DropKind::Index || !is_there(name));
        let noun = drop_tag(drop.kind).trim_start_matches("DROP ").to_lowercase();
        let said = |name: &ObjectName| format!("{noun} \"{}\" does not exist, skipping", name.name);
        let missed: Vec<String> = missed.map(said).collect();
        for notice in missed {
            self.notice(notice);
        }
        Ok(())
    }

    async fn create_view(
        &mut self,
        create: &CreateView,
        text: &str,
        running: &Running,
    ) -> Result<()> {
        let search_path = self.search_path();
        let state = self.catalog_state().await?;
        let names = self.names(&state, &search_path);
        names.new_relation(&create.name)?;
        refuse_unstable_names(&create.query, &names)?;
        let mut references = create.query.references().iter();
        if references.any(|r| r.schema.is_none() && self.temporary.contains_key(&r.relation)) {
            return Err(Error::unsupported("a view over a temporary table"));
        }
        // Planning finds what is wrong with the query, and what the creator may not read.
        let planned = self.plan(&create.query, &[], running).await;
        let planned = planned.map_err(|error| running.error(error))?;
        let (written, found) = (create.columns.len(), planned.plan.schema().fields().len());
        if written > 0 && written != found {
            return Err(Error::new(
                ErrorKind::SyntaxError,
                format!("CREATE VIEW names {written} columns, but its query has {found}"),
            ));
        }
        if written == 0 {
            planned.plan.check_distinct_columns()?;
        }
        if !planned.plan.parameters().is_empty() {
            return Err(Error::new(
                ErrorKind::UndefinedParameter,
                "a view's query cannot have parameters",
            ));
        }
        self.change(|state, names| {
            let name = names.new_relation(&create.name)?;
            let known = state.relation(&name);
            if known.is_some() && create.if_not_exists {
                return Ok(state.clone());
            }
            let view = plain_view(name, names.role.clone(), create, text);
            match known {
                Some(known) if create.or_replace => {
                    names.must_own(known)?;
                    ddl::replace_view(state, view)
                }
                _ => ddl::create_relation(state, view),
            }
        })
        .await
    }

    async fn create_external_table(
        &mut self,
        create: &CreateExternalTable,
        text: &str,
    ) -> Result<()> {
        let lake = &self.services.lake;
        let check = |names: &Names<'_>| {
            names.must_be_superuser("permission denied to name a location").map_err(|error| {
                error.detail("Only roles with privileges of the pg_read_server_files role may.")
            })
        };
        let state = self.services.catalog.at(&lake.epoch()).await?;
        let search_path = self.search_path();
        check(&self.names(&state, &search_path))?;
        if create.stored == StoredAs::Delta {
            let location = lake.external_location(&create.location)?;
            if lake.newest(&location).await?.is_none() {
                return Err(Error::new(
                    ErrorKind::UndefinedFile,
                    format!("no Delta table is at \"{}\"", create.location),
                ));
            }
        } else {
            let name = RelationName::new("public", &create.name.name);
            let table = external_table(name, self.role.clone(), create, text);
            self.services.engine.check_files(&table).await?;
        }
        self.change(|state, names| {
            check(names)?;
            let name = names.new_relation(&create.name)?;
            if state.relation(&name).is_some() && create.if_not_exists {
                return Ok(state.clone());
            }
            let table = external_table(name, names.role.clone(), create, text);
            ddl::create_relation(state, table)
        })
        .await
    }
}

fn in_files(statement: &str, files: &str) -> Error {
    Error::unsupported(format!("{statement} over the wire"))
        .hint(format!("Write it to {files}; the server applies files when it starts."))
}

/// A stored query's unqualified names mean `public`, whoever reads it.
fn refuse_unstable_names(query: &Query, names: &Names<'_>) -> Result<()> {
    for reference in query.references().iter().filter(|reference| reference.schema.is_none()) {
        let position = reference.position;
        let name =
            ObjectName { database: None, schema: None, name: reference.relation.clone(), position };
        if let Some(found) = names.find(&name)
            && found.name.schema != "public"
        {
            return Err(Error::unsupported(format!(
                "the name \"{}\" without its schema in a view",
                reference.relation
            ))
            .hint(format!("Write {}: a view means the same to everyone.", found.name.quoted()))
            .at(position.unwrap_or(1)));
        }
    }
    Ok(())
}

/// Owners give privileges on their relations, superusers on everything.
fn may_grant(names: &Names<'_>, grant: &Grant) -> Result<()> {
    match &grant.object {
        GrantObject::Relations(relations) => {
            for name in relations {
                names.must_own(names.relation(name)?.as_ref())?;
            }
            Ok(())
        }
        GrantObject::Functions(functions) => {
            functions.iter().try_for_each(|name| must_own_function(names, name))
        }
        GrantObject::Schemas(schemas) => {
            for schema in schemas {
                names.must_be_superuser(&format!("permission denied for schema {schema}"))?;
            }
            Ok(())
        }
        GrantObject::Roles(roles) => {
            for role in roles {
                names.must_be_superuser(&format!("permission denied to grant role \"{role}\""))?;
            }
            Ok(())
        }
    }
}

fn dropped(state: &CatalogState, names: &Names<'_>, drop: &DropObject) -> Result<CatalogState> {
    let plain = || -> Vec<String> { drop.names.iter().map(|name| name.name.clone()).collect() };
    match drop.kind {
        DropKind::Schema => {
            for schema in plain() {
                if !state.schemas.contains_key(&schema) && !drop.if_exists {
                    return Err(undefined_schema(&schema));
                }
                names.must_be_superuser(&format!("must be owner of schema {schema}"))?;
            }
            ddl::drop_schemas(state, &plain(), drop.if_exists)
        }
        DropKind::Role => {
            names.must_be_superuser("permission denied to drop role")?;
            ddl::drop_roles(state, &plain(), drop.if_exists)
        }
        DropKind::Function => {
            for name in &drop.names {
                must_own_function(names, name)?;
            }
            drop_functions(state, &drop.names, drop.if_exists)
        }
        DropKind::Index => match drop.names.first() {
            Some(name) if !drop.if_exists => Err(missing(drop.kind, name)),
            _ => Ok(state.clone()),
        },
        DropKind::Table | DropKind::View | DropKind::MaterializedView => {
            let mut found = Vec::new();
            for name in &drop.names {
                match names.find(name) {
                    Some(relation) => {
                        names.must_own(&relation)?;
                        found.push(relation.name.clone());
                    }
                    None if drop.if_exists => {}
                    None => return Err(missing(drop.kind, name)),
                }
            }
            if !drop.cascade {
                return Ok(ddl::drop_relations(state, &found, drop.kind, drop.if_exists)?.0);
            }
            let views = readers(state, &found);
            let (state, _) = ddl::drop_relations(state, &views, DropKind::View, true)?;
            found.retain(|name| !views.contains(name));
            Ok(ddl::drop_relations(&state, &found, drop.kind, drop.if_exists)?.0)
        }
    }
}

/// The named queries that read these, and those that read them, which CASCADE takes along. What is defined in
/// files stays, and is in the way.
fn readers(state: &CatalogState, names: &[RelationName]) -> Vec<RelationName> {
    let mut views: Vec<RelationName> = Vec::new();
    let mut asked = names.to_vec();
    while let Some(name) = asked.pop() {
        for reader in state.dependents(&name) {
            let is_view = matches!(reader.kind, RelationKind::View { .. }) && reader.file.is_none();
            if is_view && !views.contains(&reader.name) {
                views.push(reader.name.clone());
                asked.push(reader.name.clone());
            }
        }
    }
    views
}

fn missing(kind: DropKind, name: &ObjectName) -> Error {
    let noun = drop_tag(kind).trim_start_matches("DROP ").to_lowercase();
    let code = if kind == DropKind::Index {
        ErrorKind::UndefinedObject
    } else {
        ErrorKind::UndefinedTable
    };
    Error::new(code, format!("{noun} \"{}\" does not exist", written(name)))
}

fn drop_tag(kind: DropKind) -> &'static str {
    match kind {
        DropKind::Table => "DROP TABLE",
        DropKind::View => "DROP VIEW",
        DropKind::MaterializedView => "DROP MATERIALIZED VIEW",
        DropKind::Schema => "DROP SCHEMA",
        DropKind::Role => "DROP ROLE",
        DropKind::Function => "DROP FUNCTION",
        DropKind::Index => "DROP INDEX",
    }
}
