//! What a version's `txn` actions say, remembered.
//!
//! Its one idea: a replay of the log answers for one application at a time and costs a millisecond, but a
//! version differs from the one before only by the entries between them; so what was known of that one is
//! carried over. Refuses to guess: an entry that is gone means a replay.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use deltalake_core::logstore::LogStoreRef;
use tokio::sync::OnceCell;

use crate::error::Result;
use crate::name::Version;

use super::log;
use super::store::Location;

/// So many entries are read to carry over what was known; over more, a replay is as cheap.
const CARRIED_MAX: u64 = 8;

/// The newest version each application recorded, where it recorded one.
type Recorded = HashMap<String, Option<i64>>;

/// What is known of one version.
#[derive(Debug, Default)]
pub(super) struct Txns {
    known: Mutex<Recorded>,
    /// What was known of an earlier version.
    before: Option<(Version, Recorded)>,
    /// What was recorded since then; `None` when the log no longer says.
    since: OnceCell<Option<HashMap<String, i64>>>,
}

impl Txns {
    /// Nothing yet, but for what `earlier` knew at its version.
    pub(super) fn after(version: Version, earlier: &Self) -> Self {
        let known = earlier.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let before = match &earlier.before {
            Some(before) if known.is_empty() => before.clone(),
            _ => (version, known),
        };
        Self { before: Some(before), ..Self::default() }
    }

    /// What `app_id` recorded, if that is known; the log tells what came since.
    pub(super) async fn find(
        &self,
        app_id: &str,
        version: Version,
        location: &Location,
        log: &LogStoreRef,
    ) -> Result<Option<Option<i64>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(app_id).copied();
        if known.is_some() {
            return Ok(known);
        }
        let Some((from, before)) = &self.before else { return Ok(None) };
        let Some(had) = before.get(app_id) else { return Ok(None) };
        let since = self.since.get_or_try_init(|| recorded(*from, version, location, log)).await?;
        let Some(since) = since else { return Ok(None) };
        let found = since.get(app_id).copied().or(*had);
        self.remember(app_id, found);
        Ok(Some(found))
    }

    /// Keeps what a replay told.
    pub(super) fn remember(&self, app_id: &str, found: Option<i64>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(app_id.to_owned(), found);
    }
}

/// What was recorded after `from`, up to `to`; `None` when the log no longer says, or says too much.
async fn recorded(
    from: Version,
    to: Version,
    location: &Location,
    log: &LogStoreRef,
) -> Result<Option<HashMap<String, i64>>> {
    if to < from || to - from > CARRIED_MAX {
        return Ok(None);
    }
    let mut recorded = HashMap::new();
    for version in from + 1..=to {
        let Some(entry) = log::read(log, location, version).await? else { return Ok(None) };
        recorded.extend(entry.applications);
    }
    Ok(Some(recorded))
}
