//! The lake's root: where tables lie, and the snapshots held in memory.
//!
//! Its one idea: a location is a URL, and the lake knows which object store serves it. Locations
//! below the root are written relative to it, so that a lake can be moved. Refuses to know what the
//! tables hold.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{RelationName, Version};

use super::cache::Held;
use super::epoch::Epochs;
use super::error;
use super::fault;
use super::maintain::Maintenance;
use super::table::Table;

/// The version of the lake's own formats that this server writes, and the newest it reads.
const FORMAT: u64 = 1;
const FORMAT_FILE: &str = "format.json";
/// The folder of the lake's own tables and objects.
const SYSTEM_FOLDER: &str = "_lakeport";

/// Where a lake is.
#[derive(Debug, Clone)]
pub enum LakeRoot {
    /// A folder on a local disk; made if it does not exist.
    Folder(PathBuf),
    /// Memory of this process, for tests and checks.
    Memory,
}

/// A table's folder, as a URL without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Location(pub String);

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Location {
    /// The folder on the local disk; `None` for tables in memory.
    pub fn local_path(&self) -> Option<PathBuf> {
        let url = Url::parse(&self.0).ok()?;
        if url.scheme() == "file" { url.to_file_path().ok() } else { None }
    }

    pub(super) fn url(&self) -> Result<Url> {
        Url::parse(&format!("{}/", self.0)).map_err(|error| {
            Error::new(ErrorKind::InvalidParameterValue, format!("\"{self}\" is not a location"))
                .caused_by(error)
        })
    }

    pub(super) fn join(&self, parts: &[&str]) -> Location {
        let encoded = parts.iter().flat_map(|part| ["/".to_owned(), encode(part)]);
        Location(self.0.clone() + &encoded.collect::<String>())
    }
}

/// Percent-encodes one segment the way URLs of files are.
fn encode(part: &str) -> String {
    let Ok(mut url) = Url::parse("file:///") else { return part.to_owned() };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().push(part);
    }
    url.path().trim_start_matches('/').to_owned()
}

/// The lake. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    pub(super) inner: Arc<Inner>,
}

/// What all clones share.
pub(super) struct Inner {
    pub(super) root: Location,
    clock: Arc<dyn Clock>,
    /// Serves `file:` URLs.
    disk: Arc<dyn ObjectStore>,
    /// Serves `memory:` URLs.
    memory: Arc<dyn ObjectStore>,
    held: Mutex<HashMap<Location, Arc<Held>>>,
    pub(super) epochs: Epochs,
    pub(super) maintenance: Maintenance,
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lake").field(&self.inner.root.0).finish()
    }
}

#[derive(Serialize, Deserialize)]
struct Format {
    format: u64,
    written_by: String,
}

impl Lake {
    /// Opens the lake, making an empty one where nothing is.
    ///
    /// # Errors
    /// `FeatureNotSupported` naming both format versions when a newer server wrote it; `IoError`.
    pub async fn open(root: LakeRoot, clock: Arc<dyn Clock>) -> Result<Self> {
        let root = match root {
            LakeRoot::Memory => Location("memory:///lake".to_owned()),
            LakeRoot::Folder(folder) => folder_root(&folder).await?,
        };
        let disk = LocalFileSystem::new();
        let lake = Self {
            inner: Arc::new(Inner {
                root,
                clock,
                disk: fault::wrap(Arc::new(disk)),
                memory: Arc::new(InMemory::new()),
                held: Mutex::new(HashMap::new()),
                epochs: Epochs::default(),
                maintenance: Maintenance::default(),
            }),
        };
        lake.check_format().await?;
        lake.poll_epoch().await?;
        Ok(lake)
    }

    async fn check_format(&self) -> Result<()> {
        let objects = self.objects();
        let bytes = match objects.get(FORMAT_FILE).await? {
            Some(bytes) => bytes,
            None => {
                let ours =
                    Format { format: FORMAT, written_by: env!("CARGO_PKG_VERSION").to_owned() };
                let text = serde_json::to_vec(&ours)
                    .map_err(|error| Error::internal("format mark").caused_by(error))?;
                objects.put_if_absent(FORMAT_FILE, Bytes::from(text)).await?;
                return Ok(());
            }
        };
        let found: Format = serde_json::from_slice(&bytes).map_err(|error| {
            Error::new(
                ErrorKind::DataCorrupted,
                format!("{SYSTEM_FOLDER}/{FORMAT_FILE} does not say which format the lake has"),
            )
            .caused_by(error)
        })?;
        if found.format > FORMAT {
            return Err(Error::new(
                ErrorKind::FeatureNotSupported,
                format!(
                    "the lake has format {}, this server reads up to format {FORMAT}",
                    found.format
                ),
            )
            .detail(format!(
                "Lakeport {} wrote it; this is Lakeport {}.",
                found.written_by,
                env!("CARGO_PKG_VERSION")
            ))
            .hint("Use a newer Lakeport for this lake."));
        }
        Ok(())
    }

    /// The clock it was opened with.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// `<dir>/<schema>/<relation>`.
    pub fn location(&self, name: &RelationName) -> Location {
        self.inner.root.join(&[&name.schema, &name.relation])
    }

