//! A Delta table at one version.
//!
//! Its one idea: a [`Table`] is a value. It answers from memory what the log said of this version;
//! only `progress` and `read` go to storage. Refuses to know which version is current.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::{SendableRecordBatchStream, collect, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake_core::kernel::transaction::{PROTOCOL, TransactionError};
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::table::state::DeltaTableState;
use object_store::ObjectStore;
use url::Position;

use crate::error::{Error, Result};
use crate::name::Version;

use super::data_files::DataFileList;
use super::file_scan::{FileScan, Wanted};
use super::log;
use super::provider::PinnedScan;
use super::shape::{self, DELETION_VECTORS};
use super::store::Location;
use super::txns::Txns;
use super::{error, schema};

/// A table at one version; never changes. Cheap to clone.
#[derive(Clone)]
pub struct Table {
    // Behind an object, because a future that holds a table must be proven `Send`, and walking the
    // log's types takes the compiler seconds for each.
    inner: Arc<dyn Deref<Target = Inner> + Send + Sync>,
}

struct Inner {
    location: Location,
    log: LogStoreRef,
    state: DeltaTableState,
    schema: SchemaRef,
    visible: SchemaRef,
    txns: Txns,
    /// Read off the log when first asked for.
    files: OnceLock<Option<Arc<DataFileList>>>,
}

/// Columns that are the server's own begin with this, lie behind all others, and are shown to nobody:
/// what a stored result needs to be kept up to date.
pub const HIDDEN_PREFIX: &str = "__lakeport_";

/// What a table is created or altered to.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSpec {
    /// Columns. A field's `comment` metadata is its comment, [`super::TEXT_LENGTH`] a text's length;
    /// `PARQUET:field_id` is dropped.
    pub schema: SchemaRef,
    /// Partition columns.
    pub partition_by: Vec<String>,
    /// The table's description.
    pub comment: Option<String>,
    /// `delta.*` properties.
    pub properties: BTreeMap<String, String>,
}

impl TableSpec {
    /// Columns only: no partitions, no comment, no properties.
    pub fn of(schema: SchemaRef) -> Self {
        Self { schema, partition_by: Vec::new(), comment: None, properties: BTreeMap::new() }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} v{})", self.inner.location, self.version())
    }
}

impl Table {
    /// # Errors
    /// `FeatureNotSupported` when the version needs a feature of the format that is not there.
    pub(super) fn new(
        location: Location,
        log: LogStoreRef,
        state: DeltaTableState,
        txns: Txns,
    ) -> Result<Self> {
        PROTOCOL
            .can_read_from_protocol(state.protocol())
            .map_err(|refused| error::delta(&location, refused.into()))?;
        let schema = schema::from_delta(state.schema().as_ref())
            .map_err(|cause| error::unsupported(&location, "a column type").caused_by(cause))?;
        let visible = visible(&schema);
        Ok(Self {
            inner: Arc::new(Box::new(Inner {
                location,
                log,
                state,
                schema,
                visible,
                txns,
                files: OnceLock::new(),
            })),
        })
    }

    /// Where.
    pub fn location(&self) -> &Location {
        &self.inner.location
    }

    /// Which version.
    pub fn version(&self) -> Version {
        self.inner.state.version()
    }

