//! DataFusion's rules for logical plans, kept from where they change what a query answers.
//!
//! Its one idea: a rule that is wrong for one shape of a plan runs over all others. (datafusion-optimizer 55.2.)

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{Optimizer, OptimizerConfig, OptimizerRule};

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// DataFusion's rules, each where it is right.
pub(crate) fn logical_rules() -> Vec<Rule> {
    Optimizer::new().rules.into_iter().map(careful).collect()
}

/// One of them, where it is right.
pub(super) fn careful(rule: Rule) -> Rule {
    match rule.name() {
        "extract_equijoin_predicate" => Arc::new(Careful { rule, is_wrong: adds_keys }),
        "push_down_filter" => Arc::new(Careful { rule, is_wrong: loses_a_row }),
        "eliminate_cross_join" => Arc::new(KeptApart(rule)),
        _ => rule,
    }
}

/// A rule that leaves some nodes as they are.
#[derive(Debug)]
struct Careful {
    rule: Rule,
    is_wrong: fn(&LogicalPlan) -> bool,
}

impl OptimizerRule for Careful {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if (self.is_wrong)(&plan) {
            return Ok(Transformed::no(plan));
        }
        self.rule.rewrite(plan, config)
    }
}

/// A join whose keys match where both are NULL takes no equality of its condition for a key.
fn adds_keys(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Join(join) if has_null_keys(join.null_equality) && !join.on.is_empty())
}

/// A condition without columns does not keep a single group from being made of no rows.
fn loses_a_row(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Filter(filter) = plan else { return false };
    let LogicalPlan::Aggregate(aggregate) = filter.input.as_ref() else { return false };
    let is_set = |group: &Expr| matches!(group, Expr::GroupingSet(_));
    let single = aggregate.group_expr.is_empty() || aggregate.group_expr.iter().any(is_set);
    let of_nothing = |part: &&Expr| part.column_refs().is_empty();
    single && split_conjunction(&filter.predicate).iter().any(of_nothing)
}

fn has_null_keys(equality: NullEquality) -> bool {
    equality == NullEquality::NullEqualsNull
}

/// A rule that makes one of several joins, where their keys compare alike.
#[derive(Debug)]
struct KeptApart(Rule);

impl OptimizerRule for KeptApart {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let of_its_own = |node: &LogicalPlan| {
            let inner =
                matches!(node, LogicalPlan::Join(join) if join.join_type == JoinType::Inner);
            Ok(inner && adds_keys(node))
        };
        if !plan.exists(of_its_own)? {
            return self.0.rewrite(plan, config);
        }
        plan.map_children(|child| self.rewrite(child, config))
    }
}
