//! Whether a view lags behind its sources: a question of versions alone, answered without a run.

use std::sync::Arc;

use crate::catalog::{CatalogState, Relation, RelationKind};
use crate::error::Result;
use crate::lake::{EpochState, Lake};
use crate::name::RelationName;

use super::check::definition;
use super::pins::{Pin, sources_of};
use super::progress;

/// How a view stands to its sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staleness {
    /// A source has moved past what the view was computed from, or its definition waits for rows.
    Stale,
    /// None has. Tables that other people write may move at any time.
    Current,
    /// None has, and none can before the next epoch.
    CurrentInEpoch,
}

/// How `view` stands to its sources at `epoch`. A view that cannot be built yet is not stale.
///
/// # Errors
/// `WrongObjectType` for what is no materialised view; what reading logs answers.
pub async fn staleness(
    lake: &Lake,
    catalog: &CatalogState,
    epoch: &EpochState,
    view: &Relation,
) -> Result<Staleness> {
    let definition = definition(view)?;
    let sources = sources_of(catalog, definition).relations;
    let version = |source: &Relation| epoch.relations.get(&source.id).map(|p| p.version);
    let (maintained, others): (Vec<_>, Vec<_>) =
        sources.into_iter().partition(|source| source.kind.is_maintained());
    if maintained.iter().any(|source| version(source).is_none()) {
        return Ok(Staleness::CurrentInEpoch);
    }
    let Some(published) = epoch.relations.get(&view.id) else { return Ok(Staleness::Stale) };
    if definition.pending.is_some() {
        return Ok(Staleness::Stale);
    }
    let table = lake.at_version(&published.location, published.version).await?;
    for source in &maintained {
        if progress::held(&table, view.id, source).await? < version(source) {
            return Ok(Staleness::Stale);
        }
    }
    for source in &others {
        let location = match &source.kind {
            RelationKind::External { location } => lake.external_location(location)?,
            _ => lake.location(source.place()),
        };
        if let Some(newest) = lake.seen(epoch, source.id, &location).await? {
            let version = newest.version();
            let pin = Pin { relation: Arc::clone(source), table: newest };
            if progress::consumed(&table, view.id, &pin).await? != Some(version) {
                return Ok(Staleness::Stale);
            }
        }
    }
    Ok(if others.is_empty() { Staleness::CurrentInEpoch } else { Staleness::Current })
}

/// Whether `view` reads one of these relations, plain views seen through.
pub fn reads_any(catalog: &CatalogState, view: &Relation, names: &[RelationName]) -> bool {
    let Ok(definition) = definition(view) else { return false };
    let sources = sources_of(catalog, definition).relations;
    sources.iter().any(|source| {
        let of = match source.kind {
            RelationKind::Quarantine { of } => catalog.relation_by_id(of).map(|r| &r.name),
            _ => Some(&source.name),
        };
        of.is_some_and(|name| names.contains(name))
    })
}
