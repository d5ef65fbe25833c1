//! The Postgres protocol: what clients are told, in which types, and when.

mod encode;
mod login;
mod login_tls;
mod messages;
mod stops;
mod values;
