//! Every test of Lakeport that Rust drives, in one binary, because each links the whole engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]

mod ad_platforms;
mod bad_input;
mod catalog;
mod cli;
mod complete_journey;
mod crash;
mod customers;
mod demo;
mod differential;
mod external;
mod febrl;
mod flight;
mod global_electronics;
mod ingest;
mod lake;
mod limits;
mod maintenance;
mod matview;
mod memory;
mod online_retail;
mod oracle;
mod pgwire;
mod query;
mod reads;
mod real_sources;
mod security;
mod session;
mod slt;
mod sql_tests;
mod support;
mod syntax;
mod tidy;
mod verify;
