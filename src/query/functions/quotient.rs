//! A sum by a count, rounded as `avg` rounds: how an average follows changes.

use std::sync::Arc;

use arrow::array::{Array, AsArray as _, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::average::{average_scale, averaged};

/// `sum`, a numeric, by `count`, a bigint; NULL where the count is zero.
pub(crate) fn quotient(sum: Expr, count: Expr) -> Expr {
    let signature = Signature::any(2, Volatility::Immutable);
    let function = Arc::new(ScalarUDF::new_from_impl(Quotient { signature }));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![sum, count]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quotient {
    signature: Signature,
}

impl ScalarUDFImpl for Quotient {
    fn name(&self) -> &str {
        "__lakeport_quotient"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(DataType::Decimal128(precision, scale)) => {
                Ok(DataType::Decimal128(*precision, average_scale(*scale)))
            }
            _ => internal_err!("a quotient of {types:?}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let of = args.return_field.data_type().clone();
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let sums = arrays[0].as_primitive::<Decimal128Type>();
        let counts = arrays[1].as_primitive::<Int64Type>();
        let values: Decimal128Array = (0..sums.len())
            .map(|row| match sums.is_valid(row) && counts.is_valid(row) {
                true => averaged(sums.value(row), counts.value(row), sums.scale()),
                false => Ok(None),
            })
            .collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(values.with_data_type(of))))
    }
}
