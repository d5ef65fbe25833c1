//! Two sets of rows, compared as multisets of what a person reads.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Error, Result};

/// Every row of batches, each value as text: texts in quotes, doubles to twelve digits.
pub(super) fn rows(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(texts).collect::<Result<Vec<_>>>()?;
        rows.extend(
            (0..batch.num_rows()).map(|row| {
                columns.iter().map(|column| column[row].clone()).collect::<Vec<String>>()
            }),
        );
    }
    Ok(rows)
}

fn texts(array: &ArrayRef) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let shown = ArrayFormatter::try_new(array, &options)
        .map_err(|error| Error::internal("a value does not print").caused_by(error))?;
    let text = |row: usize| match array.data_type() {
        _ if array.is_null(row) => "NULL".to_owned(),
        DataType::Float64 => double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => double(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            format!("'{}'", shown.value(row).to_string().replace('\'', "''"))
        }
        _ => shown.value(row).to_string(),
    };
    Ok((0..array.len()).map(text).collect())
}

fn double(value: f64) -> String {
    let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
    // There is no telling two zeros apart by reading.
    (rounded + 0.0).to_string()
}

/// What only `expected` has, and what only `actual` has.
pub(super) fn difference(
    expected: Vec<Vec<String>>,
    actual: Vec<Vec<String>>,
) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let mut counts: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    expected.into_iter().for_each(|row| *counts.entry(row).or_default() += 1);
    actual.into_iter().for_each(|row| *counts.entry(row).or_default() -= 1);
    let (mut missing, mut surplus) = (Vec::new(), Vec::new());
    for (row, count) in counts {
        let times = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        let side = if count > 0 { &mut missing } else { &mut surplus };
        side.extend(std::iter::repeat_n(row, times));
    }
    (missing, surplus)
}
