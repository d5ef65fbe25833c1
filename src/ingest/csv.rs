//! CSV records to fields.
//!
//! A record either splits by the rules or is refused with the rule it broke; nothing is repaired in
//! silence. Knows no types: a field is text, and whether it was quoted.

use std::collections::HashSet;
use std::io;

use super::naming;
use super::open::Source;
use super::options::{CsvOptions, Delimiter};
use super::records::{Quoting, Record, RecordReader, beginning};

/// What a file's reader meets next.
#[derive(Debug)]
pub(crate) enum CsvRow<'a> {
    /// A record with its fields.
    Fields(&'a Fields),
    /// A record that does not split.
    Refused { line: u64, raw: String, reason: String },
}

/// The fields of one record.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    text: String,
    /// End of each field in `text`, and whether it was quoted.
    ends: Vec<(usize, bool)>,
}

impl Fields {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The field's text and whether it was quoted.
    pub(crate) fn get(&self, at: usize) -> Option<(&str, bool)> {
        let (end, quoted) = *self.ends.get(at)?;
        let start = if at == 0 { 0 } else { self.ends.get(at - 1)?.0 };
        Some((self.text.get(start..end)?, quoted))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn push(&mut self, options: &CsvOptions, field: &str) {
        let field = if options.trim_leading { field.trim_start() } else { field };
        let field = if options.trim_trailing { field.trim_end() } else { field };
        self.text.push_str(field);
        self.ends.push((self.text.len(), false));
    }
}

/// Reads a CSV file.
#[derive(Debug)]
pub(crate) struct CsvReader {
    records: RecordReader,
    options: CsvOptions,
    delimiter: u8,
    /// Names of the header, empty without one.
    header: Vec<String>,
    /// Why no record can be read: the header itself does not split.
    broken: Option<String>,
    fields: Fields,
}

impl CsvReader {
    /// Starts reading: skips what is to be skipped, tells the delimiter, reads the header.
    pub(crate) fn new(
        source: Source,
        options: &CsvOptions,
        line_bytes_max: usize,
    ) -> io::Result<Self> {
        let mut records = RecordReader::new(source, line_bytes_max)?;
        for _ in 0..options.skip_rows {
            records.next()?;
        }
        let delimiter = match options.delimiter {
            Delimiter::Is(byte) => byte,
            Delimiter::Auto => sniff(records.peek(), options.quote),
        };
        if let (true, Some(quote)) = (options.multi_line, options.quote) {
            records.set_quoting(Some(Quoting { quote, escape: options.escape, delimiter }));
        }
        let mut reader = Self {
            records,
            options: options.clone(),
            delimiter,
            header: Vec::new(),
            broken: None,
            fields: Fields::default(),
        };
        if options.header {
            reader.read_header()?;
        }
        Ok(reader)
    }

    /// The header's names as written; empty without a header, or for an empty file.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// Why the header cannot be used.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    fn read_header(&mut self) -> io::Result<()> {
        while let Some(record) = self.records.next()? {
            let text = match record.content {
                Ok("") => continue,
                Ok(text) if Some(text.as_bytes()[0]) == self.options.comment => continue,
                Ok(text) => text,
                Err(unreadable) => {
                    self.broken = Some(format!("the header is not usable: {}", unreadable.reason));
                    return Ok(());
                }
            };
            if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
                self.broken = Some("the header is not usable: it holds control characters".into());
                return Ok(());
            }
            match split(text, self.delimiter, &self.options, &mut self.fields) {
                Ok(()) => {
                    self.header = self.fields.iter().map(|(name, _)| name.to_owned()).collect()
                }
                Err(reason) => self.broken = Some(format!("the header is not usable: {reason}")),
            }
            return Ok(());
        }
        Ok(())
    }

    /// The next record that is not blank and not a comment.
    pub(crate) fn next(&mut self) -> io::Result<Option<CsvRow<'_>>> {
        loop {
            let Some(Record { line, terminated, content }) = self.records.next()? else {
                return Ok(None);
            };
            let text = match content {
                Ok("") => continue,
                Ok(text) if Some(text.as_bytes()[0]) == self.options.comment => continue,
                Ok(text) => text,
                Err(unreadable) => {
                    let (raw, reason) = (unreadable.raw, unreadable.reason);
                    return Ok(Some(CsvRow::Refused { line, raw, reason }));
                }
            };
            let outcome = match &self.broken {
                Some(reason) => Err(reason.as_str()),
                None => split(text, self.delimiter, &self.options, &mut self.fields),
            };
            let reason = match outcome {
                Ok(()) if !terminated && self.fields.len() < self.header.len() => {
                    "the file ends within this line"
                }
                Ok(()) => return Ok(Some(CsvRow::Fields(&self.fields))),
                Err(reason) => reason,
            };
            let (raw, reason) = (beginning(text), reason.to_owned());
            return Ok(Some(CsvRow::Refused { line, raw, reason }));
        }
    }
}

