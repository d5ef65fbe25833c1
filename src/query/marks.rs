//! Types that only a mark tells, kept where the engine makes new fields without one.
//!
//! Its one idea: what hands a value on has the value's type: a choice between values, the smallest of
//! them, the array of them, an element. There a function that does nothing puts the mark back.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction, WindowFunction};
use datafusion::logical_expr::{
    Aggregate, Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder,
    ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Unnest, Volatility,
    Window,
};

use super::functions::ARRAY_OF;
use super::sides::is_untyped;
use super::system::{field, marked, marked_type, storage};

fn mark_of(expr: &Expr, schema: &DFSchema) -> Option<String> {
    let (_, field) = expr.to_field(schema).ok()?;
    marked_type(&field).map(str::to_owned)
}

/// The mark of a value whose statement is still being planned, when an array and its elements have none yet.
pub(super) fn told(expr: &Expr, schema: &DFSchema) -> Option<String> {
    match expr {
        Expr::ScalarFunction(call) if call.func.name() == "array_element" => {
            let array = told(call.args.first()?, schema)?;
            element(&array).map(str::to_owned)
        }
        Expr::ScalarFunction(call) if call.func.name() == "make_array" => {
            let element = told(call.args.first()?, schema)?;
            Some(format!("_{}", element.trim_start_matches('_')))
        }
        other => mark_of(other, schema),
    }
}

/// Gives the values between which something chooses their common type; `None` where a mark does not tell it.
pub(super) fn common(sides: &mut [&mut Expr], schema: &DFSchema) -> Option<String> {
    let mut mark: Option<String> = None;
    for side in sides.iter() {
        let Ok((_, field)) = side.to_field(schema) else { return None };
        match (marked_type(&field), &mark) {
            (Some(found), Some(known)) if found != known => return None,
            (Some(found), _) => mark = Some(found.to_owned()),
            (None, _) => {}
        }
    }
    let mark = mark?;
    let numbered = storage(&mark) == DataType::Int64;
    let fits = |side: &Expr| match side.to_field(schema) {
        Ok((_, field)) if marked_type(&field).is_some() || field.data_type().is_null() => true,
        Ok((_, field)) => is_untyped(side) || numbered && field.data_type().is_signed_integer(),
        Err(_) => false,
    };
    if !sides.iter().all(|side| fits(side)) {
        return None;
    }
    let of_mark = Arc::new(field("", &mark));
    for side in sides.iter_mut().filter(|side| is_untyped(side)) {
        let literal = std::mem::replace(*side, Expr::Literal(ScalarValue::Null, None));
        **side = Expr::Cast(Cast::new_from_field(Box::new(literal), Arc::clone(&of_mark)));
    }
    Some(mark)
}

/// `expr` as of the type of this name.
pub(super) fn put(expr: Expr, type_name: &str) -> Expr {
    let function = Arc::new(ScalarUDF::new_from_impl(Marked::new(type_name)));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![expr]))
}

/// A function over arrays, with the mark of what it is given.
pub(super) fn of_arrays(call: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    let of = |at: usize| call.args.get(at).and_then(|arg| mark_of(arg, schema));
    let array = |mark: Option<String>| mark.filter(|mark| mark.starts_with('_'));
    let mark = match call.func.name() {
        "array_append" | "array_slice" | "array_remove_all" | "array_replace_all"
        | "array_distinct" | "array_sort" | "array_reverse" => array(of(0)),
        "array_prepend" => array(of(1)),
        "array_concat" => array(of(0)).or_else(|| array(of(1))),
        "array_element" => of(0).and_then(|mark| element(&mark).map(str::to_owned)),
        _ => None,
    };
    match mark {
        Some(mark) => Transformed::yes(put(Expr::ScalarFunction(call), &mark)),
        None => Transformed::no(Expr::ScalarFunction(call)),
    }
}

/// The type of an array's elements, where only a mark tells it.
fn element(array: &str) -> Option<&str> {
    match array {
        "oidvector" => Some("oid"),
        name => name.strip_prefix('_'),
    }
}

