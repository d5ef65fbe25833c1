//! Lines of COPY FROM, in text and CSV, cut from chunks that end anywhere.

use bytes::{Buf, BytesMut};

use crate::error::{Error, ErrorKind, Result};
use crate::session::{CopyFormat, CopyKind, Header};

/// One line's values; `None` is NULL.
pub(super) type Record = Vec<Option<Vec<u8>>>;

/// Cuts lines.
pub(super) struct Lines {
    format: CopyFormat,
    columns: Vec<String>,
    input: BytesMut,
    /// How much of `input` has been looked at without finding a line's end, and in what state.
    scanned: usize,
    quoted: bool,
    escaped: bool,
    header_due: bool,
    /// `\.` has come: what follows is ignored.
    ended: bool,
    line_bytes_max: usize,
}

impl Lines {
    pub(super) fn new(format: CopyFormat, columns: Vec<String>, line_bytes_max: usize) -> Self {
        let header_due = format.header != Header::Off;
        Self {
            format,
            columns,
            input: BytesMut::new(),
            scanned: 0,
            quoted: false,
            escaped: false,
            header_due,
            ended: false,
            line_bytes_max,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.ended {
            self.input.extend_from_slice(bytes);
        }
    }

    /// The next line's values; `None` when no whole line has come. At `last`, what is left is one.
    ///
    /// # Errors
    /// `BadCopyFileFormat`, `CharacterNotInRepertoire`, `ConfigurationLimitExceeded`.
    pub(super) fn next(&mut self, last: bool) -> Result<Option<Record>> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let Some(line) = self.line(last)? else { return Ok(None) };
            if line.as_ref() == b"\\." {
                self.ended = true;
                self.input.clear();
                return Ok(None);
            }
            let record = match self.format.kind {
                CopyKind::Csv => self.csv(&line)?,
                _ => self.text(&line),
            };
            if std::mem::take(&mut self.header_due) {
                self.check_header(record)?;
                continue;
            }
            self.check_count(&record)?;
            return Ok(Some(record));
        }
    }

    /// The next whole line, without its end.
    fn line(&mut self, last: bool) -> Result<Option<BytesMut>> {
        let csv = self.format.kind == CopyKind::Csv;
        let (quote, escape) = (self.format.quote, self.format.escape);
        while let Some(byte) = self.input.get(self.scanned).copied() {
            self.scanned += 1;
            if csv {
                if self.escaped {
                    self.escaped = false;
                } else if self.quoted && byte == escape && escape != quote {
                    self.escaped = true;
                } else if byte == quote {
                    self.quoted = !self.quoted;
                } else if byte == b'\n' && !self.quoted {
                    return Ok(Some(self.cut()));
                }
            } else if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'\n' {
                return Ok(Some(self.cut()));
            }
        }
        if self.input.len() > self.line_bytes_max {
            return Err(Error::new(
                ErrorKind::ConfigurationLimitExceeded,
                format!("a line is longer than {} bytes", self.line_bytes_max),
            )
            .hint("limits.line_bytes_max in lakeport.toml says how long lines may be."));
        }
        if !last || self.input.is_empty() {
            return Ok(None);
        }
        if self.quoted {
            return Err(bad("unterminated CSV quoted field"));
        }
        self.scanned += 1;
        self.input.extend_from_slice(b"\n");
        Ok(Some(self.cut()))
    }

    fn cut(&mut self) -> BytesMut {
        let mut line = self.input.split_to(self.scanned);
        (self.scanned, self.quoted, self.escaped) = (0, false, false);
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        line
    }

    fn text(&self, line: &[u8]) -> Record {
        let mut record = Vec::with_capacity(self.columns.len());
        let mut rest = line;
        loop {
            let mut end = 0;
            while end < rest.len() && rest[end] != self.format.delimiter {
                end += if rest[end] == b'\\' { 2 } else { 1 };
            }
            let raw = &rest[..end.min(rest.len())];
            let null = raw == self.format.null.as_bytes();
            record.push((!null).then(|| unescaped(raw)));
            if end >= rest.len() {
                return record;
            }
            rest = &rest[end + 1..];
        }
    }

    fn csv(&self, line: &[u8]) -> Result<Record> {
        let CopyFormat { delimiter, quote, escape, null, .. } = &self.format;
        let mut record: Record = Vec::with_capacity(self.columns.len());
        let mut rest = line;
        loop {
            let (mut value, mut was_quoted, mut quoted) = (Vec::new(), false, false);
            loop {
                let Some(byte) = rest.first().copied() else {
                    if quoted {
                        return Err(bad("unterminated CSV quoted field"));
                    }
                    break;
                };
                if quoted {
                    let next = rest.get(1).copied();
                    if byte == *escape && next.is_some_and(|next| next == *quote || next == *escape)
                    {
                        value.extend(next);
                        rest.advance(2);
                        continue;
                    }
                    if byte == *quote {
                        quoted = false;
                    } else {
                        value.push(byte);
                    }
                } else if byte == *delimiter {
                    break;
                } else if byte == *quote {
                    (quoted, was_quoted) = (true, true);
                } else {
                    value.push(byte);
                }
                rest.advance(1);
            }
            let column = record.len();
            let is_null = value == null.as_bytes()
                && match was_quoted {
                    true => self.format.force_null.contains(column),
                    false => !self.format.force_not_null.contains(column),
                };
            record.push((!is_null).then_some(value));
            if rest.is_empty() {
                return Ok(record);
            }
            rest.advance(1);
        }
    }

    fn check_header(&self, record: Record) -> Result<()> {
        if self.format.header != Header::Match {
            return Ok(());
        }
        if record.len() != self.columns.len() {
            return Err(bad(format!(
                "wrong number of fields in header line: field count is {}, expected {}",
                record.len(),
                self.columns.len()
            )));
        }
        for (index, (given, expected)) in record.iter().zip(&self.columns).enumerate() {
            let field = index + 1;
            match given {
                Some(given) if given == expected.as_bytes() => {}
                Some(given) => {
                    return Err(bad(format!(
                        "column name mismatch in header line field {field}: got \"{}\", expected \
                         \"{expected}\"",
                        String::from_utf8_lossy(given)
                    )));
                }
                None => {
                    return Err(bad(format!(
                        "column name mismatch in header line field {field}: got null value \
                         (\"{}\"), expected \"{expected}\"",
                        self.format.null
                    )));
                }
            }
        }
        Ok(())
    }

    fn check_count(&self, record: &Record) -> Result<()> {
        if record.len() > self.columns.len() {
            return Err(bad("extra data after last expected column"));
        }
        match self.columns.get(record.len()) {
            Some(missing) => Err(bad(format!("missing data for column \"{missing}\""))),
            None => Ok(()),
        }
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadCopyFileFormat, message.into())
}

/// Backslashes and what follows them, as Postgres reads them.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            value.push(*byte);
            continue;
        }
        let Some((letter, after)) = rest.split_first() else {
            value.push(b'\\');
            break;
        };
        rest = after;
        let digits = |rest: &[u8], most: usize, radix: u32| {
            rest.iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count()
        };
        match letter {
            b'b' => value.push(0x08),
            b'f' => value.push(0x0c),
            b'n' => value.push(b'\n'),
            b'r' => value.push(b'\r'),
            b't' => value.push(b'\t'),
            b'v' => value.push(0x0b),
            b'0'..=b'7' => {
                let count = digits(rest, 2, 8);
                let more = rest[..count].iter().map(|byte| u32::from(byte - b'0'));
                let code = more.fold(u32::from(letter - b'0'), |code, digit| code * 8 + digit);
                value.push(code as u8);
                rest.advance(count);
            }
            b'x' if digits(rest, 2, 16) > 0 => {
                let count = digits(rest, 2, 16);
                let hex = rest[..count].iter().filter_map(|byte| char::from(*byte).to_digit(16));
                value.push(hex.fold(0, |code, digit| code * 16 + digit) as u8);
                rest.advance(count);
            }
            letter => value.push(*letter),
        }
    }
    value
}
