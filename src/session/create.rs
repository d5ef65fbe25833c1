//! CREATE TABLE and CREATE TABLE AS, temporary ones up to where their rows go.
//!
//! Its one idea: the catalog's next version is taken before the table's folder is touched; inside a transaction
//! the table goes to a folder of its own, so that nothing others see is touched at all.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use crate::catalog::{CatalogState, Relation, RelationKind, alter, ddl, plain_table};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{
    Commit, CommitMode, CommitOutcome, DataFiles, Run, RunKind, TEXT_LENGTH, Table, own_folder,
};
use crate::name::{RelationName, quote_identifier};
use crate::query::{AuthorizedPlan, Context, Engine};
use crate::syntax::{ColumnDefinition, CreateTable, Key, Query, TextLength};

use super::connection::Session;
use super::keys::Keys;
use super::new_table::{NewTable, columns_of, storable, table_spec};
use super::pending::Seen;
use super::prepared::Prepared;
use super::running::Running;
use super::write::published;

/// The table property that says whose a log goes on to be, where its name is used again.
const RELATION: &str = "lakeport.relation";

impl Session {
    /// CREATE [TEMPORARY] TABLE and CREATE TABLE AS; answers `CREATE TABLE` or `SELECT n`.
    pub(super) async fn create_table(
        &mut self,
        create: &CreateTable,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        let opened = self.opened(create).await?;
        if matches!(opened, Opened::Exists) {
            return Ok(self.skipped(create));
        }
        let planned = match &create.query {
            Some(query) => Some(self.current_plan(query, prepared, &parameters, running).await?),
            None => None,
        };
        let schema = match &planned {
            Some((plan, _)) => storable(&plan.described())?,
            None => self.declared_schema(create, running).await?,
        };
        // A key of a type without equality is refused before the table is there.
        Keys::watching(&create.keys, &schema)?;
        let rows = planned.map(|planned| NewRows { planned, parameters });
        let made = match opened {
            Opened::Stored(name) => self.make_stored(create, name, schema, rows, running).await?,
            _ => self.make_temporary(create, schema, rows, running).await?,
        };
        Ok(made.map_or("CREATE TABLE".to_owned(), |rows| format!("SELECT {rows}")))
    }

    /// What CREATE TABLE IF NOT EXISTS answers where it does nothing.
    fn skipped(&mut self, create: &CreateTable) -> String {
        self.notice(format!("relation \"{}\" already exists, skipping", create.name.name));
        let tag = if create.query.is_some() { "CREATE TABLE AS" } else { "CREATE TABLE" };
        tag.to_owned()
    }

    /// A new table of the lake, with the rows of its query; answers how many.
    async fn make_stored(
        &mut self,
        create: &CreateTable,
        name: RelationName,
        schema: SchemaRef,
        rows: Option<NewRows>,
        running: &Running,
    ) -> Result<Option<u64>> {
        let place = self.new_place(&name).await?;
        let spec = table_spec(schema, create);
        let files = match rows {
            None => None,
            Some(NewRows { planned: (plan, context), parameters }) => {
                let execution = self.services.engine.execute(&plan, &context, parameters).await;
                let mut stream = execution.map_err(|error| running.error(error))?.stream;
                let location = self.services.lake.location(&place);
                let mut writer = self.services.lake.writer(&location, &spec)?;
                while let Some(batch) = stream.next().await {
                    let batch = batch.map_err(|error| running.error(Engine::error(error)))?;
                    writer.write(batch).await?;
                }
                Some(writer.finish().await?)
            }
        };
        let count = files.as_ref().map(DataFiles::rows);
        let new = NewTable {
            written: &create.name,
            name,
            place,
            spec,
            keys: create.keys.clone(),
            replaces: false,
            base: None,
            keeps_rows: false,
        };
        self.publish_table(&new, files.unwrap_or_default()).await?;
        Ok(count)
    }

    /// What CREATE TABLE is to make.
    ///
    /// # Errors
    /// `DuplicateTable`; those of `Names::new_relation` and of temporary tables.
    async fn opened(&self, create: &CreateTable) -> Result<Opened> {
        let (opened, exists) = if create.temporary {
            self.check_temporary(create)?;
            (Opened::Temporary, self.temporary.contains_key(&create.name.name))
        } else {
            let state = self.catalog_state().await?;
            let search_path = self.search_path();
            let name = self.names(&state, &search_path).new_relation(&create.name)?;
            let exists = state.relation(&name).is_some();
            (Opened::Stored(name), exists)
        };
        match exists {
            false => Ok(opened),
            true if create.if_not_exists => Ok(Opened::Exists),
            true => {
                let message = format!("relation \"{}\" already exists", create.name.name);
                Err(Error::new(ErrorKind::DuplicateTable, message))
            }
        }
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
        let name = &new.name;
        let (lake, catalog) = (&self.services.lake, &self.services.catalog);
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
            let table = self.write_table(new, files, (&relation, known.is_none()), &run).await?;
            let done = lake.publish(&run, vec![published(&relation, &table), entry]).await;
            return done.map(drop).map_err(|error| new.unpublished(error));
        }
    }

    /// Puts a table's files where they belong; a name used again goes on in the log that is there.
    async fn write_table(
        &self,
        new: &NewTable<'_>,
        files: DataFiles,
        (relation, is_new): (&Relation, bool),
        run: &Run,
    ) -> Result<Table> {
        let lake = &self.services.lake;
        let location = lake.location(&new.place);
        let before = match &new.base {
            Some(base) => Some(base.clone()),
            None => lake.newest(&location).await?,
        };
        let overwrites = before.is_some() && !new.keeps_rows;
        let mut spec = new.spec.clone();
        if overwrites && is_new {
            // Rows on their way into the table that had the name before do not fit this one.
            spec.properties.insert(RELATION.to_owned(), relation.id.to_string());
        }
        let commit = Commit {
            location,
            base: before,
            spec,
            mode: if overwrites { CommitMode::Overwrite } else { CommitMode::Append },
            files,
            progress: Vec::new(),
            run: Some(run.id),
            operation: "CREATE TABLE",
        };
        match lake.commit(commit).await? {
            CommitOutcome::Committed(table) => Ok(table),
            CommitOutcome::Conflict(why) => Err(new.conflict(why)),
        }
    }

    /// Makes a table that only the transaction sees.
    async fn make_table(&mut self, new: &NewTable<'_>, files: DataFiles) -> Result<()> {
        if new.replaces {
            return Err(Error::unsupported("other columns of a table inside a transaction block"));
        }
        let Seen { base, state } = self.seen().await?;
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
        self.keep_state(base, changed).await
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

/// What a CREATE TABLE makes.
enum Opened {
    /// Nothing: it is there.
    Exists,
    /// One session's own.
    Temporary,
    /// One of the lake.
    Stored(RelationName),
}

/// The query of a CREATE TABLE AS, planned.
pub(super) struct NewRows {
    pub(super) planned: (AuthorizedPlan, Context),
    pub(super) parameters: Vec<ScalarValue>,
}
