//! Which version of each source a run reads.
//!
//! One version a source for the whole run: the epoch's; or the later one that an unpublished view of
//! an earlier, broken run already holds, which is then published too; for tables other people write,
//! the newest. Plain views are seen through: what is pinned are tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use crate::catalog::{CatalogState, MaterializedView, Relation, RelationKind};
use crate::error::Result;
use crate::lake::{EpochState, Lake, Location, Published, PublishedRelation, Table};
use crate::name::{RelationId, RelationName, Version};
use crate::query::Snapshot;
use crate::syntax::Query;

use super::check::{definition, has_quarantine};
use super::progress;

/// Schemas whose relations have no versions to pin.
const SYSTEM_SCHEMAS: [&str; 3] = ["lakeport", "information_schema", "pg_catalog"];

/// A source at the version a run reads.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    /// The source.
    pub(super) relation: Arc<Relation>,
    /// It, at that version.
    pub(super) table: Table,
}

impl Pin {
    /// The row that publishes this version.
    pub(super) fn published(&self) -> Published {
        Published {
            relation_id: self.relation.id,
            location: self.table.location().clone(),
            version: self.table.version(),
            read_only: !self.relation.kind.is_maintained(),
        }
    }
}

/// The tables a view reads, plain views seen through.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Each once, in the order first named.
    pub(super) relations: Vec<Arc<Relation>>,
    /// It also reads something whose changes cannot be told from a version.
    pub(super) untracked: bool,
    /// The texts of the plain views on the way, for what else they depend on.
    pub(super) texts: Vec<String>,
}

/// Finds the tables a view reads.
pub(super) fn sources_of(catalog: &CatalogState, view: &MaterializedView) -> Sources {
    let mut sources = Sources { texts: vec![view.query.clone()], ..Sources::default() };
    sources.texts.extend(view.constraints.iter().map(|c| c.condition.clone()));
    sources.untracked = reads_system(&view.query);
    let mut seen: BTreeSet<RelationName> = BTreeSet::new();
    let mut waiting: Vec<RelationName> = view.sources.iter().rev().cloned().collect();
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        // What does not exist is left for planning to report.
        let Some(relation) = catalog.relation(&name) else { continue };
        let query = match &relation.kind {
            RelationKind::View { query } => query,
            RelationKind::Files(_) => {
                sources.untracked = true;
                continue;
            }
            _ => {
                sources.relations.push(Arc::clone(relation));
                continue;
            }
        };
        sources.texts.push(query.clone());
        sources.untracked |= reads_system(query);
        waiting.extend(relation.sources().into_iter().rev());
    }
    sources
}

/// Whether a query reads relations that have no versions. One that does not parse may.
fn reads_system(query: &str) -> bool {
    Query::parse(query).map_or(true, |query| {
        let mut schemas = query.references().iter().filter_map(|r| r.schema.as_deref());
        schemas.any(|schema| SYSTEM_SCHEMAS.contains(&schema))
    })
}

/// The versions of one run.
#[derive(Debug)]
pub(super) struct Pins {
    lake: Lake,
    base: Arc<EpochState>,
    catalog: Arc<CatalogState>,
    by_id: BTreeMap<RelationId, Pin>,
    /// Sources found at a later version than the epoch's: to be published.
    ahead: BTreeSet<RelationId>,
}

impl Pins {
    /// Nothing pinned yet. `catalog` holds the definitions the run builds by.
    pub(super) fn new(lake: Lake, base: Arc<EpochState>, catalog: Arc<CatalogState>) -> Self {
        Self { lake, base, catalog, by_id: BTreeMap::new(), ahead: BTreeSet::new() }
    }

    /// The version pinned for a relation.
    pub(super) fn get(&self, id: RelationId) -> Option<&Pin> {
        self.by_id.get(&id)
    }

    /// From now on the run reads `relation` at the version of `table`.
    pub(super) fn set(&mut self, relation: Arc<Relation>, table: Table) {
        self.by_id.insert(relation.id, Pin { relation, table });
    }

    /// Sources of unpublished views, at versions later than the epoch's.
    pub(super) fn ahead(&self) -> impl Iterator<Item = &Pin> {
        self.ahead.iter().filter_map(|id| self.by_id.get(id))
    }

