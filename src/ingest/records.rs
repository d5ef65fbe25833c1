//! A file's bytes to records: lines, or quoted runs of lines.
//!
//! Its one idea: every byte of a file belongs to exactly one record, and a record that is too long or
//! not text is handed out as such rather than dropped. Knows no fields.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// How much is read at once.
const BLOCK_BYTES: usize = 256 << 10;
/// How much is read of a file to tell what it is.
const HEAD_BYTES: usize = 32 << 10;
/// A quoted value with line breaks may span so many bytes.
const QUOTED_BYTES_MAX: usize = 1 << 20;
/// So many quotes that never close, and the file's quotes are taken for ordinary ones.
const UNCLOSED_MAX: u32 = 100;
/// What is kept of a record that is refused.
pub(crate) const RAW_BYTES_MAX: usize = 4 << 10;

/// One record.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// The line it starts on, from 1.
    pub(crate) line: u64,
    /// Whether a line break follows; false only at the end of the file.
    pub(crate) terminated: bool,
    /// Its text without the line break, or what is wrong with it.
    pub(crate) content: Result<&'a str, Unreadable>,
}

/// A record that is no text.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) reason: String,
    /// Its beginning, what is not UTF-8 replaced.
    pub(crate) raw: String,
}

/// The quoting by which a record may go on over a line break.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoting {
    pub(crate) quote: u8,
    pub(crate) escape: Option<u8>,
    pub(crate) delimiter: u8,
}

/// Reads records one after the other.
pub(crate) struct RecordReader {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    at_end: bool,
    /// Met behind bytes that are still to be handed out.
    failure: Option<io::Error>,
    line: u64,
    line_bytes_max: usize,
    quoting: Option<Quoting>,
    unclosed: u32,
}

impl std::fmt::Debug for RecordReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordReader").field("line", &self.line).finish_non_exhaustive()
    }
}

/// Opens a file for reading; gzip is told by its first bytes.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    // Most landing files are small: they are read whole here, with one buffer of their size.
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let gzip = head.starts_with(&[0x1f, 0x8b]);
    let named_gzip = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("gz"));
    if !gzip && !head.is_empty() && named_gzip {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is not gzip"));
    }
    let more = head.len() == HEAD_BYTES;
    let head = Cursor::new(head);
    Ok(match (gzip, more) {
        (false, false) => Box::new(head),
        (false, true) => Box::new(head.chain(file)),
        (true, _) => {
            let rest = BufReader::with_capacity(BLOCK_BYTES, head.chain(file));
            Box::new(MultiGzDecoder::new(rest))
        }
    })
}

/// Whether an error says that the file's content is wrong, not that reading failed.
pub(crate) fn is_corrupt(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
    )
}

impl RecordReader {
    pub(crate) fn new(source: Box<dyn Read + Send>, line_bytes_max: usize) -> io::Result<Self> {
        let mut reader = Self {
            source,
            buffer: Vec::new(),
            start: 0,
            at_end: false,
            failure: None,
            line: 1,
            line_bytes_max,
            quoting: None,
            unclosed: 0,
        };
        reader.fill()?;
        if reader.buffer.starts_with(b"\xef\xbb\xbf") {
            reader.start = 3;
        }
        Ok(reader)
    }

    /// Lets records go on over line breaks within quotes.
    pub(crate) fn set_quoting(&mut self, quoting: Option<Quoting>) {
        self.quoting = quoting;
    }

