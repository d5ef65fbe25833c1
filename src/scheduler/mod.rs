//! When things run: pure rules, and one loop that obeys them.
//!
//! Due = last success + interval; missed runs collapse to one. Retries conflicts and I/O with
//! back-off and a limit; a data error waits for its next turn. Decides when, never how.

mod rules;
mod run;

pub use rules::{LastRun, is_due, next_due};
pub use run::Scheduler;
