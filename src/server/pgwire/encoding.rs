//! Text in the client's encoding; inside it is UTF-8 everywhere.
//!
//! What one side has no character for is an error, never another character. Only encodings in which
//! ASCII bytes mean nothing else: quoting and escaping then work on bytes.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};

/// An encoding by Postgres' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// Each character below 256 is its byte.
    Latin1,
    Other(&'static encoding_rs::Encoding, &'static str),
}

const OTHERS: &[(&str, &encoding_rs::Encoding)] = &[
    ("LATIN2", encoding_rs::ISO_8859_2),
    ("LATIN3", encoding_rs::ISO_8859_3),
    ("LATIN4", encoding_rs::ISO_8859_4),
    ("LATIN6", encoding_rs::ISO_8859_10),
    ("LATIN7", encoding_rs::ISO_8859_13),
    ("LATIN8", encoding_rs::ISO_8859_14),
    ("LATIN9", encoding_rs::ISO_8859_15),
    ("LATIN10", encoding_rs::ISO_8859_16),
    ("ISO_8859_5", encoding_rs::ISO_8859_5),
    ("ISO_8859_6", encoding_rs::ISO_8859_6),
    ("ISO_8859_7", encoding_rs::ISO_8859_7),
    ("ISO_8859_8", encoding_rs::ISO_8859_8),
    ("KOI8R", encoding_rs::KOI8_R),
    ("KOI8U", encoding_rs::KOI8_U),
    ("WIN866", encoding_rs::IBM866),
    ("WIN874", encoding_rs::WINDOWS_874),
    ("WIN1250", encoding_rs::WINDOWS_1250),
    ("WIN1251", encoding_rs::WINDOWS_1251),
    ("WIN1252", encoding_rs::WINDOWS_1252),
    ("WIN1253", encoding_rs::WINDOWS_1253),
    ("WIN1254", encoding_rs::WINDOWS_1254),
    ("WIN1255", encoding_rs::WINDOWS_1255),
    ("WIN1256", encoding_rs::WINDOWS_1256),
    ("WIN1257", encoding_rs::WINDOWS_1257),
    ("WIN1258", encoding_rs::WINDOWS_1258),
    ("EUC_JP", encoding_rs::EUC_JP),
    ("EUC_KR", encoding_rs::EUC_KR),
];

impl Encoding {
    /// The encoding of a `client_encoding`; SQL_ASCII asks for no conversion.
    pub(super) fn named(name: &str) -> Self {
        if name == "LATIN1" {
            return Encoding::Latin1;
        }
        let other = OTHERS.iter().find(|(known, _)| *known == name);
        other.map_or(Encoding::Utf8, |(known, encoding)| Encoding::Other(encoding, known))
    }

    fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF8",
            Encoding::Latin1 => "LATIN1",
            Encoding::Other(_, name) => name,
        }
    }

    /// What bytes from the client say.
    ///
    /// # Errors
    /// `CharacterNotInRepertoire`.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>> {
        let decoded = match self {
            Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Encoding::Latin1 => Some(Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect())),
            Encoding::Other(encoding, _) => {
                encoding.decode_without_bom_handling_and_without_replacement(bytes)
            }
        };
        decoded.ok_or_else(|| {
            let message = format!("invalid byte sequence for encoding \"{}\"", self.name());
            Error::new(ErrorKind::CharacterNotInRepertoire, message)
        })
    }

    /// The bytes of a text for the client.
    ///
    /// # Errors
    /// `UntranslatableCharacter`.
    pub(super) fn encode(self, text: &str) -> Result<Cow<'_, [u8]>> {
        let missing = |c: char| {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes().iter();
            let bytes: Vec<String> = bytes.map(|byte| format!("0x{byte:02x}")).collect();
            let message = format!(
                "character with byte sequence {} in encoding \"UTF8\" has no equivalent in \
                 encoding \"{}\"",
                bytes.join(" "),
                self.name()
            );
            Error::new(ErrorKind::UntranslatableCharacter, message)
        };
        match self {
            _ if text.is_ascii() => Ok(Cow::Borrowed(text.as_bytes())),
            Encoding::Utf8 => Ok(Cow::Borrowed(text.as_bytes())),
            Encoding::Latin1 => {
                let bytes = text.chars().map(|c| u8::try_from(c).map_err(|_| missing(c)));
                Ok(Cow::Owned(bytes.collect::<Result<_>>()?))
            }
            Encoding::Other(encoding, _) => {
                let (bytes, _, lossy) = encoding.encode(text);
                if !lossy {
                    return Ok(bytes);
                }
                let without = |c: &char| encoding.encode(c.encode_utf8(&mut [0; 4])).2;
                Err(missing(text.chars().find(without).unwrap_or('\u{fffd}')))
            }
        }
    }

    /// As [`Encoding::encode`], with `?` for characters that are not there: for what the server says.
    pub(super) fn encode_readably(self, text: &str) -> Vec<u8> {
        if let Ok(bytes) = self.encode(text) {
            return bytes.into_owned();
        }
        let mut bytes = Vec::with_capacity(text.len());
        for c in text.chars() {
            let mut buffer = [0; 4];
            match self.encode(c.encode_utf8(&mut buffer)) {
                Ok(encoded) => bytes.extend_from_slice(&encoded),
                Err(_) => bytes.push(b'?'),
            }
        }
        bytes
    }
}
