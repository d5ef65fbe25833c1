//! Verifying all views every so many hours, if `[verify]` asks for it.
//!
//! A loop of its own, because comparing everything may take long and refreshes must not wait for it.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::config::VerifyConfig;
use crate::error::Result;
use crate::lake::Lake;
use crate::matview::{Refresher, VerifyRequest};

/// Between two looks at the clock.
const PAUSE: Duration = Duration::from_secs(30);

/// Verifies when it is time.
#[derive(Debug)]
pub struct Verifications {
    lake: Lake,
    config: VerifyConfig,
    refresher: Arc<Refresher>,
    last: Option<DateTime<Utc>>,
}

impl Verifications {
    /// Has verified nothing yet.
    pub fn new(lake: Lake, config: VerifyConfig, refresher: Arc<Refresher>) -> Self {
        Self { lake, config, refresher, last: None }
    }

    /// Verifies what is due, until `shutdown`; ends at once where nothing ever is.
    pub async fn run(mut self, shutdown: CancellationToken) {
        if self.config.every_hours == 0 {
            return;
        }
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = async {
                    self.turn().await;
                    self.lake.clock().sleep(PAUSE).await;
                } => {}
            }
        }
    }

    /// Verifies all views if it is time.
    pub async fn turn(&mut self) {
        let every = i64::try_from(self.config.every_hours).unwrap_or(i64::MAX);
        let every = TimeDelta::try_hours(every).unwrap_or(TimeDelta::MAX);
        let is_due = |last: Option<DateTime<Utc>>, now| {
            let due = last.map(|last| last.checked_add_signed(every));
            due.is_none_or(|due| due.is_some_and(|due| due <= now))
        };
        if self.config.every_hours == 0 || !is_due(self.last, self.lake.clock().now()) {
            return;
        }
        // Another server may have verified meanwhile, and so may this one before it was started.
        match self.recorded().await {
            Ok(recorded) => self.last = self.last.max(recorded),
            Err(error) => tracing::warn!(%error, "the history of verifications could not be read"),
        }
        if !is_due(self.last, self.lake.clock().now()) {
            return;
        }
        let sample_percent = self.config.sample_percent;
        let request = VerifyRequest { views: None, sample_percent };
        if let Err(error) = self.refresher.verify(&request).await {
            tracing::error!(%error, "a scheduled verification could not run");
        }
        self.last = Some(self.lake.clock().now());
    }

    /// When a relation was last verified.
    async fn recorded(&self) -> Result<Option<DateTime<Utc>>> {
        let location = self.lake.system_location("verifications");
        let Some(table) = self.lake.newest(&location).await? else { return Ok(None) };
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let mut last = None;
        for batch in table.read().await? {
            let ended = batch.column_by_name("finished_at").and_then(|c| cast(c, &micros).ok());
            let Some(ended) = ended else { continue };
            let ended = ended.as_primitive::<TimestampMicrosecondType>();
            let newest = (0..ended.len()).filter(|&row| ended.is_valid(row));
            last = last.max(newest.map(|row| ended.value(row)).max());
        }
        Ok(last.and_then(DateTime::from_timestamp_micros))
    }
}
