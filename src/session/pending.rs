//! What a transaction has changed and nobody else sees yet.
//!
//! Its one idea: the catalog as the transaction has made it stands beside the published one until COMMIT brings
//! both together in one epoch. Tables that it makes lie in folders of their own, which no published catalog
//! names; rows for a table that others see are files which no commit names. What would need more than one
//! commit that others see is refused when it is asked for, not at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{CatalogState, Relation, merge};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{
    Commit, CommitMode, CommitOutcome, DataFiles, Lake, Location, Run, RunKind, Table,
};
use crate::name::{RelationId, Version};
use crate::query::AuthorizedPlan;

use super::connection::Session;
use super::keys::Keys;
use super::transaction::OpenTransaction;
use super::write::published;

/// What COMMIT will publish.
#[derive(Debug)]
pub(super) struct Pending {
    /// What was published when `state` was made of it.
    pub(super) base: Arc<CatalogState>,
    /// The catalog as the transaction sees it.
    pub(super) state: Arc<CatalogState>,
    /// Tables it has made, at their newest versions.
    pub(super) made: BTreeMap<RelationId, Table>,
    /// Rows for a table that others see, which wait for COMMIT.
    pub(super) rows: Option<Change>,
    pub(super) folders: Folders,
}

/// What a savepoint goes back to.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    base: Arc<CatalogState>,
    state: Arc<CatalogState>,
    made: BTreeMap<RelationId, Table>,
    rows: Option<Change>,
}

/// Folders of tables that no catalog names yet. Dropping it deletes them.
#[derive(Debug)]
pub(super) struct Folders {
    lake: Lake,
    pub(super) locations: Vec<Location>,
}

impl Drop for Folders {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        for location in std::mem::take(&mut self.locations) {
            let lake = self.lake.clone();
            runtime.spawn(async move {
                if let Err(error) = lake.discard(&location).await {
                    tracing::warn!(%location, %error, "could not delete what no transaction commits");
                }
            });
        }
    }
}

/// What files do to a table that is there.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) relation: Arc<Relation>,
    /// The version they were computed from.
    pub(super) table: Table,
    /// Whether they take the place of its rows.
    pub(super) mode: CommitMode,
    pub(super) files: DataFiles,
    /// Those of the rows in `files`.
    pub(super) keys: Keys,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change").field("relation", &self.relation.name).finish_non_exhaustive()
    }
}

/// A catalog that a statement has computed, and what was published then: together they say what it changed.
pub(super) struct Seen {
    pub(super) base: Arc<CatalogState>,
    pub(super) state: Arc<CatalogState>,
}

impl Session {
    /// The catalog as the session's next statement sees it.
    ///
    /// # Errors
    /// `SerializationFailure` where somebody has published what the transaction has changed too.
    pub(super) async fn catalog_state(&self) -> Result<Arc<CatalogState>> {
        self.seen().await.map(|seen| seen.state)
    }

    /// As [`Session::catalog_state`], with what of it is published.
    pub(super) async fn seen(&self) -> Result<Seen> {
        let base = self.services.catalog.at(&self.services.lake.epoch()).await?;
        let state = match self.pending() {
            None => Arc::clone(&base),
            Some(pending) if Arc::ptr_eq(&pending.base, &base) => Arc::clone(&pending.state),
            Some(pending) => merge(&pending.base, &pending.state, &base).map(Arc::new)?,
        };
        Ok(Seen { base, state })
    }

    pub(super) fn pending(&self) -> Option<&Pending> {
        self.transaction.block().and_then(|open| open.pending.as_deref())
    }

    /// Whether changes wait for COMMIT.
    pub(super) fn is_in_block(&self) -> bool {
        self.transaction.block().is_some()
    }

    /// What the transaction has changed, to change more.
    async fn pending_mut(&mut self) -> Result<&mut Pending> {
        let Seen { base, state } = self.seen().await?;
        let lake = self.services.lake.clone();
        self.settings.plan_anew();
        let Some(open) = self.transaction.open_mut() else {
            return Err(Error::internal("a change waits for the end of no transaction"));
        };
        let folders = Folders { lake, locations: Vec::new() };
        let (made, rows) = (BTreeMap::new(), None);
        Ok(open
            .pending
            .get_or_insert_with(|| Box::new(Pending { base, state, made, rows, folders })))
    }

    /// Keeps `state`, computed over `base`, as the transaction's catalog. What others publish between the two
    /// is not undone by it.
    pub(super) async fn keep_state(
        &mut self,
        base: Arc<CatalogState>,
        state: CatalogState,
    ) -> Result<()> {
        let pending = self.pending_mut().await?;
        (pending.base, pending.state) = (base, Arc::new(state));
        Ok(())
    }

    /// Says that a table is about to be made in a folder that no published catalog names.
    pub(super) async fn keep_folder(&mut self, location: &Location) -> Result<()> {
        self.pending_mut().await?.folders.locations.push(location.clone());
        Ok(())
    }

    /// Keeps a table that the transaction has made.
    pub(super) async fn keep_made(&mut self, id: RelationId, table: Table) -> Result<()> {
        self.pending_mut().await?.made.insert(id, table);
        Ok(())
    }

    /// The keys of the rows that come for `relation`, those that wait already among them.
    ///
    /// # Errors
    /// Those of [`Keys::of`].
    pub(super) fn watched_keys(&mut self, relation: &Relation, table: &Table) -> Result<Keys> {
        let fresh = Keys::of(relation, &table.schema())?;
        let pending = self.transaction.open_mut().and_then(|open| open.pending.as_deref_mut());
        let waiting = pending.and_then(|pending| pending.rows.as_mut());
        match waiting.filter(|rows| rows.relation.id == relation.id && !rows.keys.is_empty()) {
            Some(rows) => Ok(std::mem::take(&mut rows.keys)),
            None => Ok(fresh),
        }
    }

