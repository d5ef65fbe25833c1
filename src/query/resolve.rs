//! Names to tables at pinned versions, and whether the asking role may read them.
//!
//! Its one idea: everything a query names is looked up, judged and pinned before planning begins.
//! A relation that is hidden fails exactly like one that does not exist.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::session_state::SessionState;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use datafusion::prelude::col;

use crate::catalog::{ExternalFiles, Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Lake, Share, Table};
use crate::name::{RelationName, RoleName};
use crate::security::{self, Access};
use crate::syntax::{Privilege, Query, RelationReference, TimeTravel};

use super::engine::Context;
use super::gate::{Gate, Origin};
use super::plan::names_of;
use super::planner::{self, ResolvedTables};
use super::rows::{Registry, RowTable};
use super::runtime::Sealed;
use super::{error, files, travel};

/// The summed-up weight of a changed row, on the way to how people read it.
const NET: &str = "__lakeport_net";

/// Views within views deeper than this are a mistake, or an attack.
const VIEW_DEPTH_MAX: usize = 32;

/// Views that are looked into for one statement: each as often as another names it.
const VIEWS_MAX: usize = 1000;

/// What resolving a query gave.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// For the planner.
    pub(crate) tables: ResolvedTables,
    /// Stored relations with their pinned versions, views seen through.
    pub(crate) sources: Vec<(RelationName, Table)>,
}

/// Resolves for one statement.
pub(crate) struct Resolver<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) registry: &'a Registry,
    pub(crate) state: &'a Sealed<SessionState>,
    pub(crate) context: &'a Context,
    /// What is read of the one stored table that is named, where not all of it.
    pub(crate) share: Option<&'a Share>,
    /// Views looked into so far.
    pub(crate) views: AtomicUsize,
}

