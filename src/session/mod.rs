//! One connection: settings, prepared statements, transactions; one flat match over Statement.
//!
//! Both protocols call the same [`Session`]: a difference between them is a bug in `server`. Knows no
//! wire format.

mod admission;
mod answer;
mod assign;
mod connection;
mod control;
mod counting;
mod ddl;
mod maintain;
mod names;
mod passwords;
mod planning;
mod prepared;
mod running;
mod services;
mod setting_value;
mod settings;
mod transaction;
mod views;
mod write;

pub use admission::{Admission, Caller, admission};
pub use connection::{Outcome, RowStream, Session, Startup};
pub use passwords::{Passwords, check_private, set_password, wrong as wrong_password};
pub use prepared::{Forgets, Prepared};
pub use running::Canceller;
pub use services::{Services, Sessions};
pub use settings::SERVER_VERSION;
