//! Queries: pinned when their flight is asked for, run when a ticket is redeemed.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow_flight::sql::{
    CommandPreparedStatementQuery, CommandStatementQuery, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, Ticket as FlightTicket};
use datafusion::scalar::ScalarValue;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use prost_types::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Response, Status};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::Share;
use crate::session::{Pinned, Prepared, Session};

use super::flights::{Held, Running, new_name};
use super::logins::{Login, Slot, lock};
use super::rows::{Encoding, FlightStream, batches_of, parameters, respond};
use super::status::{status, unencodable};
use super::ticket::Ticket;
use super::{Call, FlightSql};

/// A stream of fewer bytes on disk is not worth its ticket.
const SHARE_BYTES_MIN: u64 = 16 << 20;
/// Endpoints that the server offers by itself.
const SHARES_MAX: usize = 8;
/// What a ticket may hold; all a client's 4 MB would do is fit four.
const TICKET_BYTES_MAX: usize = 256 << 10;
/// A longer command is not sent back.
const DESCRIPTOR_BYTES_MAX: usize = 1 << 20;
/// How long a fetch waits for one of the session's streams to end.
const STREAM_PATIENCE: Duration = Duration::from_secs(5);

impl FlightSql {
    /// GetFlightInfo of a statement's text.
    pub(super) async fn statement_info(
        &self,
        call: &Call,
        query: CommandStatementQuery,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let slot = Self::slot(&call.login, query.transaction_id.as_ref())?;
        let prepared = Self::prepare(&slot, &query.query).await?;
        self.flight(call, &slot, prepared, Vec::new(), descriptor).await
    }

    /// GetFlightInfo of a prepared statement, with the parameters bound last.
    pub(super) async fn prepared_info(
        &self,
        call: &Call,
        query: CommandPreparedStatementQuery,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let found = call.login.statements.find(&query.prepared_statement_handle);
        let statement = found.map_err(|error| status(&error))?;
        let parameters = lock(&statement.parameters).clone();
        let prepared = Arc::clone(&statement.prepared);
        self.flight(call, &statement.slot, prepared, parameters, descriptor).await
    }

    async fn flight(
        &self,
        call: &Call,
        slot: &Slot,
        prepared: Arc<Prepared>,
        parameters: Vec<RecordBatch>,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        // What has no rows is run while its flight is asked for: drivers send commands this way, and
        // may never fetch what they know to be empty.
        let (prepared, records, schema) = match prepared.schema() {
            Some(schema) => (prepared, -1, schema),
            None => {
                let count = Self::run_update(slot, &prepared, &parameters).await?;
                (Self::prepare(slot, "").await?, count, Schema::empty().into())
            }
        };
        let pinned = slot.lock().await.pin(&prepared).await.map_err(|error| status(&error))?;
        let role = call.login.role.as_str();
        let lifetime_ms = self.services.config.limits.flight_ticket_ms;
        let ticket = Ticket::new(new_name(), role, self.services.lake.clock().now(), lifetime_ms);
        let tickets = match pinned {
            Some(pinned) => self.pinned(&call.login, ticket, pinned, &parameters),
            None => Ok(vec![self.held(slot, ticket, prepared, parameters)]),
        };
        let tickets = tickets.map_err(|error| status(&error))?;
        let endpoints = tickets.iter().map(|ticket| self.endpoint(ticket)).collect();
        let info = FlightInfo::new().try_with_schema(&schema).map_err(unencodable)?;
        // A command that a client could send, it may not be able to receive.
        let info = match descriptor.cmd.len() <= DESCRIPTOR_BYTES_MAX {
            true => info.with_descriptor(descriptor),
            false => info,
        };
        let info = info.with_endpoints(endpoints).with_total_records(records).with_total_bytes(-1);
        Ok(info)
    }

    /// The tickets of a query: one, or one a share.
    fn pinned(
        &self,
        login: &Login,
        ticket: Ticket,
        pinned: Pinned,
        parameters: &[RecordBatch],
    ) -> Result<Vec<Ticket>> {
        let ticket = ticket.with_query(&pinned.query, parameters)?;
        let rows: usize = parameters.iter().map(RecordBatch::num_rows).sum();
        let bytes = ticket.encoded_len();
        if bytes > TICKET_BYTES_MAX {
            let marker = ticket.held();
            self.flights.hold(&ticket.flight.clone(), Held::Query(Box::new(ticket)), bytes);
            return Ok(vec![marker]);
        }
        let shares = if rows <= 1 { shares(&pinned)? } else { Vec::new() };
        if shares.len() > 1 {
            return Ok(shares.iter().map(|share| ticket.clone().with_share(share)).collect());
        }
        login.ready.keep(ticket.flight.clone(), pinned.reader, pinned.prepared);
        Ok(vec![ticket])
    }

