//! Actions of Flight itself: closing a session, cancelling a flight.

use std::pin::Pin;

use arrow_flight::sql::{CommandPreparedStatementQuery, TicketStatementQuery};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo, Ticket,
};
use bytes::Bytes;
use futures::Stream;
use prost::Message;
use tonic::{Request, Response, Status};

use super::FlightSql;
use super::status::malformed;

type Results = Pin<Box<dyn Stream<Item = Result<arrow_flight::Result, Status>> + Send>>;

/// `CloseSessionResult.Status.CLOSED`, which the Flight crate does not generate.
#[derive(Clone, PartialEq, Message)]
struct CloseSessionResult {
    #[prost(int32, tag = "1")]
    status: i32,
}

impl FlightSql {
    /// CloseSession and CancelFlightInfo; anything else is refused.
    pub(super) async fn action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Results>, Status> {
        let caller = self.caller(&request).await?;
        let body = match request.get_ref().r#type.as_str() {
            "CloseSession" => {
                self.logins.close(request.metadata());
                CloseSessionResult { status: 1 }.encode_to_vec()
            }
            "CancelFlightInfo" => {
                let asked =
                    CancelFlightInfoRequest::decode(&*request.get_ref().body).map_err(malformed)?;
                let stopped = asked.info.is_some_and(|info| self.cancel(&info, &caller.role));
                let status = match stopped {
                    true => CancelStatus::Cancelled,
                    false => CancelStatus::NotCancellable,
                };
                CancelFlightInfoResult { status: status as i32 }.encode_to_vec()
            }
            other => {
                return Err(Status::unimplemented(format!(
                    "0A000: action \"{other}\" is not supported"
                )));
            }
        };
        let result = arrow_flight::Result { body: Bytes::from(body) };
        Ok(Response::new(Box::pin(futures::stream::once(async { Ok(result) }))))
    }

    /// Stops whatever fetches a flight's rows.
    pub(super) fn cancel(&self, info: &FlightInfo, role: &str) -> bool {
        let mut stopped = false;
        for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
            stopped |= self.take_back(ticket, role);
        }
        stopped
    }

    /// Makes a ticket worthless; stops its rows where they are under way.
    pub(super) fn take_back(&self, ticket: &Ticket, role: &str) -> bool {
        statement_name(ticket).is_some_and(|name| self.tickets.cancel(&name, role))
    }
}

/// The name of the statement that a ticket fetches.
fn statement_name(ticket: &Ticket) -> Option<Bytes> {
    let message = arrow_flight::sql::Any::decode(&*ticket.ticket).ok()?;
    if message.is::<TicketStatementQuery>() {
        let ticket: TicketStatementQuery = message.unpack().ok()??;
        return Some(ticket.statement_handle);
    }
    let command: CommandPreparedStatementQuery = message.unpack().ok()??;
    Some(command.prepared_statement_handle)
}
