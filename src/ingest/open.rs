//! Opening a landing file: its bytes as UTF-8 text, whatever it is packed in.
//!
//! Its one idea: gzip, zstd and UTF-16 are told by a file's first bytes, not by its name. Knows no
//! lines.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::encoding::{Encoding, Otherwise};

/// How much is read at once.
const BLOCK_BYTES: usize = 256 << 10;
/// How much is read of a file to tell what it is.
const HEAD_BYTES: usize = 32 << 10;

/// A file's text.
pub(crate) struct Source {
    pub(crate) text: Box<dyn Read + Send>,
    /// What the file was in.
    pub(crate) charset: &'static str,
    /// What a line may be in instead.
    pub(crate) otherwise: Option<Otherwise>,
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path, encoding: Encoding) -> io::Result<Source> {
    let mut file = File::open(path)?;
    // Most landing files are small: they are read whole here, with one buffer of their size.
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let packed = Packing::of(&head);
    if !head.is_empty()
        && let Some(named) = Packing::named(path)
        && named != packed
    {
        return Err(io::Error::new(io::ErrorKind::InvalidData, named.missing()));
    }
    if packed == Packing::None {
        let beginning = head.get(..4.min(head.len())).unwrap_or_default().to_vec();
        let more = head.len() == HEAD_BYTES;
        let head = Cursor::new(head);
        let source: Box<dyn Read + Send> =
            if more { Box::new(head.chain(file)) } else { Box::new(head) };
        return encoding.decode(&beginning, source);
    }
    let rest = BufReader::with_capacity(BLOCK_BYTES, Cursor::new(head).chain(file));
    let mut unpacked: Box<dyn Read + Send> = match packed {
        Packing::Zstd => Box::new(Zstd(zstd::stream::read::Decoder::with_buffer(rest)?)),
        _ => Box::new(MultiGzDecoder::new(rest)),
    };
    let mut beginning = Vec::with_capacity(4);
    unpacked.by_ref().take(4).read_to_end(&mut beginning)?;
    let source = Cursor::new(beginning.clone()).chain(unpacked);
    encoding.decode(&beginning, Box::new(source))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one of those that are skipped, which some writers begin with.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    fn named(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_lowercase();
        match extension.as_str() {
            "gz" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Self::Zstd => "the file is not zstd",
            _ => "the file is not gzip",
        }
    }
}

/// zstd says neither of its errors that the content is wrong.
struct Zstd<R>(R);

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| match error.raw_os_error() {
            Some(_) => error,
            None => io::Error::new(io::ErrorKind::InvalidData, error.to_string().to_lowercase()),
        })
    }
}

/// Whether an error says that the file's content is wrong, not that reading failed.
pub(crate) fn is_corrupt(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
    )
}
