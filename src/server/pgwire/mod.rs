//! The Postgres protocol, version 3: frames and values; what they mean is the session's business.
//!
//! Its one idea: a connection is one task with one buffer each way. Rows go from the query's stream
//! into that buffer and out as fast as the client takes them; nothing else holds them. Messages to
//! the client are encoded by pgwire; those from it are cut and checked in `message`.

mod answer;
mod connection;
mod copy;
mod decode;
mod decode_array;
mod decode_textual;
mod encode;
mod encoding;
mod extended;
mod message;
mod rows;
mod sasl;
mod startup;
mod types;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::encode::{EncodedBatch, Format, RowEncoder};
pub use self::types::{PgType, pg_type_of};

use crate::error::Result;
use crate::server::tls::Tls;
use crate::session::{Canceller, Services};

/// Sockets that are open without a session: those starting, and those that bring a cancel.
const OPENING_MAX: usize = 128;
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Sessions that can be cancelled, by what their clients were told at start-up.
#[derive(Debug, Default)]
pub(super) struct Cancels {
    running: Mutex<HashMap<(i32, i32), Canceller>>,
}

impl Cancels {
    /// Registers a session under its process id and a secret that nobody can guess.
    fn register(self: &Arc<Self>, pid: i32, canceller: Canceller) -> CancelKey {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = rand::random();
        running.insert((pid, secret), canceller);
        CancelKey { pid, secret, cancels: self.clone() }
    }

    /// Stops what the session of this key runs now; unknown keys are ignored, without an answer.
    fn cancel(&self, pid: i32, secret: i32) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(canceller) = running.get(&(pid, secret)) {
            canceller.cancel();
        }
    }
}

/// A session's entry among those that can be cancelled; dropping it removes it.
#[derive(Debug)]
pub(super) struct CancelKey {
    pid: i32,
    secret: i32,
    cancels: Arc<Cancels>,
}

impl Drop for CancelKey {
    fn drop(&mut self) {
        let mut running = self.cancels.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&(self.pid, self.secret));
    }
}

/// Serves until `shutdown`, then lets running statements end and returns when all are.
///
/// Each connection is a task: one that panics ends alone.
///
/// # Errors
/// None at present; a socket that fails is that client's end only.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    services: Arc<Services>,
    shutdown: CancellationToken,
) -> Result<()> {
    let cancels = Arc::new(Cancels::default());
    let sockets_max = services.config.limits.connections_max.saturating_add(OPENING_MAX);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => log_panic(ended),
            accepted = listener.accept() => match accepted {
                // Past the bound a socket is closed at once; clients see a broken connection.
                Ok(_) if connections.len() >= sockets_max => {}
                Ok((socket, peer)) => {
                    connections.spawn(connection::run(
                        socket,
                        peer,
                        tls.clone(),
                        services.clone(),
                        cancels.clone(),
                        shutdown.clone(),
                    ));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    services.lake.clock().sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        log_panic(ended);
    }
    Ok(())
}

fn log_panic(ended: std::result::Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}
