//! The Postgres protocol: what clients are told, in which types, and when.

mod copy;
mod cursors;
mod described;
mod drivers;
mod encode;
mod explain;
mod figures;
mod fuzz;
mod locks;
mod login;
mod login_tls;
mod messages;
mod npgsql;
mod replay;
mod replay_wire;
mod sessions;
mod stops;
mod values;
