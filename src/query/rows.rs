//! `lakeport.*`: rows that other modules know. The inverted edge: declared here, implemented above.
//!
//! A [`RowSource`] is asked for its rows when a plan that scans it starts, with the context of the
//! statement, so each source shows a role what that role may see.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, RwLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use crate::error::{Error, Result};

use super::engine::Context;
use super::files::FileFinder;
use super::planner::external;

/// A table of the `lakeport` schema.
#[async_trait::async_trait]
pub trait RowSource: Send + Sync {
    /// The schema it stands in: `lakeport`, `information_schema` or `pg_catalog`.
    fn schema_name(&self) -> &'static str {
        "lakeport"
    }

    /// The relation's name in its schema.
    fn name(&self) -> &'static str;

    /// Its columns, comments in the fields' `comment` metadata.
    fn schema(&self) -> SchemaRef;

    /// One sentence saying what one row is.
    fn comment(&self) -> &'static str;

    /// The rows, as the role of `context` may see them.
    async fn rows(&self, context: &Context) -> Result<Vec<RecordBatch>>;
}

/// A system table kept as Delta under `_lakeport/<name>`: read at its newest version, empty before its
/// first row; columns a file lacks read NULL.
#[derive(Debug, Clone)]
pub struct StoredRows {
    /// Its name.
    pub name: &'static str,
    /// One sentence.
    pub comment: &'static str,
    /// Its columns.
    pub schema: SchemaRef,
}

/// A schema and a relation in it.
type SystemName = (&'static str, &'static str);

/// Every system table, by schema and name.
#[derive(Default)]
pub(crate) struct Registry {
    sources: RwLock<BTreeMap<SystemName, Arc<dyn RowSource>>>,
    files: OnceLock<Arc<dyn FileFinder>>,
}

impl Registry {
    pub(crate) fn add(&self, source: Arc<dyn RowSource>) {
        let mut sources = self.sources.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        sources.insert((source.schema_name(), source.name()), source);
    }

    /// Says who finds files; who comes second is not asked.
    pub(crate) fn set_files(&self, files: Arc<dyn FileFinder>) {
        let _ = self.files.set(files);
    }

    /// Who finds files.
    ///
    /// # Errors
    /// `FeatureNotSupported` where nobody does.
    pub(crate) fn files(&self) -> Result<Arc<dyn FileFinder>> {
        let unknown = || Error::unsupported("reading files here");
        self.files.get().map(Arc::clone).ok_or_else(unknown)
    }

    pub(crate) fn find(&self, schema: &str, name: &str) -> Option<Arc<dyn RowSource>> {
        let sources = self.sources.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        sources
            .iter()
            .find(|((in_schema, named), _)| *in_schema == schema && *named == name)
            .map(|(_, source)| Arc::clone(source))
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn RowSource>> {
        let sources = self.sources.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        sources.values().cloned().collect()
    }
}

/// A row source as one statement scans it.
pub(crate) struct RowTable {
    source: Arc<dyn RowSource>,
    context: Context,
}

impl RowTable {
    pub(crate) fn new(source: Arc<dyn RowSource>, context: Context) -> Self {
        Self { source, context }
    }
}

impl std::fmt::Debug for RowTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowTable({})", self.source.name())
    }
}

#[async_trait::async_trait]
impl TableProvider for RowTable {
    fn schema(&self) -> SchemaRef {
        self.source.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // Not an `async fn`: its future would hold the filters, and proving those `Send` walks every type
    // of an expression.
    fn scan<'s, 'e, 'p, 'f, 'r>(
        &'s self,
        _state: &'e dyn Session,
        projection: Option<&'p Vec<usize>>,
        _filters: &'f [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'r, Result<Arc<dyn ExecutionPlan>, DataFusionError>>
    where
        's: 'r,
        'e: 'r,
        'p: 'r,
        'f: 'r,
        Self: 'r,
    {
        Box::pin(async move {
            let batches = self.source.rows(&self.context).await.map_err(external)?;
            let plan: Arc<dyn ExecutionPlan> = MemorySourceConfig::try_new_exec(
                &[batches],
                self.source.schema(),
                projection.cloned(),
            )?;
            Ok(plan)
        })
    }
}
