//! `ARRAY(SELECT ...)`: the array of a query's values, empty where there are none.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::array_agg::ArrayAgg;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ReversedUDAF, Signature,
};

/// The aggregate's name, which no one writes.
pub(crate) const NAME: &str = "__array_of";

/// `__array_of`: `array_agg`, but for no rows.
pub(super) fn array_of() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(ArrayOf { inner: ArrayAgg::default() }))
}

/// An array of no elements.
pub(crate) fn empty(list: &DataType) -> Option<ScalarValue> {
    let DataType::List(element) = list else { return None };
    Some(ScalarValue::List(ScalarValue::new_list_nullable(&[], element.data_type())))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayOf {
    inner: ArrayAgg,
}

impl AggregateUDFImpl for ArrayOf {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::HardRequirement
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let list = args.return_field.data_type().clone();
        Ok(Box::new(Collected { inner: self.inner.accumulator(args)?, list }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::NotSupported
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        empty(data_type).map_or_else(|| ScalarValue::try_from(data_type), Ok)
    }
}

#[derive(Debug)]
struct Collected {
    inner: Box<dyn Accumulator>,
    list: DataType,
}

impl Accumulator for Collected {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let collected = self.inner.evaluate()?;
        match empty(&self.list) {
            Some(empty) if collected.is_null() => Ok(empty),
            _ => Ok(collected),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }
}
