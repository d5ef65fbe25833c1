//! A JSON file to the texts of its objects: one a line, or the items of an array.
//!
//! Its one idea: an array is never held whole. Objects are told apart by their brackets alone, so one
//! that is broken inside costs itself only. Knows no columns.

use std::io;

use super::open::Source;
use super::records::{RAW_BYTES_MAX, Record, RecordReader};

/// So many objects that never close, and the rest of the file is given up.
const UNCLOSED_MAX: u32 = 100;

/// What a file's reader meets next.
#[derive(Debug)]
pub(crate) enum JsonText<'a> {
    /// What should be one object, and the line it starts on.
    Object(u64, &'a str),
    /// What is none.
    Refused { line: u64, raw: String, reason: String },
}

/// How a file's objects stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Lines,
    /// Values one after the other, over any number of lines.
    Values {
        in_array: bool,
    },
    /// Given up.
    Over,
}

/// Reads a JSON file.
#[derive(Debug)]
pub(crate) struct JsonReader {
    records: RecordReader,
    form: Form,
    line_bytes_max: usize,
    unclosed: u32,
}

/// A value's extent in the buffer.
enum Extent {
    /// So many bytes.
    Whole(usize),
    /// The file ends within it.
    Cut,
    TooLong,
}

impl JsonReader {
    /// A file whose first character opens an array of objects is one, whatever `multi_line` says;
    /// with it objects may span lines.
    pub(crate) fn new(source: Source, multi_line: bool, line_bytes_max: usize) -> io::Result<Self> {
        let records = RecordReader::new(source, line_bytes_max)?;
        let mut first =
            records.peek().iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(2);
        let array = first.next() == Some(b'[') && matches!(first.next(), None | Some(b'{' | b']'));
        let form = if array || multi_line { Form::Values { in_array: false } } else { Form::Lines };
        Ok(Self { records, form, line_bytes_max, unclosed: 0 })
    }

    /// The next text; a line may be blank.
    pub(crate) fn next(&mut self) -> io::Result<Option<JsonText<'_>>> {
        match self.form {
            Form::Lines => self.line(),
            Form::Values { .. } => self.value(),
            Form::Over => Ok(None),
        }
    }

    fn line(&mut self) -> io::Result<Option<JsonText<'_>>> {
        Ok(self.records.next()?.map(text_of))
    }

    fn value(&mut self) -> io::Result<Option<JsonText<'_>>> {
        let Some(first) = self.first_byte()? else {
            let cut = self.form == Form::Values { in_array: true };
            self.form = Form::Over;
            let (line, reason) = (self.records.line(), "the JSON array is not closed".to_owned());
            return Ok(cut.then_some(JsonText::Refused { line, raw: String::new(), reason }));
        };
        let extent = match first {
            b'{' | b'[' => self.bracketed()?,
            _ => self.scalar()?,
        };
        match extent {
            Extent::Whole(length) => Ok(Some(text_of(self.records.take(length)))),
            Extent::Cut => self.give_up("the JSON object is cut").map(Some),
            Extent::TooLong => {
                let reason =
                    format!("the JSON object is longer than {} bytes", self.line_bytes_max);
                self.give_up(&reason).map(Some)
            }
        }
    }

    /// The next byte that begins a value, after entering and leaving arrays; `None` at the end.
    fn first_byte(&mut self) -> io::Result<Option<u8>> {
        loop {
            let rest = self.records.peek();
            let blank =
                rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',').count();
            let first = rest.get(blank).copied();
            self.records.pass(blank);
            match (first, self.form) {
                (None, _) => {
                    if !self.records.fill()? {
                        return Ok(None);
                    }
                }
                (Some(b'['), Form::Values { in_array: false }) => {
                    self.form = Form::Values { in_array: true };
                    self.records.pass(1);
                }
                (Some(b']'), Form::Values { in_array: true }) => {
                    self.form = Form::Values { in_array: false };
                    self.records.pass(1);
                }
                (Some(byte), _) => return Ok(Some(byte)),
            }
        }
    }

    /// The extent of an object, or of an array that is an item.
    fn bracketed(&mut self) -> io::Result<Extent> {
        let mut scan = Scan::default();
        loop {
            let rest = self.records.peek();
            if let Some(length) = scan.find_end(rest) {
                let whole = length <= self.line_bytes_max;
                return Ok(if whole { Extent::Whole(length) } else { Extent::TooLong });
            }
            if rest.len() > self.line_bytes_max {
                return Ok(Extent::TooLong);
            }
            if !self.records.fill()? {
                return Ok(Extent::Cut);
            }
        }
    }

    /// The extent of what is no object: up to a comma, a bracket or the end of the line.
    fn scalar(&mut self) -> io::Result<Extent> {
        let mut searched = 0;
        loop {
            let rest = self.records.peek();
            let end = |byte: &u8| matches!(byte, b',' | b']' | b'\n' | b'{');
            if let Some(at) = rest[searched..].iter().position(end) {
                return Ok(Extent::Whole((searched + at).max(1)));
            }
            searched = rest.len();
            if searched > self.line_bytes_max {
                return Ok(Extent::TooLong);
            }
            if !self.records.fill()? {
                return Ok(Extent::Whole(searched));
            }
        }
    }

    /// Refuses the value that begins here and goes on at the next one that is laid out like it: on a
    /// line of its own, as far in. Anything else might take a part of it for a whole.
    fn give_up(&mut self, reason: &str) -> io::Result<JsonText<'_>> {
        let line = self.records.line();
        let rest = self.records.peek();
        let raw = String::from_utf8_lossy(&rest[..rest.len().min(RAW_BYTES_MAX)]).into_owned();
        self.unclosed += 1;
        let next = match self.records.indent() {
            Some(indent) if self.unclosed < UNCLOSED_MAX => {
                let mut opening = Vec::with_capacity(indent.len() + 2);
                opening.push(b'\n');
                opening.extend_from_slice(indent);
                opening.push(b'{');
                memchr::memmem::find(rest, &opening)
            }
            _ => None,
        };
        let mut reason = reason.to_owned();
        match next {
            Some(at) => self.records.pass(at),
            None => {
                reason.push_str("; the rest of the file is not read");
                self.form = Form::Over;
            }
        }
        Ok(JsonText::Refused { line, raw: raw.replace('\0', "\u{fffd}"), reason })
    }
}

fn text_of(record: Record<'_>) -> JsonText<'_> {
    let line = record.line;
    match record.content {
        Ok(text) => JsonText::Object(line, text),
        Err(unreadable) => {
            JsonText::Refused { line, raw: unreadable.raw, reason: unreadable.reason }
        }
    }
}

/// How far a value has been looked through for its end.
#[derive(Default)]
struct Scan {
    at: usize,
    depth: u32,
    in_string: bool,
}

impl Scan {
    fn find_end(&mut self, value: &[u8]) -> Option<usize> {
        while self.at < value.len() {
            if self.in_string {
                let Some(next) = memchr::memchr2(b'"', b'\\', &value[self.at..]) else {
                    self.at = value.len();
                    return None;
                };
                self.at += next;
                if value[self.at] == b'\\' {
                    // What is escaped may not have been read yet.
                    if self.at + 1 >= value.len() {
                        return None;
                    }
                    self.at += 2;
                } else {
                    self.in_string = false;
                    self.at += 1;
                }
                continue;
            }
            match value[self.at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if self.depth == 0 {
                return Some(self.at);
            }
        }
        None
    }
}
