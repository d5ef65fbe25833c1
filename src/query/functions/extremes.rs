//! `min` and `max` of floats: NaN is greater than all numbers, whatever order rows come in.
//!
//! Its one idea: a float's bits, read as an integer that is turned round where it is negative, are ordered as
//! Postgres orders floats, so DataFusion's own functions for integers find the extreme. What they keep is
//! kept as floats. (DataFusion's functions for floats let whatever follows a NaN take its place.)

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator,
    ReversedUDAF, SetMonotonicity, Signature, StatisticsArgs,
};

/// One of DataFusion's two, right for floats.
pub(super) fn extreme(inner: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(Extreme { inner }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    inner: Arc<AggregateUDF>,
}

/// As if integers were looked at, where floats are.
fn with_args<T>(
    args: AccumulatorArgs<'_>,
    make: impl FnOnce(AccumulatorArgs<'_>) -> Result<T>,
) -> Result<T> {
    let name = args.return_field.name();
    let return_field = Arc::new(Field::new(name, DataType::Int64, true));
    make(AccumulatorArgs { return_field, ..args })
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let of = args.return_field.data_type().clone();
        match of.is_floating() {
            true => with_args(args, |args| self.inner.accumulator(args)).map(|i| one(i, of)),
            false => self.inner.accumulator(args),
        }
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        let of = args.return_field.data_type().clone();
        match of.is_floating() {
            true => with_args(args, |args| self.inner.create_sliding_accumulator(args))
                .map(|i| one(i, of)),
            false => self.inner.create_sliding_accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let of = args.return_field.data_type().clone();
        match of.is_floating() {
            true => {
                let inner = with_args(args, |args| self.inner.create_groups_accumulator(args))?;
                Ok(Box::new(OfGroups { inner, of }))
            }
            false => self.inner.create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn is_descending(&self) -> Option<bool> {
        self.inner.is_descending()
    }

    fn value_from_stats(&self, known: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        // Statistics leave NaN out.
        let is_float = known.return_type.is_floating();
        if is_float { None } else { self.inner.value_from_stats(known) }
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

fn one(inner: Box<dyn Accumulator>, of: DataType) -> Box<dyn Accumulator> {
    Box::new(OfOne { inner, of })
}

/// The extreme of one group.
#[derive(Debug)]
struct OfOne {
    inner: Box<dyn Accumulator>,
    of: DataType,
}

impl OfOne {
    fn float(&self, found: ScalarValue) -> Result<ScalarValue> {
        let ScalarValue::Int64(found) = found else {
            return datafusion::common::internal_err!("an extreme that is no integer");
        };
        ScalarValue::Float64(found.map(float)).cast_to(&self.of)
    }
}

impl Accumulator for OfOne {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&ordered(values)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let found = self.inner.evaluate()?;
        self.float(found)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let kept = self.inner.state()?;
        kept.into_iter().map(|kept| self.float(kept)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(&ordered(states)?)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&ordered(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// The extremes of many groups.
struct OfGroups {
    inner: Box<dyn GroupsAccumulator>,
    of: DataType,
}

impl OfGroups {
    fn floats(&self, found: &ArrayRef) -> Result<ArrayRef> {
        let Some(found) = found.as_primitive_opt::<Int64Type>() else {
            return datafusion::common::internal_err!("extremes that are no integers");
        };
        let floats: Float64Array = found.unary(float);
        Ok(cast(&floats, &self.of)?)
    }
}

impl GroupsAccumulator for OfGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(&ordered(values)?, groups, filter, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let found = self.inner.evaluate(emit_to)?;
        self.floats(&found)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let kept = self.inner.state(emit_to)?;
        kept.iter().map(|kept| self.floats(kept)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(&ordered(states)?, groups, total)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let kept = self.inner.convert_to_state(&ordered(values)?, filter)?;
        kept.iter().map(|kept| self.floats(kept)).collect()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// Integers that are ordered as the floats are.
fn ordered(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    let one = |values: &ArrayRef| -> Result<ArrayRef> {
        let floats = cast(values, &DataType::Float64)?;
        let integers: Int64Array = floats.as_primitive::<Float64Type>().unary(integer);
        Ok(Arc::new(integers))
    };
    values.iter().map(one).collect()
}

fn integer(value: f64) -> i64 {
    let value = if value.is_nan() { f64::NAN } else { value };
    turned(value.to_bits().cast_signed())
}

fn float(value: i64) -> f64 {
    f64::from_bits(turned(value).cast_unsigned())
}

/// All bits but the sign the other way round, where that is set; twice is not at all.
fn turned(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}
