#![doc = include_str!("ARCHITECTURE.md")]

pub mod error;

pub mod name;

pub mod clock;

pub mod config;

pub mod telemetry;

pub mod lake;

pub mod syntax;

pub mod catalog;

pub mod security;

pub mod query;

pub mod matview;

pub mod ingest;

pub mod scheduler;

pub mod session;

pub mod server;

pub mod project;

pub mod demo;
