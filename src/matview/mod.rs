//! How a stored result is kept equal to its query, and how that is verified.
//!
//! A refresh pins one version of each source, computes, checks expectations, and commits rows and
//! progress together; one epoch publishes the run. What a table's own commits say it holds decides
//! what is left to do, so a run that died is simply run again. Knows no session, no schedule, and
//! asks no clock of its own: time is what the lake was opened with.

mod alert;
mod build;
mod check;
mod columns;
mod compute;
mod decide;
pub mod expectations;
mod explain;
mod follow;
mod history;
mod incremental;
mod maintenance;
mod needed;
mod operators;
mod pins;
mod policy;
mod primary_key;
mod progress;
mod reads;
mod refresh;
mod restore;
mod retry;
mod run;
mod scope;
mod stale;
mod turns;
mod verify;
mod weigh;

pub use check::check_view;
pub use decide::follows_the_clock;
pub use explain::{ExplainedOperator, Last, explain_view};
pub use maintenance::Maintenance;
pub use refresh::{RefreshReport, RefreshRequest, Refresher, ViewOutcome, ViewState};
pub(crate) use retry::back_off;
pub use stale::{Staleness, reads_any, staleness};
pub use verify::{Verified, VerifyReport, VerifyRequest, VerifyState};
