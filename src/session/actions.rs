//! What functions ask of sessions: done at once to others, after the statement to their own.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::catalog::CatalogState;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{RoleName, SessionId};
use crate::query::{Actions, AdvisoryKey, LockMode};
use crate::security;
use crate::syntax::SetValue;

use super::connection::Session;
use super::notify;
use super::sessions::Sessions;
use super::settings;

/// More than these in one statement are a mistake.
const ASKED_MAX: usize = 10_000;

/// What a session's functions have asked of it.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<Vec<Ask>>);

#[derive(Debug)]
enum Ask {
    Set { name: String, value: String, local: bool },
    Notify { channel: String, payload: String },
}

impl Asked {
    fn push(&self, ask: Ask) -> Result<()> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= ASKED_MAX {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("a statement changes more than {ASKED_MAX} settings"),
            ));
        }
        asked.push(ask);
        Ok(())
    }

    fn take(&self) -> Vec<Ask> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What one statement's functions may do.
#[derive(Debug)]
pub(super) struct StatementActions {
    pub(super) asked: Arc<Asked>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) session: SessionId,
    pub(super) role: RoleName,
    pub(super) grants: Arc<CatalogState>,
}

impl Actions for StatementActions {
    fn set_config(&self, name: &str, value: &str, local: bool) -> Result<String> {
        let lower = name.to_ascii_lowercase();
        if matches!(lower.as_str(), "role" | "session_authorization" | "lakeport.as_of") {
            return Err(Error::unsupported(format!("set_config of {lower}"))
                .hint(format!("SET {lower} does it.")));
        }
        let shown = settings::read(name, value)?;
        let (name, value) = (name.to_owned(), value.to_owned());
        self.asked.push(Ask::Set { name, value, local })?;
        Ok(shown)
    }

    fn notify(&self, channel: &str, payload: &str) -> Result<()> {
        notify::check(channel, payload)?;
        let (channel, payload) = (channel.to_owned(), payload.to_owned());
        self.asked.push(Ask::Notify { channel, payload })
    }

    fn stop(&self, pid: i32, end: bool) -> Result<bool> {
        let Some(role) = self.sessions.role_of(pid) else { return Ok(false) };
        let grants = &self.grants;
        if !security::is_superuser(grants, &self.role) {
            let denied = |whose: &str| {
                let act = if end { "terminate process" } else { "cancel query" };
                Error::new(ErrorKind::InsufficientPrivilege, format!("must be {whose} to {act}"))
            };
            if security::is_superuser(grants, &role) {
                return Err(denied("superuser"));
            }
            if !security::effective_roles(grants, &self.role).contains(&role) {
                return Err(denied("a member of the role whose process is being signaled"));
            }
        }
        Ok(self.sessions.stop(pid, end))
    }

    fn try_lock(&self, key: AdvisoryKey, mode: LockMode) -> Result<bool> {
        self.sessions.locks.take(self.session, key, mode)
    }

    fn lock(&self, key: AdvisoryKey, mode: LockMode) -> BoxFuture<'static, Result<()>> {
        Arc::clone(&self.sessions.locks).wait(self.session, key, mode).boxed()
    }

    fn unlock(&self, key: AdvisoryKey, shared: bool) -> bool {
        self.sessions.locks.give_back(self.session, key, shared)
    }

    fn unlock_all(&self) {
        self.sessions.locks.give_back_all(self.session, |mode| !mode.of_transaction);
    }
}

impl Session {
    /// Gives back the advisory locks of the transaction that has ended.
    pub(super) fn end_locks(&self) {
        let locks = &self.services.sessions.locks;
        locks.give_back_all(self.id, |mode| mode.of_transaction);
    }

    /// Does what the last statement's functions have asked for, unless it failed.
    ///
    /// # Errors
    /// As SET.
    pub async fn do_asked(&mut self) -> Result<()> {
        let asked = self.asked.take();
        if self.transaction.open().is_none() {
            self.end_locks();
        }
        if self.transaction.has_failed() {
            return Ok(());
        }
        for ask in asked {
            match ask {
                Ask::Set { name, value, local } => {
                    let values = SetValue::Values(settings::values_of(&name, &value)?);
                    // Outside of a transaction a local value has already ended.
                    if !local || self.transaction.open().is_some() {
                        self.set(&name, &values, local).await?;
                    }
                }
                Ask::Notify { channel, payload } => self.notify(&channel, &payload)?,
            }
        }
        Ok(())
    }
}
