//! Functions computed one row at a time, described as data: names of types, and a body over values.
//!
//! Its one idea: what is asked of catalogs and of text is asked of few rows, so clarity wins over speed.
//! Types are Postgres' by name; a function takes the overload that fits best, as Postgres does.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::error::{Error, ErrorKind, Result as Answer};
use crate::query::planner::external;
use crate::query::runtime::StatementInfo;
use crate::query::system;

/// What a function makes of one row.
pub(crate) type Body = fn(&StatementInfo, &[ScalarValue]) -> Answer<ScalarValue>;

/// A function as data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Each the types of its arguments, separated by blanks; `any` takes everything as it is.
    pub(crate) overloads: &'static [&'static str],
    pub(crate) returns: &'static str,
    /// Whether a NULL among the arguments makes the result NULL.
    pub(crate) strict: bool,
    pub(crate) volatility: Volatility,
    pub(crate) body: Body,
}

/// A function of the catalog: it answers the same within a statement.
pub(crate) const fn stable(
    name: &'static str,
    overloads: &'static [&'static str],
    returns: &'static str,
    body: Body,
) -> Function {
    Function { name, overloads, returns, strict: true, volatility: Volatility::Stable, body }
}

/// A function of its arguments alone.
pub(crate) const fn pure(
    name: &'static str,
    overloads: &'static [&'static str],
    returns: &'static str,
    body: Body,
) -> Function {
    Function { name, overloads, returns, strict: true, volatility: Volatility::Immutable, body }
}

impl Function {
    /// The function that sees NULLs.
    pub(crate) const fn with_nulls(mut self) -> Self {
        self.strict = false;
        self
    }

    pub(crate) fn build(self) -> Arc<ScalarUDF> {
        let signature = if self.overloads == [""] {
            Signature::nullary(self.volatility)
        } else {
            Signature::user_defined(self.volatility)
        };
        let returns = system::field("returns", self.returns);
        let returns = Arc::new(returns);
        Arc::new(ScalarUDF::new_from_impl(RowWise { function: self, signature, returns }))
    }
}

#[derive(Debug)]
struct RowWise {
    function: Function,
    signature: Signature,
    returns: FieldRef,
}