type Resolving<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Resolver<'_> {
    /// Everything `query` names, with the rights of `role`.
    pub(crate) fn resolve<'s>(
        &'s self,
        query: &'s Query,
        role: &'s RoleName,
        depth: usize,
    ) -> Resolving<'s, Resolved> {
        Box::pin(async move {
            let mut resolved = Resolved::default();
            for reference in query.references() {
                let table = self
                    .reference(reference, role, depth, &mut resolved.sources)
                    .await
                    .map_err(|error| positioned(error, reference, depth))?;
                resolved.tables.insert(planned_name(reference), table);
            }
            Ok(resolved)
        })
    }

    async fn reference(
        &self,
        reference: &RelationReference,
        role: &RoleName,
        depth: usize,
        sources: &mut Vec<(RelationName, Table)>,
    ) -> Result<Arc<dyn TableProvider>> {
        if let Some(database) = &reference.database
            && *database != self.context.database
        {
            return Err(Error::new(
                ErrorKind::FeatureNotSupported,
                format!(
                    "cross-database references are not implemented: \"{}\"",
                    as_written(reference)
                ),
            ));
        }
        // Only the statement itself sees what was handed in with it; a view's query does not.
        if depth == 0
            && reference.schema.is_none()
            && let Some(table) = self.context.extra.get(&reference.planned_as)
        {
            return Ok(Gate::over(Origin::Statement, Arc::clone(table)));
        }
        if let Some(table) = self.system(reference)? {
            return Ok(table);
        }
        let relation = self.find(reference, role)?;
        if let RelationKind::View { query } = &relation.kind {
            if reference.travel.is_some() {
                return Err(Error::unsupported(format!(
                    "a version clause on the view \"{}\"",
                    as_written(reference)
                ))
                .hint("Name the version of each table inside, or SET lakeport.as_of."));
            }
            return self.view(&relation, query, depth, sources).await;
        }
        if let RelationKind::Files(files) = &relation.kind {
            return self.files(&relation, files, reference, (role, depth)).await;
        }
        if let Some(TimeTravel::Changes(from, to)) = reference.travel {
            let (lake, context) = (self.lake, self.context);
            let versions = (from, to);
            let (table, changes) =
                travel::changes(lake, context, &relation, reference, versions).await?;
            sources.push((relation.name.clone(), table));
            let origin = relation_origin(&relation, role, depth);
            let rows = in_zone(Gate::over(origin, changes.provider()), &self.context.time_zone)?;
            return changed_rows(rows).map_err(error::convert);
        }
        let table = travel::table(self.lake, self.context, &relation, reference).await?;
        let provider = match (self.share, &reference.travel) {
            (Some(share), None) => table.share_provider(share)?,
            _ => table.provider()?,
        };
        let origin = relation_origin(&relation, role, depth);
        let gate = match reference.travel {
            None => Gate::stored(origin, table.clone(), provider),
            Some(_) => Gate::over(origin, provider),
        };
        sources.push((relation.name.clone(), table));
        in_zone(gate, &self.context.time_zone)
    }

    async fn files(
        &self,
        relation: &Relation,
        files: &ExternalFiles,
        reference: &RelationReference,
        (role, depth): (&RoleName, usize),
    ) -> Result<Arc<dyn TableProvider>> {
        if reference.travel.is_some() {
            let name = as_written(reference);
            return Err(Error::unsupported(format!("a version clause on the files of \"{name}\"")));
        }
        let finder = self.registry.files()?;
        let table = files::table(finder, self.state, relation, files).await;
        let table =
            table.map_err(|error| error.within(format!("external table {}", relation.name)))?;
        let origin = relation_origin(relation, role, depth);
        in_zone(Gate::over(origin, table), &self.context.time_zone)
    }

    fn system(&self, reference: &RelationReference) -> Result<Option<Arc<dyn TableProvider>>> {
        let schema = reference.schema.as_deref().unwrap_or("pg_catalog");
        if !security::SYSTEM_SCHEMAS.contains(&schema) {
            return Ok(None);
        }
        let Some(source) = self.registry.find(schema, &reference.relation) else {
            return match reference.schema {
                Some(_) => Err(security::undefined_relation(&as_written(reference))),
                None => Ok(None),
            };
        };
        if reference.travel.is_some() {
            return Err(Error::unsupported("a version clause on a system table"));
        }
        let table = Arc::new(RowTable::new(source, self.context.clone()));
        in_zone(Gate::over(Origin::System, table), &self.context.time_zone).map(Some)
    }

    fn find(&self, reference: &RelationReference, role: &RoleName) -> Result<Arc<Relation>> {
        let candidates = match &reference.schema {
            Some(schema) => std::slice::from_ref(schema),
            None => self.context.search_path.as_slice(),
        };
        let snapshot = &self.context.snapshot;
        let mut denied = None;
        for schema in candidates {
            let name = RelationName::new(schema.as_str(), reference.relation.as_str());
            let Some(relation) = snapshot.catalog.relation(&name) else { continue };
            match security::relation_access(&snapshot.grants, role, &name, Privilege::Select) {
                Access::Granted => return Ok(Arc::clone(relation)),
                Access::Denied => {
                    denied = denied.or_else(|| Some(security::denied_relation(relation)))
                }
                Access::Hidden => {}
            }
        }
        Err(denied.unwrap_or_else(|| security::undefined_relation(&as_written(reference))))
    }

    async fn view(
        &self,
        relation: &Relation,
        text: &str,
        depth: usize,
        sources: &mut Vec<(RelationName, Table)>,
    ) -> Result<Arc<dyn TableProvider>> {
        let within = |error: Error| error.within(format!("view {}", relation.name));
        if depth >= VIEW_DEPTH_MAX {
            return Err(within(Error::new(
                ErrorKind::StatementTooComplex,
                format!("views are nested more than {VIEW_DEPTH_MAX} deep"),
            )));
        }
        if self.views.fetch_add(1, Ordering::Relaxed) >= VIEWS_MAX {
            let message = format!("the statement reads more than {VIEWS_MAX} views within views");
            return Err(within(Error::new(ErrorKind::StatementTooComplex, message)));
        }
        let query = Query::parse(text).map_err(within)?;
        let resolved = self.resolve(&query, &relation.owner, depth + 1).await.map_err(within)?;
        sources.extend(resolved.sources);
        let plan = planner::plan_query(self.state, &resolved.tables, &query, Vec::new())
            .and_then(|plan| rename(plan, relation, &query))
            .map_err(|error| within(error::convert(error)))?;
        // A view has no gate of its own: the planner puts its plan in place, and each relation
        // inside has one with the owner's rights.
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}

