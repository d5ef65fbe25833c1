//! What follows a relation's name in CREATE: columns, constraints, and the clauses of a view.

use std::time::Duration;

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind};

use super::external::CsvForm;
use super::parser::{Failure, Parsed, StatementParser, unsupported};
use super::statement::{
    ColumnDefinition, Expectation, Key, RefreshPolicy, Schedule, Trigger, ViolationAction,
};

/// What may stand between the brackets after a name.
#[derive(Default)]
pub(super) struct Elements {
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) constraints: Vec<Expectation>,
    pub(super) primary_key: Vec<String>,
    /// Those of a table that people write; a name left out is empty.
    pub(super) keys: Vec<Key>,
}

/// Whether a column has a type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnTypes {
    Required,
    Optional,
    Refused,
}

/// The clauses between the brackets and AS, each at most once, in any order.
#[derive(Default)]
pub(super) struct Clauses {
    pub(super) partition_by: Vec<String>,
    pub(super) comment: Option<String>,
    pub(super) schedule: Option<Schedule>,
    pub(super) trigger: Option<Trigger>,
    pub(super) target_lag: bool,
    pub(super) policy: Option<RefreshPolicy>,
    pub(super) format: Option<String>,
    pub(super) location: Option<String>,
    pub(super) csv: Option<CsvForm>,
    pub(super) deletion_vectors: bool,
}

