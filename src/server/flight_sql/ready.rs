//! Queries that were planned for a client and wait to be fetched, so that they are planned once.
//!
//! A ticket says everything without them; a query that is not here any more is planned again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::session::{Prepared, Session};

use super::logins::lock;

/// How many are kept; the oldest gives way.
const READY_MAX: usize = 16;

/// The planned queries of one client.
#[derive(Debug, Default)]
pub(super) struct Ready {
    queries: Mutex<VecDeque<(Bytes, Session, Arc<Prepared>)>>,
}

impl Ready {
    /// Keeps a flight's query with the session that runs it as it was pinned.
    pub(super) fn keep(&self, flight: Bytes, reader: Session, prepared: Arc<Prepared>) {
        let mut queries = lock(&self.queries);
        if queries.len() >= READY_MAX {
            queries.pop_front();
        }
        queries.push_back((flight, reader, prepared));
    }

    /// Takes a flight's query.
    pub(super) fn take(&self, flight: &[u8]) -> Option<(Session, Arc<Prepared>)> {
        let mut queries = lock(&self.queries);
        let at = queries.iter().position(|(kept, _, _)| kept == flight)?;
        queries.remove(at).map(|(_, reader, prepared)| (reader, prepared))
    }
}
