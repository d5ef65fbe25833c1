//! Logs kept short and the lake's own tables in few files, off the commit path.
//!
//! Its one idea: whoever commits often notices now and then that work is due and has it done beside
//! his own; nothing depends on it, and what loses a race is left for the next time. Deletes nothing.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::logstore::LogStore as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::error::Result;
use crate::name::Version;

use super::error;
use super::optimize::Due;
use super::store::{Lake, Location};
use super::table::Table;

/// Commits since the last checkpoint from which the next one is due.
const CHECKPOINT_EVERY: u64 = 20;

/// What is being looked after in the background.
#[derive(Debug, Default)]
pub(super) struct Maintenance {
    running: Mutex<HashSet<Location>>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Deserialize)]
struct LastCheckpoint {
    version: Version,
}

impl Lake {
    /// Writes a checkpoint of the table's newest version when one is due, and brings many small
    /// files of one of the lake's own tables together; true when it did something.
    pub async fn maintain(&self, location: &Location) -> Result<bool> {
        let Some(table) = self.newest(location).await? else { return Ok(false) };
        let compacted = self.compact(&table).await?;
        Ok(checkpoint(&table).await? || compacted)
    }

    /// Brings the small files of a table of the lake's own together. No row changes.
    async fn compact(&self, table: &Table) -> Result<bool> {
        if !table.location().0.starts_with(&self.system_location("").0) {
            return Ok(false);
        }
        Ok(self.optimize(table, Due::SYSTEM, None).await?.table.is_some())
    }

    /// Waits for maintenance that runs in the background; for commands about to end.
    pub async fn settle(&self) {
        let mut tasks = {
            let mut tasks =
                self.inner.maintenance.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        while tasks.join_next().await.is_some() {}
    }

    /// Looks after a table beside the work, at most once at a time.
    pub(super) fn maintain_later(&self, table: &Table) {
        let location = table.location().clone();
        if !self
            .inner
            .maintenance
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(location.clone())
        {
            return;
        }
        let lake = std::sync::Arc::downgrade(&self.inner);
        let mut tasks = self.inner.maintenance.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let Some(inner) = lake.upgrade() else { return };
            let lake = Lake { inner };
            if let Err(error) = lake.maintain(&location).await {
                tracing::warn!(%location, %error, "a table could not be looked after");
            }
            let running = &lake.inner.maintenance.running;
            running.lock().unwrap_or_else(PoisonError::into_inner).remove(&location);
        });
    }
}

async fn checkpoint(table: &Table) -> Result<bool> {
    let store = table.log().object_store(None);
    let last = match store.get(&Path::from("_delta_log/_last_checkpoint")).await {
        Ok(found) => found.bytes().await.map_err(error::object)?,
        Err(object_store::Error::NotFound { .. }) => bytes::Bytes::new(),
        Err(error) => return Err(error::object(error)),
    };
    // The file is a hint: when it does not read, a checkpoint more does no harm.
    let last = serde_json::from_slice(&last).map_or(0, |last: LastCheckpoint| last.version);
    if table.version() < last + CHECKPOINT_EVERY {
        return Ok(false);
    }
    let mut delta = DeltaTable::new(table.log().clone());
    delta.state = Some(table.state().clone());
    create_checkpoint(&delta, None).await.map_err(|error| error::delta(table.location(), error))?;
    Ok(true)
}
