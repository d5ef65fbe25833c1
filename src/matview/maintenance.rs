//! Tables kept small and the past kept short: OPTIMIZE, VACUUM, and what of both is done unasked.
//!
//! Its one idea: nothing that a reader or a refresh may still ask for goes, and who may ask is decided
//! first: epochs are folded, in one commit, before a file is deleted. It computes no rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;

use crate::catalog::{Catalog, CatalogState, Relation, RelationKind};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{
    Due, EpochVersions, KeptVersions, Lake, Location, Optimized, Published, Retention, Run,
    RunKind, Table, VacuumRequest, Vacuumed,
};
use crate::name::{RelationId, Version};

use super::needed::needed;

/// How often OPTIMIZE begins again because somebody else wrote.
const ATTEMPTS_MAX: usize = 3;

/// Tables of the lake's own that are vacuumed.
const SYSTEM_TABLES: [&str; 7] =
    ["catalog", "epochs", "refreshes", "refresh_operators", "expectations", "files", "ingests"];

/// Looks after tables.
#[derive(Debug)]
pub struct Maintenance {
    lake: Lake,
    catalog: Arc<Catalog>,
    config: Arc<Config>,
    /// Two at once would delete the same files.
    vacuuming: tokio::sync::Mutex<()>,
    /// The version of each relation that was last found small, or made so.
    compacted: Mutex<BTreeMap<RelationId, Version>>,
    /// What each table kept, and how far it had come, when it was last vacuumed.
    vacuumed: Mutex<BTreeMap<Location, (KeptVersions, Version)>>,
}

impl Maintenance {
    /// Maintenance of one lake, by `[retention]`.
    pub fn new(lake: Lake, catalog: Arc<Catalog>, config: Arc<Config>) -> Arc<Self> {
        Arc::new(Self {
            lake,
            catalog,
            config,
            vacuuming: tokio::sync::Mutex::new(()),
            compacted: Mutex::default(),
            vacuumed: Mutex::default(),
        })
    }

    /// Rewrites a relation's small files, and those with deleted rows. A maintained relation's new
    /// version is published, so readers at older epochs keep their files.
    ///
    /// # Errors
    /// `SerializationFailure` when others write to it again and again, or have written what is not
    /// published yet; `FeatureNotSupported` for a table that can only be read.
    pub async fn optimize(&self, relation: &Relation) -> Result<()> {
        let mut why = String::new();
        for _ in 0..ATTEMPTS_MAX {
            match self.optimized(relation, Due::ALWAYS).await?.conflict {
                None => return Ok(()),
                Some(conflict) => why = conflict,
            }
        }
        Err(Error::new(
            ErrorKind::SerializationFailure,
            format!("could not optimize \"{}\" because another run wrote to it", relation.name),
        )
        .detail(format!("{why}."))
        .hint("Try again; nothing was lost."))
    }

    async fn optimized(&self, relation: &Relation, due: Due) -> Result<Optimized> {
        let lake = &self.lake;
        lake.poll_epoch().await?;
        let published = lake.epoch().relations.get(&relation.id).cloned();
        let found = match relation.kind {
            RelationKind::Table { .. } => self.catalog.writable(relation).await?,
            _ => lake.newest(&lake.location(relation.place())).await?,
        };
        let Some(table) = found else { return Ok(Optimized::default()) };
        if !relation.kind.is_maintained() {
            return lake.optimize(&table, due, None).await;
        }
        // Rows that no epoch has yet must not be published along with files that only moved.
        let Some(published) = published else { return Ok(unpublished()) };
        if table.version() < published.version || !table.only_moved_since(published.version).await?
        {
            return Ok(unpublished());
        }
        let run = Run::start(RunKind::Maintenance);
        let done = lake.optimize(&table, due, Some(run.id)).await?;
        let newest = done.table.as_ref().unwrap_or(&table);
        if newest.version() > published.version {
            lake.publish(&run, vec![publication(relation, newest)]).await?;
        }
        Ok(done)
    }

