//! The commands of the binary: check, test, serve, ingest, refresh, verify.
//!
//! Its one idea: the files of `catalog/` and `sql/` are brought into the lake as a whole or not at
//! all, before anything runs. Puts modules together and words their outcomes for a terminal or a
//! program; decides nothing about data.

mod apply;
mod check;
mod open;
mod password;
mod progress;
mod report;
mod run;
mod testing;
mod types;
mod verify;

pub use apply::{AppliedFiles, apply_files};
pub use check::{CheckReport, check};
pub use open::{Overrides, load_config, open, open_at};
pub use password::password;
pub use progress::Progress;
pub use report::Reporter;
pub use run::{ingest, ingest_with, refresh, refresh_with, serve, serve_with};
pub use testing::{TestFailure, TestOutcome, run_tests, test};
pub use verify::verify;

use crate::catalog::FileError;
use crate::error::Error;

/// Why a command failed.
#[derive(Debug, Clone)]
pub enum Failure {
    /// Mistakes in files, all of them.
    Files(Vec<FileError>),
    /// Anything else.
    Error(Error),
    /// Some views or tables failed; each is in the report that was written.
    Partial,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

impl From<Vec<FileError>> for Failure {
    fn from(mistakes: Vec<FileError>) -> Self {
        Failure::Files(mistakes)
    }
}
