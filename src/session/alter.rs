//! ALTER, COMMENT ON, TRUNCATE and CREATE INDEX.
//!
//! Its one idea: names, owners and comments are the catalog's, and change there alone.

use std::sync::Arc;

use arrow::datatypes::Field;

use crate::catalog::{Relation, RelationKind, alter};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{CommitMode, DataFiles};
use crate::name::{RelationName, RoleName};
use crate::security;
use crate::syntax::{
    Alter, AlterAction, ColumnDefinition, Commented, DropKind, ObjectName, Query, Statement,
};

use super::connection::Session;
use super::keys::Keys;
use super::names::Names;
use super::pending::Change;
use super::running::Running;

impl Session {
    /// Runs one of these statements; answers its tag.
    pub(super) async fn alter_any(
        &mut self,
        statement: &Statement,
        running: &Running,
    ) -> Result<String> {
        match statement {
            Statement::Alter(alter) => self.alter(alter, running).await,
            Statement::Comment { what, text } => {
                self.comment(what, text.as_deref(), running).await?;
                Ok("COMMENT".to_owned())
            }
            Statement::Truncate { name } => self.truncate(name).await,
            Statement::CreateIndex(table) => {
                if self.temporary(table).is_none() {
                    self.altered(table, DropKind::Table).await?;
                }
                let name = &table.name;
                self.notice(format!(
                    "no index is made on \"{name}\": every column's bounds are kept by file, and queries use them"
                ));
                Ok("CREATE INDEX".to_owned())
            }
            _ => Err(Error::internal("a statement that alters nothing was to be run")),
        }
    }

    async fn alter(&mut self, alter: &Alter, running: &Running) -> Result<String> {
        let tag = format!("ALTER {}", kind_words(alter.kind));
        self.refuse_temporary("altering", &alter.name)?;
        if alter.if_exists {
            let state = self.catalog_state().await?;
            let search_path = self.search_path();
            if self.names(&state, &search_path).find(&alter.name).is_none() {
                let name = &alter.name.name;
                self.notice(format!("relation \"{name}\" does not exist, skipping"));
                return Ok(tag);
            }
        }
        let relation = self.altered(&alter.name, alter.kind).await?;
        if alter.actions.iter().any(|action| !is_of_catalog(action)) {
            self.alter_columns(&relation, &alter.actions, running).await?;
            return Ok(tag);
        }
        for action in &alter.actions {
            self.change(|state, names| {
                let relation = names.relation(&alter.name)?;
                names.must_own(&relation)?;
                match action {
                    AlterAction::Rename(to) => {
                        let to = ObjectName { name: to.clone(), ..full(&relation.name) };
                        let to = names.new_relation(&to)?;
                        alter::rename(state, &relation, &to)
                    }
                    AlterAction::SetSchema(schema) if *schema == relation.name.schema => {
                        Ok(state.clone())
                    }
                    AlterAction::SetSchema(schema) => {
                        let to =
                            ObjectName { schema: Some(schema.clone()), ..full(&relation.name) };
                        let to = names.new_relation(&to)?;
                        alter::rename(state, &relation, &to)
                    }
                    AlterAction::Owner(owner) => {
                        let owner = owner.clone().map_or_else(|| names.role.clone(), RoleName);
                        may_give(names, &owner)?;
                        alter::set_owner(state, &relation, &owner)
                    }
                    _ => Err(Error::internal("a column is not the catalog's")),
                }
            })
            .await?;
        }
        Ok(tag)
    }

    /// The relation of this name, where it is one of this kind and the role's own.
    async fn altered(&self, name: &ObjectName, kind: DropKind) -> Result<Arc<Relation>> {
        self.refuse_temporary("this on", name)?;
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        let names = self.names(&state, &search_path);
        let relation = names.relation(name)?;
        names.must_own(&relation)?;
        let is_view = matches!(relation.kind, RelationKind::View { .. });
        let is_materialized = matches!(relation.kind, RelationKind::MaterializedView(_));
        // As in Postgres, ALTER TABLE takes views too.
        let fits = match kind {
            DropKind::View => is_view,
            DropKind::MaterializedView => is_materialized,
            _ => true,
        };
        if !fits {
            let noun = kind_words(kind).to_lowercase();
            let message = format!("\"{}\" is not a {noun}", relation.name.relation);
            return Err(Error::new(ErrorKind::WrongObjectType, message));
        }
        Ok(relation)
    }

