//! Cursors: a query's rows, taken a few at a time, in either direction where they are kept.
//!
//! Its one idea: a cursor is a stream and the last of its rows. With SCROLL all rows that have come
//! are kept, within a bound; otherwise they are kept while they fit and dropped when they do not,
//! after which the cursor only goes forward. The rows are those of the snapshot it was declared over,
//! so WITH HOLD needs no copy of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use crate::error::{Error, ErrorKind, Result};
use crate::query::Engine;
use crate::syntax::Direction;

use super::activity::{CursorRow, Shown};

/// A declared cursor.
pub(super) struct Cursor {
    /// In the order of declaration.
    number: u64,
    hold: bool,
    /// Whether a transaction that declared it has committed.
    held: bool,
    pub(super) binary: bool,
    pub(super) schema: SchemaRef,
    /// Shared with the rows of the FETCH that runs.
    pub(super) rows: Arc<tokio::sync::Mutex<Rows>>,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What one session has declared.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    by_name: BTreeMap<String, Cursor>,
    next: u64,
    /// What `pg_cursors` shows.
    pub(super) shown: Shown<CursorRow>,
}

impl Cursors {
    /// The number of the next one.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn insert(&mut self, name: &str, rows: Rows, held: bool, row: CursorRow) {
        let number = self.next;
        self.next += 1;
        let schema = rows.stream.schema();
        let rows = Arc::new(tokio::sync::Mutex::new(rows));
        let (hold, binary) = (row.hold, row.binary);
        let cursor = Cursor { number, hold, held, binary, schema, rows };
        self.by_name.insert(name.to_owned(), cursor);
        self.shown.lock().insert(name.to_owned(), row);
    }

    /// Closes what `stays` does not want.
    fn retain(&mut self, stays: impl Fn(&Cursor) -> bool) {
        self.by_name.retain(|_, cursor| stays(cursor));
        self.shown.lock().retain(|name, _| self.by_name.contains_key(name));
    }

    /// # Errors
    /// `InvalidCursorName`.
    pub(super) fn get(&self, name: &str) -> Result<&Cursor> {
        self.by_name.get(name).ok_or_else(|| unknown(name))
    }

    /// # Errors
    /// `InvalidCursorName`.
    pub(super) fn close(&mut self, name: &str) -> Result<()> {
        self.shown.lock().remove(name);
        self.by_name.remove(name).map(drop).ok_or_else(|| unknown(name))
    }

    pub(super) fn close_all(&mut self) {
        self.retain(|_| false);
    }

    /// What was declared after a savepoint goes with it.
    pub(super) fn close_from(&mut self, number: u64) {
        self.retain(|cursor| cursor.held || cursor.number < number);
    }

    /// The transaction ends: what is not held goes.
    pub(super) fn end(&mut self, committed: bool) {
        if self.by_name.is_empty() {
            return;
        }
        self.retain(|cursor| cursor.held || (committed && cursor.hold));
        for cursor in self.by_name.values_mut() {
            cursor.held = true;
        }
    }
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::InvalidCursorName, format!("cursor \"{name}\" does not exist"))
}

/// How far back a cursor goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scroll {
    /// NO SCROLL.
    Never,
    /// While what was read fits.
    WhileKept,
    /// SCROLL.
    Always,
}

/// A query's rows, from the current one onwards and, where kept, back.
pub(super) struct Rows {
    stream: SendableRecordBatchStream,
    ended: bool,
    /// Rows that have come and are kept, the first of which has the number `first`.
    kept: VecDeque<RecordBatch>,
    kept_bytes: usize,
    first: i64,
    /// Rows that have come.
    come: i64,
    /// The current row, from 1; 0 before the first, one past `come` after the last.
    at: i64,
    scroll: Scroll,
    bytes_max: usize,
}

impl Rows {
    pub(super) fn new(stream: SendableRecordBatchStream, scroll: Scroll, bytes_max: usize) -> Self {
        Self {
            stream,
            ended: false,
            kept: VecDeque::new(),
            kept_bytes: 0,
            first: 1,
            come: 0,
            at: 0,
            scroll,
            bytes_max,
        }
    }

    /// Takes the next batch from the query; false at its end.
    async fn pull(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        match self.stream.next().await {
            None => {
                self.ended = true;
                Ok(false)
            }
            Some(Err(error)) => {
                self.ended = true;
                Err(Engine::error(error))
            }
            Some(Ok(batch)) => {
                self.come += batch.num_rows() as i64;
                self.kept_bytes += batch.get_array_memory_size();
                self.kept.push_back(batch);
                self.shrink()?;
                Ok(true)
            }
        }
    }

