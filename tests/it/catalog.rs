//! The catalog: files, order, mistakes, persistence.

mod changes;
mod files;
mod functions;
mod stored;
