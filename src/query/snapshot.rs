//! What one statement, or one REPEATABLE READ transaction, sees.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::CatalogState;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{EpochState, Location, Table};

use super::engine::Engine;
use super::travel;

/// An epoch, its catalog, and the versions of other tables as they were first read.
///
/// Names and definitions come from `catalog`; privileges are always judged on `grants`, which is the
/// newest catalog, also when `as_of` reads an old epoch.
#[derive(Debug)]
pub struct Snapshot {
    /// The epoch maintained relations are read at.
    pub epoch: Arc<EpochState>,
    /// What exists at that epoch.
    pub catalog: Arc<CatalogState>,
    /// Today's grants and roles.
    pub grants: Arc<CatalogState>,
    /// Tables by location: overrides a run has pinned, and other tables first read through here.
    pub pinned: Mutex<HashMap<Location, Table>>,
    /// Other tables are read as the epoch recorded them, else as committed by `published_at`.
    pub as_of: bool,
}

impl Snapshot {
    /// The table at `location` as it was first read through here; none where it was not, or is maintained.
    pub fn table(&self, location: &Location) -> Option<Table> {
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.get(location).cloned()
    }
}

impl Engine {
    /// The newest snapshot this process knows.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>> {
        let epoch = self.lake().epoch();
        let catalog = self.catalog.at(&epoch).await?;
        let grants = Arc::clone(&catalog);
        let pinned = Default::default();
        Ok(Arc::new(Snapshot { epoch, catalog, grants, pinned, as_of: false }))
    }

    /// The whole lake as it was: `text` is an epoch's number or a timestamp.
    ///
    /// # Errors
    /// `InvalidDatetimeFormat`, `InvalidParameterValue`, `SnapshotTooOld`.
    pub async fn snapshot_as_of(&self, text: &str) -> Result<Arc<Snapshot>> {
        let text = text.trim();
        let epoch = if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
            let number = text.parse().map_err(|_| {
                Error::new(
                    ErrorKind::InvalidParameterValue,
                    format!("epoch {text} has not been published"),
                )
            })?;
            self.lake().epoch_at(number).await?
        } else {
            self.lake().epoch_at_time(travel::parse_time(text, "UTC")?).await?
        };
        let catalog = self.catalog.at(&epoch).await?;
        let grants = self.catalog.at(&self.lake().epoch()).await?;
        let pinned = Default::default();
        Ok(Arc::new(Snapshot { epoch, catalog, grants, pinned, as_of: true }))
    }
}
