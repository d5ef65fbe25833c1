//! Epochs: which version of each relation readers see.
//!
//! One commit to `_lakeport/epochs` publishes a whole run. State at e is each relation's last row up
//! to e. The commit carries `txn(epochs, e)`, so of two publishers one conflicts, reads again, drops
//! rows no newer than those published, and takes e + 1.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};

use arc_swap::ArcSwap;
use object_store::path::Path;
use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{Epoch, RelationId, RunId, Version};

use super::commit::{Commit, CommitMode, CommitOutcome};
use super::epoch_rows::{self, Row};
use super::fold::Readable;
use super::store::{Lake, Location};
use super::table::{Table, TableSpec};
use super::{error, log};

/// The name of the table, and of the application whose `txn` numbers its commits.
pub(super) const EPOCHS: &str = "epochs";
/// Races lost before a publisher gives up.
const ATTEMPTS_MAX: u32 = 100;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "DESIGN 5's own words")]
pub enum RunKind {
    Ingest,
    Refresh,
    Apply,
    Ddl,
    Maintenance,
}

/// One ingest, refresh, apply, DDL statement or maintenance.
#[derive(Debug, Clone)]
pub struct Run {
    /// Written into every commit of the run.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
}

impl Run {
    /// A new run.
    pub fn start(kind: RunKind) -> Self {
        Self { id: RunId::random(), kind }
    }
}

/// One relation's new version, to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Which relation.
    pub relation_id: RelationId,
    /// Where it lies.
    pub location: Location,
    /// Which version.
    pub version: Version,
    /// Not written by the run: an external table's version that it read.
    pub read_only: bool,
}

/// One relation as an epoch has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRelation {
    /// Where it lies.
    pub location: Location,
    /// Which version.
    pub version: Version,
    /// The epoch that published this version.
    pub epoch: Epoch,
    /// When that was.
    pub published_at: DateTime<Utc>,
    /// An external table's version that a run read.
    pub read_only: bool,
}

/// The state of the whole lake at one epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EpochState {
    /// The number; 0 is the empty lake, before anything was published.
    pub epoch: Epoch,
    /// When it was published; `None` for epoch 0.
    pub published_at: Option<DateTime<Utc>>,
    /// Each relation's last row.
    pub relations: BTreeMap<RelationId, PublishedRelation>,
}

impl EpochState {
    fn apply(&mut self, row: Row, lake: &Lake) {
        if row.epoch >= self.epoch {
            self.epoch = row.epoch;
            self.published_at = Some(row.published_at);
        }
        let relation = PublishedRelation {
            location: lake.resolve(&row.location),
            version: row.version,
            epoch: row.epoch,
            published_at: row.published_at,
            read_only: row.read_only,
        };
        self.relations.insert(row.relation_id, relation);
    }

    /// Refuses a catalog that was taken for a dead run's, and written over.
    fn check_catalog(&self, rows: &[Published]) -> Result<()> {
        let ours = rows.iter().find(|row| row.relation_id == RelationId::CATALOG);
        let theirs = self.relations.get(&RelationId::CATALOG);
        match (ours, theirs) {
            (Some(ours), Some(theirs)) if theirs.version > ours.version => Err(Error::new(
                ErrorKind::SerializationFailure,
                "could not publish because another run changed the catalog first",
            )
            .hint("Try again.")),
            _ => Ok(()),
        }
    }

    /// Whether `row` says nothing new.
    fn holds(&self, row: &Published) -> bool {
        self.relations
            .get(&row.relation_id)
            .is_some_and(|held| held.location == row.location && held.version >= row.version)
    }
}

/// What this process knows of `_lakeport/epochs`.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    head: ArcSwap<Head>,
    /// Held by the one who asks the lake.
    polling: tokio::sync::Mutex<()>,
    /// Told the newest epoch whenever this process learns of one.
    moved: watch::Sender<Epoch>,
}

impl Epochs {
    fn learn(&self, head: Arc<Head>) {
        let epoch = head.state.epoch;
        self.head.store(head);
        self.moved.send_replace(epoch);
    }
}

/// A state, and the version of the table it was read from.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) state: Arc<EpochState>,
    pub(super) table: Option<Table>,
}

