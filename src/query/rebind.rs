//! A plan made before, over what is seen now.
//!
//! Its one idea: where names, definitions and grants are what they were, a plan made now would differ
//! only in the versions it scans; so these are put in place, and nothing is parsed, resolved or typed
//! again. Whatever else has moved, it says so, and the query is planned anew.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{LogicalPlan, TableScan};

use crate::error::Result;
use crate::lake::Table;
use crate::name::RelationName;

use super::authorize::{AuthorizedPlan, Parts, authorize_derived};
use super::engine::{Context, Engine};
use super::error;
use super::gate::{Gate, Origin};
use super::runtime::seal;
use super::snapshot::Snapshot;
use super::travel;

/// The versions to scan, by relation.
type Versions = HashMap<RelationName, (Table, Arc<dyn TableProvider>)>;

impl Engine {
    /// `plan`, which was made over `before`, over what `context` sees; `None` where it has to be planned
    /// anew. The session's settings must be those it was made with.
    ///
    /// # Errors
    /// What reading the newest versions answers.
    pub async fn rebind(
        &self,
        plan: &AuthorizedPlan,
        before: &Snapshot,
        context: &Context,
    ) -> Result<Option<AuthorizedPlan>> {
        let now = &context.snapshot;
        let same = Arc::ptr_eq(&before.catalog, &now.catalog)
            && Arc::ptr_eq(&before.grants, &now.grants)
            && before.as_of == now.as_of;
        let Some(stored) = stored_tables(plan)?.filter(|_| same) else { return Ok(None) };
        let mut versions = Versions::new();
        let mut moved = false;
        for (name, table) in stored {
            let Some(relation) = now.catalog.relation(&name) else { return Ok(None) };
            let newer = travel::newest(self.lake(), now, relation).await?;
            if newer.schema() != table.schema() {
                return Ok(None);
            }
            moved |= newer.version() != table.version() || newer.location() != table.location();
            let provider = newer.provider()?;
            versions.insert(name, (newer, provider));
        }
        self.metrics().plan_rebound();
        if !moved {
            return Ok(Some(plan.clone()));
        }
        over(plan.parts(), &versions)?
            .map(|parts| authorize_derived(parts, &now.grants))
            .transpose()
    }
}

/// The stored tables a plan scans; `None` where it scans something that was resolved for its statement.
fn stored_tables(plan: &AuthorizedPlan) -> Result<Option<Vec<(RelationName, Table)>>> {
    let mut found = Vec::new();
    let mut all = true;
    let visit = |node: &LogicalPlan| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = source_as_provider(&scan.source)?;
            match provider.downcast_ref::<Gate>() {
                Some(Gate {
                    origin: Origin::Relation { name, .. }, stored: Some(table), ..
                }) => {
                    found.push((name.clone(), table.clone()));
                }
                Some(Gate { origin: Origin::Computed, .. }) => {}
                _ => {
                    all = false;
                    return Ok(TreeNodeRecursion::Stop);
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    };
    plan.parts().plan.apply_with_subqueries(visit).map_err(error::convert)?;
    Ok(all.then_some(found))
}

/// The plan with these versions in place of the ones it scans; `None` where one does not fit.
fn over(parts: &Parts, versions: &Versions) -> Result<Option<Parts>> {
    let mut sources = Vec::with_capacity(parts.sources.len());
    for (name, _) in &parts.sources {
        let Some((table, _)) = versions.get(name) else { return Ok(None) };
        sources.push((name.clone(), table.clone()));
    }
    let mut fits = true;
    let plan = LogicalPlan::clone(&parts.plan).transform_down_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(Transformed::no(node)) };
        let provider = source_as_provider(&scan.source)?;
        let gate = provider.downcast_ref::<Gate>();
        let Some(Gate { origin: origin @ Origin::Relation { name, .. }, .. }) = gate else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let Some((table, newer)) = versions.get(name) else {
            fits = false;
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        fits &= newer.schema() == provider.schema();
        let gate = Gate::stored(origin.clone(), table.clone(), Arc::clone(newer));
        let scan = TableScan { source: provider_as_source(gate), ..scan };
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    });
    let plan = plan.map_err(error::convert)?.data;
    Ok(fits.then(|| Parts {
        plan: seal(plan),
        schema: Arc::clone(&parts.schema),
        parameters: parts.parameters.clone(),
        sources,
        text: parts.text.clone(),
        written: parts.written.clone(),
        origins: Arc::clone(&parts.origins),
    }))
}
