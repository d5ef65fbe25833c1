//! Somebody else at the same lake: reads it again and again while others write it and die.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use lakeport::clock::SystemClock;
use lakeport::lake::{EpochState, Lake, LakeRoot, Table};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Contents;

/// How often a watcher looked, and what of it was new.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) polls: u64,
    pub(super) epochs: u64,
}

/// A reader that polls until it is told to end.
pub(super) struct Watcher {
    stop: CancellationToken,
    task: JoinHandle<Result<Seen, Contents>>,
}

impl Watcher {
    /// Starts to look at the lake in `folder`, where only `whole` states may be seen.
    pub(super) async fn start(folder: PathBuf, whole: Arc<[Contents; 2]>) -> Self {
        let lake = open(&folder).await;
        let stop = CancellationToken::new();
        let task = tokio::spawn(watch(lake, whole, stop.clone()));
        Self { stop, task }
    }

    /// Ends it after one more look; the error is a state that was neither.
    pub(super) async fn end(self) -> Result<Seen, Contents> {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

async fn watch(
    lake: Lake,
    whole: Arc<[Contents; 2]>,
    stop: CancellationToken,
) -> Result<Seen, Contents> {
    let mut seen = Seen::default();
    let mut last = None;
    loop {
        let stopping = stop.is_cancelled();
        lake.poll_epoch().await.unwrap();
        let state = lake.epoch();
        seen.polls += 1;
        if last != Some(state.epoch) {
            // Each epoch in between too, had two come since the last look.
            for epoch in last.unwrap_or(state.epoch)..=state.epoch {
                let found = at(&lake, &lake.epoch_at(epoch).await.unwrap()).await;
                if !whole.contains(&found) {
                    return Err(found);
                }
                seen.epochs += 1;
            }
            last = Some(state.epoch);
        }
        if stopping {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(super) async fn open(folder: &Path) -> Lake {
    Lake::open(LakeRoot::Folder(folder.to_owned()), Arc::new(SystemClock)).await.unwrap()
}

/// What a reader sees who opens the lake now.
pub(super) async fn contents(folder: &Path) -> Contents {
    let lake = open(folder).await;
    at(&lake, &lake.epoch()).await
}

async fn at(lake: &Lake, state: &EpochState) -> Contents {
    let mut contents = Contents::new();
    for relation in state.relations.values() {
        let place = lake.relative(&relation.location);
        if !place.starts_with("_lakeport/") {
            let table = lake.at_version(&relation.location, relation.version).await.unwrap();
            contents.insert(place, rows(&table).await);
        }
    }
    contents
}

async fn rows(table: &Table) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in table.read().await.unwrap() {
        let schema = batch.schema();
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(field, _)| !matches!(field.name().as_str(), "_ingested_at" | "batch"))
            .map(|(field, column)| (field, ArrayFormatter::try_new(column, &options).unwrap()))
            .collect();
        for row in 0..batch.num_rows() {
            let cells =
                columns.iter().map(|(field, cell)| format!("{}={}", field.name(), cell.value(row)));
            rows.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    rows.sort();
    rows
}
