//! Epochs past retention: folded, so that only what later epochs need is left of them.
//!
//! Its one idea: which epochs can be read is written in the table itself, by the commit that takes the
//! others' rows away; so no reader takes a state with rows missing for a whole one, and files are
//! deleted only for epochs that nobody is given any more. Deletes no file.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::name::{Epoch, RelationId, RunId};

use super::commit::{Commit, CommitMode, CommitOutcome};
use super::epoch::EPOCHS;
use super::epoch_rows::{self, Row};
use super::store::Lake;
use super::table::Table;

/// The table property that holds the oldest epoch from which all are kept.
const OLDEST: &str = "lakeport.oldestEpoch";
/// The table property that lists the older ones that are kept all the same.
const KEPT: &str = "lakeport.keptEpochs";
/// Races lost to publishers before folding is left for the next time.
const ATTEMPTS_MAX: u32 = 5;

/// How much of the past stays readable.
#[derive(Debug, Clone)]
pub struct Retention {
    /// What was published before this may go; the epoch of this moment stays.
    pub cut: DateTime<Utc>,
    /// Epochs that stay however old they are.
    pub keep: BTreeSet<Epoch>,
}

/// Which epochs can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Readable {
    /// This one and all after it.
    pub(super) oldest: Epoch,
    /// And these.
    pub(super) kept: BTreeSet<Epoch>,
}

impl Readable {
    /// What a version of the table of epochs says.
    pub(super) fn of(table: Option<&Table>) -> Self {
        let Some(table) = table else { return Self::default() };
        let properties = table.spec().properties;
        let list = |name: &str| -> BTreeSet<Epoch> {
            let text = properties.get(name).map(String::as_str).unwrap_or_default();
            text.split(',').filter_map(|epoch| epoch.parse().ok()).collect()
        };
        Self { oldest: list(OLDEST).into_iter().next().unwrap_or_default(), kept: list(KEPT) }
    }

    /// Whether `epoch`, if it was published, can be read.
    pub(super) fn holds(&self, epoch: Epoch) -> bool {
        epoch >= self.oldest || self.kept.contains(&epoch)
    }

    /// What is readable once `retention` is obeyed: never more than now.
    pub(super) fn under(&self, retention: &Retention, rows: &[Row]) -> Self {
        let past = rows.iter().filter(|row| row.published_at <= retention.cut);
        let oldest = past.map(|row| row.epoch).max().unwrap_or_default().max(self.oldest);
        let kept = retention.keep.iter().copied();
        Self { oldest, kept: kept.filter(|k| *k > 0 && *k < oldest && self.holds(*k)).collect() }
    }

    /// The rows that the readable epochs are made of.
    pub(super) fn needed(&self, rows: Vec<Row>) -> Vec<Row> {
        let mut needed: BTreeSet<(Epoch, RelationId)> = BTreeSet::new();
        for end in self.kept.iter().copied().chain([self.oldest]) {
            let until = rows.iter().filter(|row| row.epoch <= end);
            let last: BTreeMap<RelationId, Epoch> =
                until.map(|row| (row.relation_id, row.epoch)).collect();
            needed.extend(last.into_iter().map(|(relation, epoch)| (epoch, relation)));
        }
        rows.into_iter()
            .filter(|row| row.epoch > self.oldest || needed.contains(&(row.epoch, row.relation_id)))
            .collect()
    }
}

impl Lake {
    /// Takes epochs past `retention` out of what can be read: each relation keeps its last row before
    /// the cut. True when there were any. Afterwards they answer `SnapshotTooOld`, to every server.
    ///
    /// A publisher that came first wins; after a few of them folding is left for the next time.
    pub async fn fold(&self, retention: &Retention) -> Result<bool> {
        for _ in 0..ATTEMPTS_MAX {
            let head = self.poll_head().await?;
            let Some(table) = &head.table else { return Ok(false) };
            let before = Readable::of(Some(table));
            let rows = self.all_rows(&head).await?;
            let after = before.under(retention, &rows);
            if after == before {
                return Ok(false);
            }
            let lost = retention.keep.iter().filter(|epoch| !before.holds(**epoch));
            for epoch in lost {
                tracing::warn!(epoch, "an epoch is to be kept that is past retention already");
            }
            let newest = head.state.epoch;
            match self.commit_fold(table, newest, &after, after.needed(rows)).await? {
                CommitOutcome::Committed(_) => {
                    self.poll_head().await?;
                    tracing::info!(oldest = after.oldest, kept = ?after.kept, "epochs folded");
                    return Ok(true);
                }
                CommitOutcome::Conflict(why) => tracing::debug!(%why, "an epoch came first"),
            }
        }
        Ok(false)
    }

    async fn commit_fold(
        &self,
        table: &Table,
        newest: Epoch,
        readable: &Readable,
        rows: Vec<Row>,
    ) -> Result<CommitOutcome> {
        let kept: Vec<String> = readable.kept.iter().map(Epoch::to_string).collect();
        let mut spec = table.spec();
        spec.properties.insert(OLDEST.to_owned(), readable.oldest.to_string());
        spec.properties.insert(KEPT.to_owned(), kept.join(","));
        let mut writer = self.writer(table.location(), &spec)?;
        writer.write(epoch_rows::to_batch(&rows)?).await?;
        let commit = Commit {
            location: table.location().clone(),
            base: Some(table.clone()),
            spec,
            mode: CommitMode::Overwrite,
            files: writer.finish().await?,
            // A publisher that computed from before must read again, whatever else it looks at.
            progress: vec![(EPOCHS.to_owned(), i64::try_from(newest).unwrap_or(i64::MAX))],
            run: Some(RunId::random()),
            operation: "FOLD",
        };
        self.commit(commit).await
    }
}
