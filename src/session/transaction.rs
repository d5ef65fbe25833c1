//! Transactions: a snapshot, a time, modes, savepoints, and what waits for COMMIT.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::query::Snapshot;
use crate::syntax::{Isolation, TransactionModes};

use super::pending::{self, Pending};
use super::settings::Kept;
use super::temporary::TemporaryTables;

/// More savepoints than this are a client's mistake.
const SAVEPOINTS_MAX: usize = 10_000;

/// Where a session stands.
#[derive(Debug, Default)]
pub(super) enum Transaction {
    /// Each statement is its own.
    #[default]
    None,
    /// Statements of one message, which end together.
    Implicit(Box<OpenTransaction>),
    /// After BEGIN.
    Block(Box<OpenTransaction>),
}

/// A transaction that began and has not ended.
#[derive(Debug)]
pub(super) struct OpenTransaction {
    /// It is a message of several statements, which cursors and locks may live in as in a block.
    pub(super) several: bool,
    /// After an error only its end, or a way back to a savepoint, is accepted.
    pub(super) failed: bool,
    /// From REPEATABLE READ on the first query's snapshot is every query's.
    pub(super) isolation: Isolation,
    /// READ ONLY was asked for.
    pub(super) read_only: bool,
    /// `now()` of every statement.
    pub(super) began_at: DateTime<Utc>,
    /// Kept from REPEATABLE READ on.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// Whether a query has run.
    pub(super) queried: bool,
    /// The innermost last.
    pub(super) savepoints: Vec<Savepoint>,
    /// Sent when it commits: channel and payload.
    pub(super) notifications: Vec<(String, String)>,
    /// Not the session's own but beside it: an error does not fail it, and no statement ends it.
    pub(super) apart: bool,
    /// Channels to listen to, or to leave (all for none), when it commits.
    pub(super) listening: Vec<(bool, Option<String>)>,
    /// The session's temporary tables as they were before it.
    pub(super) temporary: TemporaryTables,
    /// What it has changed.
    pub(super) pending: Option<Box<Pending>>,
}

/// What ROLLBACK TO goes back to.
#[derive(Debug)]
pub(super) struct Savepoint {
    pub(super) name: String,
    pub(super) settings: Kept,
    pub(super) read_only: bool,
    pub(super) notifications: usize,
    pub(super) listening: usize,
    /// Cursors numbered from here on were declared after it.
    pub(super) next_cursor: u64,
    pub(super) pending: Option<pending::Kept>,
    pub(super) temporary: TemporaryTables,
}

impl Transaction {
    /// `I`, `T` or `E`.
    pub(super) fn status(&self) -> char {
        match self {
            Transaction::None | Transaction::Implicit(_) => 'I',
            Transaction::Block(open) if open.failed => 'E',
            Transaction::Block(_) => 'T',
        }
    }

    /// What BEGIN began, failed or not.
    pub(super) fn block(&self) -> Option<&OpenTransaction> {
        match self {
            Transaction::Block(open) => Some(open),
            _ => None,
        }
    }

    /// Whether what needs a block may stand here.
    pub(super) fn is_block(&self) -> bool {
        match self {
            Transaction::None => false,
            Transaction::Implicit(open) => open.several,
            Transaction::Block(_) => true,
        }
    }

    /// The transaction that statements are in.
    pub(super) fn open(&self) -> Option<&OpenTransaction> {
        match self {
            Transaction::None => None,
            Transaction::Implicit(open) | Transaction::Block(open) => Some(open),
        }
    }

    /// As [`Transaction::open`].
    pub(super) fn open_mut(&mut self) -> Option<&mut OpenTransaction> {
        match self {
            Transaction::None => None,
            Transaction::Implicit(open) | Transaction::Block(open) => Some(open),
        }
    }

    /// An error inside a transaction fails all of it.
    pub(super) fn fail(&mut self) {
        if let Some(open) = self.open_mut()
            && !open.apart
        {
            open.failed = true;
        }
    }

    /// Whether only an end is accepted.
    pub(super) fn has_failed(&self) -> bool {
        self.open().is_some_and(|open| open.failed)
    }

