//! The Postgres protocol: what clients are told, in which types, and when.

mod encode;
mod messages;
mod stops;
mod values;
