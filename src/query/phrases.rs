//! The phrases DataFusion and Arrow are known to use, and what Postgres says instead.
//!
//! Its one idea: text is matched in one place only, so that an upgrade of the engine has one file to
//! check; the tests hold every phrase to the SQL that provokes it.

mod operators;

use crate::error::{Error, ErrorKind};

/// An error of planning.
pub(crate) fn planning(text: &str) -> Error {
    let first = text.lines().next().unwrap_or(text);
    function(first)
        .or_else(|| operators::operator(first))
        .or_else(|| operators::misplaced(first))
        .or_else(|| clause(first))
        .unwrap_or_else(|| Error::new(ErrorKind::SyntaxError, lower(text)))
}

fn function(text: &str) -> Option<Error> {
    // What a function of ours has said of its arguments.
    if let Some(name) = between(text, "External error: function ", " does not exist") {
        return Some(undefined_function(name));
    }
    if let Some(name) = between(text, "Invalid function '", "'") {
        return Some(undefined_function(name));
    }
    if let Some(name) = between(text, "table function '", "'") {
        return Some(undefined_function(name));
    }
    if let Some(call) = between(text, "given name and argument types '", "'") {
        let (name, types) = call.split_once('(')?;
        return Some(undefined_call(name, types.strip_suffix(')').unwrap_or(types)));
    }
    if let Some(name) = between(text, "to satisfy a call to '", "'") {
        let types = between(text, "coercion from ", " to the signature").unwrap_or_default();
        return Some(undefined_call(name, types));
    }
    let name = between(text, "Function '", "'").or_else(|| between(text, "function '", "'"))?;
    let mismatch = ["expects", "does not support", "failed", "requires", "no arguments"];
    mismatch
        .iter()
        .any(|word| text.contains(word))
        .then(|| undefined_function(name).detail(sentence(text)))
}

fn undefined_function(name: &str) -> Error {
    Error::new(ErrorKind::UndefinedFunction, format!("function {name} does not exist")).hint(
        "No function matches the given name and argument types. \
         You might need to add explicit type casts.",
    )
}

fn undefined_call(name: &str, types: &str) -> Error {
    let types: Vec<&str> = split_types(types).into_iter().map(type_name).collect();
    undefined_function(&format!("{name}({})", types.join(", ")))
}

