//! Which types parameters have: those a client declared, and those that their places in the plan give them.
//!
//! Its one idea: as in Postgres a parameter is what the first of its places takes; where several types are
//! chosen between, it is what the values beside it are; what nothing tells is a text.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as Planned};
use datafusion::logical_expr::expr::{Placeholder, WindowFunction};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Case, Expr, ExprSchemable, LogicalPlan, Union};

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::Query;

use super::error;
use super::plan::unpacked;
use super::planner::external;
use super::sides::{common_type, is_untyped};
use super::system::{self, element_of, marked_type, storage};
use super::untold::taken_as_any;

/// The highest parameter number, as in Postgres' protocol.
const PARAMETERS_MAX: usize = 65_535;

/// A parameter's name and, where its place tells one, its type.
type Said<'a> = (&'a str, Option<FieldRef>);

pub(super) fn parameter_field(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("parameter", data_type, true))
}

/// What is said of a parameter's type, its mark with it.
pub(super) fn parameter_like(field: &Field) -> FieldRef {
    let plain = Field::new("parameter", unpacked(field.data_type()), true);
    Arc::new(plain.with_metadata(field.metadata().clone()))
}

/// Declared types first, then those that the text alone tells.
pub(super) fn told(query: &Query, declared: &[Option<FieldRef>]) -> Vec<Option<FieldRef>> {
    let mut types = declared.to_vec();
    for (index, name) in query.told_parameters() {
        if index >= PARAMETERS_MAX {
            continue;
        }
        if types.len() <= index {
            types.resize(index + 1, None);
        }
        if types[index].is_none() {
            types[index] = Some(Arc::new(system::field("parameter", name)));
        }
    }
    types
}

