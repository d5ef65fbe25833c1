//! What a transaction has changed and nobody else sees yet.
//!
//! Its one idea: the catalog as the transaction has made it stands beside the published one until COMMIT brings
//! both together in one epoch. Tables that it makes lie in folders of their own, which no published catalog
//! names; rows for a table that others see are files which no commit names. What would need more than one
//! commit that others see is refused when it is asked for, not at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{CatalogState, Relation, alter, merge};
use crate::error::{Error, Result};
use crate::lake::{
    Commit, CommitMode, CommitOutcome, DataFiles, Lake, Location, Published, Run, RunKind, Table,
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
    base: Arc<CatalogState>,
    /// The catalog as the transaction sees it.
    state: Arc<CatalogState>,
    /// Tables it has made, at their newest versions.
    made: BTreeMap<RelationId, Table>,
    /// Rows for a table that others see.
    rows: Option<Rows>,
    folders: Folders,
}

/// What a savepoint goes back to.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    base: Arc<CatalogState>,
    state: Arc<CatalogState>,
    made: BTreeMap<RelationId, Table>,
    rows: Option<(RelationId, DataFiles)>,
}

/// Rows that wait for COMMIT.
struct Rows {
    relation: Arc<Relation>,
    table: Table,
    mode: CommitMode,
    files: DataFiles,
    keys: Keys,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("relation", &self.relation.name).finish_non_exhaustive()
    }
}

/// Folders of tables that no catalog names yet. Dropping it deletes them.
#[derive(Debug)]
struct Folders {
    lake: Lake,
    locations: Vec<Location>,
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
pub(super) struct Change {
    pub(super) relation: Arc<Relation>,
    /// The version they were computed from.
    pub(super) table: Table,
    /// Whether they take the place of its rows.
    pub(super) mode: CommitMode,
    pub(super) files: DataFiles,
    pub(super) keys: Keys,
}

impl Session {
    /// The catalog as the session's next statement sees it.
    ///
    /// # Errors
    /// `SerializationFailure` where somebody has published what the transaction has changed too.
    pub(super) async fn catalog_state(&self) -> Result<Arc<CatalogState>> {
        let published = self.services.catalog.at(&self.services.lake.epoch()).await?;
        match self.pending() {
            None => Ok(published),
            Some(pending) if Arc::ptr_eq(&pending.base, &published) => {
                Ok(Arc::clone(&pending.state))
            }
            Some(pending) => merge(&pending.base, &pending.state, &published).map(Arc::new),
        }
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
        let state = self.catalog_state().await?;
        let base = self.services.catalog.at(&self.services.lake.epoch()).await?;
        let lake = self.services.lake.clone();
        self.settings.plan_anew();
        let Some(open) = self.transaction.open_mut() else {
            return Err(Error::internal("a change waits for the end of no transaction"));
        };
        let pending = open.pending.get_or_insert_with(|| {
            Box::new(Pending {
                base: Arc::clone(&base),
                state: Arc::clone(&state),
                made: BTreeMap::new(),
                rows: None,
                folders: Folders { lake, locations: Vec::new() },
            })
        });
        (pending.base, pending.state) = (base, state);
        Ok(pending)
    }