/// Splits a record into `fields`.
///
/// # Errors
/// The rule it broke.
pub(crate) fn split(
    text: &str,
    delimiter: u8,
    options: &CsvOptions,
    fields: &mut Fields,
) -> Result<(), &'static str> {
    fields.clear();
    let delimiter = char::from(delimiter);
    let quote = match options.quote.map(char::from) {
        Some(quote) if text.contains(quote) => quote,
        _ => {
            text.split(delimiter).for_each(|field| fields.push(options, field));
            return Ok(());
        }
    };
    let mut rest = text;
    loop {
        let opened = match rest.trim_start_matches(' ').strip_prefix(quote) {
            Some(inside) if options.trim_leading || rest.starts_with(quote) => Some(inside),
            _ => None,
        };
        let after = match opened {
            Some(inside) => quoted(inside, quote, options, fields)?,
            None => {
                let end = rest.find(delimiter).unwrap_or(rest.len());
                fields.push(options, &rest[..end]);
                &rest[end..]
            }
        };
        let after = if options.trim_trailing { after.trim_start_matches(' ') } else { after };
        match after.strip_prefix(delimiter) {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(()),
            None => return Err("text follows a closing quote"),
        }
    }
}

/// Takes a quoted field up to its closing quote; returns what follows.
fn quoted<'a>(
    inside: &'a str,
    quote: char,
    options: &CsvOptions,
    fields: &mut Fields,
) -> Result<&'a str, &'static str> {
    let escape = options.escape.map(char::from).filter(|escape| *escape != quote);
    let mut rest = inside;
    loop {
        let stop = rest.find(|c| c == quote || Some(c) == escape);
        let Some(at) = stop else {
            return Err("a quote is not closed");
        };
        fields.text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest[at..].starts_with(quote) {
            match after.strip_prefix(quote) {
                Some(next) => {
                    fields.text.push(quote);
                    rest = next;
                }
                None => {
                    fields.ends.push((fields.text.len(), true));
                    return Ok(after);
                }
            }
            continue;
        }
        // An escape makes a quote or an escape literal; before anything else it is itself.
        match after.chars().next() {
            Some(next) if next == quote || Some(next) == escape => {
                fields.text.push(next);
                rest = &after[next.len_utf8()..];
            }
            _ => {
                fields.text.extend(escape);
                rest = after;
            }
        }
    }
}

/// The delimiter of a file by its first lines: the candidate that splits them into the same, and the
/// largest, number of fields.
pub(crate) fn sniff(beginning: &[u8], quote: Option<u8>) -> u8 {
    let text = String::from_utf8_lossy(&beginning[..beginning.len().min(64 << 10)]);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).take(5).collect();
    // The last line may be cut where reading stopped.
    let whole =
        if lines.len() > 1 && !text.ends_with('\n') { lines.len() - 1 } else { lines.len() };
    let score = |candidate: u8| {
        let counts: Vec<usize> =
            lines[..whole].iter().map(|line| count(line, candidate, quote)).collect();
        let header = counts.first().copied().unwrap_or(0);
        let agreeing = counts.iter().filter(|count| **count == header).count();
        if header == 0 { (0, 0) } else { (agreeing, header) }
    };
    let mut best = (b',', score(b','));
    for candidate in [b';', b'\t', b'|'] {
        let candidate_score = score(candidate);
        if candidate_score > best.1 {
            best = (candidate, candidate_score);
        }
    }
    best.0
}

fn count(line: &str, candidate: u8, quote: Option<u8>) -> usize {
    let mut within = false;
    line.bytes()
        .filter(|byte| {
            within ^= Some(*byte) == quote;
            !within && *byte == candidate
        })
        .count()
}

/// The cleaned names of a header. `_rescued_data` is the table's own.
pub(crate) fn header_names(header: &[String]) -> Vec<String> {
    let mut names = naming::clean_all(header.iter().map(String::as_str));
    let taken: HashSet<String> = names.iter().cloned().collect();
    for name in &mut names {
        if name == super::layout::RESCUED {
            *name = naming::free_name(name.clone(), &taken);
        }
    }
    names
}
