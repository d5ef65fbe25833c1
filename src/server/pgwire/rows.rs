//! A result's rows on their way to the client: one batch in memory, never the result.

use arrow::datatypes::SchemaRef;
use futures::StreamExt;

use crate::error::Error;
use crate::query::Engine;
use crate::session::RowStream;

use super::copy::RowWriter;
use super::encode::{EncodedBatch, RowEncoder};
use super::wire::{Gone, Wire};

/// Why rows stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The statement failed; the client is told.
    Failed(Error),
    /// The client is gone.
    Gone,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Stop::Gone
    }
}

impl From<std::io::Error> for Stop {
    fn from(_: std::io::Error) -> Self {
        Stop::Gone
    }
}

/// How far sending came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// As many rows as were asked for; there may be more.
    Suspended,
    /// All there are; so many in this call.
    All(u64),
}

/// Rows that have not all been sent.
pub(super) struct Rows {
    rows: RowStream,
    schema: SchemaRef,
    encoder: RowEncoder,
    writer: RowWriter,
    /// The batch being sent, and its next row.
    batch: Option<(EncodedBatch, usize)>,
    ended: bool,
}

impl Rows {
    /// `schema` is the one that was described to the client.
    pub(super) fn new(
        rows: RowStream,
        schema: SchemaRef,
        encoder: RowEncoder,
        writer: RowWriter,
    ) -> Self {
        Self { rows, schema, encoder, writer, batch: None, ended: false }
    }

    /// The rows as the session knows them.
    pub(super) fn stream(&self) -> &RowStream {
        &self.rows
    }

    /// First word of the command tag.
    pub(super) fn tag(&self) -> &'static str {
        self.rows.tag
    }

    /// Sends rows; at most `rows_max` of them, all for 0. Waits while the client does not take them.
    pub(super) async fn send(&mut self, wire: &mut Wire, rows_max: u64) -> Result<Sent, Stop> {
        let mut sent = 0;
        loop {
            if let Some((batch, next)) = &mut self.batch {
                while *next < batch.rows() {
                    if rows_max > 0 && sent == rows_max {
                        return Ok(Sent::Suspended);
                    }
                    self.writer.write(batch, *next, &mut wire.output)?;
                    *next += 1;
                    sent += 1;
                    wire.flush_if_large().await?;
                }
                self.batch = None;
            }
            // Postgres, too, says that there may be more when exactly as many were asked for.
            if rows_max > 0 && sent == rows_max {
                return Ok(Sent::Suspended);
            }
            if self.ended || !self.next_batch(wire).await? {
                self.ended = true;
                return Ok(Sent::All(sent));
            }
        }
    }

    async fn next_batch(&mut self, wire: &mut Wire) -> Result<bool, Stop> {
        let next = tokio::select! {
            next = self.rows.stream.next() => next,
            gone = wire.gone() => return Err(gone.into()),
        };
        match next {
            None => Ok(false),
            Some(Err(error)) => {
                self.ended = true;
                Err(Stop::Failed(Engine::error(error)))
            }
            Some(Ok(batch)) => {
                self.batch = Some((self.encoder.batch(&self.schema, &batch)?, 0));
                Ok(true)
            }
        }
    }
}

impl Stop {
    /// Changes the error, if it is one.
    pub(super) fn map(self, change: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Stop::Failed(error) => Stop::Failed(change(error)),
            Stop::Gone => Stop::Gone,
        }
    }
}