/// Declared types first, then what the plan says of each, then text.
///
/// # Errors
/// `IndeterminateDatatype` for a parameter that may be of any type, or that is not there.
pub(super) fn types(
    plan: &LogicalPlan,
    declared: &[Option<FieldRef>],
    untold_as_text: bool,
) -> Result<Vec<FieldRef>> {
    let mut found = Found { types: declared.to_vec(), ..Found::default() };
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let counts =
            matches!(node, LogicalPlan::Limit(_)).then(|| parameter_field(DataType::Int64));
        if let LogicalPlan::Union(union) = node {
            found.take(said_by_union(union), &None)?;
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                for id in taken_as_any(expr) {
                    found.of_any_type.insert(parameter_index(id).map_err(external)?);
                }
                found.take(said_of_parameter(expr).into_iter().collect(), &counts)?;
                found.take(said_by_function(expr), &None)?;
                found.take(said_by_siblings(expr, &schema), &None)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(error::convert)?;
    let Found { types, of_any_type, seen } = found;
    let is_untold = |index: &usize| !untold_as_text && types.get(*index) == Some(&None);
    let absent = (0..types.len()).filter(|index| !seen.contains(index));
    if let Some(unknown) = of_any_type.iter().copied().chain(absent).find(is_untold) {
        let message = format!("could not determine data type of parameter ${}", unknown + 1);
        return Err(Error::new(ErrorKind::IndeterminateDatatype, message));
    }
    Ok(types
        .into_iter()
        .map(|found| found.unwrap_or_else(|| parameter_field(DataType::Utf8)))
        .collect())
}

/// What a walk over a plan has found.
#[derive(Default)]
struct Found {
    types: Vec<Option<FieldRef>>,
    of_any_type: BTreeSet<usize>,
    seen: BTreeSet<usize>,
}

impl Found {
    fn take(&mut self, said: Vec<Said<'_>>, or: &Option<FieldRef>) -> Planned<()> {
        for (id, said) in said {
            let index = parameter_index(id).map_err(external)?;
            self.seen.insert(index);
            if self.types.len() <= index {
                self.types.resize(index + 1, None);
            }
            if let (None, Some(said)) = (&self.types[index], said.or(or.clone())) {
                self.types[index] = Some(parameter_like(&said));
            }
        }
        Ok(())
    }
}

/// The parameter that `expr` is, or casts, and the type this gives it.
fn said_of_parameter(expr: &Expr) -> Option<Said<'_>> {
    match expr {
        Expr::Placeholder(Placeholder { id, field }) => {
            // What is compared with a varchar is compared as text.
            let compared = field.as_ref().map(|field| match marked_type(field) {
                Some("varchar") => parameter_field(DataType::Utf8),
                _ => Arc::clone(field),
            });
            Some((id, compared))
        }
        // As in Postgres, `$1::int` takes an int.
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Placeholder(Placeholder { id, field: None }) => {
                // A name of an object comes as text, whatever its number is kept as.
                let named = marked_type(&cast.field).is_some_and(|name| name.starts_with("reg"));
                let text = || parameter_field(DataType::Utf8);
                Some((id, Some(if named { text() } else { Arc::clone(&cast.field) })))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Functions whose arguments have one type each, and not text.
const ARGUMENTS: &[(&str, &[&str])] = &[
    ("pg_sleep", &["float8"]),
    ("pg_terminate_backend", &["int4", "int8"]),
    ("pg_cancel_backend", &["int4"]),
    ("chr", &["int4"]),
    ("repeat", &["text", "int4"]),
    ("left", &["text", "int4"]),
    ("right", &["text", "int4"]),
    ("lpad", &["text", "int4", "text"]),
    ("rpad", &["text", "int4", "text"]),
    ("substr", &["text", "int4", "int4"]),
    ("split_part", &["text", "text", "int4"]),
    ("set_byte", &["bytea", "int4", "int4"]),
    ("get_byte", &["bytea", "int4"]),
];

/// The parameters that are arguments of a function, and the types this gives them.
fn said_by_function(expr: &Expr) -> Vec<Said<'_>> {
    let Expr::ScalarFunction(call) = expr else { return Vec::new() };
    if call.func.name() == "__series" {
        return said_by_others(&call.args, DataType::is_integer);
    }
    if call.func.name() == "make_array" {
        return said_by_others(&call.args, |found| !found.is_null() && !found.is_nested());
    }
    let Some((_, types)) = ARGUMENTS.iter().find(|(name, _)| *name == call.func.name()) else {
        return Vec::new();
    };
    let named = call.args.iter().zip(types.iter());
    named
        .filter_map(|(arg, name)| Some((untold(arg)?, Some(parameter_field(storage(name))))))
        .collect()
}

/// Bounds of a series, and elements of an array, are what the others are.
fn said_by_others(args: &[Expr], is_known: impl Fn(&DataType) -> bool) -> Vec<Said<'_>> {
    let none = DFSchema::empty();
    // A literal without a type says nothing of the others'.
    let typed = args.iter().filter(|arg| !is_untyped(arg));
    let mut types = typed.filter_map(|arg| arg.get_type(&none).ok());
    let Some(known) = types.find(|found| is_known(found)) else { return Vec::new() };
    let untold = args.iter().filter_map(untold);
    untold.map(|id| (id, Some(parameter_field(known.clone())))).collect()
}

/// The parameters among values of one type, with the type of the others.
fn said_by_siblings<'a>(expr: &'a Expr, schema: &DFSchema) -> Vec<Said<'a>> {
    match expr {
        Expr::Case(case) => said_by_case(case, schema),
        Expr::ScalarFunction(call) => match (call.func.name(), call.args.as_slice()) {
            ("coalesce" | "greatest" | "least" | "nullif", args) => alike(args, schema),
            ("date_bin", [_, times @ ..]) => alike(times, schema),
            ("__any" | "__all", [_, value, array]) => said_by_array(value, array, schema),
            ("array_position", [array, value, ..]) => match (untold(value), field(array, schema)) {
                (Some(id), Some(array)) => vec![(id, element(&array))],
                _ => Vec::new(),
            },
            ("width_bucket", [operand, bounds @ .., _]) => {
                let exact = field(operand, schema)
                    .is_some_and(|field| matches!(field.data_type(), DataType::Decimal128(..)));
                let name = if exact { "numeric" } else { "float8" };
                let bounds = bounds.iter().filter_map(untold);
                bounds.map(|id| (id, Some(parameter_field(storage(name))))).collect()
            }
            _ => Vec::new(),
        },
        Expr::WindowFunction(call) => said_by_window(call, schema),
        _ => Vec::new(),
    }
}

fn said_by_case<'a>(case: &'a Case, schema: &DFSchema) -> Vec<Said<'a>> {
    let results = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
    let mut said = alike(results.chain(case.else_expr.as_deref()), schema);
    if let Some(operand) = &case.expr {
        let whens = case.when_then_expr.iter().map(|(when, _)| when.as_ref());
        said.extend(alike(std::iter::once(operand.as_ref()).chain(whens), schema));
    }
    said
}

/// `lag(value, offset, default)`: the default is what the value is.
fn said_by_window<'a>(call: &'a WindowFunction, schema: &DFSchema) -> Vec<Said<'a>> {
    match (call.fun.name(), call.params.args.as_slice()) {
        ("lag" | "lead", [value, _, default]) => alike([value, default], schema),
        _ => Vec::new(),
    }
}

