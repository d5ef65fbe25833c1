//! Tuples of COPY FROM in binary, cut from chunks that end anywhere.

use bytes::{Buf, BytesMut};

use crate::error::{Error, ErrorKind, Result};

use super::lines::Record;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Cuts tuples.
pub(super) struct Tuples {
    columns: usize,
    input: BytesMut,
    begun: bool,
    ended: bool,
    value_bytes_max: usize,
}

impl Tuples {
    pub(super) fn new(columns: usize, value_bytes_max: usize) -> Self {
        Self { columns, input: BytesMut::new(), begun: false, ended: false, value_bytes_max }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.ended {
            self.input.extend_from_slice(bytes);
        }
    }

    /// The next tuple's values; `None` when no whole one has come.
    ///
    /// # Errors
    /// `BadCopyFileFormat`.
    pub(super) fn next(&mut self, last: bool) -> Result<Option<Record>> {
        if self.ended {
            return Ok(None);
        }
        let mut rest = &self.input[..];
        let taken = match self.take(&mut rest)? {
            Some(tuple) => tuple,
            None if last => {
                return match self.input.is_empty() && self.begun {
                    true => Ok(None),
                    false => Err(bad("unexpected EOF in COPY data")),
                };
            }
            None => return Ok(None),
        };
        let read = self.input.len() - rest.len();
        self.input.advance(read);
        self.begun = true;
        if taken.is_none() {
            self.ended = true;
            self.input.clear();
        }
        Ok(taken)
    }

    /// One tuple, after the header if that is due; `None` when it is not all there, an inner `None`
    /// at the end mark.
    fn take(&self, rest: &mut &[u8]) -> Result<Option<Option<Record>>> {
        if !self.begun && !header(rest)? {
            return Ok(None);
        }
        let Ok(count) = rest.try_get_i16() else { return Ok(None) };
        if count == -1 {
            return Ok(Some(None));
        }
        if usize::try_from(count) != Ok(self.columns) {
            return Err(bad(format!("row field count is {count}, expected {}", self.columns)));
        }
        let mut record = Vec::with_capacity(self.columns);
        for _ in 0..self.columns {
            let Ok(length) = rest.try_get_i32() else { return Ok(None) };
            if length == -1 {
                record.push(None);
                continue;
            }
            let Ok(length) = usize::try_from(length) else { return Err(bad("invalid field size")) };
            if length > self.value_bytes_max {
                return Err(bad("invalid field size"));
            }
            let Some((value, after)) = rest.split_at_checked(length) else { return Ok(None) };
            record.push(Some(value.to_vec()));
            *rest = after;
        }
        Ok(Some(Some(record)))
    }
}

/// Whether the whole header is there.
fn header(rest: &mut &[u8]) -> Result<bool> {
    let known = rest.len().min(SIGNATURE.len());
    if rest[..known] != SIGNATURE[..known] {
        return Err(bad("COPY file signature not recognized"));
    }
    if rest.len() < SIGNATURE.len() + 8 {
        return Ok(false);
    }
    rest.advance(SIGNATURE.len());
    let flags = rest.get_u32();
    if flags & 0xffff_0000 != 0 {
        return Err(bad("unrecognized critical flags in COPY file header"));
    }
    let extension = usize::try_from(rest.get_i32());
    let Ok(extension) = extension else {
        return Err(bad("invalid COPY file header (missing length)"));
    };
    if rest.len() < extension {
        return Ok(false);
    }
    rest.advance(extension);
    Ok(true)
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadCopyFileFormat, message.into())
}
