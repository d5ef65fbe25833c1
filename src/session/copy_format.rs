//! COPY's options: what they mean together, and which do not go together.

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::CopyValue;

/// How rows are written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFormat {
    /// Text, CSV or binary.
    pub kind: CopyKind,
    /// Between values.
    pub delimiter: u8,
    /// What stands for NULL.
    pub null: String,
    /// Whether column names come first.
    pub header: Header,
    /// CSV: around values.
    pub quote: u8,
    /// CSV: before a quote within quotes.
    pub escape: u8,
    /// CSV: by column, always quoted on the way out.
    pub force_quote: Columns,
    /// CSV: by column, never NULL on the way in.
    pub force_not_null: Columns,
    /// CSV: by column, NULL on the way in even when quoted.
    pub force_null: Columns,
    /// The encoding of the rows; none means the client's.
    pub encoding: Option<String>,
}

/// The format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the formats' own names")]
pub enum CopyKind {
    Text,
    Csv,
    Binary,
}

/// The first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the option's own values")]
pub enum Header {
    Off,
    On,
    Match,
}

/// Columns an option names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// None.
    None,
    /// All.
    All,
    /// By position; [`CopyFormat::resolve`] fills it.
    These(Vec<bool>),
    /// By name, before the columns are known.
    Named(Vec<String>),
}

impl Columns {
    /// Whether the column at `index` is one.
    pub fn contains(&self, index: usize) -> bool {
        match self {
            Columns::All => true,
            Columns::These(these) => these.get(index).copied().unwrap_or(false),
            Columns::None | Columns::Named(_) => false,
        }
    }
}

fn invalid(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, message.into())
}

/// What has been written of the options that matter only together.
#[derive(Default)]
struct Written {
    delimiter: Option<String>,
    null: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
}

impl CopyFormat {
    /// Reads the options of a COPY FROM or TO.
    ///
    /// # Errors
    /// `SyntaxError`, `InvalidParameterValue`, `FeatureNotSupported`, as Postgres has them.
    pub fn of(options: &[(String, CopyValue)], from: bool) -> Result<Self> {
        let mut format = Self {
            kind: CopyKind::Text,
            delimiter: b'\t',
            null: "\\N".to_owned(),
            header: Header::Off,
            quote: b'"',
            escape: b'"',
            force_quote: Columns::None,
            force_not_null: Columns::None,
            force_null: Columns::None,
            encoding: None,
        };
        let mut written = Written::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in options {
            if seen.contains(&name.as_str()) {
                return Err(invalid(ErrorKind::SyntaxError, "conflicting or redundant options"));
            }
            seen.push(name);
            format.take(&mut written, name, value, from)?;
        }
        format.check(written, from)?;
        Ok(format)
    }