impl Lake {
    /// The newest epoch this process knows. No I/O.
    pub fn epoch(&self) -> Arc<EpochState> {
        Arc::clone(&self.inner.epochs.head.load().state)
    }

    /// Changes when this process learns of a newer epoch: one it published, or one it asked for.
    pub fn epochs(&self) -> watch::Receiver<Epoch> {
        self.inner.epochs.moved.subscribe()
    }

    /// Asks the lake for a newer epoch; true when there was one.
    pub async fn poll_epoch(&self) -> Result<bool> {
        let before = self.epoch().epoch;
        Ok(self.poll_head().await?.state.epoch > before)
    }

    pub(super) async fn poll_head(&self) -> Result<Arc<Head>> {
        let _polling = self.inner.epochs.polling.lock().await;
        let head = self.inner.epochs.head.load_full();
        let Some(table) = self.newest(&self.system_location(EPOCHS)).await? else {
            return Ok(head);
        };
        let (mut state, paths) = match &head.table {
            Some(known) if known.version() >= table.version() => return Ok(head),
            Some(known) => match added_since(known.version(), &table).await? {
                Some(paths) => (head.state.as_ref().clone(), paths),
                None => (EpochState::default(), all_files(&table)?),
            },
            None => (EpochState::default(), all_files(&table)?),
        };
        for row in epoch_rows::read(table.log().object_store(None), paths).await? {
            state.apply(row, self);
        }
        let head = Arc::new(Head { state: Arc::new(state), table: Some(table) });
        self.inner.epochs.learn(Arc::clone(&head));
        Ok(head)
    }

    /// Publishes a run's tables as the next epoch; afterwards [`Lake::epoch`] is at least that one.
    /// Rows no newer than what is published are dropped; nothing left publishes nothing. A catalog that another
    /// run has taken the place of is not dropped in silence: then nothing is published.
    ///
    /// # Errors
    /// `SerializationFailure` when other publishers come first again and again, or have published a later
    /// catalog; `StatementCompletionUnknown`.
    pub async fn publish(&self, run: &Run, rows: Vec<Published>) -> Result<Arc<EpochState>> {
        let location = self.system_location(EPOCHS);
        let spec = TableSpec::of(epoch_rows::schema());
        for _ in 0..ATTEMPTS_MAX {
            let head = self.poll_head().await?;
            head.state.check_catalog(&rows)?;
            let new = self.new_rows(&head.state, run, &rows);
            let Some(epoch) = new.first().map(|row| row.epoch) else {
                return Ok(Arc::clone(&head.state));
            };
            let mut writer = self.writer(&location, &spec)?;
            writer.write(epoch_rows::to_batch(&new)?).await?;
            let commit = Commit {
                location: location.clone(),
                base: head.table.clone(),
                spec: spec.clone(),
                mode: CommitMode::Append,
                files: writer.finish().await?,
                progress: vec![(EPOCHS.to_owned(), i64::try_from(epoch).unwrap_or(i64::MAX))],
                run: Some(run.id),
                operation: "PUBLISH",
            };
            match self.commit(commit).await? {
                CommitOutcome::Committed(table) => return self.published(&head, table, new).await,
                CommitOutcome::Conflict(why) => tracing::debug!(%why, "another epoch came first"),
            }
        }
        Err(Error::new(ErrorKind::SerializationFailure, "other epochs came first again and again"))
    }

    /// The state after our commit: what it was and our rows, where nobody committed in between.
    async fn published(
        &self,
        before: &Head,
        table: Table,
        rows: Vec<Row>,
    ) -> Result<Arc<EpochState>> {
        let alone = before.table.as_ref().map_or(0, |known| known.version() + 1);
        if table.version() != alone {
            return Ok(Arc::clone(&self.poll_head().await?.state));
        }
        let mut state = EpochState::clone(&before.state);
        for row in rows {
            state.apply(row, self);
        }
        let _polling = self.inner.epochs.polling.lock().await;
        let head = self.inner.epochs.head.load_full();
        if head.table.as_ref().is_some_and(|known| known.version() >= table.version()) {
            return Ok(Arc::clone(&head.state));
        }
        let state = Arc::new(state);
        let head = Head { state: Arc::clone(&state), table: Some(table) };
        self.inner.epochs.learn(Arc::new(head));
        Ok(state)
    }

