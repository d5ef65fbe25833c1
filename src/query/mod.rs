//! A query to a stream of batches: planned, typed, authorized, run at pinned versions.
//!
//! Sole owner of DataFusion sessions. Its one idea: what a statement sees is a [`Snapshot`], fixed
//! before planning; nothing it reads can move under it. Knows no protocol, and writes nothing.

mod actions;
mod admission;
mod authorize;
mod beside;
mod cast;
mod casts;
mod correlated;
mod derive;
mod engine;
mod error;
mod execute;
mod explain;
mod figures;
mod files;
mod functions;
mod gate;
mod groupings;
mod history;
mod joins;
mod jsonb_order;
mod jsonpath;
mod literals;
mod marks;
mod meter;
mod modifiers;
mod moment;
mod multisets;
mod numbers;
mod once;
mod origins;
mod parameters;
mod patterns;
mod phrases;
mod pinned;
mod plan;
mod planner;
mod planners;
mod probes;
mod pushdown;
mod reads;
mod rebind;
mod resolve;
mod rowless;
mod rows;
mod rules;
mod runtime;
mod series;
mod sides;
mod snapshot;
mod sorted;
mod system;
pub mod text;
pub mod textual;
mod travel;
mod unions;
mod unordered;
mod untold;
mod wide;
mod windows;

pub use actions::{Actions, AdvisoryKey, LockMode};
pub use authorize::AuthorizedPlan;
pub use cast::{Element, array_elements, assigned, cast_array, cast_styled};
pub(crate) use derive::{Leaf, leaf, put_in_place, rows_in_place, table_in_place};
pub use engine::{Context, Engine, Execution};
pub use files::FileFinder;
pub(crate) use functions::{json_text, jsonb_text, quotient};
pub(crate) use meter::{Allowance, metered};
pub(crate) use moment::{
    MOMENTS, depends_on_moment, filled, filled_expr, operator_depends_on_moment,
};
pub use origins::ColumnOrigin;
pub(crate) use plan::unpacked as plain_type;
pub use reads::Ran;
pub(crate) use reads::{OperatorRead, ScanRead};
pub use rows::{RowSource, StoredRows};
pub(crate) use runtime::{Sealed, seal};
pub use snapshot::Snapshot;
pub use system::{
    VisibleRelation, element_of, is_row, kept_type, marked_type, own_modifier, postgres_type,
    row_fields, type_field, type_name_of as type_name, type_number, type_shown, type_spelled,
};
pub use wide::{is_wide_numeric, refused_wide, wide_numeric};
