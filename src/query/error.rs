//! What a DataFusion error means to a user, in Postgres' words.
//!
//! Its one idea: our own errors come out as they went in; of DataFusion's, the structured ones are
//! mapped by structure and the others by the few phrases it is known to use. What is not known to
//! be the user's doing is an internal error, whose text reaches only the log.

use arrow::error::ArrowError;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;

use crate::error::{Error, ErrorKind};

use super::phrases;

/// Converts, once, where an error leaves DataFusion.
pub(crate) fn convert(error: DataFusionError) -> Error {
    convert_ref(&error)
        .unwrap_or_else(|| Error::internal(format!("the engine failed: {error}")).caused_by(error))
}

/// Converts, with the place in `text` that the planner blames, if it names one.
pub(crate) fn convert_in(error: DataFusionError, text: &str) -> Error {
    let place = blamed(&error).and_then(|(line, column)| position(text, line, column));
    let converted = convert(error);
    match place {
        Some(position) if converted.position().is_none() => converted.at(position),
        _ => converted,
    }
}

/// The kind alone, for counting.
pub(crate) fn kind(error: &DataFusionError) -> ErrorKind {
    convert_ref(error).map_or(ErrorKind::InternalError, |error| error.kind())
}

/// Whether the planner could not tell columns apart, or did not know one.
pub(crate) fn is_about_names(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::SchemaError(..) => true,
        DataFusionError::Plan(text) => text.contains("unique expression names"),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            is_about_names(inner)
        }
        DataFusionError::Shared(inner) => is_about_names(inner),
        DataFusionError::Collection(errors) => errors.iter().any(is_about_names),
        _ => false,
    }
}

/// Line and column, from 1, of the first diagnostic that has them.
fn blamed(error: &DataFusionError) -> Option<(u64, u64)> {
    match error {
        DataFusionError::Diagnostic(diagnostic, inner) => diagnostic
            .span
            .map(|span| (span.start.line, span.start.column))
            .or_else(|| blamed(inner)),
        DataFusionError::Context(_, inner) => blamed(inner),
        DataFusionError::Shared(inner) => blamed(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(blamed),
        _ => None,
    }
}

fn position(text: &str, line: u64, column: u64) -> Option<usize> {
    let before: usize = text
        .split_inclusive('\n')
        .take(usize::try_from(line.checked_sub(1)?).ok()?)
        .map(|line| line.chars().count())
        .sum();
    Some(before + usize::try_from(column).ok()?)
}

fn convert_ref(error: &DataFusionError) -> Option<Error> {
    match error {
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(ours) => Some(ours.clone()),
            None => match inner.downcast_ref::<DataFusionError>() {
                Some(inner) => convert_ref(inner),
                None => phrases::pattern(&inner.to_string()),
            },
        },
        DataFusionError::Context(_, inner) => convert_ref(inner),
        DataFusionError::Diagnostic(_, inner) => convert_ref(inner),
        DataFusionError::Shared(inner) => convert_ref(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(convert_ref),
        DataFusionError::ArrowError(inner, _) => arrow(inner),
        DataFusionError::SchemaError(inner, _) => Some(schema(inner)),
        DataFusionError::SQL(inner, _) => {
            Some(Error::new(ErrorKind::SyntaxError, phrases::lower(&inner.to_string())))
        }
        DataFusionError::NotImplemented(text) => Some(phrases::unsupported(text)),
        DataFusionError::ResourcesExhausted(text) => Some(exhausted(text)),
        DataFusionError::Plan(text) => Some(phrases::planning(text)),
        DataFusionError::Execution(text) => Some(phrases::execution(text)),
        DataFusionError::IoError(inner) => Some(io(inner)),
        DataFusionError::ParquetError(inner) => {
            let known = phrases::predicate(&inner.to_string()).or_else(|| gone(inner.as_ref()));
            Some(known.unwrap_or_else(|| {
                let message = "a Parquet file cannot be read";
                Error::new(ErrorKind::DataCorrupted, message)
                    .detail(phrases::sentence(&inner.to_string()))
            }))
        }
        DataFusionError::ObjectStore(inner) => gone(inner.as_ref()),
        DataFusionError::Configuration(text) => {
            Some(Error::new(ErrorKind::InvalidParameterValue, phrases::lower(text)))
        }
        _ => None,
    }
}

fn arrow(error: &ArrowError) -> Option<Error> {
    match error {
        ArrowError::DivideByZero => Some(Error::new(ErrorKind::DivisionByZero, "division by zero")),
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => convert_ref(inner),
            None => inner.downcast_ref::<Error>().cloned(),
        },
        ArrowError::ArithmeticOverflow(_) => Some(phrases::out_of_range()),
        ArrowError::ParquetError(text) => phrases::predicate(text),
        ArrowError::CastError(text)
        | ArrowError::ParseError(text)
        | ArrowError::ComputeError(text)
        | ArrowError::InvalidArgumentError(text) => Some(phrases::execution(text)),
        ArrowError::CsvError(text) | ArrowError::JsonError(text) => Some(
            Error::new(ErrorKind::InvalidTextRepresentation, "a file cannot be read")
                .detail(phrases::sentence(text)),
        ),
        ArrowError::IoError(_, inner) => Some(io(inner)),
        _ => None,
    }
}

