//! Delta tables at pinned versions: snapshots, scans, commits, epochs.
//!
//! Sole owner of deltalake and object_store. Its one idea: a [`Table`] is a table at one version and
//! never changes; what changes is which version the lake has published. Knows no SQL and no roles.

mod bounds;
mod cache;
mod changes;
mod changes_scan;
mod columns;
mod commit;
mod data_files;
mod discard;
mod edit;
mod epoch;
mod epoch_rows;
mod error;
mod fault;
mod file_scan;
mod fold;
mod keep;
mod log;
mod log_files;
mod maintain;
mod near;
mod objects;
mod optimize;
mod provider;
mod restore;
mod schema;
mod search;
mod shape;
mod share;
mod sieve;
mod split;
mod statistics;
mod store;
mod system;
mod table;
mod timeline;
mod transaction;
mod txns;
mod vacuum;
mod vectors;
mod write;

pub use bounds::Bounds;
pub use changes::{Changes, ChangesOutcome, WEIGHT_COLUMN};
pub use columns::{SystemColumns, system_schema, system_time};
pub use commit::{Commit, CommitMode, CommitOutcome};
pub use discard::own_folder;
pub use edit::Edited;
pub use epoch::{EpochState, Published, PublishedRelation, Run, RunKind};
pub use fold::Retention;
pub use keep::{EpochVersions, KeptVersions};
pub use near::{float_order, is_before, is_close};
pub use objects::{ObjectEntry, Objects};
pub use optimize::{Due, Optimized};
pub use schema::{TEXT_LENGTH, TYPE_MARK};
pub use search::Looked;
pub use shape::DELETION_VECTORS;
pub use share::{FileShare, Share};
pub use split::Split;
pub use store::{Lake, LakeRoot, Location};
pub use table::{HIDDEN_PREFIX, Table, TableSpec};
pub use timeline::CommitRecord;
pub use transaction::{Doubt, TRANSACTION};
pub use vacuum::{VacuumRequest, Vacuumed};
pub use write::{DataFiles, Layout, TableWriter};
