//! One test, as its file says it.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::catalog::FileError;
use crate::error::{Error, ErrorKind};
use crate::name::RelationName;
use crate::syntax::{Query, TestRows};

/// A test.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// As it is shown.
    pub(super) file: PathBuf,
    pub(super) line: usize,
    pub(super) name: String,
    /// The view that the file stands beside.
    pub(super) view: String,
    pub(super) now: Option<DateTime<Utc>>,
    pub(super) givens: Vec<Rows>,
    pub(super) expects: Vec<Rows>,
}

/// Rows of a relation, as written.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) relation: RelationName,
    pub(super) columns: Vec<String>,
    pub(super) values: Option<Query>,
    /// Where the statement stands: the error in it is no error.
    pub(super) place: FileError,
}

impl Rows {
    pub(super) fn new(rows: TestRows, place: FileError) -> Result<Self, FileError> {
        let Some(schema) = rows.relation.schema else {
            let message = format!("relation \"{}\" has no schema", rows.relation.name);
            let error = Error::new(ErrorKind::UndefinedTable, message)
                .hint("Tests name relations in full: silver.orders.");
            return Err(FileError { error, ..place });
        };
        let relation = RelationName::new(schema, rows.relation.name);
        Ok(Self { relation, columns: rows.columns, values: rows.values, place })
    }

    /// `error` at the statement.
    pub(super) fn mistake(&self, error: Error) -> FileError {
        FileError { error, ..self.place.clone() }
    }
}
