//! What a ticket holds: a query pinned, its parameters, whose it is, and until when.
//!
//! Written as a protobuf message, so that a newer server reads an older one's tickets.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};
use prost::Message;

use crate::error::{Error, ErrorKind, Result};
use crate::lake::{FileShare, Share};
use crate::session::PinnedQuery;

use super::keys::{Keys, Purpose};

/// A ticket, unsigned.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Ticket {
    /// The flight's; all its endpoints share it.
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) flight: Bytes,
    #[prost(string, tag = "2")]
    pub(super) role: String,
    #[prost(int64, tag = "3")]
    pub(super) issued_ms: i64,
    #[prost(int64, tag = "4")]
    pub(super) expires_ms: i64,
    /// What is fetched is kept by the server that issued it.
    #[prost(bool, tag = "5")]
    pub(super) held: bool,
    #[prost(string, tag = "6")]
    text: String,
    /// An Arrow stream; empty for a query without parameters.
    #[prost(bytes = "bytes", tag = "7")]
    parameters: Bytes,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(super) settings: BTreeMap<String, String>,
    #[prost(int64, tag = "9")]
    now_micros: i64,
    #[prost(uint64, tag = "10")]
    epoch: u64,
    #[prost(bool, tag = "11")]
    as_of: bool,
    #[prost(message, repeated, tag = "12")]
    versions: Vec<TableVersion>,
    #[prost(message, repeated, tag = "13")]
    files: Vec<TicketFile>,
    /// Whether `files` are all that is read.
    #[prost(bool, tag = "14")]
    shared: bool,
}

#[derive(Clone, PartialEq, Message)]
struct TableVersion {
    #[prost(string, tag = "1")]
    location: String,
    #[prost(uint64, tag = "2")]
    version: u64,
}

#[derive(Clone, PartialEq, Message)]
struct TicketFile {
    #[prost(string, tag = "1")]
    path: String,
    #[prost(uint64, optional, tag = "2")]
    start: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    end: Option<u64>,
}

impl Ticket {
    /// Whose, for which flight, and from when to when.
    pub(super) fn new(
        flight: Bytes,
        role: &str,
        issued_at: DateTime<Utc>,
        lifetime_ms: u64,
    ) -> Self {
        let issued_ms = issued_at.timestamp_millis();
        Self {
            flight,
            role: role.to_owned(),
            issued_ms,
            expires_ms: issued_ms.saturating_add(i64::try_from(lifetime_ms).unwrap_or(i64::MAX)),
            ..Self::default()
        }
    }

    /// For a pinned query with rows of parameters.
    pub(super) fn with_query(
        mut self,
        query: &PinnedQuery,
        parameters: &[RecordBatch],
    ) -> Result<Self> {
        self.text.clone_from(&query.text);
        self.settings.clone_from(&query.settings);
        self.now_micros = query.now.timestamp_micros();
        self.epoch = query.epoch;
        self.as_of = query.as_of;
        let version = |(location, version): &(String, u64)| TableVersion {
            location: location.clone(),
            version: *version,
        };
        self.versions = query.versions.iter().map(version).collect();
        self.parameters = to_stream(parameters)?;
        Ok(self)
    }

    /// Of this share only.
    pub(super) fn with_share(mut self, share: &Share) -> Self {
        let file = |file: &FileShare| TicketFile {
            path: file.path.clone(),
            start: file.bytes.as_ref().map(|bytes| bytes.start),
            end: file.bytes.as_ref().map(|bytes| bytes.end),
        };
        self.files = share.files.iter().map(file).collect();
        self.shared = true;
        self
    }

    /// For what this server keeps under the flight's name.
    pub(super) fn held(&self) -> Self {
        Self {
            flight: self.flight.clone(),
            role: self.role.clone(),
            issued_ms: self.issued_ms,
            expires_ms: self.expires_ms,
            held: true,
            ..Self::default()
        }
    }

    /// The same, good for another time.
    pub(super) fn renewed(self, expires_ms: i64) -> Self {
        Self { expires_ms, ..self }
    }

    /// The query.
    pub(super) fn query(&self) -> PinnedQuery {
        let now = Utc.timestamp_micros(self.now_micros).single().unwrap_or_default();
        let versions = self.versions.iter().map(|v| (v.location.clone(), v.version)).collect();
        PinnedQuery {
            text: self.text.clone(),
            settings: self.settings.clone(),
            now,
            epoch: self.epoch,
            as_of: self.as_of,
            versions,
        }
    }

    /// The share; `None` for all rows.
    pub(super) fn share(&self) -> Option<Share> {
        let file = |file: &TicketFile| FileShare {
            path: file.path.clone(),
            bytes: file.start.zip(file.end).map(|(start, end)| start..end),
        };
        self.shared.then(|| Share { files: self.files.iter().map(file).collect() })
    }

    /// Rows of parameters.
    pub(super) fn parameters(&self) -> Result<Vec<RecordBatch>> {
        if self.parameters.is_empty() {
            return Ok(Vec::new());
        }
        let unreadable =
            |error| Error::internal("parameters of a ticket are unreadable").caused_by(error);
        let stream = StreamReader::try_new(&*self.parameters, None).map_err(unreadable)?;
        stream.collect::<std::result::Result<_, _>>().map_err(unreadable)
    }

    /// Signed, as clients carry it.
    pub(super) fn sign(&self, keys: &Keys) -> Bytes {
        keys.sign(Purpose::Ticket, &self.encode_to_vec())
    }

    /// What a client has brought back.
    ///
    /// # Errors
    /// As [`Keys::verify`]; `InvalidCursorName` when it is too late; `InsufficientPrivilege` for
    /// another role's.
    pub(super) fn open(keys: &Keys, signed: &[u8], role: &str, now: DateTime<Utc>) -> Result<Self> {
        let body = keys.verify(Purpose::Ticket, signed)?;
        let ticket = Self::decode(body).map_err(|error| {
            Error::new(ErrorKind::ProtocolViolation, "the ticket does not read").caused_by(error)
        })?;
        if ticket.role != role {
            let message = "the ticket was issued to another role";
            return Err(Error::new(ErrorKind::InsufficientPrivilege, message));
        }
        if ticket.expires_ms <= now.timestamp_millis() {
            return Err(Error::new(ErrorKind::InvalidCursorName, "the ticket has expired")
                .hint("Ask for a new one with GetFlightInfo, or renew it in time."));
        }
        Ok(ticket)
    }
}

fn to_stream(batches: &[RecordBatch]) -> Result<Bytes> {
    let Some(first) = batches.first() else { return Ok(Bytes::new()) };
    let unwritable =
        |error| Error::internal("parameters could not be put in a ticket").caused_by(error);
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &first.schema()).map_err(unwritable)?;
    for batch in batches {
        writer.write(batch).map_err(unwritable)?;
    }
    writer.finish().map_err(unwritable)?;
    drop(writer);
    Ok(Bytes::from(bytes))
}
