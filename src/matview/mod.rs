//! How a stored result is kept equal to its query.
//!
//! A refresh pins one version of each source, computes, checks expectations, and commits rows and
//! progress together; one epoch publishes the run. What a table's own commits say it holds decides
//! what is left to do, so a run that died is simply run again. Knows no session, no schedule, and
//! asks no clock of its own: time is what the lake was opened with.

mod build;
mod check;
mod columns;
mod compute;
mod decide;
pub mod expectations;
mod follow;
mod history;
mod incremental;
mod operators;
mod pins;
mod policy;
mod primary_key;
mod progress;
mod refresh;
mod retry;
mod run;
mod scope;

pub use check::check_view;
pub use refresh::{RefreshReport, RefreshRequest, Refresher, ViewOutcome, ViewState};
pub(crate) use retry::back_off;
