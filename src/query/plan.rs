//! A query to an authorized plan: typed, parameters and all.
//!
//! Its one idea: planning goes twice when parameters have types still to be found: the first time
//! finds them, the second is made with every type known, so preparing and executing agree.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::common::metadata::{FieldMetadata, ScalarAndMetadata};
use datafusion::common::{Column, ParamValues};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast as cast_expr};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::{ColumnName, Query, shown_name};

use super::authorize::{AuthorizedPlan, Parts, authorize};
use super::cast;
use super::engine::Context;
use super::error;
use super::functions::structs;
use super::origins;
use super::parameters;
use super::planner::plan_query;
use super::resolve::Resolved;
use super::runtime::{Sealed, seal};
use super::sorted;
use super::system::marked_type;
use super::unordered;
use super::wide;

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
    let told = parameters::told(query, declared);
    let first = plan_query(state, tables, query, told.clone()).map_err(blame)?;
    let found = parameters::types(&first, &told, context.untold_as_text)?;
    let (analyzed, parameters) = match found {
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
