//! What a client sends, frame by frame.
//!
//! Frames are cut and checked here and not by the crate's decoders, which read past the end of a
//! malformed message (into the next one, or into a panic) and know no limit below a gigabyte. A
//! frame is looked at only when it has come completely; its size is judged before that.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::{Error, ErrorKind, Result};

use super::encoding::Encoding;

/// The longest message before the session exists.
const STARTUP_BYTES_MAX: usize = 10_000;
/// Describe, Close, Execute, Sync and the like carry names only.
const SMALL_BYTES_MAX: usize = 10_000;

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// The first message of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// SSLRequest: may the connection be encrypted?
    Tls,
    /// GSSENCRequest: may it be encrypted by Kerberos?
    Gss,
    /// CancelRequest.
    Cancel { pid: i32, secret: i32 },
    /// What is none of these: nothing that could read an answer.
    Malformed,
    /// StartupMessage, with the version's major and minor number.
    Startup { major: u16, minor: u16, parameters: Vec<(String, String)> },
}

/// What a statement or a portal is addressed by in Describe and Close.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Statement(String),
    Portal(String),
}

/// A message of a connection that has started.
#[derive(Debug)]
pub(super) enum Message {
    Query(String),
    Parse {
        name: String,
        text: String,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target),
    Execute {
        portal: String,
        rows_max: i32,
    },
    Close(Target),
    Sync,
    Flush,
    Terminate,
    /// These three are ignored outside of COPY, as in Postgres.
    CopyData(Bytes),
    CopyDone,
    CopyFail(String),
    FunctionCall,
}

/// A Bind message.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) portal: String,
    pub(super) statement: String,
    pub(super) parameter_formats: Vec<i16>,
    pub(super) parameters: Vec<Option<Bytes>>,
    pub(super) result_formats: Vec<i16>,
}

/// Takes the first message from `input`, if it is there completely.
///
/// # Errors
/// `ProtocolViolation`.
pub(super) fn take_opening(input: &mut BytesMut) -> Result<Option<Opening>> {
    let Some(length) = peek_length(input, 0)? else {
        return Ok(None);
    };
    if !(8..=STARTUP_BYTES_MAX).contains(&length) {
        return Ok(Some(Opening::Malformed));
    }
    if input.len() < length {
        return Ok(None);
    }
    let mut frame = Frame(input.split_to(length).freeze(), Encoding::Utf8);
    frame.0.advance(4);
    let code = frame.u32()?;
    match code {
        SSL_REQUEST => return Ok(Some(Opening::Tls)),
        GSS_REQUEST => return Ok(Some(Opening::Gss)),
        CANCEL_REQUEST => {
            return Ok(Some(Opening::Cancel { pid: frame.i32()?, secret: frame.i32()? }));
        }
        _ => {}
    }
    let mut parameters = Vec::new();
    loop {
        let name = frame.text()?;
        if name.is_empty() {
            break;
        }
        parameters.push((name, frame.text()?));
    }
    Ok(Some(Opening::Startup { major: (code >> 16) as u16, minor: code as u16, parameters }))
}

/// Takes a password message's body from `input`, if it is there completely. Nothing else is read
/// from a client that has not proved who it is.
///
/// # Errors
/// `ProtocolViolation`.
pub(super) fn take_password(input: &mut BytesMut) -> Result<Option<Bytes>> {
    let Some(kind) = input.first().copied() else {
        return Ok(None);
    };
    if kind != b'p' {
        return Err(violation(format!("expected SASL response, got message type {kind}")));
    }
    let Some(length) = peek_length(input, 1)? else {
        return Ok(None);
    };
    if length > SMALL_BYTES_MAX {
        return Err(violation("invalid message length"));
    }
    if input.len() < length + 1 {
        return Ok(None);
    }
    let mut body = input.split_to(length + 1).freeze();
    body.advance(5);
    Ok(Some(body))
}

