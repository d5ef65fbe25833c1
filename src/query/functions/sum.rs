//! `sum` over integers that fails where DataFusion's own would wrap around, and over reals.
//!
//! Its one idea: integers are added as numerics of 38 digits, which no number of rows can exceed. The
//! sum of bigints stays one, as in Postgres, the sum of smaller ones is a bigint. Reals are added as doubles and
//! rounded once, so that the order of rows does not tell. Everything else is DataFusion's own `sum`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float32Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Float64Type};
use arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

use super::integers::{exact_argument, out_of_range};

/// What integers are added as.
const WIDE: DataType = DataType::Decimal128(38, 0);

/// `sum`.
pub(crate) fn sum() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(CheckedSum { inner: Sum::new(), signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    inner: Sum,
    signature: Signature,
}

/// No such function.
pub(crate) fn undefined(name: &str) -> DataFusionError {
    external(
        Error::new(ErrorKind::UndefinedFunction, format!("function {name} does not exist"))
            .hint("It takes one number."),
    )
}

/// A numeric has no room for the result.
pub(crate) fn numeric_overflow() -> DataFusionError {
    external(Error::new(ErrorKind::NumericValueOutOfRange, "numeric field overflow"))
}

/// What values of the first field are added as, where it is not their own type.
fn added_as(fields: &[FieldRef]) -> Option<DataType> {
    match fields.first()?.data_type() {
        data_type if data_type.is_signed_integer() => Some(WIDE),
        DataType::Float32 => Some(DataType::Float64),
        _ => None,
    }
}

fn wide_field(field: &FieldRef, wide: &DataType) -> FieldRef {
    Arc::new(Field::new(field.name(), wide.clone(), true))
}

/// Calls `made` with the arguments of a wide sum.
fn widened<T>(
    args: AccumulatorArgs<'_>,
    wide: &DataType,
    made: impl FnOnce(AccumulatorArgs<'_>) -> T,
) -> T {
    let fields: Vec<FieldRef> =
        args.expr_fields.iter().map(|field| wide_field(field, wide)).collect();
    made(AccumulatorArgs {
        return_field: wide_field(&args.return_field, wide),
        expr_fields: &fields,
        ..args
    })
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [argument] = types else { return Err(undefined("sum")) };
        if matches!(argument, DataType::Float16 | DataType::Float32) {
            return Ok(vec![DataType::Float32]);
        }
        exact_argument(argument).map(|argument| vec![argument]).ok_or_else(|| undefined("sum"))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match &types[0] {
            DataType::Int64 => Ok(WIDE),
            DataType::Float32 => Ok(DataType::Float32),
            data_type if data_type.is_signed_integer() => Ok(DataType::Int64),
            _ => self.inner.return_type(types),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let Some(wide) = added_as(args.expr_fields) else {
            return self.inner.accumulator(args);
        };
        let shown = args.return_field.data_type().clone();
        let inner = widened(args, &wide, |args| self.inner.accumulator(args))?;
        Ok(Box::new(Wide { inner, wide, shown }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let Some(wide) = added_as(args.input_fields) else {
            return self.inner.state_fields(args);
        };
        let return_field = wide_field(&args.return_field, &wide);
        self.inner.state_fields(StateFieldsArgs { return_field, ..args })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let Some(wide) = added_as(args.expr_fields) else {
            return self.inner.create_groups_accumulator(args);
        };
        let shown = args.return_field.data_type().clone();
        let inner = widened(args, &wide, |args| self.inner.create_groups_accumulator(args))?;
        Ok(Box::new(WideGroups { inner, wide, shown }))
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        let Some(wide) = added_as(args.expr_fields).filter(|_| !args.is_distinct) else {
            return self.inner.create_sliding_accumulator(args);
        };
        let shown = args.return_field.data_type().clone();
        let inner = widened(args, &wide, |args| self.inner.create_sliding_accumulator(args))?;
        Ok(Box::new(Wide { inner, wide, shown }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.set_monotonicity(data_type)
    }
}

fn wide(values: &[ArrayRef], wide: &DataType) -> Result<Vec<ArrayRef>> {
    values.iter().map(|array| Ok(cast(array, wide)?)).collect()
}

fn too_large() -> DataFusionError {
    external(out_of_range(&DataType::Int64))
}

/// A double as the real next to it.
fn real(sum: f64) -> Result<f32, ArrowError> {
    #[allow(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
    let real = sum as f32;
    if real.is_infinite() && sum.is_finite() {
        return Err(ArrowError::ArithmeticOverflow(String::new()));
    }
    Ok(real)
}

fn real_overflow() -> DataFusionError {
    external(Error::new(ErrorKind::NumericValueOutOfRange, "value out of range: overflow"))
}

/// A wide sum whose result may have to be narrow again.
#[derive(Debug)]
struct Wide {
    inner: Box<dyn Accumulator>,
    wide: DataType,
    shown: DataType,
}

impl Accumulator for Wide {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&wide(values, &self.wide)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.inner.evaluate()? {
            sum if self.wide == self.shown => Ok(sum),
            ScalarValue::Float64(sum) => {
                let sum = sum.map(real).transpose().map_err(|_| real_overflow())?;
                Ok(ScalarValue::Float32(sum))
            }
            ScalarValue::Decimal128(Some(sum), ..) => {
                let sum = i64::try_from(sum).map_err(|_| too_large())?;
                Ok(ScalarValue::Int64(Some(sum)))
            }
            _ => Ok(ScalarValue::Int64(None)),
        }
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&wide(values, &self.wide)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// The same for many groups at once.
struct WideGroups {
    inner: Box<dyn GroupsAccumulator>,
    wide: DataType,
    shown: DataType,
}

impl GroupsAccumulator for WideGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner.update_batch(
            &wide(values, &self.wide)?,
            group_indices,
            opt_filter,
            total_num_groups,
        )
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.inner.evaluate(emit_to)?;
        if self.wide == self.shown {
            return Ok(sums);
        }
        if let Some(sums) = sums.as_primitive_opt::<Float64Type>() {
            let reals: Result<Float32Array, ArrowError> = sums.try_unary(real);
            return Ok(Arc::new(reals.map_err(|_| real_overflow())?));
        }
        let sums = sums.as_primitive::<Decimal128Type>();
        let narrow: Result<Int64Array, ArrowError> = sums.try_unary(|sum| {
            i64::try_from(sum).map_err(|_| ArrowError::ArithmeticOverflow(String::new()))
        });
        Ok(Arc::new(narrow.map_err(|_| too_large())?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner.merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&wide(values, &self.wide)?, opt_filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