/// A file that is not there, or a full disk, at the root of an error of reading.
fn gone(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(inner) = inner.downcast_ref::<std::io::Error>() {
            return Some(io(inner));
        }
        cause = inner.source();
    }
    None
}

fn spilled(text: &str) -> Error {
    Error::new(ErrorKind::DiskFull, "the statement needs more disk than limits.spill_bytes allows")
        .detail(phrases::sentence(text))
}

fn io(error: &std::io::Error) -> Error {
    // Spilling reports its limit through the writer of the file.
    let text = error.to_string();
    if text.contains("used disk space") {
        return spilled(text.lines().next().unwrap_or(&text));
    }
    match error.kind() {
        std::io::ErrorKind::StorageFull => Error::new(ErrorKind::DiskFull, "the disk is full"),
        std::io::ErrorKind::NotFound => {
            Error::new(ErrorKind::UndefinedFile, "a file of the table is gone")
        }
        _ => Error::new(ErrorKind::IoError, format!("could not read or write: {error}")),
    }
}

fn schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => undefined_column(field, valid_fields),
        SchemaError::AmbiguousReference { field } => Error::new(
            ErrorKind::AmbiguousColumn,
            format!("column reference \"{}\" is ambiguous", field.name),
        ),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => Error::new(
            ErrorKind::DuplicateColumn,
            format!("column \"{name}\" specified more than once"),
        ),
    }
}

fn undefined_column(field: &Column, valid: &[Column]) -> Error {
    if let Some(relation) = &field.relation
        && !valid.iter().any(|column| column.relation.as_ref() == Some(relation))
        && !valid.is_empty()
    {
        return Error::new(
            ErrorKind::UndefinedTable,
            format!("missing FROM-clause entry for table \"{}\"", relation.table()),
        );
    }
    let written = match &field.relation {
        Some(relation) => format!("{}.{}", relation.table(), field.name),
        None => format!("\"{}\"", field.name),
    };
    let error = Error::new(ErrorKind::UndefinedColumn, format!("column {written} does not exist"));
    match nearest(&field.name, valid.iter().map(|column| column.name.as_str())) {
        Some(name) => error.hint(format!("Perhaps you meant to reference the column \"{name}\".")),
        None => error,
    }
}

/// The candidate spelled most like `name`, if one is close enough to be meant.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (name.chars().count() / 2).clamp(1, 3);
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

fn exhausted(text: &str) -> Error {
    if text.contains("disk space") {
        return spilled(text);
    }
    Error::new(ErrorKind::OutOfMemory, "out of memory")
        .detail(phrases::sentence(text.lines().next().unwrap_or(text)))
        .hint("Raise limits.memory_bytes in lakeport.toml, or let the query read less.")
}
