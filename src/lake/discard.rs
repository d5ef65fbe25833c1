//! A table's folder, deleted whole: one that a transaction made and did not commit, or whose table was dropped.
//!
//! Refuses to know whether somebody reads it; its caller does.

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use object_store::path::Path;
use uuid::Uuid;

use crate::error::Result;
use crate::name::RelationName;

use super::error;
use super::store::{Lake, Location, store_path};
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

    /// Folders in a schema's that transactions made for tables, each with the time of its newest file.
    ///
    /// # Errors
    /// `IoError`.
    pub async fn own_folders(&self, schema: &str) -> Result<Vec<(Location, DateTime<Utc>)>> {
        let folder = self.inner.root.join(&[schema]);
        let (store, path) = (self.store_of(&folder)?, store_path(&folder)?);
        let listed = match store.list_with_delimiter(Some(&path)).await {
            Ok(listed) => listed,
            Err(object_store::Error::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error::object(error)),
        };
        let mut found = Vec::new();
        for prefix in listed.common_prefixes {
            let Some(name) = prefix.filename().filter(|name| is_own(name)) else { continue };
            let times = store.list(Some(&prefix)).map_ok(|meta| meta.last_modified);
            let times: Vec<DateTime<Utc>> = times.try_collect().await.map_err(error::object)?;
            if let Some(newest) = times.into_iter().max() {
                found.push((self.location(&RelationName::new(schema, name)), newest));
            }
        }
        Ok(found)
    }
}

/// Whether a folder's name ends as [`own_folder`] makes it.
fn is_own(name: &str) -> bool {
    name.rsplit_once("__").is_some_and(|(table, own)| {
        !table.is_empty() && own.len() == 8 && own.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The name of a folder that no other table has.
pub fn own_folder(name: &RelationName) -> RelationName {
    let own = Uuid::new_v4().simple().to_string();
    let own = own.get(..8).unwrap_or_default();
    RelationName::new(name.schema.as_str(), format!("{}__{own}", name.relation))
}
