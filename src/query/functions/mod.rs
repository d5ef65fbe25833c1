//! Functions with Postgres' names and meaning, where DataFusion has none or another one.
//!
//! Its one idea: a function here answers as Postgres does or refuses; it never guesses.

mod any_all;
mod array_of;
mod arrays;
mod average;
mod bins;
mod bounded;
mod catalog;
mod choices;
mod dates;
mod decimals;
mod extract;
mod extremes;
mod floats;
mod format;
mod info;
mod instance;
mod integers;
mod json;
mod json_edit;
mod json_make;
mod json_order;
mod json_paths;
mod length;
mod locks;
mod made;
mod matches;
mod number_format;
mod operands;
mod operators;
mod ordered;
mod pattern;
mod precision;
mod privileges;
mod quotient;
mod read;
mod records;
mod regular;
mod round;
mod row_wise;
mod scaled;
mod session;
mod sets;
mod simple;
mod span_format;
mod spans;
mod subscripts;
mod sum;
mod texts;
mod truncate;
mod type_of;
mod unescaped;
mod whole;
mod wide;
mod zones;

use std::sync::Arc;

pub(crate) use array_of::{NAME as ARRAY_OF, empty as empty_array};
pub(crate) use catalog::{reg_number, reg_text};
pub(crate) use choices::{
    distinct_operator, is_choice, planned as planned_choice, run as run_choice, waits,
};
pub(crate) use integers::out_of_range;
pub(crate) use json::{json_text, jsonb_text, uuid_text};
pub(crate) use json_order::jsonb_key;
pub(crate) use operators::chosen_anew;
pub(crate) use quotient::quotient;
pub(crate) use records::structs;
pub(crate) use regular::postgres as postgres_pattern;
pub(crate) use spans::interval_span;

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::planner::ExprPlanner;

/// Adds them to the state all statements share.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    for function in
        info::all().into_iter().chain(session::all()).chain(format::all()).chain(whole::all())
    {
        state.register_udf(function)?;
    }
    for function in [
        catalog::ALL,
        privileges::ALL,
        json::ALL,
        texts::ALL,
        regular::ALL,
        arrays::ALL,
        spans::ALL,
        made::ALL,
        json_paths::ALL,
        instance::ALL,
    ]
    .into_iter()
    .flatten()
    {
        state.register_udf(function.build())?;
    }
    for function in
        sets::all().into_iter().chain(any_all::all()).chain(floats::all()).chain(locks::all())
    {
        state.register_udf(function)?;
    }
    for function in choices::distinct() {
        state.register_udf(function)?;
    }
    for function in records::all() {
        state.register_udf(function)?;
    }
    if let Ok(date_bin) = state.udf("date_bin") {
        state.register_udf(bins::date_bin(date_bin))?;
    }
    for name in bounded::NAMES {
        if let Ok(function) = state.udf(name) {
            state.register_udf(bounded::bounded(function))?;
        }
    }
    state.register_udf(type_of::pg_typeof())?;
    state.register_udaf(array_of::array_of())?;
    for function in ordered::all() {
        state.register_udaf(function)?;
    }
    state.register_udf(round::round())?;
    state.register_udf(dates::age())?;
    state.register_udf(extract::extract())?;
    state.register_udf(length::length())?;
    state.register_udf(number_format::to_number())?;
    state.register_udf(zones::timezone())?;
    state.register_udf(truncate::date_trunc())?;
    state.register_udf(precision::to_precision())?;
    state.register_udf(wide::kept_as_text())?;
    state.register_udaf(sum::sum())?;
    state.register_udaf(average::avg())?;
    for name in ["min", "max"] {
        state.register_udaf(extremes::extreme(state.udaf(name)?))?;
    }
    state.register_expr_planner(Arc::new(operators::Operators))?;
    Ok(())
}

/// What plans before the engine's own planners; those of [`register`] come after them.
pub(crate) fn first_planners() -> Vec<Arc<dyn ExprPlanner>> {
    vec![Arc::new(subscripts::Subscripts), Arc::new(choices::Arrays)]
}
