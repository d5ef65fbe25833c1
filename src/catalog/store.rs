//! The catalog in the lake: read at an epoch, written as part of a run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Commit, CommitMode, CommitOutcome, EpochState, Lake, Location, Published, Run};
use crate::lake::{Table, TableSpec};
use crate::name::{RelationId, Version};

use super::rows;
use super::state::CatalogState;

/// States held in memory: the newest, those of running transactions, and of a little time travel.
const HELD_MAX: usize = 16;

/// How long a committed but unpublished version may be somebody's running work. After that its
/// writer is taken for dead, and the version is written over: nobody has ever seen it.
const PUBLISHING: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);

/// Reads and writes `_lakeport/catalog`; keeps the newest states in memory.
#[derive(Debug)]
pub struct Catalog {
    lake: Lake,
    location: Location,
    empty: Arc<CatalogState>,
    // Most recently used last.
    held: Mutex<Vec<(Version, Arc<CatalogState>)>>,
}

impl Catalog {
    /// Opens the catalog of a lake; a lake without one has an empty state (built-in schemas `public`,
    /// `sandbox`, `quarantine` and the role `lakeport` exist in every state).
    ///
    /// # Errors
    /// `FeatureNotSupported` when a newer server wrote it, `DataCorrupted`, `IoError`.
    pub async fn open(lake: Lake) -> Result<Arc<Self>> {
        let location = lake.system_location("catalog");
        let (empty, held) = (Arc::new(CatalogState::default()), Mutex::new(Vec::new()));
        let catalog = Arc::new(Self { lake, location, empty, held });
        catalog.at(&catalog.lake.epoch()).await?;
        Ok(catalog)
    }

    pub(super) fn lake(&self) -> &Lake {
        &self.lake
    }

    /// The state published by `epoch`. Cached: reads the lake only when the catalog's version moved.
    ///
    /// # Errors
    /// As [`Catalog::open`]; `SnapshotTooOld` when the version is gone.
    pub async fn at(&self, epoch: &EpochState) -> Result<Arc<CatalogState>> {
        let Some(published) = epoch.relations.get(&RelationId::CATALOG) else {
            return Ok(Arc::clone(&self.empty));
        };
        if let Some(state) = self.held(published.version) {
            return Ok(state);
        }
        let table = self.lake.at_version(&published.location, published.version).await?;
        let state = Arc::new(rows::from_batches(&table.read().await?)?);
        self.hold(published.version, &state);
        Ok(state)
    }

    /// Writes `state` as the catalog's next version, in `run`; `base` is the epoch it was computed
    /// from. Readers see it once the returned entry is published.
    ///
    /// # Errors
    /// `SerializationFailure` when another run wrote first: compute again from the newest epoch.
    pub async fn write(
        &self,
        run: &Run,
        base: &EpochState,
        state: &CatalogState,
    ) -> Result<Published> {
        let newest = self.settled(base).await?;
        let spec = newest.as_ref().map_or_else(|| TableSpec::of(rows::schema()), Table::spec);
        let mut writer = self.lake.writer(&self.location, &spec)?;
        writer.write(rows::to_batch(state)?).await?;
        let commit = Commit {
            location: self.location.clone(),
            base: newest,
            spec,
            mode: CommitMode::Overwrite,
            files: writer.finish().await?,
            progress: Vec::new(),
            run: Some(run.id),
            operation: "CATALOG",
        };
        match self.lake.commit(commit).await? {
            CommitOutcome::Conflict(why) => Err(concurrent().detail(why)),
            CommitOutcome::Committed(table) => {
                self.hold(table.version(), &Arc::new(state.clone()));
                Ok(Published {
                    relation_id: RelationId::CATALOG,
                    location: self.location.clone(),
                    version: table.version(),
                    read_only: false,
                })
            }
        }
    }

    /// The newest version, once it is certain that nobody is about to publish one after `base`'s.
    async fn settled(&self, base: &EpochState) -> Result<Option<Table>> {
        let version = |epoch: &EpochState| {
            epoch.relations.get(&RelationId::CATALOG).map(|published| published.version)
        };
        let seen = version(base);
        let mut waited = Duration::ZERO;
        loop {
            self.lake.poll_epoch().await?;
            if version(&self.lake.epoch()) != seen {
                return Err(concurrent());
            }
            let newest = self.lake.newest(&self.location).await?;
            let unpublished = newest.as_ref().map(Table::version) != seen;
            if !unpublished || waited >= PUBLISHING {
                return Ok(newest);
            }
            self.lake.clock().sleep(POLL).await;
            waited += POLL;
        }
    }

    fn held(&self, version: Version) -> Option<Arc<CatalogState>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let at = held.iter().position(|(known, _)| *known == version)?;
        let entry = held.remove(at);
        let state = Arc::clone(&entry.1);
        held.push(entry);
        Some(state)
    }

    fn hold(&self, version: Version, state: &Arc<CatalogState>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(known, _)| *known != version);
        held.push((version, Arc::clone(state)));
        if held.len() > HELD_MAX {
            held.remove(0);
        }
    }
}

fn concurrent() -> Error {
    Error::new(
        ErrorKind::SerializationFailure,
        "could not change the catalog because another run changed it first",
    )
}
