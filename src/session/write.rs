//! INSERT and CREATE TABLE: statements that write rows.
//!
//! Rows go from the query's stream into data files as they come. Files are part of nothing until one
//! commit names them; a statement that fails or is cancelled before leaves no trace.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use crate::catalog::{Relation, RelationKind, ddl, plain_table};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{
    Commit, CommitMode, CommitOutcome, DataFiles, Location, Published, Run, RunKind, TEXT_LENGTH,
    Table, TableSpec,
};
use crate::name::{RelationName, quote_identifier};
use crate::query::{Context, Engine};
use crate::syntax::{ColumnDefinition, CreateTable, Insert, Key, ObjectName, Query, TextLength};

use super::assign::Assignment;
use super::connection::Session;
use super::keys::{self, Keys};
use super::names::Names;
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
        let relation = self.insert_target(&insert.name).await?;
        let table = self.stored(&relation).await?;
        let mut keys = Keys::of(&relation, &table.schema())?;
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
            let run = Run::start(RunKind::Ddl);
            let table = self.append(&relation, table, files, &keys).await?;
            self.services.lake.publish(&run, vec![published(&relation, &table)]).await?;
        }
        Ok(format!("INSERT 0 {rows}"))
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
        let relation = self.insert_target(&insert.name).await?;
        let schema = self.stored(&relation).await?.schema();
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
        let location = self.services.lake.location(&relation.name);
        self.services.lake.newest(&location).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::UndefinedFile,
                format!("table \"{}\" has lost its files", relation.name.relation),
            )
        })
    }

    /// The table that an INSERT names, if it may be written.
    pub(super) async fn insert_target(&self, name: &ObjectName) -> Result<Arc<Relation>> {
        let state = self.services.catalog.at(&self.services.lake.epoch()).await?;
        let search_path = self.search_path();
        let names = Names { state: &state, role: &self.role, search_path: &search_path };
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

    /// CREATE TABLE and CREATE TABLE AS; answers `CREATE TABLE` or `SELECT n`.
    pub(super) async fn create_table(
        &mut self,
        create: &CreateTable,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        let Some(name) = self.new_table_name(create).await? else {
            return Ok("CREATE TABLE".to_owned());
        };
        let location = self.services.lake.location(&name);
        let (spec, files) = match &create.query {
            None => {
                let schema = self.declared_schema(create, running).await?;
                // A key of a type without equality is refused before the table is there.
                Keys::watching(&create.keys, &schema)?;
                (table_spec(schema, create), None)
            }
            Some(query) => {
                let (plan, context) =
                    self.current_plan(query, prepared, &parameters, running).await?;
                let spec = table_spec(storable(&plan.schema())?, create);
                let execution = self.services.engine.execute(&plan, &context, parameters).await;
                let mut stream = execution.map_err(|error| running.error(error))?.stream;
                let mut writer = self.services.lake.writer(&location, &spec)?;
                while let Some(batch) = stream.next().await {
                    let batch = batch.map_err(|error| running.error(Engine::error(error)))?;
                    writer.write(batch).await?;
                }
                (spec, Some(writer.finish().await?))
            }
        };
        let rows = files.as_ref().map(DataFiles::rows);
        let keys = create.keys.clone();
        let new = NewTable { written: &create.name, name, location, spec, keys, replaces: false };
        self.publish_table(&new, files.unwrap_or_default()).await?;
        Ok(rows.map_or("CREATE TABLE".to_owned(), |rows| format!("SELECT {rows}")))
    }

    /// The new table's full name; `None` when it exists and that is no error.
    async fn new_table_name(&self, create: &CreateTable) -> Result<Option<RelationName>> {
        let state = self.services.catalog.at(&self.services.lake.epoch()).await?;
        let search_path = self.search_path();
        let names = Names { state: &state, role: &self.role, search_path: &search_path };
        let name = names.new_relation(&create.name)?;
        if state.relation(&name).is_none() {
            return Ok(Some(name));
        }
        if create.if_not_exists {
            return Ok(None);
        }
        Err(Error::new(
            ErrorKind::DuplicateTable,
            format!("relation \"{}\" already exists", name.relation),
        ))
    }

    /// Makes the table and its entry in the catalog one epoch.
    ///
    /// The catalog's next version is taken first: of two that create one name, the loser has not
    /// touched the winner's log.
    pub(super) async fn publish_table(&self, new: &NewTable<'_>, files: DataFiles) -> Result<()> {
        let NewTable { name, location, spec, .. } = new;
        let (lake, catalog) = (&self.services.lake, &self.services.catalog);
        let search_path = self.search_path();
        let _alone = self.services.changing_catalog.lock().await;
        let mut attempt = 1;
        loop {
            let base = lake.epoch();
            let state = catalog.at(&base).await?;
            let names = Names { state: &state, role: &self.role, search_path: &search_path };
            names.new_relation(new.written)?;
            let mut relation = plain_table(
                name.clone(),
                self.role.clone(),
                columns_of(&spec.schema),
                spec.partition_by.clone(),
                spec.comment.clone(),
            );
            if let RelationKind::Table { keys, .. } = &mut relation.kind {
                keys.clone_from(&new.keys);
            }
            let known = state.relation(name).filter(|_| new.replaces);
            let changed = match known {
                Some(known) => {
                    names.must_own(known)?;
                    (relation.id, relation.owner) = (known.id, known.owner.clone());
                    ddl::replace_table(&state, relation.clone())?
                }
                None => ddl::create_relation(&state, relation.clone())?,
            };
            let run = Run::start(RunKind::Ddl);
            let entry = match catalog.write(&run, &base, &changed).await {
                Ok(entry) => entry,
                Err(error) if self.tries_again(&error, attempt) => {
                    attempt += 1;
                    lake.poll_epoch().await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // A name used again goes on in the log that is there.
            let before = lake.newest(location).await?;
            let mode = if before.is_some() { CommitMode::Overwrite } else { CommitMode::Append };
            let commit = Commit {
                location: location.clone(),
                base: before,
                spec: spec.clone(),
                mode,
                files,
                progress: Vec::new(),
                run: Some(run.id),
                operation: "CREATE TABLE",
            };
            let table = match lake.commit(commit).await? {
                CommitOutcome::Committed(table) => table,
                CommitOutcome::Conflict(why) => {
                    return Err(Error::new(
                        ErrorKind::SerializationFailure,
                        format!("could not create table \"{}\"", name.relation),
                    )
                    .detail(why));
                }
            };
            lake.publish(&run, vec![published(&relation, &table), entry]).await?;
            return Ok(());
        }
    }

    /// The columns of a CREATE TABLE. The types' SQL is the planner's to read, so they are those that
    /// a cast to them gives.
    async fn declared_schema(
        &mut self,
        create: &CreateTable,
        running: &Running,
    ) -> Result<SchemaRef> {
        let casts: Vec<String> = create
            .columns
            .iter()
            .map(|column| {
                format!("CAST(NULL AS {}) AS {}", column.sql_type, quote_identifier(&column.name))
            })
            .collect();
        let query = Query::parse(&format!("SELECT {}", casts.join(", ")))?;
        let context: Context = self.context(running.cancel.clone()).await?;
        let plan = self.services.engine.plan(&query, &context, &[]).await?;
        let schema = storable(&plan.schema())?;
        let declared = |(field, column): (&Arc<Field>, &ColumnDefinition)| {
            let mut field = field.as_ref().clone();
            let in_primary = |key: &Key| key.primary && key.columns.contains(&column.name);
            field.set_nullable(!column.not_null && !create.keys.iter().any(in_primary));
            if let Some(comment) = &column.comment {
                field.metadata_mut().insert("comment".to_owned(), comment.clone());
            }
            if let Some(length) = TextLength::of(&column.sql_type)? {
                field.metadata_mut().insert(TEXT_LENGTH.to_owned(), length.to_string());
            }
            Ok(field)
        };
        let fields = schema.fields().iter().zip(&create.columns).map(declared);
        Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
    }
}

/// A table about to be.
pub(super) struct NewTable<'a> {
    /// Its name as the client wrote it.
    pub(super) written: &'a ObjectName,
    /// Its full name.
    pub(super) name: RelationName,
    /// Where its files are.
    pub(super) location: Location,
    /// What it is.
    pub(super) spec: TableSpec,
    /// What no two of its rows share.
    pub(super) keys: Vec<Key>,
    /// Whether it takes the place of a table of that name, with its owner and grants.
    pub(super) replaces: bool,
}

pub(super) fn published(relation: &Relation, table: &Table) -> Published {
    Published {
        relation_id: relation.id,
        location: table.location().clone(),
        version: table.version(),
        read_only: false,
    }
}

fn table_spec(schema: SchemaRef, create: &CreateTable) -> TableSpec {
    TableSpec {
        partition_by: create.partition_by.clone(),
        comment: create.comment.clone(),
        ..TableSpec::of(schema)
    }
}

/// A query's columns as a table keeps them.
pub(super) fn storable(schema: &Schema) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        if fields.iter().any(|other| other.name() == field.name()) {
            return Err(Error::new(
                ErrorKind::DuplicateColumn,
                format!("column \"{}\" specified more than once", field.name()),
            ));
        }
        let data_type = match field.data_type() {
            DataType::Null => DataType::Utf8,
            DataType::Timestamp(_, zone) => {
                let zone = zone.as_ref().map(|_| "UTC".into());
                DataType::Timestamp(TimeUnit::Microsecond, zone)
            }
            other => other.clone(),
        };
        fields.push(Field::new(field.name(), data_type, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn columns_of(schema: &Schema) -> Vec<ColumnDefinition> {
    let column = |field: &Arc<Field>| ColumnDefinition {
        name: field.name().clone(),
        sql_type: String::new(),
        not_null: !field.is_nullable(),
        comment: field.metadata().get("comment").cloned(),
    };
    schema.fields().iter().map(column).collect()
}
