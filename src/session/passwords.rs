//! The file of password verifiers: who has a password, and whether one is right.
//!
//! Lines are `"role" "verifier"`, as in pgbouncer's userlist. The file is read again when it has
//! changed, so a new password counts from the next login. Passwords themselves are never kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::error::{Error, ErrorKind, Result};
use crate::security::scram::Verifier;

/// More roles than anybody has.
const FILE_BYTES_MAX: u64 = 16 << 20;

type Verifiers = BTreeMap<String, Verifier>;

/// Who has a password.
#[derive(Debug)]
pub struct Passwords {
    file: Option<PathBuf>,
    /// What verifiers of roles without one are made of.
    secret: [u8; 32],
    read: Mutex<Option<(Stamp, Arc<Verifiers>)>>,
}

/// What changes when the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Passwords {
    /// Of a file that need not exist yet; none means that nobody has a password.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, secret: rand::random(), read: Mutex::default() }
    }

    /// Whether passwords are configured.
    pub fn configured(&self) -> bool {
        self.file.is_some()
    }

    /// Reads the file, if one is configured.
    ///
    /// # Errors
    /// `ConfigFileError` for a file that is missing, malformed, or readable by others.
    pub fn check(&self) -> Result<()> {
        self.verifiers().map(drop)
    }

    /// The verifier of a role; one that no password fits for a role that has none, so that an exchange
    /// does not tell who exists. A file that cannot be read any more is for the log: nobody gets in.
    pub fn verifier(&self, role: &str) -> Verifier {
        let found = match self.verifiers() {
            Ok(verifiers) => verifiers.get(role).cloned(),
            Err(error) => {
                tracing::error!(%error, "passwords cannot be checked");
                None
            }
        };
        found.unwrap_or_else(|| Verifier::of_nobody(&self.secret, role))
    }

    /// Whether `password` is the role's, for protocols that send it as it is.
    ///
    /// # Errors
    /// `InvalidPassword`, the same for a wrong password and a role without one.
    pub async fn verify(&self, role: &str, password: &str) -> Result<()> {
        let verifier = self.verifier(role);
        let password = password.to_owned();
        // Milliseconds of hashing, on purpose.
        let matches = tokio::task::spawn_blocking(move || verifier.matches(&password)).await;
        match matches {
            Ok(true) => Ok(()),
            Ok(false) => Err(wrong(role)),
            Err(error) => Err(Error::internal("a password's check ended").caused_by(error)),
        }
    }

    fn verifiers(&self) -> Result<Arc<Verifiers>> {
        let Some(path) = &self.file else { return Ok(Arc::default()) };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if let Some((stamp, verifiers)) = &*read
            && *stamp == stamp_of(&now)
        {
            return Ok(Arc::clone(verifiers));
        }
        let (stamp, verifiers) = load(path)?;
        let verifiers = Arc::new(verifiers);
        *read = Some((stamp, Arc::clone(&verifiers)));
        Ok(verifiers)
    }
}

/// The error of a login that failed; it does not say why.
pub fn wrong(role: &str) -> Error {
    Error::new(
        ErrorKind::InvalidPassword,
        format!("password authentication failed for user \"{role}\""),
    )
}

/// Writes a new verifier for `role` into `file`, which nobody else can read; `None` takes it away.
/// Gives whether the role had one before.
///
/// # Errors
/// As [`Passwords::check`]; `IoError`.
pub fn set_password(file: &Path, role: &str, password: Option<&str>) -> Result<bool> {
    let mut verifiers = match file.try_exists() {
        Ok(false) => BTreeMap::new(),
        _ => load(file)?.1,
    };
    let had = verifiers.remove(role).is_some();
    if let Some(password) = password {
        let salt: [u8; 16] = rand::random();
        verifiers.insert(role.to_owned(), Verifier::new(password, &salt));
    }
    let mut text = String::new();
    for (role, verifier) in &verifiers {
        // Writing to a string does not fail.
        let _ = writeln!(text, "\"{}\" \"{verifier}\"", role.replace('"', "\"\""));
    }
    write_private(file, &text).map_err(|error| {
        Error::new(ErrorKind::IoError, format!("could not write \"{}\": {error}", file.display()))
    })?;
    Ok(had)
}

/// Whole or not at all: beside the file first, then in its place.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = file.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut open| {
        open.write_all(text.as_bytes())?;
        open.sync_all()?;
        fs::rename(&beside, file)
    });
    if written.is_err() {
        // Best effort: the error that counts is the first.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn load(path: &Path) -> Result<(Stamp, Verifiers)> {
    let mut open = File::open(path).map_err(|error| unreadable(path, &error))?;
    let metadata = open.metadata().map_err(|error| unreadable(path, &error))?;
    check_private(path, &metadata)?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(malformed(path, "it is too large"));
    }
    let mut text = String::new();
    open.read_to_string(&mut text).map_err(|error| unreadable(path, &error))?;
    let mut verifiers = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with([';', '#']) {
            continue;
        }
        let (role, verifier) = parse_line(line).ok_or_else(|| {
            malformed(path, &format!("line {} is not \"role\" \"verifier\"", number + 1))
        })?;
        verifiers.insert(role, verifier);
    }
    Ok((stamp_of(&metadata), verifiers))
}

fn parse_line(line: &str) -> Option<(String, Verifier)> {
    let rest = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let (role, verifier) = rest.rsplit_once('"')?;
    let role = role.trim_end().strip_suffix('"')?;
    Some((role.replace("\"\"", "\""), Verifier::parse(verifier)?))
}

/// # Errors
/// `ConfigFileError` for a file that others than its owner can read.
pub fn check_private(path: &Path, metadata: &Metadata) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // As Postgres has it: root may let a group read its files.
        let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
        if metadata.mode() & forbidden != 0 {
            return Err(Error::new(
                ErrorKind::ConfigFileError,
                format!("file \"{}\" can be read by others", path.display()),
            )
            .hint(format!("chmod 0600 \"{}\" makes it private.", path.display())));
        }
    }
    Ok(())
}

fn stamp_of(metadata: &Metadata) -> Stamp {
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Stamp { modified: metadata.modified().ok(), bytes: metadata.len(), inode }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::ConfigFileError,
        format!("could not read the password file \"{}\": {error}", path.display()),
    )
    .hint("`lakeport password <role>` writes it.")
}

/// The file's contents are secrets: a line that does not parse is named, never shown.
fn malformed(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::ConfigFileError,
        format!("the password file \"{}\" is malformed: {what}", path.display()),
    )
}
