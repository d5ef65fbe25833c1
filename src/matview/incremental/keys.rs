//! The keys that changes touch.
//!
//! Its one idea: an operator that works key by key, f(X) = ⊎ₖ f(X|k), changes only for the keys of the
//! rows that changed; these are few, computed first, held in memory, and pushed down into the scans.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::lake::Bounds;
use crate::query::rows_in_place;

/// How the names of scans of keys begin.
pub(super) const NAME: &str = "keys ";

/// Distinct keys.
#[derive(Debug, Clone)]
pub(crate) struct KeyRows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    rows: usize,
    bounds: Vec<Bounds>,
    /// Tells them from all other keys of a refresh.
    mark: String,
}

impl KeyRows {
    /// Takes the rows of a query for distinct keys.
    pub(super) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self> {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let bounds = (0..schema.fields().len())
            .map(|column| Bounds::of(batches.iter().map(|batch| batch.column(column))))
            .collect::<Result<_>>()?;
        Ok(Self { schema, batches, rows, bounds, mark: String::new() })
    }

    /// No keys, of the columns that `plan` would give.
    pub(super) fn none(plan: &LogicalPlan) -> Result<Self> {
        let fields = plan.schema().fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
        Self::new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), Vec::new())
    }

    pub(super) fn marked(self, mark: &str) -> Self {
        Self { mark: mark.to_owned(), ..self }
    }

    /// Some columns of them, which may say the same twice.
    pub(super) fn part(&self, columns: &[usize]) -> Result<Self> {
        let schema = Arc::new(self.schema.project(columns)?);
        let batches = self.batches.iter().map(|batch| batch.project(columns));
        let part = Self::new(schema, batches.collect::<std::result::Result<_, _>>()?)?;
        Ok(part.marked(&format!("{}{columns:?}", self.mark)))
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The keys as a table.
    pub(super) fn scan(&self, mark: &str) -> Result<LogicalPlan> {
        let name = format!("{NAME}{mark} {}", self.mark);
        rows_in_place(&name, self.schema.clone(), self.batches.clone())
    }

    /// A filter that all rows with one of the keys pass, over those of `exprs` that are `usable`; `None` where
    /// nothing can be said.
    pub(super) fn range(&self, exprs: &[Expr], usable: impl Fn(&Expr) -> bool) -> Option<Expr> {
        let known = exprs.iter().zip(&self.bounds).filter(|(expr, _)| usable(expr));
        known.filter_map(|(expr, bounds)| bounds.filter(expr)).reduce(Expr::and)
    }
}
