//! Rows taken out of a table and others put in, in one commit.
//!
//! Its one idea: where the rows are is found by reading only the columns that tell a row, in files whose
//! statistics allow one. A file that loses few rows has them marked as gone, if the table allows deletion
//! vectors; one that loses many is written anew without them. Refuses to guess: rows that are not there are
//! counted, and the caller decides what that means.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::scalar::ScalarValue;
use deltalake_core::kernel::{Add, Remove};
use futures::StreamExt as _;
use roaring::RoaringTreemap;

use crate::error::{Error, Result};

use super::changes::logged_path;
use super::data_files::{DataFile, DataFileList};
use super::file_scan::{Picked, Wanted};
use super::search::{Gone, Looked, Places, scan};
use super::store::Lake;
use super::table::Table;
use super::write::{DataFiles, Layout};
use super::{error, statistics, vectors};

/// A file that has lost up to this share of its rows keeps the others where they are, in percent.
const MARKED_PERCENT: u64 = 10;

/// How an edit went.
#[derive(Debug)]
pub struct Edited {
    /// Files that came and files that went, to be committed with [`super::CommitMode::Edit`].
    pub files: DataFiles,
    /// Rows that should have gone and were not there.
    pub missing: u64,
    /// Files looked into.
    pub looked: Looked,
    /// Partitions lost all their files, and nothing else was touched.
    pub overwrites_partitions: bool,
}

impl Lake {
    /// Prepares to take the rows `gone` out of `table` and to put `came` in. A row is told by its
    /// `identity` columns; each row of `gone` takes out one. Both hold all columns of `table`, hidden
    /// ones included; only the identity columns of `gone` are looked at. New files are laid out as `layout`
    /// says.
    ///
    /// # Errors
    /// Errors of reading and writing; nothing is committed here.
    pub async fn edit(
        &self,
        table: &Table,
        identity: &[String],
        gone: &[RecordBatch],
        came: &[RecordBatch],
        layout: &Layout,
    ) -> Result<Edited> {
        let spec = table.spec();
        let mut writer = self.writer(table.location(), &spec)?.laid_out(layout)?;
        let (mut leaving, mut missing, mut looked) = (Leaving::default(), 0, Looked::default());
        let mut overwrites_partitions = false;
        if gone.iter().any(|batch| batch.num_rows() > 0) {
            let mut gone = Gone::new(&spec.schema, identity, gone)?;
            let (places, nowhere) = gone.places(table).await?;
            missing = nowhere;
            looked = gone.looked;
            leaving = Leaving::of(table, places).await?;
            overwrites_partitions = leaving.is_of_partitions(listed(table)?);
            if !leaving.kept.is_empty() {
                let only = Some(leaving.kept.keys().cloned().collect());
                let picked = Some(Arc::new(std::mem::take(&mut leaving.kept)));
                let wanted = Wanted { only, picked, ..Wanted::default() };
                let (plan, mut rows) = scan(table.stored_scan(wanted)?, None, &[]).await?;
                while let Some(batch) = rows.next().await {
                    writer.write(batch.map_err(error::datafusion)?).await?;
                }
                looked.take(plan.as_ref());
            }
        }
        for batch in came {
            writer.write(batch.clone()).await?;
        }
        let files = writer.finish().await?.replacing(leaving.removed).marking(leaving.marked);
        Ok(Edited { files, missing, looked, overwrites_partitions })
    }
}

/// What becomes of the files that lose rows.
#[derive(Default)]
struct Leaving {
    /// Files that go; the rows they keep are to be written anew.
    removed: Vec<Remove>,
    /// Those of them that keep no row.
    emptied: HashSet<String>,
    kept: Picked,
    /// Files that stay, with more rows marked as gone: as they were, and as they are.
    marked: Vec<(Remove, Add)>,
}

impl Leaving {
    /// Whether what leaves is whole partitions.
    fn is_of_partitions(&self, list: &DataFileList) -> bool {
        if list.partition_by.is_empty() || !self.kept.is_empty() || !self.marked.is_empty() {
            return false;
        }
        let leaves = |file: &DataFile| self.emptied.contains(&file.path);
        let touched: HashSet<&[ScalarValue]> =
            list.files.iter().filter(|file| leaves(file)).map(|f| f.partition.as_slice()).collect();
        !touched.is_empty()
            && list.files.iter().all(|f| leaves(f) || !touched.contains(f.partition.as_slice()))
    }

    async fn of(table: &Table, places: Places) -> Result<Self> {
        let list = listed(table)?;
        let files: HashMap<&str, &DataFile> =
            list.files.iter().map(|file| (file.path.as_str(), file)).collect();
        let store = table.root_store();
        let marks = table.allows_vectors();
        let (mut leaving, mut vectors) = (Self::default(), Vec::new());
        let mut actions = actions_by_path(table)?;
        for (path, rows) in places {
            let (file, action) = match (files.get(path.as_str()), actions.remove(&path)) {
                (Some(file), Some(action)) => (file, action),
                _ => return Err(Error::internal(format!("{path} is no file of the table"))),
            };
            let all = file.rows.ok_or_else(|| Error::internal("a file without a row count"))?;
            let mut gone = match &file.vector {
                Some(_) => file.gone(store.as_ref(), table.location()).await?.as_ref().clone(),
                None => RoaringTreemap::new(),
            };
            gone |= rows;
            if gone.len() >= all {
                leaving.removed.push(action.remove);
                leaving.emptied.insert(path);
            } else if marks && gone.len() * 100 <= all * MARKED_PERCENT {
                vectors.push(gone);
                leaving.marked.push((action.remove, action.add));
            } else {
                let mut kept = RoaringTreemap::from_iter(0..all);
                kept -= gone;
                leaving.kept.insert(path, kept);
                leaving.removed.push(action.remove);
            }
        }
        if !vectors.is_empty() {
            let named = vectors::write(store.as_ref(), table.location(), &vectors).await?;
            for ((_, add), vector) in leaving.marked.iter_mut().zip(named) {
                add.deletion_vector = Some(vector);
            }
        }
        Ok(leaving)
    }
}

/// A file of the table in both the log's words.
pub(super) struct Actions {
    pub(super) remove: Remove,
    add: Add,
}

impl Actions {
    /// The file as it is, to be named again.
    pub(super) fn again(self) -> Add {
        Add { deletion_vector: self.remove.deletion_vector, ..self.add }
    }
}

pub(super) fn actions_by_path(table: &Table) -> Result<HashMap<String, Actions>> {
    let files = table.state().snapshot().try_log_data();
    let files = files.map_err(|cause| error::delta(table.location(), cause))?;
    let mut by_path = HashMap::new();
    for file in files.iter() {
        let remove = file.remove_action(true);
        let add = Add {
            path: file.path().into_owned(),
            partition_values: file.partition_values_map(),
            size: file.size(),
            modification_time: file.modification_time(),
            data_change: true,
            stats: file.stats().map(|stats| statistics::loose(&stats)),
            ..Add::default()
        };
        by_path.insert(logged_path(remove.clone())?, Actions { remove, add });
    }
    Ok(by_path)
}

/// The files of a table that can be changed row by row: every table we write.
pub(super) fn listed(table: &Table) -> Result<&Arc<DataFileList>> {
    let missing = || error::unsupported(table.location(), "changing single rows");
    table.data_files().ok_or_else(missing)
}
