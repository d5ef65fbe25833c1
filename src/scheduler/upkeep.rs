//! What a running server does for its tables unasked: small files brought together after a run, the
//! past cleared away once an hour.
//!
//! Beside the loop that runs what has a schedule, so neither waits for the other. Its failures are
//! logged and never end it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::lake::Lake;
use crate::matview::Maintenance;
use crate::name::Epoch;

/// How often it looks whether anything was published.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the past is cleared away.
const SWEEP_EVERY: TimeDelta = TimeDelta::hours(1);
/// A server that has just started has better things to do.
const FIRST_SWEEP_AFTER: TimeDelta = TimeDelta::minutes(5);

/// Looks after the tables of a lake.
#[derive(Debug)]
pub struct Upkeep {
    lake: Lake,
    maintenance: Arc<Maintenance>,
    compacted: Epoch,
    sweep_at: DateTime<Utc>,
}

impl Upkeep {
    /// Upkeep that has not done anything yet.
    pub fn new(lake: Lake, maintenance: Arc<Maintenance>) -> Self {
        let sweep_at = lake.clock().now() + FIRST_SWEEP_AFTER;
        Self { lake, maintenance, compacted: 0, sweep_at }
    }

    /// Does what is due, until `shutdown`. What is under way is dropped then, which is as safe as a
    /// crash.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = self.lake.clock().sleep(PAUSE) => {}
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = self.turn() => {}
            }
        }
    }

    /// Does what is due now.
    pub async fn turn(&mut self) {
        let epoch = self.lake.epoch().epoch;
        if epoch > self.compacted {
            match self.maintenance.compact().await {
                Ok(()) => self.compacted = epoch,
                Err(error) => tracing::warn!(%error, "small files could not be looked for"),
            }
        }
        let now = self.lake.clock().now();
        if now >= self.sweep_at {
            self.sweep_at = now + SWEEP_EVERY;
            if let Err(error) = self.maintenance.sweep().await {
                tracing::warn!(%error, "the past could not be cleared away");
            }
        }
    }
}
