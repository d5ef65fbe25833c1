//! What lies in the folders that may be read.
//!
//! Its one idea: a path is judged by where it really leads. Everything found is below the landing
//! folder, the lake, or an allowed folder, links and `..` resolved. Opens no file but to hash it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::query::FileFinder;

use super::glob::{Glob, is_pattern};

/// Folders deeper than this are taken for a loop.
const DEPTH_MAX: usize = 64;
/// How much is read at once to hash.
const HASHED_BYTES: usize = 128 << 10;

/// The folders files may lie in.
#[derive(Debug, Clone)]
pub(crate) struct Roots {
    /// Where relative paths start.
    pub(crate) landing: PathBuf,
    /// Besides it, as configured.
    pub(crate) others: Vec<PathBuf>,
}

/// The roots as they lie on the disk now: resolved once for a whole batch of files.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    roots: Roots,
    /// The landing folder by its text.
    landing: PathBuf,
    /// Every root by its text, and as links lead.
    within: Vec<PathBuf>,
}

/// A file that may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundFile {
    /// Its name for the table: relative to the landing folder, else absolute.
    pub(crate) path: String,
    /// Where it is.
    pub(crate) absolute: PathBuf,
    /// Bytes.
    pub(crate) size: u64,
    /// When it last changed, in microseconds.
    pub(crate) modified: DateTime<Utc>,
}

impl FoundFile {
    /// The last part of its path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// An I/O error in our words.
pub(crate) fn io_error(what: &str, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        io::ErrorKind::NotFound => ErrorKind::UndefinedFile,
        _ => ErrorKind::IoError,
    };
    Error::new(kind, format!("{what}: {error}")).caused_by(error)
}

impl Roots {
    /// Looks where the roots really are.
    pub(crate) fn reach(&self) -> Reach {
        let within = std::iter::once(&self.landing)
            .chain(&self.others)
            .flat_map(|root| [normalize(root), fs::canonicalize(root).unwrap_or_default()])
            .filter(|root| !root.as_os_str().is_empty())
            .collect();
        Reach { roots: self.clone(), landing: normalize(&self.landing), within }
    }
}

impl FileFinder for Roots {
    fn find(&self, pattern: &str) -> Result<Vec<PathBuf>> {
        Ok(self.reach().find(pattern)?.into_iter().map(|file| file.absolute).collect())
    }
}

impl Reach {
    /// Finds the files of a path or pattern, sorted by path. Names that begin with `_` or `.` or end
    /// in `.tmp` are passed over.
    ///
    /// # Errors
    /// `UndefinedFile` when the folder the pattern starts in does not exist;
    /// `InvalidParameterValue` when it, or something a link in it leads to, lies outside the roots.
    pub(crate) fn find(&self, path: &str) -> Result<Vec<FoundFile>> {
        let (start, pattern) = self.split(path)?;
        let real = self.inside(&start, path)?;
        let metadata = fs::metadata(&real).map_err(|error| io_error("could not read", error))?;
        let mut found = BTreeMap::new();
        if metadata.is_file() {
            if pattern.is_none() {
                self.add(&start, &real, &mut found)?;
            }
            return Ok(found.into_values().collect());
        }
        let glob = pattern.map(|pattern| Glob::new(&pattern));
        self.walk(&start, &real, &mut Vec::new(), glob.as_ref(), &mut found)?;
        Ok(found.into_values().collect())
    }

