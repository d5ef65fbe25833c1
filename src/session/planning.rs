//! From a query to a plan over what the session sees now, and to its rows.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use datafusion::scalar::ScalarValue;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::query::{AuthorizedPlan, Context, Engine, Snapshot, wide_numeric};
use crate::syntax::{Explain, ExplainFormat, Explained, Query, Statement};

use super::actions::StatementActions;
use super::answer::explain_rows;
use super::connection::Session;
use super::copy::query_of;
use super::outcome::{Outcome, RowStream, rows};
use super::prepared::{CHANGED_PLAN, Planned, Prepared, same_types};
use super::running::Running;
use super::setting_value::split_search_path;

/// The query that a statement plans when it is prepared.
pub(super) fn planned_query(statement: &Statement) -> Result<Option<Query>> {
    Ok(match statement {
        Statement::Query(query) => Some(query.as_ref().clone()),
        Statement::Explain(Explain { what: Some(Explained::Query(query)), .. }) => {
            Some(query.as_ref().clone())
        }
        Statement::Insert(insert) => Some(insert.query.as_ref().clone()),
        Statement::Delete(delete) => Some(delete.query.as_ref().clone()),
        Statement::Update(update) => Some(update.query.as_ref().clone()),
        Statement::CreateTable(create) => create.query.as_deref().cloned(),
        Statement::Declare(declare) => Some(declare.query.as_ref().clone()),
        Statement::Copy(copy) if !copy.from => Some(query_of(copy)?),
        _ => None,
    })
}

/// The types of parameters by their values: Postgres' arrays have any dimensions, its numerics any digits,
/// and types here say both. `None` where that makes no difference.
fn refined(prepared: &Prepared, values: &[ScalarValue]) -> Option<Vec<Option<FieldRef>>> {
    let numerics = prepared.parameters.iter().any(|field| scale_of(field.data_type()).is_some());
    let shows_numerics =
        numerics && prepared.planned().is_some_and(|p| p.plan.shows_numeric_parameters());
    let differs = |planned: &DataType, value: &DataType| match (scale_of(planned), scale_of(value))
    {
        (Some((precision, scale)), Some((digits, after))) => {
            let fits = after <= scale && digits - after <= precision - scale;
            shows_numerics || !fits || dimensions(planned) != dimensions(value)
        }
        _ => dimensions(planned) != dimensions(value),
    };
    let mut changed = false;
    let fields = prepared.parameters.iter().zip(values).map(|(planned, value)| {
        let data_type = value.data_type();
        if scale_of(planned.data_type()).is_some() && data_type == DataType::Utf8 {
            changed = true;
            return Some(Arc::new(wide_numeric(planned.name())));
        }
        let same = *planned.data_type() == data_type || value.is_null();
        if same || !differs(planned.data_type(), &data_type) {
            return Some(Arc::clone(planned));
        }
        changed = true;
        Some(Arc::new(planned.as_ref().clone().with_data_type(data_type)))
    });
    let fields: Vec<_> = fields.collect();
    changed.then_some(fields)
}

fn dimensions(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(element) => 1 + dimensions(element.data_type()),
        _ => 0,
    }
}

fn scale_of(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Decimal128(precision, scale) => Some((i16::from(*precision), i16::from(*scale))),
        DataType::List(element) => scale_of(element.data_type()),
        _ => None,
    }
}

impl Session {
    /// EXPLAIN.
    pub(super) async fn explain(
        &mut self,
        explain: &Explain,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: &Running,
    ) -> Result<Outcome> {
        if matches!(explain.format, ExplainFormat::Xml | ExplainFormat::Yaml) {
            return Err(Error::unsupported("EXPLAIN in another FORMAT than TEXT and JSON"));
        }
        let (query, parameters) = match (&explain.what, &prepared.statement) {
            (Some(Explained::Query(query)), _) => (query.as_ref().clone(), parameters),
            (Some(Explained::Execute(execute)), Some(Statement::Query(query))) => {
                let query = query.as_ref().clone();
                (query, self.arguments(execute, prepared, running).await?)
            }
            _ => return Err(Error::unsupported("EXPLAIN of this statement")),
        };
        let (plan, context) = self.current_plan(&query, prepared, &parameters, running).await?;
        let engine = &self.services.engine;
        let lines = engine.explain(&plan, &context, parameters, explain).await;
        let batch = explain_rows(lines.map_err(|error| running.error(error))?, explain.format)?;
        Ok(rows("EXPLAIN", batch))
    }

