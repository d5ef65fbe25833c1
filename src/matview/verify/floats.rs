//! Rows that differ in floats alone, paired where they differ by no more than computing may.
//!
//! Sums of floats depend on the order they are added in, so two right answers may differ in their
//! last digits. Knows only numbers: which rows may be paired at all is its caller's business.

use std::cmp::Ordering;

/// The relative difference that is none.
const TOLERANCE: f64 = 1e-9;
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
    other.sort_by(|a, b| order(first(a), first(b)));
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

/// Whether two values are one, as far as floats can say.
fn is_close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) if a.is_nan() || b.is_nan() => a.is_nan() && b.is_nan(),
        (Some(a), Some(b)) if a.is_finite() && b.is_finite() => {
            (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
        }
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// Whether `a` comes before everything that is close to `b`.
fn is_before(a: Option<f64>, b: Option<f64>) -> bool {
    order(a, b) == Ordering::Less && !is_close(a, b)
}

/// NULL, then numbers, then what is no number.
fn order(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
        _ => a.is_some().cmp(&b.is_some()),
    }
}
