//! Transactions: they hold reads only, so all they have is a snapshot, a time, and whether they failed.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::query::Snapshot;
use crate::syntax::TransactionModes;

/// Where a session stands.
#[derive(Debug, Default)]
pub(super) enum Transaction {
    /// Each statement is its own.
    #[default]
    None,
    /// After BEGIN.
    Open(OpenTransaction),
    /// After an error; only its end is accepted.
    Failed,
}

/// A transaction that began and has not ended.
#[derive(Debug)]
pub(super) struct OpenTransaction {
    /// REPEATABLE READ: the first query's snapshot is every query's.
    pub(super) repeatable_read: bool,
    /// READ ONLY was asked for; nothing writes either way, but the error differs.
    pub(super) read_only: bool,
    /// `now()` of every statement.
    pub(super) began_at: DateTime<Utc>,
    /// Kept in REPEATABLE READ.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// Whether a query has run.
    pub(super) queried: bool,
}

impl Transaction {
    /// `I`, `T` or `E`.
    pub(super) fn status(&self) -> char {
        match self {
            Transaction::None => 'I',
            Transaction::Open(_) => 'T',
            Transaction::Failed => 'E',
        }
    }

    /// The open transaction.
    pub(super) fn open(&self) -> Option<&OpenTransaction> {
        match self {
            Transaction::Open(open) => Some(open),
            _ => None,
        }
    }

    /// An error inside a transaction fails all of it.
    pub(super) fn fail(&mut self) {
        if matches!(self, Transaction::Open(_)) {
            *self = Transaction::Failed;
        }
    }

    /// SET TRANSACTION.
    ///
    /// # Errors
    /// `ActiveSqlTransaction` when the level comes after a query.
    pub(super) fn set_modes(&mut self, modes: TransactionModes) -> Result<()> {
        let Transaction::Open(open) = self else {
            return Ok(());
        };
        if let Some(repeatable_read) = modes.repeatable_read {
            if open.queried && repeatable_read != open.repeatable_read {
                return Err(Error::new(
                    ErrorKind::ActiveSqlTransaction,
                    "SET TRANSACTION ISOLATION LEVEL must be called before any query",
                ));
            }
            open.repeatable_read = repeatable_read;
        }
        open.read_only = modes.read_only.unwrap_or(open.read_only);
        Ok(())
    }
}

/// The error of every statement in a failed transaction.
pub(super) fn aborted() -> Error {
    Error::new(
        ErrorKind::InFailedSqlTransaction,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}