/// Takes the next message from `input`, if it is there completely.
///
/// # Errors
/// `ProtocolViolation`; after it the connection cannot go on. `ConfigurationLimitExceeded` for a
/// message larger than `bytes_max`.
pub(super) fn take(
    input: &mut BytesMut,
    bytes_max: usize,
    encoding: Encoding,
) -> Result<Option<Message>> {
    let Some(kind) = input.first().copied() else {
        return Ok(None);
    };
    let Some(length) = peek_length(input, 1)? else {
        return Ok(None);
    };
    let limit = match kind {
        b'Q' | b'P' | b'B' | b'F' | b'd' => bytes_max,
        b'D' | b'E' | b'C' | b'S' | b'H' | b'X' | b'c' | b'f' => SMALL_BYTES_MAX,
        _ => return Err(violation(format!("invalid frontend message type {kind}"))),
    };
    if length > limit {
        return Err(Error::new(
            ErrorKind::ConfigurationLimitExceeded,
            format!("a message of {length} bytes is larger than the {limit} allowed"),
        )
        .hint("limits.message_bytes_max in lakeport.toml says how large messages may be."));
    }
    if input.len() < length + 1 {
        input.reserve(length + 1 - input.len());
        return Ok(None);
    }
    let mut frame = Frame(input.split_to(length + 1).freeze(), encoding);
    frame.0.advance(5);
    let message = frame.message(kind)?;
    if !frame.0.is_empty() && !matches!(message, Message::FunctionCall) {
        return Err(invalid_format());
    }
    Ok(Some(message))
}

/// The length that the frame at `offset` says it has, itself included.
fn peek_length(input: &BytesMut, offset: usize) -> Result<Option<usize>> {
    let Some(bytes) = input.get(offset..offset + 4) else {
        return Ok(None);
    };
    let length = bytes.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    if length < 4 || length > i32::MAX as u32 {
        return Err(violation("invalid message length"));
    }
    Ok(Some(length as usize))
}

fn violation(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ProtocolViolation, message)
}

fn invalid_format() -> Error {
    violation("invalid message format")
}

/// The rest of one message's body; every read is checked against its end.
struct Frame(Bytes, Encoding);

impl Frame {
    fn message(&mut self, kind: u8) -> Result<Message> {
        Ok(match kind {
            b'Q' => Message::Query(self.text()?),
            b'P' => {
                let (name, text) = (self.text()?, self.text()?);
                let types = self.list(Frame::u32)?;
                Message::Parse { name, text, types }
            }
            b'B' => {
                let (portal, statement) = (self.text()?, self.text()?);
                let parameter_formats = self.list(Frame::i16)?;
                let parameters = self.list(Frame::value)?;
                let result_formats = self.list(Frame::i16)?;
                Message::Bind(Bind {
                    portal,
                    statement,
                    parameter_formats,
                    parameters,
                    result_formats,
                })
            }
            b'D' => Message::Describe(self.target()?),
            b'C' => Message::Close(self.target()?),
            b'E' => Message::Execute { portal: self.text()?, rows_max: self.i32()? },
            b'S' => Message::Sync,
            b'H' => Message::Flush,
            b'X' => Message::Terminate,
            b'F' => Message::FunctionCall,
            b'd' => Message::CopyData(self.0.split_to(self.0.len())),
            b'f' => Message::CopyFail(self.text()?),
            _ => Message::CopyDone,
        })
    }

    fn target(&mut self) -> Result<Target> {
        let kind = self.0.try_get_u8().map_err(|_| invalid_format())?;
        let name = self.text()?;
        match kind {
            b'S' => Ok(Target::Statement(name)),
            b'P' => Ok(Target::Portal(name)),
            _ => Err(invalid_format()),
        }
    }

    fn list<T>(&mut self, read: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.0.try_get_u16().map_err(|_| invalid_format())?;
        (0..count).map(|_| read(self)).collect()
    }

    fn value(&mut self) -> Result<Option<Bytes>> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| invalid_format())?;
                if length > self.0.len() {
                    return Err(invalid_format());
                }
                Ok(Some(self.0.split_to(length)))
            }
        }
    }

    fn u32(&mut self) -> Result<u32> {
        self.0.try_get_u32().map_err(|_| invalid_format())
    }

    fn i32(&mut self) -> Result<i32> {
        self.0.try_get_i32().map_err(|_| invalid_format())
    }

    fn i16(&mut self) -> Result<i16> {
        self.0.try_get_i16().map_err(|_| invalid_format())
    }

    fn text(&mut self) -> Result<String> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(invalid_format)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        Ok(self.1.decode(&text)?.into_owned())
    }
}
