//! `percentile_disc`, `percentile_cont` and `mode`: values picked from a group in order.

use std::collections::HashMap;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{SortOptions, sort};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

/// The functions of this file.
pub(super) fn all() -> [Arc<AggregateUDF>; 3] {
    [Kind::Percentile, Kind::Between, Kind::Mode].map(|kind| {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(AggregateUDF::new_from_impl(Ordered { kind, signature }))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Percentile,
    /// Between the two values nearest to the place.
    Between,
    Mode,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Ordered {
    kind: Kind,
    signature: Signature,
}

impl AggregateUDFImpl for Ordered {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Percentile => "percentile_disc",
            Kind::Between => "percentile_cont",
            Kind::Mode => "mode",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.kind, types) {
            (Kind::Percentile, [value, _]) => Ok(vec![value.clone(), DataType::Float64]),
            (Kind::Between, [value, _]) if value.is_numeric() || value.is_null() => {
                Ok(vec![DataType::Float64; 2])
            }
            (Kind::Mode, [value]) => Ok(vec![value.clone()]),
            _ => {
                let message = format!("function {} does not exist", self.name());
                Err(external(
                    Error::new(ErrorKind::UndefinedFunction, message)
                        .hint("It is written with WITHIN GROUP (ORDER BY value)."),
                ))
            }
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let fraction = match self.kind {
            Kind::Mode => None,
            Kind::Percentile | Kind::Between => {
                let literal = args.exprs.get(1).and_then(|expr| expr.downcast_ref::<Literal>());
                let value = literal.map(|literal| literal.value().cast_to(&DataType::Float64));
                match value.transpose()? {
                    Some(ScalarValue::Float64(Some(value))) if (0.0..=1.0).contains(&value) => {
                        Some(value)
                    }
                    Some(ScalarValue::Float64(Some(value))) => {
                        let message = format!("percentile value {value} is not between 0 and 1");
                        return Err(external(Error::new(
                            ErrorKind::NumericValueOutOfRange,
                            message,
                        )));
                    }
                    _ => return Err(external(Error::unsupported("a percentile that varies"))),
                }
            }
        };
        let descending = args.order_bys.first().is_some_and(|by| by.options.descending);
        let data_type = args.return_field.data_type().clone();
        let between = self.kind == Kind::Between;
        Ok(Box::new(Values { fraction, between, descending, data_type, values: Vec::new() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let element = Field::new_list_field(args.return_field.data_type().clone(), true);
        Ok(vec![Arc::new(Field::new("values", DataType::List(Arc::new(element)), true))])
    }
}

#[derive(Debug)]
struct Values {
    /// What part of the rows lies before the value; `None` for the most frequent one.
    fraction: Option<f64>,
    /// Whether a value between two of them is meant.
    between: bool,
    descending: bool,
    data_type: DataType,
    values: Vec<ArrayRef>,
}

impl Values {
    fn all(&self) -> Result<ArrayRef> {
        let arrays: Vec<&dyn Array> = self.values.iter().map(AsRef::as_ref).collect();
        if arrays.is_empty() {
            return Ok(arrow::array::new_empty_array(&self.data_type));
        }
        Ok(arrow::compute::concat(&arrays)?)
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let valid = arrow::compute::is_not_null(&values[0])?;
        self.values.push(arrow::compute::filter(&values[0], &valid)?);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let options = SortOptions { descending: self.descending, nulls_first: false };
        let sorted = sort(&self.all()?, Some(options))?;
        if sorted.is_empty() {
            return ScalarValue::try_from(&self.data_type);
        }
        let Some(fraction) = self.fraction else {
            let mut counts: HashMap<ScalarValue, usize> = HashMap::new();
            let mut best: Option<(ScalarValue, usize)> = None;
            for at in 0..sorted.len() {
                let value = ScalarValue::try_from_array(&sorted, at)?;
                let count = counts.entry(value.clone()).or_insert(0);
                *count += 1;
                // Of equally frequent ones, the first in order.
                if best.as_ref().is_none_or(|(_, most)| *count > *most) {
                    best = Some((value, *count));
                }
            }
            return match best {
                Some((_, most)) => {
                    let first = (0..sorted.len())
                        .map(|at| ScalarValue::try_from_array(&sorted, at))
                        .find(|value| value.as_ref().is_ok_and(|v| counts.get(v) == Some(&most)));
                    first.unwrap_or_else(|| ScalarValue::try_from(&self.data_type))
                }
                None => ScalarValue::try_from(&self.data_type),
            };
        };
        if let (true, Some(values)) = (self.between, sorted.as_primitive_opt::<Float64Type>()) {
            let place = fraction * (values.len() - 1) as f64;
            let (low, high) = (place.floor(), place.ceil());
            let (first, second) = (values.value(low as usize), values.value(high as usize));
            return Ok(ScalarValue::Float64(Some(first + (place - low) * (second - first))));
        }
        // Rows are counted exactly as floats up to 2^53.
        let row = (fraction * sorted.len() as f64).ceil() as usize;
        ScalarValue::try_from_array(&sorted, row.saturating_sub(1).min(sorted.len() - 1))
    }

    fn size(&self) -> usize {
        // Those of other groups lie in the same buffers.
        let values = self.values.iter().map(|array| array.to_data().get_slice_memory_size());
        size_of_val(self) + values.map(|bytes| bytes.unwrap_or(usize::MAX / 2)).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let all = self.all()?;
        let lists = datafusion::common::utils::SingleRowListArrayBuilder::new(all);
        Ok(vec![lists.build_list_scalar()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.values.push(list);
        }
        Ok(())
    }
}
