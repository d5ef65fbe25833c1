//! Serving, ingesting and refreshing from the command line.

use std::str::FromStr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::catalog::{self, Desired};
use crate::config::Paths;
use crate::error::{Error, Result};
use crate::ingest::IngestRequest;
use crate::matview::{RefreshRequest, ViewState};
use crate::name::RelationName;
use crate::server::{self, Listeners};
use crate::session::Services;

use super::{Failure, Overrides, Reporter, apply, load_config, open, types};

/// Serves until `shutdown`. With `follow`, the catalog is the lake's and no file is read.
///
/// # Errors
/// Mistakes in files and ports in use, both before the lake is touched; what stopped the server.
pub async fn serve(
    paths: &Paths,
    overrides: Overrides,
    follow: bool,
    shutdown: CancellationToken,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let config = load_config(paths, overrides)?;
    let desired = if follow { None } else { Some(read_files(paths).await?) };
    let listeners = Listeners::bind(&config).await?;
    let services = open(paths, config).await?;
    if let Some(desired) = desired {
        reporter.applied(&apply::apply(&services, &desired).await?);
    }
    serve_with(listeners, services, shutdown, reporter).await
}

/// As [`serve`], with sockets that are bound and parts that are open already.
///
/// # Errors
/// What stopped the server.
pub async fn serve_with(
    listeners: Listeners,
    services: Arc<Services>,
    shutdown: CancellationToken,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let addresses = listeners.addresses()?;
    reporter.listening(&addresses);
    server::run(listeners, services, shutdown, || reporter.ready(&addresses)).await?;
    Ok(())
}

/// Runs the streaming tables named, or all, whatever their schedules.
///
/// # Errors
/// Mistakes in files; `UndefinedTable` for a name that is no streaming table; [`Failure::Partial`]
/// when a table failed.
pub async fn ingest(paths: &Paths, names: &[String], reporter: &Reporter) -> Result<(), Failure> {
    let services = prepare(paths, reporter).await?;
    let ended = ingest_with(&services, names, reporter).await;
    services.lake.settle().await;
    ended
}

/// Refreshes the views named, or all, whatever their schedules; ingests nothing.
///
/// # Errors
/// Mistakes in files; `UndefinedTable` for a name that is no materialised view;
/// [`Failure::Partial`] when a view failed.
pub async fn refresh(
    paths: &Paths,
    names: &[String],
    full: bool,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let services = prepare(paths, reporter).await?;
    let ended = refresh_with(&services, names, full, reporter).await;
    services.lake.settle().await;
    ended
}

/// As [`ingest`], with parts that are open already.
///
/// # Errors
/// As [`ingest`].
pub async fn ingest_with(
    services: &Services,
    names: &[String],
    reporter: &Reporter,
) -> Result<(), Failure> {
    let tables = parse_names(names)?;
    let progress = reporter.bars("ingesting");
    let report = attempt(services, async |attempt| {
        let request = IngestRequest { tables: tables.clone(), attempt, steps: progress.steps() };
        let report = services.ingester.ingest(&request).await?;
        let retry = report.tables.iter().find_map(|table| table.error.clone()).filter(retryable);
        Ok((report, retry))
    })
    .await?;
    compact(services).await;
    progress.finish();
    reporter.ingested(&report);
    match report.tables.iter().any(|table| table.error.is_some()) {
        true => Err(Failure::Partial),
        false => Ok(()),
    }
}

/// As [`refresh`], with parts that are open already.
///
/// # Errors
/// As [`refresh`].
pub async fn refresh_with(
    services: &Services,
    names: &[String],
    full: bool,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let views = parse_names(names)?;
    let progress = reporter.bar("refreshing");
    let request = RefreshRequest { views, full, attempt: 1, steps: progress.steps() };
    let report = services.refresher.refresh_with_retries(&request).await?;
    compact(services).await;
    progress.finish();
    reporter.refreshed(&report);
    match report.views.iter().any(|view| matches!(view.state, ViewState::Failed(_))) {
        true => Err(Failure::Partial),
        false => Ok(()),
    }
}

/// Brings small files together where a run has left many; a run has not failed if this does.
async fn compact(services: &Services) {
    if let Err(error) = services.maintenance.compact().await {
        tracing::warn!(%error, "small files could not be looked for");
    }
}

fn retryable(error: &Error) -> bool {
    error.kind().retryable()
}

/// Tries again on conflicts and I/O errors, with a pause that doubles; never on a data error.
async fn attempt<T>(
    services: &Services,
    run: impl AsyncFn(u32) -> Result<(T, Option<Error>)>,
) -> Result<T> {
    let attempts_max = services.config.limits.attempts_max;
    let mut pause = std::time::Duration::from_millis(200);
    let mut attempt = 1;
    loop {
        let ended = run(attempt).await;
        let error = match &ended {
            Ok((_, None)) => None,
            Ok((_, Some(error))) => Some(error.clone()),
            Err(error) => Some(error.clone()).filter(retryable),
        };
        match error {
            Some(error) if attempt < attempts_max => {
                tracing::warn!(%error, attempt, "trying again");
                services.lake.clock().sleep(pause).await;
                pause *= 2;
                attempt += 1;
            }
            _ => return ended.map(|(report, _)| report),
        }
    }
}

pub(super) fn parse_names(names: &[String]) -> Result<Option<Vec<RelationName>>> {
    if names.is_empty() {
        return Ok(None);
    }
    let parsed: Result<_> = names.iter().map(|name| RelationName::from_str(name)).collect();
    parsed.map(Some)
}

/// Reads the files and opens the lake, in this order, and applies the one to the other.
async fn prepare(paths: &Paths, reporter: &Reporter) -> Result<Arc<Services>, Failure> {
    let config = load_config(paths, Overrides::default())?;
    let desired = read_files(paths).await?;
    let services = open(paths, config).await?;
    reporter.applied(&apply::apply(&services, &desired).await?);
    Ok(services)
}

/// Reads the files. Where no lake is yet, types are checked too, so that a mistake makes none.
async fn read_files(paths: &Paths) -> Result<Desired, Failure> {
    let desired = catalog::load_files(&paths.catalog, &paths.sql)?;
    if !paths.dir.exists() {
        types::check_types(&desired, None).await?;
    }
    Ok(desired)
}
