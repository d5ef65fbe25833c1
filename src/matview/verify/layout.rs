//! A row as one key: bytes that are equal exactly when the row's values are.
//!
//! Columns of floats stand at the end, fixed in width, because they alone may differ a little between
//! two computations of one result. Everything before them is compared byte by byte.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::array_value_to_string;

use crate::error::{Error, ErrorKind, Result};

/// Bytes of one float in a key: whether there is one, and its bits.
const FLOAT_BYTES: usize = 9;
/// Characters of a row that a person is shown.
const TEXT_MAX: usize = 500;

/// How rows of one schema become keys.
pub(super) struct Layout {
    names: Vec<String>,
    exact: Vec<usize>,
    floats: Vec<usize>,
    /// `None` where every column is a float.
    converter: Option<RowConverter>,
}

impl Layout {
    /// # Errors
    /// `FeatureNotSupported` for a column whose type has no equality.
    pub(super) fn new(schema: &SchemaRef) -> Result<Self> {
        let is_float = |i: &usize| {
            matches!(schema.field(*i).data_type(), DataType::Float32 | DataType::Float64)
        };
        let (floats, exact): (Vec<usize>, Vec<usize>) =
            (0..schema.fields().len()).partition(is_float);
        let fields: Vec<SortField> =
            exact.iter().map(|&i| SortField::new(schema.field(i).data_type().clone())).collect();
        let converter = match fields.is_empty() {
            true => None,
            false => Some(RowConverter::new(fields).map_err(|error| {
                Error::new(
                    ErrorKind::FeatureNotSupported,
                    "rows with a column of this type cannot be compared",
                )
                .caused_by(error)
            })?),
        };
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Self { names, exact, floats, converter })
    }

    /// Whether only floats tell rows apart.
    pub(super) fn is_inexact(&self) -> bool {
        self.converter.is_none()
    }

    /// Whether some column may differ a little.
    pub(super) fn has_floats(&self) -> bool {
        !self.floats.is_empty()
    }

    /// Hands the key of each row to `take`.
    pub(super) fn keys(
        &self,
        batch: &RecordBatch,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let internal = |error| Error::internal("encode rows to compare").caused_by(error);
        let exact: Vec<ArrayRef> = self.exact.iter().map(|&i| batch.column(i).clone()).collect();
        let rows = self.converter.as_ref().map(|converter| converter.convert_columns(&exact));
        let rows = rows.transpose().map_err(internal)?;
        let floats: Vec<ArrayRef> = self
            .floats
            .iter()
            .map(|&i| cast(batch.column(i), &DataType::Float64))
            .collect::<std::result::Result<_, _>>()
            .map_err(internal)?;
        let floats: Vec<&Float64Array> =
            floats.iter().map(|column| column.as_primitive::<Float64Type>()).collect();
        let mut key = Vec::new();
        for row in 0..batch.num_rows() {
            key.clear();
            if let Some(rows) = &rows {
                key.extend_from_slice(rows.row(row).data());
            }
            for column in &floats {
                push_float(&mut key, column.is_valid(row).then(|| column.value(row)));
            }
            take(&key)?;
        }
        Ok(())
    }

    /// The part of a key that must be the same on both sides.
    pub(super) fn exact_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        key.get(..key.len().saturating_sub(self.floats.len() * FLOAT_BYTES)).unwrap_or(key)
    }

    /// The floats of a key, in the order of the columns.
    pub(super) fn floats(&self, key: &[u8]) -> Vec<Option<f64>> {
        let from = self.exact_part(key).len();
        key.get(from..).unwrap_or_default().chunks_exact(FLOAT_BYTES).map(read_float).collect()
    }

    /// A row as a person reads it.
    pub(super) fn text(&self, key: &[u8]) -> Result<String> {
        let internal = |error| Error::internal("decode a row that differs").caused_by(error);
        let mut values: Vec<(usize, String)> = Vec::with_capacity(self.names.len());
        if let Some(converter) = &self.converter {
            let parser = converter.parser();
            let row = parser.parse(self.exact_part(key));
            let columns = converter.convert_rows([row]).map_err(internal)?;
            for (index, column) in self.exact.iter().zip(&columns) {
                values.push((*index, value_text(column)));
            }
        }
        for (index, float) in self.floats.iter().zip(self.floats(key)) {
            values.push((*index, float.map_or_else(|| "null".to_owned(), |f| f.to_string())));
        }
        values.sort_by_key(|(index, _)| *index);
        let named = |(index, value): &(usize, String)| {
            format!("{}={value}", self.names.get(*index).map_or("", String::as_str))
        };
        let text = values.iter().map(named).collect::<Vec<_>>().join(", ");
        Ok(match text.char_indices().nth(TEXT_MAX) {
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
            None => text,
        })
    }
}

fn value_text(column: &ArrayRef) -> String {
    match column.is_null(0) {
        true => "null".to_owned(),
        false => array_value_to_string(column, 0).unwrap_or_else(|_| "?".to_owned()),
    }
}

/// Both zeros, and all that is no number, are one value each.
fn push_float(key: &mut Vec<u8>, value: Option<f64>) {
    let value = value.map(|value| match value {
        _ if value.is_nan() => f64::NAN,
        _ if value == 0.0 => 0.0,
        _ => value,
    });
    key.push(u8::from(value.is_some()));
    key.extend_from_slice(&value.unwrap_or_default().to_bits().to_be_bytes());
}

fn read_float(bytes: &[u8]) -> Option<f64> {
    let (present, bits) = bytes.split_first()?;
    let bits: [u8; 8] = bits.try_into().ok()?;
    (*present == 1).then(|| f64::from_bits(u64::from_be_bytes(bits)))
}
