//! Writing landing files, so that writing the same again changes nothing.

use std::io::{Error as IoError, ErrorKind as IoErrorKind};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// The landing folder while it is being filled.
#[derive(Debug)]
pub(super) struct Landing {
    root: PathBuf,
    /// Files so far.
    pub(super) count: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl Landing {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), count: 0, bytes: 0 }
    }

    /// Puts a whole file at `path`, relative to the root.
    pub(super) fn put(&mut self, path: &str, content: &[u8]) -> Result<()> {
        put(&self.root.join(path), content)?;
        self.count += 1;
        self.bytes += content.len() as u64;
        Ok(())
    }
}

/// Writes `content` under a name that ingestion ignores, then gives it its own; a file that holds
/// the same already keeps its modification time.
pub(super) fn put(path: &Path, content: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let unfinished = path.with_file_name(name);
    std::fs::write(&unfinished, content)
        .and_then(|()| std::fs::rename(&unfinished, path))
        .map_err(|error| io_error(path, error))
}

/// What a failure to write means to a person.
pub(super) fn io_error(path: &Path, error: IoError) -> Error {
    let kind = match error.kind() {
        IoErrorKind::StorageFull | IoErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        _ => ErrorKind::IoError,
    };
    Error::new(kind, format!("could not write \"{}\": {error}", path.display())).caused_by(error)
}
