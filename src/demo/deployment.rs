//! Where the shop's `catalog/` and `sql/` are: beside the caller, or inside the binary.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::error::{Error, ErrorKind, Result};

use super::files::io_error;

static CATALOG: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/catalog");
static SQL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql");

/// The two folders of the shop. Folders made for the embedded files are removed with it.
#[derive(Debug)]
pub struct Deployment {
    /// `catalog/`.
    pub catalog: PathBuf,
    /// `sql/`.
    pub sql: PathBuf,
    scratch: Option<PathBuf>,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if let Some(scratch) = &self.scratch {
            // It lies in the system's temporary folder: what cannot be removed is removed there.
            let _ = std::fs::remove_dir_all(scratch);
        }
    }
}

/// Uses `catalog` and `sql` where they are folders, and the embedded ones in place of what is missing.
///
/// # Errors
/// `IoError` when the embedded files cannot be laid out in the temporary folder.
pub fn deployment(catalog: &Path, sql: &Path) -> Result<Deployment> {
    let mut deployment =
        Deployment { catalog: catalog.to_owned(), sql: sql.to_owned(), scratch: None };
    if catalog.is_dir() && sql.is_dir() {
        return Ok(deployment);
    }
    let scratch = scratch_folder()?;
    deployment.scratch = Some(scratch.clone());
    if !catalog.is_dir() {
        deployment.catalog = extract(&CATALOG, scratch.join("catalog"))?;
    }
    if !sql.is_dir() {
        deployment.sql = extract(&SQL, scratch.join("sql"))?;
    }
    Ok(deployment)
}

fn extract(embedded: &Dir<'_>, to: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&to)
        .and_then(|()| embedded.extract(&to))
        .map_err(|error| io_error(&to, error))?;
    Ok(to)
}

/// A folder that nobody else has: creating it fails if it is there.
fn scratch_folder() -> Result<PathBuf> {
    let parent = std::env::temp_dir();
    for attempt in 0..1000_u32 {
        let folder = parent.join(format!("lakeport-demo-{}-{attempt}", std::process::id()));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_error(&folder, error)),
        }
    }
    Err(Error::new(
        ErrorKind::IoError,
        format!("no free name for a temporary folder in \"{}\"", parent.display()),
    )
    .hint("Remove what older runs left there, named lakeport-demo-*."))
}
