//! Rows that differ in floats alone, paired where they differ by no more than computing may.
//!
//! Sums of floats depend on the order they are added in, so two right answers may differ in their
//! last digits. Knows only numbers: which rows may be paired at all is its caller's business.

use crate::lake::{float_order, is_before, is_close};

/// Rows compared with one another, at most.
const STEPS_MAX: u64 = 50_000_000;

/// How often one row stands on one side without its like on the other.
#[derive(Debug)]
pub(super) struct Unpaired {
    /// The caller's own number of the row.
    pub(super) row: usize,
    pub(super) floats: Vec<Option<f64>>,
    pub(super) times: u64,
}

/// Pairs rows of both sides that are close in every float, taking what is paired off `times`.
/// Whether it came to an end: rows that agree in their first float are compared each with each.
pub(super) fn pair(one: &mut [Unpaired], other: &mut [Unpaired]) -> bool {
    other.sort_by(|a, b| float_order(first(a), first(b)));
    let mut steps: u64 = 0;
    for row in one {
        let mut at = other.partition_point(|candidate| is_before(first(candidate), first(row)));
        while row.times > 0
            && let Some(candidate) = other.get_mut(at)
            && is_close(first(candidate), first(row))
        {
            if candidate.times > 0 && all_close(&candidate.floats, &row.floats) {
                let paired = row.times.min(candidate.times);
                row.times -= paired;
                candidate.times -= paired;
            }
            at += 1;
            steps += 1;
            if steps > STEPS_MAX {
                return false;
            }
        }
    }
    true
}

fn first(row: &Unpaired) -> Option<f64> {
    row.floats.first().copied().flatten()
}

fn all_close(one: &[Option<f64>], other: &[Option<f64>]) -> bool {
    one.iter().zip(other).all(|(a, b)| is_close(*a, *b))
}
