//! Filters handed down between operators that run, where columns can be told apart.
//!
//! Its one idea: DataFusion finds a filter's column in the operator below by its name, so where two columns
//! have one name it may take the wrong one, and rows are lost: `SELECT b.id FROM a LEFT JOIN b ON a.id =
//! b.id WHERE b.id = 3 OR b.id IS NULL` would filter `a`. Its rules therefore run over those parts of a
//! plan only that have no such columns. (`FilterRemapper` in datafusion-physical-plan 55.2.)

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::HashJoinExec;

use super::series::InOrder;
use super::windows::PartitionAtATime;

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// DataFusion's physical rules, with those that hand filters down kept to where that is right and the one
/// that deals rows out to threads kept from a lone series, and then ours.
pub(crate) fn physical_rules() -> Vec<Rule> {
    let careful = |rule: Rule| -> Rule {
        match rule.name() {
            name if name.starts_with("FilterPushdown") => Arc::new(Careful(rule)),
            InOrder::RULE => Arc::new(InOrder(rule)),
            _ => rule,
        }
    };
    let last: Rule = Arc::new(PartitionAtATime);
    PhysicalOptimizer::new().rules.into_iter().map(careful).chain([last]).collect()
}

/// A rule kept to the parts of a plan whose columns have names of their own.
struct Careful(Rule);

impl fmt::Debug for Careful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Careful({})", self.0.name())
    }
}

impl PhysicalOptimizerRule for Careful {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let below = || plan.children().into_iter().all(is_clear);
        // A join hands its own filter to what it reads; what it gives itself does not matter there.
        if is_clear(&plan) || plan.is::<HashJoinExec>() && below() {
            return self.0.optimize(plan, config);
        }
        let children = plan.children();
        if children.is_empty() {
            return Ok(plan);
        }
        let children: Vec<_> = children
            .into_iter()
            .map(|child| self.optimize(Arc::clone(child), config))
            .collect::<Result<_>>()?;
        replace_children_if_necessary(plan, children)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Whether no operator of the plan gives two columns of one name.
fn is_clear(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::new();
    schema.fields().iter().all(|field| names.insert(field.name().as_str()))
        && plan.children().into_iter().all(is_clear)
}