/// The mark of what an aggregate or a window function answers, if it answers from its values.
fn answered(function: &str, args: &[Expr], schema: &DFSchema) -> Option<String> {
    let mark = mark_of(args.first()?, schema)?;
    match function {
        "array_agg" | ARRAY_OF => Some(format!("_{}", mark.trim_start_matches('_'))),
        "any_value" | "first_value" | "last_value" | "nth_value" | "lag" | "lead" | "mode"
        | "percentile_disc" => Some(mark),
        // There is one for these types; values of others become text, or numbers, for it.
        "min" | "max" => match mark.as_str() {
            "oid" | "inet" | "timetz" | "pg_lsn" | "tid" | "bpchar" => Some(mark),
            "cidr" => Some("inet".to_owned()),
            name if name.starts_with("reg") => Some("oid".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// `node` with the marks of what it hands on.
pub(super) fn kept(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let marks = match &node {
        LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate),
        LogicalPlan::Window(window) => of_window(window),
        LogicalPlan::Unnest(unnest) => of_unnest(unnest),
        _ => return Ok(Transformed::no(node)),
    };
    let lost = |(at, mark): (usize, &Option<String>)| {
        mark.as_deref().is_some_and(|mark| {
            node.schema().fields().get(at).is_some_and(|field| marked_type(field) != Some(mark))
        })
    };
    if !marks.iter().enumerate().any(lost) {
        return Ok(Transformed::no(node));
    }
    let columns: Vec<Expr> = node
        .schema()
        .iter()
        .enumerate()
        .map(|(at, (qualifier, field))| {
            let column = Expr::Column(Column::from((qualifier, field)));
            match marks.get(at).and_then(Option::as_deref) {
                Some(mark) => put(column, mark).alias_qualified(qualifier.cloned(), field.name()),
                None => column,
            }
        })
        .collect();
    LogicalPlanBuilder::from(node).project(columns)?.build().map(Transformed::yes)
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        other => other,
    }
}

fn of_aggregate(aggregate: &Aggregate) -> Vec<Option<String>> {
    let schema = aggregate.input.schema();
    let calls = aggregate.aggr_expr.iter().map(|expr| match bare(expr) {
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            answered(func.name(), &params.args, schema)
        }
        _ => None,
    });
    let groups = aggregate.schema.fields().len().saturating_sub(aggregate.aggr_expr.len());
    std::iter::repeat_n(None, groups).chain(calls).collect()
}

fn of_window(window: &Window) -> Vec<Option<String>> {
    let schema = window.input.schema();
    let calls = window.window_expr.iter().map(|expr| match bare(expr) {
        Expr::WindowFunction(call) => {
            let WindowFunction { fun, params } = call.as_ref();
            answered(fun.name(), &params.args, schema)
        }
        _ => None,
    });
    std::iter::repeat_n(None, schema.fields().len()).chain(calls).collect()
}

fn of_unnest(unnest: &Unnest) -> Vec<Option<String>> {
    let input = unnest.input.schema();
    let column = |(at, from): (usize, &usize)| {
        let (list, out) = (input.fields().get(*from)?, unnest.schema.fields().get(at)?);
        let array = marked_type(list)?;
        let whole = matches!(out.data_type(), DataType::List(_)) && list == out;
        if whole { None } else { element(array).map(str::to_owned) }
    };
    unnest.dependency_indices.iter().enumerate().map(column).collect()
}

/// A value as it is, of a type that its mark tells.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Marked {
    type_name: String,
    signature: Signature,
}

impl Marked {
    fn new(type_name: &str) -> Self {
        let signature = Signature::any(1, Volatility::Immutable);
        Self { type_name: type_name.to_owned(), signature }
    }
}

impl ScalarUDFImpl for Marked {
    fn name(&self) -> &str {
        "__marked"
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args[0].to_string())
    }

    // The type too: whoever puts a value beside itself of another type needs two names.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(format!("{}({})", self.type_name, args[0].schema_name()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let given = &args.arg_fields[0];
        let plain = Field::new(given.name(), given.data_type().clone(), given.is_nullable());
        Ok(Arc::new(marked(plain, &self.type_name)))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args.swap_remove(0))
    }
}
