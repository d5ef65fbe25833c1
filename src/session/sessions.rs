//! The register of who is connected, what each does, and how to stop it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Limits;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{RoleName, SessionId};
use crate::query::{Context, RowSource};
use crate::security;
use crate::telemetry::{Metrics, Protocol};

use super::activity::{CursorRow, Shown, StatementRow};
use super::locks::Locks;
use super::running::Canceller;

/// Who is connected; never more than `limits.connections_max`.
#[derive(Debug)]
pub struct Sessions {
    permits: Arc<Semaphore>,
    per_role_max: usize,
    metrics: Arc<Metrics>,
    connected: Mutex<BTreeMap<SessionId, SessionRow>>,
    pub(super) locks: Arc<Locks>,
    /// Since when there may be any.
    pub(super) started_at: DateTime<Utc>,
}

/// One connected session.
#[derive(Debug, Clone)]
pub(super) struct SessionRow {
    pub(super) role: RoleName,
    pub(super) protocol: &'static str,
    pub(super) peer: String,
    pub(super) application_name: String,
    pub(super) connected_at: DateTime<Utc>,
    /// Statements whose rows have not all been taken.
    pub(super) active: usize,
    /// Since when a transaction block is open, and whether it has failed.
    pub(super) in_transaction: Option<DateTime<Utc>>,
    pub(super) failed: bool,
    pub(super) state_changed_at: DateTime<Utc>,
    /// The statement that runs, or ran last.
    pub(super) query: String,
    pub(super) query_started_at: Option<DateTime<Utc>>,
    pub(super) canceller: Canceller,
    /// Cancelled to end the session.
    pub(super) ended: CancellationToken,
    /// Given by [`Sessions::enter`].
    pub(super) pid: i32,
    pub(super) statements: Shown<StatementRow>,
    pub(super) cursors: Shown<CursorRow>,
}

impl SessionRow {
    pub(super) fn state(&self) -> &'static str {
        match (self.active, self.in_transaction) {
            (0, None) => "idle",
            (0, Some(_)) if self.failed => "idle in transaction (aborted)",
            (0, Some(_)) => "idle in transaction",
            _ => "active",
        }
    }
}

/// A place among the connected; leaving is dropping it.
#[derive(Debug)]
pub(super) struct Connected {
    id: SessionId,
    pid: i32,
    ended: CancellationToken,
    protocol: Protocol,
    sessions: Arc<Sessions>,
    _permit: OwnedSemaphorePermit,
}

impl Sessions {
    pub(super) fn new(limits: &Limits, metrics: Arc<Metrics>, now: DateTime<Utc>) -> Arc<Self> {
        let permits = limits.connections_max.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(permits)),
            per_role_max: limits.connections_per_role_max,
            metrics,
            connected: Mutex::default(),
            locks: Arc::default(),
            started_at: now,
        })
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes a place; superusers' are not counted for their role.
    ///
    /// # Errors
    /// `TooManyConnections` at once; nobody waits.
    pub(super) fn enter(
        self: &Arc<Self>,
        id: SessionId,
        mut row: SessionRow,
        superuser: bool,
    ) -> Result<Connected> {
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| {
            Error::new(ErrorKind::TooManyConnections, "sorry, too many clients already")
                .hint("limits.connections_max in lakeport.toml says how many there may be.")
        })?;
        let protocol = Protocol::named(row.protocol);
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        let same = connected.values().filter(|other| other.role == row.role).count();
        if !superuser && same >= self.per_role_max {
            return Err(Error::new(
                ErrorKind::TooManyConnections,
                format!("too many connections for role \"{}\"", row.role),
            )
            .hint("limits.connections_per_role_max in lakeport.toml says how many there may be."));
        }
        // A number nobody has, and nobody had a moment ago.
        row.pid = loop {
            let pid = rand::random_range(1..i32::MAX);
            if connected.values().all(|other| other.pid != pid) {
                break pid;
            }
        };
        let (pid, ended) = (row.pid, row.ended.clone());
        connected.insert(id, row);
        drop(connected);
        self.metrics.session_opened(protocol);
        Ok(Connected { id, pid, ended, protocol, sessions: self.clone(), _permit: permit })
    }
}

impl Sessions {
    /// Whose session has this process id.
    pub(super) fn role_of(&self, pid: i32) -> Option<RoleName> {
        self.lock().values().find(|row| row.pid == pid).map(|row| row.role.clone())
    }

