//! Old versions that views still need: those their rows were computed from.
//!
//! A refresh reads what its sources went through since then. Both what readers see of a view and its
//! newest version count, because a run that died between the two is gone on from. Asks the tables
//! themselves, as a refresh does.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{CatalogState, MaterializedView, Relation, RelationKind};
use crate::error::Result;
use crate::lake::{EpochState, Lake, Location, Table};
use crate::name::Version;

use super::pins::{Pin, sources_of};
use super::progress;

/// The oldest version of each source that some view was computed from; of these tables only, when
/// some are named.
pub(super) async fn needed(
    lake: &Lake,
    epoch: &EpochState,
    catalog: &CatalogState,
    only: Option<&Location>,
) -> Result<BTreeMap<Location, Version>> {
    let mut needed: BTreeMap<Location, Version> = BTreeMap::new();
    for view in catalog.relations.values() {
        let sources = sources(lake, catalog, view, only).await?;
        if sources.is_empty() {
            continue;
        }
        for table in tables(lake, epoch, catalog, view).await? {
            for source in &sources {
                if let Some(version) = progress::consumed(&table, view.id, source).await? {
                    let oldest = needed.entry(source.table.location().clone()).or_insert(version);
                    *oldest = version.min(*oldest);
                }
            }
        }
    }
    Ok(needed)
}

/// What a view reads by its definition, or by the one that waits, and lies in this lake.
async fn sources(
    lake: &Lake,
    catalog: &CatalogState,
    view: &Relation,
    only: Option<&Location>,
) -> Result<Vec<Pin>> {
    let definitions = [Some(view), view.pending()].into_iter().flatten();
    let relations: BTreeMap<_, Arc<Relation>> = definitions
        .filter_map(definition)
        .flat_map(|view| sources_of(catalog, view).relations)
        .map(|relation| (relation.id, relation))
        .collect();
    let mut sources = Vec::new();
    for relation in relations.into_values() {
        let location = lake.location(relation.place());
        let elsewhere = matches!(relation.kind, RelationKind::External { .. });
        if elsewhere || only.is_some_and(|only| *only != location) {
            continue;
        }
        if let Some(table) = lake.newest(&location).await? {
            sources.push(Pin { relation, table });
        }
    }
    Ok(sources)
}

fn definition(relation: &Relation) -> Option<&MaterializedView> {
    match &relation.kind {
        RelationKind::MaterializedView(view) => Some(view),
        _ => None,
    }
}

/// A view's rows and its refused rows, as readers see them and as they were last written.
async fn tables(
    lake: &Lake,
    epoch: &EpochState,
    catalog: &CatalogState,
    view: &Relation,
) -> Result<Vec<Table>> {
    let quarantine = catalog.relation(&view.name.quarantine());
    let mut tables = Vec::new();
    for relation in [Some(view), quarantine.map(AsRef::as_ref)].into_iter().flatten() {
        let Some(newest) = lake.newest(&lake.location(&relation.name)).await? else { continue };
        if let Some(published) = epoch.relations.get(&relation.id)
            && published.version < newest.version()
        {
            tables.push(lake.at_version(&published.location, published.version).await?);
        }
        tables.push(newest);
    }
    Ok(tables)
}
