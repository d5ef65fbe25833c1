//! A server in this process, on free ports.

use std::sync::Arc;

use lakeport::config::Paths;
use lakeport::project::{self, Overrides};
use lakeport::server::{self, Addresses, Listeners};
use lakeport::session::Services;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_postgres::{NoTls, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;

use super::{Deployment, FlightClient};

/// Stops when dropped.
#[derive(Debug)]
pub struct TestServer {
    pub services: Arc<Services>,
    pub addresses: Addresses,
    shutdown: CancellationToken,
    task: Option<JoinHandle<lakeport::error::Result<()>>>,
}

impl Deployment {
    /// Applies the files and serves.
    pub async fn serve(&self) -> TestServer {
        TestServer::start(self.apply().await, &self.paths()).await
    }
}

impl TestServer {
    /// Serves services that are open already.
    pub async fn start(services: Arc<Services>, paths: &Paths) -> Self {
        let overrides = Overrides { pg_port: Some(0), flight_port: Some(0), http_port: Some(0) };
        let config = project::load_config(paths, overrides).unwrap();
        let listeners = Listeners::bind(&config).await.unwrap();
        let addresses = listeners.addresses().unwrap();
        let shutdown = CancellationToken::new();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(server::run(
            listeners,
            Arc::clone(&services),
            shutdown.clone(),
            move || ready.send(()).unwrap(),
        ));
        is_ready.await.unwrap();
        Self { services, addresses, shutdown, task: Some(task) }
    }

    /// A Postgres client as role `lakeport`.
    pub async fn client(&self) -> tokio_postgres::Client {
        self.client_as("lakeport").await
    }

    /// A Postgres client as any role.
    pub async fn client_as(&self, role: &str) -> tokio_postgres::Client {
        let address = self.addresses.postgres;
        let (client, connection) = tokio_postgres::Config::new()
            .host(address.ip().to_string())
            .port(address.port())
            .user(role)
            .dbname(self.services.config.name.as_str())
            .connect(NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    }

    /// A Flight SQL client as role `lakeport`.
    pub async fn flight(&self) -> FlightClient {
        self.flight_as("lakeport").await
    }

    /// A Flight SQL client as any role.
    pub async fn flight_as(&self, role: &str) -> FlightClient {
        FlightClient::connect(self.addresses.flight, role).await.unwrap()
    }

    /// Rows of the last statement of `sql` as text, over the simple protocol, as role `lakeport`.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        text_rows(&self.client().await, sql).await.unwrap()
    }

    /// `GET path` of the HTTP listener: status and body.
    pub async fn http(&self, path: &str) -> (u16, String) {
        http_get(self.addresses.http, path).await
    }

    /// Stops it and waits until it has drained.
    pub async fn stop(mut self) -> lakeport::error::Result<()> {
        self.shutdown.cancel();
        self.task.take().unwrap().await.unwrap()
    }

    /// Asks it to stop and goes on.
    pub fn begin_stop(&self) {
        self.shutdown.cancel();
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Rows of every statement of `sql` as text, over the simple protocol.
pub async fn text_rows(
    client: &tokio_postgres::Client,
    sql: &str,
) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}

/// A plain HTTP/1.0 GET: status and body.
pub async fn http_get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}
