//! Most rows that are not among some wanted ones, told from them many at a time.
//!
//! Its one idea: one bit for each hash a wanted row has. A row whose bit is not set is none of them; of those
//! that pass, about one in [`SPARE`] is none either, so who asks compares them exactly. Refuses types for which
//! values that count as equal may differ in their bits.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::DataType;
use datafusion::common::hash_utils::{RandomState, create_hashes};

use crate::error::{Error, Result};

use super::error;

/// Bits for each wanted row.
const SPARE: usize = 16;
/// Four megabytes of bits: more would not fit what a processor keeps near.
const BITS_MAX: usize = 1 << 25;

/// The hashes of wanted rows.
pub(super) struct Sieve {
    /// Those of the columns that can be hashed, and their types.
    columns: Vec<(usize, DataType)>,
    bits: Vec<u64>,
    state: RandomState,
}

impl Sieve {
    /// Lets through nothing yet; for about `rows` wanted ones, told by columns of these types.
    pub(super) fn new(types: impl Iterator<Item = DataType>, rows: usize) -> Self {
        let columns = types.enumerate().filter(|(_, data_type)| has_one_form(data_type)).collect();
        let bits = rows.saturating_mul(SPARE).clamp(64, BITS_MAX).next_power_of_two();
        Self { columns, bits: vec![0; bits / 64], state: RandomState::default() }
    }

    /// Lets rows with these values through from now on.
    ///
    /// # Errors
    /// Internal ones only.
    pub(super) fn add(&mut self, values: &[ArrayRef]) -> Result<()> {
        for hash in self.hashes(values)? {
            let (word, bit) = self.place(hash);
            self.bits[word] |= bit;
        }
        Ok(())
    }

    /// The rows of a batch that may be wanted; its first columns are those that tell a row.
    ///
    /// # Errors
    /// Internal ones only.
    pub(super) fn sifted(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let alike =
            |(at, data_type): &(usize, DataType)| batch.column(*at).data_type() == data_type;
        if self.columns.is_empty() || !self.columns.iter().all(alike) {
            return Ok(batch.clone());
        }
        let hashes = self.hashes(batch.columns())?;
        let passes = |hash: &u64| {
            let (word, bit) = self.place(*hash);
            self.bits[word] & bit != 0
        };
        let rows = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
        let passing = (0..rows).zip(&hashes).filter(|(_, hash)| passes(hash)).map(|(row, _)| row);
        let passing = UInt32Array::from_iter_values(passing);
        take_record_batch(batch, &passing)
            .map_err(|cause| Error::internal("take the rows that may be wanted").caused_by(cause))
    }

    fn hashes(&self, values: &[ArrayRef]) -> Result<Vec<u64>> {
        let mut hashes = vec![0; values.first().map_or(0, |column| column.len())];
        let columns = self.columns.iter().map(|(at, _)| &values[*at]);
        create_hashes(columns, &self.state, &mut hashes).map_err(error::datafusion)?;
        Ok(hashes)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    fn place(&self, hash: u64) -> (usize, u64) {
        let at = hash as usize & (self.bits.len() * 64 - 1);
        (at / 64, 1 << (at % 64))
    }
}

/// Whether values that are equal have the same bits.
fn has_one_form(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_temporal() && !matches!(data_type, DataType::Interval(_))
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Binary
                | DataType::Decimal128(..)
        )
}
