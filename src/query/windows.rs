//! Windows over partitions that come one after the other.
//!
//! Its one idea: rows come sorted by the partition, so where one ends is found for a whole batch at once, and
//! what has ended can be answered and let go. DataFusion's operator for windows over whole partitions keeps
//! all rows of all partitions until its input ends, and counts none of them against the memory that
//! statements share; its other one makes an entry of a map for each partition, which is most of the time
//! where `row_number()` tells copies apart (`WindowAggStream` and `BoundedWindowAggStream` in
//! datafusion-physical-plan 55.2).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::{concat, concat_batches, partition};
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::window::StandardWindowExpr;
use datafusion::physical_expr_common::sort_expr::OrderingRequirements;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, WindowUDFExpr};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, InputOrderMode,
    PlanProperties, WindowExpr,
};
use futures::{StreamExt, stream};

/// The rule that puts such an operator in place of DataFusion's.
#[derive(Debug)]
pub(crate) struct PartitionAtATime;

impl PhysicalOptimizerRule for PartitionAtATime {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|plan| {
            Ok(match Window::instead_of(&plan) {
                Some(window) => Transformed::yes(Arc::new(window) as _),
                None => Transformed::no(plan),
            })
        });
        replaced.data()
    }

    fn name(&self) -> &str {
        "PartitionAtATime"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What each row is answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// How many rows of its partition come before it: all that is asked for is `row_number()`.
    Count,
    /// All rows of its partition.
    Whole,
}

/// Answers each partition as it ends.
#[derive(Debug)]
struct Window {
    /// What is asked, of what, and what the planner knows of the answer.
    asked: Arc<dyn ExecutionPlan>,
    exprs: Vec<Arc<dyn WindowExpr>>,
    needs: Needs,
    metrics: ExecutionPlanMetricsSet,
}

