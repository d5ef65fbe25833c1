//! The engine: plan, authorize, execute.
//!
//! Owns what all statements of the process share. A statement goes through it in two steps, each
//! in its own file: [`Engine::plan`] resolves and types, [`Engine::execute`] runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::scalar::ScalarValue;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Relation, RelationKind};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Lake, Share};
use crate::name::{QueryId, RoleName, SessionId};
use crate::syntax::Query;
use crate::telemetry::Metrics;

use super::actions::Actions;
use super::admission::Admission;
use super::authorize::AuthorizedPlan;
use super::execute::{self, Guarded, Holdings};
use super::files::{self, FileFinder};
use super::history::History;
use super::planners::Planners;
use super::probes::Probes;
use super::reads::Ran;
use super::resolve::Resolver;
use super::rows::{Registry, RowSource, StoredRows};
use super::runtime::{self, Joins, Sealed};
use super::snapshot::Snapshot;
use super::system::Facts;
use super::system::VisibleRelation;
use super::{error, plan, system};

/// Plans and runs queries for every session of the process, within `[limits]`.
pub struct Engine {
    lake: Lake,
    pub(super) catalog: Arc<Catalog>,
    config: Arc<Config>,
    pub(super) shared: Sealed<SessionState>,
    registry: Arc<Registry>,
    history: Arc<History>,
    pub(super) probes: Probes,
    admission: Admission,
    planners: Planners,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// Who asks, and how names and times are read.
#[derive(Clone)]
pub struct Context {
    /// Whose privileges count.
    pub role: RoleName,
    /// `current_database()`.
    pub database: String,
    /// Schemas searched for unqualified names, `"$user"` replaced.
    pub search_path: Vec<String>,
    /// IANA name; what `timestamptz` text without an offset means, and how it prints.
    pub time_zone: String,
    /// `now()`, frozen for the statement or transaction.
    pub now: DateTime<Utc>,
    /// What is seen.
    pub snapshot: Arc<Snapshot>,
    /// Relations only this statement can see, by the name they are planned as.
    pub extra: HashMap<String, Arc<dyn TableProvider>>,
    /// The session, for `lakeport.queries`; none for runs.
    pub session_id: Option<SessionId>,
    /// All settings a query may read by `current_setting`, lower-case names.
    pub settings: Arc<HashMap<String, String>>,
    /// What functions may do to sessions; none for runs.
    pub actions: Option<Arc<dyn Actions>>,
    /// Stops the statement.
    pub cancel: CancellationToken,
    /// Whether the result's dictionaries and views stay as they are.
    pub packed: bool,
    /// Whether rows are given as structs by the names of their fields; else they keep that they are rows.
    pub rows_as_structs: bool,
    /// Whether a parameter whose type nothing tells is a text: its client has no way to say.
    pub untold_as_text: bool,
}

/// A running query. Dropping the stream stops it.
pub struct Execution {
    /// For logs and `lakeport.queries`.
    pub query_id: QueryId,
    /// The batches, in the plan's schema, at most 8192 rows each. Errors are
    /// [`datafusion::error::DataFusionError`] on the inside: convert with [`Engine::error`].
    pub stream: SendableRecordBatchStream,
    /// What is running, to be asked what it has read.
    pub ran: Ran,
}

impl Engine {
    /// An engine over one lake and its catalog.
    pub fn new(lake: Lake, catalog: Arc<Catalog>, config: Arc<Config>) -> Result<Arc<Self>> {
        let history = History::new(Arc::clone(lake.clock()));
        let registry = Arc::new(Registry::default());
        let engine = Arc::new(Self {
            shared: runtime::shared_state(&config.limits, &registry)?,
            registry,
            admission: Admission::new(&config.limits),
            planners: Planners::default(),
            metrics: Arc::default(),
            probes: Probes::default(),
            history,
            lake,
            catalog,
            config,
        });
        system::register(&engine);
        Ok(engine)
    }

    /// What the process has done; everybody who works on the lake counts here.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The columns of a system table.
    pub fn system_schema(&self, schema: &str, name: &str) -> Option<SchemaRef> {
        self.registry.find(schema, name).map(|source| source.schema())
    }

    /// Adds a table of the `lakeport` schema.
    pub fn register(&self, source: Arc<dyn RowSource>) {
        self.registry.add(source);
    }

