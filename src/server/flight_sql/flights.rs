//! Flights under way: what runs, what was cancelled, and what only this server can fetch.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use arrow::array::RecordBatch;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Prepared, Session};

use super::logins::lock;
use super::ticket::Ticket;

/// Held flights, all clients together; the oldest gives way.
const HELD_MAX: usize = 4096;
/// Bytes of text and parameters they may hold.
const HELD_BYTES_MAX: usize = 256 << 20;
/// Cancelled flights remembered.
const CANCELLED_MAX: usize = 65_536;

/// What a ticket fetches that does not hold it itself.
#[derive(Debug, Clone)]
pub(super) enum Held {
    /// A statement that is no query, to be run once, in the session it was prepared in.
    Statement {
        slot: Weak<tokio::sync::Mutex<Session>>,
        prepared: Arc<Prepared>,
        parameters: Vec<RecordBatch>,
    },
    /// A query too large to be carried about.
    Query(Box<Ticket>),
}

/// All flights of the process.
#[derive(Debug, Default)]
pub(super) struct Flights {
    held: Mutex<Waiting>,
    running: Mutex<HashMap<Bytes, HashMap<Uuid, CancellationToken>>>,
    /// With the times their tickets expire.
    cancelled: Mutex<HashMap<Bytes, i64>>,
}

#[derive(Debug, Default)]
struct Waiting {
    by_flight: HashMap<Bytes, (Held, usize)>,
    by_age: VecDeque<Bytes>,
    bytes: usize,
}

impl Waiting {
    fn remove(&mut self, flight: &[u8]) -> Option<Held> {
        let (held, bytes) = self.by_flight.remove(flight)?;
        self.bytes -= bytes;
        Some(held)
    }
}

impl Flights {
    /// Keeps what `flight`'s ticket will fetch, of about so many bytes.
    pub(super) fn hold(&self, flight: &Bytes, held: Held, bytes: usize) {
        let mut waiting = lock(&self.held);
        while waiting.by_flight.len() >= HELD_MAX || waiting.bytes + bytes > HELD_BYTES_MAX {
            let Some(oldest) = waiting.by_age.pop_front() else { break };
            waiting.remove(&oldest);
        }
        // Fetched flights leave their names behind here; they go when they are most of the queue.
        if waiting.by_age.len() >= 2 * HELD_MAX {
            let Waiting { by_flight, by_age, .. } = &mut *waiting;
            by_age.retain(|flight| by_flight.contains_key(flight));
        }
        waiting.by_flight.insert(flight.clone(), (held, bytes));
        waiting.by_age.push_back(flight.clone());
        waiting.bytes += bytes;
    }

    /// What is held for `flight`: a query as often as it is asked for, a statement once.
    ///
    /// # Errors
    /// `InvalidCursorName`.
    pub(super) fn take(&self, flight: &[u8]) -> Result<Held> {
        let mut waiting = lock(&self.held);
        match waiting.by_flight.get(flight) {
            Some((Held::Query(query), _)) => return Ok(Held::Query(query.clone())),
            Some(_) => {}
            None => {
                let message = "the ticket was used already, or is another server's to redeem";
                return Err(Error::new(ErrorKind::InvalidCursorName, message)
                    .hint("A statement that is no query runs once; ask for it again."));
            }
        }
        waiting
            .remove(flight)
            .ok_or_else(|| Error::internal("a held flight is gone while it is taken"))
    }

    /// Notes that rows of `flight` are under way, until the guard is dropped, or the session `ended`.
    ///
    /// # Errors
    /// `QueryCanceled` for a flight that was cancelled before.
    pub(super) fn run(
        self: &Arc<Self>,
        flight: &Bytes,
        ended: &CancellationToken,
    ) -> Result<Running> {
        let (token, stream) = (ended.child_token(), Uuid::new_v4());
        let mut running = lock(&self.running);
        if lock(&self.cancelled).contains_key(flight) {
            return Err(Error::new(ErrorKind::QueryCanceled, "the flight was cancelled"));
        }
        running.entry(flight.clone()).or_default().insert(stream, token.clone());
        Ok(Running { flights: Arc::clone(self), flight: flight.clone(), stream, token })
    }

    /// Stops `flight` and makes its tickets worthless; false when that was done before.
    pub(super) fn cancel(&self, flight: &Bytes, expires_ms: i64, now_ms: i64) -> bool {
        let running = lock(&self.running);
        let mut cancelled = lock(&self.cancelled);
        if cancelled.len() >= CANCELLED_MAX {
            cancelled.retain(|_, expires_ms| *expires_ms > now_ms);
        }
        let fresh = cancelled.insert(flight.clone(), expires_ms).is_none();
        for token in running.get(flight).into_iter().flat_map(HashMap::values) {
            token.cancel();
        }
        lock(&self.held).remove(flight);
        fresh
    }

    /// Whether `flight` was cancelled here.
    pub(super) fn is_cancelled(&self, flight: &[u8]) -> bool {
        lock(&self.cancelled).contains_key(flight)
    }
}

/// Rows under way.
#[derive(Debug)]
pub(super) struct Running {
    flights: Arc<Flights>,
    flight: Bytes,
    stream: Uuid,
    pub(super) token: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = lock(&self.flights.running);
        if let Some(streams) = running.get_mut(&self.flight) {
            streams.remove(&self.stream);
            if streams.is_empty() {
                running.remove(&self.flight);
            }
        }
    }
}

/// A name for a flight, a statement or a transaction that nobody can guess.
pub(super) fn new_name() -> Bytes {
    Bytes::copy_from_slice(Uuid::new_v4().as_bytes())
}
