//! Phrases about operators, and about what only some places take.

use crate::error::{Error, ErrorKind};

use super::{between, type_name};

/// Symbols as the engine writes them between the types of their operands.
const SYMBOLS: [&str; 16] =
    ["||", "<<", ">>", "@>", "<@", "&&", "AND", "OR", "+", "-", "*", "/", "%", "&", "|", "#"];

/// What stands in front of the types that have no such operator.
const OPERATIONS: [&str; 6] = [
    "Cannot coerce arithmetic expression ",
    "string concat operation ",
    "common type for bitwise operation ",
    "common argument type for operation ",
    "result type for temporal operation ",
    "comparison operation ",
];

/// An operator that there is not.
pub(super) fn operator(text: &str) -> Option<Error> {
    // `x IS TRUE` is planned as a comparison with a boolean.
    let compared = between(text, "comparison operation ", " IS DISTINCT FROM Boolean")
        .or_else(|| between(text, "comparison operation ", " IS NOT DISTINCT FROM Boolean"));
    if let Some(compared) = compared {
        return Some(not_boolean("IS TRUE", compared));
    }
    if let Some(found) = between(text, "'NOT' requires a boolean expression, got ", "\n")
        .or_else(|| after(text, "'NOT' requires a boolean expression, got "))
    {
        return Some(not_boolean("NOT", found));
    }
    if let Some(operation) = after(text, "common argument type for logical boolean operation ") {
        let (left, symbol, right) = sides(operation)?;
        let found = if left.trim() == "Boolean" { right } else { left };
        return Some(not_boolean(symbol, found));
    }
    if let Some(types) = between(text, "isn't a common type to coerce ", " in LIKE expression") {
        let (left, right) = types.split_once(" and ")?;
        return Some(undefined(left, "~~", right));
    }
    let operation = OPERATIONS.iter().find_map(|start| after(text, start))?;
    let operation = operation.split(" to valid types").next().unwrap_or(operation);
    let operation = operation.split(": Invalid").next().unwrap_or(operation);
    if let Some((left, symbol, right)) = sides(operation) {
        return Some(undefined(left, symbol, right));
    }
    let mut words = operation.trim().splitn(3, ' ');
    Some(undefined(words.next()?, words.next()?, words.next()?))
}

/// What stands where it must not.
pub(super) fn misplaced(text: &str) -> Option<Error> {
    if let Some(table) = after(text, "Invalid qualifier ") {
        let message = format!("missing FROM-clause entry for table \"{}\"", table.trim());
        return Some(Error::new(ErrorKind::UndefinedTable, message));
    }
    if text.contains("does not support logical expression WindowFunction") {
        let message = "window functions are not allowed in WHERE";
        return Some(Error::new(ErrorKind::WindowingError, message));
    }
    if text.contains("aggregate function calls cannot contain window function calls") {
        let message = "aggregate function calls cannot contain window function calls";
        return Some(Error::new(ErrorKind::GroupingError, message));
    }
    if text.contains("SELECT DISTINCT ON expressions must match") {
        let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
        return Some(Error::new(ErrorKind::InvalidColumnReference, message));
    }
    if text.contains("For SELECT DISTINCT, ORDER BY expressions") {
        let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
        return Some(Error::new(ErrorKind::InvalidColumnReference, message));
    }
    if let Some(id) = after(text, "zero is not a valid index: ") {
        let message = format!("there is no parameter {}", id.trim());
        return Some(Error::new(ErrorKind::UndefinedParameter, message));
    }
    let columns = after(text, "Source table contains ")?;
    let has = columns.split(' ').next()?;
    let named = between(columns, "but only ", " names given")?;
    let message = format!("a table has {has} columns available but {named} columns specified");
    Some(Error::new(ErrorKind::InvalidColumnReference, message))
}

fn not_boolean(place: &str, found: &str) -> Error {
    let message =
        format!("argument of {place} must be type boolean, not type {}", type_name(found));
    Error::new(ErrorKind::DatatypeMismatch, message)
}

fn undefined(left: &str, symbol: &str, right: &str) -> Error {
    let message =
        format!("operator does not exist: {} {symbol} {}", type_name(left), type_name(right));
    Error::new(ErrorKind::UndefinedFunction, message).hint(
        "No operator matches the given name and argument types. \
         You might need to add explicit type casts.",
    )
}

/// Both types and what stands between them.
fn sides(operation: &str) -> Option<(&str, &'static str, &str)> {
    SYMBOLS.iter().find_map(|symbol| {
        let (left, right) = operation.split_once(&format!(" {symbol} "))?;
        Some((left, *symbol, right))
    })
}

fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.get(text.find(start)? + start.len()..)
}
