//! Changed rows for DataFusion to scan.
//!
//! Its one idea: each part is a scan of some files of one version, with its weight as a constant
//! behind the rows; columns that version does not have yet are null. Knows no log.

use std::ops::Deref;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::scalar::ScalarValue;
use futures::future::BoxFuture;

use super::changes::WEIGHT_COLUMN;
use super::file_scan::{Picked, Wanted};
use super::table::Table;

/// Some files of one version, all with the same weight.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The version that has the files.
    pub(super) table: Table,
    /// As the log spells them; `None` for all files.
    pub(super) paths: Option<Vec<String>>,
    /// Of these files only these rows; `None` for all that are not gone.
    pub(super) picked: Option<Arc<Picked>>,
    /// +1 came, -1 went.
    pub(super) weight: i64,
    /// Bytes of the files.
    pub(super) bytes: u64,
    /// Rows of the files, where the log says.
    pub(super) rows: Option<u64>,
}

/// Scans parts one beside the other.
#[derive(Debug)]
pub(super) struct ChangesScan {
    schema: SchemaRef,
    parts: Vec<Part>,
}

impl ChangesScan {
    /// `schema` ends with the weight.
    pub(super) fn new(schema: SchemaRef, parts: Vec<Part>) -> Self {
        Self { schema, parts }
    }

    async fn scan_parts(
        &self,
        session: &dyn Session,
        columns: Vec<usize>,
        scans: Vec<(i64, PartScan)>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let mut inputs: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        for (weight, part) in scans {
            let input = part.scan(session).await?;
            inputs.push(self.weighted(input, &columns, weight)?);
        }
        match inputs.len() {
            0 => Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(&columns)?)))),
            1 => Ok(inputs.remove(0)),
            _ => UnionExec::try_new(inputs),
        }
    }

    /// The asked columns over what a part's scan yields.
    fn weighted(
        &self,
        input: Arc<dyn ExecutionPlan>,
        columns: &[usize],
        weight: i64,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let found = input.schema();
        let mut exprs: Vec<(Arc<dyn PhysicalExpr>, String)> = Vec::new();
        for &index in columns {
            let field = self.schema.field(index);
            let expr: Arc<dyn PhysicalExpr> = if field.name() == WEIGHT_COLUMN {
                Arc::new(Literal::new(ScalarValue::Int64(Some(weight))))
            } else if let Ok(at) = found.index_of(field.name()) {
                Arc::new(Column::new(field.name(), at))
            } else {
                Arc::new(Literal::new(ScalarValue::try_from(field.data_type())?))
            };
            exprs.push((expr, field.name().clone()));
        }
        Ok(Arc::new(ProjectionExec::try_new(exprs, input)?))
    }
}

/// One part's scan, with everything it needs but a session.
struct PartScan {
    provider: Arc<dyn TableProvider>,
    projection: Vec<usize>,
    // Behind an object, because a future holds it: see `query::runtime::Sealed`.
    filters: Arc<dyn Deref<Target = Vec<Expr>> + Send + Sync>,
}

impl PartScan {
    /// The columns of `schema` at `columns` that the part has; filters on others wait until the rows
    /// have them.
    fn new(
        part: &Part,
        schema: &SchemaRef,
        columns: &[usize],
        filters: &[Expr],
    ) -> DataFusionResult<Self> {
        let external = |error| datafusion::error::DataFusionError::External(Box::new(error));
        let (only, picked) = (part.paths.clone(), part.picked.clone());
        let wanted = Wanted { only, picked, ..Wanted::default() };
        let provider: Arc<dyn TableProvider> =
            Arc::new(part.table.wanted_scan(wanted).map_err(external)?);
        let found = provider.schema();
        let index_of = |&index: &usize| found.index_of(schema.field(index).name()).ok();
        let known = |filter: &&Expr| {
            filter.column_refs().iter().all(|column| found.index_of(&column.name).is_ok())
        };
        Ok(Self {
            projection: columns.iter().filter_map(index_of).collect(),
            filters: Arc::new(Box::new(filters.iter().filter(known).cloned().collect())),
            provider,
        })
    }

    fn scan<'r>(
        self,
        session: &'r dyn Session,
    ) -> BoxFuture<'r, DataFusionResult<Arc<dyn ExecutionPlan>>> {
        Box::pin(async move {
            let Self { provider, projection, filters } = self;
            provider.scan(session, Some(&projection), &filters, None).await
        })
    }
}

#[async_trait::async_trait]
impl TableProvider for ChangesScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // Not an `async fn`: its future would hold the filters, and proving those `Send` walks every type
    // of an expression.
    fn scan<'s, 'e, 'p, 'f, 'r>(
        &'s self,
        session: &'e dyn Session,
        projection: Option<&'p Vec<usize>>,
        filters: &'f [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'r, DataFusionResult<Arc<dyn ExecutionPlan>>>
    where
        's: 'r,
        'e: 'r,
        'p: 'r,
        'f: 'r,
        Self: 'r,
    {
        let columns: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let scans: DataFusionResult<Vec<(i64, PartScan)>> = self
            .parts
            .iter()
            .map(|part| Ok((part.weight, PartScan::new(part, &self.schema, &columns, filters)?)))
            .collect();
        match scans {
            Ok(scans) => Box::pin(self.scan_parts(session, columns, scans)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let of = |filter: &&Expr| match filter.column_refs() {
            columns if columns.iter().any(|column| column.name == WEIGHT_COLUMN) => {
                TableProviderFilterPushDown::Unsupported
            }
            // Whatever a part's own scan can do with it, the rows are filtered again.
            _ => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(of).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        let rows: Option<u64> = self.parts.iter().map(|part| part.rows).sum();
        let mut statistics = Statistics::new_unknown(&self.schema);
        if let Some(rows) = rows.and_then(|rows| usize::try_from(rows).ok()) {
            statistics.num_rows = Precision::Inexact(rows);
        }
        Some(statistics)
    }
}