    /// The rows of the epoch after `state`: one a relation, only those that say something new.
    fn new_rows(&self, state: &EpochState, run: &Run, rows: &[Published]) -> Vec<Row> {
        // To the microsecond, as the table keeps it.
        let now = self.clock().now().trunc_subsecs(6);
        let published_at = state.published_at.map_or(now, |before| before.max(now));
        let fresh = rows.iter().filter(|row| !state.holds(row));
        let last: BTreeMap<RelationId, &Published> =
            fresh.map(|row| (row.relation_id, row)).collect();
        let row = |row: &Published| Row {
            epoch: state.epoch + 1,
            published_at,
            run_id: run.id,
            relation_id: row.relation_id,
            location: self.relative(&row.location),
            version: row.version,
            read_only: row.read_only,
        };
        last.into_values().map(row).collect()
    }

    /// The state at `epoch`.
    ///
    /// # Errors
    /// `InvalidParameterValue` for one not published yet, `SnapshotTooOld` naming the oldest kept.
    pub async fn epoch_at(&self, epoch: Epoch) -> Result<Arc<EpochState>> {
        let mut head = self.inner.epochs.head.load_full();
        if epoch > head.state.epoch {
            head = self.poll_head().await?;
        }
        if epoch == head.state.epoch {
            return Ok(Arc::clone(&head.state));
        }
        if epoch > head.state.epoch {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("epoch {epoch} does not exist; the newest is {}", head.state.epoch),
            ));
        }
        let readable = Readable::of(head.table.as_ref());
        if !readable.holds(epoch) {
            let oldest = readable.oldest;
            return Err(Error::new(
                ErrorKind::SnapshotTooOld,
                format!("epoch {epoch} is no longer kept; the oldest is {oldest}"),
            ));
        }
        let rows = self.all_rows(&head).await?;
        Ok(self.state_of(rows.into_iter().take_while(|row| row.epoch <= epoch)))
    }

    /// The last state published at or before `time`.
    ///
    /// # Errors
    /// `SnapshotTooOld` when what was published then is no longer kept.
    pub async fn epoch_at_time(&self, time: DateTime<Utc>) -> Result<Arc<EpochState>> {
        let head = self.poll_head().await?;
        if head.state.published_at.is_none_or(|published| published <= time) {
            return Ok(Arc::clone(&head.state));
        }
        let rows = self.all_rows(&head).await?;
        let readable = Readable::of(head.table.as_ref());
        if let Some(oldest) = rows.iter().find(|row| row.epoch == readable.oldest)
            && time < oldest.published_at
        {
            return Err(Error::new(
                ErrorKind::SnapshotTooOld,
                format!(
                    "no epoch of {time} is kept; the oldest, {}, is of {}",
                    oldest.epoch, oldest.published_at
                ),
            ));
        }
        Ok(self.state_of(rows.into_iter().take_while(|row| row.published_at <= time)))
    }

    pub(super) async fn all_rows(&self, head: &Head) -> Result<Vec<Row>> {
        let Some(table) = &head.table else { return Ok(Vec::new()) };
        epoch_rows::read(table.log().object_store(None), all_files(table)?).await
    }

    fn state_of(&self, rows: impl Iterator<Item = Row>) -> Arc<EpochState> {
        let mut state = EpochState::default();
        for row in rows {
            state.apply(row, self);
        }
        Arc::new(state)
    }
}

/// The data files of a version.
fn all_files(table: &Table) -> Result<Vec<Path>> {
    let files = table.state().snapshot().try_log_data();
    let files = files.map_err(|error| error::delta(table.location(), error))?;
    Ok(files.iter().map(|file| file.object_store_path()).collect())
}

/// The data files that came after `version`; `None` when the log alone cannot say.
async fn added_since(version: Version, table: &Table) -> Result<Option<Vec<Path>>> {
    let mut paths = Vec::new();
    for version in version + 1..=table.version() {
        let entry = log::read(table.log(), table.location(), version).await?;
        let Some(entry) = entry.filter(|entry| !(entry.removes && entry.changes_data)) else {
            return Ok(None);
        };
        for path in entry.added {
            match Path::from_url_path(&path) {
                Ok(path) => paths.push(path),
                Err(_) => return Ok(None),
            }
        }
    }
    Ok(Some(paths))
}
