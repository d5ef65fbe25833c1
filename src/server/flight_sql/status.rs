//! Errors as gRPC knows them.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::error::{Error, ErrorKind};

/// Longer texts would not fit the headers gRPC sends a status in.
const MESSAGE_BYTES_MAX: usize = 4096;

/// The status of an error: `SQLSTATE: message`, then DETAIL and HINT lines, and the SQLSTATE alone
/// as metadata `sqlstate`.
pub(super) fn status(error: &Error) -> Status {
    if error.kind() == ErrorKind::InternalError {
        tracing::error!(%error, cause = ?std::error::Error::source(error), "internal error");
    }
    let sqlstate = error.kind().sqlstate();
    let mut message = format!("{sqlstate}: {}", error.public_message());
    if error.kind() != ErrorKind::InternalError {
        if let Some(detail) = error.detail_text() {
            message.push_str(&format!("\nDETAIL:  {detail}"));
        }
        if let Some(hint) = error.hint_text() {
            message.push_str(&format!("\nHINT:  {hint}"));
        }
    }
    if message.len() > MESSAGE_BYTES_MAX {
        let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
        message.truncate(end);
        message.push_str("...");
    }
    let mut status = Status::new(code(error.kind()), message);
    status.metadata_mut().insert("sqlstate", MetadataValue::from_static(sqlstate));
    status
}

/// The gRPC code of a condition.
fn code(kind: ErrorKind) -> Code {
    use ErrorKind as K;
    match kind {
        K::FeatureNotSupported => Code::Unimplemented,
        K::UndefinedTable
        | K::UndefinedObject
        | K::UndefinedFile
        | K::InvalidCatalogName
        | K::InvalidSchemaName
        | K::InvalidSqlStatementName
        | K::InvalidCursorName => Code::NotFound,
        K::DuplicateCursor
        | K::DuplicateObject
        | K::DuplicatePreparedStatement
        | K::DuplicateSchema
        | K::DuplicateTable => Code::AlreadyExists,
        K::InsufficientPrivilege | K::ReadOnlySqlTransaction => Code::PermissionDenied,
        K::InvalidAuthorizationSpecification | K::InvalidPassword => Code::Unauthenticated,
        K::QueryCanceled => Code::Cancelled,
        K::SerializationFailure => Code::Aborted,
        K::DiskFull
        | K::OutOfMemory
        | K::TooManyConnections
        | K::ConfigurationLimitExceeded
        | K::StatementTooComplex => Code::ResourceExhausted,
        K::ActiveSqlTransaction
        | K::NoActiveSqlTransaction
        | K::InFailedSqlTransaction
        | K::DependentObjectsStillExist
        | K::ObjectNotInPrerequisiteState
        | K::ObjectInUse
        | K::CantChangeRuntimeParam
        | K::ConfigFileError => Code::FailedPrecondition,
        K::AdminShutdown | K::CannotConnectNow | K::IoError => Code::Unavailable,
        K::SnapshotTooOld => Code::OutOfRange,
        K::InternalError => Code::Internal,
        K::DataCorrupted => Code::DataLoss,
        // What is left is about the statement's text or its values.
        _ => Code::InvalidArgument,
    }
}

/// A request that is not what Flight SQL asks for.
pub(super) fn malformed(what: impl std::fmt::Display) -> Status {
    status(&Error::new(ErrorKind::ProtocolViolation, what.to_string()))
}

/// Arrow or protobuf refused to encode what we made: a defect of ours.
pub(super) fn unencodable(error: impl std::error::Error + Send + Sync + 'static) -> Status {
    status(&Error::internal("an answer could not be encoded").caused_by(error))
}
