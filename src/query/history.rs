//! `lakeport.queries`: what runs now, and the last that did.
//!
//! Bounded, in memory. Its one idea: a statement is remembered by its shape; literals never enter.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::error::ErrorKind;
use crate::name::{QueryId, RoleName, SessionId};

/// Finished statements kept.
const FINISHED_MAX: usize = 1000;
/// The longest shape kept, in bytes.
const SHAPE_BYTES_MAX: usize = 4096;

/// One statement, running or finished.
#[derive(Debug, Clone)]
pub(crate) struct QueryEntry {
    pub(crate) query_id: QueryId,
    pub(crate) session_id: Option<SessionId>,
    pub(crate) role: RoleName,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) elapsed_ms: u64,
    pub(crate) state: &'static str,
    pub(crate) rows: u64,
    pub(crate) sqlstate: Option<&'static str>,
    pub(crate) shape: Arc<str>,
}

/// What runs and what ran.
#[derive(Debug)]
pub(crate) struct History {
    clock: Arc<dyn Clock>,
    running: Mutex<HashMap<QueryId, Arc<Live>>>,
    finished: Mutex<VecDeque<QueryEntry>>,
}

#[derive(Debug)]
struct Live {
    entry: QueryEntry,
    started: Instant,
    rows: AtomicU64,
}

impl History {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, running: Mutex::default(), finished: Mutex::default() })
    }

    /// Enters a statement that starts now.
    pub(crate) fn start(
        self: &Arc<Self>,
        session_id: Option<SessionId>,
        role: &RoleName,
        text: &str,
    ) -> Running {
        let entry = QueryEntry {
            query_id: QueryId::random(),
            session_id,
            role: role.clone(),
            started_at: self.clock.now(),
            elapsed_ms: 0,
            state: "running",
            rows: 0,
            sqlstate: None,
            shape: shape(text).into(),
        };
        let live = Arc::new(Live { entry, started: self.clock.instant(), rows: AtomicU64::new(0) });
        locked(&self.running).insert(live.entry.query_id, Arc::clone(&live));
        Running { history: Arc::clone(self), live, outcome: Outcome::Open }
    }

    /// Running statements first, then finished ones, the latest first.
    pub(crate) fn entries(&self) -> Vec<QueryEntry> {
        let mut entries: Vec<QueryEntry> =
            locked(&self.running).values().map(|live| self.seen(live)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.started_at));
        entries.extend(locked(&self.finished).iter().rev().cloned());
        entries
    }

    fn seen(&self, live: &Live) -> QueryEntry {
        let elapsed = self.clock.instant().saturating_duration_since(live.started);
        QueryEntry {
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            rows: live.rows.load(Ordering::Relaxed),
            ..live.entry.clone()
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Open,
    Finished,
    Failed(ErrorKind),
}

/// A running statement's row; finished, failed or abandoned when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    history: Arc<History>,
    live: Arc<Live>,
    outcome: Outcome,
}

impl Running {
    pub(crate) fn query_id(&self) -> QueryId {
        self.live.entry.query_id
    }

    pub(crate) fn count(&self, rows: usize) {
        self.live.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn uncount(&self, rows: usize) {
        self.live.rows.fetch_sub(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn finished(&mut self) {
        self.outcome = Outcome::Finished;
    }

    pub(crate) fn failed(&mut self, kind: ErrorKind) {
        self.outcome = Outcome::Failed(kind);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        locked(&self.history.running).remove(&self.live.entry.query_id);
        let (state, sqlstate) = match self.outcome {
            Outcome::Finished => ("finished", None),
            Outcome::Failed(ErrorKind::QueryCanceled) => {
                ("canceled", Some(ErrorKind::QueryCanceled.sqlstate()))
            }
            Outcome::Failed(kind) => ("failed", Some(kind.sqlstate())),
            // The client closed its portal before the last row.
            Outcome::Open => ("abandoned", None),
        };
        let entry = QueryEntry { state, sqlstate, ..self.history.seen(&self.live) };
        let mut finished = locked(&self.history.finished);
        if finished.len() >= FINISHED_MAX {
            finished.pop_front();
        }
        finished.push_back(entry);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A statement's text without literals and comments, blanks folded: fit for logs.
pub(crate) fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len().min(SHAPE_BYTES_MAX));
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if shape.len() >= SHAPE_BYTES_MAX {
            shape.push_str("...");
            break;
        }
        let (used, piece) = token(rest, next, shape.chars().next_back());
        if piece != " " || !(shape.is_empty() || shape.ends_with(' ')) {
            shape.push_str(piece);
        }
        rest = rest.get(used..).unwrap_or_default();
    }
    shape.trim_end().to_owned()
}

/// Bytes of the token at the start of `rest`, and what stands for it.
fn token(rest: &str, next: char, before: Option<char>) -> (usize, &str) {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$');
    if next.is_whitespace() {
        return (next.len_utf8(), " ");
    }
    if rest.starts_with("--") {
        return (rest.find('\n').unwrap_or(rest.len()), " ");
    }
    if rest.starts_with("/*") {
        return (rest.find("*/").map_or(rest.len(), |end| end + 2), " ");
    }
    if next == '\'' {
        return (quoted_len(rest, '\'', before.is_some_and(|c| matches!(c, 'e' | 'E'))), "?");
    }
    if next == '"' {
        let len = quoted_len(rest, '"', false);
        return (len, rest.get(..len).unwrap_or(rest));
    }
    if next == '$'
        && !in_word
        && let Some(end) = rest.get(1..).and_then(|after| after.find('$'))
    {
        let tag = rest.get(..end + 2).unwrap_or(rest);
        let is_tag = tag.trim_matches('$').chars().all(|c| c.is_alphanumeric() || c == '_')
            && !tag.get(1..2).is_some_and(|c| c.chars().all(|c| c.is_ascii_digit()));
        if is_tag {
            let body = rest.get(tag.len()..).unwrap_or_default();
            let len = body.find(tag).map_or(rest.len(), |at| at + 2 * tag.len());
            return (len, "?");
        }
    }
    if next.is_ascii_digit() && !in_word {
        let number = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        return (rest.find(|c| !number(c)).unwrap_or(rest.len()), "?");
    }
    (next.len_utf8(), rest.get(..next.len_utf8()).unwrap_or(rest))
}

fn quoted_len(rest: &str, quote: char, escapes: bool) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + quote.len_utf8();
            }
        }
    }
    rest.len()
}
