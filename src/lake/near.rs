//! Rows that are wanted and differ from those there are in the last digits of floats alone.
//!
//! Its one idea: sums of floats depend on the order they are added in, so a row computed again may be the stored
//! one but for its last digits. All other columns are compared exactly, floats by [`is_close`]. For rows that were
//! looked for exactly, and not found; knows nothing of files.

use std::cmp::Ordering;
use std::collections::HashMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};

use crate::error::{Error, Result};

/// The relative difference that is none.
const TOLERANCE: f64 = 1e-9;

/// Wanted rows, by what they have that is no float.
pub(super) struct Near {
    exact: Vec<usize>,
    floats: Vec<usize>,
    converter: RowConverter,
    /// Sorted by the first float.
    wanted: HashMap<Option<OwnedRow>, Vec<Wanted>>,
}

struct Wanted {
    floats: Vec<Option<f64>>,
    left: u64,
}

/// Values of rows, ready to be compared.
pub(super) struct Compared {
    exact: Option<Rows>,
    floats: Vec<Float64Array>,
}

impl Near {
    /// Rows of these columns, each so often; `None` where no column is a float.
    ///
    /// # Errors
    /// Internal ones only.
    pub(super) fn new(columns: &[ArrayRef], times: &[u64]) -> Result<Option<Self>> {
        let is_float = |at: &usize| columns[*at].data_type().is_floating();
        let (floats, exact): (Vec<usize>, Vec<usize>) = (0..columns.len()).partition(is_float);
        if floats.is_empty() {
            return Ok(None);
        }
        let fields = exact.iter().map(|&at| SortField::new(columns[at].data_type().clone()));
        let converter = RowConverter::new(fields.collect()).map_err(compared)?;
        let mut near = Self { exact, floats, converter, wanted: HashMap::new() };
        let rows = near.compared(columns)?;
        for (row, left) in times.iter().enumerate() {
            let wanted = Wanted { floats: rows.floats_of(row), left: *left };
            near.wanted.entry(rows.key(row)).or_default().push(wanted);
        }
        for alike in near.wanted.values_mut() {
            alike.sort_by(|a, b| float_order(a.first(), b.first()));
        }
        Ok(Some(near))
    }

    /// Prepares rows to be compared; their first columns are those of the wanted ones.
    ///
    /// # Errors
    /// Internal ones only.
    pub(super) fn compared(&self, columns: &[ArrayRef]) -> Result<Compared> {
        let float = |&at: &usize| {
            let values = cast(&columns[at], &DataType::Float64).map_err(compared)?;
            let values = values.as_primitive_opt::<Float64Type>().cloned();
            values.ok_or_else(|| Error::internal("floats that are none"))
        };
        let floats = self.floats.iter().map(float).collect::<Result<_>>()?;
        let exact: Vec<ArrayRef> = self.exact.iter().map(|&at| columns[at].clone()).collect();
        let exact = match exact.is_empty() {
            true => None,
            false => Some(self.converter.convert_columns(&exact).map_err(compared)?),
        };
        Ok(Compared { exact, floats })
    }

    /// Whether a row is a wanted one; it is wanted once less then.
    pub(super) fn take(&mut self, rows: &Compared, row: usize) -> bool {
        let Some(alike) = self.wanted.get_mut(&rows.key(row)) else { return false };
        let floats = rows.floats_of(row);
        let first = floats.first().copied().flatten();
        let from = alike.partition_point(|wanted| is_before(wanted.first(), first));
        let close = alike[from..].iter_mut().take_while(|wanted| is_close(wanted.first(), first));
        let all_close = |wanted: &Wanted| {
            wanted.floats.iter().zip(&floats).all(|(one, other)| is_close(*one, *other))
        };
        for wanted in close {
            if wanted.left > 0 && all_close(wanted) {
                wanted.left -= 1;
                return true;
            }
        }
        false
    }

    /// Rows that are still wanted.
    pub(super) fn left(&self) -> u64 {
        self.wanted.values().flatten().map(|wanted| wanted.left).sum()
    }
}

impl Wanted {
    fn first(&self) -> Option<f64> {
        self.floats.first().copied().flatten()
    }
}

impl Compared {
    /// What of a row is compared exactly; of floats alone, nothing.
    fn key(&self, row: usize) -> Option<OwnedRow> {
        self.exact.as_ref().map(|exact| exact.row(row).owned())
    }

    fn floats_of(&self, row: usize) -> Vec<Option<f64>> {
        let value = |values: &Float64Array| values.is_valid(row).then(|| values.value(row));
        self.floats.iter().map(value).collect()
    }
}

/// Whether two values are one, as far as floats can say; NULL is NULL and no number is no number.
#[must_use]
pub fn is_close(a: Option<f64>, b: Option<f64>) -> bool {
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
#[must_use]
pub fn is_before(a: Option<f64>, b: Option<f64>) -> bool {
    float_order(a, b) == Ordering::Less && !is_close(a, b)
}

/// NULL, then numbers, then what is no number.
#[must_use]
pub fn float_order(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
        _ => a.is_some().cmp(&b.is_some()),
    }
}

fn compared(error: arrow::error::ArrowError) -> Error {
    Error::internal("compare rows that have floats").caused_by(error)
}
