//! What one statement, or one REPEATABLE READ transaction, sees.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::CatalogState;
use crate::lake::{EpochState, Location, Table};

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
