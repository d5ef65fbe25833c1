//! DoPut: updates, parameters, and rows in bulk.
//!
//! What has begun to change the lake ends, or is undone, whether or not its client waits: it runs in a
//! task of its own, and a client that goes cancels it like anybody else.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    Command, CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    DoPutPreparedStatementResult, DoPutUpdateResult, TableDefinitionOptions, TableExistsOption,
    TableNotExistOption,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, TryStreamExt};
use prost::Message;
use tonic::Status;

use crate::error::{Error, ErrorKind, Result};
use crate::session::{BulkTarget, Canceller, IfExists, Outcome, Prepared};

use super::logins::{Slot, lock};
use super::rows::{parameters, undecodable};
use super::service::unsupported;
use super::status::{malformed, status};
use super::{Call, FlightSql};

type Data = BoxStream<'static, Result<FlightData, Status>>;

impl FlightSql {
    /// Answers a DoPut: the metadata of its one result.
    pub(super) async fn put(
        &self,
        call: &Call,
        command: Command,
        data: Data,
    ) -> Result<Bytes, Status> {
        let record_count = match command {
            Command::CommandStatementUpdate(update) => {
                let slot = Self::slot(&call.login, update.transaction_id.as_ref())?;
                let prepared = Self::prepare(&slot, &update.query).await?;
                refuse_rows(&prepared)?;
                Self::run_update(&slot, &prepared, &[]).await?
            }
            Command::CommandPreparedStatementUpdate(update) => {
                self.update_prepared(call, update, decoded(data)).await?
            }
            Command::CommandPreparedStatementQuery(query) => {
                return self.bind(call, query, decoded(data)).await;
            }
            Command::CommandStatementIngest(ingest) => {
                self.ingest(call, ingest, decoded(data)).await?
            }
            command => return Err(unsupported(&command)),
        };
        Ok(Bytes::from(DoPutUpdateResult { record_count }.encode_to_vec()))
    }