    /// Stops what a session runs, or ends it; false when there is none.
    pub(super) fn stop(&self, pid: i32, end: bool) -> bool {
        let connected = self.lock();
        let Some(row) = connected.values().find(|row| row.pid == pid) else { return false };
        if end {
            row.ended.cancel();
        }
        row.canceller.cancel();
        true
    }

    /// What one role may see of the connected: its own sessions, a superuser all.
    pub(super) fn seen_by(&self, context: &Context) -> Vec<(SessionId, SessionRow)> {
        let all = security::is_superuser(&context.snapshot.grants, &context.role);
        self.lock()
            .iter()
            .filter(|(_, row)| all || row.role == context.role)
            .map(|(id, row)| (*id, row.clone()))
            .collect()
    }

    /// One session's row.
    pub(super) fn row(&self, id: SessionId) -> Option<SessionRow> {
        self.lock().get(&id).cloned()
    }

    /// Nothing is left half-changed under this lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, SessionRow>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected {
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Changes what `lakeport.sessions` says of this session.
    pub(super) fn update(&self, change: impl FnOnce(&mut SessionRow)) {
        let mut connected = self.sessions.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = connected.get_mut(&self.id) {
            change(row);
        }
    }
}

impl Connected {
    /// Shows the session as active until what this returns is dropped.
    pub(super) fn activate(&self, clock: &Arc<dyn Clock>) -> Active {
        let now = clock.now();
        self.update(|row| {
            row.active += 1;
            row.state_changed_at = now;
        });
        Active { id: self.id, sessions: self.sessions.clone(), clock: clock.clone() }
    }
}

/// A statement of a session that runs.
#[derive(Debug)]
pub(super) struct Active {
    id: SessionId,
    sessions: Arc<Sessions>,
    clock: Arc<dyn Clock>,
}

impl Drop for Active {
    fn drop(&mut self) {
        let now = self.clock.now();
        let mut connected = self.sessions.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = connected.get_mut(&self.id) {
            row.active = row.active.saturating_sub(1);
            row.state_changed_at = now;
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut connected = self.sessions.connected.lock().unwrap_or_else(PoisonError::into_inner);
        connected.remove(&self.id);
        self.sessions.locks.give_back_all(self.id, |_| true);
        self.sessions.metrics.session_closed(self.protocol);
    }
}

/// `lakeport.sessions`.
pub(super) struct SessionRows {
    sessions: Arc<Sessions>,
}

impl SessionRows {
    pub(super) fn new(sessions: &Arc<Sessions>) -> Self {
        Self { sessions: Arc::clone(sessions) }
    }
}

#[async_trait::async_trait]
impl RowSource for SessionRows {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn schema(&self) -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let time = |name: &str| {
            Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
        };
        Arc::new(Schema::new(vec![
            text("session_id"),
            text("role_name"),
            text("protocol"),
            text("peer"),
            text("application_name"),
            text("state"),
            time("state_changed_at"),
            time("connected_at"),
        ]))
    }

    fn comment(&self) -> &'static str {
        "A connected client; a role sees its own sessions, a superuser all."
    }

    async fn rows(&self, context: &Context) -> Result<Vec<RecordBatch>> {
        let rows = self.sessions.seen_by(context);
        let text = |value: &dyn Fn(&(SessionId, SessionRow)) -> String| -> ArrayRef {
            Arc::new(rows.iter().map(|row| Some(value(row))).collect::<StringArray>())
        };
        let time = |value: &dyn Fn(&SessionRow) -> DateTime<Utc>| -> ArrayRef {
            let micros = rows.iter().map(|(_, row)| value(row).timestamp_micros());
            Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
        };
        let columns = vec![
            text(&|(id, _)| id.to_string()),
            text(&|(_, row)| row.role.to_string()),
            text(&|(_, row)| row.protocol.to_owned()),
            text(&|(_, row)| row.peer.clone()),
            text(&|(_, row)| row.application_name.clone()),
            text(&|(_, row)| row.state().to_owned()),
            time(&|row| row.state_changed_at),
            time(&|row| row.connected_at),
        ];
        let batch = RecordBatch::try_new(self.schema(), columns)
            .map_err(|error| Error::internal("rows of lakeport.sessions").caused_by(error))?;
        Ok(vec![batch])
    }
}
