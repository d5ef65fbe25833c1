//! Two sets of rows, each row as often as it occurs, compared in bounded memory.
//!
//! Rows go to buckets by what must be the same on both sides. The first pass keeps one sum of hashes
//! a bucket; where the sums of both sides agree, so do the rows. Later passes see the same rows again
//! and keep those of the buckets that differ, as many buckets at once as fit. The hashes are keyed
//! anew for each comparison, so no two rows cancel each other again and again.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::{Error, ErrorKind, Result};

use super::floats::{Unpaired, pair};
use super::layout::Layout;

const BUCKETS: u64 = 4096;
/// What a row kept in memory costs beside its key.
const ENTRY_BYTES: u64 = 80;
/// Differing rows that are shown.
const EXAMPLES_MAX: usize = 10;
/// Passes for rows, once a difference is certain, and while none is.
const PASSES_DIFFERENT: u32 = 4;
const PASSES_MAX: u32 = 64;

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    View,
    Query,
}

/// What a comparison found.
#[derive(Debug, Clone, Default)]
pub(super) struct Difference {
    /// Rows of the query that were compared.
    pub(super) rows_checked: u64,
    /// Rows of the query that the view does not have, each as often as it lacks.
    pub(super) rows_missing: u64,
    /// Rows of the view that the query does not give.
    pub(super) rows_surplus: u64,
    /// Some rows that differ, with how often each is on either side.
    pub(super) examples: Vec<String>,
}

