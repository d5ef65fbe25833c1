//! Views: refreshed in order, at one version a source, published together.

mod alerts;
mod failures;
mod incremental;
mod maintenance;
mod operators;
mod property;
mod reading;
mod recovery;
mod refresh;
mod rules;
mod scheduler;
mod tpch;
mod triggers;
mod unpublished;
mod vectors;
mod verify;
mod world;
mod written;
