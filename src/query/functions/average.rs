//! `avg` over integers and numerics: exact, and a numeric, as in Postgres.
//!
//! Its one idea: sum and count are kept apart to the end, where one division rounds once. Floats and
//! durations are DataFusion's own.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::average::Avg;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF,
    Signature, Volatility,
};

use super::decimals::average;
use super::integers::exact_argument;
use super::sum::{numeric_overflow, undefined};

/// Digits of a sum.
const PRECISION: u8 = 38;
/// Digits after the point that an average has at least.
const SCALE_MIN: i8 = 16;

/// `avg`.
pub(crate) fn avg() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(ExactAvg { inner: Avg::new(), signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactAvg {
    inner: Avg,
    signature: Signature,
}

/// Digits after the point of an exact argument; `None` for one of another kind.
fn scale_of(fields: &[FieldRef]) -> Option<i8> {
    match fields.first()?.data_type() {
        DataType::Decimal128(_, scale) => Some(*scale),
        data_type if data_type.is_signed_integer() => Some(0),
        _ => None,
    }
}

fn sum_type(scale: i8) -> DataType {
    DataType::Decimal128(PRECISION, scale)
}

impl AggregateUDFImpl for ExactAvg {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [argument] = types else { return Err(undefined("avg")) };
        exact_argument(argument).map(|argument| vec![argument]).ok_or_else(|| undefined("avg"))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match &types[0] {
            DataType::Decimal128(_, scale) => {
                Ok(DataType::Decimal128(PRECISION, SCALE_MIN.max(*scale)))
            }
            data_type if data_type.is_signed_integer() => {
                Ok(DataType::Decimal128(PRECISION, SCALE_MIN))
            }
            _ => self.inner.return_type(types),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match scale_of(args.expr_fields) {
            None => self.inner.accumulator(args),
            Some(scale) if args.is_distinct => {
                Ok(Box::new(Distinct { seen: HashSet::new(), scale }))
            }
            Some(scale) => Ok(Box::new(Exact { sum: 0, count: 0, scale })),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let Some(scale) = scale_of(args.input_fields) else {
            return self.inner.state_fields(args);
        };
        if args.is_distinct {
            let value = Field::new_list_field(sum_type(scale), true);
            return Ok(vec![Arc::new(Field::new_list(
                format!("{}[seen]", args.name),
                value,
                true,
            ))]);
        }
        Ok(vec![
            Arc::new(Field::new(format!("{}[sum]", args.name), sum_type(scale), true)),
            Arc::new(Field::new(format!("{}[count]", args.name), DataType::Int64, true)),
        ])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        match scale_of(args.expr_fields) {
            None => self.inner.groups_accumulator_supported(args),
            Some(_) => !args.is_distinct,
        }
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match scale_of(args.expr_fields) {
            None => self.inner.create_groups_accumulator(args),
            Some(scale) => Ok(Box::new(Groups { sums: Vec::new(), counts: Vec::new(), scale })),
        }
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        match scale_of(args.expr_fields) {
            None => self.inner.create_sliding_accumulator(args),
            Some(_) => self.accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

fn widened(array: &ArrayRef, scale: i8) -> Result<Decimal128Array> {
    Ok(cast(array, &sum_type(scale))?.as_primitive::<Decimal128Type>().clone())
}

fn added(sum: i128, value: i128) -> Result<i128> {
    sum.checked_add(value).ok_or_else(numeric_overflow)
}

/// Digits after the point of the average of values with `scale`.
pub(super) fn average_scale(scale: i8) -> i8 {
    SCALE_MIN.max(scale)
}

/// The average as a value of the result's type; NULL of no values.
pub(super) fn averaged(sum: i128, count: i64, scale: i8) -> Result<Option<i128>> {
    if count == 0 {
        return Ok(None);
    }
    average(sum, count, scale, SCALE_MIN.max(scale)).map(Some)
}

fn result(value: Option<i128>, scale: i8) -> ScalarValue {
    ScalarValue::Decimal128(value, PRECISION, SCALE_MIN.max(scale))
}

#[derive(Debug)]
struct Exact {
    sum: i128,
    count: i64,
    scale: i8,
}

impl Accumulator for Exact {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in widened(&values[0], self.scale)?.iter().flatten() {
            self.sum = added(self.sum, value)?;
            self.count += 1;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(result(averaged(self.sum, self.count, self.scale)?, self.scale))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Decimal128(Some(self.sum), PRECISION, self.scale),
            ScalarValue::Int64(Some(self.count)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (sums, counts) = state_of(states);
        for (sum, count) in sums.iter().zip(counts) {
            self.sum = added(self.sum, sum.unwrap_or(0))?;
            self.count += count.unwrap_or(0);
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in widened(&values[0], self.scale)?.iter().flatten() {
            self.sum -= value;
            self.count -= 1;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}

fn state_of(states: &[ArrayRef]) -> (&Decimal128Array, &Int64Array) {
    (states[0].as_primitive::<Decimal128Type>(), states[1].as_primitive::<Int64Type>())
}

#[derive(Debug)]
struct Distinct {
    seen: HashSet<i128>,
    scale: i8,
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.seen.extend(widened(&values[0], self.scale)?.iter().flatten());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.seen.iter().try_fold(0, |sum, value| added(sum, *value))?;
        let count = i64::try_from(self.seen.len()).unwrap_or(i64::MAX);
        Ok(result(averaged(sum, count, self.scale)?, self.scale))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.capacity() * size_of::<i128>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let seen: Vec<ScalarValue> = self
            .seen
            .iter()
            .map(|value| ScalarValue::Decimal128(Some(*value), PRECISION, self.scale))
            .collect();
        let list = ScalarValue::new_list_nullable(&seen, &sum_type(self.scale));
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[list])?;
        }
        Ok(())
    }
}

struct Groups {
    sums: Vec<i128>,
    counts: Vec<i64>,
    scale: i8,
}

impl Groups {
    fn typed(&self, sums: Vec<i128>) -> Result<Decimal128Array> {
        Ok(Decimal128Array::from(sums).with_precision_and_scale(PRECISION, self.scale)?)
    }

    fn add(
        &mut self,
        rows: impl Iterator<Item = (Option<i128>, i64)>,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.sums.resize(total, 0);
        self.counts.resize(total, 0);
        for (row, ((sum, count), group)) in rows.zip(groups).enumerate() {
            let passes = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if let (true, Some(sum)) = (passes, sum) {
                self.sums[*group] = added(self.sums[*group], sum)?;
                self.counts[*group] += count;
            }
        }
        Ok(())
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let values = widened(&values[0], self.scale)?;
        let rows = values.iter().map(|value| (value, 1));
        self.add(rows, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        let averages = sums.into_iter().zip(counts);
        let averages: Decimal128Array =
            averages.map(|(sum, count)| averaged(sum, count, self.scale)).collect::<Result<_>>()?;
        let scale = SCALE_MIN.max(self.scale);
        Ok(Arc::new(averages.with_precision_and_scale(PRECISION, scale)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        Ok(vec![Arc::new(self.typed(sums)?), Arc::new(Int64Array::from(counts))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let (sums, counts) = state_of(values);
        let rows = sums.iter().zip(counts.iter().map(Option::unwrap_or_default));
        self.add(rows, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = widened(&values[0], self.scale)?;
        let passes =
            |row: usize| opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        let kept: Vec<Option<i128>> =
            values.iter().enumerate().map(|(row, value)| value.filter(|_| passes(row))).collect();
        let counts: Int64Array =
            kept.iter().map(|value| Some(i64::from(value.is_some()))).collect();
        let sums = kept.into_iter().map(Option::unwrap_or_default).collect();
        Ok(vec![Arc::new(self.typed(sums)?), Arc::new(counts)])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.counts.capacity() * size_of::<i64>()
    }
}
