//! A deployment's folders to running parts.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Paths};
use crate::error::Result;
use crate::ingest::Ingester;
use crate::lake::{Lake, LakeRoot};
use crate::matview::Refresher;
use crate::query::Engine;
use crate::session::Services;

/// What flags say over `lakeport.toml`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overrides {
    /// `--pg-port`.
    pub pg_port: Option<u16>,
    /// `--flight-port`.
    pub flight_port: Option<u16>,
    /// `--http-port`.
    pub http_port: Option<u16>,
}

/// Reads `lakeport.toml`, flags winning.
///
/// # Errors
/// As [`Config::load`].
pub fn load_config(paths: &Paths, overrides: Overrides) -> Result<Config> {
    let mut config = Config::load(&paths.catalog)?;
    let server = &mut config.server;
    server.pg_port = overrides.pg_port.unwrap_or(server.pg_port);
    server.flight_port = overrides.flight_port.unwrap_or(server.flight_port);
    server.http_port = overrides.http_port.unwrap_or(server.http_port);
    Ok(config)
}

/// Opens the lake and what works on it. Applies no files.
///
/// # Errors
/// `FeatureNotSupported` for a lake of a newer version, `IoError`.
pub async fn open(paths: &Paths, config: Config) -> Result<Arc<Services>> {
    open_at(LakeRoot::Folder(paths.dir.clone()), paths, config, Arc::new(SystemClock)).await
}

/// As [`open`], with a lake and a clock of the caller's choice.
///
/// # Errors
/// As [`open`].
pub async fn open_at(
    root: LakeRoot,
    paths: &Paths,
    config: Config,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Services>> {
    let config = Arc::new(config);
    let lake = Lake::open(root, clock).await?;
    let catalog = Catalog::open(lake.clone()).await?;
    let engine = Engine::new(lake.clone(), Arc::clone(&catalog), Arc::clone(&config))?;
    let refresher = Refresher::new(
        lake.clone(),
        Arc::clone(&catalog),
        Arc::clone(&engine),
        Arc::clone(&config),
    );
    let ingester = Ingester::new(
        lake.clone(),
        Arc::clone(&catalog),
        Arc::clone(&engine),
        Arc::clone(&config),
        paths.landing.clone(),
    );
    Ok(Services::new(lake, catalog, engine, refresher, ingester, config))
}
