//! Meters in a plan: how many rows come out of an operator where it runs.
//!
//! Its one idea: a meter hands everything on, rows, their order and partitions, filters and columns that nobody
//! needs, so that a plan with meters is the plan without them, and counted. One that was given an allowance
//! ends its plan when that is used up. Whoever reads it knows what the labels mean.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Atomically};

use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchemaRef, Statistics};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{
    CardinalityEffect, ChildrenPropertiesMode, ReplaceChildrenOptions,
};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use futures::StreamExt;
use futures::future::BoxFuture;

use super::once;

/// Rows that may pass several meters together.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    passed: AtomicU64,
    most: AtomicU64,
}

impl Allowance {
    /// Rows that have passed.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Atomically::Relaxed)
    }

    /// How many may pass, those that have among them.
    pub(crate) fn allow(&self, most: u64) {
        self.most.store(most, Atomically::Relaxed);
    }

    /// Whether more came than may pass.
    pub(crate) fn is_used_up(&self) -> bool {
        self.passed() > self.most.load(Atomically::Relaxed)
    }

    fn pass(&self, rows: usize) -> Result<()> {
        self.passed.fetch_add(rows as u64, Atomically::Relaxed);
        match self.is_used_up() {
            true => Err(DataFusionError::Execution("more rows than were allowed".to_owned())),
            false => Ok(()),
        }
    }
}

/// `plan` with its rows counted under `label`, and against an allowance where there is one.
pub(crate) fn metered(
    plan: LogicalPlan,
    label: String,
    allowance: Option<&Arc<Allowance>>,
) -> LogicalPlan {
    let meter = Meter { label, input: plan, allowance: allowance.cloned() };
    LogicalPlan::Extension(Extension { node: Arc::new(meter) })
}

/// A meter of a logical plan; its label and its input say which.
#[derive(Debug, Clone)]
struct Meter {
    label: String,
    input: LogicalPlan,
    allowance: Option<Arc<Allowance>>,
}

impl PartialEq for Meter {
    fn eq(&self, other: &Self) -> bool {
        self.label == other.label && self.input == other.input
    }
}

impl Eq for Meter {}

impl Hash for Meter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.label.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for Meter {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (&self.label, &self.input).partial_cmp(&(&other.label, &other.input))
    }
}

impl UserDefinedLogicalNodeCore for Meter {
    fn name(&self) -> &str {
        "Meter"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        HashSet::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meter: {}", self.label)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match <[_; 1]>::try_from(inputs) {
            Ok([input]) => Ok(Self { input, ..self.clone() }),
            Err(_) => Err(one_input()),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![output_columns.to_vec()])
    }
}

/// DataFusion's planner, which knows meters, too.
pub(crate) struct Planner(DefaultPhysicalPlanner);

impl Planner {
    pub(crate) fn new() -> Self {
        Self(DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Meters)]))
    }
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Planner")
    }
}

// None of these is an `async fn`: their futures would hold plans, and proving those `Send` takes minutes.
impl QueryPlanner for Planner {
    fn create_physical_plan<'a, 'p, 's, 'r>(
        &'a self,
        plan: &'p LogicalPlan,
        session: &'s dyn Session,
    ) -> BoxFuture<'r, Result<Arc<dyn ExecutionPlan>>>
    where
        'a: 'r,
        'p: 'r,
        's: 'r,
        Self: 'r,
    {
        self.0.create_physical_plan(plan, session)
    }
}

struct Meters;

impl ExtensionPlanner for Meters {
    fn plan_extension<'a, 'p, 'n, 'l, 'm, 'i, 's, 'c, 'r>(
        &'a self,
        _: &'p dyn PhysicalPlanner,
        node: &'n dyn UserDefinedLogicalNode,
        _: &'l [&'m LogicalPlan],
        inputs: &'i [Arc<dyn ExecutionPlan>],
        _: &'s dyn Session,
        _: &'c PhysicalPlanningContext,
    ) -> BoxFuture<'r, Result<Option<Arc<dyn ExecutionPlan>>>>
    where
        'a: 'r,
        'p: 'r,
        'n: 'r,
        'l: 'r,
        'm: 'r,
        'i: 'r,
        's: 'r,
        'c: 'r,
        Self: 'r,
    {
        let meter = match (node.as_any().downcast_ref::<Meter>(), inputs) {
            (Some(meter), [input]) => Some(Arc::new(MeterExec::of(meter, Arc::clone(input))) as _),
            _ => once::planned(node, inputs),
        };
        Box::pin(std::future::ready(Ok(meter)))
    }
}

/// A meter that runs.
#[derive(Debug, Clone)]
pub(crate) struct MeterExec {
    pub(crate) label: Arc<str>,
    pub(crate) input: Arc<dyn ExecutionPlan>,
    allowance: Option<Arc<Allowance>>,
    metrics: ExecutionPlanMetricsSet,
}

impl MeterExec {
    fn of(meter: &Meter, input: Arc<dyn ExecutionPlan>) -> Self {
        Self {
            label: meter.label.as_str().into(),
            input,
            allowance: meter.allowance.clone(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn over(&self, input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input, ..self.clone() }
    }
}

impl DisplayAs for MeterExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeterExec: {}", self.label)
    }
}

impl ExecutionPlan for MeterExec {
    fn name(&self) -> &str {
        "MeterExec"
    }

    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(self.over(input))),
            Err(_) => Err(one_input()),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let counted = MetricBuilder::new(&self.metrics).output_rows(partition);
        let allowance = self.allowance.clone();
        let rows = self.input.execute(partition, context)?.map(move |batch| {
            let batch = batch?;
            counted.add(batch.num_rows());
            if let Some(allowance) = &allowance {
                allowance.pass(batch.num_rows())?;
            }
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        inputs.first().cloned().ok_or_else(one_input)
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}

fn one_input() -> DataFusionError {
    DataFusionError::Internal("a meter has one input".to_owned())
}
