//! A query to an authorized plan: typed, parameters and all.
//!
//! Its one idea: planning goes twice when parameters have types still to be found: the first time
//! finds them, the second is made with every type known, so preparing and executing agree.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::common::metadata::{FieldMetadata, ScalarAndMetadata};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ParamValues};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast as cast_expr,
};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::{ColumnName, Query, shown_name};

use super::authorize::{AuthorizedPlan, Parts, authorize};
use super::cast;
use super::engine::Context;
use super::error;
use super::functions::structs;
use super::origins;
use super::planner::plan_query;
use super::resolve::Resolved;
use super::runtime::{Sealed, seal};
use super::sides::is_untyped;
use super::sorted;
use super::system::marked_type;
use super::unordered;
use super::untold::taken_as_any;
use super::wide;

/// The highest parameter number, as in Postgres' protocol.
const PARAMETERS_MAX: usize = 65_535;

/// Plans, types and authorizes what was resolved.
pub(crate) fn plan(
    state: &SessionState,
    context: &Context,
    query: &Query,
    resolved: Resolved,
    declared: &[Option<FieldRef>],
) -> Result<AuthorizedPlan> {
    let blame = |failure| error::convert_in(failure, query.text());
    let tables = &resolved.tables;
    let first = plan_query(state, tables, query, declared.to_vec()).map_err(blame)?;
    let (analyzed, parameters) = match parameter_types(&first, declared, context.untold_as_text)? {
        types if types.is_empty() => (analyze(state, first).map_err(blame)?, Vec::new()),
        types => {
            let all = types.iter().cloned().map(Some).collect();
            let second = plan_query(state, tables, query, all).map_err(blame)?;
            (analyze(state, second).map_err(blame)?, types)
        }
    };
    let is_shown = context.session_id.is_some() && !context.untold_as_text;
    wide::refused(&analyzed, is_shown).map_err(blame)?;
    let analyzed = if context.session_id.is_some() { sorted::shown(analyzed) } else { analyzed };
    let (plan, schema) = shown(analyzed, query.column_names(), context)?;
    let written = spread(query.column_names(), query.column_types(), schema.fields().len());
    let origins = origins::of(&plan);
    let (plan, sources, text) = (seal(plan), resolved.sources, query.text().to_owned());
    let parts = Parts { plan, schema, parameters, sources, text, written, origins };
    authorize(parts, &context.snapshot.grants)
}

fn analyze(state: &SessionState, plan: LogicalPlan) -> datafusion::common::Result<LogicalPlan> {
    let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    unordered::refused(&analyzed)?;
    cast::in_plan(analyzed)
}

fn parameter_field(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("parameter", data_type, true))
}

/// What is said of a parameter's type, its mark with it.
fn parameter_like(field: &Field) -> FieldRef {
    let plain = Field::new("parameter", unpacked(field.data_type()), true);
    Arc::new(plain.with_metadata(field.metadata().clone()))
}