impl StatementParser<'_> {
    /// `(columns and constraints)`, or nothing.
    pub(super) fn elements(&mut self, types: ColumnTypes) -> Parsed<Elements> {
        let mut elements = Elements::default();
        if !self.parser.consume_token(&Token::LParen) {
            return Ok(elements);
        }
        self.comma_separated(|parser| parser.element(types, &mut elements))?;
        self.parser.expect_token(&Token::RParen)?;
        for (index, column) in elements.columns.iter().enumerate() {
            if elements.columns[..index].iter().any(|other| other.name == column.name) {
                let message = format!("column \"{}\" specified more than once", column.name);
                return Err(Error::new(ErrorKind::DuplicateColumn, message).into());
            }
        }
        for (index, rule) in elements.constraints.iter().enumerate() {
            if elements.constraints[..index].iter().any(|other| other.name == rule.name) {
                let message = format!("constraint \"{}\" specified more than once", rule.name);
                return Err(Error::new(ErrorKind::DuplicateObject, message).into());
            }
        }
        Ok(elements)
    }

    fn element(&mut self, types: ColumnTypes, elements: &mut Elements) -> Parsed<()> {
        if types == ColumnTypes::Required && self.table_key(elements)? {
            return Ok(());
        }
        if self.at("PRIMARY KEY") {
            if types == ColumnTypes::Required || !elements.primary_key.is_empty() {
                return unsupported("this PRIMARY KEY");
            }
            self.require("PRIMARY KEY")?;
            elements.primary_key = self.column_names()?;
            return Ok(());
        }
        if self.at("CONSTRAINT") {
            let constraint = self.expectation()?;
            elements.constraints.push(constraint);
            return Ok(());
        }
        for constraint in ["UNIQUE", "FOREIGN KEY", "CHECK", "EXCLUDE", "LIKE"] {
            if self.at(constraint) {
                return unsupported(format!("{constraint} in CREATE"));
            }
        }
        let mut column = self.column(types)?;
        if types == ColumnTypes::Required {
            self.column_keys(&mut column, &mut elements.keys)?;
        }
        elements.columns.push(column);
        let unknown =
            ["DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "GENERATED", "COLLATE"];
        if let Some(word) = unknown.into_iter().find(|word| self.at(word)) {
            return unsupported(format!("{word} on a column"));
        }
        Ok(())
    }

    /// `[CONSTRAINT name] PRIMARY KEY | UNIQUE (columns)`; whether one stood there.
    fn table_key(&mut self, elements: &mut Elements) -> Parsed<bool> {
        let named = self.at("CONSTRAINT");
        if !named && !self.at("PRIMARY KEY") && !self.at("UNIQUE") {
            return Ok(false);
        }
        let mut name = String::new();
        if named {
            let third = self.parser.peek_nth_token_ref(2).token.to_string();
            if !["PRIMARY", "UNIQUE"].contains(&third.to_ascii_uppercase().as_str()) {
                return Ok(false);
            }
            self.require("CONSTRAINT")?;
            name = self.identifier()?;
        }
        let primary = self.accept("PRIMARY KEY");
        if !primary {
            self.require("UNIQUE")?;
        }
        let columns = self.column_names()?;
        elements.keys.push(Key { name, columns, primary });
        Ok(true)
    }

    /// `PRIMARY KEY` and `UNIQUE` behind a column.
    fn column_keys(&mut self, column: &mut ColumnDefinition, keys: &mut Vec<Key>) -> Parsed<()> {
        loop {
            let primary = self.accept("PRIMARY KEY");
            if primary || self.accept("UNIQUE") {
                let columns = vec![column.name.clone()];
                keys.push(Key { name: String::new(), columns, primary });
            } else if self.accept("NOT NULL") {
                column.not_null = true;
            } else {
                return Ok(());
            }
        }
    }

    pub(super) fn column(&mut self, types: ColumnTypes) -> Parsed<ColumnDefinition> {
        let name = self.identifier()?;
        let ends = matches!(self.parser.peek_token_ref().token, Token::Comma | Token::RParen);
        let untyped = ends || self.at("COMMENT") || self.at("NOT NULL");
        let mut sql_type = String::new();
        if types == ColumnTypes::Required || (types == ColumnTypes::Optional && !untyped) {
            let start = self.parser.peek_token_ref().span.start;
            self.parser.parse_data_type()?;
            sql_type = self.text_since(start).to_ascii_lowercase();
        }
        let (mut not_null, mut comment) = (false, None);
        loop {
            if types != ColumnTypes::Refused && self.accept("NOT NULL") {
                not_null = true;
            } else if types != ColumnTypes::Refused && self.accept("NULL") {
                not_null = false;
            } else if comment.is_none() && self.accept("COMMENT") {
                comment = Some(self.string()?);
            } else {
                break;
            }
        }
        Ok(ColumnDefinition { name, sql_type, not_null, comment })
    }

    fn expectation(&mut self) -> Parsed<Expectation> {
        self.require("CONSTRAINT")?;
        let name = self.identifier()?;
        if !self.at("EXPECT") {
            for other in ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "NOT"] {
                if self.at(other) {
                    return unsupported(format!("CONSTRAINT ... {other}"));
                }
            }
        }
        self.require("EXPECT")?;
        self.parser.expect_token(&Token::LParen)?;
        let start = self.parser.peek_token_ref().span.start;
        self.parser.parse_expr()?;
        let condition = self.text_since(start).to_owned();
        self.parser.expect_token(&Token::RParen)?;
        let action = if !self.accept("ON VIOLATION") {
            ViolationAction::Keep
        } else if self.accept("DROP ROW") {
            ViolationAction::Drop
        } else if self.accept("QUARANTINE ROW") {
            ViolationAction::Quarantine
        } else if self.accept("FAIL UPDATE") {
            ViolationAction::Fail
        } else {
            return self.unexpected();
        };
        Ok(Expectation { name, condition, action })
    }

    /// All clauses up to AS or the end; `allowed` names those the statement has.
    pub(super) fn clauses(&mut self, allowed: &[&str]) -> Parsed<Clauses> {
        let mut clauses = Clauses::default();
        let mut seen: Vec<&str> = Vec::new();
        while let Some(clause) = allowed.iter().copied().find(|clause| self.at(clause)) {
            if seen.contains(&clause) {
                return self.unexpected();
            }
            seen.push(clause);
            self.require(clause)?;
            match clause {
                "PARTITIONED BY" => clauses.partition_by = self.column_names()?,
                "COMMENT" => clauses.comment = Some(self.string()?),
                "SCHEDULE" => clauses.schedule = Some(self.schedule()?),
                "TRIGGER ON UPDATE" => {
                    let limited = self.accept("AT MOST EVERY");
                    let at_most_every = if limited { Some(self.pause()?) } else { None };
                    clauses.trigger = Some(Trigger { at_most_every });
                }
                "TARGET LAG" => {
                    clauses.target_lag = true;
                    let _ = self.parser.consume_token(&Token::Eq);
                    self.interval()?;
                }
                "REFRESH POLICY" => clauses.policy = Some(self.policy()?),
                "STORED AS" => clauses.format = Some(self.identifier()?.to_ascii_uppercase()),
                "LOCATION" => clauses.location = Some(self.string()?),
                "OPTIONS" => clauses.csv = Some(self.csv_options()?),
                "TBLPROPERTIES" => clauses.deletion_vectors = self.properties()?,
                _ => return self.unexpected(),
            }
        }
        Ok(clauses)
    }

    /// `('name' = 'value', ...)`, of which there is one so far: whether rows of the table may be marked as gone.
    fn properties(&mut self) -> Parsed<bool> {
        let mut marks = false;
        self.parser.expect_token(&Token::LParen)?;
        self.comma_separated(|parser| {
            let place = parser.parser.peek_token().span.start;
            let name = parser.string()?;
            parser.parser.expect_token(&Token::Eq)?;
            let value = match parser.parser.peek_token().token {
                Token::SingleQuotedString(_) => parser.string()?,
                _ => parser.identifier()?,
            };
            let invalid = |message: String| {
                let error = Error::new(ErrorKind::InvalidParameterValue, message).hint(
                    "The property a table can be given is 'delta.enableDeletionVectors', true or false.",
                );
                Failure::Error(error.at(parser.source.position(place)))
            };
            if !name.eq_ignore_ascii_case("delta.enableDeletionVectors") {
                return Err(invalid(format!("unrecognized table property \"{name}\"")));
            }
            marks = match value.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => return Err(invalid(format!("invalid value for \"{name}\": \"{value}\""))),
            };
            Ok(())
        })?;
        self.parser.expect_token(&Token::RParen)?;
        Ok(marks)
    }

    fn schedule(&mut self) -> Parsed<Schedule> {
        self.accept("REFRESH");
        if self.at("CRON") {
            return unsupported("SCHEDULE CRON");
        }
        self.require("EVERY")?;
        Ok(Schedule { every: self.pause()? })
    }

    /// An interval between runs, which cannot be zero.
    fn pause(&mut self) -> Parsed<Duration> {
        let place = self.parser.peek_token();
        let every = self.interval()?;
        if every.is_zero() {
            let position = self.source.position(place.span.start);
            let error = Error::new(ErrorKind::InvalidParameterValue, "a schedule cannot be zero");
            return Err(error.at(position).into());
        }
        Ok(every)
    }

    fn policy(&mut self) -> Parsed<RefreshPolicy> {
        if self.accept("AUTO") {
            Ok(RefreshPolicy::Auto)
        } else if self.accept("FULL") {
            Ok(RefreshPolicy::Full)
        } else if self.accept("INCREMENTAL STRICT") {
            Ok(RefreshPolicy::IncrementalStrict)
        } else if self.accept("INCREMENTAL") {
            Ok(RefreshPolicy::Incremental)
        } else {
            self.unexpected()
        }
    }

    // `5 MINUTES`, `INTERVAL 5 MINUTES`, `INTERVAL '5' MINUTE`, `'5 minutes'`.
    fn interval(&mut self) -> Parsed<Duration> {
        self.accept("INTERVAL");
        let place = self.parser.peek_token();
        let invalid = |text: &str| {
            let message = format!("invalid interval: \"{text}\"");
            let error = Error::new(ErrorKind::InvalidParameterValue, message)
                .hint("Write a whole number of SECONDS, MINUTES, HOURS or DAYS.");
            Failure::Error(error.at(self.source.position(place.span.start)))
        };
        let text = match &place.token {
            Token::Number(number, _) => number.clone(),
            Token::SingleQuotedString(text) => text.clone(),
            _ => return self.unexpected(),
        };
        let (number, unit) = match text.trim().split_once(' ') {
            Some((number, unit)) => (number.to_owned(), Some(unit.trim().to_owned())),
            None => (text.trim().to_owned(), None),
        };
        let number: u64 = number.parse().map_err(|_| invalid(&text))?;
        self.parser.advance_token();
        let unit = match unit {
            Some(unit) => unit,
            None => self.identifier()?,
        };
        let seconds = match unit.to_ascii_lowercase().as_str() {
            "second" | "seconds" => 1,
            "minute" | "minutes" => 60,
            "hour" | "hours" => 3_600,
            "day" | "days" => 86_400,
            "week" | "weeks" => 604_800,
            _ => {
                let message = format!("invalid unit of time: \"{unit}\"");
                let error = Error::new(ErrorKind::InvalidParameterValue, message)
                    .hint("Units are SECONDS, MINUTES, HOURS, DAYS and WEEKS.");
                return Err(error.at(self.source.position(place.span.start)).into());
            }
        };
        // A century is longer than any schedule, and keeps sums of times within range.
        const CENTURY_S: u64 = 36_525 * 86_400;
        match number.checked_mul(seconds).filter(|seconds| *seconds <= CENTURY_S) {
            Some(seconds) => Ok(Duration::from_secs(seconds)),
            None => {
                let message = format!("interval out of range: {number} {unit}");
                Err(Error::new(ErrorKind::DatetimeFieldOverflow, message).into())
            }
        }
    }
}
