//! A table's folder, deleted whole: one that a transaction made and did not commit.
//!
//! Refuses to know whether somebody reads it; its caller does.

use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use object_store::path::Path;

use crate::error::Result;

use super::error;
use super::store::{Lake, Location};
use super::vacuum::delete;

impl Lake {
    /// Deletes all that is at `location`, its log first: what is found half done is no table.
    ///
    /// # Errors
    /// `IoError`; what is left then is nobody's.
    pub async fn discard(&self, location: &Location) -> Result<()> {
        let held = self.held(location)?;
        let store = held.log().object_store(None);
        let found: Vec<Path> = store
            .list(None)
            .map_ok(|meta| meta.location)
            .try_collect()
            .await
            .map_err(error::object)?;
        let is_log = |path: &Path| path.as_ref().starts_with("_delta_log");
        let (mut paths, data): (Vec<Path>, Vec<Path>) = found.into_iter().partition(is_log);
        paths.extend(data);
        delete(held.log(), paths).await?;
        self.forget(location);
        Ok(())
    }
}
