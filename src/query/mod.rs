//! A query to a stream of batches: planned, typed, authorized, run at pinned versions.
//!
//! Sole owner of DataFusion sessions. Its one idea: what a statement sees is a [`Snapshot`], fixed
//! before planning; nothing it reads can move under it. Knows no protocol, and writes nothing.

mod actions;
mod admission;
mod authorize;
mod cast;
mod correlated;
mod derive;
mod engine;
mod error;
mod execute;
mod functions;
mod gate;
mod history;
mod joins;
mod literals;
mod multisets;
mod phrases;
mod pinned;
mod plan;
mod planner;
mod probes;
mod pushdown;
mod resolve;
mod rows;
mod runtime;
mod snapshot;
mod system;
pub mod text;
mod travel;

pub use actions::Actions;
pub use authorize::AuthorizedPlan;
pub use cast::cast_array;
pub(crate) use derive::{Leaf, leaf, put_in_place, rows_in_place, table_in_place};
pub use engine::{Context, Engine, Execution, VisibleRelation};
pub(crate) use plan::unpacked as plain_type;
pub use rows::{RowSource, StoredRows};
pub(crate) use runtime::{Sealed, seal};
pub use snapshot::Snapshot;
pub use system::{element_of, marked_type, postgres_type};
