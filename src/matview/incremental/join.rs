//! The law of joins.
//!
//! Inner joins are bilinear; a join that keeps rows of one side is linear in that side, and what changed on
//! the other is computed again for its keys; everything else is, for the keys that changed on either side.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode as _;
use datafusion::common::{DFSchema, JoinType, NullEquality};
use datafusion::logical_expr::{Expr, Filter, Join, LogicalPlan};

use super::answer::{Delta, Difference, Stop, blocked};
use super::differ::Differ;
use super::keys::KeyRows;
use super::known::Asker;
use super::shown::Found;
use super::{law, sink};

impl Differ<'_> {
    /// Inner: Δ(L ⋈ R) = ΔL ⋈ R@1 + L@0 ⋈ ΔR. Others, where one side keeps its rows: [`Differ::kept`].
    /// Else by key: Δ = J(L@1 ⋉ K, R@1 ⋉ K) - J(L@0 ⋉ K, R@0 ⋉ K).
    pub(super) fn join(&self, join: &Join, place: &str) -> Difference {
        let left = self.changed(&join.left, &format!("{place}.0"))?;
        let right = self.changed(&join.right, &format!("{place}.1"))?;
        match (left, right) {
            (None, None) => Ok(None),
            (left, right) if join.join_type == JoinType::Inner => {
                self.note(place, "inner join", "changes of one side meet rows of the other");
                self.bilinear(join, left, right, place)
            }
            (left, Some(right)) if join.null_aware => self.not_in(join, left, right, place),
            (left, right) if is_linear_in_left(join.join_type) => {
                self.kept(join, left, right, Kept::Left, place)
            }
            (left, right) if is_linear_in_right(join.join_type) => {
                self.kept(join, right, left, Kept::Right, place)
            }
            (left, right) => self.by_key(join, left, right, place),
        }
    }

    /// Linear in the side X whose rows are kept: Δ = J(ΔX, Y@1) + J(X@0 ⋉ K, Y@1 ⋉ K) - J(X@0 ⋉ K, Y@0 ⋉ K),
    /// K the keys that changed in Y. A row of X whose key did not change there meets what it met.
    fn kept(
        &self,
        join: &Join,
        kept: Option<Delta>,
        other: Option<Delta>,
        side: Kept,
        place: &str,
    ) -> Difference {
        let (input, input_on, opposite, opposite_on) = side.of(join);
        let mut terms = Vec::new();
        let mut copies = other.is_some();
        if let Some(kept) = kept {
            self.note(place, "join", "changed rows of the kept side meet the other");
            let kept = if other.is_some() { self.summed(kept)? } else { kept };
            copies |= kept.copies;
            let opposite = LogicalPlan::clone(opposite);
            let is_left = side == Kept::Left;
            if let Some(opposite) = self.met(join, &kept, is_left, opposite, place)? {
                terms.push(shaped(side.over(join, kept.plan, opposite)?, &join.schema)?);
            }
        }
        if let Some(other) = other {
            if join.on.is_empty() {
                return without_equality();
            }
            self.note(
                place,
                "join",
                "rows whose keys changed on the other side are computed again",
            );
            let asker = Asker::new(LogicalPlan::Join(join.clone()), "other")?;
            let other = matching(join, other, &opposite_on)?;
            let known =
                self.known(&format!("{place} other"), asker, vec![(other, &opposite_on)])?;
            if let Some(known) = known
                && let Some(rows) = self.kept_of(join, input, &input_on, &known, place)?
            {
                let (new, old) = self.both(opposite, &opposite_on, &known, "other")?;
                let rows = || self.again(rows.clone(), place);
                let new = side.over(join, rows(), self.again(new, place))?;
                let old = side.over(join, rows(), self.again(old, place))?;
                terms.push(law::weighted(new, 1)?);
                terms.push(law::weighted(old, -1)?);
            }
        }
        if terms.is_empty() {
            return Ok(None);
        }
        Ok(Some(Delta { plan: law::stack(terms, &join.schema)?, copies }))
    }

    /// X@0 ⋉ K, X the kept side; `None` when there is no such row.
    fn kept_of(
        &self,
        join: &Join,
        input: &LogicalPlan,
        on: &[Expr],
        known: &KeyRows,
        place: &str,
    ) -> Result<Option<LogicalPlan>, Stop> {
        let found = match is_dear(input)? {
            true => self.found(join, on, known, place)?,
            false => Found::Unknown,
        };
        Ok(match found {
            Found::Unknown => Some(self.both(input, on, known, "kept")?.1),
            Found::Nothing => None,
            Found::Among(exprs, shown) => {
                let (_, rows) = self.both(input, &exprs, &shown, "shown")?;
                Some(law::matched(rows, on, known, "kept")?)
            }
        })
    }

    fn bilinear(
        &self,
        join: &Join,
        left: Option<Delta>,
        right: Option<Delta>,
        place: &str,
    ) -> Difference {
        let mut terms = Vec::new();
        let right = right.map(|right| self.summed(right)).transpose()?;
        let left = left.map(|left| self.summed(left)).transpose()?;
        if let Some(left) = left
            && let Some(right) =
                self.met(join, &left, true, LogicalPlan::clone(&join.right), place)?
        {
            terms.push(shaped(over(join, left.plan, right)?, &join.schema)?);
        }
        if let Some(right) = right
            && let Some(left) = self.met(join, &right, false, self.old(&join.left)?, place)?
        {
            terms.push(shaped(over(join, left, right.plan)?, &join.schema)?);
        }
        if terms.is_empty() {
            return Ok(None);
        }
        let copies = terms.len() > 1;
        Ok(Some(Delta { plan: law::stack(terms, &join.schema)?, copies }))
    }

    /// The rows of `other` that changed rows of the left, or else the right, side meet. Where windows and groups
    /// stand in it they are worked out for the keys of these rows only; what is read as it is stored is narrowed
    /// by the engine itself. `None` when no row changed.
    fn met(
        &self,
        join: &Join,
        changed: &Delta,
        is_left: bool,
        other: LogicalPlan,
        place: &str,
    ) -> Result<Option<LogicalPlan>, Stop> {
        if join.on.is_empty() || join.null_aware || !is_dear(&other)? {
            return Ok(Some(other));
        }
        let (mut of_changed, mut of_other): (Vec<Expr>, Vec<Expr>) =
            join.on.iter().cloned().unzip();
        if !is_left {
            std::mem::swap(&mut of_changed, &mut of_other);
        }
        let what = if is_left { "left" } else { "right" };
        let asker = Asker::new(LogicalPlan::Join(join.clone()), what)?;
        let known =
            self.known(&format!("{place} {what}"), asker, vec![(changed.clone(), &of_changed)])?;
        let Some(known) = known else { return Ok(None) };
        Ok(Some(sink::restricted(other, &of_other, &known, &format!("met {what}"))?))
    }

    pub(super) fn by_key(
        &self,
        join: &Join,
        left: Option<Delta>,
        right: Option<Delta>,
        place: &str,
    ) -> Difference {
        if join.on.is_empty() {
            return without_equality();
        }
        self.note(place, "join", "affected join keys are computed again");
        let (on_left, on_right): (Vec<Expr>, Vec<Expr>) = join.on.iter().cloned().unzip();
        let changed = [(left, on_left.as_slice()), (right, on_right.as_slice())];
        let changed = changed.into_iter().filter_map(|(delta, on)| Some((delta?, on)));
        let asker = Asker::new(LogicalPlan::Join(join.clone()), "")?;
        let Some(known) = self.known(place, asker, changed.collect())? else { return Ok(None) };
        let (new_left, old_left) = self.both(&join.left, &on_left, &known, "left")?;
        let (new_right, old_right) = self.both(&join.right, &on_right, &known, "right")?;
        let new = over(join, self.again(new_left, place), self.again(new_right, place))?;
        let old = over(join, self.again(old_left, place), self.again(old_right, place))?;
        self.replaced(new, old, &join.schema)
    }
}

