//! Temporary tables: rows in memory that one session sees.
//!
//! Its one idea: they are handed to each statement as relations that it alone can see, before any other of the
//! name; the catalogs do not show them. Together they have a limit. Rolling back takes them along.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use crate::error::{Error, ErrorKind, Result};
use crate::query::{Context, Engine};
use crate::syntax::{CreateTable, DropKind, DropObject, Insert, ObjectName, Query};

use super::assign::Assignment;
use super::connection::Session;
use super::create::storable;
use super::prepared::Prepared;
use super::running::Running;

/// A temporary table.
#[derive(Debug, Clone)]
pub(super) struct Temporary {
    pub(super) schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// ON COMMIT DROP.
    drops: bool,
}

/// By name.
pub(super) type TemporaryTables = BTreeMap<String, Temporary>;

/// What is left of them when a transaction ends well.
pub(super) fn after_commit(mut tables: TemporaryTables) -> TemporaryTables {
    tables.retain(|_, table| !table.drops);
    tables
}

impl Session {
    /// The temporary table of this name.
    pub(super) fn temporary(&self, name: &ObjectName) -> Option<&Temporary> {
        let own = name.schema.as_deref().is_none_or(|schema| schema == "pg_temp");
        self.temporary.get(&name.name).filter(|_| own)
    }

    /// What a statement reads them from.
    pub(super) fn temporary_relations(&self) -> Result<HashMap<String, Arc<dyn TableProvider>>> {
        let mut relations: HashMap<String, Arc<dyn TableProvider>> = HashMap::new();
        for (name, table) in &self.temporary {
            let rows = MemTable::try_new(Arc::clone(&table.schema), vec![table.batches.clone()]);
            let rows = rows.map_err(|error| {
                Error::internal("the rows of a temporary table").caused_by(error)
            })?;
            relations.insert(name.clone(), Arc::new(rows));
        }
        Ok(relations)
    }

    /// CREATE TEMPORARY TABLE; answers as CREATE TABLE.
    pub(super) async fn create_temporary(
        &mut self,
        create: &CreateTable,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        let name = &create.name.name;
        if self.packed {
            return Err(Error::unsupported("a temporary table over Flight SQL")
                .hint("Rows are fetched beside the session, which would not see it."));
        }
        if create.name.schema.as_deref().is_some_and(|schema| schema != "pg_temp") {
            let message = "cannot create temporary relation in non-temporary schema";
            return Err(Error::new(ErrorKind::InvalidTableDefinition, message));
        }
        if self.temporary.contains_key(name) {
            if create.if_not_exists {
                self.notice(format!("relation \"{name}\" already exists, skipping"));
                return Ok("CREATE TABLE".to_owned());
            }
            let message = format!("relation \"{name}\" already exists");
            return Err(Error::new(ErrorKind::DuplicateTable, message));
        }
        let Some(query) = &create.query else {
            let schema = self.declared_schema(create, running).await?;
            self.keep_temporary(name, schema, Vec::new(), create.drops)?;
            return Ok("CREATE TABLE".to_owned());
        };
        let schema = {
            let (plan, _) = self.current_plan(query, prepared, &parameters, running).await?;
            storable(&plan.described())?
        };
        let target = (name.as_str(), Arc::clone(&schema), [].as_slice());
        let batches = self.rows_for(target, query, prepared, parameters, running).await?;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        self.keep_temporary(name, schema, batches, create.drops)?;
        Ok(format!("SELECT {rows}"))
    }

    /// INSERT into a temporary table.
    pub(super) async fn insert_temporary(
        &mut self,
        insert: &Insert,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        let name = insert.name.name.as_str();
        let Some(Temporary { schema, mut batches, drops }) = self.temporary.get(name).cloned()
        else {
            return Err(Error::internal("a temporary table has gone"));
        };
        let target = (name, Arc::clone(&schema), insert.columns.as_slice());
        let new = self.rows_for(target, &insert.query, prepared, parameters, running).await?;
        let rows: usize = new.iter().map(RecordBatch::num_rows).sum();
        batches.extend(new);
        self.keep_temporary(name, schema, batches, drops)?;
        Ok(format!("INSERT 0 {rows}"))
    }

    /// A query's rows as a table's columns keep them.
    async fn rows_for(
        &mut self,
        (name, schema, columns): (&str, SchemaRef, &[String]),
        query: &Query,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<Vec<RecordBatch>> {
        let (plan, context): (_, Context) =
            self.current_plan(query, prepared, &parameters, running).await?;
        let zone = self.time_zone();
        let assignment = Assignment::new(name, schema, columns, &plan.schema(), zone)?;
        let execution = self.services.engine.execute(&plan, &context, parameters).await;
        let mut stream = execution.map_err(|error| running.error(error))?.stream;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| running.error(Engine::error(error)))?;
            let rows = assignment.apply(&batch)?;
            bytes += rows.get_array_memory_size();
            self.check_room(bytes)?;
            batches.push(rows);
        }
        Ok(batches)
    }

    fn check_room(&self, bytes: usize) -> Result<()> {
        let bytes_max = self.services.config.limits.temporary_bytes_max;
        if bytes <= bytes_max {
            return Ok(());
        }
        let message = format!("the session's temporary tables are larger than {bytes_max} bytes");
        Err(Error::new(ErrorKind::ConfigurationLimitExceeded, message)
            .hint("Make a table in sandbox, or raise limits.temporary_bytes_max in lakeport.toml."))
    }

    fn keep_temporary(
        &mut self,
        name: &str,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
        drops: bool,
    ) -> Result<()> {
        let others = self.temporary.iter().filter(|(known, _)| *known != name);
        let held = others.flat_map(|(_, table)| &table.batches).chain(&batches);
        self.check_room(held.map(RecordBatch::get_array_memory_size).sum())?;
        // Outside a transaction nothing is left of it by the statement's end.
        if !drops || self.transaction.is_block() {
            self.temporary.insert(name.to_owned(), Temporary { schema, batches, drops });
        }
        self.settings.plan_anew();
        Ok(())
    }

    /// TRUNCATE of a temporary table; false where the name is none's.
    pub(super) fn truncate_temporary(&mut self, name: &ObjectName) -> bool {
        if self.temporary(name).is_none() {
            return false;
        }
        if let Some(table) = self.temporary.get_mut(&name.name) {
            table.batches.clear();
        }
        self.settings.plan_anew();
        true
    }

    /// DROP TABLE: the temporary ones go; what is left is the catalog's.
    pub(super) fn drop_temporary(&mut self, drop: &DropObject) -> DropObject {
        let mut left = drop.clone();
        if drop.kind != DropKind::Table {
            return left;
        }
        left.names.retain(|name| self.temporary(name).is_none());
        let gone: Vec<&ObjectName> =
            drop.names.iter().filter(|name| self.temporary(name).is_some()).collect();
        for name in gone {
            self.temporary.remove(&name.name);
            self.settings.plan_anew();
        }
        left
    }
}