fn relation_origin(relation: &Relation, role: &RoleName, depth: usize) -> Origin {
    Origin::Relation { name: relation.name.clone(), role: role.clone(), direct: depth == 0 }
}

/// The table with its instants in the session's zone, so that their days begin when the session's do.
fn in_zone(table: Arc<dyn TableProvider>, zone: &str) -> Result<Arc<dyn TableProvider>> {
    let elsewhere = |field: &Field| match field.data_type() {
        DataType::Timestamp(_, Some(stored)) => stored.as_ref() != zone,
        _ => false,
    };
    let schema = table.schema();
    if !schema.fields().iter().any(|field| elsewhere(field)) {
        return Ok(table);
    }
    let target = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
    let columns = schema.fields().iter().map(|field| {
        let column = Expr::Column(Column::from_name(field.name()));
        if elsewhere(field) { cast(column, target.clone()).alias(field.name()) } else { column }
    });
    let plan = LogicalPlanBuilder::scan("stored", provider_as_source(table), None)
        .and_then(|scan| scan.project(columns))
        .and_then(LogicalPlanBuilder::build)
        .map_err(error::convert)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// Changes as people read them: each row once, whether it came or went, and how often. Rows that were
/// only copied from file to file are left out.
fn changed_rows(
    rows: Arc<dyn TableProvider>,
) -> datafusion::common::Result<Arc<dyn TableProvider>> {
    let scan = LogicalPlanBuilder::scan("changes", provider_as_source(rows), None)?;
    let mut columns: Vec<Expr> = scan.schema().columns().into_iter().map(Expr::Column).collect();
    let weight = columns.pop().unwrap_or_else(|| lit(0_i64));
    let net = col(NET);
    let change = when(net.clone().gt(lit(0_i64)), lit("insert")).otherwise(lit("delete"))?;
    let count =
        when(net.clone().gt(lit(0_i64)), net.clone()).otherwise(lit(0_i64) - net.clone())?;
    let shown = columns.iter().cloned();
    let shown = shown.chain([change.alias("_change_type"), count.alias("_change_count")]);
    let plan = scan
        .aggregate(columns.clone(), [sum(weight).alias(NET)])?
        .filter(net.not_eq(lit(0_i64)))?
        .project(shown)?
        .build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// A view's columns carry the names of its column list, or those that its query's would be shown with.
fn rename(
    plan: LogicalPlan,
    relation: &Relation,
    query: &Query,
) -> datafusion::common::Result<LogicalPlan> {
    let columns = plan.schema().columns();
    let names: Vec<Option<String>> = if relation.columns.len() == columns.len() {
        relation.columns.iter().map(|declared| Some(declared.name.clone())).collect()
    } else {
        names_of(query.column_names(), columns.len())
    };
    let unchanged = |(column, name): (&Column, &Option<String>)| {
        name.as_ref().is_none_or(|name| *name == column.name)
    };
    if columns.iter().zip(&names).all(unchanged) {
        return Ok(plan);
    }
    let renamed = columns.into_iter().zip(names).map(|(column, name)| {
        let name = name.unwrap_or_else(|| column.name.clone());
        Expr::Column(column).alias(name)
    });
    LogicalPlanBuilder::from(plan).project(renamed)?.build()
}

fn planned_name(reference: &RelationReference) -> Vec<String> {
    if reference.travel.is_some() {
        return vec![reference.planned_as.clone()];
    }
    [&reference.database, &reference.schema]
        .into_iter()
        .flatten()
        .cloned()
        .chain([reference.relation.clone()])
        .collect()
}

/// The name in messages.
pub(crate) fn as_written(reference: &RelationReference) -> String {
    [&reference.database, &reference.schema]
        .into_iter()
        .flatten()
        .chain([&reference.relation])
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(".")
}

fn positioned(error: Error, reference: &RelationReference, depth: usize) -> Error {
    match reference.position {
        // Positions inside a view's text mean nothing in the statement's.
        Some(position) if depth == 0 && error.position().is_none() => error.at(position),
        _ => error,
    }
}
