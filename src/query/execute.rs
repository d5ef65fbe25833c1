//! A physical plan to a guarded stream of batches.
//!
//! Its one idea: whatever goes wrong inside a query, a cancelled token, a panic, memory at its
//! limit, ends that one query with an error in its stream and nothing else.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{FutureExt, Stream, StreamExt};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::error::{Error, ErrorKind, Result};

use super::admission::Permit;
use super::error;
use super::history::Running;
use super::joins;
use super::once;
use super::planner::external;
use super::runtime::{BATCH_ROWS, Sealed, seal};

/// The physical plan of an analysed logical plan.
pub(crate) async fn physical_plan(
    state: &Sealed<SessionState>,
    plan: &Sealed<LogicalPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = optimized(state, plan)?;
    physical_of(state, &plan).await
}

/// The physical plan of an optimised one.
pub(crate) async fn physical_of(
    state: &Sealed<SessionState>,
    plan: &Sealed<LogicalPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let planner = state.query_planner();
    let planned = AssertUnwindSafe(planner.create_physical_plan(plan, &***state)).catch_unwind();
    let planned = planned.await.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
    let physical = planned.map_err(error::convert)?;
    once::joined(cooperative(physical)?).map_err(error::convert)
}

/// Operators that make many batches of one and so could keep a thread without ever asking below.
const MULTIPLIERS: [&str; 5] =
    ["CrossJoinExec", "HashJoinExec", "SortMergeJoinExec", "PiecewiseMergeJoinExec", "UnnestExec"];

/// The plan with a pause after what multiplies: DataFusion pauses at the leaves only, and a sum over a
/// join of a million rows with a million would hear of its cancelling when it is done.
fn cooperative(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        if let Some(apart) = joins::apart(&node)? {
            return Ok(Transformed::yes(apart));
        }
        if !MULTIPLIERS.contains(&node.name()) {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
    })
    .map(|transformed| transformed.data)
    .map_err(error::convert)
}

/// The plan as it will run, but for the choice of operators.
pub(crate) fn optimized(
    state: &Sealed<SessionState>,
    plan: &Sealed<LogicalPlan>,
) -> Result<Sealed<LogicalPlan>> {
    let plan = LogicalPlan::clone(plan);
    let plan = state.optimizer().optimize(plan, &***state, |_, _| {}).map_err(error::convert)?;
    Ok(seal(plan))
}

/// Starts a physical plan; nothing but its stream runs it, and dropping that stops it.
pub(crate) fn start(
    state: &SessionState,
    plan: Arc<dyn ExecutionPlan>,
) -> Result<SendableRecordBatchStream> {
    catch_unwind(AssertUnwindSafe(|| execute_stream(plan, state.task_ctx())))
        .unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
        .map_err(error::convert)
}

/// Whether `plan` has a join that fails for want of memory where another kind would spill.
pub(crate) fn has_hash_join(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.name() == "HashJoinExec" || plan.children().into_iter().any(has_hash_join)
}

/// What a statement holds while it runs; given back when its stream is dropped.
pub(crate) struct Holdings {
    /// Its place among the running.
    pub(crate) permit: Option<Permit>,
    /// Its row in `lakeport.queries`.
    pub(crate) running: Running,
}

/// A stream that ends with an error when cancelled or when an operator panics, and whose batches
/// have the columns promised.
pub(crate) struct Guarded {
    schema: SchemaRef,
    inner: Option<SendableRecordBatchStream>,
    first: Option<std::result::Result<RecordBatch, DataFusionError>>,
    rest: Option<RecordBatch>,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    holdings: Holdings,
}

impl Guarded {
    pub(crate) fn new(
        schema: SchemaRef,
        inner: SendableRecordBatchStream,
        cancel: CancellationToken,
        holdings: Holdings,
    ) -> Self {
        Self {
            schema,
            inner: Some(inner),
            first: None,
            rest: None,
            cancelled: Box::pin(cancel.cancelled_owned()),
            holdings,
        }
    }

    /// Waits until the first batch is there, or the query has failed before it.
    ///
    /// # Errors
    /// What the query failed with; its stream is then at an end.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        match self.next().await {
            Some(Err(failure)) => Err(error::convert(failure)),
            Some(Ok(batch)) => {
                self.holdings.running.uncount(batch.num_rows());
                self.first = Some(Ok(batch));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Gives back what it holds, to be held by another attempt at the same statement.
    pub(crate) fn into_holdings(self) -> Holdings {
        self.holdings
    }

    fn poll_inner(
        &mut self,
        task: &mut TaskContext<'_>,
    ) -> Poll<Option<std::result::Result<RecordBatch, DataFusionError>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        if self.cancelled.as_mut().poll(task).is_ready() {
            return Poll::Ready(Some(Err(external(canceled()))));
        }
        match catch_unwind(AssertUnwindSafe(|| inner.poll_next_unpin(task))) {
            Ok(polled) => polled,
            Err(panic) => Poll::Ready(Some(Err(panicked(panic.as_ref())))),
        }
    }

    fn cut(&mut self, batch: RecordBatch) -> RecordBatch {
        if batch.num_rows() <= BATCH_ROWS {
            return batch;
        }
        self.rest = Some(batch.slice(BATCH_ROWS, batch.num_rows() - BATCH_ROWS));
        batch.slice(0, BATCH_ROWS)
    }
}

impl Stream for Guarded {
    type Item = std::result::Result<RecordBatch, DataFusionError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let polled = if let Some(rest) = this.rest.take() {
            Some(Ok(rest))
        } else if let Some(first) = this.first.take() {
            Some(first)
        } else {
            match this.poll_inner(task) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(polled) => polled,
            }
        };
        let item = polled.map(|batch| {
            let batch = this.cut(batch?);
            let columns = promised(&batch, &this.schema)?;
            let options =
                arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&this.schema), columns, &options)?)
        });
        match &item {
            Some(Ok(batch)) => this.holdings.running.count(batch.num_rows()),
            Some(Err(failure)) => {
                this.holdings.running.failed(error::kind(failure));
                this.end();
            }
            None => {
                this.holdings.running.finished();
                this.end();
            }
        }
        Poll::Ready(item)
    }
}

/// The columns in the types that were promised. The plan has cast them but where a parameter's value
/// has changed the type of what is computed from it, as the scale of `round(x, $1)`.
fn promised(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> std::result::Result<Vec<ArrayRef>, DataFusionError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let column = |(column, field): (&ArrayRef, &Arc<Field>)| {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        Ok(cast_with_options(column, field.data_type(), &options)?)
    };
    batch.columns().iter().zip(schema.fields()).map(column).collect()
}

impl Guarded {
    /// Stops the plan and lets the next statement in, though the stream may live on.
    fn end(&mut self) {
        self.inner = None;
        self.rest = None;
        self.holdings.permit = None;
    }
}

impl RecordBatchStream for Guarded {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// What a cancelled statement answers.
pub(crate) fn canceled() -> Error {
    Error::new(ErrorKind::QueryCanceled, "canceling statement due to user request")
}

pub(crate) fn panicked(panic: &(dyn Any + Send)) -> DataFusionError {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned());
    external(Error::internal(format!("an operator panicked: {text}")))
}
