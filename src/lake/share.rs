//! A table's rows in shares, so that several readers can each take one.
//!
//! Its one idea: a share names data files, or ranges of one file's bytes, explicitly. A row group is
//! read by whoever holds the range that its first page lies in; ranges meet without gap or overlap,
//! so shares together are exactly the version's rows, whoever reads them and with how many cores.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use futures::future::{BoxFuture, try_join_all};

use crate::error::{Error, ErrorKind, Result};

use super::changes::logged_path;
use super::error;
use super::file_scan::Wanted;
use super::provider::PinnedScan;
use super::table::Table;

/// Some of a version's rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    /// The data files, or parts of them, that hold the rows.
    pub files: Vec<FileShare>,
}

/// A data file, or a range of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileShare {
    /// The file, as the log names it.
    pub path: String,
    /// The bytes; none for the whole file.
    pub bytes: Option<Range<u64>>,
}

impl Table {
    /// Shares that together are exactly this version's rows: `count` at most, each of `bytes_min` at
    /// least where files can be cut. Files with deleted rows are not cut.
    pub fn shares(&self, count: usize, bytes_min: u64) -> Result<Vec<Share>> {
        let log = self.state().snapshot().try_log_data();
        let log = log.map_err(|error| error::delta(self.location(), error))?;
        let mut files: Vec<(String, u64, bool)> = Vec::new();
        for file in log.iter() {
            let size = u64::try_from(file.size()).unwrap_or_default();
            let whole = file.deletion_vector_descriptor().is_none();
            files.push((logged_path(file.remove_action(true))?, size, whole));
        }
        files.sort();
        Ok(divided(&files, count, bytes_min))
    }

    /// As [`Table::provider`], of one share only.
    ///
    /// # Errors
    /// `DataCorrupted` for a share with a file that is not of this version.
    pub fn share_provider(&self, share: &Share) -> Result<Arc<dyn TableProvider>> {
        let log = self.state().snapshot().try_log_data();
        let log = log.map_err(|error| error::delta(self.location(), error))?;
        let known = log.iter().map(|file| logged_path(file.remove_action(true)));
        let known: HashSet<String> = known.collect::<Result<_>>()?;
        if let Some(stranger) = share.files.iter().find(|file| !known.contains(&file.path)) {
            let message = format!("file \"{}\" is not of this version", stranger.path);
            return Err(Error::new(ErrorKind::DataCorrupted, message));
        }
        let whole = share.files.iter().filter(|file| file.bytes.is_none());
        let whole: Vec<String> = whole.map(|file| file.path.clone()).collect();
        let of = |paths| Wanted { only: Some(paths), ..Wanted::default() };
        let mut scans = Vec::new();
        if !whole.is_empty() || share.files.is_empty() {
            scans.push((self.wanted_scan(of(whole))?, None));
        }
        for file in &share.files {
            if let Some(bytes) = &file.bytes {
                scans.push((self.wanted_scan(of(vec![file.path.clone()]))?, Some(bytes.clone())));
            }
        }
        Ok(Arc::new(ShareScan { schema: scans[0].0.schema(), scans }))
    }
}

/// Walks the files in order and cuts where a share is full.
fn divided(files: &[(String, u64, bool)], count: usize, bytes_min: u64) -> Vec<Share> {
    let total: u64 = files.iter().map(|(_, size, _)| size).sum();
    let count = (total / bytes_min.max(1)).clamp(1, count.max(1) as u64);
    let aim = total.div_ceil(count).max(1);
    let mut shares = vec![Share::default()];
    let mut room = aim;
    for (path, size, divisible) in files {
        let mut start = 0;
        loop {
            if room == 0 && (shares.len() as u64) < count {
                shares.push(Share::default());
                room = aim;
            }
            let left = size - start;
            let last = shares.len() as u64 == count;
            let taken = if *divisible && !last { left.min(room) } else { left };
            let end = start + taken;
            let bytes = (start > 0 || end < *size).then_some(start..end);
            if let Some(share) = shares.last_mut() {
                share.files.push(FileShare { path: path.clone(), bytes });
            }
            room = room.saturating_sub(taken);
            start = end;
            if start >= *size {
                break;
            }
        }
    }
    shares
}

/// Whole files in one scan, then each cut file in its own, so that a range is never put on another
/// file than its own.
#[derive(Debug)]
struct ShareScan {
    schema: SchemaRef,
    scans: Vec<(PinnedScan, Option<Range<u64>>)>,
}

#[async_trait::async_trait]
impl TableProvider for ShareScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // Not an `async fn`: its future would hold the filters, and proving those `Send` walks every type
    // of an expression.
    fn scan<'s, 'e, 'p, 'f, 'r>(
        &'s self,
        session: &'e dyn Session,
        projection: Option<&'p Vec<usize>>,
        filters: &'f [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'r, DataFusionResult<Arc<dyn ExecutionPlan>>>
    where
        's: 'r,
        'e: 'r,
        'p: 'r,
        'f: 'r,
        Self: 'r,
    {
        let scan = |(scan, bytes): &'s (PinnedScan, Option<Range<u64>>)| {
            let planned = scan.scan(session, projection, filters, limit);
            let bytes = bytes.clone();
            Box::pin(async move {
                match bytes {
                    Some(bytes) => within(planned.await?, &bytes),
                    None => planned.await,
                }
            }) as BoxFuture<'r, _>
        };
        let planned: Vec<_> = self.scans.iter().map(scan).collect();
        Box::pin(async move {
            let mut plans = try_join_all(planned).await?;
            if plans.len() == 1 { Ok(plans.remove(0)) } else { UnionExec::try_new(plans) }
        })
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        self.scans[0].0.supports_filters_pushdown(filters)
    }
}

/// The scan of one file, of these bytes only.
fn within(
    plan: Arc<dyn ExecutionPlan>,
    bytes: &Range<u64>,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let bound = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
    let (start, end) = (bound(bytes.start), bound(bytes.end));
    let mut cut = false;
    let plan = plan.transform_down(|node| {
        // Rows that are counted and not read belong to whoever has the file's beginning.
        if node.name() == "DeltaScanMetaExec" || node.downcast_ref::<EmptyExec>().is_some() {
            cut = true;
            if start == 0 {
                return Ok(Transformed::no(node));
            }
            let nothing = EmptyExec::new(node.schema());
            return Ok(Transformed::yes(Arc::new(nothing) as Arc<dyn ExecutionPlan>));
        }
        let Some(source) = node.downcast_ref::<DataSourceExec>() else {
            return Ok(Transformed::no(node));
        };
        let Some(config) = source.data_source().downcast_ref::<FileScanConfig>() else {
            return Ok(Transformed::no(node));
        };
        let ranged = |group: &FileGroup| {
            let files = group.iter().map(|file| file.clone().with_range(start, end));
            FileGroup::new(files.collect())
        };
        let groups = config.file_groups.iter().map(ranged).collect();
        let statistics = config.statistics().to_inexact();
        let config = FileScanConfigBuilder::from(config.clone())
            .with_file_groups(groups)
            .with_statistics(statistics)
            .build();
        cut = true;
        Ok(Transformed::yes(DataSourceExec::from_data_source(config) as Arc<dyn ExecutionPlan>))
    })?;
    if !cut {
        let message = "a share's file is read by an operator that cannot be cut";
        return Err(DataFusionError::Internal(message.to_owned()));
    }
    Ok(plan.data)
}
