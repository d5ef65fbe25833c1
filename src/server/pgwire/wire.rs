//! The socket: bytes in until a message is complete, bytes out in large pieces.

use std::io;

use bytes::BytesMut;
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::error::{Error, ErrorKind, Result};

use super::message::{self, Message, Opening};

/// Output is sent when this much has gathered, and whenever the client waits for it.
const FLUSH_BYTES: usize = 64 << 10;
/// What is read ahead of the messages being answered.
const READ_AHEAD_BYTES: usize = 256 << 10;

/// One client's socket.
#[derive(Debug)]
pub(super) struct Wire {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    input: BytesMut,
    pub(super) output: BytesMut,
    message_bytes_max: usize,
}

/// The client is gone; nothing can be told to it.
#[derive(Debug)]
pub(super) struct Gone;

impl Wire {
    pub(super) fn new(socket: TcpStream, message_bytes_max: usize) -> Self {
        // Answers are gathered before they are sent, so waiting for more only costs time.
        let _ = socket.set_nodelay(true);
        let (reader, writer) = socket.into_split();
        Self {
            reader,
            writer,
            input: BytesMut::with_capacity(8 << 10),
            output: BytesMut::with_capacity(8 << 10),
            message_bytes_max,
        }
    }

    /// The connection's first message; `None` when the client went away.
    pub(super) async fn opening(&mut self) -> Result<Option<Opening>> {
        loop {
            if let Some(opening) = message::take_opening(&mut self.input)? {
                return Ok(Some(opening));
            }
            if self.fill().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// The next message; `None` when the client went away. Nothing is lost when it is not awaited to
    /// its end.
    pub(super) async fn message(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some(message) = message::take(&mut self.input, self.message_bytes_max)? {
                return Ok(Some(message));
            }
            if self.fill().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Ends when the client goes away, and not before.
    ///
    /// What it sends in the meantime is kept, up to a bound: past it, nobody listens any more until
    /// what runs has ended.
    pub(super) async fn gone(&mut self) -> Gone {
        while self.input.len() < READ_AHEAD_BYTES {
            if let Err(gone) = self.fill().await {
                return gone;
            }
        }
        std::future::pending().await
    }

    async fn fill(&mut self) -> Result<(), Gone> {
        match self.reader.read_buf(&mut self.input).await {
            Ok(0) | Err(_) => Err(Gone),
            Ok(_) => Ok(()),
        }
    }

    /// Adds a message to the output.
    pub(super) fn put(&mut self, message: PgWireBackendMessage) -> Result<()> {
        message.encode(&mut self.output).map_err(|error| {
            Error::new(ErrorKind::ProtocolViolation, "a message cannot be encoded").caused_by(error)
        })
    }

    /// Sends the output if enough has gathered.
    pub(super) async fn flush_if_large(&mut self) -> io::Result<()> {
        if self.output.len() >= FLUSH_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Sends the output; waits while the client does not take it.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = self.writer.write_all(&self.output).await;
        self.output.clear();
        written
    }
}
