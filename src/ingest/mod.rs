//! Streaming tables: landing files into bronze, each exactly once.
//!
//! The list of a batch's files is written before any data, so every restart runs the same list again
//! and the table's own progress says whether it has landed. Knows no session and no schedule.

mod batch;
mod blocking;
mod columns;
mod csv;
mod declared;
mod glob;
mod history;
mod infer;
mod json;
mod ledger;
mod listing;
mod load;
mod naming;
mod options;
mod output;
mod pattern;
mod quarantine;
mod records;
mod run;
mod sample;
mod stream;
mod table;
mod types;

pub use declared::declared_columns;
pub use run::{IngestReport, IngestRequest, Ingester, TableOutcome};