    fn take(
        &mut self,
        written: &mut Written,
        name: &str,
        value: &CopyValue,
        from: bool,
    ) -> Result<()> {
        match name {
            "format" => {
                self.kind = match text_of(name, value)?.as_str() {
                    "text" => CopyKind::Text,
                    "csv" => CopyKind::Csv,
                    "binary" => CopyKind::Binary,
                    other => {
                        return Err(invalid(
                            ErrorKind::InvalidParameterValue,
                            format!("COPY format \"{other}\" not recognized"),
                        ));
                    }
                };
            }
            // The server's tables have no use for it.
            "freeze" => {
                boolean(name, value)?;
            }
            "delimiter" => written.delimiter = Some(text_of(name, value)?),
            "null" => written.null = Some(text_of(name, value)?),
            "quote" => written.quote = Some(text_of(name, value)?),
            "escape" => written.escape = Some(text_of(name, value)?),
            "header" => {
                self.header = match value {
                    CopyValue::Text(text) if text.eq_ignore_ascii_case("match") => {
                        if !from {
                            return Err(invalid(
                                ErrorKind::FeatureNotSupported,
                                "cannot use \"match\" with HEADER in COPY TO",
                            ));
                        }
                        Header::Match
                    }
                    value if boolean(name, value)? => Header::On,
                    _ => Header::Off,
                };
            }
            "force_quote" => self.force_quote = columns(name, value, true)?,
            "force_not_null" => self.force_not_null = columns(name, value, false)?,
            "force_null" => self.force_null = columns(name, value, false)?,
            "encoding" => {
                let encoding = text_of(name, value)?;
                match encoding.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
                    "utf8" | "unicode" | "sqlascii" => self.encoding = Some("UTF8".to_owned()),
                    "latin1" | "iso88591" => self.encoding = Some("LATIN1".to_owned()),
                    _ => {
                        return Err(invalid(
                            ErrorKind::InvalidParameterValue,
                            "argument to option \"encoding\" must be a valid encoding name",
                        ));
                    }
                }
            }
            _ => {
                return Err(invalid(
                    ErrorKind::SyntaxError,
                    format!("option \"{name}\" not recognized"),
                ));
            }
        }
        Ok(())
    }

    fn check(&mut self, written: Written, from: bool) -> Result<()> {
        let csv = self.kind == CopyKind::Csv;
        let unavailable = |what: &str| invalid(ErrorKind::FeatureNotSupported, what);
        if self.kind == CopyKind::Binary {
            for (given, name) in [(&written.delimiter, "DELIMITER"), (&written.null, "NULL")] {
                if given.is_some() {
                    let message = format!("cannot specify {name} in BINARY mode");
                    return Err(invalid(ErrorKind::SyntaxError, message));
                }
            }
            if self.header != Header::Off {
                return Err(unavailable("cannot specify HEADER in BINARY mode"));
            }
        }
        if csv {
            (self.delimiter, self.null) = (b',', String::new());
        }
        if let Some(delimiter) = &written.delimiter {
            self.delimiter = one_byte("delimiter", delimiter)?;
        }
        if let Some(null) = written.null {
            self.null = null;
        }
        for (given, name) in [(&written.quote, "quote"), (&written.escape, "escape")] {
            if given.is_some() && !csv {
                return Err(unavailable(&format!("COPY {name} available only in CSV mode")));
            }
        }
        if let Some(quote) = &written.quote {
            self.quote = one_byte("quote", quote)?;
            self.escape = self.quote;
        }
        if let Some(escape) = &written.escape {
            self.escape = one_byte("escape", escape)?;
        }
        self.check_characters(csv)?;
        for (columns, name, direction) in [
            (&self.force_quote, "force quote", false),
            (&self.force_not_null, "force not null", true),
            (&self.force_null, "force null", true),
        ] {
            if *columns == Columns::None {
                continue;
            }
            if !csv {
                return Err(unavailable(&format!("COPY {name} available only in CSV mode")));
            }
            if direction != from {
                let way = if direction { "FROM" } else { "TO" };
                return Err(unavailable(&format!("COPY {name} only available using COPY {way}")));
            }
        }
        Ok(())
    }

    fn check_characters(&self, csv: bool) -> Result<()> {
        let wrong = |what: &str| Err(invalid(ErrorKind::InvalidParameterValue, what));
        let unavailable = |what: &str| Err(invalid(ErrorKind::FeatureNotSupported, what));
        if matches!(self.delimiter, b'\n' | b'\r') {
            return wrong("COPY delimiter cannot be newline or carriage return");
        }
        if self.null.contains(['\n', '\r']) {
            return wrong("COPY null representation cannot use newline or carriage return");
        }
        let plain = self.delimiter.is_ascii_lowercase()
            || self.delimiter.is_ascii_digit()
            || matches!(self.delimiter, b'\\' | b'.');
        if !csv && plain {
            return wrong(&format!("COPY delimiter cannot be \"{}\"", char::from(self.delimiter)));
        }
        if csv && self.delimiter == self.quote {
            return wrong("COPY delimiter and quote must be different");
        }
        if self.kind != CopyKind::Binary && self.null.as_bytes().contains(&self.delimiter) {
            return unavailable("COPY delimiter must not appear in the NULL specification");
        }
        if csv && self.null.as_bytes().contains(&self.quote) {
            return unavailable("CSV quote character must not appear in the NULL specification");
        }
        Ok(())
    }

    /// Finds the columns that options name.
    ///
    /// # Errors
    /// `InvalidColumnReference` for one that is not copied.
    pub fn resolve(&mut self, names: &[&str]) -> Result<()> {
        for (columns, option) in [
            (&mut self.force_quote, "FORCE_QUOTE"),
            (&mut self.force_not_null, "FORCE_NOT_NULL"),
            (&mut self.force_null, "FORCE_NULL"),
        ] {
            let Columns::Named(wanted) = columns else { continue };
            if let Some(missing) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
                return Err(invalid(
                    ErrorKind::InvalidColumnReference,
                    format!("{option} column \"{missing}\" not referenced by COPY"),
                ));
            }
            let these = names.iter().map(|name| wanted.iter().any(|wanted| wanted == name));
            *columns = Columns::These(these.collect());
        }
        Ok(())
    }
}

fn one_byte(what: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err(invalid(
            ErrorKind::FeatureNotSupported,
            format!("COPY {what} must be a single one-byte character"),
        )),
    }
}

fn text_of(name: &str, value: &CopyValue) -> Result<String> {
    match value {
        CopyValue::Text(text) => Ok(text.clone()),
        CopyValue::None => {
            Err(invalid(ErrorKind::SyntaxError, format!("{name} requires a parameter")))
        }
        CopyValue::Columns(_) | CopyValue::All => Err(invalid(
            ErrorKind::InvalidParameterValue,
            format!("argument to option \"{name}\" must be a text"),
        )),
    }
}

fn boolean(name: &str, value: &CopyValue) -> Result<bool> {
    let wrong = || {
        let message = match name {
            "header" => "header requires a Boolean value or \"match\"".to_owned(),
            name => format!("{name} requires a Boolean value"),
        };
        invalid(ErrorKind::SyntaxError, message)
    };
    match value {
        CopyValue::None => Ok(true),
        CopyValue::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(wrong()),
        },
        CopyValue::Columns(_) | CopyValue::All => Err(wrong()),
    }
}

fn columns(name: &str, value: &CopyValue, all: bool) -> Result<Columns> {
    match value {
        CopyValue::Columns(names) => Ok(Columns::Named(names.clone())),
        CopyValue::All if all => Ok(Columns::All),
        _ => Err(invalid(
            ErrorKind::InvalidParameterValue,
            format!("argument to option \"{name}\" must be a list of column names"),
        )),
    }
}