    pub(super) async fn select(
        &mut self,
        plan: &AuthorizedPlan,
        context: &Context,
        parameters: Vec<ScalarValue>,
        running: Running,
    ) -> Result<Outcome> {
        let execution = self.services.engine.execute(plan, context, parameters).await;
        let execution = execution.map_err(|error| running.error(error))?;
        Ok(Outcome::Rows(RowStream {
            tag: "SELECT",
            schema: self.told(plan),
            cancel: running.cancel.clone(),
            stream: running.rows(execution.stream, Engine::error),
            binary: false,
        }))
    }

    /// A query's columns as clients are told of them.
    pub(super) fn told(&self, plan: &AuthorizedPlan) -> SchemaRef {
        if self.packed { plan.schema() } else { plan.described() }
    }

    /// The plan of `prepared`, made again if something it depends on has moved, or if the values of its
    /// parameters say more of their types than it was prepared with.
    pub(super) async fn current_plan(
        &mut self,
        query: &Query,
        prepared: &Prepared,
        parameters: &[ScalarValue],
        running: &Running,
    ) -> Result<(AuthorizedPlan, Context)> {
        if let Some(declared) = refined(prepared, parameters) {
            let planned = self.plan(query, &declared, running).await;
            let planned = planned.map_err(|error| running.error(error))?;
            let context = self.context_over(planned.snapshot, running.cancel.clone()).await?;
            return Ok((planned.plan, context));
        }
        if let Some(kept) = self.kept_plan(prepared, running).await? {
            return Ok(kept);
        }
        let declared: Vec<Option<FieldRef>> =
            prepared.parameters.iter().cloned().map(Some).collect();
        let planned = self.plan(query, &declared, running).await;
        let planned = planned.map_err(|error| running.error(error))?;
        if let Some(before) = prepared.planned()
            && !same_types(&before.plan.schema(), &planned.plan.schema())
        {
            return Err(Error::new(ErrorKind::FeatureNotSupported, CHANGED_PLAN));
        }
        prepared.keep(planned.clone());
        let context = self.context_over(planned.snapshot, running.cancel.clone()).await?;
        Ok((planned.plan, context))
    }

    /// The plan that `prepared` holds, over what the next statement sees; `None` where it is to be made
    /// again.
    async fn kept_plan(
        &mut self,
        prepared: &Prepared,
        running: &Running,
    ) -> Result<Option<(AuthorizedPlan, Context)>> {
        let Some(planned) = prepared.planned() else { return Ok(None) };
        if self.is_current(&planned) {
            self.keep_snapshot(&planned.snapshot);
            let context = self.context_over(planned.snapshot, running.cancel.clone()).await?;
            self.mark_queried();
            return Ok(Some((planned.plan, context)));
        }
        if self.share.is_some() || planned.generation != self.settings.planning_generation() {
            return Ok(None);
        }
        let context = self.context(running.cancel.clone()).await?;
        let engine = &self.services.engine;
        // What cannot be read is told by planning anew, as it is to everybody else.
        let rebound = engine.rebind(&planned.plan, &planned.snapshot, &context).await;
        let Ok(Some(plan)) = rebound else { return Ok(None) };
        self.mark_queried();
        let snapshot = Arc::clone(&context.snapshot);
        let planned_at = self.services.lake.clock().instant();
        prepared.keep(Planned { plan: plan.clone(), snapshot, planned_at, ..planned });
        Ok(Some((plan, context)))
    }

    pub(super) async fn plan(
        &mut self,
        query: &Query,
        declared: &[Option<FieldRef>],
        running: &Running,
    ) -> Result<Planned> {
        let context = self.context(running.cancel.clone()).await?;
        let engine = &self.services.engine;
        let plan = engine.plan_share(query, &context, declared, self.share.as_ref()).await?;
        if self.share.is_some() && plan.divisible().is_none() {
            return Err(Error::internal("a share of a query that is not divisible"));
        }
        self.refuse_waiting(&plan)?;
        self.mark_queried();
        Ok(Planned {
            plan,
            snapshot: context.snapshot,
            generation: self.settings.planning_generation(),
            planned_at: self.services.lake.clock().instant(),
        })
    }