    /// Pins a source this run does not refresh. A source that has no version yet stays without one.
    pub(super) async fn pin(&mut self, relation: &Arc<Relation>) -> Result<()> {
        if self.by_id.contains_key(&relation.id) {
            return Ok(());
        }
        let table = match (&relation.kind, self.base.relations.get(&relation.id)) {
            (RelationKind::External { location }, _) => {
                self.lake.newest(&self.lake.external_location(location)?).await?
            }
            (kind, _) if !kind.is_maintained() => {
                let location = self.lake.location(relation.place());
                self.lake.seen(&self.base, relation.id, &location).await?
            }
            (_, Some(published)) => {
                Some(self.lake.at_version(&published.location, published.version).await?)
            }
            (_, None) => None,
        };
        if let Some(table) = table {
            self.set(Arc::clone(relation), table);
        }
        Ok(())
    }

    /// Raises the pins of what `head`, an unpublished version of `view`, was computed from, and of
    /// what those were computed from. `refreshed` are the views this run refreshes itself.
    pub(super) async fn raise(
        &mut self,
        view: &Arc<Relation>,
        head: &Table,
        refreshed: &BTreeSet<RelationId>,
    ) -> Result<()> {
        let mut waiting = vec![(Arc::clone(view), head.clone())];
        while let Some((view, table)) = waiting.pop() {
            for source in sources_of(&self.catalog, definition(&view)?).relations {
                if refreshed.contains(&source.id) || !source.kind.is_maintained() {
                    continue;
                }
                let Some(version) = progress::held(&table, view.id, &source).await? else {
                    continue;
                };
                if self.version(source.id).is_some_and(|pinned| pinned >= version) {
                    continue;
                }
                let location = self.lake.location(&source.name);
                let source_table = self.lake.at_version(&location, version).await?;
                self.set(Arc::clone(&source), source_table.clone());
                self.ahead.insert(source.id);
                if matches!(source.kind, RelationKind::MaterializedView(_)) {
                    self.raise_quarantine(&source, &source_table).await?;
                    waiting.push((source, source_table));
                }
            }
        }
        Ok(())
    }

    /// A view published at a later version is published with the refused rows that belong to it.
    async fn raise_quarantine(&mut self, view: &Arc<Relation>, table: &Table) -> Result<()> {
        let quarantine = view.name.quarantine();
        let Some(relation) = self.catalog.relation(&quarantine).cloned() else { return Ok(()) };
        if !has_quarantine(definition(view)?) {
            return Ok(());
        }
        let Some(refused) = self.lake.newest(&self.lake.location(&quarantine)).await? else {
            return Ok(());
        };
        for source in sources_of(&self.catalog, definition(view)?).relations {
            let held = progress::held(table, view.id, &source).await?;
            if progress::held(&refused, view.id, &source).await? != held {
                return Ok(());
            }
        }
        self.ahead.insert(relation.id);
        self.set(relation, refused);
        Ok(())
    }

    fn version(&self, id: RelationId) -> Option<Version> {
        let pinned = self.by_id.get(&id).map(|pin| pin.table.version());
        pinned.or_else(|| self.base.relations.get(&id).map(|published| published.version))
    }

    /// What a query of this run sees: the epoch, with every pinned relation at its pinned version.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut epoch = EpochState::clone(&self.base);
        let mut pinned: HashMap<Location, Table> = HashMap::new();
        for pin in self.by_id.values() {
            pinned.insert(pin.table.location().clone(), pin.table.clone());
            epoch.relations.insert(
                pin.relation.id,
                PublishedRelation {
                    location: pin.table.location().clone(),
                    version: pin.table.version(),
                    epoch: self.base.epoch,
                    published_at: self.base.published_at.unwrap_or_default(),
                    read_only: !pin.relation.kind.is_maintained(),
                },
            );
        }
        Snapshot {
            epoch: Arc::new(epoch),
            catalog: Arc::clone(&self.catalog),
            grants: Arc::clone(&self.catalog),
            pinned: Mutex::new(pinned),
            as_of: false,
        }
    }
}
