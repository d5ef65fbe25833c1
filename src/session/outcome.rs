//! What executing a statement gives.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use tokio_util::sync::CancellationToken;

use crate::error::Result;

use super::answer::stream_of;
use super::copy::{CopyIn, CopyOut};

/// What executing gave.
pub enum Outcome {
    /// Blank text.
    Empty,
    /// Rows, with the first word of their command tag (`SELECT`, `SHOW`, `EXPLAIN`, `FETCH`).
    Rows(RowStream),
    /// A command tag: `CREATE TABLE`, `INSERT 0 5`.
    Command(String),
    /// Rows for COPY TO STDOUT.
    CopyOut(CopyOut),
    /// COPY FROM STDIN wants rows.
    CopyIn(Box<CopyIn>),
}

/// Rows on their way. Dropping it stops the query.
pub struct RowStream {
    /// First word of the tag.
    pub tag: &'static str,
    /// Columns.
    pub schema: SchemaRef,
    /// Batches; errors become ours by [`crate::query::Engine::error`].
    pub stream: SendableRecordBatchStream,
    /// Stops it.
    pub cancel: CancellationToken,
    /// The rows of a binary cursor are sent as binary, whatever was asked for.
    pub binary: bool,
}

pub(super) fn command(tag: &str) -> Result<Outcome> {
    Ok(Outcome::Command(tag.to_owned()))
}

pub(super) fn rows(tag: &'static str, batch: RecordBatch) -> Outcome {
    Outcome::Rows(rows_of(tag, batch))
}

/// Rows that are there already.
pub(super) fn rows_of(tag: &'static str, batch: RecordBatch) -> RowStream {
    RowStream {
        tag,
        schema: batch.schema(),
        stream: stream_of(batch),
        cancel: CancellationToken::new(),
        binary: false,
    }
}
