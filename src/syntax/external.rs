//! CREATE EXTERNAL TABLE.

use datafusion::sql::sqlparser::tokenizer::Token;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

use super::clauses::{ColumnTypes, Elements};
use super::object_name::ObjectName;
use super::parser::{Failure, Parsed, StatementParser, unsupported};
use super::statement::{ColumnDefinition, Statement};

/// `CREATE EXTERNAL TABLE name STORED AS format LOCATION '...'`.
#[derive(Debug, Clone)]
pub struct CreateExternalTable {
    /// The new name.
    pub name: ObjectName,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Declared columns; of files only.
    pub columns: Vec<ColumnDefinition>,
    /// STORED AS, and OPTIONS.
    pub stored: StoredAs,
    /// LOCATION.
    pub location: String,
    /// COMMENT.
    pub comment: Option<String>,
}

/// What lies at an external table's location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredAs {
    /// A Delta table.
    Delta,
    /// Files.
    Files(FileKind, CsvForm),
}

/// The kinds of files that are read where they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// PARQUET.
    Parquet,
    /// CSV.
    Csv,
    /// JSON: an object a line, or an array of them.
    Json,
}

/// How CSV files are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvForm {
    /// Whether the first line names the columns.
    pub header: bool,
    /// What stands between values.
    pub delimiter: u8,
    /// What stands around some.
    pub quote: u8,
    /// What makes a quote within one plain; `None` when it is written twice.
    pub escape: Option<u8>,
}

impl Default for CsvForm {
    fn default() -> Self {
        Self { header: true, delimiter: b',', quote: b'"', escape: None }
    }
}

impl StatementParser<'_> {
    pub(super) fn external_table(&mut self) -> Parsed<Statement> {
        let if_not_exists = self.accept("IF NOT EXISTS");
        let name = self.object_name()?;
        let Elements { columns, constraints, primary_key, keys } =
            self.elements(ColumnTypes::Optional)?;
        if !constraints.is_empty() || !primary_key.is_empty() || !keys.is_empty() {
            return unsupported("a constraint on an external table");
        }
        if let Some(column) = columns.iter().find(|column| column.not_null) {
            return unsupported(format!("NOT NULL on the external column \"{}\"", column.name));
        }
        if let Some(column) = columns.iter().find(|column| column.sql_type.is_empty()) {
            let message = format!("column \"{}\" has no type", column.name);
            return Err(Error::new(ErrorKind::SyntaxError, message).into());
        }
        let clauses = self.clauses(&["STORED AS", "LOCATION", "OPTIONS", "COMMENT"])?;
        for clause in ["PARTITIONED", "WITH", "UNBOUNDED"] {
            if self.at(clause) {
                return unsupported(format!("{clause} in CREATE EXTERNAL TABLE"));
            }
        }
        let (Some(format), Some(location)) = (clauses.format, clauses.location) else {
            return self.unexpected();
        };
        let kind = match format.as_str() {
            "DELTA" if !columns.is_empty() => {
                return unsupported("declaring the columns of an external Delta table");
            }
            "DELTA" => None,
            "PARQUET" => Some(FileKind::Parquet),
            "CSV" => Some(FileKind::Csv),
            "JSON" | "NDJSON" => Some(FileKind::Json),
            _ => return unsupported(format!("STORED AS {format}")),
        };
        if clauses.csv.is_some() && kind != Some(FileKind::Csv) {
            return unsupported(format!("OPTIONS of STORED AS {format}"));
        }
        let stored = match kind {
            None => StoredAs::Delta,
            Some(kind) => StoredAs::Files(kind, clauses.csv.unwrap_or_default()),
        };
        let comment = clauses.comment;
        Ok(Statement::CreateExternalTable(CreateExternalTable {
            name,
            if_not_exists,
            columns,
            stored,
            location,
            comment,
        }))
    }

    /// `(delimiter ';', 'header' = 'false', ...)`.
    pub(super) fn csv_options(&mut self) -> Parsed<CsvForm> {
        let mut form = CsvForm::default();
        self.parser.expect_token(&Token::LParen)?;
        self.comma_separated(|parser| {
            let place = parser.parser.peek_token().span.start;
            let name = parser.word()?.to_ascii_lowercase();
            let _ = parser.parser.consume_token(&Token::Eq);
            let value = parser.word()?;
            let invalid = |message: String| {
                let error = Error::new(ErrorKind::InvalidParameterValue, message).hint(
                    "The options of CSV files are header (true, false), delimiter, quote and escape (a character each).",
                );
                Failure::Error(error.at(parser.source.position(place)))
            };
            let character = || match (value.as_str(), value.as_bytes()) {
                ("\\t", _) => Ok(b'\t'),
                (_, [one]) => Ok(*one),
                _ => Err(invalid(format!("\"{name}\" must be one character of ASCII"))),
            };
            match name.as_str() {
                "header" => {
                    form.header = match value.to_ascii_lowercase().as_str() {
                        "true" => true,
                        "false" => false,
                        _ => return Err(invalid(format!("\"{name}\" must be true or false"))),
                    }
                }
                "delimiter" => form.delimiter = character()?,
                "quote" => form.quote = character()?,
                "escape" => form.escape = Some(character()?),
                _ => return Err(invalid(format!("unrecognized option \"{name}\""))),
            }
            Ok(())
        })?;
        self.parser.expect_token(&Token::RParen)?;
        Ok(form)
    }

    /// A text, or a name without quotes.
    fn word(&mut self) -> Parsed<String> {
        match self.parser.peek_token().token {
            Token::SingleQuotedString(_) => self.string(),
            _ => self.identifier(),
        }
    }
}