    fn held(
        &self,
        slot: &Slot,
        ticket: Ticket,
        prepared: Arc<Prepared>,
        parameters: Vec<RecordBatch>,
    ) -> Ticket {
        let bytes = parameters.iter().map(RecordBatch::get_array_memory_size).sum();
        let statement = Held::Statement { slot: Arc::downgrade(slot), prepared, parameters };
        self.flights.hold(&ticket.flight, statement, bytes);
        ticket.held()
    }

    /// Where a ticket is redeemed: wherever it was got.
    pub(super) fn endpoint(&self, ticket: &Ticket) -> FlightEndpoint {
        let statement_handle = ticket.sign(&self.keys);
        let ticket_bytes = TicketStatementQuery { statement_handle }.as_any().encode_to_vec();
        let seconds = ticket.expires_ms.div_euclid(1000);
        let nanos = i32::try_from(ticket.expires_ms.rem_euclid(1000) * 1_000_000).unwrap_or(0);
        FlightEndpoint::new()
            .with_ticket(FlightTicket::new(ticket_bytes))
            .with_expiration_time(Timestamp { seconds, nanos })
    }

    /// DoGet of a ticket.
    pub(super) async fn fetch(
        &self,
        call: &Call,
        handle: &[u8],
    ) -> Result<Response<FlightStream>, Status> {
        let now = self.services.lake.clock().now();
        let ticket = Ticket::open(&self.keys, handle, &call.login.role, now);
        let mut ticket = ticket.map_err(|error| status(&error))?;
        let running =
            self.flights.run(&ticket.flight, &call.login.ended).map_err(|error| status(&error))?;
        if ticket.held {
            match self.flights.take(&ticket.flight).map_err(|error| status(&error))? {
                Held::Query(query) => ticket = *query,
                Held::Statement { slot, prepared, parameters } => {
                    let slot = slot.upgrade().ok_or_else(|| {
                        let message = "the session of the ticket has ended";
                        status(&Error::new(ErrorKind::InvalidCursorName, message))
                    })?;
                    return self.run_held(call, &slot, prepared, parameters, running).await;
                }
            }
        }
        let compression = ticket.settings.get("lakeport.flight_compression").map(String::as_str);
        let encoding = Encoding::of(&call.headers, compression).map_err(|error| status(&error))?;
        let permit = self.stream_permit(&call.login).await?;
        let rows = async {
            let (reader, prepared) = self.reader(&call.login, &ticket).await?;
            let rows = parameter_rows(&prepared, &ticket.parameters()?)?;
            let schema = prepared.schema().unwrap_or_else(|| Schema::empty().into());
            Ok((schema, each_row(reader, prepared, rows).await?))
        };
        let (schema, batches) = cancellable(&running, rows).await?;
        Ok(respond(schema, batches, running, permit, encoding))
    }

    /// What runs the ticket's query as it was pinned.
    async fn reader(&self, login: &Login, ticket: &Ticket) -> Result<(Session, Arc<Prepared>)> {
        if ticket.share().is_none()
            && let Some((reader, prepared)) = login.ready.take(&ticket.flight)
            && reader.is_judged_now().await?
        {
            return Ok((reader, prepared));
        }
        let fork = Self::fork(&login.session).await;
        let mut reader = fork.fork_at(&ticket.query(), ticket.share()).await?;
        let prepared = reader.prepare(&ticket.query().text, &[]).await?;
        Ok((reader, prepared))
    }

    /// DoGet of a prepared statement itself, for clients that make the ticket themselves.
    pub(super) async fn fetch_prepared(
        &self,
        call: &Call,
        query: &CommandPreparedStatementQuery,
    ) -> Result<Response<FlightStream>, Status> {
        let found = call.login.statements.find(&query.prepared_statement_handle);
        let statement = found.map_err(|error| status(&error))?;
        let parameters = lock(&statement.parameters).clone();
        let prepared = Arc::clone(&statement.prepared);
        let running = self.flights.run(&query.prepared_statement_handle, &call.login.ended);
        let running = running.map_err(|error| status(&error))?;
        self.run_held(call, &statement.slot, prepared, parameters, running).await
    }

