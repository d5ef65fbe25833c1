//! The law of grouping sets.
//!
//! Its one idea: grouping sets are a UNION ALL of plain groupings, and these have a law. The total over all
//! rows, where it is one of the sets, is computed again from all of them: there is no key to narrow it by.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, cast, lit};

use super::answer::{Delta, Difference, Stop};
use super::differ::Differ;
use super::law;
use super::states::ROWS;

/// One of the sets.
struct Set {
    groups: Vec<Expr>,
    /// The value of the engine's own column that tells the sets apart.
    id: u64,
}

impl Differ<'_> {
    /// γ over sets S₁, S₂, ...: Δγ(X) = Δγ(S₁)(X) ⊎ Δγ(S₂)(X) ⊎ ..., with NULL for the columns that a set
    /// leaves out.
    pub(super) fn grouping_sets(&self, aggregate: &Aggregate, place: &str) -> Difference {
        let Some(input) = self.changed(&aggregate.input, &format!("{place}.0"))? else {
            return Ok(None);
        };
        self.note(place, "grouping sets", "each set is a grouping of its own");
        let mut changed = Vec::new();
        for set in &sets(aggregate)? {
            let grouped = match set.groups.is_empty() {
                true => self.total(aggregate)?,
                false => {
                    let plain = Aggregate::try_new(
                        Arc::clone(&aggregate.input),
                        set.groups.clone(),
                        aggregate.aggr_expr.clone(),
                    )?;
                    self.groups(&plain, input.clone(), place)?
                }
            };
            if let Some(delta) = grouped {
                changed.push(shown(aggregate, set, delta.plan)?);
            }
        }
        if changed.is_empty() {
            return Ok(None);
        }
        Ok(Some(Delta { plan: law::stack(changed, &aggregate.schema)?, copies: true }))
    }

    /// The one group of all rows, which is there even of none.
    fn total(&self, aggregate: &Aggregate) -> Difference {
        let over = |input: LogicalPlan| {
            // A set without a function still has its row.
            let mut functions = aggregate.aggr_expr.clone();
            functions.push(count(lit(1_i64)).alias(ROWS));
            let total = Aggregate::try_new(Arc::new(input), Vec::new(), functions)?;
            let total = LogicalPlan::Aggregate(total);
            let mut columns = law::columns(&total);
            columns.pop();
            Ok::<_, Stop>(law::project(total, columns)?)
        };
        let new = over(LogicalPlan::clone(&aggregate.input))?;
        let old = over(self.old(&aggregate.input)?)?;
        let shape = Arc::clone(new.schema());
        self.replaced(new, old, &shape)
    }
}

/// A set's changed groups in the columns of all sets.
fn shown(aggregate: &Aggregate, set: &Set, changed: LogicalPlan) -> Result<LogicalPlan> {
    let all = grouping_set_to_exprlist(&aggregate.group_expr)?;
    let columns = law::columns(&changed);
    let mut exprs = Vec::new();
    for (i, (qualifier, field)) in aggregate.schema.iter().enumerate() {
        let value = match all.get(i) {
            Some(group) => match set.groups.iter().position(|expr| expr == *group) {
                Some(at) => columns[at].clone(),
                None => lit(ScalarValue::try_from(field.data_type())?),
            },
            None if i == all.len() => cast(lit(set.id), field.data_type().clone()),
            None => columns[set.groups.len() + i - all.len() - 1].clone(),
        };
        exprs.push(value.alias_qualified(qualifier.cloned(), field.name()));
    }
    exprs.push(law::weight(&changed));
    law::project(changed, exprs)
}

/// The sets, numbered as the engine numbers them: a bit for each column left out, and above them how often
/// the same set came before.
fn sets(aggregate: &Aggregate) -> Result<Vec<Set>> {
    let all: Vec<Expr> =
        grouping_set_to_exprlist(&aggregate.group_expr)?.into_iter().cloned().collect();
    let groups: Vec<Vec<Expr>> = match aggregate.group_expr.first() {
        Some(Expr::GroupingSet(GroupingSet::Rollup(exprs))) => {
            (0..=exprs.len()).map(|length| exprs[..length].to_vec()).collect()
        }
        Some(Expr::GroupingSet(GroupingSet::Cube(exprs))) => {
            let chosen = |mask: usize| {
                let exprs = exprs.iter().enumerate().filter(move |(i, _)| mask >> i & 1 == 1);
                exprs.map(|(_, expr)| expr.clone()).collect()
            };
            (0..1_usize << exprs.len()).map(chosen).collect()
        }
        Some(Expr::GroupingSet(GroupingSet::GroupingSets(sets))) => sets.clone(),
        _ => Vec::new(),
    };
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    let numbered = groups.into_iter().map(|groups| {
        let left_out = all.iter().fold(0, |id, expr| id << 1 | u64::from(!groups.contains(expr)));
        let times = seen.entry(left_out).or_default();
        let id = left_out | *times << all.len();
        *times += 1;
        Set { groups, id }
    });
    Ok(numbered.collect())
}
