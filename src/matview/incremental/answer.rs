//! What a law answers: a plan over changes, nothing, or what stands in the way.

use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;

use super::known::Asker;

/// An operator without a law, and what could be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// The operator, as a person would call it.
    pub(crate) operator: &'static str,
    /// Why.
    pub(crate) reason: String,
    /// A sentence; may be empty.
    pub(crate) hint: &'static str,
}

/// What [`Blocked::operator`] is of a function with another value for each row.
pub(super) const VOLATILE: &str = "volatile function";

impl Blocked {
    /// Whether not even the same sources give the same rows.
    pub(crate) fn is_volatile(&self) -> bool {
        self.operator == VOLATILE
    }
}

/// Rows that are needed before a plan can be put together.
#[derive(Debug)]
pub(super) struct Needed {
    /// Who asks.
    pub(super) asker: Asker,
    /// The rows.
    pub(super) plan: LogicalPlan,
    /// Whether they are keys, rather than rows to be held.
    pub(super) is_keys: bool,
}

/// Why there is no changed plan (yet).
#[derive(Debug)]
pub(super) enum Stop {
    /// There is no law.
    Blocked(Blocked),
    /// Rows must be known first.
    Needs(Box<Needed>),
    /// A plan could not be put together.
    Failed(DataFusionError),
}

impl From<DataFusionError> for Stop {
    fn from(error: DataFusionError) -> Self {
        Self::Failed(error)
    }
}

pub(super) fn blocked<T>(
    operator: &'static str,
    reason: impl Into<String>,
    hint: &'static str,
) -> Result<T, Stop> {
    Err(Stop::Blocked(Blocked { operator, reason: reason.into(), hint }))
}

/// A changed plan.
#[derive(Debug, Clone)]
pub(super) struct Delta {
    /// Rows, the weight last.
    pub(super) plan: LogicalPlan,
    /// Rows may stand in it that came as often as they went: copies of rewritten files.
    pub(super) copies: bool,
}

/// What changed: `None` is nothing.
pub(super) type Difference = Result<Option<Delta>, Stop>;