impl Difference {
    pub(super) fn is_none(&self) -> bool {
        self.rows_missing == 0 && self.rows_surplus == 0 && self.examples.is_empty()
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Digest {
    sum: u128,
    rows: u64,
    bytes: u64,
}

/// How often a row is in the view, and in the query.
type Counts = [u64; 2];

enum Pass {
    Digests,
    Rows { wanted: Vec<bool>, rows: HashMap<Box<[u8]>, Counts>, bytes: u64 },
    Over,
}

/// A comparison under way.
pub(super) struct Comparison {
    layout: Layout,
    place: RandomState,
    halves: [RandomState; 2],
    /// Of 2^32 places, those below are in the sample.
    sampled_below: u64,
    digests: Vec<[Digest; 2]>,
    pass: Pass,
    passes: u32,
    /// Buckets of the passes to come.
    waiting: Vec<Vec<usize>>,
    budget_bytes: u64,
    found: Difference,
}

impl Comparison {
    /// Compares rows of `schema`, or a sample of them: the same one on both sides.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub(super) fn new(schema: &SchemaRef, sample_percent: f64, budget_bytes: u64) -> Result<Self> {
        let layout = Layout::new(schema)?;
        // Nothing exact is left to draw a sample by.
        let percent = if layout.is_inexact() { 100.0 } else { sample_percent.clamp(0.0, 100.0) };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 0 and 2^32"
        )]
        let sampled_below = (percent / 100.0 * 4_294_967_296.0).ceil() as u64;
        Ok(Self {
            layout,
            place: RandomState::new(),
            halves: [RandomState::new(), RandomState::new()],
            sampled_below,
            digests: (0..BUCKETS).map(|_| Default::default()).collect(),
            pass: Pass::Digests,
            passes: 0,
            waiting: Vec::new(),
            budget_bytes,
            found: Difference::default(),
        })
    }

    /// Takes in rows of one side. Each pass is given the same rows.
    ///
    /// # Errors
    /// `OutOfMemory` when too many rows differ in nothing but floats.
    pub(super) fn add(&mut self, side: Side, batch: &RecordBatch) -> Result<()> {
        let Self { layout, place, halves, sampled_below, digests, pass, budget_bytes, .. } = self;
        if matches!(pass, Pass::Over) {
            return Ok(());
        }
        layout.keys(batch, |key| {
            let place = place.hash_one(layout.exact_part(key));
            if place >> 32 >= *sampled_below {
                return Ok(());
            }
            let bucket = usize::try_from(place % BUCKETS).unwrap_or_default();
            match pass {
                Pass::Digests => {
                    if let Some(digests) = digests.get_mut(bucket) {
                        digests[side as usize].add(key, halves);
                    }
                }
                Pass::Rows { wanted, rows, bytes } if wanted.get(bucket) == Some(&true) => {
                    if let Some(counts) = rows.get_mut(key) {
                        counts[side as usize] += 1;
                        return Ok(());
                    }
                    *bytes += key.len() as u64 + ENTRY_BYTES;
                    if *bytes > budget_bytes.saturating_mul(2) {
                        return Err(too_many());
                    }
                    let mut counts = Counts::default();
                    counts[side as usize] = 1;
                    rows.insert(key.into(), counts);
                }
                Pass::Rows { .. } | Pass::Over => {}
            }
            Ok(())
        })
    }

    /// Ends a pass; whether both sides must be read once more.
    ///
    /// # Errors
    /// `OutOfMemory` as [`Comparison::add`].
    pub(super) fn next_pass(&mut self) -> Result<bool> {
        match std::mem::replace(&mut self.pass, Pass::Over) {
            Pass::Over => return Ok(false),
            Pass::Digests => {
                self.found.rows_checked = self.digests.iter().map(|[_, query]| query.rows).sum();
                self.waiting = self.differing();
            }
            Pass::Rows { rows, .. } => {
                self.passes += 1;
                self.settle(rows)?;
            }
        }
        let enough = !self.found.is_none() && self.passes >= PASSES_DIFFERENT;
        if enough && !self.waiting.is_empty() {
            self.found.examples.push("more rows differ and were not counted".to_owned());
            return Ok(false);
        }
        let Some(buckets) = self.waiting.pop() else { return Ok(false) };
        if self.passes >= PASSES_MAX {
            return Err(too_many());
        }
        let mut wanted = vec![false; self.digests.len()];
        for bucket in buckets {
            if let Some(wanted) = wanted.get_mut(bucket) {
                *wanted = true;
            }
        }
        self.pass = Pass::Rows { wanted, rows: HashMap::new(), bytes: 0 };
        Ok(true)
    }

    pub(super) fn found(self) -> Difference {
        self.found
    }

    /// The buckets whose sides differ, in groups that fit in memory.
    fn differing(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut held = u64::MAX;
        for (bucket, [view, query]) in self.digests.iter().enumerate() {
            if (view.sum, view.rows) == (query.sum, query.rows) {
                continue;
            }
            let bytes = view.bytes + query.bytes + (view.rows + query.rows) * ENTRY_BYTES;
            held = held.saturating_add(bytes);
            match groups.last_mut() {
                Some(group) if held <= self.budget_bytes => group.push(bucket),
                _ => {
                    held = bytes;
                    groups.push(vec![bucket]);
                }
            }
        }
        groups
    }

    /// Counts the rows of a pass that are not as often on both sides.
    fn settle(&mut self, rows: HashMap<Box<[u8]>, Counts>) -> Result<()> {
        let Self { layout, found, .. } = self;
        let mut unequal: Vec<(Box<[u8]>, Counts)> =
            rows.into_iter().filter(|(_, [view, query])| view != query).collect();
        unequal.sort_by(|a, b| a.0.cmp(&b.0));
        for group in unequal.chunk_by(|a, b| layout.exact_part(&a.0) == layout.exact_part(&b.0)) {
            let mut surplus = unpaired(layout, group, |[view, query]| view.saturating_sub(query));
            let mut missing = unpaired(layout, group, |[view, query]| query.saturating_sub(view));
            if layout.has_floats() && !pair(&mut surplus, &mut missing) {
                return Err(too_many());
            }
            found.rows_surplus += surplus.iter().map(|row| row.times).sum::<u64>();
            found.rows_missing += missing.iter().map(|row| row.times).sum::<u64>();
            for row in surplus.iter().chain(&missing).filter(|row| row.times > 0) {
                if let (Some((key, [view, query])), true) =
                    (group.get(row.row), found.examples.len() < EXAMPLES_MAX)
                {
                    let text = layout.text(key)?;
                    found
                        .examples
                        .push(format!("{text}: {view} in the view, {query} in the query"));
                }
            }
        }
        Ok(())
    }
}

impl Digest {
    fn add(&mut self, key: &[u8], halves: &[RandomState; 2]) {
        let [high, low] = halves;
        let hash = (u128::from(high.hash_one(key)) << 64) | u128::from(low.hash_one(key));
        self.sum = self.sum.wrapping_add(hash);
        self.rows += 1;
        self.bytes += key.len() as u64;
    }
}

/// The rows of a group that one side has more often, by how much.
fn unpaired(
    layout: &Layout,
    group: &[(Box<[u8]>, Counts)],
    more: impl Fn(Counts) -> u64,
) -> Vec<Unpaired> {
    let rows = group.iter().enumerate().filter(|(_, (_, counts))| more(*counts) > 0);
    rows.map(|(row, (key, counts))| Unpaired {
        row,
        floats: layout.floats(key),
        times: more(*counts),
    })
    .collect()
}

fn too_many() -> Error {
    Error::new(ErrorKind::OutOfMemory, "too many rows differ to be compared in memory")
        .hint("VERIFY ... SAMPLE n PERCENT compares fewer rows.")
}
