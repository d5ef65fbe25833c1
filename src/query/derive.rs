//! Plans made from a plan that may run: the same query over other versions, or over changed rows.
//!
//! Its one idea: whoever rewrites a plan may put other tables in the place of the scanned ones, but
//! the gate stays, so that the same rights are judged again before anything runs. Knows nothing of
//! what the rewriting is for.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{Column, TableReference};
use datafusion::datasource::{MemTable, provider_as_source, source_as_provider};
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, Filter, LogicalPlan, LogicalPlanBuilder, SubqueryAlias, TableScan, TableScanBuilder,
};
use datafusion::optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::push_down_filter::PushDownFilter;
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
use super::moment;
use super::reads::Ran;
use super::rules::careful;
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
/// DISTINCT, comma joins as joins, conditions close to what they are about, no column nobody reads.
fn normalizing() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ReplaceDistinctWithAggregate::new()),
        Arc::new(DecorrelatePredicateSubquery::new()),
        Arc::new(ScalarSubqueryToJoin::new()),
        Arc::new(DecorrelateLateralJoin::new()),
        Arc::new(ExtractEquijoinPredicate::new()),
        Arc::new(EliminateCrossJoin::new()),
        Arc::new(EliminateOuterJoin::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(OptimizeProjections::new()),
    ];
    // Where they would change an answer, they would change a view's.
    rules.into_iter().map(careful).collect()
}

/// Conditions that were handed to scans, as operators above them: what is put in a scan's place does not
/// know them.
fn filters_above_scans(plan: LogicalPlan) -> DataFusionResult<LogicalPlan> {
    let plan = plan.transform_up(|node| match node {
        LogicalPlan::TableScan(mut scan) if !scan.filters.is_empty() => {
            filter_above(&mut scan).map(Transformed::yes)
        }
        LogicalPlan::Filter(filter) => match filter.input.as_ref() {
            // A scan that only may use a condition leaves it above itself, too.
            LogicalPlan::Filter(below) => {
                let mut all = split_conjunction_owned(filter.predicate.clone());
                let more = split_conjunction_owned(below.predicate.clone());
                all.extend(more.into_iter().filter(|expr| !all.contains(expr)).collect::<Vec<_>>());
                let all = conjunction(all).unwrap_or_else(|| filter.predicate.clone());
                let merged = Filter::try_new(all, Arc::clone(&below.input))?;
                Ok(Transformed::yes(LogicalPlan::Filter(merged)))
            }
            _ => Ok(Transformed::no(LogicalPlan::Filter(filter))),
        },
        node => Ok(Transformed::no(node)),
    })?;
    Ok(plan.data)
}

/// A scan without its conditions, and these above it.
fn filter_above(scan: &mut TableScan) -> DataFusionResult<LogicalPlan> {
    let shown: Vec<Expr> = scan.projected_schema.columns().into_iter().map(Expr::Column).collect();
    let filters = std::mem::take(&mut scan.filters);
    let Some(all) = conjunction(filters) else { return Ok(LogicalPlan::TableScan(scan.clone())) };
    // A condition that the scan took over may be on a column that nobody else reads.
    let has = |column: &Column| scan.projected_schema.has_column(column);
    let whole = match all.column_refs().into_iter().all(has) {
        true => scan.clone(),
        false => {
            TableScanBuilder::new(scan.table_name.clone(), Arc::clone(&scan.source)).build()?
        }
    };
    let filter = Filter::try_new(all, Arc::new(LogicalPlan::TableScan(whole)))?;
    let filter = LogicalPlan::Filter(filter);
    match filter.schema().fields().len() == shown.len() {
        true => Ok(filter),
        false => LogicalPlanBuilder::from(filter).project(shown)?.build(),
    }
}

impl Engine {
    /// The plan in its normal form: the same rows by operators that each have a law of their own, with
    /// placeholders for the moment.
    pub(crate) fn normalized(
        &self,
        plan: &AuthorizedPlan,
        context: &Context,
    ) -> Result<Sealed<LogicalPlan>> {
        self.normalized_plan(LogicalPlan::clone(&plan.parts().plan), context)
    }

    /// As [`Engine::normalized`], of a plan made from one.
    pub(crate) fn normalized_plan(
        &self,
        plan: LogicalPlan,
        context: &Context,
    ) -> Result<Sealed<LogicalPlan>> {
        let state = runtime::statement_state(&self.shared, context, Joins::Hash);
        // The rules ask it for functions, too: that of DISTINCT ON is one.
        let mut state = SessionState::clone(&state);
        // Scalar subqueries become joins, so that they too have a law.
        let options = state.config_mut().options_mut();
        options.optimizer.enable_physical_uncorrelated_scalar_subquery = false;
        let optimizer = Optimizer::with_rules(normalizing());
        let plan = moment::marked(plan).map_err(error::convert)?;
        let normal = optimizer.optimize(plan, &state, |_, _| {});
        let normal = normal.and_then(filters_above_scans).map_err(error::convert)?;
        Ok(seal(normal))
    }

    /// Whether the plan gives other rows at another moment.
    pub(crate) fn depends_on_moment(
        &self,
        plan: &AuthorizedPlan,
        context: &Context,
    ) -> Result<bool> {
        let normal = self.normalized(plan, context)?;
        let found = normal.exists(|node| Ok(moment::operator_depends_on_moment(node)));
        found.map_err(error::convert)
    }

    /// The plan that may run, as it was planned.
    pub(crate) fn planned(plan: &AuthorizedPlan) -> Sealed<LogicalPlan> {
        Arc::clone(&plan.parts().plan)
    }

    /// What the plan would read.
    ///
    /// # Errors
    /// What planning the scans answers.
    pub(crate) async fn foreseen(&self, plan: &AuthorizedPlan, context: &Context) -> Result<Ran> {
        let parts = plan.parts();
        let planned = self.physical(&parts.plan, context, Joins::Hash, &parts.text).await?;
        Ok(Ran(planned.1))
    }

    /// Lets `derived` run with the rights of the plan it was made from, as of the moment of `context`.
    ///
    /// # Errors
    /// `InsufficientPrivilege` when a right has been taken away meanwhile.
    pub(crate) fn derived(
        &self,
        base: &AuthorizedPlan,
        derived: LogicalPlan,
        context: &Context,
    ) -> Result<AuthorizedPlan> {
        let derived = moment::filled(derived, context.now).map_err(error::convert)?;
        let fields: Vec<_> = derived.schema().fields().iter().cloned().collect();
        let parts = Parts {
            schema: Arc::new(Schema::new(fields)),
            plan: seal(derived),
            parameters: Vec::new(),
            sources: base.sources().to_vec(),
            text: base.parts().text.clone(),
            written: Vec::new(),
            origins: Arc::default(),
        };
        authorize_derived(parts, &context.snapshot.grants)
    }
}
