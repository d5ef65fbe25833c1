//! What a person should hear of: one log line each, whose words stay.
//!
//! Values may be anybody's, so a line names relations, conditions and counts; the rest is in
//! `lakeport.refreshes` and `lakeport.verifications`.

use crate::syntax::RefreshPolicy;

use super::build::Job;
use super::progress;
use super::refresh::{RefreshReport, ViewState};

/// Every view of a report that failed, after the last of so many attempts.
pub(super) fn failures(report: &RefreshReport, attempts: u32) {
    for outcome in &report.views {
        if let ViewState::Failed(error) = &outcome.state {
            let (view, sqlstate, condition) =
                (&outcome.view, error.kind().sqlstate(), error.kind().condition());
            tracing::error!(%view, attempts, sqlstate, condition, "a view could not be refreshed");
        }
    }
}

/// A view that was computed in another way than its rules promise, once for each reason, and, not as an
/// alert, in another way than the time before.
pub(super) async fn strategy(
    job: &Job<'_>,
    incremental: bool,
    deviation: Option<&str>,
    reason: &str,
) {
    let (view, Some(before)) = (&job.relation.name, &job.head) else { return };
    if !progress::has_definition(before, &job.relation.definition_hash) {
        return;
    }
    let id = job.relation.id;
    let word = |incremental: bool| if incremental { "incremental" } else { "full" };
    // What cannot be read again was read a moment ago; an alert is no reason to fail.
    let was = progress::was_incremental(before, id).await.ok().flatten();
    let (from, to) = (was.map(word).unwrap_or_default(), word(incremental));
    match deviation {
        Some(because) => {
            if matches!(progress::deviated(before, id, because).await, Ok(true) | Err(_)) {
                return;
            }
            match job.view.policy {
                RefreshPolicy::Incremental => {
                    tracing::warn!(%view, because, "an incremental view is refreshed in full");
                }
                _ => tracing::warn!(%view, from, to, reason, "a view changed its strategy"),
            }
        }
        None if was.is_some_and(|was| was != incremental) => {
            tracing::info!(%view, from, to, reason, "a view changed its strategy");
        }
        None => {}
    }
}
