//! The commands of Flight SQL, one method each.

use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandGetCatalogs, CommandGetDbSchemas,
    CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, BasicAuth, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest,
    HandshakeResponse, Ticket,
};
use bytes::Bytes;
use datafusion::scalar::ScalarValue;
use futures::{Stream, TryStreamExt};
use prost::Message;
use std::pin::Pin;
use std::sync::Arc;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use crate::session::Prepared;

use super::logins::Login;
use super::rows::{self, FlightStream, parameters, put_batches, respond_batch, schema_bytes};
use super::status::{malformed, status, unencodable};
use super::{FlightSql, metadata, outer::Outer, peer, sql_info};

type Info = Result<Response<FlightInfo>, Status>;
type Rows = Result<Response<FlightStream>, Status>;
type Handshakes = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

/// The answer to GetFlightInfo: what the rows will look like, and the ticket that fetches them.
pub(super) fn info(
    descriptor: FlightDescriptor,
    schema: &Schema,
    ticket: &impl ProstMessageExt,
) -> Info {
    let ticket = Ticket::new(ticket.as_any().encode_to_vec());
    let info = FlightInfo::new()
        .try_with_schema(schema)
        .map_err(unencodable)?
        .with_descriptor(descriptor)
        .with_endpoint(FlightEndpoint::new().with_ticket(ticket))
        .with_total_records(-1)
        .with_total_bytes(-1);
    Ok(Response::new(info))
}

impl FlightSql {
    /// Runs a statement without rows while its flight is asked for: drivers send commands this way
    /// and may never fetch what they know to be empty. The ticket gives no rows.
    async fn run_command(
        &self,
        login: &Arc<Login>,
        prepared: &Arc<Prepared>,
        parameters: Vec<ScalarValue>,
        descriptor: FlightDescriptor,
    ) -> Info {
        let count = self.update(login, prepared, parameters).await?;
        let statement_handle = self.tickets.issue(login, self.prepare(login, "").await?);
        let ticket = TicketStatementQuery { statement_handle };
        let info = info(descriptor, &Schema::empty(), &ticket)?;
        Ok(info.map(|info| info.with_total_records(count)))
    }
}