impl Window {
    fn instead_of(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        let (exprs, needs) = if let Some(whole) = plan.downcast_ref::<WindowAggExec>() {
            (whole.window_expr(), Needs::Whole)
        } else {
            let bounded = plan.downcast_ref::<BoundedWindowAggExec>()?;
            let is_sorted = bounded.input_order_mode == InputOrderMode::Sorted;
            let numbers = || bounded.window_expr().iter().all(is_row_number);
            if !is_sorted || !numbers() {
                return None;
            }
            (bounded.window_expr(), Needs::Count)
        };
        Some(Self {
            asked: Arc::clone(plan),
            exprs: exprs.to_vec(),
            needs,
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

fn is_row_number(expr: &Arc<dyn WindowExpr>) -> bool {
    let standard = expr.as_any().downcast_ref::<StandardWindowExpr>();
    let function = standard.map(|standard| standard.get_standard_func_expr());
    let function = function.and_then(|f| f.as_any().downcast_ref::<WindowUDFExpr>());
    function.is_some_and(|function| function.fun().name() == "row_number")
}

impl DisplayAs for Window {
    fn fmt_as(&self, form: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.asked.fmt_as(form, f)
    }
}

impl ExecutionPlan for Window {
    fn name(&self) -> &str {
        self.asked.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.asked.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.asked.children()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.asked.maintains_input_order()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.asked.required_input_ordering()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.asked.input_distribution_requirements()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.asked.apply_expressions(visit)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let asked = Arc::clone(&self.asked).replace_children(children, options)?;
        Ok(match Self::instead_of(&asked) {
            Some(window) => Arc::new(window),
            None => asked,
        })
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
        let [input] = self.asked.children()[..] else {
            return Err(DataFusionError::Internal("a window is over one input".to_owned()));
        };
        let schema = self.asked.schema();
        let keys = self.exprs.first().map(|expr| expr.partition_by().to_vec());
        let consumer = MemoryConsumer::new(format!("{}[{partition}]", self.asked.name()));
        let rows = Rows {
            input: input.execute(partition, Arc::clone(&context))?,
            schema: Arc::clone(&schema),
            keys: keys.unwrap_or_default(),
            exprs: self.exprs.clone(),
            needs: self.needs,
            held: Vec::new(),
            last_keys: None,
            numbered: 0,
            memory: consumer.register(context.memory_pool()),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            is_over: false,
        };
        let answers = stream::try_unfold(rows, |mut rows| async move {
            Ok(rows.next().await?.map(|answer| (answer, rows)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, answers)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Rows on their way, those of the partition that has not ended among them.
struct Rows {
    input: SendableRecordBatchStream,
    schema: SchemaRef,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    exprs: Vec<Arc<dyn WindowExpr>>,
    needs: Needs,
    held: Vec<RecordBatch>,
    /// The partition of the last row seen, a row a key.
    last_keys: Option<Vec<ArrayRef>>,
    /// Rows of that partition so far.
    numbered: u64,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
    is_over: bool,
}

impl Rows {
    /// The next rows with their answers.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while !self.is_over {
            let answer = match self.input.next().await {
                Some(batch) => self.take(batch?)?,
                None => {
                    self.is_over = true;
                    let held = std::mem::take(&mut self.held);
                    if held.is_empty() { None } else { Some(self.answer(&held)?) }
                }
            };
            if let Some(answer) = answer {
                self.metrics.record_output(answer.num_rows());
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// Takes rows in; answers what can be answered by now.
    fn take(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let count = batch.num_rows();
        if count == 0 {
            return Ok(None);
        }
        let time = self.metrics.elapsed_compute().clone();
        let _timer = time.timer();
        let split = self.split(&batch)?;
        if self.needs == Needs::Count {
            return self.number(&batch, &split).map(Some);
        }
        let last = split.ranges.last().map_or(0, |range| range.start);
        let mut whole = Vec::new();
        if last == 0 && (split.goes_on || self.held.is_empty()) {
            self.held.push(batch);
        } else {
            whole.append(&mut self.held);
            if last > 0 {
                whole.push(batch.slice(0, last));
            }
            self.held.push(batch.slice(last, count - last));
        }
        let answer = if whole.is_empty() { None } else { Some(self.answer(&whole)?) };
        self.memory.try_resize(self.held.iter().map(RecordBatch::get_array_memory_size).sum())?;
        Ok(answer)
    }

    /// Where the partitions of a batch begin and end.
    fn split(&mut self, batch: &RecordBatch) -> Result<Split> {
        let count = batch.num_rows();
        if self.keys.is_empty() {
            return Ok(Split { goes_on: true, ranges: std::iter::once(0..count).collect() });
        }
        let keys = self.keys(batch)?;
        let last = keys.iter().map(|key| key.slice(count - 1, 1)).collect();
        let Some(before) = self.last_keys.replace(last) else {
            return Ok(Split { goes_on: false, ranges: partition(&keys)?.ranges() });
        };
        let joined = before.iter().zip(&keys);
        let joined = joined.map(|(before, keys)| concat(&[before.as_ref(), keys.as_ref()]));
        let mut ranges = partition(&joined.collect::<Result<Vec<_>, _>>()?)?.ranges();
        let goes_on = ranges.first().is_some_and(|first| first.len() > 1);
        if !goes_on {
            ranges.remove(0);
        }
        for range in &mut ranges {
            *range = range.start.saturating_sub(1)..range.end - 1;
        }
        Ok(Split { goes_on, ranges })
    }

    fn keys(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let count = batch.num_rows();
        self.keys.iter().map(|key| key.evaluate(batch)?.into_array(count)).collect()
    }

    /// Rows with their numbers.
    fn number(&mut self, batch: &RecordBatch, split: &Split) -> Result<RecordBatch> {
        let mut numbers = Vec::with_capacity(batch.num_rows());
        for (place, range) in split.ranges.iter().enumerate() {
            let before = if place == 0 && split.goes_on { self.numbered } else { 0 };
            self.numbered = before + range.len() as u64;
            numbers.extend(before + 1..=self.numbered);
        }
        let numbers: ArrayRef = Arc::new(UInt64Array::from(numbers));
        let mut columns = batch.columns().to_vec();
        columns.extend(self.exprs.iter().map(|_| Arc::clone(&numbers)));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// The rows of whole partitions with what is asked of them.
    fn answer(&self, whole: &[RecordBatch]) -> Result<RecordBatch> {
        let rows = concat_batches(&self.input.schema(), whole)?;
        let ranges = match self.keys.is_empty() {
            true => std::iter::once(0..rows.num_rows()).collect(),
            false => partition(&self.keys(&rows)?)?.ranges(),
        };
        let mut columns = rows.columns().to_vec();
        for expr in &self.exprs {
            let of = |range: &Range<usize>| expr.evaluate(&rows.slice(range.start, range.len()));
            let answers = ranges.iter().map(of).collect::<Result<Vec<_>>>()?;
            let answers: Vec<_> = answers.iter().map(AsRef::as_ref).collect();
            columns.push(concat(&answers)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// A batch by its partitions.
struct Split {
    /// The first goes on with that of the batch before.
    goes_on: bool,
    ranges: Vec<Range<usize>>,
}
