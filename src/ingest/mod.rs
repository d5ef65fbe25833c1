//! Streaming tables: landing files into bronze, each exactly once.
//!
//! The list of a batch's files is written before any data, so every restart runs the same list again
//! and the table's own progress says whether it has landed. Knows no session and no schedule.

mod batch;
mod blocking;
mod columns;
mod conform;
mod csv;
mod declared;
mod encoding;
mod glob;
mod history;
mod infer;
mod json;
mod json_file;
mod layout;
mod ledger;
mod listing;
mod load;
mod naming;
mod open;
mod options;
mod output;
mod parquet_file;
mod pattern;
mod quarantine;
mod records;
mod run;
mod sample;
mod stream;
mod table;
mod types;
mod widen;

pub use conform::nested_values;
pub use declared::declared_columns;
pub use run::{IngestReport, IngestRequest, Ingester, TableOutcome};