#[tonic::async_trait]
impl FlightSqlService for FlightSql {
    type FlightService = Outer;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Handshakes>, Status> {
        let (headers, peer) = (request.metadata().clone(), peer(&request));
        // Clients that do not use the header send their credentials as the first message.
        let user = match headers.contains_key("authorization") {
            true => None,
            false => request
                .into_inner()
                .message()
                .await?
                .and_then(|first| BasicAuth::decode(first.payload).ok())
                .map(|basic| basic.username)
                .filter(|user| !user.is_empty()),
        };
        let token =
            self.logins.handshake(&headers, user, peer).await.map_err(|error| status(&error))?;
        let bearer = MetadataValue::try_from(format!("Bearer {token}")).map_err(unencodable)?;
        let answer = HandshakeResponse { protocol_version: 0, payload: Bytes::from(token) };
        let answers: Handshakes = Box::pin(futures::stream::once(async { Ok(answer) }));
        let mut response = Response::new(answers);
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        command: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Info {
        refuse_transaction(command.transaction_id.as_ref())?;
        let login = self.caller(&request).await?;
        let prepared = self.prepare(&login, &command.query).await?;
        let Some(schema) = prepared.schema() else {
            return self.run_command(&login, &prepared, Vec::new(), request.into_inner()).await;
        };
        let statement_handle = self.tickets.issue(&login, prepared);
        info(request.into_inner(), &schema, &TicketStatementQuery { statement_handle })
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Rows {
        let caller = self.caller(&request).await?;
        let name = ticket.statement_handle;
        let (login, prepared) =
            self.tickets.redeem(&name, &caller.role).map_err(|error| status(&error))?;
        self.run(&login, &prepared, Vec::new(), name).await
    }

    async fn get_flight_info_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Info {
        let login = self.caller(&request).await?;
        let statement = login
            .statements
            .find(&command.prepared_statement_handle)
            .map_err(|error| status(&error))?;
        let Some(schema) = statement.prepared.schema() else {
            let parameters = super::logins::lock(&statement.parameters).clone();
            let descriptor = request.into_inner();
            return self.run_command(&login, &statement.prepared, parameters, descriptor).await;
        };
        info(request.into_inner(), &schema, &command)
    }

    async fn do_get_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Rows {
        let login = self.caller(&request).await?;
        let name = command.prepared_statement_handle;
        let statement = login.statements.find(&name).map_err(|error| status(&error))?;
        let parameters = super::logins::lock(&statement.parameters).clone();
        self.run(&login, &statement.prepared, parameters, name).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        command: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        refuse_transaction(command.transaction_id.as_ref())?;
        let login = self.caller(&request).await?;
        let prepared = self.prepare(&login, &command.query).await?;
        let parameters: Vec<Field> = prepared
            .parameter_types()
            .iter()
            .enumerate()
            .map(|(index, ty): (usize, &DataType)| {
                Field::new(format!("${}", index + 1), ty.clone(), true)
            })
            .collect();
        // JDBC takes an empty schema to mean that the statement is an update.
        let dataset_schema = match prepared.schema() {
            Some(schema) => schema_bytes(&schema)?,
            None => Bytes::new(),
        };
        let handle = login.statements.keep(prepared).map_err(|error| status(&error))?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle,
            dataset_schema,
            parameter_schema: schema_bytes(&Schema::new(parameters))?,
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        command: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        let login = self.caller(&request).await?;
        login.statements.close(&command.prepared_statement_handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let login = self.caller(&request).await?;
        let name = command.prepared_statement_handle;
        let statement = login.statements.find(&name).map_err(|error| status(&error))?;
        let mut bound = None;
        let mut batches = put_batches(request);
        while let Some(batch) = batches.try_next().await.map_err(rows::undecodable)? {
            for row in 0..batch.num_rows() {
                if bound.is_some() {
                    return Err(malformed("a query takes one row of parameters"));
                }
                let types = statement.prepared.parameter_types();
                bound = Some(parameters(&batch, row, types).map_err(|error| status(&error))?);
            }
        }
        *super::logins::lock(&statement.parameters) = bound.unwrap_or_default();
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(name) })
    }

    async fn do_put_prepared_statement_update(
        &self,
        command: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let login = self.caller(&request).await?;
        let statement = login
            .statements
            .find(&command.prepared_statement_handle)
            .map_err(|error| status(&error))?;
        let types = statement.prepared.parameter_types();
        if types.is_empty() {
            return self.update(&login, &statement.prepared, Vec::new()).await;
        }
        let mut count = 0;
        let mut batches = put_batches(request);
        while let Some(batch) = batches.try_next().await.map_err(rows::undecodable)? {
            for row in 0..batch.num_rows() {
                let values = parameters(&batch, row, types).map_err(|error| status(&error))?;
                count += self.update(&login, &statement.prepared, values).await?;
            }
        }
        Ok(count)
    }

    async fn do_put_statement_update(
        &self,
        command: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        refuse_transaction(command.transaction_id.as_ref())?;
        let login = self.caller(&request).await?;
        let prepared = self.prepare(&login, &command.query).await?;
        self.update(&login, &prepared, Vec::new()).await
    }

    async fn get_flight_info_catalogs(
        &self,
        command: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.caller(&request).await?;
        info(request.into_inner(), &command.into_builder().schema(), &command)
    }

    async fn do_get_catalogs(&self, command: CommandGetCatalogs, request: Request<Ticket>) -> Rows {
        self.caller(&request).await?;
        let batch = metadata::catalogs(command, &self.services.config.name).map_err(unencodable)?;
        Ok(respond_batch(batch))
    }

    async fn get_flight_info_schemas(
        &self,
        command: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.caller(&request).await?;
        info(request.into_inner(), &command.clone().into_builder().schema(), &command)
    }

    async fn do_get_schemas(&self, command: CommandGetDbSchemas, request: Request<Ticket>) -> Rows {
        let login = self.caller(&request).await?;
        let visible = self.visible(&login).await?;
        let batch = metadata::schemas(command, &self.services.config.name, &visible)
            .map_err(unencodable)?;
        Ok(respond_batch(batch))
    }

    async fn get_flight_info_tables(
        &self,
        command: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.caller(&request).await?;
        info(request.into_inner(), &command.clone().into_builder().schema(), &command)
    }

    async fn do_get_tables(&self, command: CommandGetTables, request: Request<Ticket>) -> Rows {
        let login = self.caller(&request).await?;
        let visible = self.visible(&login).await?;
        let batch =
            metadata::tables(command, &self.services.config.name, &visible).map_err(unencodable)?;
        Ok(respond_batch(batch))
    }

    async fn get_flight_info_table_types(
        &self,
        command: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.caller(&request).await?;
        info(request.into_inner(), &command.into_builder().schema(), &command)
    }

    async fn do_get_table_types(
        &self,
        command: CommandGetTableTypes,
        request: Request<Ticket>,
    ) -> Rows {
        self.caller(&request).await?;
        Ok(respond_batch(metadata::table_types(command).map_err(unencodable)?))
    }

    async fn get_flight_info_sql_info(
        &self,
        command: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.caller(&request).await?;
        let schema = arrow_flight::sql::metadata::SqlInfoDataBuilder::schema();
        info(request.into_inner(), schema, &command)
    }

    async fn do_get_sql_info(&self, command: CommandGetSqlInfo, request: Request<Ticket>) -> Rows {
        self.caller(&request).await?;
        let known = sql_info::sql_info(&self.services.config).map_err(unencodable)?;
        Ok(respond_batch(command.into_builder(&known).build().map_err(unencodable)?))
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.caller(&request).await?;
        let known = sql_info::xdbc_types().map_err(unencodable)?;
        info(request.into_inner(), &command.into_builder(&known).schema(), &command)
    }

    async fn do_get_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        request: Request<Ticket>,
    ) -> Rows {
        self.caller(&request).await?;
        let known = sql_info::xdbc_types().map_err(unencodable)?;
        Ok(respond_batch(command.into_builder(&known).build().map_err(unencodable)?))
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Outer as FlightService>::DoActionStream>, Status> {
        self.action(request).await
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}

fn refuse_transaction(id: Option<&Bytes>) -> Result<(), Status> {
    match id {
        None => Ok(()),
        Some(id) if id.is_empty() => Ok(()),
        Some(_) => {
            Err(Status::unimplemented("0A000: transactions are not supported over Flight SQL"))
        }
    }
}