    /// Who asks, over what the next statement sees.
    pub(super) async fn context(&mut self, cancel: CancellationToken) -> Result<Context> {
        let snapshot = self.snapshot().await?;
        self.context_over(snapshot, cancel).await
    }

    async fn context_over(
        &self,
        snapshot: Arc<Snapshot>,
        cancel: CancellationToken,
    ) -> Result<Context> {
        let now = match self.transaction.open() {
            Some(open) => open.began_at,
            None => self.services.lake.clock().now(),
        };
        let grants = Arc::clone(&snapshot.grants);
        Ok(Context {
            role: self.role.clone(),
            database: self.services.config.name.clone(),
            search_path: self.search_path(),
            time_zone: self.time_zone().name().to_owned(),
            now,
            snapshot,
            extra: self.temporary_relations()?,
            session_id: Some(self.id),
            settings: self.settings.all().clone(),
            actions: Some(Arc::new(StatementActions {
                asked: Arc::clone(&self.asked),
                sessions: Arc::clone(&self.services.sessions),
                session: self.id,
                role: self.role.clone(),
                grants: Arc::clone(&grants),
            })),
            cancel,
            untold_as_text: self.packed,
            rows_as_structs: self.packed,
            packed: self.packed && self.settings.value("lakeport.flight_types") == Some("native"),
        })
    }

    /// Whether a plan made now would be the one `prepared` holds.
    pub(super) fn is_planned_now(&self, prepared: &Prepared) -> bool {
        prepared.planned().is_some_and(|planned| self.is_current(&planned))
    }

    fn is_current(&self, planned: &Planned) -> bool {
        let clock = self.services.lake.clock();
        planned.is_current(
            self.kept_snapshot(),
            self.services.lake.epoch().epoch,
            self.settings.planning_generation(),
            |since| clock.instant().saturating_duration_since(since),
            self.services.config.freshness(),
        )
    }

    pub(super) async fn snapshot(&mut self) -> Result<Arc<Snapshot>> {
        if let Some(kept) = self.kept_snapshot() {
            return Ok(kept.clone());
        }
        let engine = &self.services.engine;
        let snapshot = match self.settings.value("lakeport.as_of") {
            Some(as_of) if !as_of.is_empty() => engine.snapshot_as_of(as_of).await?,
            _ => self.pending_snapshot(engine.snapshot().await?).await?,
        };
        self.keep_snapshot(&snapshot);
        Ok(snapshot)
    }

    /// What is published, with what the transaction has changed of the catalog.
    async fn pending_snapshot(&self, published: Arc<Snapshot>) -> Result<Arc<Snapshot>> {
        if self.pending().is_none() {
            return Ok(published);
        }
        let catalog = self.catalog_state().await?;
        Ok(Arc::new(Snapshot {
            epoch: Arc::clone(&published.epoch),
            grants: Arc::clone(&catalog),
            catalog,
            pinned: Default::default(),
            as_of: false,
        }))
    }

    /// What a REPEATABLE READ transaction has seen first it sees to its end.
    fn keep_snapshot(&mut self, snapshot: &Arc<Snapshot>) {
        if let Some(open) = self.transaction.open_mut()
            && open.isolation.keeps_snapshot()
        {
            open.snapshot = Some(Arc::clone(snapshot));
        }
    }

    /// The snapshot a REPEATABLE READ transaction keeps.
    fn kept_snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.transaction.open().and_then(|open| open.snapshot.as_ref())
    }

    fn mark_queried(&mut self) {
        if let Some(open) = self.transaction.open_mut() {
            open.queried = true;
        }
    }

    /// The schemas searched for unqualified names.
    pub(super) fn search_path(&self) -> Vec<String> {
        let path = self.settings.value("search_path").unwrap_or_default();
        let schemas = split_search_path(path).unwrap_or_default();
        schemas
            .into_iter()
            .map(|schema| if schema == "$user" { self.role.0.clone() } else { schema })
            .collect()
    }
}
