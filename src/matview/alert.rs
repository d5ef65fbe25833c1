//! What a person should hear of: one log line each, whose words stay.
//!
//! Values may be anybody's, so a line names relations, conditions and counts; the rest is in
//! `lakeport.refreshes` and `lakeport.verifications`.

use crate::catalog::Relation;
use crate::lake::Table;

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

/// A view that was computed in another way than the time before, by the same definition. `before` is
/// its table as it was.
pub(super) async fn change_of_strategy(
    view: &Relation,
    before: Option<&Table>,
    incremental: bool,
    reason: &str,
) {
    let Some(before) = before else { return };
    if !progress::has_definition(before, &view.definition_hash) {
        return;
    }
    let word = |incremental: bool| if incremental { "incremental" } else { "full" };
    match progress::was_incremental(before, view.id).await {
        Ok(Some(was)) if was != incremental => {
            let (view, from, to) = (&view.name, word(was), word(incremental));
            tracing::warn!(%view, from, to, reason, "a view changed its strategy");
        }
        // What cannot be read again was read a moment ago; an alert is no reason to fail.
        Ok(_) | Err(_) => {}
    }
}
