//! A file's bytes to records: lines, or quoted runs of lines.
//!
//! Its one idea: every byte of a file belongs to exactly one record, and a record that is too long or
//! not text is handed out as such rather than dropped. Knows no fields.

use std::io::{self, Read};

use super::open::Source;

/// How much is read at once.
const BLOCK_BYTES: usize = 256 << 10;
/// A quoted value with line breaks may span so many bytes.
const QUOTED_BYTES_MAX: usize = 1 << 20;
/// So many quotes that never close, and the file's quotes are taken for ordinary ones.
const UNCLOSED_MAX: u32 = 100;
/// A line that begins with more blanks is laid out like no other.
const INDENT_BYTES_MAX: usize = 256;
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
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    at_end: bool,
    /// Met behind bytes that are still to be handed out.
    failure: Option<io::Error>,
    line: u64,
    line_bytes_max: usize,
    quoting: Option<Quoting>,
    unclosed: u32,
    /// What was passed over since the last line break, while it is blank.
    indent: Option<Vec<u8>>,
    /// A record that was not UTF-8, as it is now.
    decoded: String,
}

impl std::fmt::Debug for RecordReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordReader").field("line", &self.line).finish_non_exhaustive()
    }
}

impl RecordReader {
    pub(crate) fn new(source: Source, line_bytes_max: usize) -> io::Result<Self> {
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
            indent: Some(Vec::new()),
            decoded: String::new(),
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

    /// The line of what is handed out next.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Passes over bytes of `peek` that belong to no record.
    pub(crate) fn pass(&mut self, length: usize) {
        self.line += breaks(&self.buffer[self.start..self.start + length]);
        self.note_indent(length);
        self.start += length;
    }

    /// What stands between the last line break passed over and here, when that is blank.
    pub(crate) fn indent(&self) -> Option<&[u8]> {
        self.indent.as_deref()
    }

    fn note_indent(&mut self, length: usize) {
        let passed = &self.buffer[self.start..self.start + length];
        if let Some(at) = memchr::memrchr(b'\n', passed) {
            self.indent = Some(passed[at + 1..].to_vec());
        } else if length > 0 {
            match &mut self.indent {
                Some(indent) if passed.iter().all(u8::is_ascii_whitespace) => {
                    indent.extend_from_slice(passed);
                }
                indent => *indent = None,
            }
        }
        if self.indent.as_ref().is_some_and(|indent| {
            indent.len() > INDENT_BYTES_MAX || !indent.iter().all(u8::is_ascii_whitespace)
        }) {
            self.indent = None;
        }
    }

    /// The first bytes of `peek` as a record of their own, whatever line breaks they hold.
    pub(crate) fn take(&mut self, length: usize) -> Record<'_> {
        let (line, start) = (self.line, self.start);
        self.line += breaks(&self.buffer[start..start + length]);
        self.indent = None;
        self.start += length;
        self.record(line, start, length, true)
    }

    /// Reads another block; false at the end of the file. What was read before an error is handed
    /// out first.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
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
        let mut block = self.source.text.by_ref().take(BLOCK_BYTES as u64);
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

    fn record(&mut self, line: u64, start: usize, length: usize, terminated: bool) -> Record<'_> {
        let bytes = &self.buffer[start..start + length];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let read = match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(error) => match self.source.otherwise.and_then(|other| other.decode(bytes)) {
                Some(text) => {
                    self.decoded = text;
                    Ok(self.decoded.as_str())
                }
                None => Err(error.valid_up_to() + 1),
            },
        };
        let content = match read {
            Ok(text) if !text.as_bytes().contains(&0) => Ok(text),
            Ok(_) => Err(unreadable("the line holds a NUL byte", bytes)),
            Err(at) => {
                let reason = format!("not {} from byte {at} of the line", self.source.charset);
                Err(unreadable(&reason, bytes))
            }
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
