//! Advisory locks: `pg_advisory_lock` and its like.
//!
//! Its one idea: the name of the function says it all, so one implementation serves them all.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};

use crate::error::Error;
use crate::query::actions::{Actions, AdvisoryKey, LockMode};
use crate::query::planner::external;
use crate::query::runtime::StatementInfo;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    Wait,
    Try,
    Unlock,
    UnlockAll,
}

const NAMES: [(&str, Act, LockMode); 11] = [
    ("pg_advisory_lock", Act::Wait, mode(false, false)),
    ("pg_advisory_lock_shared", Act::Wait, mode(true, false)),
    ("pg_advisory_xact_lock", Act::Wait, mode(false, true)),
    ("pg_advisory_xact_lock_shared", Act::Wait, mode(true, true)),
    ("pg_try_advisory_lock", Act::Try, mode(false, false)),
    ("pg_try_advisory_lock_shared", Act::Try, mode(true, false)),
    ("pg_try_advisory_xact_lock", Act::Try, mode(false, true)),
    ("pg_try_advisory_xact_lock_shared", Act::Try, mode(true, true)),
    ("pg_advisory_unlock", Act::Unlock, mode(false, false)),
    ("pg_advisory_unlock_shared", Act::Unlock, mode(true, false)),
    ("pg_advisory_unlock_all", Act::UnlockAll, mode(false, false)),
];

const fn mode(shared: bool, of_transaction: bool) -> LockMode {
    LockMode { shared, of_transaction }
}

/// The functions of this file.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let made = |(name, act, mode): (&'static str, Act, LockMode)| {
        let signature = match act {
            Act::UnlockAll => Signature::nullary(Volatility::Volatile),
            _ => Signature::one_of(numbers(), Volatility::Volatile),
        };
        let lock = Lock { name, act, mode, signature };
        match act {
            Act::Wait => Arc::new(AsyncScalarUDF::new(Arc::new(lock)).into_scalar_udf()),
            _ => Arc::new(ScalarUDF::new_from_impl(lock)),
        }
    };
    NAMES.into_iter().map(made).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Lock {
    name: &'static str,
    act: Act,
    mode: LockMode,
    signature: Signature,
}

impl Lock {
    fn is_void(&self) -> bool {
        matches!(self.act, Act::Wait | Act::UnlockAll)
    }
}

/// A bigint, or two integers.
fn numbers() -> Vec<TypeSignature> {
    let exact = |data_type: DataType, count| TypeSignature::Exact(vec![data_type; count]);
    vec![exact(DataType::Int64, 1), exact(DataType::Int32, 2)]
}

fn actions(args: &ScalarFunctionArgs) -> Result<Arc<dyn Actions>> {
    let info = StatementInfo::from_options(&args.config_options);
    let none = || external(Error::unsupported("an advisory lock outside of a session"));
    info.actions.ok_or_else(none)
}

/// The lock that each row names; `None` for NULL.
fn keys(args: &ScalarFunctionArgs) -> Result<Vec<Option<AdvisoryKey>>> {
    let rows = args.number_rows;
    let wide = |arg: &ColumnarValue| -> Result<ArrayRef> {
        Ok(cast(&arg.to_array(rows)?, &DataType::Int64)?)
    };
    let arrays = args.args.iter().map(wide).collect::<Result<Vec<_>>>()?;
    let at = |array: &ArrayRef, row: usize| {
        let numbers = array.as_primitive::<Int64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    };
    let key = |row: usize| match arrays.as_slice() {
        [number] => at(number, row).map(AdvisoryKey::One),
        [first, second] => Some(AdvisoryKey::Two(at(first, row)?, at(second, row)?)),
        _ => None,
    };
    Ok((0..rows).map(key).collect())
}

impl ScalarUDFImpl for Lock {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(if self.is_void() { DataType::Utf8 } else { DataType::Boolean })
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let returns = if self.is_void() { "void" } else { "bool" };
        Ok(Arc::new(crate::query::system::field(self.name, returns)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let actions = actions(&args)?;
        if self.act == Act::UnlockAll {
            actions.unlock_all();
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(String::new()))));
        }
        let each = keys(&args)?.into_iter().map(|key| {
            let Some(key) = key else { return Ok(None) };
            match self.act {
                Act::Try => actions.try_lock(key, self.mode).map(Some).map_err(external),
                _ => Ok(Some(actions.unlock(key, self.mode.shared))),
            }
        });
        let each = each.collect::<Result<BooleanArray>>()?;
        Ok(ColumnarValue::Array(Arc::new(each)))
    }
}

#[async_trait::async_trait]
impl AsyncScalarUDFImpl for Lock {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let actions = actions(&args)?;
        for key in keys(&args)?.into_iter().flatten() {
            actions.lock(key, self.mode).await.map_err(external)?;
        }
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(String::new()))))
    }
}
