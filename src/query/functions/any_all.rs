//! `x OP ANY (array)` and `x OP ALL (array)`, with NULL as Postgres has it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, ListArray, Scalar};
use arrow::compute::kernels::cmp;
use arrow::compute::kernels::comparison::{ilike, like, nilike, nlike};
use arrow::compute::{and_kleene, or_kleene};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::cast::cast_array;
use crate::query::planner::external;

use super::simple::constant_text;

/// `__any` and `__all`.
pub(super) fn all() -> [Arc<ScalarUDF>; 2] {
    [true, false].map(|any| Arc::new(ScalarUDF::new_from_impl(Quantified::new(any))))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantified {
    any: bool,
    signature: Signature,
}

impl Quantified {
    fn new(any: bool) -> Self {
        Self { any, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

impl ScalarUDFImpl for Quantified {
    fn name(&self) -> &str {
        if self.any { "__any" } else { "__all" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [_, left, right] = types else {
            return Err(external(Error::internal("ANY without operands")));
        };
        let list =
            |element: DataType| DataType::List(Arc::new(Field::new_list_field(element, true)));
        let (left, right) = match right {
            DataType::List(element) | DataType::LargeList(element) => {
                let element = element.data_type();
                let common = match (left, element) {
                    (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
                    // A literal without a type is one of the array's.
                    (left, element) if is_text(left) && !is_text(element) => Some(element.clone()),
                    (left, element) => comparison_coercion(left, element),
                };
                let common = common.ok_or_else(|| {
                    external(Error::new(
                        ErrorKind::UndefinedFunction,
                        "operator does not exist: the operand and the array have different types",
                    ))
                })?;
                (common.clone(), list(common))
            }
            // An array written as text is one of the operand's type.
            right if is_text(right) || right.is_null() => (left.clone(), DataType::Utf8),
            _ => {
                return Err(external(Error::new(
                    ErrorKind::WrongObjectType,
                    "op ANY/ALL (array) requires array on right side",
                )));
            }
        };
        Ok(vec![DataType::Utf8, left, right])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let symbol = constant_text(&args, 0)?.unwrap_or_default();
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let left = args.args[1].to_array(rows)?;
        let found = match &args.args[2] {
            ColumnarValue::Scalar(value) if value.is_null() => BooleanArray::new_null(rows),
            ColumnarValue::Scalar(value) => {
                let lists = lists(&value.to_array()?, left.data_type())?;
                self.over(&symbol, &left, &lists.value(0))?
            }
            ColumnarValue::Array(lists_given) => {
                let lists = lists(lists_given, left.data_type())?;
                self.by_row(&symbol, &left, &lists)?
            }
        };
        if scalar {
            let found: ArrayRef = Arc::new(found);
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

impl Quantified {
    /// Every value against the same elements.
    fn over(&self, symbol: &str, left: &ArrayRef, elements: &ArrayRef) -> Result<BooleanArray> {
        let mut found = BooleanArray::from(vec![!self.any; left.len()]);
        for at in 0..elements.len() {
            let element = Scalar::new(elements.slice(at, 1));
            let compared = compare(symbol, left, &element)?;
            found = if self.any {
                or_kleene(&found, &compared)?
            } else {
                and_kleene(&found, &compared)?
            };
        }
        Ok(found)
    }

    fn by_row(&self, symbol: &str, left: &ArrayRef, lists: &ListArray) -> Result<BooleanArray> {
        let mut found = Vec::with_capacity(left.len());
        for row in 0..left.len() {
            if lists.is_null(row) {
                found.push(None);
                continue;
            }
            let one = self.over(symbol, &left.slice(row, 1), &lists.value(row))?;
            found.push(one.is_valid(0).then(|| one.value(0)));
        }
        Ok(BooleanArray::from(found))
    }
}

fn compare(symbol: &str, left: &dyn Datum, right: &dyn Datum) -> Result<BooleanArray> {
    let compared: Result<BooleanArray, ArrowError> = match symbol {
        "=" => cmp::eq(left, right),
        "<>" | "!=" => cmp::neq(left, right),
        "<" => cmp::lt(left, right),
        "<=" => cmp::lt_eq(left, right),
        ">" => cmp::gt(left, right),
        ">=" => cmp::gt_eq(left, right),
        "~~" => like(left, right),
        "!~~" => nlike(left, right),
        "~~*" => ilike(left, right),
        "!~~*" => nilike(left, right),
        other => return Err(external(Error::unsupported(format!("{other} ANY (array)")))),
    };
    Ok(compared?)
}

/// The lists themselves, read from text where they are written so.
fn lists(array: &ArrayRef, element: &DataType) -> Result<ListArray> {
    if let Some(lists) = array.as_list_opt::<i32>() {
        return Ok(lists.clone());
    }
    let to = DataType::List(Arc::new(Field::new_list_field(element.clone(), true)));
    let read = cast_array(array, &to).map_err(external)?;
    Ok(read.as_list::<i32>().clone())
}
