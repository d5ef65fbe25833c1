//! A scalar function as a value: name, types, and a body that sees who asks.
//!
//! Its one idea: most of our functions differ only in these, so one implementation of DataFusion's
//! trait serves them all.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::query::runtime::StatementInfo;
use crate::query::system;

/// What a function computes, once for a whole batch.
pub(crate) type Body = fn(&StatementInfo, &ScalarFunctionArgs) -> Result<ColumnarValue>;

/// A function whose result type does not depend on its arguments'.
#[derive(Debug)]
pub(crate) struct Simple {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
    returns: DataType,
    body: Body,
    /// The type that the result's storage does not tell.
    mark: Option<&'static str>,
}

impl Simple {
    pub(crate) fn new(
        name: &'static str,
        signature: Signature,
        returns: DataType,
        body: Body,
    ) -> Self {
        Self { name, aliases: Vec::new(), signature, returns, body, mark: None }
    }

    /// Nothing comes back, though a blank is shown.
    pub(crate) fn void(self) -> Self {
        self.marked("void")
    }

    /// The result is of this type, which is stored as another.
    pub(crate) fn marked(mut self, mark: &'static str) -> Self {
        self.mark = Some(mark);
        self
    }

    pub(crate) fn alias(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }

    pub(crate) fn build(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::new_from_impl(self))
    }
}

impl PartialEq for Simple {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Simple {}

impl Hash for Simple {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Simple {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let field = Field::new(self.name, self.returns.clone(), true);
        Ok(Arc::new(match self.mark {
            Some(mark) => system::marked(field, mark),
            None => field,
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.body)(&StatementInfo::from_options(&args.config_options), &args)
    }
}

/// One text for every row.
pub(crate) fn text(value: impl Into<String>) -> Result<ColumnarValue> {
    Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(value.into()))))
}

/// An argument that is the same for every row; `None` for NULL.
pub(crate) fn constant_text(args: &ScalarFunctionArgs, index: usize) -> Result<Option<String>> {
    let value = match args.args.get(index) {
        Some(ColumnarValue::Scalar(value)) => value.clone(),
        Some(ColumnarValue::Array(array)) if !array.is_empty() => {
            ScalarValue::try_from_array(array, 0)?
        }
        _ => ScalarValue::Null,
    };
    Ok(match value {
        ScalarValue::Utf8(value) | ScalarValue::LargeUtf8(value) | ScalarValue::Utf8View(value) => {
            value
        }
        _ => None,
    })
}
