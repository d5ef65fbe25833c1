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
use crate::lake::{Commit, CommitMode, CommitOutcome, Location, Published, TRANSACTION, Table};
use crate::name::Version;
use crate::query::{AuthorizedPlan, Context, Engine};
use crate::syntax::{Delete, Insert, ObjectName, Query};

use super::assign::Assignment;
use super::connection::Session;
use super::keys::{self, Keys};
use super::pending::Change;
use super::prepared::Prepared;
use super::running::Running;

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
            self.check_condition(delete, prepared, running).await?;
            return self.delete_temporary(delete, prepared, parameters, running).await;
        }
        let relation = self.writable_table(&delete.name).await?;
        self.check_condition(delete, prepared, running).await?;
        let (plan, context) =
            self.newest_plan(&relation, &delete.query, prepared, &parameters, running).await?;
        let table = read_by(&context, &self.services.lake.location(relation.place()))?;
        let Some(had) = table.rows() else {
            let name = &relation.name.relation;
            let what = format!("DELETE from \"{name}\", whose files do not tell their rows,");
            return Err(Error::unsupported(what));
        };
        let mut keys = Keys::of(&relation, &table.schema())?;
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
            let rows = assignment.apply(&batch)?;
            // Rows that the transaction adds later are compared with those that stay.
            if self.is_in_block() {
                keys.add(&rows)?;
            }
            writer.write(rows).await?;
        }
        let files = writer.finish().await?;
        let gone = had.saturating_sub(files.rows());
        if gone > 0 {
            let mode = CommitMode::Overwrite;
            self.change_rows(Change { relation, table, mode, files, keys }).await?;
        }
        Ok(format!("DELETE {gone}"))
    }

    /// The plan of a DELETE or UPDATE over the table's newest version. One made a moment ago may read an older one, and rows
    /// that came since would not be among those that stay.
    pub(super) async fn newest_plan(
        &mut self,
        relation: &Relation,
        query: &Query,
        prepared: &Prepared,
        parameters: &[ScalarValue],
        running: &Running,
    ) -> Result<(AuthorizedPlan, Context)> {
        let newest = self.stored(relation).await?;
        let planned = self.current_plan(query, prepared, parameters, running).await?;
        if read_by(&planned.1, newest.location())?.version() >= newest.version() {
            return Ok(planned);
        }
        self.settings.plan_anew();
        self.current_plan(query, prepared, parameters, running).await
    }

    /// Names that mean several things in DELETE ... USING are refused as in a query, where the rows that stay are
    /// told by a subquery in which the inner one would win.
    async fn check_condition(
        &mut self,
        delete: &Delete,
        prepared: &Prepared,
        running: &Running,
    ) -> Result<()> {
        let Some(matched) = &delete.matched else { return Ok(()) };
        let declared: Vec<Option<FieldRef>> =
            prepared.parameters.iter().cloned().map(Some).collect();
        let planned = self.plan(matched, &declared, running).await;
        planned.map(drop).map_err(|error| running.error(error).nowhere())
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

    /// A table that people write, at the version to build upon.
    pub(super) async fn stored(&self, relation: &Relation) -> Result<Table> {
        self.services.catalog.writable(relation).await?.ok_or_else(|| {
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

    /// Makes a change part of its table. With a catalog's version it is seen, and built upon, only with that.
    ///
    /// # Errors
    /// `SerializationFailure`, `UniqueViolation`; `StatementCompletionUnknown`.
    pub(super) async fn write_rows(
        &mut self,
        change: Change,
        catalog: Option<Version>,
    ) -> Result<Table> {
        match change.mode {
            CommitMode::Append => self.append(change, catalog).await,
            _ => self.replace_rows(change, catalog).await,
        }
    }

    /// Adds rows, behind whatever others do to the table's rows meanwhile, but not to its columns.
    async fn append(&mut self, change: Change, catalog: Option<Version>) -> Result<Table> {
        let written_for = change.table.spec();
        let mut base = change.table.clone();
        let mut attempt = 1;
        loop {
            // Another writer's keys are in the table by now.
            self.check_keys(&base, &change.keys).await?;
            let commit = change.commit(base, catalog);
            let why = match self.services.lake.commit(commit).await? {
                CommitOutcome::Committed(table) => return Ok(table),
                CommitOutcome::Conflict(why) => why,
            };
            let name = &change.relation.name.relation;
            let message = format!("table \"{name}\" was changed while rows were added");
            let error = Error::new(ErrorKind::SerializationFailure, message).detail(why);
            if !self.tries_again(&error, attempt) {
                return Err(error);
            }
            attempt += 1;
            base = self.stored(&change.relation).await?;
            if base.spec() != written_for {
                return Err(error);
            }
        }
    }

    /// Puts files in the place of rows, if nobody has changed the table since they were computed.
    async fn replace_rows(&self, change: Change, catalog: Option<Version>) -> Result<Table> {
        let commit = change.commit(change.table.clone(), catalog);
        match self.services.lake.commit(commit).await? {
            CommitOutcome::Committed(table) => Ok(table),
            CommitOutcome::Conflict(why) => {
                let name = &change.relation.name.relation;
                let message = format!("table \"{name}\" was changed meanwhile");
                Err(Error::new(ErrorKind::SerializationFailure, message)
                    .detail(why)
                    .hint("Try again."))
            }
        }
    }
}

impl Change {
    fn commit(&self, base: Table, catalog: Option<Version>) -> Commit {
        let number = |version: Version| i64::try_from(version).unwrap_or(i64::MAX);
        let mut progress = Vec::new();
        if !self.keys.is_empty() {
            progress.push((keys::PROGRESS.to_owned(), number(base.version() + 1)));
        }
        progress.extend(catalog.map(|version| (TRANSACTION.to_owned(), number(version))));
        Commit {
            location: base.location().clone(),
            spec: base.spec(),
            base: Some(base),
            mode: self.mode,
            files: self.files.clone(),
            progress,
            run: None,
            operation: "WRITE",
        }
    }
}

/// A table as a plan over `context` reads it.
pub(super) fn read_by(context: &Context, location: &Location) -> Result<Table> {
    let read = context.snapshot.table(location);
    read.ok_or_else(|| Error::internal("a change of a table that is not read"))
}

pub(super) fn published(relation: &Relation, table: &Table) -> Published {
    Published {
        relation_id: relation.id,
        location: table.location().clone(),
        version: table.version(),
        read_only: false,
    }
}
