//! Text to [`Statement`]: the Postgres dialect plus the lakehouse words of DESIGN section 2.
//!
//! Sole owner of sqlparser. Knows spelling, not meaning: no name is resolved here and no type is
//! known. What other modules need from a syntax tree, a [`Query`] answers by method.

mod arrays;
mod chance;
mod clauses;
mod columns;
mod control;
mod copy;
mod create;
mod cursor;
mod dialect;
mod digits;
mod expand;
mod external;
mod forms;
mod from;
mod function;
mod grant;
mod hidden;
mod literals;
mod maintain;
mod named;
mod normal;
mod order;
mod parser;
mod patterns;
mod positions;
mod query;
mod raise;
mod refused;
mod rewrite;
mod rows;
mod scalars;
mod series;
mod settings;
mod source;
mod spans;
mod spelling;
mod split;
mod statement;
mod stream;
mod test;
mod travel;
mod types;
mod verbs;
mod view;
mod wholes;
mod written;

pub use chance::RUNS_ONCE;
pub use columns::{ColumnName, shown_name};
pub use control::*;
pub use expand::{FindFunction, FunctionText, expand_functions};
pub use external::{CreateExternalTable, CsvForm, FileKind, StoredAs};
pub use function::{CreateFunction, Parameter};
pub use grant::{GrantObject, Privilege};
pub use normal::normalize;
pub use parser::{parse, parse_one};
pub use query::{Query, RelationReference, TimeTravel};
pub use raise::{Level, Raise};
pub use spelling::TextLength;
pub use split::{leading_blank, split_statements};
pub use statement::*;
pub use test::{TestRows, TestStatement, parse_tests};
pub use types::{MARK, TEXTUAL, TypeNames};
pub use written::WrittenType;
