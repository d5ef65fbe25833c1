//! Queries that can be answered again, elsewhere, and in shares.
//!
//! Its one idea: what a query saw is an epoch and the versions of the tables no epoch speaks of, so
//! these few numbers let any server over the lake see the same. Whether rows can be handed out in
//! shares is read off the plan: only filters and projections over one stored table, and no other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::Result;
use crate::lake::{Lake, Table};
use crate::name::{Epoch, Version};

use super::authorize::AuthorizedPlan;
use super::engine::Engine;
use super::gate::Gate;
use super::snapshot::Snapshot;

impl AuthorizedPlan {
    /// The table whose rows, each judged and shaped by itself, are the plan's; `None` when anything
    /// else happens to them.
    pub fn divisible(&self) -> Option<Table> {
        let mut node: &LogicalPlan = &self.parts().plan;
        loop {
            node = match node {
                LogicalPlan::Projection(projection) if projection.expr.iter().all(by_itself) => {
                    &projection.input
                }
                LogicalPlan::Filter(filter) if by_itself(&filter.predicate) => &filter.input,
                LogicalPlan::SubqueryAlias(alias) => &alias.input,
                LogicalPlan::TableScan(scan)
                    if scan.fetch.is_none() && scan.filters.iter().all(by_itself) =>
                {
                    let provider = source_as_provider(&scan.source).ok()?;
                    return provider.downcast_ref::<Gate>()?.stored.clone();
                }
                _ => return None,
            };
        }
    }

    /// The versions read of tables that no epoch speaks of, as `snapshot` has pinned them.
    pub fn pins(&self, snapshot: &Snapshot, lake: &Lake) -> Vec<(String, Version)> {
        let pinned = snapshot.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        let read =
            |table: &Table| self.sources().iter().any(|(_, t)| t.location() == table.location());
        let mut pins: Vec<(String, Version)> = pinned
            .values()
            .filter(|table| read(table))
            .map(|table| (lake.relative(table.location()), table.version()))
            .collect();
        pins.sort();
        pins
    }
}

/// Whether the value for a row depends on that row alone, and is the same whenever it is asked for.
fn by_itself(expr: &Expr) -> bool {
    let apart = |expr: &Expr| {
        let depends = matches!(
            expr,
            Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::ScalarSubquery(_)
                | Expr::GroupingSet(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Unnest(_)
        );
        Ok(depends || expr.is_volatile_node())
    };
    matches!(expr.exists(apart), Ok(false))
}

impl Engine {
    /// What was seen at `epoch`, with other tables at `versions`; judged by today's grants.
    ///
    /// # Errors
    /// `SnapshotTooOld`; `InvalidParameterValue` for an epoch that is not published.
    pub async fn snapshot_again(
        &self,
        epoch: Epoch,
        as_of: bool,
        versions: &[(String, Version)],
    ) -> Result<Arc<Snapshot>> {
        let lake = self.lake();
        let epoch = lake.epoch_at(epoch).await?;
        let mut pinned = HashMap::new();
        for (location, version) in versions {
            let location = lake.resolve(location);
            let table = lake.at_version(&location, *version).await?;
            pinned.insert(location, table);
        }
        let catalog = self.catalog().at(&epoch).await?;
        let grants = self.catalog().at(&lake.epoch()).await?;
        Ok(Arc::new(Snapshot { epoch, catalog, grants, pinned: Mutex::new(pinned), as_of }))
    }
}
