//! Flight SQL: commands to statements, batches to messages.
//!
//! GetFlightInfo plans and pins, DoGet runs and streams. Every statement goes through the caller's
//! [`Session`](crate::session::Session), whose lock is never held while rows travel. A ticket holds all
//! that its rows depend on, signed, so that whoever redeems it, here or at another server, gets the
//! same. Decides nothing about statements; what Postgres clients may do, these may.

mod actions;
mod credentials;
mod flights;
mod keys;
mod logins;
mod metadata;
mod options;
mod queries;
mod ready;
mod rows;
mod service;
mod sql_info;
mod statements;
mod status;
mod ticket;
mod types;
mod updates;

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Status};

use crate::error::{Error, ErrorKind, Result};
use crate::server::tls::{Protocol, Tls, TlsListener};
use crate::session::{Prepared, Services, Session};

use credentials::Peer;
use flights::Flights;
use keys::Keys;
use logins::{Login, Logins, Slot};
use status::status;

/// Calls of one connection under way; a client sends more when some have ended.
const CALLS_MAX: u32 = 1024;
/// What a client may send ahead of the server in one call, and in all calls of a connection.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// Serves until `shutdown`; returns when calls under way have ended.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    services: Arc<Services>,
    shutdown: CancellationToken,
) -> Result<()> {
    let message_bytes_max = services.config.limits.message_bytes_max;
    let patience = Duration::from_millis(services.config.limits.startup_timeout_ms);
    let service = FlightServiceServer::new(FlightSql::new(services).await?)
        .max_decoding_message_size(message_bytes_max);
    let server = Server::builder()
        // A client that is gone without a word is noticed, and its statements stop.
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .max_concurrent_streams(Some(CALLS_MAX))
        .initial_stream_window_size(Some(STREAM_WINDOW_BYTES))
        .initial_connection_window_size(Some(CONNECTION_WINDOW_BYTES))
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
    keys: Arc<Keys>,
    logins: Logins,
    flights: Arc<Flights>,
}

/// A call, and who makes it.
struct Call {
    login: Arc<Login>,
    headers: MetadataMap,
}

impl FlightSql {
    async fn new(services: Arc<Services>) -> Result<Self> {
        let keys = Arc::new(Keys::load(&services).await?);
        let logins = Logins::new(Arc::clone(&services), Arc::clone(&keys));
        Ok(Self { services, keys, logins, flights: Arc::default() })
    }

    /// Who makes this call.
    async fn call<T>(&self, request: &Request<T>) -> Result<Call, Status> {
        let peer = Peer::of(request);
        let headers = request.metadata().clone();
        let login = self.logins.caller(&headers, &peer).await.map_err(|error| status(&error))?;
        Ok(Call { login, headers })
    }

    /// The session that a statement of this transaction runs in; none means none.
    fn slot(login: &Login, transaction: Option<&Bytes>) -> Result<Slot, Status> {
        match transaction {
            Some(name) if !name.is_empty() => {
                login.transactions.find(name).map_err(|error| status(&error))
            }
            _ => Ok(Arc::clone(&login.session)),
        }
    }

    /// Plans a statement.
    async fn prepare(slot: &Slot, sql: &str) -> Result<Arc<Prepared>, Status> {
        let sql = types::number_placeholders(sql);
        let mut session = slot.lock().await;
        session.prepare(&sql, &[]).await.map_err(|error| status(&error))
    }

    /// A session for work beside the slot's own.
    async fn fork(slot: &Slot) -> Session {
        slot.lock().await.fork()
    }
}