    /// SET TRANSACTION.
    ///
    /// # Errors
    /// `ActiveSqlTransaction` for what comes too late.
    pub(super) fn set_modes(&mut self, modes: TransactionModes) -> Result<()> {
        let Some(open) = self.open_mut() else {
            return Ok(());
        };
        let late = |what: &str| Err(Error::new(ErrorKind::ActiveSqlTransaction, what.to_owned()));
        if let Some(isolation) = modes.isolation
            && isolation != open.isolation
        {
            if open.queried {
                return late("SET TRANSACTION ISOLATION LEVEL must be called before any query");
            }
            if !open.savepoints.is_empty() {
                return late(
                    "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
                );
            }
            open.isolation = isolation;
        }
        if let Some(read_only) = modes.read_only {
            if !read_only && open.read_only && open.queried {
                return late("transaction read-write mode must be set before any query");
            }
            if !read_only && open.read_only && !open.savepoints.is_empty() {
                return late(
                    "cannot set transaction read-write mode inside a read-only transaction",
                );
            }
            open.read_only = read_only;
        }
        if modes.deferrable.is_some() && open.queried {
            return late("SET TRANSACTION [NOT] DEFERRABLE must be called before any query");
        }
        Ok(())
    }
}

impl OpenTransaction {
    /// For a reader beside a session, over `snapshot` or what its first query sees.
    pub(super) fn apart(now: DateTime<Utc>, snapshot: Option<Arc<Snapshot>>) -> Self {
        Self {
            several: false,
            failed: false,
            isolation: Isolation::RepeatableRead,
            read_only: true,
            began_at: now,
            queried: snapshot.is_some(),
            snapshot,
            savepoints: Vec::new(),
            notifications: Vec::new(),
            apart: true,
            listening: Vec::new(),
            pending: None,
            temporary: TemporaryTables::new(),
        }
    }

    /// SAVEPOINT.
    ///
    /// # Errors
    /// `ConfigurationLimitExceeded`.
    pub(super) fn save(
        &mut self,
        name: &str,
        settings: Kept,
        next_cursor: u64,
        temporary: TemporaryTables,
    ) -> Result<()> {
        if self.savepoints.len() >= SAVEPOINTS_MAX {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("more than {SAVEPOINTS_MAX} savepoints"),
            ));
        }
        self.savepoints.push(Savepoint {
            name: name.to_owned(),
            settings,
            read_only: self.read_only,
            notifications: self.notifications.len(),
            listening: self.listening.len(),
            next_cursor,
            pending: self.pending.as_deref().map(Pending::kept),
            temporary,
        });
        Ok(())
    }

    /// RELEASE: it and those inside it are forgotten, what they did stays.
    ///
    /// # Errors
    /// `InvalidSavepointSpecification`.
    pub(super) fn release(&mut self, name: &str) -> Result<()> {
        let at = self.find(name)?;
        self.savepoints.truncate(at);
        Ok(())
    }

    /// ROLLBACK TO: it stays, what came after it does not. Gives its settings, and the number of the
    /// first cursor that goes.
    ///
    /// # Errors
    /// `InvalidSavepointSpecification`.
    pub(super) fn roll_back_to(&mut self, name: &str) -> Result<(Kept, u64, TemporaryTables)> {
        let at = self.find(name)?;
        self.savepoints.truncate(at + 1);
        let savepoint = &self.savepoints[at];
        self.failed = false;
        self.read_only = savepoint.read_only;
        self.notifications.truncate(savepoint.notifications);
        self.listening.truncate(savepoint.listening);
        let (settings, next_cursor) = (savepoint.settings.clone(), savepoint.next_cursor);
        let (kept, temporary) = (savepoint.pending.clone(), savepoint.temporary.clone());
        self.restore_pending(kept);
        Ok((settings, next_cursor, temporary))
    }

    /// What had been changed when a savepoint was set.
    pub(super) fn kept_at(&self, savepoint: &str) -> Option<&pending::Kept> {
        let found = self.savepoints.iter().rfind(|known| known.name == savepoint);
        found.and_then(|known| known.pending.as_ref())
    }

    fn find(&self, name: &str) -> Result<usize> {
        self.savepoints.iter().rposition(|savepoint| savepoint.name == name).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidSavepointSpecification,
                format!("savepoint \"{name}\" does not exist"),
            )
        })
    }
}

/// The error of every statement in a failed transaction.
pub(super) fn aborted() -> Error {
    Error::new(
        ErrorKind::InFailedSqlTransaction,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}
