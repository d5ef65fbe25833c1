//! The listeners: Postgres, Flight SQL, HTTP. Translates, decides nothing.
//!
//! Its one idea: [`Listeners`] are bound before anything else happens, so a port in use is known
//! before the lake is touched; [`run`] then serves them until told to stop, lets running statements
//! end, and returns. What a statement means is `session`'s business; no plan is ever seen here.

mod flight_sql;
mod http;
pub mod pgwire;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::scheduler::{Scheduler, Upkeep};
use crate::session::{Passwords, Services};

pub use self::tls::Tls;

/// How long health checks under way may take once everything else has ended.
const HTTP_PATIENCE: Duration = Duration::from_secs(1);

/// Bound sockets that nobody answers yet.
#[derive(Debug)]
pub struct Listeners {
    postgres: TcpListener,
    flight: TcpListener,
    http: TcpListener,
    tls: Option<Arc<Tls>>,
}

/// Where the listeners are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Postgres protocol.
    pub postgres: SocketAddr,
    /// Flight SQL.
    pub flight: SocketAddr,
    /// Health and metrics.
    pub http: SocketAddr,
}

impl Listeners {
    /// Binds all three, with the encryption and the passwords that are configured.
    ///
    /// # Errors
    /// `ObjectInUse` naming the address and the flag that changes it; `IoError`; `ConfigFileError`
    /// for files of `[tls]` and `[auth]` that do not load.
    pub async fn bind(config: &Config) -> Result<Self> {
        let tls = Tls::load(&config.tls, &config.auth)?;
        Passwords::new(config.auth.passwords.clone()).check()?;
        let config = &config.server;
        Ok(Self {
            postgres: bind(config.address, config.pg_port, "--pg-port").await?,
            flight: bind(config.address, config.flight_port, "--flight-port").await?,
            http: bind(config.address, config.http_port, "--http-port").await?,
            tls,
        })
    }

    /// Where they are; a port 0 has become a real one.
    pub fn addresses(&self) -> Result<Addresses> {
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|error| {
                Error::new(ErrorKind::IoError, "a listener has no address").caused_by(error)
            })
        };
        Ok(Addresses {
            postgres: address(&self.postgres)?,
            flight: address(&self.flight)?,
            http: address(&self.http)?,
        })
    }
}

async fn bind(address: IpAddr, port: u16, flag: &str) -> Result<TcpListener> {
    let address = SocketAddr::new(address, port);
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Error::new(
            ErrorKind::ObjectInUse,
            format!("address {address} is already in use"),
        )
        .hint(format!(
            "Another process listens there. Choose another port with {flag}; 0 picks a free one."
        )),
        _ => Error::new(ErrorKind::IoError, format!("could not listen on {address}: {error}"))
            .hint(format!("Choose another port with {flag}; 0 picks a free one.")),
    })
}

/// What health checks see.
#[derive(Debug, Default)]
struct Health {
    /// The lake answered last time it was asked.
    lake_reachable: AtomicBool,
    /// A stop was asked for; running statements end.
    draining: AtomicBool,
}

/// Serves until `shutdown`, then waits up to `drain_ms` for running statements. `ready` is called
/// once everything listens.
///
/// # Errors
/// What stopped a listener before it was told to.
pub async fn run(
    listeners: Listeners,
    services: Arc<Services>,
    shutdown: CancellationToken,
    ready: impl FnOnce(),
) -> Result<()> {
    let health = Arc::new(Health::default());
    health.lake_reachable.store(true, Ordering::Relaxed);
    // Health and metrics answer until everything else has ended.
    let stop_http = CancellationToken::new();
    let http = tokio::spawn(http::serve(
        listeners.http,
        listeners.tls.clone(),
        Arc::clone(&services),
        Arc::clone(&health),
        stop_http.clone(),
    ));

    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    if let Some(tls) = &listeners.tls {
        let following = Arc::clone(tls).follow(Arc::clone(services.lake.clock()), shutdown.clone());
        tasks.spawn(async move {
            following.await;
            Ok(())
        });
    }
    tasks.spawn(pgwire::serve(
        listeners.postgres,
        listeners.tls.clone(),
        Arc::clone(&services),
        shutdown.clone(),
    ));
    tasks.spawn(flight_sql::serve(
        listeners.flight,
        listeners.tls.clone(),
        Arc::clone(&services),
        shutdown.clone(),
    ));
    tasks.spawn(follow_epochs(Arc::clone(&services), Arc::clone(&health), shutdown.clone()));
    let scheduler = Scheduler::new(
        services.lake.clone(),
        Arc::clone(&services.catalog),
        Arc::clone(&services.config),
        Arc::clone(&services.ingester),
        Arc::clone(&services.refresher),
    );
    let until = shutdown.clone();
    tasks.spawn(async move {
        scheduler.run(until).await;
        Ok(())
    });
    let upkeep = Upkeep::new(services.lake.clone(), Arc::clone(&services.maintenance));
    let until = shutdown.clone();
    tasks.spawn(async move {
        upkeep.run(until).await;
        Ok(())
    });
    ready();

    let ended = wait(&mut tasks, &shutdown).await;
    health.draining.store(true, Ordering::Relaxed);
    shutdown.cancel();
    drain(&mut tasks, Duration::from_millis(services.config.server.drain_ms)).await;
    stop_http.cancel();
    // A client that never closes its connection does not keep the process.
    match tokio::time::timeout(HTTP_PATIENCE, http).await {
        Ok(http) => ended.and(http.unwrap_or_else(|error| Err(crashed(error)))),
        Err(_) => ended,
    }
}

/// Waits for the stop; an error that comes before it ends the server.
async fn wait(tasks: &mut JoinSet<Result<()>>, shutdown: &CancellationToken) -> Result<()> {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            ended = tasks.join_next() => match ended {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return Err(error),
                Some(Err(error)) => return Err(crashed(error)),
                None => return Ok(()),
            },
        }
    }
}

/// Lets tasks end by themselves for at most `patience`, then stops them.
async fn drain(tasks: &mut JoinSet<Result<()>>, patience: Duration) {
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(patience, all).await.is_err() {
        tracing::warn!(left = tasks.len(), "statements still ran when the time to drain was over");
        tasks.shutdown().await;
    }
}

fn crashed(error: tokio::task::JoinError) -> Error {
    Error::internal("a listener's task ended abnormally").caused_by(error)
}

/// Asks the lake for newer epochs, as often as the configuration says.
async fn follow_epochs(
    services: Arc<Services>,
    health: Arc<Health>,
    shutdown: CancellationToken,
) -> Result<()> {
    let clock = Arc::clone(services.lake.clock());
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = clock.sleep(services.config.freshness()) => {}
        }
        let reachable = match services.lake.poll_epoch().await {
            Ok(_) => true,
            Err(error) => {
                services.engine.metrics().poll_failed();
                if health.lake_reachable.load(Ordering::Relaxed) {
                    tracing::error!(%error, "the lake does not answer; the last epoch is served");
                }
                false
            }
        };
        if reachable && !health.lake_reachable.load(Ordering::Relaxed) {
            tracing::info!("the lake answers again");
        }
        health.lake_reachable.store(reachable, Ordering::Relaxed);
    }
}
