//! Actions: prepared statements, transactions, cancelling, renewing, session options.

use arrow::datatypes::{Field, FieldRef, Schema};
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest,
    ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    ActionEndTransactionRequest, Any, EndTransaction, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
    RenewFlightEndpointRequest, Ticket as FlightTicket,
};
use bytes::Bytes;
use prost::Message;
use tonic::Status;

use crate::error::{Error, ErrorKind, Result};

use super::rows::schema_bytes;
use super::status::{malformed, status};
use super::ticket::Ticket;
use super::{Call, FlightSql};

/// What is supported, as ListActions says it.
pub(super) const ACTIONS: &[(&str, &str)] = &[
    ("BeginTransaction", "Begins a transaction that reads one state of the lake."),
    ("CancelFlightInfo", "Stops a flight and makes its tickets worthless."),
    ("CancelQuery", "CancelFlightInfo in its older form."),
    ("ClosePreparedStatement", "Forgets a prepared statement."),
    ("CloseSession", "Ends the session; its token is good for nothing any more."),
    ("CreatePreparedStatement", "Plans a statement to be executed with parameters."),
    ("EndTransaction", "Ends a transaction."),
    ("GetSessionOptions", "Gives the session's options and settings."),
    ("RenewFlightEndpoint", "Gives a ticket that expires later."),
    ("SetSessionOptions", "Sets catalog, schema, and settings by their names."),
];

/// The result of CancelQuery.
const CANCELLED: i32 = 1;
const NOT_CANCELLABLE: i32 = 3;

/// A body that is the message itself.
pub(super) fn plain<M: Message + Default>(body: &[u8]) -> Result<M, Status> {
    M::decode(body).map_err(|error| malformed(format!("the action's body does not read: {error}")))
}

/// A body that is the message wrapped in `Any`.
fn wrapped<M: ProstMessageExt + Default>(body: &[u8]) -> Result<M, Status> {
    let unreadable = |words: String| malformed(format!("the action's body does not read: {words}"));
    let any = Any::decode(body).map_err(|error| unreadable(error.to_string()))?;
    let message = any.unpack().map_err(|error| unreadable(error.to_string()))?;
    message.ok_or_else(|| unreadable(format!("it is a {}", any.type_url)))
}

