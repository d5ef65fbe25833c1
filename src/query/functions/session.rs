//! Functions that act on sessions: this one and others.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Float64Type, Int32Type, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::clock::{Clock as _, SystemClock};
use crate::error::Error;
use crate::query::actions::Actions;
use crate::query::planner::external;
use crate::query::runtime::StatementInfo;

use super::simple::Simple;

/// The functions of this file.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    let volatile = |types| Signature::exact(types, Volatility::Volatile);
    let text = || DataType::Utf8;
    vec![
        Simple::new(
            "set_config",
            volatile(vec![text(), text(), DataType::Boolean]),
            DataType::Utf8,
            set_config,
        )
        .build(),
        Simple::new(
            "__clock",
            volatile(Vec::new()),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            |_, _| {
                let micros = SystemClock.now().timestamp_micros();
                let zone = Some("UTC".into());
                Ok(ColumnarValue::Scalar(ScalarValue::TimestampMicrosecond(Some(micros), zone)))
            },
        )
        .build(),
        Simple::new("pg_notify", volatile(vec![text(), text()]), DataType::Utf8, notify)
            .void()
            .build(),
        Simple::new(
            "pg_cancel_backend",
            volatile(vec![DataType::Int32]),
            DataType::Boolean,
            |info, args| stop(info, args, false),
        )
        .build(),
        Simple::new(
            "pg_terminate_backend",
            volatile(vec![DataType::Int32]),
            DataType::Boolean,
            |info, args| stop(info, args, true),
        )
        .build(),
        Arc::new(
            AsyncScalarUDF::new(Arc::new(Sleep(volatile(vec![DataType::Float64]))))
                .into_scalar_udf(),
        ),
    ]
}

fn actions(info: &StatementInfo) -> Result<Arc<dyn Actions>> {
    info.actions
        .clone()
        .ok_or_else(|| external(Error::unsupported("a function of sessions outside of a session")))
}

fn arrays(args: &ScalarFunctionArgs) -> Result<Vec<ArrayRef>> {
    args.args.iter().map(|value| value.to_array(args.number_rows)).collect()
}

fn set_config(info: &StatementInfo, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let actions = actions(info)?;
    let arrays = arrays(args)?;
    let (names, values) = (arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>());
    let local = arrays[2].as_boolean();
    let mut set = Vec::with_capacity(args.number_rows);
    for row in 0..args.number_rows {
        let name = text_at(names, row);
        let value = text_at(values, row);
        let is_local = local.is_valid(row) && local.value(row);
        set.push(actions.set_config(name, value, is_local).map_err(external)?);
    }
    Ok(ColumnarValue::Array(Arc::new(StringArray::from(set))))
}

fn notify(info: &StatementInfo, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let actions = actions(info)?;
    let arrays = arrays(args)?;
    let (channels, payloads) = (arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>());
    for row in 0..args.number_rows {
        let channel = text_at(channels, row);
        let payload = text_at(payloads, row);
        actions.notify(channel, payload).map_err(external)?;
    }
    Ok(void(args.number_rows))
}

fn stop(info: &StatementInfo, args: &ScalarFunctionArgs, end: bool) -> Result<ColumnarValue> {
    let actions = actions(info)?;
    let arrays = arrays(args)?;
    let pids = arrays[0].as_primitive::<Int32Type>();
    let stopped = pids
        .iter()
        .map(|pid| pid.map(|pid| actions.stop(pid, end).map_err(external)).transpose())
        .collect::<Result<BooleanArray>>()?;
    Ok(ColumnarValue::Array(Arc::new(stopped)))
}

fn text_at(texts: &StringArray, row: usize) -> &str {
    if texts.is_valid(row) { texts.value(row) } else { "" }
}

/// What a function without a result gives: a blank, as Postgres prints it.
fn void(rows: usize) -> ColumnarValue {
    ColumnarValue::Array(Arc::new(StringArray::from(vec![""; rows])))
}

/// `pg_sleep`. It waits without keeping a thread, and ends with its statement.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sleep(Signature);

impl ScalarUDFImpl for Sleep {
    fn name(&self) -> &str {
        "pg_sleep"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(crate::query::system::field("pg_sleep", "void")))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(external(Error::internal("pg_sleep is asynchronous")))
    }
}

#[async_trait::async_trait]
impl AsyncScalarUDFImpl for Sleep {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let seconds = args.args[0].to_array(args.number_rows)?;
        let seconds = cast(&seconds, &DataType::Float64)?;
        let seconds: Float64Array = seconds.as_primitive::<Float64Type>().clone();
        for seconds in seconds.iter().flatten() {
            if let Ok(duration) = Duration::try_from_secs_f64(seconds) {
                SystemClock.sleep(duration).await;
            }
        }
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(String::new()))))
    }
}