/// Splits at commas outside parentheses.
fn split_types(types: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in types.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(types[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = types[start..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

fn clause(text: &str) -> Option<Error> {
    let error = if text.contains("Aggregate functions are not allowed in the WHERE clause") {
        Error::new(ErrorKind::GroupingError, "aggregate functions are not allowed in WHERE")
    } else if text.contains("cannot be nested") {
        Error::new(ErrorKind::GroupingError, "aggregate function calls cannot be nested")
    } else if text.contains("must appear in the GROUP BY clause")
        || text.contains("must be in GROUP BY")
    {
        let column = between(text, "column \"", "\"").unwrap_or("a column");
        let parts: Vec<&str> = column.rsplitn(3, '.').collect();
        let column = parts.iter().take(2).rev().copied().collect::<Vec<_>>().join(".");
        Error::new(
            ErrorKind::GroupingError,
            format!(
                "column \"{column}\" must appear in the GROUP BY clause \
                 or be used in an aggregate function"
            ),
        )
    } else if let Some(found) = between(text, "non-boolean predicate '", "' returning ") {
        let at = text.find("' returning ")? + "' returning ".len();
        let found_type = type_name(text.get(at..)?);
        Error::new(
            ErrorKind::DatatypeMismatch,
            format!("argument of WHERE must be type boolean, not type {found_type}"),
        )
        .detail(format!("The condition is {found}."))
    } else if text.contains("different number of columns")
        || text.contains("different number of fields")
        || text.contains("must have the same number of columns")
    {
        let word = if text.contains("INTERSECT") { "INTERSECT or EXCEPT" } else { "UNION" };
        Error::new(
            ErrorKind::SyntaxError,
            format!("each {word} query must have the same number of columns"),
        )
    } else if text.contains("The subquery should only return one column") {
        Error::new(ErrorKind::SyntaxError, "subquery must return only one column")
    } else if let Some(from) = between(text, "Unsupported CAST from ", " to ") {
        let to = text.rsplit(" to ").next()?;
        Error::new(
            ErrorKind::CannotCoerce,
            format!("cannot cast type {} to {}", type_name(from), type_name(to)),
        )
    } else if let Some(position) = between(text, "column out of bounds, specified: ", ",") {
        Error::new(
            ErrorKind::InvalidColumnReference,
            format!("ORDER BY position {position} is not in select list"),
        )
    } else if text.contains("LIMIT must be >= 0") {
        Error::new(ErrorKind::InvalidRowCountInLimitClause, "LIMIT must not be negative")
    } else if text.contains("OFFSET must be >=0") || text.contains("OFFSET must be >= 0") {
        Error::new(ErrorKind::InvalidRowCountInResultOffsetClause, "OFFSET must not be negative")
    } else if text.contains("unique expression names") {
        Error::new(
            ErrorKind::DuplicateColumn,
            "two columns of a SELECT list have the same expression",
        )
        .hint("Give one of them another name with AS.")
    } else if text.contains("Incompatible inputs for Union") {
        Error::new(ErrorKind::DatatypeMismatch, "UNION types cannot be matched")
            .detail(sentence(text))
    } else {
        return None;
    };
    Some(error)
}

/// An error about something that the engine does not know.
pub(crate) fn unsupported(text: &str) -> Error {
    if let Some(error) = operators::misplaced(text) {
        return error;
    }
    // Types of Postgres that are not there yet are another matter than types that nobody knows.
    const KNOWN: &[&str] =
        &["money", "inet", "cidr", "macaddr", "xml", "tsvector", "tsquery", "point", "bit", "box"];
    let name = text.strip_prefix("Unsupported SQL type ").map(str::trim);
    let plain = |name: &&str| {
        name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c))
            && !KNOWN.contains(name)
    };
    match name.filter(plain) {
        Some(name) => {
            Error::new(ErrorKind::UndefinedObject, format!("type \"{name}\" does not exist"))
        }
        None => Error::new(ErrorKind::FeatureNotSupported, lower(text)),
    }
}

/// An error of a row that a scan's own filter came upon, which keeps only its text.
pub(crate) fn predicate(text: &str) -> Option<Error> {
    let (_, cause) = text.split_once("Error evaluating filter predicate: ")?;
    let Some(kind) = between(cause, "Fields { kind: ", ",") else {
        return Some(execution(if cause.contains("DivideByZero") {
            "divide by zero"
        } else {
            cause
        }));
    };
    let kind = match kind {
        "DivisionByZero" => ErrorKind::DivisionByZero,
        "NumericValueOutOfRange" => ErrorKind::NumericValueOutOfRange,
        "InvalidTextRepresentation" => ErrorKind::InvalidTextRepresentation,
        "InvalidDatetimeFormat" => ErrorKind::InvalidDatetimeFormat,
        "DatetimeFieldOverflow" => ErrorKind::DatetimeFieldOverflow,
        "FeatureNotSupported" => ErrorKind::FeatureNotSupported,
        "InvalidParameterValue" => ErrorKind::InvalidParameterValue,
        _ => return None,
    };
    let message = between(cause, "message: \"", "\", detail: ")?;
    Some(Error::new(kind, message.replace("\\\"", "\"").replace("\\\\", "\\")))
}

/// An error of a row.
/// An error of what is handed in as an error of another crate: a pattern that does not parse.
pub(crate) fn pattern(text: &str) -> Option<Error> {
    if !text.starts_with("regex parse error") {
        return None;
    }
    let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
    let message = format!("invalid regular expression: {reason}");
    Some(Error::new(ErrorKind::InvalidRegularExpression, message))
}

pub(crate) fn execution(text: &str) -> Error {
    if text.contains("egular expression") {
        return Error::new(ErrorKind::InvalidRegularExpression, "invalid regular expression")
            .detail(sentence(text));
    }
    if text.contains("ivide by zero") {
        return Error::new(ErrorKind::DivisionByZero, "division by zero");
    }
    if text.contains("more than one row") {
        return Error::new(
            ErrorKind::CardinalityViolation,
            "more than one row returned by a subquery used as an expression",
        );
    }
    if let Some(error) = cast(text) {
        return error;
    }
    if text.contains("verflow") || text.contains("out of range") || text.contains("too large") {
        return out_of_range().detail(sentence(text));
    }
    Error::new(ErrorKind::InvalidParameterValue, lower(text))
}

fn cast(text: &str) -> Option<Error> {
    if let Some(value) = between(text, "Cannot cast string '", "' to value of ")
        .or_else(|| between(text, "Cannot cast value '", "' to value of "))
    {
        let at = text.rfind("' to value of ")? + "' to value of ".len();
        let target = type_name(text.get(at..)?.trim_end_matches(" type"));
        return Some(invalid_input(value, target));
    }
    if let Some(value) = between(text, "can't parse the string value ", " to decimal") {
        return Some(invalid_input(value, "numeric"));
    }
    if let Some(value) = between(text, "Error while parsing value '", "' as type '") {
        let target = between(text, "' as type '", "'").map_or("text", type_name);
        let error = invalid_input(value, target);
        let row = text.find("Row data: ").and_then(|at| text.get(at..));
        return Some(match row {
            Some(row) => error.detail(format!("{row}.")),
            None => error,
        });
    }
    if let Some(value) = between(text, "Error parsing timestamp from '", "'") {
        return Some(invalid_input(value, "timestamp"));
    }
    if let Some(value) = between(text, "Invalid input syntax for type interval: \"", "\"") {
        return Some(invalid_input(value, "interval"));
    }
    if let Some(date) = between(text, "Unable to parse date from ", "\n")
        .or_else(|| text.strip_prefix("Unable to parse date from "))
    {
        let fields: Vec<&str> = date.split(", ").collect();
        let message = format!("date field value out of range: {}", fields.join("-"));
        return Some(Error::new(ErrorKind::DatetimeFieldOverflow, message));
    }
    if let Some(value) = between(text, "Can't cast value ", " to type ") {
        let target = type_name(text.rsplit(" to type ").next()?);
        let _ = value;
        return Some(Error::new(
            ErrorKind::NumericValueOutOfRange,
            format!("{target} out of range"),
        ));
    }
    if text.contains("Cannot cast to Decimal") || text.contains("parse decimal overflow") {
        return Some(
            Error::new(ErrorKind::NumericValueOutOfRange, "numeric field overflow")
                .detail(sentence(text)),
        );
    }
    None
}

fn invalid_input(value: &str, target: &str) -> Error {
    let is_number = !value.is_empty()
        && value.trim().trim_start_matches(['-', '+']).chars().all(|c| c.is_ascii_digit());
    let is_integer = matches!(target, "smallint" | "integer" | "bigint");
    if is_number && is_integer {
        return Error::new(
            ErrorKind::NumericValueOutOfRange,
            format!("value \"{value}\" is out of range for type {target}"),
        );
    }
    let is_time = target == "date" || target.starts_with("time");
    let is_date = value.len() >= 8
        && value.starts_with(|c: char| c.is_ascii_digit())
        && value.chars().all(|c| c.is_ascii_digit() || "-:./ T+Z".contains(c));
    if is_time && is_date {
        return Error::new(
            ErrorKind::DatetimeFieldOverflow,
            format!("date/time field value out of range: \"{value}\""),
        );
    }
    let kind = if is_time || target == "interval" {
        ErrorKind::InvalidDatetimeFormat
    } else {
        ErrorKind::InvalidTextRepresentation
    };
    Error::new(kind, format!("invalid input syntax for type {target}: \"{value}\""))
}

pub(crate) fn out_of_range() -> Error {
    Error::new(ErrorKind::NumericValueOutOfRange, "numeric value out of range")
}

/// Postgres' name of a type as Arrow prints it.
fn type_name(arrow: &str) -> &'static str {
    let arrow = arrow.trim().trim_end_matches(['.', ';']);
    match arrow {
        "Boolean" => "boolean",
        "Int8" | "Int16" | "UInt8" => "smallint",
        "Int32" | "UInt16" => "integer",
        "Int64" | "UInt32" | "UInt64" => "bigint",
        "Float16" | "Float32" => "real",
        "Float64" => "double precision",
        "Utf8" | "LargeUtf8" | "Utf8View" => "text",
        "Binary" | "LargeBinary" | "BinaryView" => "bytea",
        "Date32" | "Date64" => "date",
        "Null" => "unknown",
        _ if arrow.starts_with("Decimal") => "numeric",
        _ if arrow.starts_with("Timestamp") && arrow.contains("Some(") => {
            "timestamp with time zone"
        }
        _ if arrow.starts_with("Timestamp") => "timestamp",
        _ if arrow.starts_with("Time") => "time",
        _ if arrow.starts_with("Interval") || arrow.starts_with("Duration") => "interval",
        _ if arrow.contains("List") => "anyarray",
        _ => "record",
    }
}

/// The text between the first `start` and the `end` after it.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let after = text.get(text.find(start)? + start.len()..)?;
    after.get(..after.find(end)?)
}

/// In a message's style: lower-case first letter, no full stop.
pub(crate) fn lower(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        // Acronyms and quoted words stay.
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// In a detail's style.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    format!("{text}.")
}
