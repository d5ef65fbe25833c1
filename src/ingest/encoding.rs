//! Landing files in other encodings, as UTF-8.
//!
//! Its one idea: what has no meaning in the file's encoding becomes a byte that is no UTF-8 either, so
//! that the reader of records refuses the line it stands in and no other. Knows no lines.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::error::{Error, Result};

use super::open::Source;

/// How much is decoded at once.
const BLOCK_BYTES: usize = 64 << 10;
/// No byte of UTF-8.
const BROKEN: u8 = 0xff;
/// What Windows' code page 1252 leaves undefined, where the web's reading of it has control characters.
const UNDEFINED_1252: [u8; 5] = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

/// An encoding that a source's files may be in. A byte order mark in a file goes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    charset: &'static encoding_rs::Encoding,
    /// UTF-16 of either order, told by each file's first bytes.
    either_order: bool,
    /// Bytes that have no character are refused rather than read as control characters.
    strict_1252: bool,
    /// What a line is in that is no UTF-8, where files are of both kinds.
    otherwise: Option<&'static encoding_rs::Encoding>,
}

impl Default for Encoding {
    fn default() -> Self {
        Self { charset: UTF_8, either_order: false, strict_1252: false, otherwise: None }
    }
}

impl Encoding {
    /// By the name that Java, Python or the web has for it. `utf-8, <another>` means each line in the
    /// first of both that it can be read in.
    ///
    /// # Errors
    /// `FeatureNotSupported` for any other.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        if let Some((first, second)) = name.split_once(',') {
            let (first, second) = (Self::parse(first)?, Self::parse(second)?);
            let single = second.charset.is_single_byte();
            if first.charset != UTF_8 || first.otherwise.is_some() || !single {
                return Err(Error::unsupported(format!("encoding \"{name}\""))
                    .hint("Two encodings are UTF-8 and one that has a byte for each character."));
            }
            return Ok(Self {
                otherwise: Some(second.charset),
                strict_1252: second.strict_1252,
                ..first
            });
        }
        let lower = name.trim().to_lowercase().replace('_', "-");
        let label = match lower.as_str() {
            "utf-16-le" => "utf-16le",
            "utf-16-be" => "utf-16be",
            "macroman" | "x-macroman" => "macintosh",
            other => other,
        };
        let charset =
            encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
                Error::unsupported(format!("encoding \"{name}\""))
                    .hint("Files are read as UTF-8, UTF-16, UTF-16LE, UTF-16BE, windows-1252 (cp1252), ISO-8859-1 and the web's other encodings.")
            })?;
        Ok(Self {
            charset,
            either_order: matches!(label, "utf-16" | "utf16"),
            strict_1252: charset == WINDOWS_1252 && label.ends_with("1252"),
            otherwise: None,
        })
    }

    /// What a file that begins like this is in, and how many bytes of it are its byte order mark.
    /// UTF-8's own is left to the reader of records.
    fn of(self, head: &[u8]) -> (Self, usize) {
        match head {
            [0xff, 0xfe, ..] => (Self { charset: UTF_16LE, ..self }, 2),
            [0xfe, 0xff, ..] => (Self { charset: UTF_16BE, ..self }, 2),
            [0xef, 0xbb, 0xbf, ..] => (Self { charset: UTF_8, ..self }, 0),
            // Without a mark the first character, an ASCII one nearly always, has its zero byte first
            // or second.
            [0, second, ..] if self.either_order && *second != 0 => {
                (Self { charset: UTF_16BE, ..self }, 0)
            }
            _ if self.either_order => (Self { charset: UTF_16LE, ..self }, 0),
            _ => (self, 0),
        }
    }

    /// `source`, which begins with `head`, as UTF-8.
    pub(crate) fn decode(
        self,
        head: &[u8],
        mut source: Box<dyn Read + Send>,
    ) -> io::Result<Source> {
        let (encoding, mark) = self.of(head);
        let charset = encoding.charset.name();
        let otherwise = self.otherwise.filter(|_| encoding.charset == UTF_8);
        let otherwise = otherwise.map(|charset| Otherwise { charset, strict: self.strict_1252 });
        if encoding.charset == UTF_8 {
            return Ok(Source { text: source, charset, otherwise });
        }
        source.read_exact(&mut [0; 2][..mark])?;
        let text = Box::new(Decoding {
            source,
            decoder: encoding.charset.new_decoder_without_bom_handling(),
            strict_1252: encoding.strict_1252 && encoding.charset == WINDOWS_1252,
            raw: Vec::new(),
            text: Vec::new(),
            handed_out: 0,
            at_end: false,
        });
        Ok(Source { text, charset, otherwise })
    }
}

/// What lines are in that are no UTF-8.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Otherwise {
    charset: &'static encoding_rs::Encoding,
    strict: bool,
}

impl Otherwise {
    /// A line's text; `None` where some byte has no character.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<String> {
        if self.strict && bytes.iter().any(|byte| UNDEFINED_1252.contains(byte)) {
            return None;
        }
        let text = self.charset.decode_without_bom_handling_and_without_replacement(bytes)?;
        Some(text.into_owned())
    }
}

struct Decoding {
    source: Box<dyn Read + Send>,
    decoder: Decoder,
    strict_1252: bool,
    raw: Vec<u8>,
    text: Vec<u8>,
    /// Of `text`.
    handed_out: usize,
    at_end: bool,
}

impl Read for Decoding {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.handed_out == self.text.len() && !self.at_end {
            self.raw.clear();
            let block = self.source.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut self.raw)?;
            self.at_end = block < BLOCK_BYTES;
            self.text.clear();
            self.handed_out = 0;
            self.block();
        }
        let rest = &self.text[self.handed_out..];
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        self.handed_out += length;
        Ok(length)
    }
}

impl Decoding {
    /// Decodes what is in `raw` into `text`.
    fn block(&mut self) {
        let raw = std::mem::take(&mut self.raw);
        let mut rest = raw.as_slice();
        while self.strict_1252
            && let Some(at) = rest.iter().position(|byte| UNDEFINED_1252.contains(byte))
        {
            self.piece(&rest[..at], false);
            self.text.push(BROKEN);
            rest = &rest[at + 1..];
        }
        self.piece(rest, self.at_end);
        self.raw = raw;
    }

    fn piece(&mut self, mut bytes: &[u8], last: bool) {
        loop {
            let filled = self.text.len();
            // Three bytes for each of the source's are enough; more, and it is asked again.
            self.text.resize(filled + bytes.len() * 3 + 16, 0);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                bytes,
                &mut self.text[filled..],
                last,
            );
            self.text.truncate(filled + written);
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.text.push(BROKEN),
            }
        }
    }
}
