//! INSERT and DELETE: rows of a table that is there.
//!
//! Rows go from the query's stream into data files as they come. Files are part of nothing until one
//! commit names them; a statement that fails or is cancelled before leaves no trace.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use crate::catalog::Relation;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Commit, CommitMode, CommitOutcome, DataFiles, Published, Table};
use crate::query::Engine;
use crate::syntax::{Delete, Insert, ObjectName};

use super::assign::Assignment;
use super::connection::Session;
use super::keys::{self, Keys};
use super::pending::Change;
use super::prepared::Prepared;
use super::running::Running;
use super::update::read_table;

impl Session {
    /// INSERT; answers `INSERT 0 n`.
    pub(super) async fn insert(
        &mut self,
        insert: &Insert,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        if self.temporary(&insert.name).is_some() {
            return self.insert_temporary(insert, prepared, parameters, running).await;
        }
        let relation = self.insert_target(&insert.name).await?;
        let table = self.stored(&relation).await?;
        let mut keys = self.watched_keys(&relation, &table)?;
        let (plan, context) =
            self.current_plan(&insert.query, prepared, &parameters, running).await?;
        let assignment = Assignment::new(
            &relation.name.relation,
            table.schema(),
            &insert.columns,
            &plan.schema(),
            self.time_zone(),
        )?;
        let spec = table.spec();
        let execution = self.services.engine.execute(&plan, &context, parameters).await;
        let execution = execution.map_err(|error| running.error(error))?;
        let mut writer = self.services.lake.writer(table.location(), &spec)?;
        let mut stream = execution.stream;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| running.error(Engine::error(error)))?;
            let rows = assignment.apply(&batch)?;
            keys.add(&rows)?;
            writer.write(rows).await?;
        }
        let files = writer.finish().await?;
        let rows = files.rows();
        if rows > 0 {
            let mode = CommitMode::Append;
            self.change_rows(Change { relation, table, mode, files, keys }).await?;
        }
        Ok(format!("INSERT 0 {rows}"))
    }

    /// DELETE; answers `DELETE n`. The table is written anew with the rows that stay.
    pub(super) async fn delete(
        &mut self,
        delete: &Delete,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        if self.temporary(&delete.name).is_some() {
            return Err(Error::unsupported("DELETE from a temporary table")
                .hint("TRUNCATE empties it; DROP TABLE takes it away."));
        }
        let relation = self.writable_table(&delete.name).await?;
        let (plan, context) =
            self.current_plan(&delete.query, prepared, &parameters, running).await?;
        // The version whose rows stay or go: rows that others have added since are a conflict.
        let table = read_table(&plan, &relation)?;
        let Some(had) = table.rows() else {
            let name = &relation.name.relation;
            let what = format!("DELETE from \"{name}\", whose files do not tell their rows,");
            return Err(Error::unsupported(what));
        };
        let keys = Keys::of(&relation, &table.schema())?;
        let assignment = Assignment::new(
            &relation.name.relation,
            table.schema(),
            &[],
            &plan.schema(),
            self.time_zone(),
        )?;
        let execution = self.services.engine.execute(&plan, &context, parameters).await;
        let mut stream = execution.map_err(|error| running.error(error))?.stream;
        let mut writer = self.services.lake.writer(table.location(), &table.spec())?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| running.error(Engine::error(error)))?;
            writer.write(assignment.apply(&batch)?).await?;
        }
        let files = writer.finish().await?;
        let gone = had.saturating_sub(files.rows());
        if gone > 0 {
            let mode = CommitMode::Overwrite;
            self.change_rows(Change { relation, table, mode, files, keys }).await?;
        }
        Ok(format!("DELETE {gone}"))
    }

    /// Gives parameters that go straight into a column the column's type; what the client declared
    /// stays.
    ///
    /// # Errors
    /// As an INSERT into that table.
    pub(super) async fn insert_parameters(
        &self,
        insert: &Insert,
        declared: &[Option<FieldRef>],
    ) -> Result<Vec<Option<FieldRef>>> {
        let schema = match self.temporary(&insert.name) {
            Some(table) => Arc::clone(&table.schema),
            None => {
                let relation = self.insert_target(&insert.name).await?;
                self.stored(&relation).await?.schema()
            }
        };
        let mut declared = declared.to_vec();
        for (column, parameter) in insert.query.bare_parameters() {
            let field = match insert.columns.get(column) {
                Some(name) => schema.field_with_name(name).ok(),
                None if insert.columns.is_empty() => schema.fields().get(column).map(AsRef::as_ref),
                None => None,
            };
            if declared.len() <= parameter {
                declared.resize(parameter + 1, None);
            }
            if declared[parameter].is_none() {
                declared[parameter] = field.cloned().map(Arc::new);
            }
        }
        Ok(declared)
    }

    /// A people's table at its newest version.
    pub(super) async fn stored(&self, relation: &Relation) -> Result<Table> {
        let location = self.services.lake.location(relation.place());
        self.services.lake.newest(&location).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::UndefinedFile,
                format!("table \"{}\" has lost its files", relation.name.relation),
            )
        })
    }

    /// The table that an INSERT names, if it may be written.
    pub(super) async fn insert_target(&self, name: &ObjectName) -> Result<Arc<Relation>> {
        if self.temporary(name).is_some() {
            return Err(Error::unsupported("these rows for a temporary table")
                .hint("INSERT INTO takes them."));
        }
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        let names = self.names(&state, &search_path);
        let relation = names.relation(name)?;
        names.must_insert(&relation)?;
        Ok(relation)
    }

    /// Makes the rows in `files` part of the table, whose `keys` came with them.
    pub(super) async fn append(
        &mut self,
        relation: &Relation,
        mut base: Table,
        files: DataFiles,
        keys: &Keys,
    ) -> Result<Table> {
        let mut attempt = 1;
        loop {
            let mut progress = Vec::new();
            if !keys.is_empty() {
                self.check_keys(&base, keys).await?;
                let version = i64::try_from(base.version()).unwrap_or(i64::MAX);
                progress.push((keys::PROGRESS.to_owned(), version.saturating_add(1)));
            }
            let commit = Commit {
                location: base.location().clone(),
                spec: base.spec(),
                base: Some(base),
                mode: CommitMode::Append,
                files: files.clone(),
                progress,
                run: None,
                operation: "WRITE",
            };
            let why = match self.services.lake.commit(commit).await? {
                CommitOutcome::Committed(table) => return Ok(table),
                CommitOutcome::Conflict(why) => why,
            };
            let name = &relation.name.relation;
            let message = format!("table \"{name}\" was changed while rows were added");
            let error = Error::new(ErrorKind::SerializationFailure, message).detail(why);
            // Another writer's keys are in the table now, and compared with the next time.
            if keys.is_empty() || !self.tries_again(&error, attempt) {
                return Err(error);
            }
            attempt += 1;
            base = self.stored(relation).await?;
        }
    }

    /// Puts `files` in the place of rows, if nobody has changed the table since `base`.
    pub(super) async fn replace_rows(
        &self,
        relation: &Relation,
        base: Table,
        mode: CommitMode,
        files: DataFiles,
        keys: &Keys,
    ) -> Result<Table> {
        let mut progress = Vec::new();
        if !keys.is_empty() {
            let version = i64::try_from(base.version()).unwrap_or(i64::MAX);
            progress.push((keys::PROGRESS.to_owned(), version.saturating_add(1)));
        }
        let commit = Commit {
            location: base.location().clone(),
            spec: base.spec(),
            base: Some(base),
            mode,
            files,
            progress,
            run: None,
            operation: "WRITE",
        };
        match self.services.lake.commit(commit).await? {
            CommitOutcome::Committed(table) => Ok(table),
            CommitOutcome::Conflict(why) => {
                let name = &relation.name.relation;
                let message = format!("table \"{name}\" was changed meanwhile");
                Err(Error::new(ErrorKind::SerializationFailure, message)
                    .detail(why)
                    .hint("Try again."))
            }
        }
    }
}

pub(super) fn published(relation: &Relation, table: &Table) -> Published {
    Published {
        relation_id: relation.id,
        location: table.location().clone(),
        version: table.version(),
        read_only: false,
    }
}