    async fn run_held(
        &self,
        call: &Call,
        slot: &Slot,
        prepared: Arc<Prepared>,
        parameters: Vec<RecordBatch>,
        running: Running,
    ) -> Result<Response<FlightStream>, Status> {
        let permit = self.stream_permit(&call.login).await?;
        let rows = parameter_rows(&prepared, &parameters).map_err(|error| status(&error))?;
        if rows.len() > 1 {
            let message = "a query that is fetched by its handle takes one row of parameters";
            return Err(status(&Error::unsupported(message)));
        }
        let values = rows.into_iter().next().unwrap_or_default();
        let run = async {
            let mut session = slot.lock().await;
            let compression = session.setting("lakeport.flight_compression");
            let encoding = Encoding::of(&call.headers, compression.as_deref())?;
            Ok((session.execute(&prepared, values).await?, encoding))
        };
        let (outcome, encoding) = cancellable(&running, run).await?;
        let (schema, batches) = batches_of(outcome);
        Ok(respond(schema, batches, running, permit, encoding))
    }

    /// One of the streams that a session may have open.
    async fn stream_permit(&self, login: &Login) -> Result<OwnedSemaphorePermit, Status> {
        let streams = Arc::clone(&login.streams);
        tokio::select! {
            permit = streams.acquire_owned() => permit.map_err(|_| {
                status(&Error::internal("the streams of a session are closed"))
            }),
            () = self.services.lake.clock().sleep(STREAM_PATIENCE) => {
                let count = self.services.config.limits.session_streams_max;
                let message = format!("a session may fetch {count} streams at once");
                Err(status(
                    &Error::new(ErrorKind::ConfigurationLimitExceeded, message)
                        .hint("Read some of them to their ends first."),
                ))
            }
        }
    }
}

/// How the rows are handed out; one share, or none, is all of them.
fn shares(pinned: &Pinned) -> Result<Vec<Share>> {
    let Some(table) = &pinned.divisible else { return Ok(Vec::new()) };
    let asked = pinned.query.settings.get("lakeport.flight_endpoints");
    match asked.and_then(|text| text.parse::<usize>().ok()) {
        Some(count) if count > 0 => table.shares(count, 1),
        _ => {
            let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            table.shares(cores.clamp(2, SHARES_MAX), SHARE_BYTES_MIN)
        }
    }
}

/// Each row of parameters as values; without parameters one row of none.
fn parameter_rows(
    prepared: &Prepared,
    batches: &[RecordBatch],
) -> Result<VecDeque<Vec<ScalarValue>>> {
    let types = prepared.parameters();
    if batches.is_empty() {
        return Ok(VecDeque::from([Vec::new()]));
    }
    let rows = batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| parameters(batch, row, types)));
    rows.collect()
}

/// Runs the query for each row of parameters, one after the other; the first is started at once, so that
/// what is wrong with it is the answer to the call.
async fn each_row(
    mut reader: Session,
    prepared: Arc<Prepared>,
    mut rows: VecDeque<Vec<ScalarValue>>,
) -> Result<BoxStream<'static, Result<RecordBatch, Status>>> {
    let Some(first) = rows.pop_front() else { return Ok(futures::stream::empty().boxed()) };
    let (_, first) = batches_of(reader.execute(&prepared, first).await?);
    if rows.is_empty() {
        // While its rows travel, what stops the session stops the reader.
        let held = move |_: &Result<RecordBatch, Status>| {
            let _ = &reader;
        };
        return Ok(first.inspect(held).boxed());
    }
    let rest = futures::stream::try_unfold(
        (reader, prepared, rows),
        |(mut reader, prepared, mut rows)| async move {
            let Some(row) = rows.pop_front() else { return Ok(None) };
            let outcome = reader.execute(&prepared, row).await.map_err(|error| status(&error))?;
            Ok::<_, Status>(Some((batches_of(outcome).1, (reader, prepared, rows))))
        },
    );
    Ok(first.chain(rest.try_flatten()).boxed())
}

/// What `work` gives, unless the flight is cancelled first.
async fn cancellable<T>(
    running: &Running,
    work: impl Future<Output = Result<T>>,
) -> Result<T, Status> {
    tokio::select! {
        done = work => done.map_err(|error| status(&error)),
        () = running.token.cancelled() => {
            let kind = ErrorKind::QueryCanceled;
            Err(status(&Error::new(kind, "canceling statement due to user request")))
        }
    }
}