    /// `<dir>/_lakeport/<name>`.
    pub fn system_location(&self, name: &str) -> Location {
        self.inner.root.join(&[SYSTEM_FOLDER, name])
    }

    /// A location outside the lake: an absolute path, or `file://` URL. Other schemes answer 0A000.
    pub fn external_location(&self, text: &str) -> Result<Location> {
        let invalid = |why: &str| {
            Err(Error::new(ErrorKind::InvalidParameterValue, format!("location \"{text}\" {why}")))
        };
        let path = if text.contains("://") {
            match Url::parse(text) {
                Ok(url) if url.scheme() == "file" => match url.to_file_path() {
                    Ok(path) => path,
                    Err(()) => return invalid("is not a path on this machine"),
                },
                Ok(url) => {
                    return Err(Error::unsupported(format!("a location on \"{}\"", url.scheme()))
                        .hint("Use an absolute path, or a file:// URL."));
                }
                Err(_) => return invalid("is not a URL"),
            }
        } else {
            PathBuf::from(text)
        };
        if !path.is_absolute() {
            return invalid("is not an absolute path");
        }
        if path.components().any(|part| part == std::path::Component::ParentDir) {
            return invalid("contains \"..\"");
        }
        // Links are resolved where the folder exists, so that one table has one location.
        let path = path.canonicalize().unwrap_or(path);
        match Url::from_file_path(&path) {
            Ok(url) => Ok(Location(url.as_str().trim_end_matches('/').to_owned())),
            Err(()) => invalid("is not a path on this machine"),
        }
    }

    /// How a location is kept in the lake: relative to the root where it lies below it.
    pub fn relative(&self, location: &Location) -> String {
        let below = location.0.strip_prefix(&self.inner.root.0);
        match below.and_then(|rest| rest.strip_prefix('/')) {
            Some(rest) => rest.to_owned(),
            None => location.0.clone(),
        }
    }

    /// The location that [`Lake::relative`] wrote.
    pub fn resolve(&self, text: &str) -> Location {
        if text.contains("://") {
            Location(text.to_owned())
        } else {
            Location(format!("{}/{text}", self.inner.root))
        }
    }

    /// The newest version, or `None` where no table is. One LIST; only new commits are read.
    pub async fn newest(&self, location: &Location) -> Result<Option<Table>> {
        self.held(location)?.refresh().await
    }

    /// The newest version that this process has seen; looks at the log only the first time.
    pub async fn newest_held(&self, location: &Location) -> Result<Option<Table>> {
        let held = self.held(location)?;
        match held.newest() {
            Some(table) => Ok(Some(table)),
            None => held.refresh().await,
        }
    }

    /// The table at `version`, from memory when held there.
    ///
    /// # Errors
    /// `UndefinedTable` where no table is; `SnapshotTooOld` when the version is gone;
    /// `InvalidParameterValue` when it does not exist yet.
    pub async fn at_version(&self, location: &Location, version: Version) -> Result<Table> {
        self.held(location)?.at_version(version).await
    }

    /// The table as it was at `time`: the newest version committed at or before it.
    ///
    /// # Errors
    /// `UndefinedTable` where no table is; `SnapshotTooOld` when `time` is before the first version
    /// that is kept.
    pub async fn at_time(&self, location: &Location, time: DateTime<Utc>) -> Result<Table> {
        self.held(location)?.at_time(time).await
    }

    /// The snapshots of one table.
    pub(super) fn held(&self, location: &Location) -> Result<Arc<Held>> {
        let mut all = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.get(location) {
            return Ok(Arc::clone(held));
        }
        let held = Arc::new(Held::new(location.clone(), self.store_of(location)?)?);
        all.insert(location.clone(), Arc::clone(&held));
        Ok(held)
    }

    /// Lets go of what is held of a table that is no more.
    pub(super) fn forget(&self, location: &Location) {
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner).remove(location);
    }

    /// The object store a location is served by; paths in it start at the URL's root.
    pub(super) fn store_of(&self, location: &Location) -> Result<Arc<dyn ObjectStore>> {
        match location.url()?.scheme() {
            "file" => Ok(Arc::clone(&self.inner.disk)),
            "memory" => Ok(Arc::clone(&self.inner.memory)),
            other => Err(Error::unsupported(format!("a location on \"{other}\""))),
        }
    }

    /// The store and the path in it of `_lakeport/`.
    pub(super) fn system_folder(&self) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let folder = self.inner.root.join(&[SYSTEM_FOLDER]);
        Ok((self.store_of(&folder)?, store_path(&folder)?))
    }
}

/// A location's path within its object store.
pub(super) fn store_path(location: &Location) -> Result<Path> {
    Path::from_url_path(location.url()?.path()).map_err(|error| {
        Error::new(ErrorKind::InvalidParameterValue, format!("\"{location}\" is not a location"))
            .caused_by(error)
    })
}

async fn folder_root(folder: &std::path::Path) -> Result<Location> {
    let io = |error| error::file(folder, error);
    tokio::fs::create_dir_all(folder).await.map_err(io)?;
    let folder = tokio::fs::canonicalize(folder).await.map_err(io)?;
    let url = Url::from_file_path(&folder)
        .map_err(|()| Error::internal(format!("{} has no URL", folder.display())))?;
    Ok(Location(url.as_str().trim_end_matches('/').to_owned()))
}
