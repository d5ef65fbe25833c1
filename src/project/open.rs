//! A deployment's folders to running parts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Paths};
use crate::error::{Error, ErrorKind, Result};
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
    check_private_places(paths, &config)?;
    let server = &mut config.server;
    server.pg_port = overrides.pg_port.unwrap_or(server.pg_port);
    server.flight_port = overrides.flight_port.unwrap_or(server.flight_port);
    server.http_port = overrides.http_port.unwrap_or(server.http_port);
    Ok(config)
}

/// Keeps secrets out of folders that git, the lake, or SQL could show to others.
///
/// # Errors
/// `ConfigFileError`.
pub(super) fn check_private_places(paths: &Paths, config: &Config) -> Result<()> {
    let Paths { catalog, sql, dir, landing } = paths;
    let mut public = vec![catalog, sql, dir, landing];
    public.extend(&config.storage.allowed);
    for file in [&config.auth.passwords, &config.tls.key].into_iter().flatten() {
        let place = settled(file);
        let shown = public.iter().map(|folder| settled(folder)).find(|f| place.starts_with(f));
        let shown = shown.or_else(|| {
            let mut above = place.ancestors().skip(1);
            above.find(|folder| folder.join(".git").exists()).map(Path::to_owned)
        });
        if let Some(folder) = shown {
            return Err(Error::new(
                ErrorKind::ConfigFileError,
                format!(
                    "the secret file \"{}\" lies in \"{}\"",
                    file.display(),
                    folder.display()
                ),
            )
            .hint(
                "Keep it outside of git, the lake, and every folder that the server reads files from.",
            ));
        }
    }
    Ok(())
}

/// A path without links and `..`, as far as it exists.
fn settled(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(real) = absolute.canonicalize() {
        return real;
    }
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => settled(parent).join(name),
        _ => absolute,
    }
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
    let lake = Lake::open(root, clock).await?;
    assemble(lake, Arc::new(config), paths.landing.clone()).await
}

/// Everything that works on a lake; each part makes its tables of `lakeport` readable.
pub(super) async fn assemble(
    lake: Lake,
    config: Arc<Config>,
    landing: PathBuf,
) -> Result<Arc<Services>> {
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
        landing,
    );
    Ok(Services::new(lake, catalog, engine, refresher, ingester, config))
}
