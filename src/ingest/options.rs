//! The arguments of `read_files`, checked once.
//!
//! Databricks' names, read without regard to case. An option that is not known, or whose value makes
//! no sense, is an error when the table is defined, not a surprise when its first file lands.

use crate::catalog::StreamingTable;
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::{ColumnDefinition, ReadFiles};

use super::encoding::Encoding;
use super::pattern::Pattern;
use super::types::{ColumnType, FileColumn, parse_columns};

/// What files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    Parquet,
    Text,
}

/// The one column of a file of text.
pub(crate) const TEXT_COLUMN: &str = "value";

/// What stands between two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimiter {
    /// Told from each file's first lines.
    Auto,
    Is(u8),
}

/// How files are read.
#[derive(Debug, Clone)]
pub(crate) struct ReadOptions {
    pub(crate) format: Format,
    /// Of text; Parquet has none.
    pub(crate) encoding: Encoding,
    pub(crate) csv: CsvOptions,
    pub(crate) texts: TextOptions,
    /// False makes every column text.
    pub(crate) infer_types: bool,
    /// Fractions become decimals rather than double precision.
    pub(crate) prefers_decimal: bool,
    /// Columns whose type is given: by the column list, `schema` or `schemaHints`.
    pub(crate) declared: Vec<FileColumn>,
    /// A file that changed under its name is read again.
    pub(crate) allow_overwrites: bool,
    /// At most so many files a batch, when given.
    pub(crate) batch_files_max: Option<usize>,
}

/// How lines of a CSV file are split.
#[derive(Debug, Clone)]
pub(crate) struct CsvOptions {
    pub(crate) header: bool,
    pub(crate) delimiter: Delimiter,
    pub(crate) quote: Option<u8>,
    /// Besides a doubled quote, what makes a quote part of the value.
    pub(crate) escape: Option<u8>,
    pub(crate) comment: Option<u8>,
    pub(crate) multi_line: bool,
    pub(crate) skip_rows: u64,
    pub(crate) trim_leading: bool,
    pub(crate) trim_trailing: bool,
}

/// How a value's text is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextOptions {
    pub(crate) null_values: Vec<String>,
    pub(crate) date: Option<Pattern>,
    pub(crate) timestamp: Option<Pattern>,
}

impl ReadOptions {
    /// Checks the arguments of a streaming table's source and its column list.
    ///
    /// # Errors
    /// `InvalidParameterValue` or `FeatureNotSupported`, naming the option.
    pub(crate) fn of(table: &StreamingTable, columns: &[ColumnDefinition]) -> Result<Self> {
        let mut options = Self::parse(&table.files)?;
        for column in columns {
            if column.sql_type.is_empty() || is_alias(&table.query, &column.name) {
                continue;
            }
            let kind = ColumnType::parse(&column.sql_type)
                .map_err(|error| error.within(format!("column \"{}\"", column.name)))?;
            options.declare(FileColumn::new(&column.name, &column.name, kind));
        }
        if options.format == Format::Csv
            && let Some(nested) = options.declared.iter().find(|column| column.kind.is_nested())
        {
            return Err(Error::unsupported(format!(
                "column \"{}\" of a nested type in a CSV file",
                nested.name
            )));
        }
        Ok(options)
    }

    /// Checks the arguments of `read_files` by themselves.
    pub(crate) fn parse(files: &ReadFiles) -> Result<Self> {
        let mut options = Self {
            format: format_of(files)?,
            encoding: Encoding::default(),
            csv: CsvOptions::default(),
            texts: TextOptions::default(),
            infer_types: true,
            prefers_decimal: false,
            declared: Vec::new(),
            allow_overwrites: false,
            batch_files_max: None,
        };
        for (name, value) in &files.options {
            options
                .set(&name.to_lowercase(), value)
                .map_err(|error| error.within(format!("option {name} of read_files")))?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "format" => {}
            "header" => self.csv.header = boolean(value)?,
            "delimiter" | "sep" => self.csv.delimiter = delimiter(value)?,
            "quote" => self.csv.quote = byte_or_none(value)?,
            "escape" => self.csv.escape = byte_or_none(value)?,
            "comment" => self.csv.comment = byte_or_none(value)?,
            "multiline" => self.csv.multi_line = boolean(value)?,
            "skiprows" => self.csv.skip_rows = number(value)? as u64,
            "ignoreleadingwhitespace" => self.csv.trim_leading = boolean(value)?,
            "ignoretrailingwhitespace" => self.csv.trim_trailing = boolean(value)?,
            "nullvalue" | "nullvalues" => self.texts.null_values.push(value.to_owned()),
            "dateformat" => self.texts.date = Some(Pattern::parse(value)?),
            "timestampformat" | "timestampntzformat" => {
                self.texts.timestamp = Some(Pattern::parse(value)?);
            }
            "infercolumntypes" | "inferschema" => self.infer_types = boolean(value)?,
            "prefersdecimal" => self.prefers_decimal = boolean(value)?,
            "schema" | "schemahints" => {
                parse_columns(value)?.into_iter().for_each(|column| self.declare(column));
            }
            "allowoverwrites" => self.allow_overwrites = boolean(value)?,
            "maxfilespertrigger" => self.batch_files_max = Some(number(value)?.max(1)),
            "encoding" | "charset" => self.encoding = Encoding::parse(value)?,
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidParameterValue,
                    "there is no such option".to_owned(),
                )
                .hint(KNOWN));
            }
        }
        Ok(())
    }

    fn declare(&mut self, column: FileColumn) {
        match self.declared.iter_mut().find(|known| known.name == column.name) {
            Some(known) => known.kind = column.kind,
            None => self.declared.push(column),
        }
    }

    /// The declared column of this cleaned name.
    pub(crate) fn declared(&self, name: &str) -> Option<&FileColumn> {
        self.declared.iter().find(|column| column.name == name)
    }
}

