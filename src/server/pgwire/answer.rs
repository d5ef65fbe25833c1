//! The server's messages, built from ours.

use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::data::{FieldDescription, NoData, ParameterDescription, RowDescription};
use pgwire::messages::response::{
    CommandComplete, EmptyQueryResponse, ErrorResponse, NoticeResponse, ReadyForQuery,
    TransactionStatus,
};
use pgwire::messages::startup::ParameterStatus;

use arrow::datatypes::Schema;

use crate::error::{Error, ErrorKind, Result};
use crate::query::ColumnOrigin;
use crate::session::{CHANGED_PLAN, Notice};

use super::encode::Format;
use super::types::pg_type_of;

/// What an error ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The statement.
    Error,
    /// The connection.
    Fatal,
}

/// ErrorResponse.
pub(super) fn error_response(error: &Error, severity: Severity) -> Backend {
    let severity = match severity {
        Severity::Error => "ERROR",
        Severity::Fatal => "FATAL",
    };
    let mut fields = vec![
        (b'S', severity.to_owned()),
        (b'V', severity.to_owned()),
        (b'C', error.sqlstate().to_owned()),
        (b'M', plain(error.public_message())),
    ];
    if error.message() == CHANGED_PLAN {
        // By this name drivers know that preparing the statement again is all that is asked of them.
        fields.push((b'R', "RevalidateCachedQuery".to_owned()));
    }
    // What an internal error says of itself is for the log.
    if error.kind() != ErrorKind::InternalError {
        fields.extend(error.detail_text().map(|detail| (b'D', plain(detail))));
        fields.extend(error.hint_text().map(|hint| (b'H', plain(hint))));
        fields.extend(error.position().map(|position| (b'P', position.to_string())));
    }
    Backend::ErrorResponse(ErrorResponse::new(fields))
}

/// NoticeResponse: a message beside the answer.
pub(super) fn notice_response(notice: &Notice) -> Backend {
    let (severity, notice) = (notice.level.severity().to_owned(), &notice.error);
    let mut fields = vec![
        (b'S', severity.clone()),
        (b'V', severity),
        (b'C', notice.sqlstate().to_owned()),
        (b'M', plain(notice.public_message())),
        // Drivers that show notices take it that each says where it was made.
        (b'F', file!().to_owned()),
        (b'L', line!().to_string()),
        (b'R', "notice_response".to_owned()),
    ];
    fields.extend(notice.detail_text().map(|detail| (b'D', plain(detail))));
    fields.extend(notice.hint_text().map(|hint| (b'H', plain(hint))));
    Backend::NoticeResponse(NoticeResponse::new(fields))
}

/// A field of a message ends at its first zero byte.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// ReadyForQuery.
pub(super) fn ready(status: char) -> Backend {
    let status = match status {
        'T' => TransactionStatus::Transaction,
        'E' => TransactionStatus::Error,
        _ => TransactionStatus::Idle,
    };
    Backend::ReadyForQuery(ReadyForQuery::new(status))
}

/// CommandComplete.
pub(super) fn complete(tag: String) -> Backend {
    Backend::CommandComplete(CommandComplete::new(tag))
}

/// EmptyQueryResponse.
pub(super) fn empty_query() -> Backend {
    Backend::EmptyQueryResponse(EmptyQueryResponse::new())
}

/// ParameterStatus.
pub(super) fn parameter_status(name: &str, value: &str) -> Backend {
    Backend::ParameterStatus(ParameterStatus::new(name.to_owned(), plain(value)))
}

/// ParameterDescription.
pub(super) fn parameter_description(types: &[u32]) -> Backend {
    Backend::ParameterDescription(ParameterDescription::new(types.to_vec()))
}

/// RowDescription, or NoData for a statement without rows.
///
/// # Errors
/// `FeatureNotSupported` for a column without a Postgres type.
pub(super) fn row_description(
    schema: Option<&Schema>,
    formats: &[Format],
    origins: &[Option<ColumnOrigin>],
) -> Result<Backend> {
    let Some(schema) = schema else {
        return Ok(Backend::NoData(NoData::new()));
    };
    let fields = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let pg_type = pg_type_of(field)?;
            let (table, column) = origins.get(index).copied().flatten().unwrap_or((0, 0));
            // The message has 32 bits, which nobody reads as signed.
            let table = i32::from_be_bytes(table.to_be_bytes());
            let format = formats.get(index).copied().unwrap_or(Format::Text);
            Ok(FieldDescription::new(
                plain(field.name()),
                table,
                column,
                pg_type.oid,
                pg_type.size,
                pg_type.modifier,
                format.code(),
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Backend::RowDescription(RowDescription::new(fields)))
}
