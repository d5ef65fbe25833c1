//! Views: refreshed in order, at one version a source, published together.

mod failures;
mod recovery;
mod refresh;
mod rules;
mod scheduler;
mod world;
