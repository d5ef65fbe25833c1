//! A pinned table for DataFusion to scan.
//!
//! Plain tables are read by our own scan, those with column mapping and the like by deltalake's.
//! Its one idea: whoever scans it, in whichever session, reads through this lake's object store and
//! exactly this version. Reads only: no insert, no update. What a scan yields may have partition
//! columns and nullability as Delta keeps them; types are plain.

use std::ops::Deref;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use deltalake_core::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use deltalake_core::kernel::EagerSnapshot;
use futures::future::BoxFuture;
use object_store::ObjectStore;

use super::file_scan::FileScan;
use super::statistics;

/// A scan, with its object store at hand.
#[derive(Debug)]
pub(super) struct PinnedScan {
    scan: Arc<dyn TableProvider>,
    schema: SchemaRef,
    /// What is scanned when nobody says what.
    shown: Vec<usize>,
    /// Where bounds are still to be mistrusted: all but these columns' may be rounded.
    partitioned_by: Option<Vec<String>>,
    store_url: ObjectStoreUrl,
    store: Arc<dyn ObjectStore>,
}

impl PinnedScan {
    /// These columns of a version whose files are plain Parquet.
    pub(super) fn plain(
        scan: FileScan,
        store_url: ObjectStoreUrl,
        store: Arc<dyn ObjectStore>,
    ) -> Self {
        let schema = scan.schema();
        let shown = (0..schema.fields().len()).collect();
        Self { scan: Arc::new(scan), schema, shown, partitioned_by: None, store_url, store }
    }

    /// The first `columns` columns of the whole version, or of these of its data files only; for tables
    /// that [`PinnedScan::plain`] does not read.
    pub(super) fn foreign(
        snapshot: EagerSnapshot,
        store_url: ObjectStoreUrl,
        store: Arc<dyn ObjectStore>,
        columns: usize,
        only: Option<Vec<String>>,
    ) -> DataFusionResult<Self> {
        let mut config = DeltaScanConfig::new().with_wrap_partition_values(false);
        config.schema_force_view_types = false;
        let partitioned_by = snapshot.metadata().partition_columns().to_vec();
        let scan = DeltaScanNext::new(snapshot, config)?;
        let scan = match only {
            Some(paths) => scan.with_file_paths(paths),
            None => scan,
        };
        let shown: Vec<usize> = (0..columns).collect();
        let schema = Arc::new(scan.schema().project(&shown)?);
        let partitioned_by = Some(partitioned_by);
        Ok(Self { scan: Arc::new(scan), schema, shown, partitioned_by, store_url, store })
    }
}

/// Filters behind an object, because a future holds them: see `query::runtime::Sealed`.
type Held = Arc<dyn Deref<Target = Vec<Expr>> + Send + Sync>;

impl PinnedScan {
    /// Whether a filter looks at a column whose bounds may be rounded. A partition column's value is exact.
    fn is_rounded(&self, filter: &Expr) -> bool {
        let Some(partitioned_by) = &self.partitioned_by else { return false };
        filter.column_refs().into_iter().any(|column| {
            let field = self.schema.field_with_name(&column.name);
            // What a float is at most is said without NaN, which is greater.
            let rounded = field.is_ok_and(|field| {
                statistics::is_rounded(field.data_type()) || field.data_type().is_floating()
            });
            rounded && !partitioned_by.contains(&column.name)
        })
    }
}

#[async_trait::async_trait]
impl TableProvider for PinnedScan {
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
        limit: Option<usize>,
    ) -> BoxFuture<'r, DataFusionResult<Arc<dyn ExecutionPlan>>>
    where
        's: 'r,
        'e: 'r,
        'p: 'r,
        'f: 'r,
        Self: 'r,
    {
        let runtime = session.runtime_env();
        // A session begins with a store of its own for local files; ours is the one that counts.
        let local = self.store_url.as_str().starts_with("file:");
        if local || runtime.object_store(&self.store_url).is_err() {
            runtime.register_object_store(self.store_url.as_ref(), Arc::clone(&self.store));
        }
        let hides = self.shown.len() < self.scan.schema().fields().len();
        let projection = projection.or(hides.then_some(&self.shown));
        // Bounds in the log may be rounded, by whoever wrote them.
        let filters: Vec<Expr> =
            filters.iter().filter(|filter| !self.is_rounded(filter)).cloned().collect();
        let scan = Arc::clone(&self.scan);
        let projection = projection.cloned();
        let filters: Held = Arc::new(Box::new(filters));
        Box::pin(async move { scan.scan(session, projection.as_ref(), &filters, limit).await })
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let supported = self.scan.supports_filters_pushdown(filters)?;
        let each = supported.into_iter().zip(filters);
        Ok(each
            .map(|(supported, filter)| match self.is_rounded(filter) {
                true => TableProviderFilterPushDown::Unsupported,
                false => supported,
            })
            .collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        let mut statistics = self.scan.statistics()?;
        statistics.column_statistics.truncate(self.schema.fields().len());
        Some(statistics)
    }
}
