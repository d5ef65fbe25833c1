//! Plans made from a plan that may run: the same query over other versions, or over changed rows.
//!
//! Its one idea: whoever rewrites a plan may put other tables in the place of the scanned ones, but
//! the gate stays, so that the same rights are judged again before anything runs. Knows nothing of
//! what the rewriting is for.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::{MemTable, provider_as_source, source_as_provider};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{
    LogicalPlan, LogicalPlanBuilder, SubqueryAlias, TableScan, TableScanBuilder,
};
use datafusion::optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion::optimizer::scalar_subquery_to_join::ScalarSubqueryToJoin;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{Optimizer, OptimizerRule};

use crate::error::Result;
use crate::lake::Table;

use super::authorize::{AuthorizedPlan, Parts, authorize_derived};
use super::engine::{Context, Engine};
use super::error;
use super::gate::{Gate, Origin};
use super::runtime::{self, Joins, Sealed, seal};

/// What a scan reads.
pub(crate) enum Leaf {
    /// A relation whose other versions could be read instead.
    Stored(Table),
    /// Rows that are the same whenever they are read.
    Constant,
    /// Rows without versions: a system table.
    Live,
}

/// What `scan` reads.
pub(crate) fn leaf(scan: &TableScan) -> DataFusionResult<Leaf> {
    let provider = source_as_provider(&scan.source)?;
    let Some(gate) = provider.downcast_ref::<Gate>() else { return Ok(Leaf::Live) };
    Ok(match (&gate.origin, &gate.stored) {
        (Origin::Relation { .. }, Some(table)) => Leaf::Stored(table.clone()),
        (Origin::Relation { .. } | Origin::Statement | Origin::Computed, _) => Leaf::Constant,
        (Origin::System, _) => Leaf::Live,
    })
}

/// `scan` with `provider` in the place of its table, read with the same rights. Columns are found by
/// name, since another version may have them elsewhere; `more` are read behind them. `mark` keeps two
/// versions of one table from being taken for the same scan.
pub(crate) fn put_in_place(
    scan: &TableScan,
    provider: Arc<dyn TableProvider>,
    mark: &str,
    more: &[&str],
) -> DataFusionResult<LogicalPlan> {
    let found = provider.schema();
    let names = scan.projected_schema.fields().iter().map(|field| field.name().as_str());
    let columns = names.chain(more.iter().copied());
    let projection = columns.map(|name| Ok(found.index_of(name)?)).collect::<DataFusionResult<_>>();
    let old = source_as_provider(&scan.source)?;
    let origin = match old.downcast_ref::<Gate>() {
        Some(gate) => gate.origin.clone(),
        None => Origin::System,
    };
    let source = provider_as_source(Gate::over(origin, provider));
    let name = TableReference::bare(format!("{mark} {}", scan.table_name));
    let scanned = TableScanBuilder::new(name, source).with_projection(Some(projection?)).build()?;
    let aliased =
        SubqueryAlias::try_new(Arc::new(LogicalPlan::TableScan(scanned)), scan.table_name.clone())?;
    Ok(LogicalPlan::SubqueryAlias(aliased))
}

/// A scan of rows at hand.
pub(crate) fn rows_in_place(
    name: &str,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> DataFusionResult<LogicalPlan> {
    table_in_place(name, Arc::new(MemTable::try_new(schema, vec![batches])?))
}

/// A scan of a table of the server's own.
pub(crate) fn table_in_place(
    name: &str,
    table: Arc<dyn TableProvider>,
) -> DataFusionResult<LogicalPlan> {
    let source = provider_as_source(Gate::over(Origin::Statement, table));
    LogicalPlanBuilder::scan(TableReference::bare(name), source, None)?.build()
}

/// The rules that leave only operators with a law of their own: no subqueries in expressions, no
/// DISTINCT, comma joins as joins, no column nobody reads.
fn normalizing() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ReplaceDistinctWithAggregate::new()),
        Arc::new(DecorrelatePredicateSubquery::new()),
        Arc::new(ScalarSubqueryToJoin::new()),
        Arc::new(DecorrelateLateralJoin::new()),
        Arc::new(ExtractEquijoinPredicate::new()),
        Arc::new(EliminateCrossJoin::new()),
        Arc::new(EliminateOuterJoin::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}

impl Engine {
    /// The plan in its normal form: the same rows by operators that each have a law of their own.
    pub(crate) fn normalized(
        &self,
        plan: &AuthorizedPlan,
        context: &Context,
    ) -> Result<Sealed<LogicalPlan>> {
        let state = runtime::statement_state(&self.shared, context, Joins::Hash);
        let mut config = state.config_options().as_ref().clone();
        // Scalar subqueries become joins, so that they too have a law.
        config.optimizer.enable_physical_uncorrelated_scalar_subquery = false;
        let optimizer = Optimizer::with_rules(normalizing());
        let config =
            datafusion::optimizer::OptimizerContext::new_with_config_options(config.into())
                .with_query_execution_start_time(context.now);
        let plan = LogicalPlan::clone(&plan.parts().plan);
        let normal = optimizer.optimize(plan, &config, |_, _| {}).map_err(error::convert)?;
        Ok(seal(normal))
    }

    /// The plan that may run, as it was planned.
    pub(crate) fn planned(plan: &AuthorizedPlan) -> Sealed<LogicalPlan> {
        Arc::clone(&plan.parts().plan)
    }

    /// Lets `derived` run with the rights of the plan it was made from.
    ///
    /// # Errors
    /// `InsufficientPrivilege` when a right has been taken away meanwhile.
    pub(crate) fn derived(
        &self,
        base: &AuthorizedPlan,
        derived: LogicalPlan,
        context: &Context,
    ) -> Result<AuthorizedPlan> {
        let fields: Vec<_> = derived.schema().fields().iter().cloned().collect();
        let parts = Parts {
            schema: Arc::new(Schema::new(fields)),
            plan: seal(derived),
            parameters: Vec::new(),
            sources: base.sources().to_vec(),
            text: base.parts().text.clone(),
        };
        authorize_derived(parts, &context.snapshot.grants)
    }
}
