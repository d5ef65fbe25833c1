//! The one kind of table a plan may scan: a relation together with whose rights read it.
//!
//! Its one idea: every table enters planning through a [`Gate`], so a scan of anything else is
//! proof that something was resolved behind our back, and is refused. Reads only: none of
//! DataFusion's ways to write through a table is passed on.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::{Constraints, Result, Statistics};
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use crate::lake::Table;
use crate::name::{RelationName, RoleName};

/// Where a scanned table comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// A relation of the catalog, read with the rights of `role`.
    Relation {
        /// The relation.
        name: RelationName,
        /// The reader, or the owner of the view that reads.
        role: RoleName,
        /// Named by the statement itself, not by a view it reads.
        direct: bool,
    },
    /// A table of `lakeport`, `information_schema` or `pg_catalog`, which filters its own rows.
    System,
    /// Handed in with the statement by the server itself.
    Statement,
    /// The result of a table function, or of a recursive query's last step.
    Computed,
}

/// A table that was resolved by us.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The stored table behind it, when another version of the relation could stand in its place: not
    /// where the statement names a version.
    pub(crate) stored: Option<Table>,
    table: Arc<dyn TableProvider>,
}

impl Gate {
    pub(crate) fn over(origin: Origin, table: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
        Arc::new(Self { origin, stored: None, table })
    }

    /// A relation at the version that the snapshot says.
    pub(crate) fn stored(
        origin: Origin,
        stored: Table,
        table: Arc<dyn TableProvider>,
    ) -> Arc<dyn TableProvider> {
        Arc::new(Self { origin, stored: Some(stored), table })
    }
}

#[async_trait::async_trait]
impl TableProvider for Gate {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.table.constraints()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.table.get_logical_plan()
    }

    // Not an `async fn`: its future would hold the filters, and proving those `Send` walks every type
    // of an expression.
    fn scan<'s, 'e, 'p, 'f, 'r>(
        &'s self,
        state: &'e dyn Session,
        projection: Option<&'p Vec<usize>>,
        filters: &'f [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'r, Result<Arc<dyn ExecutionPlan>>>
    where
        's: 'r,
        'e: 'r,
        'p: 'r,
        'f: 'r,
        Self: 'r,
    {
        self.table.scan(state, projection, filters, limit)
    }

    fn scan_with_args<'a, 's, 'e, 'r>(
        &'s self,
        state: &'e dyn Session,
        args: ScanArgs<'a>,
    ) -> BoxFuture<'r, Result<ScanResult>>
    where
        'a: 'r,
        's: 'r,
        'e: 'r,
        Self: 'r,
    {
        self.table.scan_with_args(state, args)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let mut answers = self.table.supports_filters_pushdown(filters)?;
        for (answer, filter) in answers.iter_mut().zip(filters) {
            // Of no column, it says nothing about files: a lone NULL would be taken and forgotten.
            if filter.column_refs().is_empty() {
                *answer = TableProviderFilterPushDown::Unsupported;
            }
        }
        Ok(answers)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.table.statistics()
    }
}
