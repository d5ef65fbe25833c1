//! What functions may do to the session that calls them, and to others: the edge that `session` fills.

use std::fmt::Debug;

use futures::future::BoxFuture;

use crate::error::Result;

/// What an advisory lock is called by: one number, or two small ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AdvisoryKey {
    /// A bigint.
    One(i64),
    /// Two integers.
    Two(i64, i64),
}

/// How an advisory lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockMode {
    /// Others may hold it in this mode, too.
    pub shared: bool,
    /// It is given back when the transaction ends, else by its session.
    pub of_transaction: bool,
}

/// What `set_config`, `pg_notify`, `pg_cancel_backend` and `pg_terminate_backend` do.
pub trait Actions: Send + Sync + Debug {
    /// Sets a setting once the statement has ended; gives the value as it will be shown.
    ///
    /// # Errors
    /// As SET.
    fn set_config(&self, name: &str, value: &str, local: bool) -> Result<String>;

    /// NOTIFY, once the statement has ended.
    ///
    /// # Errors
    /// As NOTIFY.
    fn notify(&self, channel: &str, payload: &str) -> Result<()>;

    /// Stops what another session runs, or ends it; false when there is no such session.
    ///
    /// # Errors
    /// `InsufficientPrivilege`.
    fn stop(&self, pid: i32, end: bool) -> Result<bool>;

    /// Takes an advisory lock if it is free.
    ///
    /// # Errors
    /// `OutOfMemory` when too many are held.
    fn try_lock(&self, key: AdvisoryKey, mode: LockMode) -> Result<bool>;

    /// Waits for an advisory lock; not awaiting it to the end gives up.
    ///
    /// # Errors
    /// `DeadlockDetected`, and as [`Actions::try_lock`].
    fn lock(&self, key: AdvisoryKey, mode: LockMode) -> BoxFuture<'static, Result<()>>;

    /// Gives back a session's advisory lock, once; false where it holds none such.
    fn unlock(&self, key: AdvisoryKey, shared: bool) -> bool;

    /// Gives back all of the session's own advisory locks.
    fn unlock_all(&self);
}
