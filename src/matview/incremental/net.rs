//! Changes summed up in memory: each row with how often it came or went.
//!
//! Rows are compared by their encoding (`arrow::row`), which is exact for every type that is stored:
//! two floats are the same row only when their bits are, but for the sign of a NaN. Bounded: who adds
//! more than was allowed is told, and computes in full instead.

use std::collections::HashMap;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};

use crate::error::{Error, Result};

/// Rows of a batch that is handed out.
const BATCH_ROWS: usize = 8192;

/// Rows and their weights.
pub(crate) struct NetRows {
    schema: SchemaRef,
    converter: RowConverter,
    weights: HashMap<OwnedRow, i64>,
    bytes: usize,
    bytes_max: usize,
}

/// There is no room for more.
pub(crate) struct Full;

impl NetRows {
    /// Nothing yet, of rows of `schema`, in at most `bytes_max` bytes.
    pub(crate) fn new(schema: &SchemaRef, bytes_max: usize) -> Result<Self> {
        let fields = schema.fields().iter().map(|f| SortField::new(f.data_type().clone()));
        let converter = RowConverter::new(fields.collect()).map_err(internal)?;
        let weights = HashMap::new();
        Ok(Self { schema: schema.clone(), converter, weights, bytes: 0, bytes_max })
    }

    /// Adds rows, each with its weight.
    pub(crate) fn add(
        &mut self,
        batch: &RecordBatch,
        weights: &ArrayRef,
    ) -> Result<std::result::Result<(), Full>> {
        let weights = cast(weights, &DataType::Int64).map_err(internal)?;
        let Some(weights) = weights.as_any().downcast_ref::<Int64Array>() else {
            return Err(Error::internal("weights that are no numbers"));
        };
        let rows = self.converter.convert_columns(batch.columns()).map_err(internal)?;
        for (row, weight) in rows.iter().zip(weights.values()) {
            let size = 64 + row.as_ref().len();
            let held = self.weights.entry(row.owned()).or_insert_with(|| {
                self.bytes += size;
                0
            });
            *held += weight;
            if *held == 0 {
                self.weights.remove(&row.owned());
                self.bytes -= size;
            }
        }
        Ok(if self.bytes > self.bytes_max { Err(Full) } else { Ok(()) })
    }

    /// The rows that came (`true`) or went, each as often as it did; in no order.
    pub(crate) fn rows(&self, came: bool) -> Result<Vec<RecordBatch>> {
        let wanted = self.weights.iter().filter(|(_, weight)| (**weight > 0) == came);
        let repeated = wanted.flat_map(|(row, weight)| {
            let times = usize::try_from(weight.unsigned_abs()).unwrap_or(usize::MAX);
            std::iter::repeat_n(row.row(), times)
        });
        let mut batches = Vec::new();
        let mut chunk = Vec::with_capacity(BATCH_ROWS);
        for row in repeated {
            chunk.push(row);
            if chunk.len() == BATCH_ROWS {
                batches.push(self.batch(&mut chunk)?);
            }
        }
        if !chunk.is_empty() {
            batches.push(self.batch(&mut chunk)?);
        }
        Ok(batches)
    }

    fn batch(&self, rows: &mut Vec<arrow::row::Row<'_>>) -> Result<RecordBatch> {
        let columns = self.converter.convert_rows(rows.drain(..)).map_err(internal)?;
        RecordBatch::try_new(self.schema.clone(), columns).map_err(internal)
    }
}

fn internal(error: arrow::error::ArrowError) -> Error {
    Error::internal("sum up changes").caused_by(error)
}
