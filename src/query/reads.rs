//! What a plan that ran has read: file by file, as its own scans counted it.
//!
//! Its one idea: no figure is worked out from what should have been read. Knows files by the paths of their
//! store, and no tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;

/// A plan that runs or ran.
#[derive(Clone)]
pub struct Ran(pub(crate) Arc<dyn ExecutionPlan>);

/// One scan of a plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScanRead {
    /// The file it would have read first, if any.
    pub(crate) first: Option<String>,
    /// Rows of all files it was given, where statistics say.
    pub(crate) estimated_rows: Option<u64>,
    /// Bytes of all files it was given.
    pub(crate) estimated_bytes: u64,
    /// Rows it gave.
    pub(crate) rows: u64,
    /// Files it read, and how many bytes of each.
    pub(crate) files: BTreeMap<String, u64>,
}

impl Ran {
    /// Each scan of files, so far.
    pub(crate) fn scans(&self) -> Vec<ScanRead> {
        let mut scans = Vec::new();
        collect(&self.0, &mut scans);
        scans
    }
}

fn collect(plan: &Arc<dyn ExecutionPlan>, scans: &mut Vec<ScanRead>) {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(config) = source.data_source().downcast_ref::<FileScanConfig>()
    {
        scans.push(read(plan, config));
    }
    for child in plan.children() {
        collect(child, scans);
    }
}

fn read(plan: &Arc<dyn ExecutionPlan>, config: &FileScanConfig) -> ScanRead {
    let given = || config.file_groups.iter().flat_map(|group| group.iter());
    let rows = given().map(|file| match file.statistics.as_deref().map(|known| known.num_rows) {
        Some(Precision::Exact(rows) | Precision::Inexact(rows)) => Some(rows as u64),
        _ => None,
    });
    let mut scan = ScanRead {
        first: given().next().map(|file| file.object_meta.location.to_string()),
        estimated_rows: rows.sum(),
        estimated_bytes: given().map(|file| file.object_meta.size).sum(),
        ..ScanRead::default()
    };
    let Some(metrics) = plan.metrics() else { return scan };
    scan.rows = metrics.output_rows().unwrap_or(0) as u64;
    for metric in metrics.iter().filter(|metric| metric.value().name() == "bytes_scanned") {
        let file = metric.labels().iter().find(|label| label.name() == "filename");
        let bytes = metric.value().as_usize() as u64;
        if let (Some(file), 1..) = (file, bytes) {
            *scan.files.entry(file.value().to_owned()).or_default() += bytes;
        }
    }
    scan
}
