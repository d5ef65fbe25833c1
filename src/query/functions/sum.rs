//! `sum` over integers that fails where DataFusion's own would wrap around.
//!
//! Its one idea: integers are added as numerics of 38 digits, which no number of rows can exceed. The
//! sum of bigints stays one, as in Postgres, the sum of smaller ones is a bigint. Everything else is
//! DataFusion's own `sum`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
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

/// Whether the result must be a bigint again.
fn narrows(field: &FieldRef) -> bool {
    *field.data_type() == DataType::Int64
}

fn has_integers(fields: &[FieldRef]) -> bool {
    fields.first().is_some_and(|field| field.data_type().is_signed_integer())
}

fn wide_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), WIDE, true))
}

/// Calls `made` with the arguments of a wide sum.
fn widened<T>(args: AccumulatorArgs<'_>, made: impl FnOnce(AccumulatorArgs<'_>) -> T) -> T {
    let fields: Vec<FieldRef> = args.expr_fields.iter().map(wide_field).collect();
    made(AccumulatorArgs {
        return_field: wide_field(&args.return_field),
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
        exact_argument(argument).map(|argument| vec![argument]).ok_or_else(|| undefined("sum"))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match &types[0] {
            DataType::Int64 => Ok(WIDE),
            data_type if data_type.is_signed_integer() => Ok(DataType::Int64),
            _ => self.inner.return_type(types),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if !has_integers(args.expr_fields) {
            return self.inner.accumulator(args);
        }
        let narrows = narrows(&args.return_field);
        let inner = widened(args, |args| self.inner.accumulator(args))?;
        Ok(Box::new(Wide { inner, narrows }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if !has_integers(args.input_fields) {
            return self.inner.state_fields(args);
        }
        let return_field = wide_field(&args.return_field);
        self.inner.state_fields(StateFieldsArgs { return_field, ..args })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        if !has_integers(args.expr_fields) {
            return self.inner.create_groups_accumulator(args);
        }
        let narrows = narrows(&args.return_field);
        let inner = widened(args, |args| self.inner.create_groups_accumulator(args))?;
        Ok(Box::new(WideGroups { inner, narrows }))
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        if !has_integers(args.expr_fields) || args.is_distinct {
            return self.inner.create_sliding_accumulator(args);
        }
        let narrows = narrows(&args.return_field);
        let inner = widened(args, |args| self.inner.create_sliding_accumulator(args))?;
        Ok(Box::new(Wide { inner, narrows }))
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

fn wide(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    values.iter().map(|array| Ok(cast(array, &WIDE)?)).collect()
}

fn too_large() -> DataFusionError {
    external(out_of_range(&DataType::Int64))
}

/// A wide sum whose result may have to be a bigint again.
#[derive(Debug)]
struct Wide {
    inner: Box<dyn Accumulator>,
    narrows: bool,
}

impl Accumulator for Wide {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&wide(values)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.inner.evaluate()? {
            sum if !self.narrows => Ok(sum),
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
        self.inner.retract_batch(&wide(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// The same for many groups at once.
struct WideGroups {
    inner: Box<dyn GroupsAccumulator>,
    narrows: bool,
}

impl GroupsAccumulator for WideGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner.update_batch(&wide(values)?, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.inner.evaluate(emit_to)?;
        if !self.narrows {
            return Ok(sums);
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
        self.inner.convert_to_state(&wide(values)?, opt_filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
