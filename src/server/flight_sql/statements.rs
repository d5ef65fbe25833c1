//! Statements and transactions that a client holds by an opaque name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Prepared, Session};

use super::flights::new_name;
use super::logins::{Slot, lock};

/// Transactions one client may have open.
const TRANSACTIONS_MAX: usize = 64;

/// A statement with the parameters bound to it last.
#[derive(Debug)]
pub(super) struct Statement {
    /// Where it runs.
    pub(super) slot: Slot,
    pub(super) prepared: Arc<Prepared>,
    pub(super) parameters: Mutex<Vec<RecordBatch>>,
}

/// One client's prepared statements.
#[derive(Debug)]
pub(super) struct Statements {
    by_name: Mutex<HashMap<Bytes, Arc<Statement>>>,
    count_max: usize,
}

impl Statements {
    pub(super) fn new(count_max: usize) -> Self {
        Self { by_name: Mutex::default(), count_max }
    }

    /// Keeps a statement; gives its name.
    ///
    /// # Errors
    /// `ConfigurationLimitExceeded` when the client holds too many.
    pub(super) fn keep(&self, slot: Slot, prepared: Arc<Prepared>) -> Result<Bytes> {
        let mut by_name = lock(&self.by_name);
        if by_name.len() >= self.count_max {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("a session may hold {} prepared statements", self.count_max),
            )
            .hint("Close statements that are not used any more."));
        }
        let name = new_name();
        let statement = Statement { slot, prepared, parameters: Mutex::default() };
        by_name.insert(name.clone(), Arc::new(statement));
        Ok(name)
    }

    /// The statement of this name.
    ///
    /// # Errors
    /// `InvalidSqlStatementName`.
    pub(super) fn find(&self, name: &[u8]) -> Result<Arc<Statement>> {
        lock(&self.by_name).get(name).cloned().ok_or_else(|| {
            Error::new(ErrorKind::InvalidSqlStatementName, "prepared statement does not exist")
        })
    }

    /// Forgets a statement; an unknown one is fine.
    pub(super) fn close(&self, name: &[u8]) {
        lock(&self.by_name).remove(name);
    }
}

/// One client's open transactions.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    by_name: Mutex<HashMap<Bytes, Slot>>,
}

impl Transactions {
    /// Keeps a session that is in a transaction; gives the transaction's name.
    ///
    /// # Errors
    /// `ConfigurationLimitExceeded`.
    pub(super) fn keep(&self, session: Session) -> Result<Bytes> {
        let mut by_name = lock(&self.by_name);
        if by_name.len() >= TRANSACTIONS_MAX {
            let message = format!("a session may hold {TRANSACTIONS_MAX} transactions");
            return Err(Error::new(ErrorKind::ConfigurationLimitExceeded, message)
                .hint("End those that are not used any more."));
        }
        let name = new_name();
        by_name.insert(name.clone(), Slot::new(tokio::sync::Mutex::new(session)));
        Ok(name)
    }

    /// The session in the transaction of this name.
    ///
    /// # Errors
    /// `NoActiveSqlTransaction`.
    pub(super) fn find(&self, name: &[u8]) -> Result<Slot> {
        lock(&self.by_name).get(name).cloned().ok_or_else(ended)
    }

    /// Takes it, to end it.
    ///
    /// # Errors
    /// `NoActiveSqlTransaction`.
    pub(super) fn take(&self, name: &[u8]) -> Result<Slot> {
        lock(&self.by_name).remove(name).ok_or_else(ended)
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::NoActiveSqlTransaction, "the transaction does not exist or has ended")
}