    /// Says who finds the files of external tables.
    pub fn register_files(&self, files: Arc<dyn FileFinder>) {
        self.registry.set_files(files);
    }

    /// Reads what the files of an external table are like, as a query would.
    ///
    /// # Errors
    /// No file is there, none may be read, or they do not fit together.
    pub async fn check_files(&self, relation: &Relation) -> Result<()> {
        match &relation.kind {
            RelationKind::Files(files) => {
                files::table(self.registry.files()?, &self.shared, relation, files).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Resolves, plans, types and authorizes. `declared` are the parameter types a client named.
    ///
    /// # Errors
    /// Postgres' own: 42P01, 42703, 42883, 42501, ... with position where known.
    pub async fn plan(
        &self,
        query: &Query,
        context: &Context,
        declared: &[Option<FieldRef>],
    ) -> Result<AuthorizedPlan> {
        self.plan_share(query, context, declared, None).await
    }

    /// As [`Engine::plan`], over this share of the one table the query reads.
    pub async fn plan_share(
        &self,
        query: &Query,
        context: &Context,
        declared: &[Option<FieldRef>],
        share: Option<&Share>,
    ) -> Result<AuthorizedPlan> {
        let state = runtime::statement_state(&self.shared, context, Joins::Hash);
        let cancel = context.cancel.clone();
        let (lake, registry) = (&self.lake, self.registry.as_ref());
        let resolver =
            Resolver { lake, registry, state: &state, context, share, views: AtomicUsize::new(0) };
        let resolved = tokio::select! {
            () = context.cancel.cancelled() => return Err(execute::canceled()),
            resolved = resolver.resolve(query, &context.role, 0) => resolved,
        };
        let planned = match resolved {
            Ok(resolved) => {
                let (context, query, declared) =
                    (context.clone(), query.clone(), declared.to_vec());
                let work = move || plan::plan(&state, &context, &query, resolved, &declared);
                self.planners.run(&cancel, work).await
            }
            Err(error) => Err(error),
        };
        self.metrics.plan_made();
        // Only what a client asked itself, not what a view's columns are asked for.
        if let (Err(error), Some(_)) = (&planned, context.session_id) {
            self.probes.note(query, context, error);
        }
        planned
    }

    /// Runs a plan with its parameters.
    ///
    /// # Errors
    /// `QueryCanceled`, `ConfigurationLimitExceeded`, `ProtocolViolation` for a wrong number of
    /// parameters, and what planning the scans answers. Errors of rows come with the stream.
    pub async fn execute(
        &self,
        plan: &AuthorizedPlan,
        context: &Context,
        parameters: Vec<ScalarValue>,
    ) -> Result<Execution> {
        let started = self.execute_if(plan, context, parameters, &|_| true).await?;
        started.ok_or_else(|| Error::internal("a statement was not let run"))
    }

    /// As [`Engine::execute`], of a plan that `lets` run once it is known what it will read; else `None`.
    pub(crate) async fn execute_if(
        &self,
        plan: &AuthorizedPlan,
        context: &Context,
        parameters: Vec<ScalarValue>,
        lets: &(dyn Fn(&Ran) -> bool + Send + Sync),
    ) -> Result<Option<Execution>> {
        let text = &plan.parts().text;
        let mut running = self.history.start(context.session_id, &context.role, text);
        let query_id = running.query_id();
        let attempt = async {
            // Runs are admitted by the scheduler; counting them here again could lock up, since a
            // session's statement may wait for a run.
            let permit = match context.session_id {
                Some(_) => Some(self.admission.enter(&context.cancel).await?),
                None => None,
            };
            let bound = plan::bind(plan, parameters)?;
            tokio::select! {
                () = context.cancel.cancelled() => Err(execute::canceled()),
                physical = self.physical(&bound, context, Joins::Hash, text) => {
                    physical.map(|(state, physical)| (permit, bound, state, physical))
                }
            }
        };
        let (permit, bound, state, physical) = match attempt.await {
            Ok(started) => started,
            Err(failure) => {
                running.failed(failure.kind());
                return Err(failure);
            }
        };
        let holdings = Holdings { permit, running };
        let hash_join = execute::has_hash_join(&physical);
        let mut ran = Ran(Arc::clone(&physical));
        if !lets(&ran) {
            return Ok(None);
        }
        let stream = execute::start(&state, physical)?;
        let cancel = context.cancel.clone();
        let mut guarded = Guarded::new(plan.schema(), stream, cancel.clone(), holdings);
        if hash_join && let Err(failure) = guarded.ready().await {
            if failure.kind() != ErrorKind::OutOfMemory {
                return Err(failure);
            }
            // Nothing has reached the client: begin again with joins that spill.
            tracing::debug!(%query_id, "hash join out of memory, trying merge joins");
            let holdings = guarded.into_holdings();
            let (state, physical) = self.physical(&bound, context, Joins::Merge, text).await?;
            ran = Ran(Arc::clone(&physical));
            let stream = execute::start(&state, physical)?;
            guarded = Guarded::new(plan.schema(), stream, cancel, holdings);
        }
        Ok(Some(Execution { query_id, stream: Box::pin(guarded), ran }))
    }

    pub(super) async fn physical(
        &self,
        plan: &Sealed<LogicalPlan>,
        context: &Context,
        joins: Joins,
        text: &str,
    ) -> Result<(Sealed<SessionState>, Arc<dyn ExecutionPlan>)> {
        let state = runtime::statement_state(&self.shared, context, joins);
        Facts::put(self, context, &state, text).await?;
        let (deep, plan) = (Arc::clone(&state), Arc::clone(plan));
        let work = move || execute::optimized(&deep, &plan);
        let plan = self.planners.run(&context.cancel, work).await?;
        let physical = execute::physical_of(&state, &plan).await?;
        Ok((state, physical))
    }

    /// What a DataFusion error means to a user, in Postgres' words.
    pub fn error(error: datafusion::error::DataFusionError) -> Error {
        error::convert(error)
    }

    /// What the role of `context` may see, sorted by name.
    pub async fn visible(&self, context: &Context) -> Result<Vec<VisibleRelation>> {
        system::visible(self, context).await
    }

    /// A context for the server's own work: `role`'s rights over `snapshot`, UTC.
    pub fn server_context(
        &self,
        role: RoleName,
        snapshot: Arc<Snapshot>,
        now: DateTime<Utc>,
    ) -> Context {
        Context {
            role,
            database: self.config.name.clone(),
            search_path: vec!["public".to_owned()],
            time_zone: "UTC".to_owned(),
            now,
            snapshot,
            extra: HashMap::new(),
            session_id: None,
            settings: Arc::default(),
            actions: None,
            cancel: CancellationToken::new(),
            packed: false,
            rows_as_structs: true,
            untold_as_text: false,
        }
    }

    /// Adds a table of the `lakeport` schema that is kept as Delta under `_lakeport/<name>`. Rows
    /// that name a relation (`schema_name` with `relation_name`, `view_name` or `table_name`) are
    /// shown to roles that may see it, the others to superusers.
    pub fn register_stored(self: &Arc<Self>, rows: StoredRows) {
        self.register(system::Stored::new(rows, self));
    }

    /// The rows of `_lakeport/<name>` at its newest version; none where no table is.
    pub(crate) async fn read_system(
        &self,
        name: &str,
        context: &Context,
    ) -> Result<Vec<RecordBatch>> {
        let Some(table) = self.lake.newest(&self.lake.system_location(name)).await? else {
            return Ok(Vec::new());
        };
        let state = runtime::statement_state(&self.shared, context, Joins::Hash);
        let source = provider_as_source(table.provider()?);
        let plan = LogicalPlanBuilder::scan(name, source, None)
            .and_then(LogicalPlanBuilder::build)
            .map_err(error::convert)?;
        let physical = execute::physical_plan(&state, &runtime::seal(plan)).await?;
        collect(physical, state.task_ctx()).await.map_err(error::convert)
    }

    /// Bounded memory: what holds it, bytes held, bytes allowed.
    pub(crate) fn memory(&self) -> Vec<(&'static str, usize, usize)> {
        runtime::memory(&self.shared, &self.config.limits)
    }

    pub(crate) fn lake(&self) -> &Lake {
        &self.lake
    }

    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub(crate) fn history(&self) -> &Arc<History> {
        &self.history
    }
}