const KNOWN: &str = "Options are format, header, delimiter, quote, escape, comment, multiLine, skipRows, ignoreLeadingWhiteSpace, ignoreTrailingWhiteSpace, nullValue, dateFormat, timestampFormat, inferColumnTypes, prefersDecimal, schema, schemaHints, allowOverwrites, maxFilesPerTrigger, encoding.";

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            header: true,
            delimiter: Delimiter::Is(b','),
            quote: Some(b'"'),
            escape: None,
            comment: None,
            multi_line: false,
            skip_rows: 0,
            trim_leading: false,
            trim_trailing: false,
        }
    }
}

fn format_of(files: &ReadFiles) -> Result<Format> {
    let written = files.options.iter().find(|(name, _)| name.eq_ignore_ascii_case("format"));
    let path = files.path.to_lowercase();
    let packed = [".gz", ".zst", ".zstd"].into_iter().find_map(|end| path.strip_suffix(end));
    let path = packed.unwrap_or(&path);
    let name = match written {
        Some((_, value)) => value.to_lowercase(),
        None => path.rsplit('.').next().unwrap_or_default().to_owned(),
    };
    match name.as_str() {
        "csv" | "tsv" => Ok(Format::Csv),
        "json" | "ndjson" | "jsonl" => Ok(Format::Json),
        "parquet" => Ok(Format::Parquet),
        "text" | "txt" | "log" => Ok(Format::Text),
        "avro" | "orc" | "xml" | "binaryfile" => {
            Err(Error::unsupported(format!("format \"{name}\" of read_files"))
                .hint("Formats are csv, json, parquet and text."))
        }
        _ if written.is_some() => Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("format \"{name}\" of read_files does not exist"),
        )
        .hint("Formats are csv, json, parquet and text.")),
        _ => Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("the format of \"{}\" cannot be told from its name", files.path),
        )
        .hint("Add format => 'csv', 'json' or 'parquet'.")),
    }
}

/// Whether the query gives some expression this name: then it is no column of the files.
fn is_alias(query: &str, name: &str) -> bool {
    let lower = query.to_lowercase();
    let name = name.to_lowercase();
    lower.match_indices(&name).any(|(at, _)| {
        let after = lower[at + name.len()..].chars().next();
        let before = lower[..at].trim_end_matches('"');
        let quoted_or_spaced = before.len() < at || lower[..at].ends_with(char::is_whitespace);
        let before = before.trim_end();
        let keyword =
            before.strip_suffix("as").is_some_and(|rest| rest.ends_with(char::is_whitespace));
        quoted_or_spaced && keyword && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn boolean(value: &str) -> Result<bool> {
    match value.to_lowercase().as_str() {
        "true" | "t" | "1" => Ok(true),
        "false" | "f" | "0" => Ok(false),
        _ => Err(invalid(value, "true or false")),
    }
}

fn number(value: &str) -> Result<usize> {
    value.trim().parse().map_err(|_| invalid(value, "a number"))
}

fn delimiter(value: &str) -> Result<Delimiter> {
    match value {
        "auto" => Ok(Delimiter::Auto),
        "\\t" | "tab" => Ok(Delimiter::Is(b'\t')),
        _ => match byte_or_none(value)? {
            Some(byte) => Ok(Delimiter::Is(byte)),
            None => Err(invalid(value, "one character, or auto")),
        },
    }
}

fn byte_or_none(value: &str) -> Result<Option<u8>> {
    match value.as_bytes() {
        [] => Ok(None),
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(Some(*byte)),
        _ => Err(invalid(value, "one ASCII character")),
    }
}

fn invalid(value: &str, wanted: &str) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, format!("\"{value}\" is not {wanted}"))
}