/// Declared types first, then what the plan says of each, then text.
fn parameter_types(
    plan: &LogicalPlan,
    declared: &[Option<FieldRef>],
    untold_as_text: bool,
) -> Result<Vec<FieldRef>> {
    let mut types: Vec<Option<FieldRef>> = declared.to_vec();
    let mut of_any_type = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        let counts =
            matches!(node, LogicalPlan::Limit(_)).then(|| parameter_field(DataType::Int64));
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                for id in taken_as_any(expr) {
                    of_any_type.insert(parameter_index(id).map_err(super::planner::external)?);
                }
                let own = said_of_parameter(expr).into_iter().collect();
                for (id, said) in [own, said_by_function(expr)].concat() {
                    let index = parameter_index(id).map_err(super::planner::external)?;
                    if types.len() <= index {
                        types.resize(index + 1, None);
                    }
                    if let (None, Some(said)) = (&types[index], said.or(counts.clone())) {
                        types[index] = Some(parameter_like(&said));
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(error::convert)?;
    let untold = |index: &&usize| !untold_as_text && types.get(**index) == Some(&None);
    if let Some(unknown) = of_any_type.iter().find(untold) {
        let message = format!("could not determine data type of parameter ${}", unknown + 1);
        return Err(Error::new(ErrorKind::IndeterminateDatatype, message));
    }
    Ok(types
        .into_iter()
        .map(|found| found.unwrap_or_else(|| parameter_field(DataType::Utf8)))
        .collect())
}

/// The parameter that `expr` is, or casts, and the type this gives it.
fn said_of_parameter(expr: &Expr) -> Option<(&str, Option<FieldRef>)> {
    match expr {
        Expr::Placeholder(Placeholder { id, field }) => Some((id, field.clone())),
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
    ("substr", &["text", "int8", "int8"]),
    ("split_part", &["text", "text", "int4"]),
    ("set_byte", &["bytea", "int4", "int4"]),
    ("get_byte", &["bytea", "int4"]),
];

/// The parameters that are arguments of a function, and the types this gives them.
fn said_by_function(expr: &Expr) -> Vec<(&str, Option<FieldRef>)> {
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
    call.args
        .iter()
        .zip(types.iter())
        .filter_map(|(arg, name)| match arg {
            Expr::Placeholder(Placeholder { id, field: None }) => {
                Some((id.as_str(), Some(parameter_field(super::system::storage(name)))))
            }
            _ => None,
        })
        .collect()
}

/// Bounds of a series, and elements of an array, are what the others are.
fn said_by_others(
    args: &[Expr],
    is_known: impl Fn(&DataType) -> bool,
) -> Vec<(&str, Option<FieldRef>)> {
    let none = DFSchema::empty();
    // A literal without a type says nothing of the others'.
    let typed = args.iter().filter(|arg| !is_untyped(arg));
    let mut types = typed.filter_map(|arg| arg.get_type(&none).ok());
    let Some(known) = types.find(|found| is_known(found)) else { return Vec::new() };
    let untyped = args.iter().filter_map(|arg| match arg {
        Expr::Placeholder(Placeholder { id, field: None }) => Some(id.as_str()),
        _ => None,
    });
    untyped.map(|id| (id, Some(parameter_field(known.clone())))).collect()
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

/// The plan with parameters in place, each cast to the type it was planned with.
pub(crate) fn bind(
    plan: &AuthorizedPlan,
    parameters: Vec<ScalarValue>,
) -> Result<Sealed<LogicalPlan>> {
    let parts = plan.parts();
    if parameters.len() != parts.parameters.len() {
        return Err(Error::new(
            ErrorKind::ProtocolViolation,
            format!(
                "bind message supplies {} parameters, but the statement requires {}",
                parameters.len(),
                parts.parameters.len()
            ),
        ));
    }
    if parameters.is_empty() {
        return Ok(Arc::clone(&parts.plan));
    }
    let values = parameters
        .into_iter()
        .zip(&parts.parameters)
        .map(|(value, field)| {
            let data_type = field.data_type();
            let value = if value.data_type() == *data_type {
                value
            } else {
                value.cast_to(data_type).map_err(error::convert)?
            };
            let metadata =
                (!field.metadata().is_empty()).then(|| FieldMetadata::from(field.as_ref()));
            Ok(ScalarAndMetadata::new(value, metadata))
        })
        .collect::<Result<Vec<_>>>()?;
    LogicalPlan::clone(&parts.plan)
        .replace_params_with_values(&ParamValues::List(values))
        .map(seal)
        .map_err(error::convert)
}

/// The plan with its columns cast to types every client knows, and those columns.
fn shown(
    plan: LogicalPlan,
    names: &[ColumnName],
    context: &Context,
) -> Result<(LogicalPlan, SchemaRef)> {
    let input = Arc::clone(plan.schema());
    let names = names_of(names, input.fields().len());
    let mut fields = Vec::with_capacity(input.fields().len());
    let mut exprs = Vec::with_capacity(input.fields().len());
    let mut changed = false;
    for ((qualifier, field), name) in input.iter().zip(names) {
        let mut data_type = match field.data_type() {
            kept if context.packed && is_packed(kept) => kept.clone(),
            other => unpacked(other),
        };
        let named = |expr: Expr| expr.alias_qualified(qualifier.cloned(), field.name());
        let mut expr = Expr::Column(Column::from((qualifier, field)));
        if data_type != *field.data_type() {
            changed = true;
            expr = named(cast_expr(expr, data_type.clone()));
        }
        if let (true, Some((call, plain))) = (context.rows_as_structs, structs(&expr, &data_type)) {
            (changed, data_type, expr) = (true, plain, named(call));
        }
        // An object's number is shown as its name.
        if let Some(mark) = marked_type(field)
            && mark.trim_start_matches('_').starts_with("reg")
        {
            changed = true;
            data_type = cast::nested(DataType::Utf8, cast::depth(&data_type));
            expr = named(cast_expr(expr, data_type.clone()));
        }
        exprs.push(expr);
        let name = name.unwrap_or_else(|| shown_name(field.name()).to_owned());
        let shown = Field::new(name, data_type, true);
        fields.push(shown.with_metadata(field.metadata().clone()));
    }
    let schema = Arc::new(Schema::new(fields));
    if !changed {
        return Ok((plan, schema));
    }
    let plan = LogicalPlanBuilder::from(plan)
        .project(exprs)
        .and_then(LogicalPlanBuilder::build)
        .and_then(cast::in_plan)
        .map_err(error::convert)?;
    Ok((plan, schema))
}

/// Each result column's name where the text gives it; `None` leaves the plan's.
pub(crate) fn names_of(items: &[ColumnName], columns: usize) -> Vec<Option<String>> {
    let wildcards = items.iter().filter(|item| **item == ColumnName::Wildcard).count();
    let named = items.len() - wildcards;
    // One wildcard stands for the columns the others leave; of several the shares are unknown.
    let share = match wildcards {
        0 if named == columns => 0,
        1 if named <= columns => columns - named,
        _ => return vec![None; columns],
    };
    let mut names = Vec::with_capacity(columns);
    for item in items {
        match item {
            ColumnName::Named(name) => names.push(Some(name.clone())),
            ColumnName::Wildcard => names.extend(std::iter::repeat_n(None, share)),
        }
    }
    names
}

/// What is known of each item of SELECT, for each result column.
fn spread<T: Clone>(items: &[ColumnName], known: &[Option<T>], columns: usize) -> Vec<Option<T>> {
    let wildcards = items.iter().filter(|item| **item == ColumnName::Wildcard).count();
    let named = items.len() - wildcards;
    let share = match wildcards {
        0 if named == columns => 0,
        1 if named <= columns => columns - named,
        _ => return Vec::new(),
    };
    let mut spread = Vec::with_capacity(columns);
    for (item, known) in items.iter().zip(known) {
        match item {
            ColumnName::Named(_) => spread.push(known.clone()),
            ColumnName::Wildcard => spread.extend(std::iter::repeat_n(None, share)),
        }
    }
    spread
}

/// Types that hold the same values as plain ones in less space, or sooner.
fn is_packed(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(..) | DataType::Utf8View | DataType::BinaryView)
}

/// The plain type that holds the same values: no views, dictionaries, unsigned numbers, or times
/// finer than Postgres keeps.
pub(crate) fn unpacked(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef| {
        let inner = unpacked(field.data_type());
        Arc::new(field.as_ref().clone().with_data_type(inner))
    };
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Dictionary(_, value) => unpacked(value),
        DataType::RunEndEncoded(_, values) => unpacked(values.data_type()),
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Null => DataType::Utf8,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Duration(_) | DataType::Interval(_) => {
            DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano)
        }
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::FixedSizeList(inner, _) => DataType::List(field(inner)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        other => other.clone(),
    }
}
