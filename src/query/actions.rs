//! What functions may do to the session that calls them, and to others: the edge that `session` fills.

use std::fmt::Debug;

use crate::error::Result;

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
}
