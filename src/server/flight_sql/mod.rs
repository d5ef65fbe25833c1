//! Flight SQL: commands to statements, batches to messages.
//!
//! GetFlightInfo plans, DoGet runs and streams. Every statement goes through the caller's
//! [`Session`](crate::session::Session), whose lock is never held while rows travel. Decides nothing
//! about statements; what Postgres clients may do, these may.

mod actions;
mod logins;
mod metadata;
mod outer;
mod rows;
mod service;
mod sql_info;
mod statements;
mod status;
mod types;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::error::{Error, ErrorKind, Result};
use crate::server::tls::{Protocol, Tls, TlsListener};
use crate::session::{Outcome, Prepared, Services};

use logins::{Login, Logins};
use rows::FlightStream;
use statements::Tickets;
use status::status;

/// Serves until `shutdown`; returns when calls under way have ended.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    services: Arc<Services>,
    shutdown: CancellationToken,
) -> Result<()> {
    let message_bytes_max = services.config.limits.message_bytes_max;
    let patience = Duration::from_millis(services.config.limits.startup_timeout_ms);
    let service = FlightServiceServer::new(outer::Outer(FlightSql::new(services)))
        .max_decoding_message_size(message_bytes_max);
    let server = Server::builder()
        // A client that is gone without a word is noticed, and its statements stop.
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(service);
    let until = shutdown.cancelled_owned();
    let served = match tls {
        None => {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            server.serve_with_incoming_shutdown(incoming, until).await
        }
        Some(tls) => {
            let incoming = TlsListener::new(listener, tls, Protocol::Flight, patience).incoming();
            server.serve_with_incoming_shutdown(incoming, until).await
        }
    };
    served.map_err(|error| Error::new(ErrorKind::IoError, "flight stopped").caused_by(error))
}

/// The service: clients, and what they hold by name.
struct FlightSql {
    services: Arc<Services>,
    logins: Logins,
    tickets: Arc<Tickets>,
}

impl FlightSql {
    fn new(services: Arc<Services>) -> Self {
        Self { logins: Logins::new(Arc::clone(&services)), services, tickets: Arc::default() }
    }

    /// Who makes this call.
    async fn caller<T>(&self, request: &Request<T>) -> Result<Arc<Login>, Status> {
        let peer = peer(request);
        self.logins.caller(request.metadata(), peer).await.map_err(|error| status(&error))
    }

    /// Plans a statement in the caller's session.
    async fn prepare(&self, login: &Login, sql: &str) -> Result<Arc<Prepared>, Status> {
        let sql = types::number_placeholders(sql);
        let mut session = login.session.lock().await;
        session.prepare(&sql, &[]).await.map_err(|error| status(&error))
    }

    /// Runs a statement and streams what it gives.
    async fn run(
        &self,
        login: &Login,
        prepared: &Arc<Prepared>,
        parameters: Vec<datafusion::scalar::ScalarValue>,
        name: bytes::Bytes,
    ) -> Result<Response<FlightStream>, Status> {
        let running = self.tickets.run(name);
        let outcome = tokio::select! {
            outcome = execute(login, prepared, parameters) => outcome?,
            () = running.token.cancelled() => {
                let kind = ErrorKind::QueryCanceled;
                let error = Error::new(kind, "canceling statement due to user request");
                return Err(status(&error));
            }
        };
        Ok(rows::respond(outcome, running))
    }

    /// Runs a statement that has no rows; how many it touched, 0 where that means nothing.
    async fn update(
        &self,
        login: &Login,
        prepared: &Arc<Prepared>,
        parameters: Vec<datafusion::scalar::ScalarValue>,
    ) -> Result<i64, Status> {
        if prepared.schema().is_some() {
            return Err(status(
                &Error::new(ErrorKind::WrongObjectType, "the statement returns rows")
                    .hint("Ask for its rows with GetFlightInfo and DoGet."),
            ));
        }
        match execute(login, prepared, parameters).await? {
            Outcome::Command(tag) => {
                let count = tag.rsplit(' ').next().and_then(|word| word.parse().ok());
                Ok(count.unwrap_or(0))
            }
            _ => Ok(0),
        }
    }
}

async fn execute(
    login: &Login,
    prepared: &Arc<Prepared>,
    parameters: Vec<datafusion::scalar::ScalarValue>,
) -> Result<Outcome, Status> {
    let mut session = login.session.lock().await;
    session.execute(prepared, parameters).await.map_err(|error| status(&error))
}

fn peer<T>(request: &Request<T>) -> Option<SocketAddr> {
    request.remote_addr()
}
