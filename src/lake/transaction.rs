//! Rows of a transaction that also changes the catalog: in the table's log before its epoch, seen only with it.
//!
//! Its one idea: such a commit carries a `txn` with the catalog's version that belongs to it. Until an epoch names
//! it, readers stop before it and writers do not build upon it; once an epoch has a later catalog, no epoch ever
//! will, and the next writer takes it back. Refuses to know what a catalog is.

use crate::error::Result;
use crate::name::{RelationId, Version};

use super::commit::{Commit, CommitMode, CommitOutcome};
use super::epoch::{EpochState, Published, Run, RunKind};
use super::log;
use super::store::{Lake, Location};
use super::table::Table;

/// The `txn` of such a commit; its version is the catalog's.
pub const TRANSACTION: &str = "lakeport/transaction";
/// The operation's name of a commit that takes one back.
const TAKEN_BACK: &str = "ROLLBACK";

/// A commit that no epoch names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// The table's version.
    pub version: Version,
    /// The catalog's version that is to be published with it.
    pub catalog: Version,
}

impl Lake {
    /// A table that people write, as `epoch` lets it be seen: its newest version, but for what belongs to a
    /// transaction that the epoch does not have.
    pub async fn seen(
        &self,
        epoch: &EpochState,
        id: RelationId,
        location: &Location,
    ) -> Result<Option<Table>> {
        let Some(newest) = self.newest(location).await? else { return Ok(None) };
        match self.doubt(epoch, id, &newest).await? {
            Some(doubt) => {
                self.at_version(location, doubt.version.saturating_sub(1)).await.map(Some)
            }
            None => Ok(Some(newest)),
        }
    }

    /// The first commit up to `table` that belongs to a transaction which `epoch` does not have.
    pub async fn doubt(
        &self,
        epoch: &EpochState,
        id: RelationId,
        table: &Table,
    ) -> Result<Option<Doubt>> {
        let published = epoch.relations.get(&id);
        let Some(published) = published.filter(|known| known.location == *table.location()) else {
            return Ok(None);
        };
        if table.version() <= published.version || table.progress(TRANSACTION).await?.is_none() {
            return Ok(None);
        }
        for version in published.version + 1..=table.version() {
            let entry = log::read(table.log(), table.location(), version).await?;
            let applications = entry.into_iter().flat_map(|entry| entry.applications);
            let mut catalogs = applications.filter(|(app_id, _)| app_id == TRANSACTION);
            if let Some((_, catalog)) = catalogs.next() {
                let catalog = Version::try_from(catalog).unwrap_or_default();
                return Ok(Some(Doubt { version, catalog }));
            }
        }
        Ok(None)
    }

    /// Takes back a commit that no epoch will name, and publishes what is left. What another engine has built
    /// upon it stays, with a warning: its rows are no longer told apart.
    pub async fn take_back(&self, id: RelationId, location: &Location, doubt: Doubt) -> Result<()> {
        let Some(newest) = self.newest(location).await? else { return Ok(()) };
        let before = self.at_version(location, doubt.version.saturating_sub(1)).await?;
        let run = Run::start(RunKind::Ddl);
        let mut left = newest.clone();
        match self.built_upon(&newest, doubt).await? {
            Some(Upon::Nothing) => {
                let commit = Commit {
                    location: location.clone(),
                    spec: newest.spec(),
                    files: self.restored(&newest, &before)?,
                    base: Some(newest),
                    mode: CommitMode::Edit,
                    progress: Vec::new(),
                    run: Some(run.id),
                    operation: TAKEN_BACK,
                };
                match self.commit(commit).await? {
                    CommitOutcome::Committed(table) => left = table,
                    // Somebody else looks after it.
                    CommitOutcome::Conflict(_) => return Ok(()),
                }
                tracing::warn!(%location, version = doubt.version, "took back rows of a transaction that never ended");
            }
            Some(Upon::Rows) => tracing::warn!(
                %location,
                version = doubt.version,
                "another engine has built upon rows of a transaction that never ended: they stay"
            ),
            None => {}
        }
        let version = left.version();
        let row =
            Published { relation_id: id, location: location.clone(), version, read_only: false };
        self.publish(&run, vec![row]).await?;
        Ok(())
    }

    /// What came after the commit in doubt; `None` where it was taken back.
    async fn built_upon(&self, newest: &Table, doubt: Doubt) -> Result<Option<Upon>> {
        let mut upon = Upon::Nothing;
        for version in doubt.version + 1..=newest.version() {
            let entry = log::read(newest.log(), newest.location(), version).await?;
            let Some(entry) = entry else { continue };
            if entry.operation.as_deref() == Some(TAKEN_BACK) {
                return Ok(None);
            }
            if entry.changes_data || entry.changes_shape {
                upon = Upon::Rows;
            }
        }
        Ok(Some(upon))
    }
}

/// What stands on a commit in doubt.
enum Upon {
    Nothing,
    Rows,
}