    /// Columns, partition columns included, with plain (not view, not dictionary) types; comments in
    /// the fields' `comment` metadata. Hidden columns are left out.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.inner.visible)
    }

    /// What it was created or last altered to, hidden columns included.
    pub fn spec(&self) -> TableSpec {
        let metadata = self.inner.state.metadata();
        TableSpec {
            schema: Arc::clone(&self.inner.schema),
            partition_by: metadata.partition_columns().to_vec(),
            comment: metadata.description().map(str::to_owned),
            properties: metadata
                .configuration()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        }
    }

    /// The id that the format gives a table for life; a table created again has another.
    pub fn id(&self) -> &str {
        self.inner.state.metadata().id()
    }

    /// For DataFusion to scan: exactly this version, in any session. Types are those of
    /// [`Table::schema`].
    pub fn provider(&self) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(self.wanted_scan(Wanted::default())?))
    }

    /// As [`Table::provider`], with the hidden columns.
    pub fn stored_provider(&self) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(self.stored_scan(Wanted::default())?))
    }

    /// All stored columns of what is wanted. Files are named as the log names them.
    ///
    /// # Errors
    /// `FeatureNotSupported` where columns are asked for that the table's files do not give.
    pub(super) fn stored_scan(&self, wanted: Wanted) -> Result<PinnedScan> {
        self.scan(&self.inner.schema, wanted)
    }

    /// The visible columns of what is wanted.
    pub(super) fn wanted_scan(&self, wanted: Wanted) -> Result<PinnedScan> {
        self.scan(&self.inner.visible, wanted)
    }

    /// This version's data files; `None` where they are not read as plain Parquet.
    pub(super) fn data_files(&self) -> Option<&Arc<DataFileList>> {
        let list = || DataFileList::of(self, &self.inner.schema).map(Arc::new);
        self.inner.files.get_or_init(list).as_ref()
    }

    /// The store that serves the root of the location's URL.
    pub(super) fn root_store(&self) -> Arc<dyn ObjectStore> {
        self.inner.log.root_object_store(None)
    }

    fn scan(&self, columns: &SchemaRef, wanted: Wanted) -> Result<PinnedScan> {
        let url = self.inner.location.url()?;
        let store_url = ObjectStoreUrl::parse(&url[..Position::BeforePath])
            .map_err(|error| Error::internal(format!("store of {url}")).caused_by(error))?;
        let store = self.root_store();
        if let Some(list) = self.data_files() {
            let (location, list) = (&self.inner.location, Arc::clone(list));
            let (at, from) = (store_url.clone(), Arc::clone(&store));
            let scan = FileScan::new(location, list, columns, wanted, at, from);
            return Ok(PinnedScan::plain(scan, store_url, store));
        }
        if wanted.file_column.is_some() || wanted.row_column.is_some() || wanted.picked.is_some() {
            return Err(error::unsupported(&self.inner.location, "changing single rows"));
        }
        let snapshot = self.inner.state.snapshot().clone();
        PinnedScan::foreign(snapshot, store_url, store, columns.fields().len(), wanted.only)
            .map_err(error::datafusion)
    }

    /// All rows. For the lake's own small tables; queries scan [`Table::provider`].
    pub async fn read(&self) -> Result<Vec<RecordBatch>> {
        read_all(self.wanted_scan(Wanted::default())?).await
    }

    /// The rows of these data files, named as the log names them, file by file; hidden columns too.
    pub(super) async fn stream_files(
        &self,
        paths: Vec<String>,
    ) -> Result<SendableRecordBatchStream> {
        let scan = self.stored_scan(Wanted { only: Some(paths), ..Wanted::default() })?;
        let session =
            SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        let plan = scan.scan(&session.state(), None, &[], None).await.map_err(error::datafusion)?;
        execute_stream(plan, session.task_ctx()).map_err(error::datafusion)
    }

    /// The version a `txn` action recorded for `app_id`.
    pub async fn progress(&self, app_id: &str) -> Result<Option<i64>> {
        let Inner { location, log, state, txns, .. } = &**self.inner;
        if let Some(known) = txns.find(app_id, state.version(), location, log).await? {
            return Ok(known);
        }
        let found = state.transaction_version(log.as_ref(), app_id.to_owned()).await;
        let found = found.map_err(|error| error::delta(location, error))?;
        txns.remember(app_id, found);
        Ok(found)
    }

    /// When this version was committed, as its commit says; else when its log file was written.
    /// `None` when the log no longer has the commit.
    pub async fn committed_at(&self) -> Result<Option<DateTime<Utc>>> {
        log::committed_at(&self.inner.log, &self.inner.location, self.version()).await
    }

    /// Whether somebody else's commit changed data after `version`, up to this table's version: a
    /// commit that carries no `lakeport.run`. A commit that the log no longer has counts as one.
    pub async fn foreign_since(&self, version: Version) -> Result<bool> {
        for version in version + 1..=self.version() {
            let entry = log::read(&self.inner.log, &self.inner.location, version).await?;
            if entry.is_none_or(|entry| entry.run.is_none() && entry.changes_data) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether all that was committed after `version`, up to this table's version, are our own commits
    /// that moved rows to other files: it then holds what `version` holds.
    pub async fn only_moved_since(&self, version: Version) -> Result<bool> {
        for version in version + 1..=self.version() {
            let entry = log::read(&self.inner.log, &self.inner.location, version).await?;
            let only_moved = |entry: log::Entry| {
                let changed = entry.changes_data || entry.changes_shape;
                entry.run.is_some() && !changed && entry.applications.is_empty()
            };
            if !entry.is_some_and(only_moved) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a file, named by its path in its store, lies in the table's folder.
    pub fn has_below(&self, path: &str) -> bool {
        let root = self.inner.location.url().ok();
        let root = root.and_then(|url| object_store::path::Path::from_url_path(url.path()).ok());
        let rest = root.and_then(|root| path.strip_prefix(root.as_ref()).map(str::to_owned));
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Rows, when every file's statistics say.
    pub fn rows(&self) -> Option<u64> {
        let files = self.inner.state.snapshot().try_log_data().ok()?;
        let mut rows = 0u64;
        for file in files.iter() {
            let deleted = file.deletion_vector_descriptor().map_or(0, |gone| gone.cardinality);
            let kept = i64::try_from(file.num_records()?).ok()?.checked_sub(deleted)?;
            rows = rows.checked_add(u64::try_from(kept).ok()?)?;
        }
        Some(rows)
    }

    /// Files and their bytes.
    pub fn files(&self) -> (u64, u64) {
        let Ok(files) = self.inner.state.snapshot().try_log_data() else { return (0, 0) };
        files.iter().fold((0, 0), |(count, bytes), file| {
            (count + 1, bytes + u64::try_from(file.size()).unwrap_or_default())
        })
    }

    /// Why it cannot be written, naming the feature; `None` when it can.
    pub fn read_only_reason(&self) -> Option<String> {
        let state = &self.inner.state;
        if let Err(refused) = PROTOCOL.can_write_to(state) {
            return Some(match refused {
                TransactionError::UnsupportedTableFeatures(features) => {
                    let names: Vec<String> = features.iter().map(ToString::to_string).collect();
                    format!("it uses {}", names.join(", "))
                }
                other => other.to_string(),
            });
        }
        let configuration = state.metadata().configuration();
        if configuration.keys().any(|key| key.starts_with("delta.constraints.")) {
            return Some("it has check constraints".to_owned());
        }
        if configuration.get("delta.columnMapping.mode").is_some_and(|mode| mode != "none") {
            return Some("it uses columnMapping".to_owned());
        }
        let delta_schema = state.schema();
        for field in delta_schema.fields() {
            for (key, feature) in [
                ("delta.invariants", "invariants"),
                ("delta.generationExpression", "generated columns"),
                ("delta.identity.start", "identity columns"),
            ] {
                if field.metadata().contains_key(key) {
                    return Some(format!("column \"{}\" has {feature}", field.name()));
                }
            }
        }
        None
    }

    /// Whether rows may be marked as gone instead of being written out of their files.
    pub(super) fn allows_vectors(&self) -> bool {
        let state = &self.inner.state;
        let enabled = state.metadata().configuration().get(DELETION_VECTORS);
        enabled.is_some_and(|value| value == "true") && shape::has_vectors(state.protocol())
    }

    pub(super) fn state(&self) -> &DeltaTableState {
        &self.inner.state
    }

    /// What is known of this version's `txn`s, for one that comes after it.
    pub(super) fn txns(&self) -> &Txns {
        &self.inner.txns
    }

    pub(super) fn log(&self) -> &LogStoreRef {
        &self.inner.log
    }
}

fn visible(schema: &SchemaRef) -> SchemaRef {
    let shown = schema.fields().iter().take_while(|f| !f.name().starts_with(HIDDEN_PREFIX));
    let shown: Vec<_> = shown.cloned().collect();
    match shown.len() == schema.fields().len() {
        true => Arc::clone(schema),
        false => Arc::new(Schema::new_with_metadata(shown, schema.metadata().clone())),
    }
}

async fn read_all(scan: PinnedScan) -> Result<Vec<RecordBatch>> {
    let session = SessionContext::new();
    let plan = scan.scan(&session.state(), None, &[], None).await.map_err(error::datafusion)?;
    collect(plan, session.task_ctx()).await.map_err(error::datafusion)
}
