//! The snapshots of one table that this process holds.
//!
//! Its one idea: the newest snapshot is brought forward, never loaded again, and only one caller at
//! a time does so; who waited takes the result if it began after he asked. A few older versions are
//! kept beside it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use deltalake_core::DeltaTableError;
use deltalake_core::logstore::{LogStore as _, LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::table::state::DeltaTableState;
use futures::StreamExt as _;
use object_store::ObjectStore;
use object_store::prefix::PrefixStore;

use crate::error::{Error, ErrorKind, Result};
use crate::name::Version;

use super::store::{Location, store_path};
use super::table::Table;
use super::txns::Txns;
use super::{error, log};

/// How many versions besides the newest one are kept a table.
const OLD_VERSIONS: usize = 8;

/// One table's log and snapshots.
pub(super) struct Held {
    location: Location,
    log: LogStoreRef,
    newest: ArcSwapOption<Table>,
    /// The number of the last refresh that has finished; held while one runs.
    refreshed: tokio::sync::Mutex<u64>,
    /// The number of the last refresh that has begun.
    begun: AtomicU64,
    old: Mutex<VecDeque<Table>>,
}

impl Held {
    pub(super) fn new(location: Location, store: Arc<dyn ObjectStore>) -> Result<Self> {
        let prefixed = PrefixStore::new(Arc::clone(&store), store_path(&location)?);
        let config = StorageConfig::default();
        let log = default_logstore(Arc::new(prefixed), store, &location.url()?, &config);
        Ok(Self {
            location,
            log,
            newest: ArcSwapOption::empty(),
            refreshed: tokio::sync::Mutex::new(0),
            begun: AtomicU64::new(0),
            old: Mutex::new(VecDeque::new()),
        })
    }

    pub(super) fn log(&self) -> &LogStoreRef {
        &self.log
    }

    /// The newest version seen so far. No I/O.
    pub(super) fn newest(&self) -> Option<Table> {
        self.newest.load_full().map(|table| table.as_ref().clone())
    }

    /// Brings the newest snapshot forward; `None` where no table is.
    pub(super) async fn refresh(&self) -> Result<Option<Table>> {
        let asked = self.begun.load(Ordering::SeqCst);
        let mut refreshed = self.refreshed.lock().await;
        if *refreshed > asked {
            return Ok(self.newest());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let found = match self.newest() {
            // The kernel takes a folder that is not there for a failure.
            None if !self.has_log().await? => None,
            None => match DeltaTableState::try_new(self.log.as_ref(), None).await {
                Ok(state) => Some(self.table(state)?),
                Err(DeltaTableError::NotATable(_)) => None,
                Err(error) => return Err(self.error(error)),
            },
            Some(held) => Some(self.forward(&held, None).await?),
        };
        if let Some(table) = &found {
            self.remember(table);
        }
        *refreshed = number;
        Ok(found)
    }

    /// Whether anything lies where the log would be.
    async fn has_log(&self) -> Result<bool> {
        let store = self.log.object_store(None);
        match store.list(Some(self.log.log_path())).next().await {
            None | Some(Err(object_store::Error::NotFound { .. })) => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) => Err(error::object(error)),
        }
    }

    /// `table` brought forward to `version`, or to the newest one.
    async fn forward(&self, table: &Table, version: Option<Version>) -> Result<Table> {
        let mut state = table.state().clone();
        let updated = state.update(self.log.as_ref(), version).await;
        updated.map_err(|error| self.error(error))?;
        if state.version() == table.version() {
            return Ok(table.clone());
        }
        let txns = match state.version() > table.version() {
            true => Txns::after(table.version(), table.txns()),
            false => Txns::default(),
        };
        Table::new(self.location.clone(), Arc::clone(&self.log), state, txns)
    }

    /// The table right after a commit of ours: `base` brought forward by the log's next entries.
    pub(super) async fn committed(&self, base: Option<&Table>, version: Version) -> Result<Table> {
        let nearest = self.newest().filter(|table| table.version() <= version);
        let table = match nearest.as_ref().or(base) {
            Some(base) => self.forward(base, Some(version)).await?,
            None => self.load(version).await.map_err(|error| self.error(error))?,
        };
        self.remember(&table);
        Ok(table)
    }

    pub(super) async fn at_version(&self, version: Version) -> Result<Table> {
        if let Some(table) = self.find(version) {
            return Ok(table);
        }
        if self.newest().is_none() && !self.has_log().await? {
            return Err(error::undefined(&self.location));
        }
        let cause = match self.load(version).await {
            Ok(table) => {
                self.remember(&table);
                return Ok(table);
            }
            Err(error) => self.error(error),
        };
        if matches!(cause.kind(), ErrorKind::FeatureNotSupported | ErrorKind::DiskFull) {
            return Err(cause);
        }
        let Some(newest) = self.refresh().await? else {
            return Err(error::undefined(&self.location));
        };
        if version > newest.version() {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("version {version} does not exist; the newest is {}", newest.version()),
            ));
        }
        Err(Error::new(ErrorKind::SnapshotTooOld, format!("version {version} is no longer kept"))
            .caused_by(cause))
    }

    pub(super) async fn at_time(&self, time: DateTime<Utc>) -> Result<Table> {
        let Some(newest) = self.refresh().await? else {
            return Err(error::undefined(&self.location));
        };
        let mut oldest = None;
        for version in (0..=newest.version()).rev() {
            let at = log::committed_at(&self.log, &self.location, version).await?;
            match at {
                Some(at) if at <= time => return self.at_version(version).await,
                Some(at) => oldest = Some(at),
                None => break,
            }
        }
        let kept = oldest.map_or_else(String::new, |at| format!("; the oldest is of {at}"));
        Err(Error::new(
            ErrorKind::SnapshotTooOld,
            format!("no version of {time} or before is kept{kept}"),
        ))
    }

    async fn load(&self, version: Version) -> Result<Table, DeltaTableError> {
        let state = DeltaTableState::try_new(self.log.as_ref(), Some(version)).await?;
        self.table(state).map_err(|error| DeltaTableError::GenericError { source: Box::new(error) })
    }

    fn table(&self, state: DeltaTableState) -> Result<Table> {
        Table::new(self.location.clone(), Arc::clone(&self.log), state, Txns::default())
    }

    fn error(&self, error: DeltaTableError) -> Error {
        match error {
            DeltaTableError::GenericError { source } => match source.downcast::<Error>() {
                Ok(ours) => *ours,
                Err(source) => {
                    error::delta(&self.location, DeltaTableError::GenericError { source })
                }
            },
            error => error::delta(&self.location, error),
        }
    }

    fn find(&self, version: Version) -> Option<Table> {
        if let Some(table) = self.newest().filter(|table| table.version() == version) {
            return Some(table);
        }
        let mut old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
        let index = old.iter().position(|table| table.version() == version)?;
        let table = old.remove(index)?;
        old.push_back(table.clone());
        Some(table)
    }

    fn remember(&self, table: &Table) {
        let shared = Arc::new(table.clone());
        let before = self.newest.rcu(|newest| match newest {
            Some(newest) if newest.version() >= table.version() => Some(Arc::clone(newest)),
            _ => Some(Arc::clone(&shared)),
        });
        let displaced = match before {
            Some(before) if before.version() == table.version() => return,
            Some(before) if before.version() > table.version() => shared,
            Some(before) => before,
            None => return,
        };
        let mut old = self.old.lock().unwrap_or_else(PoisonError::into_inner);
        if old.iter().all(|table| table.version() != displaced.version()) {
            old.push_back(displaced.as_ref().clone());
        }
        while old.len() > OLD_VERSIONS {
            old.pop_front();
        }
    }
}
