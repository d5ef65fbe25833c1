//! A statement that was parsed and, where it has a query, planned; and when its plan may be used again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};

use tokio_util::sync::CancellationToken;

use crate::query::{AuthorizedPlan, ColumnOrigin, Snapshot};
use crate::syntax::{Discard, Statement};

/// A statement that was parsed and, where it has rows, planned.
#[derive(Debug)]
pub struct Prepared {
    pub(super) text: String,
    pub(super) statement: Option<Statement>,
    pub(super) parameters: Vec<FieldRef>,
    pub(super) schema: Option<SchemaRef>,
    pub(super) planned: Mutex<Option<Planned>>,
    /// What would have stopped its planning.
    pub(super) planning: Option<CancellationToken>,
}

impl Prepared {
    /// The types of `$1`, `$2`, ...
    pub fn parameters(&self) -> &[FieldRef] {
        &self.parameters
    }

    /// The plan as it was last made or put over newer versions.
    pub(super) fn planned(&self) -> Option<Planned> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which result columns are columns of a table.
    pub fn origins(&self) -> Arc<[Option<ColumnOrigin>]> {
        match (&self.statement, self.planned()) {
            (Some(Statement::Query(_)), Some(planned)) => planned.plan.origins(),
            _ => Arc::default(),
        }
    }

    /// Keeps a plan in place of the one before.
    pub(super) fn keep(&self, planned: Planned) {
        *self.planned.lock().unwrap_or_else(PoisonError::into_inner) = Some(planned);
    }

    /// Result columns; `None` for statements without rows.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.schema.clone()
    }

    /// Whether a cancel came while it was planned, or since, before anything else began. To those who
    /// plan and execute in one go it means the whole.
    pub fn is_cancelled(&self) -> bool {
        self.planning.as_ref().is_some_and(CancellationToken::is_cancelled)
    }

    /// Whether it is a query, whose portal FETCH may name.
    pub fn is_query(&self) -> bool {
        matches!(self.statement, Some(Statement::Query(_)))
    }

    /// What executing it makes the protocol forget.
    pub fn forgets(&self) -> Forgets {
        match &self.statement {
            Some(Statement::Discard(Discard::All) | Statement::Close { name: None }) => {
                Forgets::Portals
            }
            _ => Forgets::Nothing,
        }
    }
}

/// What a statement is told whose columns are no longer those it was prepared with.
pub const CHANGED_PLAN: &str = "cached plan must not change result type";

/// Whether clients see the same columns; the session's time zone is in types that look alike to them.
pub(super) fn same_types(one: &Schema, other: &Schema) -> bool {
    let plain = |data_type: &DataType| match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("UTC".into())),
        other => other.clone(),
    };
    let same = |(one, other): (&FieldRef, &FieldRef)| {
        one.name() == other.name()
            && one.metadata() == other.metadata()
            && plain(one.data_type()) == plain(other.data_type())
    };
    one.fields().len() == other.fields().len() && one.fields().iter().zip(other.fields()).all(same)
}

/// What a statement makes a protocol forget of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgets {
    /// Nothing.
    Nothing,
    /// DISCARD ALL and CLOSE ALL.
    Portals,
}

/// A plan with all that must not have moved for it to be run as it is.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) plan: AuthorizedPlan,
    /// What it was planned over.
    pub(super) snapshot: Arc<Snapshot>,
    /// The settings' generation.
    pub(super) generation: u64,
    /// When.
    pub(super) planned_at: Instant,
}

impl Planned {
    /// Whether it reads what a plan made now would read.
    ///
    /// `kept` is the snapshot of a REPEATABLE READ transaction. Otherwise a plan is good for the
    /// epoch it was made in; other servers' commits are to be seen within `freshness`, as everywhere.
    pub(super) fn is_current(
        &self,
        kept: Option<&Arc<Snapshot>>,
        epoch: u64,
        generation: u64,
        age: impl FnOnce(Instant) -> Duration,
        freshness: Duration,
    ) -> bool {
        if self.generation != generation {
            return false;
        }
        match kept {
            Some(kept) => Arc::ptr_eq(kept, &self.snapshot),
            None => self.snapshot.epoch.epoch == epoch && age(self.planned_at) < freshness,
        }
    }
}
