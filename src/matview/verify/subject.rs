//! What of a view is verified: its tables at one version, and the sources they were computed from.
//!
//! The newest version counts, published or not, because the next refresh goes on from it. While a run
//! is between its commits a view and its quarantine do not belong together; then the published pair
//! is taken.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::catalog::{CatalogState, Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{EpochState, Lake, Table};
use crate::name::RelationId;
use crate::query::Snapshot;

use super::super::check::{definition, has_quarantine};
use super::super::decide::{is_random, reads_the_time};
use super::super::pins::{Pin, Pins, Sources, sources_of};
use super::super::progress;

/// A view to be verified.
pub(super) struct Subject {
    pub(super) relation: Arc<Relation>,
    pub(super) table: Table,
    /// Where its refused rows are, if rows can be refused.
    pub(super) quarantine: Option<Quarantine>,
    /// Everything at the versions the table was computed from, and the table itself.
    pub(super) snapshot: Arc<Snapshot>,
    /// `now()` of its rows.
    pub(super) now: DateTime<Utc>,
    /// `schema.relation` of each source, with its version.
    pub(super) sources: Vec<(String, u64)>,
}

/// A view's quarantine.
pub(super) struct Quarantine {
    pub(super) relation: Arc<Relation>,
    /// `None` where no table is, which holds no rows.
    pub(super) table: Option<Table>,
}

/// Where views are looked for.
pub(super) struct Place<'a> {
    pub(super) lake: &'a Lake,
    pub(super) base: &'a Arc<EpochState>,
    pub(super) catalog: &'a Arc<CatalogState>,
}

impl Place<'_> {
    /// Finds what is to be verified; `None` for a view that was never built.
    ///
    /// # Errors
    /// `FeatureNotSupported` for a view that gives other rows each time, `ObjectNotInPrerequisiteState`
    /// when the table does not say what it was computed from, and what reading old versions answers.
    pub(super) async fn subject(&self, view: &Arc<Relation>) -> Result<Option<Subject>> {
        let sources = sources_of(self.catalog, definition(view)?);
        if sources.untracked {
            return Err(Error::unsupported("verifying a view over relations without versions"));
        }
        if sources.texts.iter().any(|text| is_random(text)) {
            return Err(Error::unsupported("verifying a view that gives other rows each time"));
        }
        let refused = self.catalog.relation(&view.name.quarantine()).cloned();
        let refused = refused.filter(|_| definition(view).is_ok_and(has_quarantine));
        let refused_id = refused.as_ref().map(|relation| relation.id);
        let newest = self.newest(view, refused.is_some()).await?;
        let published = (self.published(view.id).await?, self.published_of(refused_id).await?);
        let mut found = None;
        for (table, quarantine) in [newest, published] {
            let Some(table) = table else { continue };
            if !progress::has_definition(&table, &view.definition_hash) {
                continue;
            }
            let pins = self.consumed(view, &table, &sources).await?;
            let belongs = match &quarantine {
                Some(quarantine) => progress::moved(quarantine, view.id, &pins).await?.is_empty(),
                None => refused.is_none(),
            };
            found = Some((table, quarantine, pins));
            if belongs {
                break;
            }
        }
        let Some((table, quarantine, pins)) = found else { return Ok(None) };
        let now = self.moment(view, &table, &sources).await?;
        let quarantine = refused.map(|relation| Quarantine { relation, table: quarantine });
        let names = pins.iter().map(|p| (p.relation.name.to_string(), p.table.version())).collect();
        let snapshot = self.snapshot(view, &table, quarantine.as_ref(), pins);
        let relation = Arc::clone(view);
        Ok(Some(Subject { relation, table, quarantine, snapshot, now, sources: names }))
    }

    async fn newest(
        &self,
        view: &Relation,
        quarantines: bool,
    ) -> Result<(Option<Table>, Option<Table>)> {
        let table = self.lake.newest(&self.lake.location(&view.name)).await?;
        let location = self.lake.location(&view.name.quarantine());
        let quarantine = if quarantines { self.lake.newest(&location).await? } else { None };
        Ok((table, quarantine))
    }

    async fn published_of(&self, id: Option<RelationId>) -> Result<Option<Table>> {
        match id {
            Some(id) => self.published(id).await,
            None => Ok(None),
        }
    }

    async fn published(&self, id: RelationId) -> Result<Option<Table>> {
        match self.base.relations.get(&id) {
            Some(published) => {
                self.lake.at_version(&published.location, published.version).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// The sources at the versions that `table` was computed from.
    async fn consumed(
        &self,
        view: &Relation,
        table: &Table,
        sources: &Sources,
    ) -> Result<Vec<Pin>> {
        let mut pins = Vec::with_capacity(sources.relations.len());
        for source in &sources.relations {
            let location = match &source.kind {
                RelationKind::External { location } => self.lake.external_location(location)?,
                _ => self.lake.location(source.place()),
            };
            let version = if source.kind.is_maintained() {
                progress::held(table, view.id, source).await?
            } else {
                match self.lake.newest(&location).await? {
                    Some(table_of_source) => {
                        let pin = Pin { relation: Arc::clone(source), table: table_of_source };
                        progress::consumed(table, view.id, &pin).await?
                    }
                    None => None,
                }
            };
            let version = version.ok_or_else(|| {
                Error::new(
                    ErrorKind::ObjectNotInPrerequisiteState,
                    format!("{} does not say which version of {} it holds", view.name, source.name),
                )
                .hint("Refresh it in full.")
            })?;
            let table = self.lake.at_version(&location, version).await?;
            pins.push(Pin { relation: Arc::clone(source), table });
        }
        Ok(pins)
    }

    async fn moment(
        &self,
        view: &Relation,
        table: &Table,
        sources: &Sources,
    ) -> Result<DateTime<Utc>> {
        match progress::computed_at(table, view.id).await? {
            Some(moment) => Ok(moment),
            None if sources.texts.iter().any(|text| reads_the_time(text)) => Err(Error::new(
                ErrorKind::ObjectNotInPrerequisiteState,
                format!("{} does not say at what time it was computed", view.name),
            )
            .hint("Refresh it in full.")),
            None => Ok(self.lake.clock().now()),
        }
    }

    fn snapshot(
        &self,
        view: &Arc<Relation>,
        table: &Table,
        quarantine: Option<&Quarantine>,
        pins: Vec<Pin>,
    ) -> Arc<Snapshot> {
        let (base, catalog) = (Arc::clone(self.base), Arc::clone(self.catalog));
        let mut pinned = Pins::new(self.lake.clone(), base, catalog);
        for pin in pins {
            pinned.set(pin.relation, pin.table);
        }
        pinned.set(Arc::clone(view), table.clone());
        if let Some(Quarantine { relation, table: Some(table) }) = quarantine {
            pinned.set(Arc::clone(relation), table.clone());
        }
        Arc::new(pinned.snapshot())
    }
}
