//! Functions with Postgres' names and meaning, where DataFusion has none or another one.
//!
//! Its one idea: a function here answers as Postgres does or refuses; it never guesses.

mod average;
mod dates;
mod decimals;
mod extract;
mod format;
mod info;
mod integers;
mod length;
mod operators;
mod pattern;
mod read;
mod round;
mod session;
mod simple;
mod sum;
mod whole;
mod zones;

use std::sync::Arc;

pub(crate) use integers::out_of_range;

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;

/// Adds them to the state all statements share.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    for function in
        info::all().into_iter().chain(session::all()).chain(format::all()).chain(whole::all())
    {
        state.register_udf(function)?;
    }
    state.register_udf(round::round())?;
    state.register_udf(dates::age())?;
    state.register_udf(extract::extract())?;
    state.register_udf(length::length())?;
    state.register_udf(zones::timezone())?;
    state.register_udaf(sum::sum())?;
    state.register_udaf(average::avg())?;
    state.register_expr_planner(Arc::new(operators::Operators))?;
    Ok(())
}
