//! `pg_typeof(value)`: the type of an expression, as planned.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::query::system;

/// `pg_typeof`.
pub(super) fn pg_typeof() -> Arc<ScalarUDF> {
    let signature = Signature::any(1, Volatility::Stable);
    Arc::new(ScalarUDF::new_from_impl(TypeOf { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeOf {
    signature: Signature,
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &str {
        "pg_typeof"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(system::field("pg_typeof", "regtype")))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        /// `unknown`, the type of NULL.
        const UNKNOWN: i64 = 705;
        let oid = match args.arg_fields.first() {
            Some(field) if field.data_type().is_null() => UNKNOWN,
            Some(field) => system::of(field).oid,
            None => UNKNOWN,
        };
        Ok(ColumnarValue::Scalar(ScalarValue::Int64(Some(oid))))
    }
}
