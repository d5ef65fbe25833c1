//! Trying again what may succeed without anyone changing anything: conflicts and I/O, with a limit.
//!
//! A data error stays a data error however often it is tried, so it is reported at once. Of a run
//! whose views failed only the retryable ones, and the views below them, are run again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::name::{RelationName, RunId};

use super::alert;
use super::refresh::{RefreshReport, RefreshRequest, Refresher, ViewOutcome, ViewState};

const BACK_OFF_FIRST_MS: u64 = 50;
const BACK_OFF_MAX_MS: u64 = 5_000;

impl Refresher {
    /// Runs, and runs again what failed by conflict or I/O, up to `[limits] attempts_max` times.
    /// The report is of all attempts together: each view as it ended, the last epoch published.
    ///
    /// # Errors
    /// As [`Refresher::refresh`], of the last attempt.
    pub async fn refresh_with_retries(
        self: &Arc<Self>,
        request: &RefreshRequest,
    ) -> Result<RefreshReport> {
        let attempts_max = self.config.limits.attempts_max.max(1);
        let mut request = RefreshRequest { attempt: request.attempt.max(1), ..request.clone() };
        let mut merged: Option<RefreshReport> = None;
        loop {
            let last = request.attempt >= attempts_max;
            match self.refresh(&request).await {
                Ok(report) => {
                    let again = worth_retrying(&report);
                    merged = Some(merge(merged, report));
                    match merged {
                        Some(report) if again.is_empty() || last => {
                            alert::failures(&report, request.attempt);
                            return Ok(report);
                        }
                        _ => request.views = Some(again),
                    }
                }
                Err(error) if !error.kind().retryable() || last => {
                    let (attempts, sqlstate) = (request.attempt, error.kind().sqlstate());
                    tracing::error!(attempts, sqlstate, "a refresh could not run");
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(attempt = request.attempt, %error, "a refresh is tried again");
                }
            }
            self.lake.clock().sleep(back_off(request.attempt)).await;
            request.attempt += 1;
        }
    }
}

/// Views that failed in a way that may pass, and those skipped because of them.
fn worth_retrying(report: &RefreshReport) -> Vec<RelationName> {
    let mut again: Vec<RelationName> = Vec::new();
    for outcome in &report.views {
        let retry = match &outcome.state {
            ViewState::Failed(error) => error.kind().retryable(),
            ViewState::Skipped(source) => again.contains(source),
            ViewState::Refreshed | ViewState::Unchanged => false,
        };
        if retry {
            again.push(outcome.view.clone());
        }
    }
    again
}

fn merge(earlier: Option<RefreshReport>, report: RefreshReport) -> RefreshReport {
    let Some(mut merged) = earlier else { return report };
    let mut newer: BTreeMap<RelationName, ViewOutcome> =
        report.views.into_iter().map(|outcome| (outcome.view.clone(), outcome)).collect();
    for outcome in &mut merged.views {
        if let Some(newer) = newer.remove(&outcome.view) {
            let elapsed_ms = outcome.elapsed_ms + newer.elapsed_ms;
            *outcome = ViewOutcome { elapsed_ms, ..newer };
        }
    }
    merged.epoch = report.epoch.or(merged.epoch);
    merged.run_id = report.run_id;
    merged
}

/// Doubles with each attempt, with a random part so that two servers do not collide again and again.
pub(crate) fn back_off(attempt: u32) -> Duration {
    let doubled = BACK_OFF_FIRST_MS.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let bounded = doubled.min(BACK_OFF_MAX_MS);
    let random = u64::from(RunId::random().0.as_bytes()[0]);
    Duration::from_millis(bounded / 2 + bounded * random / 512)
}
