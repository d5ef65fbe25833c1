//! CREATE TABLE and CREATE TABLE AS.
//!
//! Its one idea: the catalog's next version is taken before the table's folder is touched; inside a transaction
//! the table goes to a folder of its own, so that nothing others see is touched at all.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use crate::catalog::{CatalogState, Relation, RelationKind, alter, ddl, plain_table};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{
    Commit, CommitMode, CommitOutcome, DataFiles, Run, RunKind, TEXT_LENGTH, Table, TableSpec,
    own_folder,
};
use crate::name::{RelationName, quote_identifier};
use crate::query::{Context, Engine, kept_type};
use crate::syntax::{ColumnDefinition, CreateTable, Key, ObjectName, Query, TextLength};

use super::connection::Session;
use super::keys::Keys;
use super::prepared::Prepared;
use super::running::Running;
use super::write::published;

impl Session {
    /// CREATE TABLE and CREATE TABLE AS; answers `CREATE TABLE` or `SELECT n`.
    pub(super) async fn create_table(
        &mut self,
        create: &CreateTable,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        if create.temporary {
            return self.create_temporary(create, prepared, parameters, running).await;
        }
        let Some(name) = self.new_table_name(create).await? else {
            return Ok("CREATE TABLE".to_owned());
        };
        let place = self.new_place(&name).await?;
        let location = self.services.lake.location(&place);
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
                let spec = table_spec(storable(&plan.described())?, create);
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
        let new = NewTable {
            written: &create.name,
            name,
            place,
            spec,
            keys,
            replaces: false,
            base: None,
            keeps_rows: false,
        };
        self.publish_table(&new, files.unwrap_or_default()).await?;
        Ok(rows.map_or("CREATE TABLE".to_owned(), |rows| format!("SELECT {rows}")))
    }

    /// The new table's full name; `None` when it exists and that is no error.
    async fn new_table_name(&self, create: &CreateTable) -> Result<Option<RelationName>> {
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        let names = self.names(&state, &search_path);
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
    pub(super) async fn publish_table(
        &mut self,
        new: &NewTable<'_>,
        files: DataFiles,
    ) -> Result<()> {
        if self.is_in_block() {
            return self.make_table(new, files).await;
        }
        let NewTable { name, spec, .. } = new;
        let (lake, catalog) = (&self.services.lake, &self.services.catalog);
        let location = lake.location(&new.place);
        let search_path = self.search_path();
        let _alone = self.services.changing_catalog.lock().await;
        let mut attempt = 1;
        loop {
            let base = lake.epoch();
            let state = catalog.at(&base).await?;
            let names = self.names(&state, &search_path);
            names.new_relation(new.written)?;
            new.check_place(&state)?;
            let mut relation = self.plain(new);
            let known = state.relation(name).filter(|_| new.replaces);
            let changed = match known {
                Some(known) => {
                    names.must_own(known)?;
                    (relation.id, relation.owner) = (known.id, known.owner.clone());
                    relation.comment.clone_from(&known.comment);
                    match new.keeps_rows {
                        true => alter::set_columns(&state, known, relation.columns.clone())?,
                        false => ddl::replace_table(&state, relation.clone())?,
                    }
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
            let before = match &new.base {
                Some(base) => Some(base.clone()),
                None => lake.newest(&location).await?,
            };
            let overwrites = before.is_some() && !new.keeps_rows;
            let mode = if overwrites { CommitMode::Overwrite } else { CommitMode::Append };
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
                CommitOutcome::Conflict(why) => return Err(new.conflict(why)),
            };
            lake.publish(&run, vec![published(&relation, &table), entry]).await?;
            return Ok(());
        }
    }

    /// Makes a table that only the transaction sees.
    async fn make_table(&mut self, new: &NewTable<'_>, files: DataFiles) -> Result<()> {
        if new.replaces {
            return Err(Error::unsupported("other columns of a table inside a transaction block"));
        }
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        self.names(&state, &search_path).new_relation(new.written)?;
        let relation = self.plain(new);
        let id = relation.id;
        let changed = ddl::create_relation(&state, relation)?;
        let location = self.services.lake.location(&new.place);
        self.keep_folder(&location).await?;
        let commit = Commit {
            location,
            base: None,
            spec: new.spec.clone(),
            mode: CommitMode::Append,
            files,
            progress: Vec::new(),
            run: None,
            operation: "CREATE TABLE",
        };
        match self.services.lake.commit(commit).await? {
            CommitOutcome::Committed(table) => self.keep_made(id, table).await?,
            CommitOutcome::Conflict(why) => return Err(Error::internal(why)),
        }
        self.keep_state(changed).await
    }

    fn plain(&self, new: &NewTable<'_>) -> Relation {
        let NewTable { name, spec, .. } = new;
        let mut relation = plain_table(
            name.clone(),
            self.role.clone(),
            columns_of(&spec.schema),
            spec.partition_by.clone(),
            spec.comment.clone(),
        );
        if let RelationKind::Table { keys, place, .. } = &mut relation.kind {
            keys.clone_from(&new.keys);
            *place = (new.place != *name).then(|| new.place.clone());
        }
        relation
    }

    /// Whose folder a new table's files go to: its name's, unless that is in use.
    pub(super) async fn new_place(&self, name: &RelationName) -> Result<RelationName> {
        let state: Arc<CatalogState> = self.catalog_state().await?;
        let used = state.relations.values().any(|known| known.place() == name);
        if !used && !self.is_in_block() {
            return Ok(name.clone());
        }
        Ok(own_folder(name))
    }

    /// The columns of a CREATE TABLE. The types' SQL is the planner's to read, so they are those that
    /// a cast to them gives.
    pub(super) async fn declared_schema(
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
        let schema = storable(&plan.described())?;
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
    /// Whose folder its files are in.
    pub(super) place: RelationName,
    /// What it is.
    pub(super) spec: TableSpec,
    /// What no two of its rows share.
    pub(super) keys: Vec<Key>,
    /// Whether it takes the place of a table of that name, with its owner and grants.
    pub(super) replaces: bool,
    /// The version that what takes its place was computed from; none for whatever is there.
    pub(super) base: Option<Table>,
    /// Whether the rows that are there stay, with more columns.
    pub(super) keeps_rows: bool,
}

impl NewTable<'_> {
    fn conflict(&self, why: String) -> Error {
        let message = format!("could not create table \"{}\"", self.name.relation);
        Error::new(ErrorKind::SerializationFailure, message).detail(why)
    }

    /// Whether its folder is another's by now.
    fn check_place(&self, state: &CatalogState) -> Result<()> {
        let mut others = state.relations.values().filter(|known| known.name != self.name);
        if !others.any(|known| known.place() == &self.place) {
            return Ok(());
        }
        let message = format!("the name of table \"{}\" was taken meanwhile", self.name.relation);
        Err(Error::new(ErrorKind::SerializationFailure, message))
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
        fields.push(kept_type(Field::new(field.name(), data_type, true), field));
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