    /// TRUNCATE.
    async fn truncate(&mut self, name: &ObjectName) -> Result<String> {
        if self.truncate_temporary(name) {
            return Ok("TRUNCATE TABLE".to_owned());
        }
        let relation = self.writable_table(name).await?;
        let table = self.stored(&relation).await?;
        let (mode, files) = (CommitMode::Overwrite, DataFiles::default());
        let keys = Keys::of(&relation, &table.schema())?;
        self.change_rows(Change { relation, table, mode, files, keys }).await?;
        Ok("TRUNCATE TABLE".to_owned())
    }

    /// A table that people write, the role's own.
    pub(super) async fn writable_table(&self, name: &ObjectName) -> Result<Arc<Relation>> {
        let relation = self.altered(name, DropKind::Table).await?;
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        self.names(&state, &search_path).must_insert(&relation)?;
        Ok(relation)
    }

    async fn comment(
        &mut self,
        what: &Commented,
        text: Option<&str>,
        running: &Running,
    ) -> Result<()> {
        let (name, column) = match what {
            Commented::Relation(kind, name) => {
                self.altered(name, *kind).await?;
                return self
                    .change(|state, names| {
                        let relation = names.relation(name)?;
                        names.must_own(&relation)?;
                        alter::set_comment(state, &relation, text)
                    })
                    .await;
            }
            Commented::Column(name, column) => (name, column),
        };
        let relation = self.altered(name, DropKind::Table).await?;
        // A view's columns have no other place to be named than beside each other.
        let all = format!("SELECT * FROM {}", relation.name.quoted());
        let planned = self.plan(&Query::parse(&all)?, &[], running).await;
        let schema = planned.map_err(|error| running.error(error))?.plan.schema();
        if schema.field_with_name(column).is_err() {
            return Err(undefined_column(column, &relation));
        }
        self.change(|state, names| {
            let relation = names.relation(name)?;
            names.must_own(&relation)?;
            let named = |field: &Arc<Field>| {
                let known = relation.columns.iter().find(|known| known.name == *field.name());
                let mut definition = known.cloned().unwrap_or_else(|| ColumnDefinition {
                    name: field.name().clone(),
                    sql_type: String::new(),
                    not_null: false,
                    comment: None,
                });
                if definition.name == *column {
                    definition.comment = text.map(str::to_owned);
                }
                definition
            };
            alter::set_columns(state, &relation, schema.fields().iter().map(named).collect())
        })
        .await
    }
}

fn is_of_catalog(action: &AlterAction) -> bool {
    matches!(action, AlterAction::Rename(_) | AlterAction::SetSchema(_) | AlterAction::Owner(_))
}

/// Members of a role, and superusers, give it what is theirs.
fn may_give(names: &Names<'_>, owner: &RoleName) -> Result<()> {
    let member = security::effective_roles(names.state, names.role).contains(owner);
    if member || security::is_superuser(names.state, names.role) {
        return Ok(());
    }
    let message = format!("must be member of role \"{owner}\"");
    Err(Error::new(ErrorKind::InsufficientPrivilege, message))
}

pub(super) fn full(name: &RelationName) -> ObjectName {
    ObjectName {
        database: None,
        schema: Some(name.schema.clone()),
        name: name.relation.clone(),
        position: None,
    }
}

pub(super) fn undefined_column(name: &str, relation: &Relation) -> Error {
    let relation = &relation.name.relation;
    let message = format!("column \"{name}\" of relation \"{relation}\" does not exist");
    Error::new(ErrorKind::UndefinedColumn, message)
}

fn kind_words(kind: DropKind) -> &'static str {
    match kind {
        DropKind::View => "VIEW",
        DropKind::MaterializedView => "MATERIALIZED VIEW",
        _ => "TABLE",
    }
}