    /// What has been read and not yet handed out.
    pub(crate) fn peek(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Reads another block; false at the end of the file. What was read before an error is handed
    /// out first.
    fn fill(&mut self) -> io::Result<bool> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if self.at_end {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let filled = self.buffer.len();
        let mut block = self.source.by_ref().take(BLOCK_BYTES as u64);
        let outcome = block.read_to_end(&mut self.buffer);
        let read = self.buffer.len() - filled;
        self.at_end = read < BLOCK_BYTES;
        match outcome {
            Err(error) if read == 0 => Err(error),
            Err(error) => {
                self.failure = Some(error);
                Ok(true)
            }
            Ok(_) => Ok(read > 0),
        }
    }

    /// The next record; `None` at the end. After an error there is none either.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        if self.start == self.buffer.len() && !self.fill()? {
            return Ok(None);
        }
        let line = self.line;
        let end = match self.quoting {
            Some(quoting) if self.unclosed < UNCLOSED_MAX => self.quoted_end(quoting)?,
            _ => self.line_end(0)?,
        };
        let start = self.start;
        match end {
            End::At(length) => {
                self.start += length + 1;
                self.line += 1 + breaks(&self.buffer[start..start + length]);
                Ok(Some(self.record(line, start, length, true)))
            }
            End::OfFile => {
                let length = self.buffer.len() - start;
                self.start = self.buffer.len();
                Ok(Some(self.record(line, start, length, false)))
            }
            End::TooFar => self.skip_line(line).map(Some),
        }
    }

    /// Where the line ends that `from` bytes of the record are already known of.
    fn line_end(&mut self, from: usize) -> io::Result<End> {
        let mut searched = from;
        loop {
            let rest = &self.buffer[self.start + searched..];
            if let Some(at) = memchr::memchr(b'\n', rest) {
                return Ok(if searched + at > self.line_bytes_max {
                    End::TooFar
                } else {
                    End::At(searched + at)
                });
            }
            searched += rest.len();
            if searched > self.line_bytes_max {
                return Ok(End::TooFar);
            }
            if !self.fill()? {
                return Ok(End::OfFile);
            }
        }
    }

    /// Where the record ends when line breaks within quotes do not end it. A quote that never closes
    /// ends with its line, which the fields' reader then refuses.
    fn quoted_end(&mut self, quoting: Quoting) -> io::Result<End> {
        let mut scan = QuoteScan::default();
        loop {
            let record = &self.buffer[self.start..];
            if let Some(at) = scan.find_break(record, quoting) {
                return Ok(End::At(at));
            }
            let too_far = record.len() > QUOTED_BYTES_MAX.min(self.line_bytes_max);
            if too_far || !self.fill()? {
                if scan.within {
                    self.unclosed += 1;
                    return self.line_end(0);
                }
                return if too_far { self.line_end(scan.at) } else { Ok(End::OfFile) };
            }
        }
    }

    fn record(&self, line: u64, start: usize, length: usize, terminated: bool) -> Record<'_> {
        let bytes = &self.buffer[start..start + length];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let content = match std::str::from_utf8(bytes) {
            Ok(text) if !text.as_bytes().contains(&0) => Ok(text),
            Ok(_) => Err(unreadable("the line holds a NUL byte", bytes)),
            Err(error) => Err(unreadable(
                &format!("not UTF-8 from byte {} of the line", error.valid_up_to() + 1),
                bytes,
            )),
        };
        Record { line, terminated, content }
    }

    /// Passes over a line that is longer than any may be, keeping its beginning.
    fn skip_line(&mut self, line: u64) -> io::Result<Record<'_>> {
        let beginning = self.start + RAW_BYTES_MAX.min(self.buffer.len() - self.start);
        let reason = format!("the line is longer than {} bytes", self.line_bytes_max);
        let refused = unreadable(&reason, &self.buffer[self.start..beginning]);
        let terminated = loop {
            let rest = &self.buffer[self.start..];
            if let Some(at) = memchr::memchr(b'\n', rest) {
                self.start += at + 1;
                break true;
            }
            self.start = self.buffer.len();
            if !self.fill()? {
                break false;
            }
        };
        self.line += 1;
        Ok(Record { line, terminated, content: Err(refused) })
    }
}

/// Where a record ends, counted from its start.
enum End {
    At(usize),
    OfFile,
    TooFar,
}

/// How far a record has been looked through for its end.
#[derive(Default)]
struct QuoteScan {
    at: usize,
    within: bool,
    /// The byte before `at` ends a field, so that a quote there opens one.
    inside_field: bool,
}

impl QuoteScan {
    fn find_break(&mut self, record: &[u8], quoting: Quoting) -> Option<usize> {
        while let Some(byte) = record.get(self.at).copied() {
            if self.within {
                if quoting.escape == Some(byte) && byte != quoting.quote {
                    self.at += 1;
                } else if byte == quoting.quote {
                    // A doubled quote closes and opens again, which comes to the same here.
                    self.within = false;
                    self.inside_field = false;
                }
            } else if byte == quoting.quote && !self.inside_field {
                self.within = true;
                self.inside_field = true;
            } else if byte == b'\n' {
                return Some(self.at);
            } else {
                self.inside_field = byte != quoting.delimiter;
            }
            self.at += 1;
        }
        None
    }
}

fn breaks(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

fn unreadable(reason: &str, bytes: &[u8]) -> Unreadable {
    let beginning = &bytes[..bytes.len().min(RAW_BYTES_MAX)];
    Unreadable {
        reason: reason.to_owned(),
        raw: String::from_utf8_lossy(beginning).replace('\0', "\u{fffd}"),
    }
}

/// The beginning of a record's text, for quarantine.
pub(crate) fn beginning(text: &str) -> String {
    let mut end = text.len().min(RAW_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
