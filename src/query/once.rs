//! A common table expression that several places read and that would not answer the same twice.
//!
//! Its one idea: such a query runs where it is first asked for, its rows are kept for as long as the plan runs, and
//! every other place is given the same rows. All else is read by each place for itself, which is cheaper.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, SubqueryAlias, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, execute_stream,
};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use crate::syntax::RUNS_ONCE;

/// The plan with what must not run twice running once.
pub(crate) fn shared(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut places: HashMap<String, usize> = HashMap::new();
    plan.apply_with_subqueries(|node| {
        if let Some(name) = name_of(node) {
            *places.entry(name).or_default() += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    places.retain(|_, places| *places > 1);
    if places.is_empty() {
        return Ok(plan);
    }
    let plan = plan.transform_up_with_subqueries(|node| match (name_of(&node), node) {
        (Some(name), LogicalPlan::SubqueryAlias(alias)) if places.contains_key(&name) => {
            let once = Once { name, input: LogicalPlan::clone(&alias.input) };
            let input = Arc::new(LogicalPlan::Extension(Extension { node: Arc::new(once) }));
            let alias = SubqueryAlias::try_new(input, alias.alias)?;
            Ok(Transformed::yes(LogicalPlan::SubqueryAlias(alias)))
        }
        (_, node) => Ok(Transformed::no(node)),
    })?;
    Ok(plan.data)
}

fn name_of(node: &LogicalPlan) -> Option<String> {
    let LogicalPlan::SubqueryAlias(alias) = node else { return None };
    let name = alias.alias.table();
    name.starts_with(RUNS_ONCE).then(|| name.to_owned())
}

/// Whether an operator is one of these.
pub(super) fn is_once(node: &dyn UserDefinedLogicalNode) -> bool {
    node.as_any().is::<Once>()
}

/// The operator that runs for a node of this kind.
pub(super) fn planned(
    node: &dyn UserDefinedLogicalNode,
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Option<Arc<dyn ExecutionPlan>> {
    match (node.as_any().downcast_ref::<Once>(), inputs) {
        (Some(once), [input]) => Some(Arc::new(OnceExec::of(&once.name, Arc::clone(input)))),
        _ => None,
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Once {
    name: String,
    input: LogicalPlan,
}

impl PartialOrd for Once {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (&self.name, &self.input).partial_cmp(&(&other.name, &other.input))
    }
}

impl UserDefinedLogicalNodeCore for Once {
    fn name(&self) -> &str {
        "Once"
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

    // Filters and columns nobody needs stay outside by default: each place has its own.

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match <[_; 1]>::try_from(inputs) {
            Ok([input]) => Ok(Self { input, name: self.name.clone() }),
            Err(_) => Err(one_input()),
        }
    }
}

/// The rows of one that has run.
struct Kept {
    batches: Vec<RecordBatch>,
    /// What the statement's memory is charged for them.
    _reservation: MemoryReservation,
}

type Cell = Arc<OnceCell<Kept>>;

/// The same in a plan that runs.
#[derive(Clone)]
struct OnceExec {
    name: String,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    kept: Cell,
}

impl fmt::Debug for OnceExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceExec").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The plan with all places of one name sharing their rows.
pub(super) fn joined(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let cells: Mutex<HashMap<String, Cell>> = Mutex::default();
    let joined = plan.transform_up(|node| {
        let Some(once) = node.downcast_ref::<OnceExec>() else { return Ok(Transformed::no(node)) };
        let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = Arc::clone(cells.entry(once.name.clone()).or_default());
        let joined = OnceExec { kept, ..once.clone() };
        Ok(Transformed::yes(Arc::new(joined) as Arc<dyn ExecutionPlan>))
    })?;
    Ok(joined.data)
}

impl OnceExec {
    fn of(name: &str, input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let (name, properties) = (name.to_owned(), Arc::new(properties));
        Self { name, input, properties, kept: Cell::default() }
    }
}

impl DisplayAs for OnceExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceExec")
    }
}

impl ExecutionPlan for OnceExec {
    fn name(&self) -> &str {
        "OnceExec"
    }

    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
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

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self { input, ..Self::clone(&self) })),
            Err(_) => Err(one_input()),
        }
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (kept, input) = (Arc::clone(&self.kept), Arc::clone(&self.input));
        let rows = async move {
            kept.get_or_try_init(|| collected(input, context)).await?;
            Ok::<_, DataFusionError>(given(kept))
        };
        let rows = futures::stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

fn given(kept: Cell) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
    futures::stream::unfold(0, move |at| {
        let batch = kept.get().and_then(|kept| kept.batches.get(at)).cloned();
        std::future::ready(batch.map(|batch| (Ok(batch), at + 1)))
    })
}

async fn collected(input: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Kept> {
    let consumer = MemoryConsumer::new("common table expression");
    let reservation = consumer.register(context.memory_pool());
    let mut rows = execute_stream(input, context)?;
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        reservation.try_grow(batch.get_array_memory_size())?;
        batches.push(batch);
    }
    Ok(Kept { batches, _reservation: reservation })
}

fn one_input() -> DataFusionError {
    DataFusionError::Internal("what runs once has one input".to_owned())
}
