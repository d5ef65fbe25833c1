//! What exists: schemas, relations, roles and grants, as one immutable value swapped whole.
//!
//! Truth is `_lakeport/catalog` in the lake, published with the epoch like any relation. The files of
//! `catalog/` and `sql/` are the desired state of what they define. Names are resolved here; types
//! are not: what a query means is `query`'s business.

pub mod alter;
mod apply;
mod check;
pub mod ddl;
mod define;
mod files;
mod functions;
mod grants;
mod load;
mod merge;
mod nearest;
mod object;
mod order;
mod rows;
mod settle;
mod state;
mod store;

pub use apply::{ApplyPlan, Change, plan_apply};
pub use define::{external_table, materialized_view, plain_table, plain_view};
pub use files::FileError;
pub use functions::{Function, create_function, drop_functions};
pub use load::{Desired, load_files};
pub use merge::merge;
pub use nearest::nearest;
pub use object::*;
pub use state::CatalogState;
pub use store::Catalog;
