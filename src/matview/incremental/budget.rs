//! What following changes may cost beside computing in full.
//!
//! Its one idea: cost is counted in rows, because rows are known early: those a plan will read before it runs,
//! from the statistics of the files that keys have left over, and those of affected keys while it runs. An
//! attempt that comes to cost more than all rows do, or to last too long, is given up before its next plan, or
//! in the middle of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::query::{Allowance, Ran};

/// Of what a full refresh spends on a row, the percentage that goes into reading it, and into looking whether
/// its key is affected.
const READ_PERCENT: u64 = 30;
/// The rest: what is spent on a row that is computed with.
const AGAIN_PERCENT: u64 = 100 - READ_PERCENT;

/// What an attempt to follow changes may cost, and has.
#[derive(Debug)]
pub(crate) struct Budget {
    full_rows: u64,
    read: AtomicU64,
    again: Arc<Allowance>,
    until: Option<Instant>,
}

/// What following changes was seen or foreseen to cost, and what computing in full was, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weighed {
    pub(crate) incremental: u64,
    pub(crate) full: u64,
}

impl Budget {
    /// As much as a full refresh would cost, of which this is the plan, and no longer than `until`.
    pub(crate) fn of(full: &Ran, until: Option<Instant>) -> Self {
        Self { full_rows: rows_of(full), read: AtomicU64::new(0), again: Arc::default(), until }
    }

    /// When it is over.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether a plan may run after those that have; what it will read counts from now on.
    pub(super) fn lets(&self, plan: &Ran) -> bool {
        let read = self.read.fetch_add(rows_of(plan), Ordering::Relaxed) + rows_of(plan);
        let left = (self.full_rows * 100).checked_sub(read * READ_PERCENT);
        let Some(left) = left else { return false };
        self.again.allow(left / AGAIN_PERCENT);
        !self.again.is_used_up()
    }

    /// Whether more rows of affected keys came than may.
    pub(super) fn is_used_up(&self) -> bool {
        self.again.is_used_up()
    }

    /// What rows of affected keys are counted against.
    pub(super) fn again(&self) -> &Arc<Allowance> {
        &self.again
    }

    /// What it came to.
    pub(crate) fn weighed(&self) -> Weighed {
        let read = self.read.load(Ordering::Relaxed) * READ_PERCENT;
        let again = self.again.passed() * AGAIN_PERCENT;
        Weighed { incremental: (read + again) / 100, full: self.full_rows }
    }
}

fn rows_of(plan: &Ran) -> u64 {
    plan.scans().iter().filter_map(|scan| scan.estimated_rows).sum()
}
