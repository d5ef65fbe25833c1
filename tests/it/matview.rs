//! Views: refreshed in order, at one version a source, published together.

mod alerts;
mod failures;
mod property;
mod recovery;
mod refresh;
mod rules;
mod scheduler;
mod triggers;
mod verify;
mod world;
