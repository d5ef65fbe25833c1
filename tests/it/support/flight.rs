//! A Flight SQL client that a test can read.

use std::net::SocketAddr;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{Any, CommandStatementIngest, DoPutUpdateResult, ProstMessageExt};
use arrow_flight::{
    Action, FlightData, FlightDescriptor, FlightInfo, PutResult, SchemaResult, Ticket,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Logged in by handshake; the token goes with every call.
#[derive(Debug)]
pub struct FlightClient {
    pub inner: FlightSqlServiceClient<Channel>,
}

impl FlightClient {
    /// Connects and logs in.
    pub async fn connect(address: SocketAddr, role: &str) -> Result<Self, FlightError> {
        let mut client = Self::anonymous(address).await;
        client.inner.handshake(role, "any password").await?;
        Ok(client)
    }

    /// Connects without logging in.
    pub async fn anonymous(address: SocketAddr) -> Self {
        let channel = Endpoint::new(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { inner: FlightSqlServiceClient::new(channel) }
    }

    /// Plans and executes, all batches.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<RecordBatch>, FlightError> {
        let info = self.inner.execute(sql.to_owned(), None).await?;
        self.fetch(info).await
    }

    /// Runs a statement without rows; the number of rows it touched.
    pub async fn update(&mut self, sql: &str) -> Result<i64, FlightError> {
        self.inner.execute_update(sql.to_owned(), None).await
    }

    /// All batches of a flight's endpoints.
    pub async fn fetch(&mut self, info: FlightInfo) -> Result<Vec<RecordBatch>, FlightError> {
        let mut batches = Vec::new();
        for endpoint in info.endpoint {
            batches.extend(self.get(endpoint.ticket.unwrap()).await?);
        }
        Ok(batches)
    }

    /// All batches of one ticket.
    pub async fn get(&mut self, ticket: Ticket) -> Result<Vec<RecordBatch>, FlightError> {
        let stream = self.inner.do_get(ticket).await?;
        stream.try_collect().await
    }

    /// Once more the same client, on the same connection.
    pub fn again(&self) -> Self {
        Self { inner: self.inner.clone() }
    }

    /// A request with the token.
    pub fn request<T>(&self, body: T) -> Request<T> {
        let mut request = Request::new(body);
        if let Some(token) = self.inner.token() {
            let bearer = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", bearer);
        }
        request
    }

    /// GetFlightInfo of any command.
    pub async fn info(&mut self, command: &impl ProstMessageExt) -> Result<FlightInfo, Status> {
        let request = self.request(descriptor(command));
        Ok(self.inner.inner_mut().get_flight_info(request).await?.into_inner())
    }

    /// GetSchema of any command.
    pub async fn schema(&mut self, command: &impl ProstMessageExt) -> Result<Schema, Status> {
        let request = self.request(descriptor(command));
        let answer: SchemaResult = self.inner.inner_mut().get_schema(request).await?.into_inner();
        Ok(Schema::try_from(&answer).unwrap())
    }

    /// GetFlightInfo and DoGet of any command; the schema as announced and all batches.
    pub async fn listed(&mut self, command: &impl ProstMessageExt) -> (Schema, Vec<RecordBatch>) {
        let info = self.info(command).await.unwrap();
        let announced = info.clone().try_decode_schema().unwrap();
        assert_eq!(self.schema(command).await.unwrap(), announced);
        (announced, self.fetch(info).await.unwrap())
    }

    /// An action and the bodies of its results.
    pub async fn act(&mut self, kind: &str, body: Vec<u8>) -> Result<Vec<Bytes>, Status> {
        let request = self.request(Action::new(kind, body));
        let results = self.inner.inner_mut().do_action(request).await?.into_inner();
        results.map_ok(|result| result.body).try_collect().await
    }

    /// An action whose messages are wrapped.
    pub async fn act_on<R: ProstMessageExt>(
        &mut self,
        kind: &str,
        message: &impl ProstMessageExt,
    ) -> Result<Option<R>, Status> {
        let bodies = self.act(kind, message.as_any().encode_to_vec()).await?;
        let unpack = |body: &Bytes| Any::decode(&**body).unwrap().unpack().unwrap().unwrap();
        Ok(bodies.first().map(unpack))
    }

    /// DoPut of messages; the metadata of the results.
    pub async fn put(
        &mut self,
        messages: impl Stream<Item = FlightData> + Send + 'static,
    ) -> Result<Vec<Bytes>, Status> {
        let request = self.request(messages);
        let results = self.inner.inner_mut().do_put(request).await?.into_inner();
        results.map_ok(|result: PutResult| result.app_metadata).try_collect().await
    }

    /// Rows in bulk; how many were taken.
    pub async fn ingest(
        &mut self,
        command: &CommandStatementIngest,
        batches: Vec<RecordBatch>,
    ) -> Result<i64, Status> {
        let schema = batches[0].schema();
        let messages = messages(command, schema, batches).await;
        let results = self.put(futures::stream::iter(messages)).await?;
        Ok(DoPutUpdateResult::decode(&*results[0]).unwrap().record_count)
    }
}

/// The descriptor of a command.
pub fn descriptor(command: &impl ProstMessageExt) -> FlightDescriptor {
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

/// What a DoPut of batches sends.
pub async fn messages(
    command: &impl ProstMessageExt,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Vec<FlightData> {
    FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_flight_descriptor(Some(descriptor(command)))
        .build(futures::stream::iter(batches.into_iter().map(Ok)))
        .map(|data| data.unwrap())
        .collect()
        .await
}
