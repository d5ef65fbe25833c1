//! What a refresh has read of each source, summed up over the plans that ran, and what is said of it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use crate::lake::{Edited, Location, Table};
use crate::query::{Ran, ScanRead};

use super::build::Job;
use super::follow::Sides;
use super::incremental::{Laws, SourceChange};
use super::operators::OperatorRow;
use super::pins::Pin;

/// All scans of one computation.
#[derive(Debug, Default)]
pub(super) struct Reads(Vec<ScanRead>);

/// Of one source.
#[derive(Debug, Default)]
struct SourceReads<'a> {
    estimated_rows: Option<u64>,
    estimated_bytes: u64,
    rows: u64,
    bytes: u64,
    files: BTreeSet<&'a str>,
}

impl Reads {
    /// Takes in a plan that has come to its end.
    pub(super) fn add(&mut self, ran: &Ran) {
        self.0.extend(ran.scans());
    }

    /// Rows and bytes read of all files.
    pub(super) fn total(&self) -> (u64, u64) {
        let bytes = |scan: &ScanRead| scan.files.values().sum::<u64>();
        self.0.iter().fold((0, 0), |(rows, all), scan| (rows + scan.rows, all + bytes(scan)))
    }

    /// One row a source that was read, named by `name`.
    pub(super) fn operators(&self, sources: &[Pin]) -> Vec<OperatorRow> {
        let mut by_source: BTreeMap<String, SourceReads<'_>> = BTreeMap::new();
        for scan in &self.0 {
            let Some(first) = &scan.first else { continue };
            let Some(pin) = sources.iter().find(|pin| pin.table.has_below(first)) else { continue };
            let reads = by_source.entry(pin.relation.name.to_string()).or_default();
            reads.estimated_rows =
                Some(reads.estimated_rows.unwrap_or(0) + scan.estimated_rows.unwrap_or(0));
            reads.estimated_bytes += scan.estimated_bytes;
            reads.rows += scan.rows;
            reads.bytes += scan.files.values().sum::<u64>();
            reads.files.extend(scan.files.keys().map(String::as_str));
        }
        let row = |(name, reads): (String, SourceReads<'_>)| OperatorRow {
            operator: format!("scan {name}"),
            estimated_rows: reads.estimated_rows,
            estimated_bytes: Some(reads.estimated_bytes),
            actual_rows: Some(reads.rows),
            bytes_read: Some(reads.bytes),
            files_read: Some(reads.files.len() as u64),
            chosen: true,
            ..OperatorRow::default()
        };
        by_source.into_iter().map(row).collect()
    }
}

impl Job<'_> {
    /// Which law each operator was changed by, what the log said had changed, what was read, and what a
    /// full refresh would have read.
    pub(super) fn operators(
        &self,
        laws: &Laws,
        sources: &BTreeMap<Location, SourceChange>,
        reads: &Reads,
    ) -> Vec<OperatorRow> {
        let laws = laws.iter().map(|(_, operator, law)| OperatorRow {
            operator: (*operator).to_owned(),
            rule: Some((*law).to_owned()),
            chosen: true,
            ..OperatorRow::default()
        });
        let changed = sources.iter().map(|(location, source)| OperatorRow {
            operator: format!("changes of {}", self.lake.relative(location)),
            estimated_rows: source.changes.rows(),
            estimated_bytes: Some(source.changes.files().1),
            chosen: true,
            ..OperatorRow::default()
        });
        let tables = || self.sources.iter().map(|pin| &pin.table);
        let full = OperatorRow {
            operator: "full refresh".to_owned(),
            reason: Some("following the changes was expected to be cheaper".to_owned()),
            estimated_rows: tables().map(Table::rows).sum(),
            estimated_bytes: Some(tables().map(|table| table.files().1).sum()),
            ..OperatorRow::default()
        };
        let rows = laws.chain(changed).chain(reads.operators(self.sources)).chain([full]);
        rows.zip(1..).map(|(row, number)| OperatorRow { number, ..row }).collect()
    }

    /// How the rows were put into the view's table.
    pub(super) fn edited(&self, edited: &Edited, kept: &Sides, before: usize) -> OperatorRow {
        let rows = |side: &[RecordBatch]| side.iter().map(|rows| rows.num_rows() as u64).sum();
        let (came, went): (u64, u64) = (rows(&kept.came), rows(&kept.went));
        let how = match (edited.files.replaced(), edited.files.marked()) {
            (0, 0) => "append",
            (0, _) => "deletion vectors",
            _ if edited.overwrites_partitions => "partition overwrite",
            (_, 0) => "keyed replace",
            _ => "keyed replace and deletion vectors",
        };
        OperatorRow {
            number: u32::try_from(before + 1).unwrap_or(u32::MAX),
            operator: format!("{how} in {}", self.relation.name),
            rule: Some(format!("{came} rows come, {went} go")),
            actual_rows: Some(edited.files.rows()),
            files_read: Some(edited.files_read),
            chosen: true,
            ..OperatorRow::default()
        }
    }
}
