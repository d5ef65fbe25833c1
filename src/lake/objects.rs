//! Small files under `_lakeport/` that are not tables: ingest lists, the format mark.
//!
//! Its one idea: an object is written once, whole, by whoever comes first. Refuses to know what is
//! in them.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};

use crate::error::Result;

use super::error;
use super::store::Lake;

/// An object's name and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Relative to `_lakeport/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// Put-if-absent, get and list below `_lakeport/`.
#[derive(Debug, Clone)]
pub struct Objects {
    lake: Lake,
}

impl Lake {
    /// The lake's own small files.
    pub fn objects(&self) -> Objects {
        Objects { lake: self.clone() }
    }
}

impl Objects {
    /// Writes an object unless one of that name exists; true when it was written. Atomic; once it
    /// has returned, the object survives the process.
    pub async fn put_if_absent(&self, path: &str, bytes: Bytes) -> Result<bool> {
        let (store, path) = self.locate(path)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match store.put_opts(&path, bytes.clone().into(), options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error::object(error)),
        }
    }

    /// Reads an object; `None` when there is none.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>> {
        let (store, path) = self.locate(path)?;
        match store.get(&path).await {
            Ok(found) => found.bytes().await.map(Some).map_err(error::object),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error::object(error)),
        }
    }

    /// Lists a folder with its sub-folders, sorted by path; empty when there is none.
    pub async fn list(&self, folder: &str) -> Result<Vec<ObjectEntry>> {
        let (store, base) = self.lake.system_folder()?;
        let prefix = below(&base, folder);
        let found = store.list(Some(&prefix)).try_collect::<Vec<_>>().await;
        let found = match found {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error::object(error)),
        };
        let cut = base.as_ref().len() + 1;
        let mut entries: Vec<ObjectEntry> = found
            .into_iter()
            .map(|meta| ObjectEntry {
                path: meta.location.as_ref().get(cut..).unwrap_or_default().to_owned(),
                size: meta.size,
            })
            .collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn locate(&self, path: &str) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let (store, base) = self.lake.system_folder()?;
        Ok((store, below(&base, path)))
    }
}

fn below(base: &Path, path: &str) -> Path {
    path.split('/').filter(|part| !part.is_empty()).fold(base.clone(), |path, part| path.join(part))
}
