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
use crate::query::Engine;
use crate::syntax::{
    CreateTable, Delete, DropKind, DropObject, Grant, GrantObject, Insert, Key, ObjectName,
};

use super::assign::Assignment;
use super::connection::Session;
use super::create::NewRows;
use super::keys::Keys;
use super::prepared::Prepared;
use super::running::Running;

/// A temporary table.
#[derive(Debug, Clone)]
pub(super) struct Temporary {
    pub(super) schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// What no two of its rows share.
    keys: Vec<Key>,
    /// ON COMMIT DROP.
    drops: bool,
}

impl Temporary {
    fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}

/// By name.
pub(super) type TemporaryTables = BTreeMap<String, Temporary>;

/// What is left of them when a transaction ends well.
pub(super) fn after_commit(mut tables: TemporaryTables) -> TemporaryTables {
    tables.retain(|_, table| !table.drops);
    tables
}

impl Session {
    /// Refuses what is done to tables of the lake only, where the name is a temporary table's: it is not to be done
    /// to another of the name.
    pub(super) fn refuse_temporary(&self, what: &str, name: &ObjectName) -> Result<()> {
        match self.temporary(name) {
            Some(_) => Err(Error::unsupported(format!("{what} temporary table \"{}\"", name.name))),
            None => Ok(()),
        }
    }

    /// As [`Session::refuse_temporary`], for GRANT and REVOKE.
    pub(super) fn refuse_temporary_in(&self, grant: &Grant) -> Result<()> {
        let GrantObject::Relations(names) = &grant.object else { return Ok(()) };
        names.iter().try_for_each(|name| self.refuse_temporary("privileges on", name))
    }

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

    /// Whether a temporary table of this name may be made.
    ///
    /// # Errors
    /// `FeatureNotSupported` over Flight SQL; `InvalidTableDefinition` in a schema.
    pub(super) fn check_temporary(&self, create: &CreateTable) -> Result<()> {
        if self.packed {
            return Err(Error::unsupported("a temporary table over Flight SQL")
                .hint("Rows are fetched beside the session, which would not see it."));
        }
        if create.name.schema.as_deref().is_some_and(|schema| schema != "pg_temp") {
            let message = "cannot create temporary relation in non-temporary schema";
            return Err(Error::new(ErrorKind::InvalidTableDefinition, message));
        }
        Ok(())
    }

    /// A new temporary table, with the rows of its query; answers how many.
    pub(super) async fn make_temporary(
        &mut self,
        create: &CreateTable,
        schema: SchemaRef,
        rows: Option<NewRows>,
        running: &Running,
    ) -> Result<Option<u64>> {
        let mut table = Temporary {
            schema,
            batches: Vec::new(),
            keys: create.keys.clone(),
            drops: create.drops,
        };
        let count = match rows {
            None => None,
            Some(rows) => {
                let new = self.rows_for(&create.name.name, &table, &[], rows, running).await?;
                table.batches = new;
                Some(table.rows())
            }
        };
        self.keep_temporary(&create.name.name, table)?;
        Ok(count)
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
        let mut table = self.temporary_table(name)?;
        let planned = self.current_plan(&insert.query, prepared, &parameters, running).await?;
        let rows = NewRows { planned, parameters };
        let new = self.rows_for(name, &table, &insert.columns, rows, running).await?;
        let count: usize = new.iter().map(RecordBatch::num_rows).sum();
        table.batches.extend(new);
        self.keep_temporary(name, table)?;
        Ok(format!("INSERT 0 {count}"))
    }

    /// DELETE from a temporary table: the rows that stay take the place of all.
    pub(super) async fn delete_temporary(
        &mut self,
        delete: &Delete,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<String> {
        let name = delete.name.name.as_str();
        let mut table = self.temporary_table(name)?;
        let had = table.rows();
        table.batches.clear();
        let planned = self.current_plan(&delete.query, prepared, &parameters, running).await?;
        let rows = NewRows { planned, parameters };
        table.batches = self.rows_for(name, &table, &[], rows, running).await?;
        let gone = had.saturating_sub(table.rows());
        self.keep_temporary(name, table)?;
        Ok(format!("DELETE {gone}"))
    }

    fn temporary_table(&self, name: &str) -> Result<Temporary> {
        let found = self.temporary.get(name).cloned();
        found.ok_or_else(|| Error::internal("a temporary table has gone"))
    }

    /// A query's rows as a table's columns and keys let them be beside those it has.
    async fn rows_for(
        &mut self,
        name: &str,
        table: &Temporary,
        columns: &[String],
        rows: NewRows,
        running: &Running,
    ) -> Result<Vec<RecordBatch>> {
        let NewRows { planned: (plan, context), parameters } = rows;
        let (target, zone) = (Arc::clone(&table.schema), self.time_zone());
        let assignment = Assignment::new(name, target, columns, &plan.schema(), zone)?;
        let mut keys = Keys::watching(&table.keys, &table.schema)?;
        table.batches.iter().try_for_each(|batch| keys.add(batch))?;
        let execution = self.services.engine.execute(&plan, &context, parameters).await;
        let mut stream = execution.map_err(|error| running.error(error))?.stream;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| running.error(Engine::error(error)))?;
            let rows = assignment.apply(&batch)?;
            keys.add(&rows)?;
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

    fn keep_temporary(&mut self, name: &str, table: Temporary) -> Result<()> {
        let others = self.temporary.iter().filter(|(known, _)| *known != name);
        let held = others.flat_map(|(_, other)| &other.batches).chain(&table.batches);
        self.check_room(held.map(RecordBatch::get_array_memory_size).sum())?;
        // Outside a transaction nothing is left of it by the statement's end.
        if !table.drops || self.transaction.is_block() {
            self.temporary.insert(name.to_owned(), table);
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
