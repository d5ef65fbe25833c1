//! The files' desired state into the lake, as one epoch.

use crate::catalog::{self, Desired};
use crate::config::Paths;
use crate::error::{ErrorKind, Result};
use crate::lake::{Run, RunKind};
use crate::session::Services;

use super::{Failure, types};

/// What applying did.
#[derive(Debug, Clone, Default)]
pub struct AppliedFiles {
    /// One line a change, in words.
    pub changes: Vec<String>,
    /// Relations whose file is gone; they are kept.
    pub vanished: Vec<String>,
}

/// Reads and checks the files of `paths` and publishes what differs from the lake, as one epoch.
///
/// Nothing is half-applied: a mistake in any file, and the lake is not touched.
///
/// # Errors
/// Every mistake in the files; what the lake answered.
pub async fn apply_files(services: &Services, paths: &Paths) -> Result<AppliedFiles, Failure> {
    let desired = catalog::load_files(&paths.catalog, &paths.sql)?;
    apply(services, &desired).await
}

/// As [`apply_files`], with files that are read already.
pub(super) async fn apply(services: &Services, desired: &Desired) -> Result<AppliedFiles, Failure> {
    let mut attempt = 1;
    loop {
        match apply_once(services, desired).await {
            // Another server applied or made DDL meanwhile: plan again over what it left.
            Err(Failure::Error(error))
                if error.kind() == ErrorKind::SerializationFailure
                    && attempt < services.config.limits.attempts_max =>
            {
                attempt += 1;
                services.lake.poll_epoch().await?;
            }
            ended => return ended,
        }
    }
}

async fn apply_once(services: &Services, desired: &Desired) -> Result<AppliedFiles, Failure> {
    let base = services.lake.epoch();
    let current = services.catalog.at(&base).await?;
    let plan = catalog::plan_apply(&current, desired)?;
    let applied = AppliedFiles {
        changes: plan.changes.iter().map(ToString::to_string).collect(),
        vanished: plan.vanished.iter().map(ToString::to_string).collect(),
    };
    for relation in &applied.vanished {
        tracing::warn!(%relation, "its file is gone; the relation is kept");
    }
    if plan.state != *current {
        types::check_types(desired, Some(services)).await?;
        let run = Run::start(RunKind::Apply);
        let row = services.catalog.write(&run, &base, &plan.state).await?;
        services.lake.publish(&run, vec![row]).await?;
    }
    Ok(applied)
}
