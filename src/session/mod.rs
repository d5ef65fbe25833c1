//! One connection: settings, prepared statements, transactions; one flat match over Statement.
//!
//! Both protocols call the same [`Session`]: a difference between them is a bug in `server`. Knows no
//! wire format.

mod actions;
mod activity;
mod admission;
mod alter;
mod answer;
mod assign;
mod blocks;
mod bulk;
mod columns;
mod commit;
mod connection;
mod control;
mod copy;
mod copy_format;
mod counting;
mod create;
mod cursors;
mod ddl;
mod execute;
mod functions;
mod keys;
mod known_settings;
mod locks;
mod maintain;
mod names;
mod new_table;
mod notify;
mod outcome;
mod passwords;
mod pending;
mod pinned;
mod planning;
mod prepared;
mod running;
mod services;
mod sessions;
mod setting_value;
mod settings;
mod statements;
mod temporary;
mod transaction;
mod update;
mod views;
mod write;

pub use crate::syntax::Raise as Notice;
pub use admission::{Admission, Caller, admission};
pub use bulk::{Bulk, BulkTarget, IfExists};
pub use connection::{Session, Startup};
pub use copy::{CopyIn, CopyOut};
pub use copy_format::{Columns, CopyFormat, CopyKind, Header};
pub use known_settings::SERVER_VERSION;
pub use notify::Notification;
pub use outcome::{Outcome, RowStream};
pub use passwords::{Passwords, check_private, set_password, wrong as wrong_password};
pub use pinned::{Pinned, PinnedQuery, check_role};
pub use prepared::{CHANGED_PLAN, Forgets, Prepared};
pub use running::Canceller;
pub use services::Services;
pub use sessions::Sessions;
pub use statements::Named;