    /// Does for every maintained relation what OPTIMIZE does, where it is worth it. What fails is
    /// logged and left for the next time.
    pub async fn compact(&self) -> Result<()> {
        let epoch = self.lake.epoch();
        let state = self.catalog.at(&epoch).await?;
        for relation in state.relations.values().filter(|r| r.kind.is_maintained()) {
            let Some(published) = epoch.relations.get(&relation.id) else { continue };
            let seen = {
                let compacted = self.compacted.lock().unwrap_or_else(PoisonError::into_inner);
                compacted.get(&relation.id).copied()
            };
            if seen >= Some(published.version) {
                continue;
            }
            let version = match self.optimized(relation, Due::BACKGROUND).await {
                Ok(done) if done.conflict.is_some() => continue,
                Ok(done) => done.table.map_or(published.version, |table| table.version()),
                Err(error) => {
                    tracing::warn!(relation = %relation.name, %error, "could not compact");
                    published.version
                }
            };
            let mut compacted = self.compacted.lock().unwrap_or_else(PoisonError::into_inner);
            compacted.insert(relation.id, version);
        }
        Ok(())
    }

    /// Takes epochs past retention out of what can be read.
    pub async fn fold(&self) -> Result<bool> {
        self.lake.fold(&self.retention()).await
    }

    fn retention(&self) -> Retention {
        let configured = &self.config.retention;
        let cut = self.lake.clock().now() - hours(configured.epochs_hours);
        Retention { cut, keep: configured.keep.iter().copied().collect() }
    }

