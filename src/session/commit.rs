//! COMMIT of what a transaction has changed: one epoch, all of it or nothing.
//!
//! Its one idea: everything is written before it is seen. The catalog's next version is taken first; rows for a
//! table that others see say to which catalog they belong, so that nobody sees or builds upon them before the
//! epoch that names both. Whatever fails on the way leaves nothing to see.

use std::sync::Arc;

use crate::catalog::{CatalogState, alter, merge};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{CommitMode, Published, Run, RunKind};

use super::connection::Session;
use super::pending::{Change, Pending};
use super::write::published;

impl Session {
    /// Publishes what the transaction has changed, all or nothing.
    ///
    /// # Errors
    /// `SerializationFailure` where somebody has changed the same, `UniqueViolation`,
    /// `DependentObjectsStillExist`; then nothing of it is there. `StatementCompletionUnknown` where the storage
    /// does not say.
    pub(super) async fn commit_pending(&mut self) -> Result<()> {
        let pending = self.transaction.open_mut().and_then(|open| open.pending.take());
        let Some(mut pending) = pending else { return Ok(()) };
        self.settings.plan_anew();
        let services = Arc::clone(&self.services);
        let (lake, catalog) = (&services.lake, &services.catalog);
        let _alone = services.changing_catalog.lock().await;
        let mut attempt = 1;
        loop {
            let base = lake.epoch();
            let theirs = catalog.at(&base).await?;
            let state = merge(&pending.base, &pending.state, &theirs)?;
            alter::check_readers(&theirs, &state)?;
            if state == *theirs {
                return self.commit_rows(&mut pending, &state).await;
            }
            self.check_rows(&pending, &state).await?;
            let run = Run::start(RunKind::Ddl);
            let entry = match catalog.write(&run, &base, &state).await {
                Ok(entry) => entry,
                Err(error) if self.tries_again(&error, attempt) => {
                    attempt += 1;
                    lake.poll_epoch().await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            return self.publish_all(&mut pending, &state, entry, &run).await;
        }
    }

    /// Rows alone are one commit, which is seen when it is there.
    async fn commit_rows(&mut self, pending: &mut Pending, state: &CatalogState) -> Result<()> {
        let Some(change) = waiting(pending, state) else { return Ok(()) };
        let relation = Arc::clone(&change.relation);
        let table = self.write_rows(change, None).await?;
        self.publish_rows(&relation, &table).await;
        Ok(())
    }

    /// What would stop the rows is found before the catalog's next version is taken: nobody waits for it then.
    async fn check_rows(&mut self, pending: &Pending, state: &CatalogState) -> Result<()> {
        let rows = pending.rows.as_ref();
        let Some(rows) = rows.filter(|rows| state.relation_by_id(rows.relation.id).is_some())
        else {
            return Ok(());
        };
        let newest = self.stored(&rows.relation).await?;
        if rows.mode == CommitMode::Append {
            return self.check_keys(&newest, &rows.keys).await;
        }
        if newest.version() == rows.table.version() {
            return Ok(());
        }
        let message = format!("table \"{}\" was changed meanwhile", rows.relation.name.relation);
        Err(Error::new(ErrorKind::SerializationFailure, message).hint("Try again."))
    }

    async fn publish_all(
        &mut self,
        pending: &mut Pending,
        state: &CatalogState,
        entry: Published,
        run: &Run,
    ) -> Result<()> {
        let services = Arc::clone(&self.services);
        let lake = &services.lake;
        let version = entry.version;
        let mut tables = vec![entry];
        tables.extend(pending.made.iter().filter_map(|(id, table)| {
            state.relation_by_id(*id).map(|relation| published(relation, table))
        }));
        if let Some(change) = waiting(pending, state) {
            let relation = Arc::clone(&change.relation);
            let written = self.write_rows(change, Some(version)).await;
            // They belong to a catalog that will not be published: whether they are there makes no difference.
            let table = written.map_err(|error| match error.kind() {
                ErrorKind::StatementCompletionUnknown => {
                    let message = "the storage failed; nothing of the transaction is seen";
                    Error::new(ErrorKind::IoError, message).caused_by(error)
                }
                _ => error,
            })?;
            tables.push(published(&relation, &table));
        }
        // Once an epoch may name them, no folder is ours to delete: the hourly sweep finds those that none has.
        let folders = std::mem::take(&mut pending.folders.locations);
        let done = lake.publish(run, tables).await;
        let named = |location: &_| {
            state.relations.values().any(|known| lake.location(known.place()) == *location)
        };
        pending.folders.locations = match &done {
            Ok(_) => folders.into_iter().filter(|location| !named(location)).collect(),
            Err(error) if error.kind() == ErrorKind::StatementCompletionUnknown => Vec::new(),
            Err(_) => folders,
        };
        done.map(drop)
    }
}

/// The rows that wait, where their table is still there.
fn waiting(pending: &mut Pending, state: &CatalogState) -> Option<Change> {
    pending.rows.take().filter(|rows| state.relation_by_id(rows.relation.id).is_some())
}
