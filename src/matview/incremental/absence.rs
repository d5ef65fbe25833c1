//! The law of NOT IN.
//!
//! Its one idea: `x NOT IN (Y)` is an anti join but for what NULL does to it, and that is two facts about
//! all of Y: whether it is empty, and whether it has a NULL. While both stay as they were, the keys that
//! changed are computed again as for NOT EXISTS; when one of them turns, so may every row.

use std::sync::Arc;

use datafusion::common::{JoinType, NullEquality};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, Join, JoinConstraint, LogicalPlan, SubqueryAlias, lit,
};

use super::answer::{Delta, Difference, Stop, blocked};
use super::differ::Differ;
use super::known::Asker;
use super::law;
use super::states::{column, side_column};

const EMPTY: &str = "__lakeport_empty";
const NULLS: &str = "__lakeport_nulls";
const FACTS: &str = "__lakeport_facts";

impl Differ<'_> {
    /// L NOT IN R = σ(empty ∨ (¬nulls ∧ key IS NOT NULL))((L ▷ R) × facts(R)).
    pub(super) fn not_in(
        &self,
        join: &Join,
        left: Option<Delta>,
        right: Delta,
        place: &str,
    ) -> Difference {
        let ([(key, of_right)], None) = (join.on.as_slice(), &join.filter) else {
            return blocked(
                "NOT IN",
                "it compares more than one column",
                "Use NOT EXISTS, or a subquery whose column cannot be NULL.",
            );
        };
        let new = facts(LogicalPlan::clone(&join.right), of_right)?;
        let old = facts(self.old(&join.right)?, of_right)?;
        let shape = Arc::clone(new.schema());
        let Some(turned) = self.replaced(new.clone(), old, &shape)? else { return Ok(None) };
        let columns = [column(EMPTY), column(NULLS)];
        let asker = Asker::new(LogicalPlan::Join(join.clone()), "facts")?;
        let turns =
            self.known(&format!("{place} facts"), asker, vec![(turned, &columns)])?.is_some();
        if turns && !self.imagines() {
            self.note(place, "NOT IN", "a NULL came or went on its right side: all rows");
            let all = LogicalPlan::Join(join.clone());
            let before = self.old(&all)?;
            return self.replaced(all, before, &join.schema);
        }
        self.note(place, "NOT IN", "affected keys are computed again while no NULL comes or goes");
        let mut plain = join.clone();
        plain.null_aware = false;
        let Some(delta) = self.by_key(&plain, left, Some(right), place)? else { return Ok(None) };
        let facts = SubqueryAlias::try_new(Arc::new(new), FACTS)?;
        let beside = Join::try_new(
            Arc::new(LogicalPlan::SubqueryAlias(facts)),
            Arc::new(delta.plan.clone()),
            Vec::new(),
            None,
            JoinType::Inner,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        let no_nulls = side_column(FACTS, NULLS).eq(lit(false));
        let passes = side_column(FACTS, EMPTY).or(no_nulls.and(key.clone().is_not_null()));
        let passing = Filter::try_new(passes, Arc::new(LogicalPlan::Join(beside)))?;
        let plan = law::project(LogicalPlan::Filter(passing), law::columns(&delta.plan))?;
        Ok(Some(Delta { plan, ..delta }))
    }
}

/// Whether there are no rows, and whether a key is NULL: one row.
fn facts(rows: LogicalPlan, key: &Expr) -> Result<LogicalPlan, Stop> {
    let counted = vec![count(lit(1_i64)).alias("rows"), count(key.clone()).alias("keys")];
    let counted = Aggregate::try_new(Arc::new(rows), Vec::new(), counted)?;
    let facts = vec![
        column("rows").eq(lit(0_i64)).alias(EMPTY),
        column("keys").lt(column("rows")).alias(NULLS),
    ];
    Ok(law::project(LogicalPlan::Aggregate(counted), facts)?)
}
