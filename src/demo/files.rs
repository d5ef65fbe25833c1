//! Writing landing files, so that writing the same again changes nothing.

use std::io::{Error as IoError, ErrorKind as IoErrorKind};
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::error::{Error, ErrorKind, Result};

/// The landing folder while it is being filled.
#[derive(Debug)]
pub(super) struct Landing {
    root: PathBuf,
    /// Files that are ready after the first time and not after the second are put, others are not.
    window: Option<(NaiveDateTime, NaiveDateTime)>,
    /// Files so far.
    pub(super) count: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl Landing {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), window: None, count: 0, bytes: 0 }
    }

    /// One that takes only what becomes ready after `from` and not after `to`.
    pub(super) fn between(root: &Path, from: NaiveDateTime, to: NaiveDateTime) -> Self {
        Self { window: Some((from, to)), ..Self::new(root) }
    }

    /// The same folder for another source, which counts for itself.
    pub(super) fn beside(&self) -> Self {
        Self { window: self.window, ..Self::new(&self.root) }
    }

    /// Makes the folders of sources.
    pub(super) fn open(&self, sources: &[&str]) -> Result<()> {
        for source in sources {
            let folder = self.root.join(source);
            std::fs::create_dir_all(&folder).map_err(|error| io_error(&folder, error))?;
        }
        Ok(())
    }

    /// Whether a file of this name is put.
    pub(super) fn takes(&self, path: &str) -> bool {
        self.window.is_none_or(|(from, to)| ready_at(path).is_some_and(|at| at > from && at <= to))
    }

    /// Puts a whole file at `path`, relative to the root.
    pub(super) fn put(&mut self, path: &str, content: &[u8]) -> Result<()> {
        if !self.takes(path) {
            return Ok(());
        }
        put(&self.root.join(path), content)?;
        self.count += 1;
        self.bytes += content.len() as u64;
        Ok(())
    }
}

/// When a file is whole, by its name: `2026-10-31`, `2026-10-31T14` and `2026-10-31T14-05` begin the names
/// of a day's, an hour's and five minutes' file.
fn ready_at(path: &str) -> Option<NaiveDateTime> {
    let name = path.rsplit('/').next()?;
    let day = NaiveDate::parse_from_str(name.get(..10)?, "%Y-%m-%d").ok()?;
    let two_digits = |from: usize| name.get(from..from + 2)?.parse::<u32>().ok();
    let Some(hour) = two_digits(11).filter(|_| name.as_bytes().get(10) == Some(&b'T')) else {
        return Some((day + Days::new(1)).and_time(NaiveTime::MIN));
    };
    let minute = two_digits(14).filter(|_| name.as_bytes().get(13) == Some(&b'-'));
    let begin = day.and_hms_opt(hour, minute.unwrap_or(0), 0)?;
    Some(begin + TimeDelta::minutes(if minute.is_some() { 5 } else { 60 }))
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
