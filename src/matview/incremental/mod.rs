//! A view's changes computed from its sources' changes.
//!
//! A plan over versions becomes a plan over changes by one law an operator ([`differ`]); what it yields,
//! summed up ([`net`]), is what must go from the stored rows and what must come. Knows no tables of
//! views and no commits: it takes plans and gives rows.

mod absence;
mod analyze;
mod answer;
mod budget;
mod differ;
mod grouping;
mod join;
mod keys;
mod known;
mod law;
mod merge;
mod moments;
mod net;
mod runs;
mod shared;
mod shown;
mod sink;
mod states;
mod steps;

pub(super) use analyze::{analyze, estimates, unsteady};
pub(super) use answer::Blocked;
pub(super) use budget::{Budget, Weighed};
pub(super) use differ::{AGAIN, KEYS, SourceChange};
pub(super) use merge::Grouped;
pub(super) use net::NetRows;
pub(super) use shown::Shown;
pub(super) use steps::{Changing, Laws, Outcome, changes_of, groups_of};
