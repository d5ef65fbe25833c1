//! The socket: bytes in until a message is complete, bytes out in large pieces.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::error::{Error, ErrorKind, Result};
use crate::server::tls::{Protocol, Tls, common_name};
use crate::session::Notification;

use super::encoding::Encoding;
use super::message::{self, Message, Opening};

/// Output is sent when this much has gathered, and whenever the client waits for it.
const FLUSH_BYTES: usize = 64 << 10;
/// What is read ahead of the messages being answered.
const READ_AHEAD_BYTES: usize = 256 << 10;
/// How long a client that is refused may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: usize = 64 << 20;

/// One client's socket.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    input: BytesMut,
    pub(super) output: BytesMut,
    message_bytes_max: usize,
    /// What the client's texts are written in.
    pub(super) encoding: Encoding,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A handshake failed; nothing can be read or written any more.
    Broken,
}

/// What an encrypted connection is known by.
#[derive(Debug, Clone)]
pub(super) struct Encryption {
    /// Hash of the server's certificate, to which SCRAM binds a login.
    pub(super) end_point: Option<Arc<[u8]>>,
    /// Common name of the client's certificate.
    pub(super) certificate: Option<String>,
}

/// The client is gone; nothing can be told to it.
#[derive(Debug)]
pub(super) struct Gone;

impl Wire {
    pub(super) fn new(socket: TcpStream, message_bytes_max: usize) -> Self {
        // Answers are gathered before they are sent, so waiting for more only costs time.
        let _ = socket.set_nodelay(true);
        Self {
            stream: Stream::Plain(socket),
            input: BytesMut::with_capacity(8 << 10),
            output: BytesMut::with_capacity(8 << 10),
            message_bytes_max,
            encoding: Encoding::Utf8,
        }
    }

    /// Whether the client begins with a TLS handshake, without asking first.
    pub(super) async fn begins_encrypted(&self) -> bool {
        const HANDSHAKE: u8 = 0x16;
        let Stream::Plain(socket) = &self.stream else { return false };
        let mut first = [0];
        matches!(socket.peek(&mut first).await, Ok(1) if first[0] == HANDSHAKE)
    }

    /// Encrypts the connection; `None` when the handshake failed.
    ///
    /// # Errors
    /// `ProtocolViolation` for bytes that came before the handshake: they may be anybody's.
    pub(super) async fn encrypt(&mut self, tls: &Tls, direct: bool) -> Result<Option<Encryption>> {
        if !self.input.is_empty() {
            return Err(Error::new(
                ErrorKind::ProtocolViolation,
                "received unencrypted data after SSL request",
            )
            .detail(
                "This could be a bug in the client or an attempted man-in-the-middle attack.",
            ));
        }
        let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Broken) else {
            return Ok(None);
        };
        let (acceptor, end_point) = tls.acceptor(Protocol::Postgres);
        let Ok(stream) = acceptor.accept(socket).await else { return Ok(None) };
        // Without being asked, other protocols' clients could be led here.
        if direct && stream.get_ref().1.alpn_protocol() != Some(b"postgresql") {
            return Ok(None);
        }
        let certificate = common_name(&stream);
        self.stream = Stream::Tls(Box::new(stream));
        Ok(Some(Encryption { end_point, certificate }))
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

    /// The body of the next message, which must be a password; `None` when the client went away.
    pub(super) async fn password(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(body) = message::take_password(&mut self.input)? {
                return Ok(Some(body));
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
            if let Some(message) =
                message::take(&mut self.input, self.message_bytes_max, self.encoding)?
            {
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
        let read = match &mut self.stream {
            Stream::Plain(socket) => socket.read_buf(&mut self.input).await,
            Stream::Tls(stream) => stream.read_buf(&mut self.input).await,
            Stream::Broken => return Err(Gone),
        };
        match read {
            Ok(0) | Err(_) => Err(Gone),
            Ok(_) => Ok(()),
        }
    }

    /// Adds a message to the output.
    pub(super) fn put(&mut self, message: PgWireBackendMessage) -> Result<()> {
        let from = self.output.len();
        message.encode(&mut self.output).map_err(|error| {
            Error::new(ErrorKind::ProtocolViolation, "a message cannot be encoded").caused_by(error)
        })?;
        if self.encoding != Encoding::Utf8 && !self.output[from..].is_ascii() {
            self.encode_texts(from);
        }
        Ok(())
    }

    /// Brings the texts of the message at `from` to the client's encoding.
    fn encode_texts(&mut self, from: usize) {
        const HEAD_BYTES: usize = 5;
        /// What follows a column's name in a RowDescription.
        const COLUMN_BYTES: usize = 18;
        let frame = self.output.split_off(from);
        let (kind, body) = (frame[0], &frame[HEAD_BYTES..]);
        let mut encoded = Vec::with_capacity(body.len());
        match kind {
            b'T' => {
                encoded.extend_from_slice(&body[..2]);
                let mut rest = &body[2..];
                while let Some(end) = rest.iter().position(|byte| *byte == 0) {
                    let name = String::from_utf8_lossy(&rest[..end]);
                    encoded.extend_from_slice(&self.encoding.encode_readably(&name));
                    let next = (end + 1 + COLUMN_BYTES).min(rest.len());
                    encoded.extend_from_slice(&rest[end..next]);
                    rest = &rest[next..];
                }
            }
            // All that is not text in these is ASCII.
            b'E' | b'N' | b'S' | b'C' => {
                let texts = String::from_utf8_lossy(body);
                encoded = self.encoding.encode_readably(&texts);
            }
            _ => encoded.extend_from_slice(body),
        }
        self.output.put_u8(kind);
        self.output.put_i32(i32::try_from(encoded.len() + 4).unwrap_or(i32::MAX));
        self.output.put_slice(&encoded);
    }

    /// Adds a NotificationResponse to the output.
    pub(super) fn put_notification(&mut self, said: &Notification) {
        let text = |text: &str| text.replace('\0', "\u{fffd}");
        let bytes = |said: &str| self.encoding.encode_readably(&text(said));
        let (channel, payload) = (bytes(&said.channel), bytes(&said.payload));
        let length = 4 + 4 + channel.len() + 1 + payload.len() + 1;
        self.output.put_u8(b'A');
        self.output.put_i32(i32::try_from(length).unwrap_or(i32::MAX));
        self.output.put_i32(said.pid);
        self.output.put_slice(&channel);
        self.output.put_u8(0);
        self.output.put_slice(&payload);
        self.output.put_u8(0);
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
        let written = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(&self.output).await,
            Stream::Tls(stream) => match stream.write_all(&self.output).await {
                Ok(()) => stream.flush().await,
                Err(error) => Err(error),
            },
            Stream::Broken => Err(io::ErrorKind::NotConnected.into()),
        };
        self.output.clear();
        written
    }

    /// Sends the output and ends the connection so that the client can read it to its end: a socket
    /// closed over bytes nobody has read takes back what was sent.
    pub(super) async fn farewell(mut self) {
        let ended = async {
            self.flush().await?;
            match &mut self.stream {
                Stream::Plain(socket) => socket.shutdown().await?,
                Stream::Tls(stream) => stream.shutdown().await?,
                Stream::Broken => {}
            }
            let mut left = FAREWELL_BYTES;
            while left > 0 {
                self.input.clear();
                if self.fill().await.is_err() {
                    break;
                }
                left = left.saturating_sub(self.input.len());
            }
            Ok::<(), io::Error>(())
        };
        // The client may be gone already: there is nobody else to tell.
        let _ = tokio::time::timeout(FAREWELL, ended).await;
    }
}
