//! Statements that clients hold by an opaque name: prepared ones, and tickets not yet redeemed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use datafusion::scalar::ScalarValue;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Prepared;

use super::logins::{Login, lock};

/// Tickets waiting to be redeemed, all clients together; the oldest gives way.
const TICKETS_MAX: usize = 4096;

/// A statement with the parameters bound to it last.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) prepared: Arc<Prepared>,
    pub(super) parameters: Mutex<Vec<ScalarValue>>,
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
    pub(super) fn keep(&self, prepared: Arc<Prepared>) -> Result<Bytes> {
        let mut by_name = lock(&self.by_name);
        if by_name.len() >= self.count_max {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("a session may hold {} prepared statements", self.count_max),
            )
            .hint("Close statements that are not used any more."));
        }
        let name = new_name();
        let statement = Statement { prepared, parameters: Mutex::default() };
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

/// Planned statements whose rows were not fetched yet, and those whose rows are under way.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    waiting: Mutex<Waiting>,
    running: Mutex<HashMap<Bytes, CancellationToken>>,
}

#[derive(Debug, Default)]
struct Waiting {
    by_name: HashMap<Bytes, (Weak<Login>, Arc<Prepared>)>,
    by_age: VecDeque<Bytes>,
}

impl Tickets {
    /// Issues a ticket for one fetch.
    pub(super) fn issue(&self, login: &Arc<Login>, prepared: Arc<Prepared>) -> Bytes {
        let name = new_name();
        let mut waiting = lock(&self.waiting);
        while waiting.by_name.len() >= TICKETS_MAX {
            let Some(oldest) = waiting.by_age.pop_front() else { break };
            waiting.by_name.remove(&oldest);
        }
        // Redeemed tickets leave their names behind here; they go when they are most of the queue.
        if waiting.by_age.len() >= 2 * TICKETS_MAX {
            let Waiting { by_name, by_age } = &mut *waiting;
            by_age.retain(|name| by_name.contains_key(name));
        }
        waiting.by_name.insert(name.clone(), (Arc::downgrade(login), prepared));
        waiting.by_age.push_back(name.clone());
        name
    }

    /// Takes a ticket, for whoever has the role it was issued to; another's looks unknown.
    ///
    /// # Errors
    /// `InvalidCursorName`.
    pub(super) fn redeem(&self, name: &[u8], role: &str) -> Result<(Arc<Login>, Arc<Prepared>)> {
        let unknown = || {
            Error::new(ErrorKind::InvalidCursorName, "ticket does not exist or was used already")
                .hint("A ticket is good for one fetch; ask for a new one with GetFlightInfo.")
        };
        let mut waiting = lock(&self.waiting);
        let (login, _) = waiting.by_name.get(name).ok_or_else(unknown)?;
        let login = login.upgrade().filter(|login| login.role == role).ok_or_else(unknown)?;
        let (_, prepared) = waiting.by_name.remove(name).ok_or_else(unknown)?;
        Ok((login, prepared))
    }

    /// Notes that `name`'s rows are under way, until the guard is dropped.
    pub(super) fn run(self: &Arc<Self>, name: Bytes) -> Running {
        let token = CancellationToken::new();
        lock(&self.running).insert(name.clone(), token.clone());
        Running { tickets: Arc::clone(self), name, token }
    }

    /// Stops what runs under `name`, or takes back its ticket; false when neither is known.
    pub(super) fn cancel(&self, name: &[u8], role: &str) -> bool {
        match lock(&self.running).get(name) {
            Some(token) => {
                token.cancel();
                true
            }
            None => self.redeem(name, role).is_ok(),
        }
    }
}

/// Rows under way.
#[derive(Debug)]
pub(super) struct Running {
    tickets: Arc<Tickets>,
    name: Bytes,
    pub(super) token: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.tickets.running).remove(&self.name);
    }
}

fn new_name() -> Bytes {
    Bytes::from(Uuid::new_v4().simple().to_string())
}
