//! Health and metrics over HTTP: `/healthz`, `/readyz`, `/metrics`.
//!
//! Alive is not ready: `/healthz` says the process runs, `/readyz` that it can answer queries now.
//! Shows counts only; nothing here reads a row of anybody's data.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Services;

use super::Health;
use super::tls::{Protocol, Tls, TlsListener};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Page {
    services: Arc<Services>,
    health: Arc<Health>,
}

/// Serves until `shutdown`.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    services: Arc<Services>,
    health: Arc<Health>,
    shutdown: CancellationToken,
) -> Result<()> {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(show_metrics))
        .with_state(Page { services, health });
    let until = async move { shutdown.cancelled().await };
    let served = match tls {
        None => axum::serve(listener, routes).with_graceful_shutdown(until).await,
        Some(tls) => {
            let listener = TlsListener::new(listener, tls, Protocol::Http, HANDSHAKE_TIMEOUT);
            axum::serve(listener, routes).with_graceful_shutdown(until).await
        }
    };
    served.map_err(|error| Error::new(ErrorKind::IoError, "http stopped").caused_by(error))
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(page): State<Page>) -> (StatusCode, String) {
    let unready = |why: String| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    if page.health.draining.load(Ordering::Relaxed) {
        return unready("the server is shutting down".to_owned());
    }
    if !page.health.lake_reachable.load(Ordering::Relaxed) {
        return unready("the lake does not answer".to_owned());
    }
    let epoch = page.services.lake.epoch();
    match page.services.catalog.at(&epoch).await {
        Ok(_) => (StatusCode::OK, format!("ready at epoch {}\n", epoch.epoch)),
        Err(error) => unready(error.public_message().to_owned()),
    }
}

async fn show_metrics(State(page): State<Page>) -> impl IntoResponse {
    let epoch = page.services.lake.epoch();
    let (allocated, resident) = memory();
    let text = page.services.engine.metrics().render(&[
        ("lakeport_epoch", "The newest epoch this process knows.", epoch.epoch),
        (
            "lakeport_relations_published",
            "Relations the newest epoch holds.",
            epoch.relations.len() as u64,
        ),
        ("lakeport_memory_allocated_bytes", "Memory in use.", allocated),
        ("lakeport_memory_resident_bytes", "Memory held from the system.", resident),
        (
            "lakeport_lake_reachable",
            "1 when the lake answered last time.",
            u64::from(page.health.lake_reachable.load(Ordering::Relaxed)),
        ),
    ]);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// Bytes allocated and resident, by jemalloc's own count; 0 where it is not the allocator.
#[cfg(not(target_env = "msvc"))]
fn memory() -> (u64, u64) {
    use tikv_jemalloc_ctl::{epoch, stats};
    // Statistics stand still until the epoch advances; a refusal leaves old figures, no more.
    let _ = epoch::advance();
    let bytes = |read: Result<usize, tikv_jemalloc_ctl::Error>| read.unwrap_or(0) as u64;
    (bytes(stats::allocated::read()), bytes(stats::resident::read()))
}

#[cfg(target_env = "msvc")]
fn memory() -> (u64, u64) {
    (0, 0)
}