    /// Drops what is not needed, or does not fit.
    fn shrink(&mut self) -> Result<()> {
        if self.scroll == Scroll::Always && self.kept_bytes > self.bytes_max {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("the rows of a scrollable cursor need more than {} bytes", self.bytes_max),
            )
            .hint("Declare it NO SCROLL, or raise limits.cursor_bytes_max in lakeport.toml."));
        }
        if self.scroll == Scroll::WhileKept && self.kept_bytes > self.bytes_max {
            self.scroll = Scroll::Never;
        }
        while self.scroll == Scroll::Never
            && let Some(oldest) = self.kept.front()
            && self.first + oldest.num_rows() as i64 <= self.at
        {
            self.first += oldest.num_rows() as i64;
            self.kept_bytes = self.kept_bytes.saturating_sub(oldest.get_array_memory_size());
            self.kept.pop_front();
        }
        Ok(())
    }

    /// Up to `count` rows after the current one, in one piece, going to the last of them; `None` when
    /// there are none left.
    async fn forward(&mut self, count: i64) -> Result<Option<RecordBatch>> {
        while self.at >= self.come {
            if !self.pull().await? {
                self.at = self.come + 1;
                return Ok(None);
            }
        }
        let (batch, offset) = self.find(self.at + 1)?;
        let length = count.min(batch.num_rows() as i64 - offset as i64);
        let piece = batch.slice(offset, usize::try_from(length).unwrap_or(0));
        self.at += length;
        self.shrink()?;
        Ok(Some(piece))
    }

    /// The batch that holds row `number`, and where in it.
    fn find(&self, number: i64) -> Result<(RecordBatch, usize)> {
        let mut first = self.first;
        for batch in &self.kept {
            let next = first + batch.num_rows() as i64;
            if (first..next).contains(&number) {
                return Ok((batch.clone(), usize::try_from(number - first).unwrap_or(0)));
            }
            first = next;
        }
        Err(forward_only())
    }

    /// The row `number`, if there is one; goes there, or before or after all.
    async fn absolute(&mut self, number: i64) -> Result<Option<RecordBatch>> {
        if number < self.at && self.scroll == Scroll::Never {
            return Err(forward_only());
        }
        while self.come < number && self.pull().await? {
            // What is passed over need not be kept.
            self.at = self.at.max(self.come.min(number - 1));
            self.shrink()?;
        }
        self.at = number.clamp(0, self.come + 1);
        if !(1..=self.come).contains(&self.at) {
            return Ok(None);
        }
        let (batch, offset) = self.find(self.at)?;
        Ok(Some(batch.slice(offset, 1)))
    }

    async fn read_all(&mut self) -> Result<()> {
        while self.pull().await? {
            self.at = self.at.max(self.come - 1);
            self.shrink()?;
        }
        Ok(())
    }

    /// A step that is not simply onwards gives at most one row a step.
    async fn step(&mut self, direction: Direction) -> Result<Option<RecordBatch>> {
        match direction {
            Direction::Absolute(number) if number < 0 => {
                self.read_all().await?;
                let number = self.come + 1 + number;
                self.absolute(number.max(0)).await
            }
            Direction::Absolute(number) => self.absolute(number).await,
            Direction::Relative(by) => {
                let number = self.at.saturating_add(by).max(0);
                self.absolute(number).await
            }
            Direction::Forward(_) => self.absolute(self.at - 1).await,
        }
    }

    /// Goes in `direction`; how many rows that was, for MOVE.
    pub(super) async fn go(&mut self, direction: Direction) -> Result<u64> {
        let mut going = Going::new(direction, self.at);
        let mut rows = 0;
        while let Some(batch) = going.next(self).await? {
            rows += batch.num_rows() as u64;
        }
        Ok(rows)
    }
}

/// What is left of a FETCH.
struct Going {
    direction: Direction,
    left: i64,
}

impl Going {
    fn new(direction: Direction, at: i64) -> Self {
        match direction {
            // The current row again.
            Direction::Forward(0) => Self { direction: Direction::Absolute(at), left: 1 },
            Direction::Forward(count) => Self { direction, left: count.saturating_abs() },
            Direction::Absolute(_) | Direction::Relative(_) => Self { direction, left: 1 },
        }
    }

    async fn next(&mut self, rows: &mut Rows) -> Result<Option<RecordBatch>> {
        if self.left == 0 {
            return Ok(None);
        }
        let found = match self.direction {
            Direction::Forward(count) if count > 0 => rows.forward(self.left).await?,
            direction => rows.step(direction).await?,
        };
        let taken = found.as_ref().map_or(self.left, |batch| batch.num_rows() as i64);
        self.left = if self.left == Direction::ALL && found.is_some() {
            Direction::ALL
        } else {
            self.left - taken
        };
        Ok(found)
    }
}

/// The rows of a FETCH. The cursor is theirs until they are dropped.
pub(super) fn fetch(
    rows: tokio::sync::OwnedMutexGuard<Rows>,
    direction: Direction,
) -> SendableRecordBatchStream {
    let schema = rows.stream.schema();
    let going = Going::new(direction, rows.at);
    let stream = futures::stream::try_unfold((rows, going), |(mut rows, mut going)| async move {
        let next = going.next(&mut rows).await;
        let next = next.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(next.map(|batch| (batch, (rows, going))))
    });
    Box::pin(datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(schema, stream))
}

fn forward_only() -> Error {
    Error::new(ErrorKind::ObjectNotInPrerequisiteState, "cursor can only scan forward")
        .hint("Declare it with SCROLL option to enable backward scan.")
}