    /// Makes `files` part of a table: at once, or at COMMIT.
    ///
    /// # Errors
    /// `UniqueViolation`; `SerializationFailure`; `FeatureNotSupported` for a second table that others see.
    pub(super) async fn change_rows(&mut self, change: Change) -> Result<()> {
        let made = self.pending().is_some_and(|open| open.made.contains_key(&change.relation.id));
        if self.is_in_block() && !made {
            return self.hold_rows(change).await;
        }
        let relation = Arc::clone(&change.relation);
        let table = self.write_rows(change, None).await?;
        if made {
            return self.keep_made(relation.id, table).await;
        }
        self.publish_rows(&relation, &table).await;
        Ok(())
    }

    /// Names rows that are committed in an epoch. They are there whether this succeeds or not: their readers go by
    /// the table's own log, so that an error would only make a client add them twice.
    pub(super) async fn publish_rows(&mut self, relation: &Relation, table: &Table) {
        let run = Run::start(RunKind::Ddl);
        let rows = vec![published(relation, table)];
        if let Err(error) = self.services.lake.publish(&run, rows).await {
            tracing::warn!(table = %relation.name, %error, "rows are committed, but in no epoch of their own");
            self.warn(ErrorKind::IoError, "the rows are committed, but no epoch could name them");
            self.settings.plan_anew();
        }
    }

    async fn hold_rows(&mut self, change: Change) -> Result<()> {
        let waiting = self.pending().and_then(|pending| pending.rows.as_ref());
        let anew = waiting.is_some_and(|rows| rows.mode != CommitMode::Append);
        if change.mode == CommitMode::Append && !anew {
            self.check_keys(&change.table, &change.keys).await?;
        }
        let pending = self.pending_mut().await?;
        let is_there =
            |waiting: &Change| pending.state.relation_by_id(waiting.relation.id).is_some();
        let Some(waiting) = pending.rows.take().filter(is_there) else {
            pending.rows = Some(change);
            return Ok(());
        };
        if waiting.relation.id != change.relation.id {
            let names = (waiting.relation.name.clone(), &change.relation.name);
            pending.rows = Some(waiting);
            let (one, other) = names;
            let what = format!("one transaction that changes \"{one}\" and \"{other}\"");
            return Err(Error::unsupported(what)
                .hint("Commit before the other table: each is one commit that others see."));
        }
        let rows = match change.mode {
            CommitMode::Append => {
                let mut files = waiting.files;
                files.append(change.files);
                Change { files, table: waiting.table, mode: waiting.mode, ..change }
            }
            _ => change,
        };
        pending.rows = Some(rows);
        Ok(())
    }

    /// Refuses to read a table for which rows wait: they would not be among those read.
    ///
    /// # Errors
    /// `FeatureNotSupported`.
    pub(super) fn refuse_waiting(&self, plan: &AuthorizedPlan) -> Result<()> {
        let Some(waiting) = self.pending().and_then(|pending| pending.rows.as_ref()) else {
            return Ok(());
        };
        let location = waiting.table.location();
        if !plan.sources().iter().any(|(_, table)| table.location() == location) {
            return Ok(());
        }
        let what = format!(
            "reading \"{}\" in the transaction that changes its rows",
            waiting.relation.name
        );
        Err(Error::unsupported(what).hint("COMMIT first."))
    }

    /// Tables that the transaction has made are again what they were at a savepoint.
    ///
    /// # Errors
    /// Errors of reading and writing the log.
    pub(super) async fn restore_made(&mut self, savepoint: &str) -> Result<()> {
        let Some(open) = self.transaction.block() else { return Ok(()) };
        let Some(pending) = open.pending.as_deref() else { return Ok(()) };
        let kept = open.kept_at(savepoint);
        let mut restored: Vec<(RelationId, Table)> = Vec::new();
        for (id, table) in kept.iter().flat_map(|kept| &kept.made) {
            let then: Version = table.version();
            let Some(now) = pending.made.get(id).filter(|now| now.version() != then) else {
                continue;
            };
            let commit = Commit {
                location: now.location().clone(),
                spec: now.spec(),
                files: self.services.lake.restored(now, table)?,
                base: Some(now.clone()),
                mode: CommitMode::Edit,
                progress: Vec::new(),
                run: None,
                operation: "RESTORE",
            };
            match self.services.lake.commit(commit).await? {
                CommitOutcome::Committed(table) => restored.push((*id, table)),
                CommitOutcome::Conflict(why) => return Err(Error::internal(why)),
            }
        }
        if let Some(pending) = self.transaction.open_mut().and_then(|open| open.pending.as_mut()) {
            pending.made.extend(restored);
        }
        Ok(())
    }
}

impl Pending {
    /// What a savepoint goes back to.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            base: Arc::clone(&self.base),
            state: Arc::clone(&self.state),
            made: self.made.clone(),
            rows: self.rows.clone(),
        }
    }
}

impl OpenTransaction {
    /// What was pending is again what it was at a savepoint; tables are restored before.
    pub(super) fn restore_pending(&mut self, kept: Option<Kept>) {
        let Some(pending) = self.pending.as_deref_mut() else { return };
        let Some(kept) = kept else {
            // The folders stay known, to be deleted at the end.
            (pending.state, pending.rows) = (Arc::clone(&pending.base), None);
            pending.made.clear();
            return;
        };
        pending.made.retain(|id, _| kept.made.contains_key(id));
        (pending.base, pending.state) = (kept.base, kept.state);
        pending.rows = kept.rows;
    }
}