    /// Deletes a relation's files that nobody may ask for any more, after `retain_hours`, or
    /// `[retention] epochs_hours` when none are given.
    ///
    /// # Errors
    /// `InvalidParameterValue` for fewer hours than epochs are kept; `DataCorrupted` when the log does
    /// not say what must stay.
    pub async fn vacuum(
        &self,
        relation: &Relation,
        retain_hours: Option<u64>,
        dry_run: bool,
    ) -> Result<Vacuumed> {
        let least = self.config.retention.epochs_hours;
        let retain_hours = retain_hours.unwrap_or(least);
        if retain_hours < least {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("cannot retain {retain_hours} hours only"),
            )
            .detail(format!("Epochs stay readable for {least} hours."))
            .hint("[retention] epochs_hours in lakeport.toml says how long."));
        }
        let _alone = self.vacuuming.lock().await;
        if !dry_run {
            self.fold().await?;
        }
        let epoch = self.lake.epoch();
        let state = self.catalog.at(&epoch).await?;
        let location = self.lake.location(relation.place());
        let views = needed(&self.lake, &epoch, &state, Some(&location)).await?;
        let retention = self.retention();
        let epochs = self.lake.epoch_versions(dry_run.then_some(&retention)).await?;
        let Some(kept) = self.kept(&location, retain_hours, &epochs, &views).await? else {
            return Ok(Vacuumed::default());
        };
        self.lake.vacuum(&self.request(location, kept, dry_run)).await
    }

    /// Folds epochs and vacuums every maintained relation and the lake's own tables. What fails is
    /// logged and left for the next time.
    pub async fn sweep(&self) -> Result<()> {
        let _alone = self.vacuuming.lock().await;
        self.fold().await?;
        let lake = &self.lake;
        let epoch = lake.epoch();
        let state = self.catalog.at(&epoch).await?;
        let epochs = lake.epoch_versions(None).await?;
        let views = needed(lake, &epoch, &state, None).await?;
        let maintained = state.relations.values().filter(|r| r.kind.is_maintained());
        let system = SYSTEM_TABLES.map(|name| lake.system_location(name));
        for location in maintained.map(|r| lake.location(&r.name)).chain(system) {
            if let Err(error) = self.sweep_table(&location, &epochs, &views).await {
                tracing::warn!(%location, %error, "could not vacuum");
            }
        }
        // Rows of dead transactions go before somebody else's are hidden behind them.
        let tables = state.relations.values();
        for table in tables.filter(|known| matches!(known.kind, RelationKind::Table { .. })) {
            if let Err(error) = self.catalog.writable(table).await {
                tracing::warn!(table = %table.name, %error, "could not look after a table");
            }
        }
        if let Err(error) = self.sweep_folders(&state, &epochs).await {
            tracing::warn!(%error, "could not look for folders of dropped tables");
        }
        Ok(())
    }

    /// Deletes folders that transactions made for tables, once no epoch that can be read has the table.
    async fn sweep_folders(&self, state: &Arc<CatalogState>, epochs: &EpochVersions) -> Result<()> {
        let Some(oldest) = epochs.oldest_at else { return Ok(()) };
        let lake = &self.lake;
        let mut catalogs = vec![Arc::clone(state)];
        for at in epochs.kept_at.iter().chain([&oldest]) {
            catalogs.push(self.catalog.at(lake.epoch_at_time(*at).await?.as_ref()).await?);
        }
        let relations = catalogs.iter().flat_map(|catalog| catalog.relations.values());
        let named: BTreeSet<Location> =
            relations.map(|relation| lake.location(relation.place())).collect();
        // What was there before the oldest epoch and is not in it is in none after it either, unless a
        // transaction still writes to it.
        let unfinished = hours(self.config.retention.unfinished_hours);
        let before = oldest.min(lake.clock().now()) - unfinished;
        for schema in state.schemas.values().filter(|schema| schema.file.is_none()) {
            for (location, newest) in lake.own_folders(&schema.name).await? {
                if newest < before && !named.contains(&location) {
                    lake.discard(&location).await?;
                    tracing::info!(%location, "deleted the folder of a dropped table");
                }
            }
        }
        Ok(())
    }

    async fn sweep_table(
        &self,
        location: &Location,
        epochs: &EpochVersions,
        views: &BTreeMap<Location, Version>,
    ) -> Result<()> {
        let retain_hours = self.config.retention.epochs_hours;
        let Some(kept) = self.kept(location, retain_hours, epochs, views).await? else {
            return Ok(());
        };
        let newest = self.lake.newest_held(location).await?.map_or(0, |table| table.version());
        let state = (kept.clone(), newest);
        {
            let vacuumed = self.vacuumed.lock().unwrap_or_else(PoisonError::into_inner);
            if vacuumed.get(location) == Some(&state) {
                return Ok(());
            }
        }
        let done = self.lake.vacuum(&self.request(location.clone(), kept, false)).await?;
        if done.files + done.log_files > 0 {
            let Vacuumed { files, bytes, log_files, .. } = done;
            tracing::info!(%location, files, bytes, log_files, "vacuumed");
        }
        let mut vacuumed = self.vacuumed.lock().unwrap_or_else(PoisonError::into_inner);
        vacuumed.insert(location.clone(), state);
        Ok(())
    }

    fn request(&self, location: Location, kept: KeptVersions, dry_run: bool) -> VacuumRequest {
        let unfinished = hours(self.config.retention.unfinished_hours);
        let unfinished_since = self.lake.clock().now() - unfinished;
        VacuumRequest { location, kept, unfinished_since, dry_run }
    }

    /// The versions of a table that somebody may still ask for; `None` where no table is.
    async fn kept(
        &self,
        location: &Location,
        retain_hours: u64,
        epochs: &EpochVersions,
        views: &BTreeMap<Location, Version>,
    ) -> Result<Option<KeptVersions>> {
        let lake = &self.lake;
        let now = lake.clock().now();
        let Some(version) = lake.version_at(location, now - hours(retain_hours)).await? else {
            return Ok(None);
        };
        let mut kept = KeptVersions::from(version);
        // A table that an epoch does not name is read as it was when the epoch was published.
        if let Some(oldest) = epochs.oldest_at
            && let Some(version) = lake.version_at(location, oldest).await?
        {
            kept.extend(version);
        }
        for at in &epochs.kept_at {
            kept.also.extend(lake.version_at(location, *at).await?);
        }
        if let Some(named) = epochs.tables.get(location) {
            kept.extend(named.from);
            kept.also.extend(&named.also);
        }
        if let Some(version) = views.get(location) {
            kept.extend(*version);
        }
        Ok(Some(kept))
    }
}

fn unpublished() -> Optimized {
    let conflict = "its newest rows are not published yet".to_owned();
    Optimized { conflict: Some(conflict), ..Optimized::default() }
}

fn publication(relation: &Relation, table: &Table) -> Published {
    Published {
        relation_id: relation.id,
        location: table.location().clone(),
        version: table.version(),
        read_only: false,
    }
}

/// More hours than a calendar has are as many as it has.
fn hours(hours: u64) -> TimeDelta {
    const MAX: i64 = 24 * 366 * 1000;
    TimeDelta::hours(i64::try_from(hours).unwrap_or(MAX).min(MAX))
}