/// The side of a join whose rows each have their result by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Left,
    Right,
}

impl Kept {
    /// That side and its keys, then the other and its keys.
    fn of(self, join: &Join) -> (&LogicalPlan, Vec<Expr>, &LogicalPlan, Vec<Expr>) {
        let (left, right): (Vec<Expr>, Vec<Expr>) = join.on.iter().cloned().unzip();
        match self {
            Kept::Left => (&join.left, left, &join.right, right),
            Kept::Right => (&join.right, right, &join.left, left),
        }
    }

    fn over(self, join: &Join, kept: LogicalPlan, other: LogicalPlan) -> Result<LogicalPlan, Stop> {
        match self {
            Kept::Left => over(join, kept, other),
            Kept::Right => over(join, other, kept),
        }
    }
}

fn without_equality() -> Difference {
    blocked(
        "join",
        "a single value, or a join without an equality, depends on all rows of one side",
        "Join on an equality.",
    )
}

/// Changed rows that may meet one of the other side: where NULL equals nothing, not those with a NULL key.
fn matching(join: &Join, changed: Delta, on: &[Expr]) -> Result<Delta, Stop> {
    if join.null_equality == NullEquality::NullEqualsNull {
        return Ok(changed);
    }
    let present = on.iter().cloned().map(Expr::is_not_null).reduce(Expr::and);
    let Some(present) = present else { return Ok(changed) };
    let plan = Filter::try_new(present, Arc::new(changed.plan))?;
    Ok(Delta { plan: LogicalPlan::Filter(plan), ..changed })
}

/// Whether rows are put together in it.
fn is_dear(plan: &LogicalPlan) -> Result<bool, Stop> {
    let found =
        |node: &LogicalPlan| Ok(matches!(node, LogicalPlan::Aggregate(_) | LogicalPlan::Window(_)));
    Ok(plan.exists(found)?)
}

/// The same join over other inputs.
fn over(join: &Join, left: LogicalPlan, right: LogicalPlan) -> Result<LogicalPlan, Stop> {
    Ok(LogicalPlan::Join(Join::try_new(
        Arc::new(left),
        Arc::new(right),
        join.on.clone(),
        join.filter.clone(),
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?))
}

/// A joined change with the join's columns and the weight last.
fn shaped(changed: LogicalPlan, shape: &DFSchema) -> Result<LogicalPlan, Stop> {
    debug_assert_eq!(changed.schema().fields().len(), shape.fields().len() + 1);
    Ok(law::weight_last(changed)?)
}

/// Whether each row of the left side has its result by itself, whatever the other rows of that side.
fn is_linear_in_left(join_type: JoinType) -> bool {
    matches!(
        join_type,
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark
    )
}

fn is_linear_in_right(join_type: JoinType) -> bool {
    matches!(
        join_type,
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark
    )
}
