//! Computed rows, in the order they are computed in.
//!
//! Its one idea: nothing promises an order to `SELECT n + 1 FROM generate_series(1, 200000) AS g (n)`, but
//! everybody has always seen Postgres give one, and counts on it. Dealing such rows out to several
//! threads gains little and loses it, so where rows come from one generator alone they stay one stream.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::memory::LazyMemoryExec;

/// DataFusion's rule that deals rows out to threads, which leaves those of a lone generator together.
pub(crate) struct InOrder(pub(crate) Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl InOrder {
    /// The rule's name in DataFusion 55.2.
    pub(crate) const RULE: &str = "EnsureRequirements";
}

impl fmt::Debug for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InOrder({})", self.0.name())
    }
}

impl PhysicalOptimizerRule for InOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !is_one_series(&plan) {
            return self.0.optimize(plan, config);
        }
        let mut config = config.clone();
        config.optimizer.enable_round_robin_repartition = false;
        self.0.optimize(plan, &config)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Whether one generator gives all the rows the plan reads.
fn is_one_series(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.children().as_slice() {
        [] => plan.is::<LazyMemoryExec>(),
        [below] => is_one_series(below),
        _ => false,
    }
}
