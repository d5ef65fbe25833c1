//! A pinned table for DataFusion to scan.
//!
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

use super::statistics;

/// `DeltaScan`, with its object store at hand.
#[derive(Debug)]
pub(super) struct PinnedScan {
    scan: Arc<dyn TableProvider>,
    schema: SchemaRef,
    /// What is scanned when nobody says what.
    shown: Vec<usize>,
    partitioned_by: Vec<String>,
    store_url: ObjectStoreUrl,
    store: Arc<dyn ObjectStore>,
}

impl PinnedScan {
    /// The whole version, or these of its data files only; the first `columns` of its columns, and a
    /// column more with the file of each row where it has a name.
    pub(super) fn new(
        snapshot: EagerSnapshot,
        store_url: ObjectStoreUrl,
        store: Arc<dyn ObjectStore>,
        columns: usize,
        only: Option<Vec<String>>,
        file_column: Option<&str>,
    ) -> DataFusionResult<Self> {
        let mut config = DeltaScanConfig::new().with_wrap_partition_values(false);
        config.schema_force_view_types = false;
        config.file_column_name = file_column.map(str::to_owned);
        let columns = columns + usize::from(file_column.is_some());
        let partitioned_by = snapshot.metadata().partition_columns().to_vec();
        let scan = DeltaScanNext::new(snapshot, config)?;
        let scan = match only {
            Some(paths) => scan.with_file_paths(paths),
            None => scan,
        };
        let shown: Vec<usize> = (0..columns).collect();
        let schema = Arc::new(scan.schema().project(&shown)?);
        Ok(Self { scan: Arc::new(scan), schema, shown, partitioned_by, store_url, store })
    }
}

/// Filters behind an object, because a future holds them: see `query::runtime::Sealed`.
type Held = Arc<dyn Deref<Target = Vec<Expr>> + Send + Sync>;

impl PinnedScan {
    /// Whether a filter looks at a column whose bounds may be rounded. A partition column's value is exact.
    fn is_rounded(&self, filter: &Expr) -> bool {
        filter.column_refs().into_iter().any(|column| {
            let field = self.schema.field_with_name(&column.name);
            let rounded = field.is_ok_and(|field| statistics::is_rounded(field.data_type()));
            rounded && !self.partitioned_by.contains(&column.name)
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
