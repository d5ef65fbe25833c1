//! `__numeric('NaN')`: a numeric that no number here holds, as its text.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{ScalarUDF, Signature, Volatility};

use super::simple::Simple;

/// `__numeric(text)`, which nobody writes.
pub(super) fn kept_as_text() -> Arc<ScalarUDF> {
    let signature = Signature::exact(vec![DataType::Utf8], Volatility::Immutable);
    let body =
        Simple::new("__numeric", signature, DataType::Utf8, |_, args| Ok(args.args[0].clone()));
    body.marked("numeric").build()
}