    /// Where a file of a list is now; `None` when it is gone.
    ///
    /// # Errors
    /// It leads outside the roots by now.
    pub(crate) fn locate(&self, path: &str) -> Result<Option<FoundFile>> {
        let start = self.roots.landing.join(path);
        match fs::metadata(&start) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(&format!("could not read \"{path}\""), error)),
        }
        let real = self.inside(&start, path)?;
        let mut found = BTreeMap::new();
        self.add(&start, &real, &mut found)?;
        Ok(found.into_values().next())
    }

    /// The folder a path or pattern starts in, and the rest, if it is a pattern.
    fn split(&self, path: &str) -> Result<(PathBuf, Option<String>)> {
        let path = match path.split_once("://") {
            Some(("file", rest)) => rest,
            Some((scheme, _)) => {
                return Err(Error::unsupported(format!("reading files from {scheme}://"))
                    .hint("Files are read from local folders."));
            }
            None => path,
        };
        let mut start =
            if path.starts_with('/') { PathBuf::from("/") } else { self.roots.landing.clone() };
        let mut segments = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        let mut rest: Vec<&str> = Vec::new();
        for segment in segments.by_ref() {
            if is_pattern(segment) {
                rest.push(segment);
                break;
            }
            start.push(segment);
        }
        rest.extend(segments);
        if rest.contains(&"..") {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("path \"{path}\" has .. behind a pattern"),
            ));
        }
        Ok((start, (!rest.is_empty()).then(|| rest.join("/"))))
    }

    /// The real path, which must lie in a root.
    fn inside(&self, path: &Path, written: &str) -> Result<PathBuf> {
        // Before the disk is asked: whether something exists outside the roots is nobody's business.
        let lexical = normalize(path);
        let within = |path: &Path| self.within.iter().any(|root| path.starts_with(root));
        let outside = || {
            let allowed: Vec<String> = std::iter::once(&self.roots.landing)
                .chain(&self.roots.others)
                .map(|root| format!("\"{}\"", root.display()))
                .collect();
            Error::new(
                ErrorKind::InvalidParameterValue,
                format!("path \"{written}\" lies outside the folders that may be read"),
            )
            .detail(format!("Files may lie in {}.", allowed.join(", ")))
            .hint("Add the folder to allowed in [storage] of lakeport.toml.")
        };
        if !within(&lexical) {
            return Err(outside());
        }
        let real = fs::canonicalize(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(
                ErrorKind::UndefinedFile,
                format!("\"{}\" does not exist", path.display()),
            )
            .hint("Paths of files start in the folder given with --landing."),
            _ => io_error(&format!("could not read \"{}\"", path.display()), error),
        })?;
        if within(&real) { Ok(real) } else { Err(outside()) }
    }

    fn walk(
        &self,
        start: &Path,
        real: &Path,
        below: &mut Vec<String>,
        glob: Option<&Glob>,
        found: &mut BTreeMap<String, FoundFile>,
    ) -> Result<()> {
        if below.len() > DEPTH_MAX {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("folder \"{}\" is nested too deeply", start.display()),
            ));
        }
        let unreadable =
            |error| io_error(&format!("could not list \"{}\"", start.display()), error);
        for entry in fs::read_dir(real).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                tracing::warn!(folder = %start.display(), "file name is not UTF-8, left out");
                continue;
            };
            if name.starts_with(['_', '.']) || name.ends_with(".tmp") {
                continue;
            }
            below.push(name.to_owned());
            let segments: Vec<&str> = below.iter().map(String::as_str).collect();
            let path = start.join(name);
            let kind = entry.file_type().map_err(unreadable)?;
            let wanted = glob.is_none_or(|glob| glob.matches(&segments));
            let descend = glob.is_none_or(|glob| glob.may_match_below(&segments));
            drop(segments);
            if wanted || descend {
                let leads = match kind.is_symlink() {
                    true => self.linked(&path)?.map(|real| (real.is_dir(), real)),
                    false => Some((kind.is_dir(), entry.path())),
                };
                match leads {
                    Some((true, real)) if descend => {
                        self.walk(&path, &real, below, glob, found)?;
                    }
                    Some((false, real)) if wanted => self.add(&path, &real, found)?,
                    _ => {}
                }
            }
            below.pop();
        }
        Ok(())
    }

    /// Where a link leads; `None` when nowhere.
    fn linked(&self, path: &Path) -> Result<Option<PathBuf>> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => self.inside(path, &path.display().to_string()).map(Some),
        }
    }

    fn add(&self, path: &Path, real: &Path, found: &mut BTreeMap<String, FoundFile>) -> Result<()> {
        let metadata = match fs::metadata(real) {
            Ok(metadata) => metadata,
            // Taken away between listing and looking.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(io_error(&format!("could not read \"{}\"", path.display()), error));
            }
        };
        if !metadata.is_file() {
            return Ok(());
        }
        let modified = metadata.modified().map(DateTime::<Utc>::from).unwrap_or_default();
        let lexical = normalize(path);
        let relative = lexical.strip_prefix(&self.landing).unwrap_or(&lexical);
        let Some(name) = relative.to_str() else { return Ok(()) };
        let file = FoundFile {
            path: name.to_owned(),
            absolute: real.to_owned(),
            size: metadata.len(),
            modified: DateTime::from_timestamp_micros(modified.timestamp_micros())
                .unwrap_or_default(),
        };
        found.insert(file.path.clone(), file);
        Ok(())
    }
}

/// Absolute, `.` and `..` taken out by their text.
fn normalize(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut normal = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// The SHA-256 of a file's content, in hexadecimal, and how many bytes that was.
pub(crate) fn hash(path: &Path) -> io::Result<(String, u64)> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut block = Vec::with_capacity(HASHED_BYTES);
    let mut size = 0;
    loop {
        block.clear();
        let read = file.by_ref().take(HASHED_BYTES as u64).read_to_end(&mut block)?;
        hasher.update(&block);
        size += read as u64;
        if read < HASHED_BYTES {
            break;
        }
    }
    let hex = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, size))
}
