//! What one statement, or one REPEATABLE READ transaction, sees.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

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
