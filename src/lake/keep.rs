//! Which versions of a table somebody may still read.
//!
//! Its one idea: a range without holes up to the newest version, because changes are read through all
//! of it, and single older versions beside it. Refuses to know who reads them besides epochs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::name::{Epoch, RelationId, Version};

use super::epoch_rows::Row;
use super::fold::{Readable, Retention};
use super::log;
use super::log_files::LogFiles;
use super::store::{Lake, Location};
use super::table::Table;

/// Versions that must stay readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersions {
    /// This one and all after it.
    pub from: Version,
    /// And these.
    pub also: BTreeSet<Version>,
}

impl KeptVersions {
    /// All from `from` on.
    pub fn from(from: Version) -> Self {
        Self { from, also: BTreeSet::new() }
    }

    /// Whether `version` is one of them.
    pub fn holds(&self, version: Version) -> bool {
        version >= self.from || self.also.contains(&version)
    }

    /// The oldest of them.
    pub fn oldest(&self) -> Version {
        self.also.first().map_or(self.from, |first| self.from.min(*first))
    }

    /// Keeps all from `version` on too.
    pub fn extend(&mut self, version: Version) {
        self.from = self.from.min(version);
    }

    /// What the readable epochs name of one relation, whose `rows` are in their order.
    fn of(rows: &[&Row], readable: &Readable) -> Self {
        let last =
            |end: Epoch| rows.iter().rev().find(|row| row.epoch <= end).map(|row| row.version);
        let after = rows.iter().filter(|row| row.epoch > readable.oldest);
        let in_range = after.map(|row| row.version).chain(last(readable.oldest));
        Self {
            from: in_range.min().unwrap_or(Version::MAX),
            also: readable.kept.iter().filter_map(|end| last(*end)).collect(),
        }
    }
}

/// What the readable epochs name.
#[derive(Debug, Clone, Default)]
pub struct EpochVersions {
    /// By table; relations dropped since are among them.
    pub tables: BTreeMap<Location, KeptVersions>,
    /// When the epochs were published that are kept beside the newer ones: a table that no epoch
    /// names is read in them as it was then.
    pub kept_at: Vec<DateTime<Utc>>,
    /// When the oldest of the others was published; `None` for a lake without epochs.
    pub oldest_at: Option<DateTime<Utc>>,
}

impl Lake {
    /// The versions named by the epochs that can be read; with a retention, by those that will be once
    /// it is obeyed.
    pub async fn epoch_versions(&self, after: Option<&Retention>) -> Result<EpochVersions> {
        let head = self.poll_head().await?;
        let rows = self.all_rows(&head).await?;
        let readable = Readable::of(head.table.as_ref());
        let readable = after.map_or(readable.clone(), |after| readable.under(after, &rows));
        let mut by_relation: BTreeMap<RelationId, Vec<&Row>> = BTreeMap::new();
        let mut versions = EpochVersions::default();
        for row in &rows {
            by_relation.entry(row.relation_id).or_default().push(row);
            if row.epoch == readable.oldest || readable.oldest == 0 {
                versions.oldest_at = versions.oldest_at.or(Some(row.published_at));
            }
            if readable.kept.contains(&row.epoch) {
                versions.kept_at.push(row.published_at);
            }
        }
        versions.kept_at.dedup();
        for rows in by_relation.into_values() {
            let kept = KeptVersions::of(&rows, &readable);
            // A name used again goes on in the same log, so one table may be several relations.
            for location in rows.iter().map(|row| &row.location).collect::<BTreeSet<_>>() {
                let all = versions.tables.entry(self.resolve(location));
                let all = all.or_insert_with(|| KeptVersions::from(Version::MAX));
                all.extend(kept.from);
                all.also.extend(&kept.also);
            }
        }
        Ok(versions)
    }

    /// The versions of a relation that readers may name: those of the readable epochs, and what lies
    /// between them.
    pub async fn readable_versions(&self, relation: RelationId) -> Result<KeptVersions> {
        let head = self.poll_head().await?;
        let readable = Readable::of(head.table.as_ref());
        if readable.oldest == 0 {
            return Ok(KeptVersions::from(0));
        }
        let rows = self.all_rows(&head).await?;
        let ours: Vec<&Row> = rows.iter().filter(|row| row.relation_id == relation).collect();
        Ok(KeptVersions::of(&ours, &readable))
    }

    /// The epoch that published each version of a relation, as far as epochs are kept.
    pub async fn epochs_of(&self, relation: RelationId) -> Result<BTreeMap<Version, Epoch>> {
        let head = self.poll_head().await?;
        let rows = self.all_rows(&head).await?;
        let ours = rows.iter().filter(|row| row.relation_id == relation);
        Ok(ours.map(|row| (row.version, row.epoch)).collect())
    }

    /// The newest version that was committed by `time`, else the oldest one that can be read; `None`
    /// where no table is. All that was committed after `time` comes after it, whatever the writers'
    /// clocks said.
    pub async fn version_at(
        &self,
        location: &Location,
        time: DateTime<Utc>,
    ) -> Result<Option<Version>> {
        let files = LogFiles::list(self.held(location)?.log()).await?;
        let found = self.committed_by(location, &files, time).await?;
        Ok(found.or_else(|| files.first_readable()))
    }

    /// The table as it was when an epoch was published that can be read.
    ///
    /// Unlike [`Lake::at_time`] it is right beyond a gap in the log too: before one lies only what such
    /// an epoch needs.
    ///
    /// # Errors
    /// As [`Lake::at_time`].
    pub async fn at_published(&self, location: &Location, time: DateTime<Utc>) -> Result<Table> {
        let files = LogFiles::list(self.held(location)?.log()).await?;
        match self.committed_by(location, &files, time).await? {
            Some(version) => self.at_version(location, version).await,
            None => self.at_time(location, time).await,
        }
    }

    async fn committed_by(
        &self,
        location: &Location,
        files: &LogFiles,
        time: DateTime<Utc>,
    ) -> Result<Option<Version>> {
        let held = self.held(location)?;
        let mut found = None;
        for version in files.commits_until(Version::MAX) {
            match log::committed_at(held.log(), location, version).await? {
                Some(at) if at <= time => found = Some(version),
                _ => break,
            }
        }
        Ok(found)
    }
}
