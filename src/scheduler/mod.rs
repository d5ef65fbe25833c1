//! When things run: pure rules, one loop that obeys them, and one that looks after tables.
//!
//! Due = last success + interval, or a source that changed; missed runs collapse to one. Retries conflicts and I/O with
//! back-off and a limit; a data error waits for its next turn. Decides when, never how.

mod rules;
mod run;
mod triggers;
mod upkeep;
mod verify;

pub use rules::{LastRun, is_due, may_run, next_due};
pub use run::Scheduler;
pub use upkeep::Upkeep;
pub use verify::Verifications;