    /// Keeps parameters for the next executions of a prepared statement.
    async fn bind(
        &self,
        call: &Call,
        query: CommandPreparedStatementQuery,
        mut batches: FlightRecordBatchStream,
    ) -> Result<Bytes, Status> {
        let name = query.prepared_statement_handle;
        let statement = call.login.statements.find(&name).map_err(|error| status(&error))?;
        let types = statement.prepared.parameters();
        let (mut bound, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while let Some(batch) = next(&mut batches, rows).await? {
            // A row that does not fit is refused here, where the driver still knows it.
            for row in 0..batch.num_rows() {
                parameters(&batch, row, types).map_err(|error| status(&error))?;
            }
            rows += batch.num_rows() as u64;
            bytes += batch.get_array_memory_size();
            if bytes > self.services.config.limits.message_bytes_max {
                let kind = ErrorKind::ConfigurationLimitExceeded;
                let error = Error::new(kind, "the parameters are larger than a message may be");
                return Err(status(&error.hint("limits.message_bytes_max is the limit.")));
            }
            bound.push(batch);
        }
        // No rows are not the same as nothing bound.
        if let (true, Some(schema)) = (bound.is_empty(), batches.schema())
            && !schema.fields().is_empty()
        {
            bound.push(RecordBatch::new_empty(Arc::clone(schema)));
        }
        *lock(&statement.parameters) = bound;
        let result = DoPutPreparedStatementResult { prepared_statement_handle: Some(name) };
        Ok(Bytes::from(result.encode_to_vec()))
    }

    /// Runs a prepared statement for each row of parameters; an INSERT of them is one commit.
    async fn update_prepared(
        &self,
        call: &Call,
        update: CommandPreparedStatementUpdate,
        mut batches: FlightRecordBatchStream,
    ) -> Result<i64, Status> {
        let found = call.login.statements.find(&update.prepared_statement_handle);
        let statement = found.map_err(|error| status(&error))?;
        let (slot, prepared) = (&statement.slot, &statement.prepared);
        refuse_rows(prepared)?;
        if prepared.parameters().is_empty() {
            return Self::run_update(slot, prepared, &[]).await;
        }
        // Some clients send the parameters with the update, some bind them before.
        let first = next(&mut batches, 0).await?;
        let mut waiting: VecDeque<RecordBatch> = match batches.schema() {
            Some(_) => first.into_iter().collect(),
            None => lock(&statement.parameters).clone().into(),
        };
        if batches.schema().is_none() && waiting.is_empty() {
            return Self::run_update(slot, prepared, &[]).await;
        }
        let bulk = slot.lock().await.bulk_insert(prepared).await;
        if let Some(mut bulk) = bulk.map_err(|error| status(&error))? {
            let mut rows = 0;
            while let Some(batch) = following(&mut waiting, &mut batches, rows).await? {
                check_count(prepared, &batch)?;
                rows += batch.num_rows() as u64;
                bulk.write(batch).await.map_err(|error| status(&error))?;
            }
            let count = finished(async move { bulk.commit().await }, None).await?;
            return Ok(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let (mut count, mut rows) = (0, 0);
        while let Some(batch) = following(&mut waiting, &mut batches, rows).await? {
            rows += batch.num_rows() as u64;
            count += Self::run_update(slot, prepared, &[batch]).await?;
        }
        Ok(count)
    }

    /// Runs a statement that has no rows, for each row of parameters where there are any; how many rows
    /// it touched, 0 where that means nothing.
    pub(super) async fn run_update(
        slot: &Slot,
        prepared: &Arc<Prepared>,
        batches: &[RecordBatch],
    ) -> Result<i64, Status> {
        let types = prepared.parameters();
        let mut rows = Vec::new();
        for batch in batches {
            for row in 0..batch.num_rows() {
                rows.push(parameters(batch, row, types).map_err(|error| status(&error))?);
            }
        }
        if batches.is_empty() {
            rows.push(Vec::new());
        }
        let mut session = Arc::clone(slot).lock_owned().await;
        let canceller = session.canceller();
        let prepared = Arc::clone(prepared);
        let work = async move {
            let mut count = 0;
            for values in rows {
                match session.execute(&prepared, values).await? {
                    Outcome::Command(tag) => {
                        let touched = tag.rsplit(' ').next().and_then(|word| word.parse().ok());
                        count += touched.unwrap_or(0);
                    }
                    Outcome::CopyIn(_) | Outcome::CopyOut(_) => {
                        return Err(Error::unsupported("COPY over Flight SQL")
                            .hint("Ask for the rows with SELECT; send rows by ingest."));
                    }
                    Outcome::Empty | Outcome::Rows(_) => {}
                }
            }
            Ok(count)
        };
        finished(work, Some(canceller)).await
    }

    /// Takes rows into a table, by one commit when the stream has ended well.
    async fn ingest(
        &self,
        call: &Call,
        ingest: CommandStatementIngest,
        mut batches: FlightRecordBatchStream,
    ) -> Result<i64, Status> {
        let target = self.target(&ingest)?;
        // Named for the driver's sake: rows in bulk are committed by themselves, as GetSqlInfo says.
        let slot = Self::slot(&call.login, ingest.transaction_id.as_ref())?;
        let session = Self::fork(&slot).await;
        let mut batch = next(&mut batches, 0).await?;
        let schema = batches.schema().cloned();
        let schema = schema.ok_or_else(|| malformed("the stream of rows has no schema"))?;
        let mut bulk = session.bulk(&target, &schema).await.map_err(|error| status(&error))?;
        let mut rows = 0;
        while let Some(some) = batch {
            rows += some.num_rows() as u64;
            bulk.write(some).await.map_err(|error| status(&error))?;
            batch = next(&mut batches, rows).await?;
        }
        let count = finished(async move { bulk.commit().await }, None).await?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn target(&self, ingest: &CommandStatementIngest) -> Result<BulkTarget, Status> {
        let refused = |error: Error| Err(status(&error));
        if ingest.temporary {
            return refused(Error::unsupported("temporary tables"));
        }
        if let Some(option) = ingest.options.keys().min() {
            return refused(Error::unsupported(format!("the ingest option \"{option}\"")));
        }
        let database = &self.services.config.name;
        if let Some(catalog) = ingest.catalog.as_ref().filter(|name| !name.is_empty())
            && catalog != database
        {
            let message = format!("database \"{catalog}\" does not exist");
            return refused(
                Error::new(ErrorKind::InvalidCatalogName, message)
                    .hint(format!("This server has one database, \"{database}\".")),
            );
        }
        if ingest.table.is_empty() {
            return Err(malformed("the ingest names no table"));
        }
        let none = TableDefinitionOptions::default();
        let options = ingest.table_definition_options.as_ref().unwrap_or(&none);
        let if_exists = match options.if_exists() {
            TableExistsOption::Append => IfExists::Append,
            TableExistsOption::Replace => IfExists::Replace,
            TableExistsOption::Fail | TableExistsOption::Unspecified => IfExists::Fail,
        };
        let create = match options.if_not_exist() {
            TableNotExistOption::Fail => false,
            TableNotExistOption::Create => true,
            // Said neither way: a table is made unless rows are to be added to one.
            TableNotExistOption::Unspecified => if_exists != IfExists::Append,
        };
        let schema = ingest.schema.clone().filter(|name| !name.is_empty());
        Ok(BulkTarget { schema, table: ingest.table.clone(), create, if_exists })
    }
}

fn decoded(data: Data) -> FlightRecordBatchStream {
    let data = data.map_err(|status| FlightError::Tonic(Box::new(status)));
    FlightRecordBatchStream::new_from_flight_data(data)
}

/// The next batch, after so many rows.
async fn next(
    batches: &mut FlightRecordBatchStream,
    rows: u64,
) -> Result<Option<RecordBatch>, Status> {
    // Arrow panics at messages whose body is shorter than their header says.
    match AssertUnwindSafe(batches.try_next()).catch_unwind().await {
        Ok(batch) => batch.map_err(|error| undecodable(error, rows)),
        Err(_) => Err(malformed(format!("the batch after row {rows} is broken"))),
    }
}

/// As [`next`], after those that wait.
async fn following(
    waiting: &mut VecDeque<RecordBatch>,
    batches: &mut FlightRecordBatchStream,
    rows: u64,
) -> Result<Option<RecordBatch>, Status> {
    match waiting.pop_front() {
        Some(batch) => Ok(Some(batch)),
        None => next(batches, rows).await,
    }
}

fn refuse_rows(prepared: &Prepared) -> Result<(), Status> {
    if prepared.schema().is_none() {
        return Ok(());
    }
    let error = Error::new(ErrorKind::WrongObjectType, "the statement returns rows");
    Err(status(&error.hint("Ask for its rows with GetFlightInfo and DoGet.")))
}

fn check_count(prepared: &Prepared, batch: &RecordBatch) -> Result<(), Status> {
    let (given, needed) = (batch.num_columns(), prepared.parameters().len());
    if given == needed {
        return Ok(());
    }
    Err(malformed(format!("bind supplies {given} parameters, but the statement requires {needed}")))
}

/// What `work` gives. A caller that is gone cancels it; it still ends in its own way.
async fn finished<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
    canceller: Option<Canceller>,
) -> Result<T, Status> {
    struct Gone(Option<Canceller>);
    impl Drop for Gone {
        fn drop(&mut self) {
            if let Some(canceller) = &self.0 {
                canceller.cancel();
            }
        }
    }
    let mut gone = Gone(canceller);
    let done = tokio::spawn(work).await;
    gone.0 = None;
    match done {
        Ok(done) => done.map_err(|error| status(&error)),
        Err(error) => Err(status(&Error::internal("a statement's task ended").caused_by(error))),
    }
}