impl FlightSql {
    /// Answers an action: the body of its result, if it has one.
    pub(super) async fn act(&self, call: &Call, action: Action) -> Result<Option<Bytes>, Status> {
        let body = action.body.as_ref();
        match action.r#type.as_str() {
            "CreatePreparedStatement" => {
                let result = self.create_prepared(call, wrapped(body)?).await?;
                Ok(Some(result.as_any().encode_to_vec().into()))
            }
            "ClosePreparedStatement" => {
                let closed: ActionClosePreparedStatementRequest = wrapped(body)?;
                call.login.statements.close(&closed.prepared_statement_handle);
                Ok(None)
            }
            "BeginTransaction" => {
                let _: ActionBeginTransactionRequest = wrapped(body)?;
                let session = call.login.session.lock().await.fork_transaction();
                let kept = session.and_then(|session| call.login.transactions.keep(session));
                let transaction_id = kept.map_err(|error| status(&error))?;
                let result = ActionBeginTransactionResult { transaction_id };
                Ok(Some(result.as_any().encode_to_vec().into()))
            }
            "EndTransaction" => {
                Self::end_transaction(call, &wrapped(body)?).await?;
                Ok(None)
            }
            "CancelFlightInfo" => {
                let asked: CancelFlightInfoRequest = plain(body)?;
                let info = asked.info.ok_or_else(|| malformed("no flight is named"))?;
                let cancelled = match self.cancel(call, &info)? {
                    true => CancelStatus::Cancelled,
                    false => CancelStatus::NotCancellable,
                };
                Ok(Some(CancelFlightInfoResult { status: cancelled.into() }.encode_to_vec().into()))
            }
            "CancelQuery" => {
                let asked: ActionCancelQueryRequest = wrapped(body)?;
                let result = match self.cancel(call, &plain(&asked.info)?)? {
                    true => CANCELLED,
                    false => NOT_CANCELLABLE,
                };
                let result = ActionCancelQueryResult { result };
                Ok(Some(result.as_any().encode_to_vec().into()))
            }
            "RenewFlightEndpoint" => self.renew(call, plain(body)?).map(Some),
            "SetSessionOptions" => self.set_options(call, plain(body)?).await.map(Some),
            "GetSessionOptions" => self.get_options(call).await.map(Some),
            "CloseSession" => {
                self.logins.close(&call.login);
                Ok(Some(super::options::closed()))
            }
            "BeginSavepoint" | "EndSavepoint" => Err(status(
                &Error::unsupported("savepoints")
                    .hint("Transactions read only: there is nothing to go back to."),
            )),
            other => Err(status(&Error::unsupported(format!("the action \"{other}\"")))),
        }
    }

    async fn create_prepared(
        &self,
        call: &Call,
        request: ActionCreatePreparedStatementRequest,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let slot = Self::slot(&call.login, request.transaction_id.as_ref())?;
        let prepared = Self::prepare(&slot, &request.query).await?;
        let field = |(index, known): (usize, &FieldRef)| {
            Field::new(format!("${}", index + 1), known.data_type().clone(), true)
        };
        let parameters: Vec<Field> = prepared.parameters().iter().enumerate().map(field).collect();
        // JDBC takes an empty schema to mean that the statement is an update.
        let dataset_schema = match prepared.schema() {
            Some(schema) => schema_bytes(&schema)?,
            None => Bytes::new(),
        };
        let handle = call.login.statements.keep(slot, prepared);
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.map_err(|error| status(&error))?,
            dataset_schema,
            parameter_schema: schema_bytes(&Schema::new(parameters))?,
        })
    }

    async fn end_transaction(
        call: &Call,
        request: &ActionEndTransactionRequest,
    ) -> Result<(), Status> {
        let commit = match EndTransaction::try_from(request.action) {
            Ok(EndTransaction::Commit) => true,
            Ok(EndTransaction::Rollback) => false,
            _ => return Err(malformed("the transaction is to be committed or rolled back")),
        };
        let slot = call.login.transactions.take(&request.transaction_id);
        let slot = slot.map_err(|error| status(&error))?;
        // Statements prepared in it may still name it: they go on outside of any transaction.
        let mut own = slot.lock().await;
        let next = own.fork();
        let ended = std::mem::replace(&mut *own, next);
        drop(own);
        call.login.session.lock().await.end_transaction(ended, commit);
        Ok(())
    }

    /// Stops a flight: what runs now, and what its tickets would start.
    fn cancel(&self, call: &Call, info: &FlightInfo) -> Result<bool, Status> {
        let now = self.services.lake.clock().now();
        let mut stopped = false;
        for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
            // A listing's ticket is a command: it has ended before anybody could stop it.
            let Some(handle) = handle_of(ticket) else { continue };
            match Ticket::open(&self.keys, &handle, &call.login.role, now) {
                Ok(ticket) => {
                    let now_ms = now.timestamp_millis();
                    stopped |= self.flights.cancel(&ticket.flight, ticket.expires_ms, now_ms);
                }
                Err(error) if error.kind() == ErrorKind::InvalidCursorName => {}
                Err(error) => return Err(status(&error)),
            }
        }
        Ok(stopped)
    }

    /// The same endpoint with a ticket that expires later.
    fn renew(&self, call: &Call, request: RenewFlightEndpointRequest) -> Result<Bytes, Status> {
        let endpoint = request.endpoint.ok_or_else(|| malformed("no endpoint is named"))?;
        let handle = endpoint.ticket.as_ref().and_then(handle_of).ok_or_else(|| {
            status(&Error::unsupported("renewing this ticket").hint("It does not expire."))
        })?;
        let now = self.services.lake.clock().now();
        let ticket = Ticket::open(&self.keys, &handle, &call.login.role, now);
        let ticket = ticket.map_err(|error| status(&error))?;
        if self.flights.is_cancelled(&ticket.flight) {
            let error = Error::new(ErrorKind::QueryCanceled, "the flight was cancelled");
            return Err(status(&error));
        }
        let kept_ms = self.services.config.retention.epochs_hours.saturating_mul(3_600_000);
        let kept_ms = i64::try_from(kept_ms).unwrap_or(i64::MAX);
        let lifetime_ms = self.services.config.limits.flight_ticket_ms;
        let lifetime_ms = i64::try_from(lifetime_ms).unwrap_or(i64::MAX);
        let latest_ms = ticket.issued_ms.saturating_add(kept_ms);
        let expires_ms = now.timestamp_millis().saturating_add(lifetime_ms).min(latest_ms);
        let renewed = self.endpoint(&ticket.renewed(expires_ms));
        let renewed = arrow_flight::FlightEndpoint {
            location: endpoint.location,
            app_metadata: endpoint.app_metadata,
            ..renewed
        };
        Ok(renewed.encode_to_vec().into())
    }
}

/// What a statement's ticket holds; `None` for a command that is its own ticket.
fn handle_of(ticket: &FlightTicket) -> Option<Bytes> {
    let message = Any::decode(&*ticket.ticket).ok()?;
    let ticket: TicketStatementQuery = message.unpack().ok()??;
    Some(ticket.statement_handle)
}
