//! What REFRESH POLICY means when changes cannot be followed.
//!
//! AUTO computes in full and says why; INCREMENTAL does too, and alerts ([`super::alert`]); INCREMENTAL
//! STRICT fails, and the last good version is served.

use crate::catalog::{MaterializedView, Relation};
use crate::error::{Error, ErrorKind, Result};
use crate::query::{Context, Engine};
use crate::syntax::RefreshPolicy;

use super::check::CheckedView;
use super::incremental::{Blocked, analyze, unsteady};

/// A view that promises to follow changes has a rule for each of its operators, and the rows of one that may
/// follow them are told by its sources.
///
/// # Errors
/// `FeatureNotSupported` naming the operator that has none, or a function whose value nothing tells, unless it is
/// always computed in full.
pub(super) fn check(
    engine: &Engine,
    relation: &Relation,
    view: &MaterializedView,
    checked: &CheckedView,
    context: &Context,
) -> Result<()> {
    if view.policy != RefreshPolicy::Full
        && let Some(volatile) = unsteady(&checked.plan)?.filter(Blocked::is_volatile)
    {
        return Err(Error::new(
            ErrorKind::FeatureNotSupported,
            format!("{} has other rows each time it is computed", relation.name),
        )
        .detail(format!("In it, {}.", volatile.reason))
        .hint(format!(
            "{} REFRESH POLICY FULL computes it anew whenever a source changes.",
            volatile.hint
        )));
    }
    if !matches!(view.policy, RefreshPolicy::Incremental | RefreshPolicy::IncrementalStrict) {
        return Ok(());
    }
    let analysis = analyze(engine, &checked.plan, checked.grouped.as_ref(), context)?;
    tracing::debug!(view = %relation.name, laws = ?analysis.laws, "rules of a view");
    let Some(blocked) = analysis.blocked else { return Ok(()) };
    let error = Error::new(
        ErrorKind::FeatureNotSupported,
        format!("{} cannot be refreshed incrementally", relation.name),
    )
    .detail(format!("The {} has no rule: {}.", blocked.operator, blocked.reason));
    let hint = "REFRESH POLICY AUTO computes it in full.";
    Err(match blocked.hint {
        "" => error.hint(hint),
        better => error.hint(format!("{better} {hint}")),
    })
}

/// Whether a view may be computed in full although its policy is to follow changes.
///
/// # Errors
/// `ObjectNotInPrerequisiteState` under INCREMENTAL STRICT.
pub(super) fn falls_back(relation: &Relation, policy: RefreshPolicy, because: &str) -> Result<()> {
    match policy {
        RefreshPolicy::Auto | RefreshPolicy::Full | RefreshPolicy::Incremental => Ok(()),
        RefreshPolicy::IncrementalStrict => Err(Error::new(
            ErrorKind::ObjectNotInPrerequisiteState,
            format!("{} cannot be refreshed incrementally", relation.name),
        )
        .detail(format!("The reason is: {because}."))
        .hint("REFRESH MATERIALIZED VIEW ... FULL computes it from scratch once.")),
    }
}
