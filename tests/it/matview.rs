//! Views: refreshed in order, at one version a source, published together.

mod failures;
mod property;
mod recovery;
mod refresh;
mod rules;
mod scheduler;
mod world;
