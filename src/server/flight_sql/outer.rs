//! The whole Flight service: what the Flight SQL crate leaves out, and its own part passed through.

use std::pin::Pin;

use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, CommandPreparedStatementQuery, CommandStatementQuery};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::Stream;
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::FlightSql;
use super::rows::{FlightStream, schema_bytes};
use super::status::{malformed, status};

/// Answers GetSchema and PollFlightInfo; all else is [`FlightSql`]'s.
pub(super) struct Outer(pub(super) FlightSql);

fn described(schema: Option<SchemaRef>) -> Result<Response<SchemaResult>, Status> {
    let schema = schema.unwrap_or_else(|| Schema::empty().into());
    Ok(Response::new(SchemaResult { schema: schema_bytes(&schema)? }))
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl FlightService for Outer {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = FlightStream;
    type DoPutStream = Answers<PutResult>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;
    type DoExchangeStream = Answers<FlightData>;

    /// What the rows would look like; nothing is run and nothing kept for them.
    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let command = Any::decode(&*request.get_ref().cmd).map_err(malformed)?;
        if command.is::<CommandStatementQuery>() {
            let query: Option<CommandStatementQuery> = command.unpack().map_err(malformed)?;
            let login = self.0.caller(&request).await?;
            let prepared = self.0.prepare(&login, &query.unwrap_or_default().query).await?;
            return described(prepared.schema());
        }
        if command.is::<CommandPreparedStatementQuery>() {
            let named: Option<CommandPreparedStatementQuery> =
                command.unpack().map_err(malformed)?;
            let login = self.0.caller(&request).await?;
            let name = named.unwrap_or_default().prepared_statement_handle;
            let statement = login.statements.find(&name).map_err(|error| status(&error))?;
            return described(statement.prepared.schema());
        }
        // The other commands list what exists, and asking for their flight does nothing.
        let info = self.0.get_flight_info(request).await?.into_inner();
        Ok(Response::new(SchemaResult { schema: info.schema }))
    }

    /// Planning is quick and running starts with DoGet, so the first poll is the last.
    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let info = self.0.get_flight_info(request).await?.into_inner();
        Ok(Response::new(PollInfo {
            info: Some(info),
            flight_descriptor: None,
            progress: Some(1.0),
            expiration_time: None,
        }))
    }

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        self.0.handshake(request).await
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.0.list_flights(request).await
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.0.get_flight_info(request).await
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        self.0.do_get(request).await
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        self.0.do_put(request).await
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        self.0.do_action(request).await
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        self.0.list_actions(request).await
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.0.do_exchange(request).await
    }
}
