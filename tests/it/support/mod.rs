//! What the tests share: deployments in temporary folders, servers, clients, test data.
//!
//! `Deployment` writes the folders, `TestServer` serves them in this process on free ports,
//! `Process` runs the real binary. Nothing here waits for a fixed time or binds a fixed port.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test module uses its own part")]

mod certificates;
mod data;
mod deployment;
mod flight;
mod plant;
mod postgres;
mod process;
mod server;
mod shop;
mod tools;

pub use certificates::{Authority, Signed};
pub use data::{long, shared_data, skip};
pub use deployment::{Deployment, words};
pub use flight::{FlightClient, descriptor, messages};
pub use plant::double_rows;
pub use postgres::Postgres;
pub use process::{Ended, Process, ended};
pub use server::{TestServer, http_get, text_rows};
pub use tools::{psql, python};
