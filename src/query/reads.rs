//! What a plan that ran has read, file by file, and what came out of its operators, as it counted itself.
//!
//! Its one idea: no figure is worked out from what should have been read. Knows files by the paths of their
//! store, and no tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::stats::Precision;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateOutputMode};
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use super::meter::MeterExec;

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

/// An operator of a plan, or a meter above one.
#[derive(Debug, Clone)]
pub(crate) struct OperatorRead {
    /// The meter's label, or what the operator is called.
    pub(crate) name: String,
    /// Rows it was to give, where statistics say.
    pub(crate) estimated_rows: Option<u64>,
    /// Rows it gave.
    pub(crate) rows: u64,
}

impl Ran {
    /// Each meter, so far. What it counted, when all has ended, is what the operator below it says it gave.
    pub(crate) fn meters(&self, has_ended: bool) -> Vec<OperatorRead> {
        let mut found = Vec::new();
        each(&self.0, &mut |plan| {
            let Some(meter) = plan.downcast_ref::<MeterExec>() else { return };
            let read = operator(plan, meter.label.to_string());
            let agrees = !has_ended || agrees(meter, read.rows);
            debug_assert!(agrees, "{} rows of {}", read.rows, meter.input.name());
            found.push(read);
        });
        found
    }

    /// Each operator that is one of a query, scans aside, from the result down. What only spreads, gathers or
    /// sorts rows for another is none, and of an aggregate in two steps the second is counted.
    pub(crate) fn operators(&self) -> Vec<OperatorRead> {
        let mut found = Vec::new();
        each(&self.0, &mut |plan| found.extend(called(plan).map(|name| operator(plan, name))));
        found
    }

    /// Each scan of files, so far.
    pub(crate) fn scans(&self) -> Vec<ScanRead> {
        let mut scans = Vec::new();
        each(&self.0, &mut |plan| {
            if let Some(source) = plan.downcast_ref::<DataSourceExec>()
                && let Some(config) = source.data_source().downcast_ref::<FileScanConfig>()
            {
                scans.push(read(plan, config));
            }
        });
        scans
    }
}

fn each(plan: &Arc<dyn ExecutionPlan>, visit: &mut dyn FnMut(&Arc<dyn ExecutionPlan>)) {
    visit(plan);
    for child in plan.children() {
        each(child, visit);
    }
}

fn operator(plan: &Arc<dyn ExecutionPlan>, name: String) -> OperatorRead {
    let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let known = known.ok().and_then(|known| known.num_rows.get_value().copied());
    let rows = plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or(0);
    OperatorRead { name, estimated_rows: known.map(|rows| rows as u64), rows: rows as u64 }
}

/// Whether a meter and the operator right below it count alike.
fn agrees(meter: &MeterExec, rows: u64) -> bool {
    let below = meter.input.metrics().and_then(|metrics| metrics.output_rows());
    called(&meter.input).is_none() || below.is_none_or(|below| below as u64 == rows)
}

/// What an operator of a query is called; `None` of one that is none.
fn called(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let name = match plan.name() {
        "FilterExec" => "filter",
        "ProjectionExec" => "projection",
        "UnionExec" | "InterleaveExec" => "union all",
        "UnnestExec" => "unnest",
        "WindowAggExec" | "BoundedWindowAggExec" => "window",
        "GlobalLimitExec" => "limit",
        "RecursiveQueryExec" => "recursive query",
        "CrossJoinExec" => "cross join",
        _ => {
            if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
                let is_last = aggregate.mode().output_mode() == AggregateOutputMode::Final;
                return is_last.then(|| "aggregate".to_owned());
            }
            let hashed = plan.downcast_ref::<HashJoinExec>().map(HashJoinExec::join_type);
            let sorted = || plan.downcast_ref::<SortMergeJoinExec>().map(|join| join.join_type());
            let nested = || plan.downcast_ref::<NestedLoopJoinExec>().map(|join| *join.join_type());
            return hashed.copied().or_else(sorted).or_else(nested).map(join_name);
        }
    };
    Some(name.to_owned())
}

fn join_name(join_type: JoinType) -> String {
    let kind = match join_type {
        JoinType::Inner => "inner",
        JoinType::Left | JoinType::Right | JoinType::Full => "outer",
        JoinType::LeftSemi | JoinType::RightSemi => "semi",
        JoinType::LeftAnti | JoinType::RightAnti => "anti",
        JoinType::LeftMark | JoinType::RightMark => "mark",
    };
    format!("{kind} join")
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
