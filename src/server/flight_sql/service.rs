//! The Flight service: each call taken apart and handed to who answers it.
//!
//! The Flight crate's own service for Flight SQL leaves calls out and answers garbage as a defect of the
//! server, so the commands are told apart here.

use std::pin::Pin;

use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{
    Action, ActionType, BasicAuth, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint,
    FlightInfo, HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use crate::error::Error;

use super::credentials::Peer;
use super::metadata::Listing;
use super::rows::{FlightStream, respond_batch, schema_bytes};
use super::status::{malformed, status, unencodable};
use super::{Call, FlightSql, actions};

pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// One answer as a stream of one.
pub(super) fn one<T: Send + 'static>(answer: T) -> Answers<T> {
    futures::stream::once(async { Ok(answer) }).boxed()
}

fn command_of(bytes: &[u8]) -> Result<Command, Status> {
    let message = Any::decode(bytes)
        .map_err(|error| malformed(format!("this is no Flight SQL message: {error}")))?;
    Command::try_from(message)
        .map_err(|error| malformed(format!("the Flight SQL message does not read: {error}")))
}

fn described(descriptor: &FlightDescriptor) -> Result<Command, Status> {
    if descriptor.r#type() != DescriptorType::Cmd {
        let error = Error::unsupported("a flight by path");
        return Err(status(&error.hint("Flights are asked for by commands of Flight SQL.")));
    }
    command_of(&descriptor.cmd)
}

pub(super) fn unsupported(command: &Command) -> Status {
    let name = command.type_url().rsplit('.').next().unwrap_or_default();
    status(&Error::unsupported(format!("the command \"{name}\"")))
}

impl FlightSql {
    async fn info(
        &self,
        call: &Call,
        command: Command,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        match command {
            Command::CommandStatementQuery(query) => {
                self.statement_info(call, query, descriptor).await
            }
            Command::CommandPreparedStatementQuery(query) => {
                self.prepared_info(call, query, descriptor).await
            }
            command => {
                let listing = Listing::of(command.clone()).ok_or_else(|| unsupported(&command))?;
                let ticket = Ticket::new(command.into_any().encode_to_vec());
                let info = FlightInfo::new()
                    .try_with_schema(&listing.schema()?)
                    .map_err(unencodable)?
                    .with_descriptor(descriptor)
                    .with_endpoint(FlightEndpoint::new().with_ticket(ticket))
                    .with_total_records(-1)
                    .with_total_bytes(-1);
                Ok(info)
            }
        }
    }
}

#[tonic::async_trait]
impl FlightService for FlightSql {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = FlightStream;
    type DoPutStream = Answers<PutResult>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;
    type DoExchangeStream = Answers<FlightData>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let (headers, peer) = (request.metadata().clone(), Peer::of(&request));
        // Clients that do not use the header send their credentials as the first message.
        let basic = match headers.contains_key("authorization") {
            true => None,
            false => request
                .into_inner()
                .message()
                .await?
                .and_then(|first| BasicAuth::decode(first.payload).ok())
                .filter(|basic| !basic.username.is_empty())
                .map(|basic| (basic.username, basic.password)),
        };
        let token = self.logins.handshake(&headers, basic, &peer).await;
        let token = token.map_err(|error| status(&error))?;
        let bearer = MetadataValue::try_from(format!("Bearer {token}")).map_err(unencodable)?;
        let answer = HandshakeResponse { protocol_version: 0, payload: Bytes::from(token) };
        let mut response = Response::new(one(answer));
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.call(&request).await?;
        let error = Error::unsupported("listing flights");
        Err(status(&error.hint("CommandGetTables lists what there is.")))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let call = self.call(&request).await?;
        let descriptor = request.into_inner();
        let command = described(&descriptor)?;
        self.info(&call, command, descriptor).await.map(Response::new)
    }

    /// Planning is quick and running starts with DoGet, so the first poll is the last.
    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let call = self.call(&request).await?;
        let descriptor = request.into_inner();
        let command = described(&descriptor)?;
        let info = self.info(&call, command, descriptor).await?;
        let expiration_time = info.endpoint.first().and_then(|first| first.expiration_time);
        Ok(Response::new(PollInfo {
            info: Some(info),
            flight_descriptor: None,
            progress: Some(1.0),
            expiration_time,
        }))
    }

    /// What the rows would look like; nothing is run and nothing kept for them.
    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let call = self.call(&request).await?;
        let schema = match described(request.get_ref())? {
            Command::CommandStatementQuery(query) => {
                let slot = Self::slot(&call.login, query.transaction_id.as_ref())?;
                Self::prepare(&slot, &query.query).await?.schema()
            }
            Command::CommandPreparedStatementQuery(query) => {
                let name = query.prepared_statement_handle;
                let found = call.login.statements.find(&name);
                found.map_err(|error| status(&error))?.prepared.schema()
            }
            command => {
                let listing = Listing::of(command.clone()).ok_or_else(|| unsupported(&command))?;
                Some(listing.schema()?.into())
            }
        };
        let schema = schema.unwrap_or_else(|| arrow::datatypes::Schema::empty().into());
        Ok(Response::new(SchemaResult { schema: schema_bytes(&schema)? }))
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let call = self.call(&request).await?;
        match command_of(&request.get_ref().ticket)? {
            Command::TicketStatementQuery(ticket) => {
                self.fetch(&call, &ticket.statement_handle).await
            }
            Command::CommandPreparedStatementQuery(query) => {
                self.fetch_prepared(&call, &query).await
            }
            command => {
                let listing = Listing::of(command.clone()).ok_or_else(|| unsupported(&command))?;
                self.list(&call, listing).await.map(respond_batch)
            }
        }
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let call = self.call(&request).await?;
        let mut data = request.into_inner().peekable();
        let descriptor = match Pin::new(&mut data).peek().await {
            Some(Ok(first)) => first.flight_descriptor.clone(),
            Some(Err(error)) => return Err(error.clone()),
            None => return Err(malformed("the call carries no message")),
        };
        let descriptor = descriptor.ok_or_else(|| {
            malformed("the first message says not what it is about: a descriptor")
        })?;
        let command = described(&descriptor)?;
        // A first message without a header is about the call and no part of the batches.
        let told =
            matches!(Pin::new(&mut data).peek().await, Some(Ok(f)) if f.data_header.is_empty());
        if told {
            data.next().await;
        }
        let app_metadata = self.put(&call, command, data.boxed()).await?;
        Ok(Response::new(one(PutResult { app_metadata })))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let call = self.call(&request).await?;
        let body = self.act(&call, request.into_inner()).await?;
        Ok(Response::new(match body {
            Some(body) => one(arrow_flight::Result { body }),
            None => futures::stream::empty().boxed(),
        }))
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        self.call(&request).await?;
        let known = actions::ACTIONS.iter().map(|(name, description)| {
            Ok(ActionType { r#type: (*name).to_owned(), description: (*description).to_owned() })
        });
        Ok(Response::new(futures::stream::iter(known.collect::<Vec<_>>()).boxed()))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.call(&request).await?;
        Err(status(&Error::unsupported("DoExchange")))
    }
}
