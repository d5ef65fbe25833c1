//! What a refresh has read of each source and what came out of its operators, summed up over the plans that
//! ran, and what is said of it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use crate::lake::{Edited, Location, Table};
use crate::query::{OperatorRead, Ran, ScanRead};
use crate::syntax::RefreshPolicy;

use super::build::Job;
use super::follow::Sides;
use super::incremental::{AGAIN, KEYS, Laws, SourceChange};
use super::operators::OperatorRow;
use super::pins::Pin;

/// All scans and operators of one computation.
#[derive(Debug, Default)]
pub(super) struct Reads {
    scans: Vec<ScanRead>,
    /// What meters counted, by label.
    metered: BTreeMap<String, Counted>,
    /// Operators of the plan that computed everything, from the result down.
    operators: Vec<OperatorRead>,
}

/// Rows of an operator over all plans that had it.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    estimated_rows: Option<u64>,
    rows: u64,
}

const KEYS_LAW: &str = "distinct keys of changed rows are found first";
const AGAIN_LAW: &str = "rows of these keys are read, as they are and as they were";

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
    /// Takes in a plan over changes that ran, to its end or not.
    pub(super) fn add(&mut self, ran: &Ran, has_ended: bool) {
        self.scans.extend(ran.scans());
        for meter in ran.meters(has_ended) {
            let counted = self.metered.entry(meter.name).or_default();
            counted.rows += meter.rows;
            let known = [counted.estimated_rows, meter.estimated_rows].into_iter().flatten();
            counted.estimated_rows = known.reduce(|one, other| one + other);
        }
    }

    /// Takes in the plan that computed everything.
    pub(super) fn add_full(&mut self, ran: &Ran) {
        self.scans.extend(ran.scans());
        self.operators = ran.operators();
    }

    /// What was read stays read; which operators did so is told anew.
    pub(super) fn forget_operators(&mut self) {
        self.metered.clear();
    }

    /// Rows and bytes read of all files.
    pub(super) fn total(&self) -> (u64, u64) {
        let bytes = |scan: &ScanRead| scan.files.values().sum::<u64>();
        self.scans.iter().fold((0, 0), |(rows, all), scan| (rows + scan.rows, all + bytes(scan)))
    }

    /// The operators of a full refresh, then its scans.
    pub(super) fn full(&self, sources: &[Pin]) -> Vec<OperatorRow> {
        let rows = self.operators.iter().map(|read| OperatorRow {
            operator: read.name.clone(),
            estimated_rows: read.estimated_rows,
            actual_rows: Some(read.rows),
            chosen: true,
            ..OperatorRow::default()
        });
        rows.chain(self.sources(sources)).collect()
    }

    /// Each operator with its law; before it the keys it asked for, and the rows of these.
    fn by_law(&self, laws: &Laws) -> Vec<OperatorRow> {
        let mut rows = Vec::new();
        let mut said = BTreeSet::new();
        for (place, operator, law) in laws {
            let row = |operator: String, rule: &str, counted: Option<Counted>| OperatorRow {
                place: Some(place.clone()),
                operator,
                rule: Some(rule.to_owned()),
                estimated_rows: counted.and_then(|counted| counted.estimated_rows),
                actual_rows: counted.map(|counted| counted.rows),
                chosen: true,
                ..OperatorRow::default()
            };
            if said.insert(place) {
                let keys = self.at(place, KEYS);
                rows.extend(
                    keys.map(|keys| row(format!("keys of {operator}"), KEYS_LAW, Some(keys))),
                );
                let again = self.at(place, AGAIN);
                rows.extend(
                    again.map(|again| row(format!("rows of {operator}"), AGAIN_LAW, Some(again))),
                );
            }
            rows.push(row((*operator).to_owned(), law, self.metered.get(place).copied()));
        }
        rows
    }

    /// What meters of one kind counted at a place, and at the parts that a law has cut it into.
    fn at(&self, place: &str, kind: &str) -> Option<Counted> {
        let is_there = |label: &str| {
            let of = label.strip_suffix(kind);
            let rest = of.and_then(|of| of.strip_prefix(place));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(".g") || rest == ".facts")
        };
        let found = self.metered.iter().filter(|(label, _)| is_there(label));
        found.map(|(_, counted)| *counted).reduce(|one, other| Counted {
            rows: one.rows + other.rows,
            estimated_rows: one.estimated_rows.zip(other.estimated_rows).map(|(a, b)| a + b),
        })
    }

    /// One row a source that was read, named by `name`.
    fn sources(&self, sources: &[Pin]) -> Vec<OperatorRow> {
        let mut by_source: BTreeMap<String, SourceReads<'_>> = BTreeMap::new();
        for scan in &self.scans {
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
    /// Which law each operator was changed by and what came out of it, what the log said had changed, what was read, and what a
    /// full refresh would have read.
    pub(super) fn operators(
        &self,
        laws: &Laws,
        sources: &BTreeMap<Location, SourceChange>,
        reads: &Reads,
    ) -> Vec<OperatorRow> {
        let changed = sources.iter().map(|(location, source)| OperatorRow {
            operator: format!("changes of {}", self.lake.relative(location)),
            estimated_rows: source.changes.rows(),
            estimated_bytes: Some(source.changes.files().1),
            chosen: true,
            ..OperatorRow::default()
        });
        let why = match self.view.policy {
            RefreshPolicy::Auto => "following the changes was expected to be cheaper",
            _ => "the policy is to follow the changes",
        };
        let tables = || self.sources.iter().map(|pin| &pin.table);
        let full = OperatorRow {
            operator: "full refresh".to_owned(),
            reason: Some(why.to_owned()),
            estimated_rows: tables().map(Table::rows).sum(),
            estimated_bytes: Some(tables().map(|table| table.files().1).sum()),
            ..OperatorRow::default()
        };
        let laws = reads.by_law(laws).into_iter();
        let rows = laws.chain(changed).chain(reads.sources(self.sources)).chain([full]);
        rows.zip(1..).map(|(row, number)| OperatorRow { number, ..row }).collect()
    }

    /// How the rows were put into the view's table, of which so many files and bytes were read for it.
    pub(super) fn edited(
        &self,
        edited: &Edited,
        kept: &Sides,
        (files, bytes): (u64, u64),
        before: usize,
    ) -> OperatorRow {
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
            bytes_read: Some(bytes),
            files_read: Some(files),
            chosen: true,
            ..OperatorRow::default()
        }
    }
}