impl PartialEq for RowWise {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for RowWise {}

impl Hash for RowWise {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

/// How well a value fits an argument; `None` where it does not.
fn fit(value: &DataType, argument: &str) -> Option<(u32, DataType)> {
    if argument == "any" {
        return Some((1, value.clone()));
    }
    let wanted = system::storage(argument);
    let is_text = |data_type: &DataType| {
        matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
    };
    if *value == wanted || is_text(value) && is_text(&wanted) {
        return Some((4, wanted));
    }
    if matches!((value, &wanted), (DataType::List(_), DataType::List(_))) {
        return Some((2, value.clone()));
    }
    let timestamps = matches!((value, &wanted), (DataType::Timestamp(_, one), DataType::Timestamp(_, other)) if one.is_some() == other.is_some());
    let fits = match (value, &wanted) {
        _ if timestamps => 3,
        (from, to) if from.is_integer() && to.is_integer() => 3,
        (DataType::Decimal128(..), DataType::Decimal128(..)) => 4,
        (from, to) if from.is_numeric() && to.is_numeric() && !to.is_integer() => 2,
        (DataType::Null, _) => 1,
        // A quoted literal has no type of its own.
        (from, _) if is_text(from) => 1,
        _ => return None,
    };
    let wanted = match (value, wanted) {
        (value @ DataType::Decimal128(..), DataType::Decimal128(..)) => value.clone(),
        (value @ DataType::Timestamp(..), DataType::Timestamp(..)) => value.clone(),
        (_, wanted) => wanted,
    };
    Some((fits, wanted))
}

impl ScalarUDFImpl for RowWise {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let best = self
            .function
            .overloads
            .iter()
            .filter_map(|overload| {
                let mut arguments: Vec<&str> = overload.split_whitespace().collect();
                // `any*`: as many as are there.
                if let Some(last) = arguments.last().and_then(|last| last.strip_suffix('*')) {
                    arguments.pop();
                    arguments.resize(types.len().max(arguments.len()), last);
                }
                if arguments.len() != types.len() {
                    return None;
                }
                let fits = types.iter().zip(arguments).map(|(value, wanted)| fit(value, wanted));
                let fits = fits.collect::<Option<Vec<_>>>()?;
                let (scores, wanted): (Vec<u32>, Vec<DataType>) = fits.into_iter().unzip();
                Some((scores.iter().sum::<u32>(), wanted))
            })
            .reduce(|best, other| if other.0 > best.0 { other } else { best });
        best.map(|(_, wanted)| wanted).ok_or_else(|| {
            let named = |data_type: &DataType| {
                let field = Field::new("argument", data_type.clone(), true);
                system::spelled(system::of(&field).oid, None)
            };
            let types: Vec<String> = types.iter().map(named).collect();
            let message =
                format!("function {}({}) does not exist", self.function.name, types.join(", "));
            external(Error::new(ErrorKind::UndefinedFunction, message).hint(
                "No function matches the given name and argument types. \
                 You might need to add explicit type casts.",
            ))
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.returns.data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::clone(&self.returns))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let info = StatementInfo::from_options(&args.config_options);
        let takes_any = self.function.overloads.iter().any(|overload| overload.contains("any"));
        let is_json = |field: &Field| {
            matches!(system::marked_type(field), Some("json" | "jsonb" | "_json" | "_jsonb"))
        };
        let json: Vec<bool> =
            args.arg_fields.iter().map(|field| takes_any && is_json(field)).collect();
        let handed = |values: Vec<ScalarValue>| -> Vec<ScalarValue> {
            if !json.contains(&true) {
                return values;
            }
            let marked = values.into_iter().zip(&json).map(|(value, json)| match value {
                ScalarValue::Utf8(text) if *json => ScalarValue::LargeUtf8(text),
                ScalarValue::List(_) if *json => as_json_elements(value),
                value => value,
            });
            marked.collect()
        };
        let compute = |values: &[ScalarValue]| -> Result<ScalarValue> {
            if self.function.strict && values.iter().any(ScalarValue::is_null) {
                return ScalarValue::try_from(self.returns.data_type());
            }
            let answer = (self.function.body)(&info, values).map_err(external)?;
            if answer.is_null() {
                return ScalarValue::try_from(self.returns.data_type());
            }
            Ok(answer)
        };
        let constants: Option<Vec<ScalarValue>> = args
            .args
            .iter()
            .map(|arg| match arg {
                ColumnarValue::Scalar(value) => Some(value.clone()),
                ColumnarValue::Array(_) => None,
            })
            .collect();
        if let Some(values) = constants
            && (!values.is_empty() || self.function.volatility != Volatility::Volatile)
        {
            return Ok(ColumnarValue::Scalar(compute(&handed(values))?));
        }
        let arrays = args
            .args
            .iter()
            .map(|arg| arg.to_array(args.number_rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        if args.number_rows == 0 {
            return Ok(ColumnarValue::Array(arrow::array::new_empty_array(
                self.returns.data_type(),
            )));
        }
        let mut answers = Vec::with_capacity(args.number_rows);
        for row in 0..args.number_rows {
            let values = arrays
                .iter()
                .map(|array| ScalarValue::try_from_array(array, row))
                .collect::<Result<Vec<_>>>()?;
            answers.push(compute(&handed(values))?);
        }
        Ok(ColumnarValue::Array(ScalarValue::iter_to_array(answers)?))
    }
}

/// The elements of an array of json, handed over as json is.
fn as_json_elements(value: ScalarValue) -> ScalarValue {
    let mut data_type = value.data_type();
    let mut dimensions = 0;
    while let DataType::List(element) = &data_type {
        data_type = element.data_type().clone();
        dimensions += 1;
    }
    let large = crate::query::cast::nested(DataType::LargeUtf8, dimensions);
    value.cast_to(&large).unwrap_or(value)
}

/// The text of an argument.
pub(crate) fn text_at(values: &[ScalarValue], at: usize) -> Option<&str> {
    match values.get(at)? {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => {
            text.as_deref()
        }
        _ => None,
    }
}

/// The whole number of an argument.
pub(crate) fn int_at(values: &[ScalarValue], at: usize) -> Option<i64> {
    match values.get(at)? {
        ScalarValue::Int16(value) => value.map(i64::from),
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        _ => None,
    }
}

/// The truth of an argument.
pub(crate) fn bool_at(values: &[ScalarValue], at: usize) -> Option<bool> {
    if let ScalarValue::Boolean(value) = values.get(at)? { *value } else { None }
}

/// The elements of a list; empty for what is none.
pub(crate) fn list_at(values: &[ScalarValue], at: usize) -> Option<ArrayRef> {
    match values.get(at)? {
        ScalarValue::List(list) if list.is_valid(0) => Some(list.value(0)),
        _ => None,
    }
}

/// A text, or NULL.
pub(crate) fn text(value: Option<impl Into<String>>) -> Answer<ScalarValue> {
    Ok(ScalarValue::Utf8(value.map(Into::into)))
}

/// A number with an object id's or a bigint's storage, or NULL.
pub(crate) fn int(value: impl Into<Option<i64>>) -> Answer<ScalarValue> {
    Ok(ScalarValue::Int64(value.into()))
}

/// A truth, or NULL.
pub(crate) fn boolean(value: impl Into<Option<bool>>) -> Answer<ScalarValue> {
    Ok(ScalarValue::Boolean(value.into()))
}

/// NULL, of whatever type is asked for.
pub(crate) fn null() -> Answer<ScalarValue> {
    Ok(ScalarValue::Null)
}
