//! Joins with a filter, on threads of their own.
//!
//! DataFusion's hash and nested-loop joins give their thread back only with a full batch of rows, so
//! one whose filter drops every pair keeps it to the end: nobody else on that thread is served, and
//! nobody can stop it. Its one idea: such a join runs on a thread nobody waits for, and its filter,
//! which sees every pair, is where it hears that nobody wants its rows any more.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    HashJoinExec, HashJoinExecBuilder, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::execute::canceled;
use super::planner::external;

/// Batches that may wait between a join and its reader.
const WAITING_MAX: usize = 2;

tokio::task_local! {
    /// Cancelled when nobody reads the rows of the join that runs in this task.
    static UNWANTED: CancellationToken;
}

/// The join on a thread of its own, where it could otherwise not be stopped.
pub(crate) fn apart(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let join: Arc<dyn ExecutionPlan> = if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        let Some(filter) = join.filter() else { return Ok(None) };
        Arc::new(HashJoinExecBuilder::from(join).with_filter(Some(heeding(filter))).build()?)
    } else if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
        // Without a filter a semi join gives no rows while it compares either.
        let filter = Some(join.filter().map_or_else(always, heeding));
        Arc::new(NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()?)
    } else {
        return Ok(None);
    };
    Ok(Some(Arc::new(Apart { join })))
}

fn heeding(filter: &JoinFilter) -> JoinFilter {
    let inner = Arc::clone(filter.expression());
    let columns = filter.column_indices().to_vec();
    JoinFilter::new(Arc::new(Heeding { inner }), columns, Arc::clone(filter.schema()))
}

fn always() -> JoinFilter {
    let inner = datafusion::physical_expr::expressions::lit(true);
    JoinFilter::new(Arc::new(Heeding { inner }), Vec::new(), Arc::new(Schema::empty()))
}

/// A filter that fails once its join's rows are unwanted.
#[derive(Debug, Eq)]
struct Heeding {
    inner: Arc<dyn PhysicalExpr>,
}

impl PartialEq for Heeding {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Hash for Heeding {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl fmt::Display for Heeding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for Heeding {
    fn data_type(&self, input_schema: &Schema) -> Result<DataType> {
        self.inner.data_type(input_schema)
    }

    fn nullable(&self, input_schema: &Schema) -> Result<bool> {
        self.inner.nullable(input_schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if UNWANTED.try_with(CancellationToken::is_cancelled).unwrap_or(false) {
            return Err(external(canceled()));
        }
        self.inner.evaluate(batch)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(input_schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match <[_; 1]>::try_from(children) {
            Ok([inner]) => Ok(Arc::new(Self { inner })),
            Err(_) => Err(DataFusionError::Internal("a filter has one child".to_owned())),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}

/// A join that runs on a thread of its own.
#[derive(Debug)]
struct Apart {
    join: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for Apart {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnThreadExec")
    }
}

impl ExecutionPlan for Apart {
    fn name(&self) -> &str {
        "OwnThreadExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.join.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.join]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
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
            Ok([join]) => Ok(Arc::new(Self { join })),
            Err(_) => Err(DataFusionError::Internal("a join has one child here".to_owned())),
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
        let mut rows = self.join.execute(partition, context)?;
        let schema = rows.schema();
        let unwanted = CancellationToken::new();
        let mut apart = RecordBatchReceiverStream::builder(Arc::clone(&schema), WAITING_MAX);
        let (sender, runtime, heard) = (apart.tx(), Handle::try_current(), unwanted.clone());
        let runtime = runtime.map_err(|error| DataFusionError::External(Box::new(error)))?;
        apart.spawn_blocking(move || {
            let copy = async {
                // Waits for input and for its reader here too, and must hear of its end meanwhile.
                while let Some(Some(batch)) = heard.run_until_cancelled(rows.next()).await {
                    if sender.send(batch).await.is_err() {
                        return;
                    }
                }
            };
            runtime.block_on(UNWANTED.scope(heard.clone(), copy));
            Ok(())
        });
        Ok(Box::pin(Rows { schema, inner: apart.build(), _unwanted: unwanted.drop_guard() }))
    }
}

/// The rows of a join; dropping them stops it.
struct Rows {
    schema: SchemaRef,
    inner: SendableRecordBatchStream,
    _unwanted: DropGuard,
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(task)
    }
}

impl RecordBatchStream for Rows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
