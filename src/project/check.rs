//! Are the files right? Answered without touching a lake.

use crate::catalog::{self, RelationKind};
use crate::config::Paths;
use crate::error::Result;

use super::{Failure, Overrides, load_config, types};

/// What a check found when it found no mistake.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    /// Relations by kind: streaming tables, materialised views, others.
    pub streaming_tables: usize,
    /// Materialised views.
    pub views: usize,
    /// Everything else that can be read.
    pub others: usize,
    /// Roles.
    pub roles: usize,
}

/// Checks `lakeport.toml` and every SQL file; needs no lake and makes none.
///
/// # Errors
/// Every mistake, with file, line and column.
pub async fn check(paths: &Paths) -> Result<CheckReport, Failure> {
    load_config(paths, Overrides::default())?;
    let desired = catalog::load_files(&paths.catalog, &paths.sql)?;
    types::check_types(&desired, None).await?;
    let mut report = CheckReport { roles: desired.state.roles.len(), ..CheckReport::default() };
    for relation in desired.state.relations.values() {
        match relation.kind {
            RelationKind::Streaming(_) => report.streaming_tables += 1,
            RelationKind::MaterializedView(_) => report.views += 1,
            RelationKind::Quarantine { .. } => {}
            _ => report.others += 1,
        }
    }
    Ok(report)
}
