//! COPY: a query's rows out, and rows into a table that the role may write.
//!
//! Rows that come in go into data files as they come; one commit at the end makes them part of the
//! table, all or none. What they look like on the wire is the protocol's business.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::scalar::ScalarValue;
use tokio_util::sync::CancellationToken;

use crate::catalog::Relation;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{CommitMode, Table, TableWriter};
use crate::name::quote_identifier;
use crate::syntax::{Copied, Copy, Query};

use super::assign::Assignment;
use super::connection::Session;
use super::copy_format::CopyFormat;
use super::keys::Keys;
use super::outcome::{Outcome, RowStream};
use super::pending::Change;
use super::prepared::Prepared;
use super::running::Running;

/// Rows on their way out.
pub struct CopyOut {
    /// The rows.
    pub rows: RowStream,
    /// How they are written.
    pub format: CopyFormat,
}

/// Rows on their way in. Dropping it leaves no trace.
pub struct CopyIn {
    /// The columns that come, in order.
    pub schema: SchemaRef,
    /// How they are written.
    pub format: CopyFormat,
    /// Stops it.
    pub cancel: CancellationToken,
    relation: Arc<Relation>,
    table: Table,
    assignment: Assignment,
    keys: Keys,
    writer: TableWriter,
    running: Running,
}

/// The query that COPY TO of a relation is short for.
///
/// # Errors
/// None for names, which are quoted.
pub(super) fn query_of(copy: &Copy) -> Result<Query> {
    match &copy.what {
        Copied::Query(query) => Ok(query.as_ref().clone()),
        Copied::Table { name, columns } => {
            let mut from = quote_identifier(&name.name);
            if let Some(schema) = &name.schema {
                from = format!("{}.{from}", quote_identifier(schema));
            }
            let columns: Vec<String> = columns.iter().map(|name| quote_identifier(name)).collect();
            let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
            Query::parse(&format!("SELECT {columns} FROM {from}"))
        }
    }
}

impl Session {
    /// COPY.
    pub(super) async fn copy(
        &mut self,
        copy: &Copy,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: Running,
    ) -> Result<Outcome> {
        let mut format = CopyFormat::of(&copy.options, copy.from)?;
        if let Some(encoding) = &format.encoding
            && encoding != self.client_encoding()
        {
            let message = "COPY in another encoding than the client's";
            return Err(Error::unsupported(message).hint("Set client_encoding instead."));
        }
        if copy.from {
            return self.copy_in(copy, format, running).await;
        }
        let query = query_of(copy)?;
        let (plan, context) = self.current_plan(&query, prepared, &parameters, &running).await?;
        let schema = plan.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        format.resolve(&names)?;
        match self.select(&plan, &context, parameters, running).await? {
            Outcome::Rows(rows) => Ok(Outcome::CopyOut(CopyOut { rows, format })),
            _ => Err(Error::internal("a query without rows")),
        }
    }

    async fn copy_in(
        &mut self,
        copy: &Copy,
        mut format: CopyFormat,
        running: Running,
    ) -> Result<Outcome> {
        let Copied::Table { name, columns } = &copy.what else {
            return Err(Error::internal("COPY FROM into a query"));
        };
        let relation = self.insert_target(name).await?;
        let table = self.stored(&relation).await?;
        let target = table.schema();
        let given = given(&relation, &target, columns)?;
        let names: Vec<&str> = given.fields().iter().map(|field| field.name().as_str()).collect();
        format.resolve(&names)?;
        let columns: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let zone = self.time_zone();
        // What comes is read, whatever its column is marked as.
        let read = given.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true));
        let read = Schema::new(read.collect::<Vec<_>>());
        let assignment = Assignment::new(&relation.name.relation, target, &columns, &read, zone)?;
        let writer = self.services.lake.writer(table.location(), &table.spec())?;
        let keys = self.watched_keys(&relation, &table)?;
        Ok(Outcome::CopyIn(Box::new(CopyIn {
            schema: given,
            format,
            cancel: running.cancel.clone(),
            relation,
            table,
            assignment,
            keys,
            writer,
            running,
        })))
    }

    /// All rows have come: makes them part of the table. Gives the command tag.
    ///
    /// # Errors
    /// `SerializationFailure`, `IoError`.
    pub async fn finish_copy(&mut self, copy: CopyIn) -> Result<String> {
        let CopyIn { relation, table, writer, running, keys, .. } = copy;
        if running.cancel.is_cancelled() {
            return Err(running.cancelled());
        }
        let files = writer.finish().await?;
        let rows = files.rows();
        if rows > 0 {
            let mode = CommitMode::Append;
            self.change_rows(Change { relation, table, mode, files, keys }).await?;
        }
        Ok(format!("COPY {rows}"))
    }
}

impl CopyIn {
    /// Takes rows in [`CopyIn::schema`], or in text columns of the same number.
    ///
    /// # Errors
    /// Class 22 for values that do not fit, `NotNullViolation`, `QueryCanceled`.
    pub async fn take(&mut self, rows: &RecordBatch) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(self.running.cancelled());
        }
        let rows = self.assignment.apply(rows)?;
        self.keys.add(&rows)?;
        self.writer.write(rows).await
    }

    /// The error of a copy that was stopped.
    pub fn stopped(&self) -> Error {
        self.running.cancelled()
    }
}

/// The columns that come: those named, or all.
fn given(relation: &Relation, target: &SchemaRef, columns: &[String]) -> Result<SchemaRef> {
    if columns.is_empty() {
        return Ok(Arc::clone(target));
    }
    let mut fields: Vec<Arc<Field>> = Vec::with_capacity(columns.len());
    for name in columns {
        let Ok(index) = target.index_of(name) else {
            return Err(Error::new(
                ErrorKind::UndefinedColumn,
                format!(
                    "column \"{name}\" of relation \"{}\" does not exist",
                    relation.name.relation
                ),
            ));
        };
        if fields.iter().any(|field| field.name() == name) {
            return Err(Error::new(
                ErrorKind::DuplicateColumn,
                format!("column \"{name}\" specified more than once"),
            ));
        }
        fields.push(Arc::clone(&target.fields()[index]));
    }
    Ok(Arc::new(Schema::new(fields)))
}