/// `value = ANY (array)`, where one of them is a parameter.
fn said_by_array<'a>(value: &'a Expr, array: &'a Expr, schema: &DFSchema) -> Vec<Said<'a>> {
    match (untold(value), untold(array)) {
        (None, Some(id)) => vec![(id, field(value, schema).and_then(|field| array_of(&field)))],
        (Some(id), None) => vec![(id, field(array, schema).and_then(|field| element(&field)))],
        _ => Vec::new(),
    }
}

/// The parameters that are items of one query of a UNION, with the types that another has there.
fn said_by_union(union: &Union) -> Vec<Said<'_>> {
    let mut said = Vec::new();
    for column in 0..union.schema.fields().len() {
        let items = || union.inputs.iter().map(|input| item(input, column));
        if !items().flatten().any(|item| untold(item).is_some()) {
            continue;
        }
        let is_open = |item: Option<&Expr>| {
            item.is_some_and(|item| untold(item).is_some() || is_untyped(item))
        };
        let typed = union.inputs.iter().zip(items()).filter(|(_, item)| !is_open(*item));
        let fields: Vec<FieldRef> = typed
            .filter_map(|(input, _)| input.schema().fields().get(column).cloned())
            .filter(|field| !field.data_type().is_null())
            .collect();
        let known = common(&fields);
        said.extend(items().flatten().filter_map(untold).map(|id| (id, known.clone())));
    }
    said
}

/// What a query shows in a column.
fn item(plan: &LogicalPlan, column: usize) -> Option<&Expr> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let mut item = projection.expr.get(column)?;
            while let Expr::Alias(alias) = item {
                item = &alias.expr;
            }
            Some(item)
        }
        LogicalPlan::Sort(sort) => item(&sort.input, column),
        LogicalPlan::Limit(limit) => item(&limit.input, column),
        _ => None,
    }
}

/// The parameters among `values`, with the type that the others have in common.
fn alike<'a>(values: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> Vec<Said<'a>> {
    let values: Vec<&Expr> = values.into_iter().collect();
    if !values.iter().any(|value| untold(value).is_some()) {
        return Vec::new();
    }
    let typed = values.iter().filter(|value| untold(value).is_none() && !is_untyped(value));
    let fields: Vec<FieldRef> = typed
        .filter_map(|value| field(value, schema))
        .filter(|field| !field.data_type().is_null())
        .collect();
    let known = common(&fields);
    values.into_iter().filter_map(untold).map(|id| (id, known.clone())).collect()
}

fn common(fields: &[FieldRef]) -> Option<FieldRef> {
    let marked = fields.iter().find(|field| marked_type(field).is_some());
    let common = || common_type(fields).map(parameter_field);
    marked.cloned().or_else(common).or_else(|| fields.first().cloned())
}

pub(super) fn field(expr: &Expr, schema: &DFSchema) -> Option<FieldRef> {
    let found = expr.to_field(schema).ok().map(|(_, field)| field)?;
    (!found.data_type().is_null()).then_some(found)
}

/// The array whose elements are of the type of `field`; text for a varchar, as in Postgres.
fn array_of(field: &Field) -> Option<FieldRef> {
    let element = unpacked(field.data_type());
    Some(match marked_type(field) {
        Some("varchar") => Arc::new(system::field("parameter", "_text")),
        Some(mark) => Arc::new(system::field("parameter", &format!("_{mark}"))),
        None if matches!(element, DataType::List(_)) => return None,
        None => parameter_field(DataType::List(Arc::new(Field::new_list_field(element, true)))),
    })
}

fn element(field: &Field) -> Option<FieldRef> {
    match (element_of(field), field.data_type()) {
        (Some(element), _) => Some(element),
        (None, DataType::List(element)) => Some(Arc::clone(element)),
        _ => None,
    }
}

/// The parameter of no known type that `expr` is.
pub(super) fn untold(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Placeholder(Placeholder { id, field: None }) => Some(id),
        _ => None,
    }
}

fn parameter_index(id: &str) -> Result<usize> {
    let undefined =
        || Error::new(ErrorKind::UndefinedParameter, format!("there is no parameter {id}"));
    let number: usize = id.trim_start_matches('$').parse().map_err(|_| undefined())?;
    if number == 0 || number > PARAMETERS_MAX {
        return Err(undefined());
    }
    Ok(number - 1)
}
