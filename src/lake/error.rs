//! Foreign errors to ours.
//!
//! deltalake, object_store, Parquet and Arrow nest one another; what matters to a person sits at the
//! bottom (a full disk, a missing right) or in the variant (a feature, a table that is none). Knows
//! nothing of who asked.

use std::error::Error as StdError;
use std::io;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::TransactionError;
use object_store::Error as ObjectStoreError;
use parquet::errors::ParquetError;

use crate::error::{Error, ErrorKind};

use super::store::Location;

/// Errors of a Delta log or of data files, said of `location`.
pub(super) fn delta(location: &Location, error: DeltaTableError) -> Error {
    let what = table_condition(location, &error).unwrap_or_else(|| {
        storage(&error).unwrap_or_else(|| {
            Error::new(ErrorKind::IoError, format!("cannot use the table at {location}"))
                .detail(sentence(&error))
        })
    });
    what.caused_by(error)
}

/// Errors of the object store itself.
pub(super) fn object(error: ObjectStoreError) -> Error {
    let what = storage(&error).unwrap_or_else(|| match &error {
        ObjectStoreError::NotFound { path, .. } => {
            Error::new(ErrorKind::UndefinedFile, format!("{path} does not exist"))
        }
        _ => Error::new(ErrorKind::IoError, "the lake's storage failed").detail(sentence(&error)),
    });
    what.caused_by(error)
}

/// Errors of files on the local disk.
pub(super) fn file(path: &std::path::Path, error: io::Error) -> Error {
    Error::new(io_kind(&error), format!("cannot use {}: {}", path.display(), io_text(&error)))
        .caused_by(error)
}

/// Errors of values that do not convert.
pub(super) fn arrow(error: ArrowError) -> Error {
    let what = storage(&error).unwrap_or_else(|| match &error {
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            Error::new(ErrorKind::NumericValueOutOfRange, lower(message))
        }
        _ => Error::internal(error.to_string()),
    });
    what.caused_by(error)
}

/// Errors of reading Parquet.
pub(super) fn parquet(error: ParquetError) -> Error {
    let what = storage(&error).unwrap_or_else(|| {
        Error::new(ErrorKind::DataCorrupted, "a data file does not read as parquet")
            .detail(sentence(&error))
    });
    what.caused_by(error)
}

/// Errors of running a scan.
pub(super) fn datafusion(error: DataFusionError) -> Error {
    let text = error.to_string();
    let what = storage(&error).unwrap_or_else(|| {
        // Parquet hands a missing file on as text only.
        if text.contains("Object at location") && text.contains("not found") {
            Error::new(ErrorKind::UndefinedFile, "a data file of the table is gone")
                .detail(dotted(text.clone()))
        } else {
            Error::internal(format!("scan failed: {text}"))
        }
    });
    what.caused_by(error)
}

fn table_condition(location: &Location, error: &DeltaTableError) -> Option<Error> {
    let text = error.to_string();
    match error {
        DeltaTableError::NotATable(_) => Some(undefined(location)),
        DeltaTableError::Transaction {
            source: TransactionError::UnsupportedTableFeatures(features),
        } => {
            let names: Vec<String> = features.iter().map(ToString::to_string).collect();
            Some(unsupported(location, &names.join(", ")))
        }
        _ if text.contains("Invalid protocol action") => Some(
            Error::new(
                ErrorKind::DataCorrupted,
                format!("the log of the table at {location} is not valid"),
            )
            .detail(dotted(text)),
        ),
        // The kernel refuses some features while it reads the log, as text only.
        _ if text.contains("nsupported") && storage(error).is_none() => {
            Some(unsupported(location, &lower(&text)))
        }
        _ => None,
    }
}

/// There is no Delta table.
pub(super) fn undefined(location: &Location) -> Error {
    Error::new(ErrorKind::UndefinedTable, format!("there is no delta table at {location}"))
}

/// The table needs a feature of the format that is not implemented.
pub(super) fn unsupported(location: &Location, feature: &str) -> Error {
    Error::new(
        ErrorKind::FeatureNotSupported,
        format!("the table at {location} needs a feature of the delta format: {feature}"),
    )
    .hint("Write the table without this feature, or drop the feature there.")
}

/// What the operating system said, wherever in the chain it is.
fn storage(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut outer = None;
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // An io::Error may wrap a foreign error that wraps the real one.
            if let Some(inner) = io.get_ref() {
                outer = Some(error.to_string());
                cause = Some(inner);
                continue;
            }
            if io.kind() == io::ErrorKind::NotFound {
                return None;
            }
            let context = outer.unwrap_or_else(|| io.to_string());
            return Some(match io_kind(io) {
                ErrorKind::DiskFull => {
                    Error::new(ErrorKind::DiskFull, io_text(io)).detail(dotted(context))
                }
                kind => Error::new(kind, lower(&context)),
            });
        }
        outer = Some(error.to_string());
        cause = error.source();
    }
    None
}

fn io_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        _ => ErrorKind::IoError,
    }
}

fn io_text(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "no space left on the device",
        io::ErrorKind::QuotaExceeded => "the disk quota is used up",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::NotFound => "no such file or folder",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "it is not a folder",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        _ => "the operating system reports an error",
    }
}

fn lower(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().collect::<String>() + chars.as_str(),
        None => String::new(),
    }
}

fn sentence(error: &(dyn StdError + 'static)) -> String {
    dotted(error.to_string())
}

fn dotted(text: String) -> String {
    if text.ends_with('.') { text } else { text + "." }
}
