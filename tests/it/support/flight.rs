//! A Flight SQL client that a test can read.

use std::net::SocketAddr;

use arrow::array::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightInfo, Ticket};
use futures::TryStreamExt;
use tonic::transport::{Channel, Endpoint};

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
}