    /// Keeps `state` as the transaction's catalog.
    pub(super) async fn keep_state(&mut self, state: CatalogState) -> Result<()> {
        self.pending_mut().await?.state = Arc::new(state);
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
    /// Those of [`Keys::of`]; `FeatureNotSupported` after SAVEPOINT.
    pub(super) fn watched_keys(&mut self, relation: &Relation, table: &Table) -> Result<Keys> {
        let fresh = Keys::of(relation, &table.schema())?;
        let saved = self.transaction.block().is_some_and(|open| !open.savepoints.is_empty());
        let made = self.pending().is_some_and(|pending| pending.made.contains_key(&relation.id));
        if saved && !made && !fresh.is_empty() {
            return Err(Error::unsupported("rows for a table with keys after SAVEPOINT"));
        }
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
        let Change { relation, table, mode, files, keys } = change;
        let table = match mode {
            CommitMode::Append => self.append(&relation, table, files, &keys).await?,
            mode => self.replace_rows(&relation, table, mode, files, &keys).await?,
        };
        if made {
            return self.keep_made(relation.id, table).await;
        }
        let run = Run::start(RunKind::Ddl);
        self.services.lake.publish(&run, vec![published(&relation, &table)]).await?;
        Ok(())
    }

    async fn hold_rows(&mut self, change: Change) -> Result<()> {
        let waiting = self.pending().and_then(|pending| pending.rows.as_ref());
        let anew = waiting.is_some_and(|rows| rows.mode != CommitMode::Append);
        if change.mode == CommitMode::Append && !anew {
            self.check_keys(&change.table, &change.keys).await?;
        }
        let pending = self.pending_mut().await?;
        let Change { relation, table, mode, mut files, keys } = change;
        if let Some(waiting) = pending.rows.take() {
            if waiting.relation.id != relation.id {
                let other = waiting.relation.name.clone();
                pending.rows = Some(waiting);
                return Err(Error::unsupported(format!(
                    "one transaction that changes \"{other}\" and \"{}\"",
                    relation.name
                ))
                .hint("Commit before the other table: each is one commit that others see."));
            }
            if mode == CommitMode::Append {
                let mut all = waiting.files;
                all.append(files);
                files = all;
            }
            let mode = if mode == CommitMode::Append { waiting.mode } else { mode };
            pending.rows = Some(Rows { relation, table: waiting.table, mode, files, keys });
            return Ok(());
        }
        pending.rows = Some(Rows { relation, table, mode, files, keys });
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
        if !plan.sources().iter().any(|(name, _)| *name == waiting.relation.name) {
            return Ok(());
        }
        let what = format!(
            "reading \"{}\" in the transaction that changes its rows",
            waiting.relation.name
        );
        Err(Error::unsupported(what).hint("COMMIT first."))
    }

    /// Publishes what the transaction has changed, all or nothing.
    ///
    /// # Errors
    /// `SerializationFailure` where somebody has changed the same, `UniqueViolation`,
    /// `DependentObjectsStillExist`; then nothing of it is there.
    pub(super) async fn commit_pending(&mut self) -> Result<()> {
        let pending = self.transaction.open_mut().and_then(|open| open.pending.take());
        let Some(mut pending) = pending else { return Ok(()) };
        self.settings.plan_anew();
        let services = Arc::clone(&self.services);
        let (lake, catalog) = (&services.lake, &services.catalog);
        let alone = services.changing_catalog.lock().await;
        let mut attempt = 1;
        loop {
            let base = lake.epoch();
            let theirs = catalog.at(&base).await?;
            let state = merge(&pending.base, &pending.state, &theirs)?;
            alter::check_readers(&theirs, &state)?;
            let run = Run::start(RunKind::Ddl);
            let mut tables: Vec<Published> = Vec::new();
            if state != *theirs {
                match catalog.write(&run, &base, &state).await {
                    Ok(entry) => tables.push(entry),
                    Err(error) if self.tries_again(&error, attempt) => {
                        attempt += 1;
                        lake.poll_epoch().await?;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            let made = pending.made.iter().filter_map(|(id, table)| {
                state.relation_by_id(*id).map(|relation| published(relation, table))
            });
            tables.extend(made);
            // The catalog is written and not yet seen. From here on one commit is seen, or none.
            let rows = pending.rows.take();
            if let Some(rows) = rows.filter(|rows| state.relation_by_id(rows.relation.id).is_some())
            {
                let Rows { relation, table, mode, files, keys } = rows;
                let table = match mode {
                    CommitMode::Append => self.append(&relation, table, files, &keys).await?,
                    mode => self.replace_rows(&relation, table, mode, files, &keys).await?,
                };
                tables.push(published(&relation, &table));
            }
            lake.publish(&run, tables).await?;
            drop(alone);
            let stays = |location: &Location| {
                state.relations.values().any(|known| lake.location(known.place()) == *location)
            };
            pending.folders.locations.retain(|location| !stays(location));
            return Ok(());
        }
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
            rows: self.rows.as_ref().map(|rows| (rows.relation.id, rows.files.clone())),
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
        pending.rows = match (pending.rows.take(), kept.rows) {
            (Some(rows), Some((id, files))) if rows.relation.id == id => {
                Some(Rows { files, ..rows })
            }
            _ => None,
        };
    }
}
