//! The law of filters on time.
//!
//! Its one idea: when the clock moves, the rows whose side of a comparison with it changed come or go; they
//! are found by the comparison itself at both moments, which reaches the statistics of files. Any other use
//! of the clock changes every row.

use std::sync::Arc;

use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan, not};

use crate::query::{depends_on_moment, filled_expr};

use super::answer::{Delta, Difference, Stop, blocked};
use super::differ::Differ;
use super::law;

impl Differ<'_> {
    /// p = q ∧ t, t at the moment before t₀, now t₁:
    /// Δσp(X) = σ(q∧t₁)(ΔX) ⊎ σ(q∧t₁∧¬t₀)(X@0) - σ(q∧t₀∧¬t₁)(X@0).
    pub(super) fn filter_on_time(&self, filter: &Filter, place: &str) -> Difference {
        let (on_time, steady): (Vec<Expr>, Vec<Expr>) =
            conjuncts(filter.predicate.clone()).into_iter().partition(depends_on_moment);
        if !on_time.iter().all(is_comparison_with_moment) {
            return blocked(
                "clock",
                "the time stands in a condition that is no comparison of a row's value with it",
                "Write it as column >= now() - interval '...', or leave it to the reader's query.",
            );
        }
        let Some(then) = self.then else {
            return blocked("clock", "when the view was computed is not known", "");
        };
        self.note(place, "filter on time", "rows that the moved clock lets in or out are found");
        let now = conjunction(on_time.iter().cloned());
        let before = now.clone().map(|expr| filled_expr(expr, then)).transpose()?;
        let (Some(now), Some(before)) = (now, before) else { return Ok(None) };
        let old = self.old(&filter.input)?;
        let crossed = |lets: &Expr, no_more: &Expr, times: i64| {
            let mut wanted = steady.clone();
            wanted.extend([lets.clone(), not(no_more.clone())]);
            let wanted = conjunction(wanted).unwrap_or_else(|| lets.clone());
            let rows = Filter::try_new(wanted, Arc::new(old.clone()))?;
            Ok::<_, Stop>(law::weighted(LogicalPlan::Filter(rows), times)?)
        };
        let mut changed = vec![crossed(&now, &before, 1)?, crossed(&before, &now, -1)?];
        let mut copies = false;
        if let Some(input) = self.changed(&filter.input, &format!("{place}.0"))? {
            copies = input.copies;
            let rows = Filter::try_new(filter.predicate.clone(), Arc::new(input.plan))?;
            changed.push(LogicalPlan::Filter(rows));
        }
        // A row may come with its file and go with the clock.
        copies |= changed.len() > 2;
        Ok(Some(Delta { plan: law::stack(changed, filter.input.schema())?, copies }))
    }
}

/// The conditions that all have to hold.
fn conjuncts(predicate: Expr) -> Vec<Expr> {
    let each = split_conjunction_owned(predicate).into_iter();
    each.flat_map(|expr| match expr {
        Expr::Between(between) if !between.negated => {
            vec![between.expr.clone().gt_eq(*between.low), between.expr.lt_eq(*between.high)]
        }
        expr => vec![expr],
    })
    .collect()
}

/// Whether one side is told by the moment alone and the other by the row alone: then no moment makes a
/// difference between false and NULL.
fn is_comparison_with_moment(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return false };
    let by_moment = |expr: &Expr| depends_on_moment(expr) && expr.column_refs().is_empty();
    let by_row = |expr: &Expr| !depends_on_moment(expr);
    op.supports_propagation()
        && (by_moment(left) && by_row(right) || by_row(left) && by_moment(right))
}
