//! A quarantine that a run left ahead of its view, brought back beside it.
//!
//! Its one idea: of the two commits of a refresh the quarantine's comes first, so what died in between can be
//! undone by what the quarantine held before, and changes are followed from there. Where that is not told for
//! certain nothing is touched, and the view is computed in full.

use crate::catalog::Relation;
use crate::error::{ErrorKind, Result};
use crate::lake::{Commit, CommitMode, CommitOutcome, Table};
use crate::name::Version;

use super::check::{definition, has_quarantine};
use super::compute::RunContext;
use super::pins::Pin;
use super::progress;

/// Versions of a quarantine that are looked at.
const VERSIONS_MAX: usize = 100;

impl RunContext {
    /// The quarantine as of the versions that the view of `head` was computed from, where it was ahead of
    /// these; else as it is.
    ///
    /// # Errors
    /// Errors of reading and of the commit.
    pub(super) async fn reconciled(
        &self,
        relation: &Relation,
        pinned: &[Pin],
        head: Option<&Table>,
        quarantine: Option<Table>,
    ) -> Result<Option<Table>> {
        let (Some(head), Some(ahead)) = (head, &quarantine) else { return Ok(quarantine) };
        let hash = &relation.definition_hash;
        if !has_quarantine(definition(relation)?)
            || !progress::has_definition(head, hash)
            || !progress::has_definition(ahead, hash)
            || progress::agree(head, ahead, relation.id, pinned).await?
        {
            return Ok(quarantine);
        }
        let published = self.quarantine_of(relation).map(|quarantine| quarantine.id);
        let Some(published) = self.published_version(published) else { return Ok(quarantine) };
        let seen = self.published_version(Some(relation.id)).unwrap_or(0);
        if ahead.foreign_since(published).await? || head.foreign_since(seen).await? {
            return Ok(quarantine);
        }
        match self.agreeing(relation, pinned, head, ahead, published).await? {
            Some(then) => self.taken_back(relation, pinned, ahead, &then).await,
            None => Ok(quarantine),
        }
    }

    /// The newest version of the quarantine, from the published one on, that was committed for the rows of `head`.
    async fn agreeing(
        &self,
        relation: &Relation,
        pinned: &[Pin],
        head: &Table,
        ahead: &Table,
        published: Version,
    ) -> Result<Option<Table>> {
        let lake = &self.refresher.lake;
        for version in (published..ahead.version()).rev().take(VERSIONS_MAX) {
            let then = match lake.at_version(ahead.location(), version).await {
                Ok(then) => then,
                Err(error) if error.kind() == ErrorKind::SnapshotTooOld => return Ok(None),
                Err(error) => return Err(error),
            };
            if progress::has_definition(&then, &relation.definition_hash)
                && progress::agree(head, &then, relation.id, pinned).await?
            {
                return Ok(Some(then));
            }
        }
        Ok(None)
    }

    async fn taken_back(
        &self,
        relation: &Relation,
        pinned: &[Pin],
        ahead: &Table,
        then: &Table,
    ) -> Result<Option<Table>> {
        let lake = &self.refresher.lake;
        let commit = Commit {
            location: ahead.location().clone(),
            base: Some(ahead.clone()),
            spec: ahead.spec(),
            mode: CommitMode::Edit,
            files: lake.restored(ahead, then)?,
            progress: progress::carried(then, relation.id, pinned).await?,
            run: Some(self.run.id),
            operation: "RESTORE",
        };
        match lake.commit(commit).await? {
            CommitOutcome::Committed(table) => {
                let (view, from, to) = (&relation.name, ahead.version(), then.version());
                tracing::info!(%view, from, to, "a quarantine ahead of its view was taken back");
                Ok(Some(table))
            }
            CommitOutcome::Conflict(_) => lake.newest(ahead.location()).await,
        }
    }
}
