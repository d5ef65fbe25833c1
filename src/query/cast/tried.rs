//! TRY_CAST of text to timestamps: what Arrow does not read, PostgreSQL may.
//!
//! Its one idea: Arrow's way is fast and right where it answers at all; the few texts it gives up on are read
//! again, one by one. Only what begins like `2026-10-05`: a date in another order is a guess.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TryCast, Volatility,
};

use super::super::runtime::StatementInfo;
use super::super::text::Styles;
use super::{is_text, times};

/// The cast of a plan, made ours where it reads text as timestamps.
pub(super) fn in_expr(cast: TryCast, schema: &DFSchema) -> Transformed<Expr> {
    let is_ours = cast.expr.to_field(schema).is_ok_and(|(_, from)| {
        is_text(from.data_type())
            && matches!(cast.field.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _))
    });
    if !is_ours {
        return Transformed::no(Expr::TryCast(cast));
    }
    let function = Arc::new(ScalarUDF::new_from_impl(Tried::new(cast.field)));
    let call = ScalarFunction::new_udf(function, vec![*cast.expr]);
    Transformed::yes(Expr::ScalarFunction(call))
}

/// TRY_CAST as a function of a plan.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Tried {
    to: FieldRef,
    signature: Signature,
}

impl Tried {
    pub(super) fn new(to: FieldRef) -> Self {
        Self { to, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Tried {
    fn name(&self) -> &str {
        "try_cast"
    }

    fn display_name(&self, args: &[Expr]) -> datafusion::common::Result<String> {
        Ok(format!("TRY_CAST({} AS {})", args[0], self.to.data_type()))
    }

    fn schema_name(&self, args: &[Expr]) -> datafusion::common::Result<String> {
        Ok(format!("TRY_CAST({} AS {})", args[0].schema_name(), self.to.data_type()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> datafusion::common::Result<DataType> {
        Ok(self.to.data_type().clone())
    }

    fn invoke_with_args(
        &self,
        args: ScalarFunctionArgs,
    ) -> datafusion::common::Result<ColumnarValue> {
        let scalar = matches!(args.args.first(), Some(ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let styles = StatementInfo::from_options(&args.config_options).styles();
        let read = read(&arrays[0], self.to.data_type(), &styles)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&read, 0)?));
        }
        Ok(ColumnarValue::Array(read))
    }
}

fn read(texts: &ArrayRef, to: &DataType, styles: &Styles) -> datafusion::common::Result<ArrayRef> {
    let fast = cast_with_options(texts, to, &CastOptions { safe: true, ..CastOptions::default() })?;
    if fast.null_count() == texts.null_count() {
        return Ok(fast);
    }
    let texts = super::plain(texts).map_err(|error| DataFusionError::External(Box::new(error)))?;
    let (words, known) =
        (texts.as_string::<i32>(), fast.as_primitive::<TimestampMicrosecondType>());
    let again = |row: usize| {
        let is_first = words.is_valid(row) && begins_with_a_year(words.value(row));
        let read =
            is_first.then(|| times::read(&texts.slice(row, 1), to, styles).ok()).flatten()?;
        let read = read.as_primitive::<TimestampMicrosecondType>();
        read.is_valid(0).then(|| read.value(0))
    };
    let all: PrimitiveArray<TimestampMicrosecondType> = (0..words.len())
        .map(|row| if known.is_valid(row) { Some(known.value(row)) } else { again(row) })
        .collect();
    Ok(Arc::new(all.with_data_type(to.clone())))
}

/// `2026-1`, blanks before it or none.
fn begins_with_a_year(text: &str) -> bool {
    let text = text.trim_start().as_bytes();
    text.len() > 5
        && text[..4].iter().all(u8::is_ascii_digit)
        && text[4] == b'-'
        && text[5].is_ascii_digit()
}
