//! EXPLAIN, INSERT, REFRESH, VERIFY: a verb and a query or a name.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind};
use crate::name::quote_identifier;

use super::control::{Explain, ExplainFormat, Explained};
use super::object_name::ObjectName;
use super::parser::{Parsed, StatementParser, unsupported};
use super::query::Query;
use super::source::is_word;
use super::statement::{Insert, Statement};

/// `DELETE FROM name [USING ...] [WHERE ...]`.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The table.
    pub name: ObjectName,
    /// The rows that stay.
    pub query: Box<Query>,
    /// With USING: those that go, as a join in which every name means one thing.
    pub matched: Option<Box<Query>>,
}

impl StatementParser<'_> {
    pub(super) fn explain(&mut self) -> Parsed<Statement> {
        self.require("EXPLAIN")?;
        let mut explain = Explain::default();
        let options = [
            "ANALYZE", "VERBOSE", "COSTS", "FORMAT", "BUFFERS", "TIMING", "SUMMARY", "SETTINGS",
            "WAL",
        ];
        let listed = matches!(&self.parser.peek_nth_token_ref(1).token, token
            if options.iter().any(|option| is_word(token, option)));
        if listed && self.parser.consume_token(&Token::LParen) {
            for (name, value) in self.comma_separated(Self::explain_option)? {
                self.set_explain_option(&mut explain, &name, &value)?;
            }
            self.parser.expect_token(&Token::RParen)?;
        } else {
            explain.analyze = self.accept("ANALYZE");
            explain.verbose = self.accept("VERBOSE");
        }
        if self.at("MATERIALIZED") || self.at("CREATE MATERIALIZED") {
            return self.explain_view(explain.analyze, explain.verbose);
        }
        if self.at("EXECUTE") {
            explain.what = Some(Explained::Execute(self.execute_of()?));
            return Ok(Statement::Explain(explain));
        }
        if !self.starts_query() {
            let Token::Word(word) = &self.parser.peek_token_ref().token else {
                return self.unexpected();
            };
            return unsupported(format!("EXPLAIN {}", word.value.to_uppercase()));
        }
        explain.what = Some(Explained::Query(Box::new(self.query()?)));
        Ok(Statement::Explain(explain))
    }

    fn set_explain_option(&self, to: &mut Explain, name: &str, value: &str) -> Parsed<()> {
        let on = || match value {
            "" | "on" | "true" | "1" => Ok(true),
            "off" | "false" | "0" => Ok(false),
            _ => {
                Err(Error::new(ErrorKind::SyntaxError, format!("{name} requires a Boolean value")))
            }
        };
        match name {
            "analyze" => to.analyze = on()?,
            "verbose" => to.verbose = on()?,
            "costs" => to.costs = on()?,
            "summary" => to.summary = Some(on()?),
            "timing" => to.timing = on()?,
            "buffers" | "settings" | "wal" => {
                on()?;
            }
            "format" => {
                to.format = match value {
                    "text" => ExplainFormat::Text,
                    "json" => ExplainFormat::Json,
                    "xml" => ExplainFormat::Xml,
                    "yaml" => ExplainFormat::Yaml,
                    _ => {
                        return Err(Error::new(
                            ErrorKind::InvalidParameterValue,
                            format!(
                                "unrecognized value for EXPLAIN option \"format\": \"{value}\""
                            ),
                        )
                        .into());
                    }
                };
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::SyntaxError,
                    format!("unrecognized EXPLAIN option \"{name}\""),
                )
                .into());
            }
        }
        Ok(())
    }

    /// `EXPLAIN [CREATE] MATERIALIZED VIEW`, EXPLAIN and its options read.
    fn explain_view(&mut self, analyze: bool, verbose: bool) -> Parsed<Statement> {
        if analyze || verbose {
            let option = if analyze { "ANALYZE" } else { "VERBOSE" };
            return unsupported(format!("EXPLAIN {option} of a materialized view"));
        }
        if self.accept("CREATE") {
            self.require("MATERIALIZED VIEW")?;
            let create = self.materialized_view_definition()?;
            return Ok(Statement::ExplainCreateView(Box::new(create)));
        }
        self.require("MATERIALIZED VIEW")?;
        Ok(Statement::ExplainView { name: self.object_name()? })
    }

    fn explain_option(&mut self) -> Parsed<(String, String)> {
        let name = self.identifier()?;
        let value = match &self.parser.peek_token_ref().token {
            Token::Comma | Token::RParen => String::new(),
            token => {
                let value = token.to_string().to_lowercase();
                self.parser.next_token();
                value
            }
        };
        Ok((name, value))
    }

    pub(super) fn insert(&mut self) -> Parsed<Statement> {
        self.require("INSERT INTO")?;
        let name = self.object_name()?;
        if self.accept("AS") {
            self.identifier()?;
        }
        let mut columns = Vec::new();
        let opens = self.parser.peek_token_ref().token == Token::LParen;
        let second = &self.parser.peek_nth_token_ref(1).token;
        let nested = *second == Token::LParen
            || ["SELECT", "WITH", "VALUES"].iter().any(|word| is_word(second, word));
        if opens && !nested {
            columns = self.column_names()?;
        }
        if self.at("DEFAULT VALUES") {
            return unsupported("INSERT ... DEFAULT VALUES");
        }
        if self.at("OVERRIDING") {
            return unsupported("INSERT ... OVERRIDING");
        }
        let query = Box::new(self.query()?);
        if self.at("ON CONFLICT") {
            return unsupported("INSERT ... ON CONFLICT");
        }
        if self.at("RETURNING") {
            return unsupported("INSERT ... RETURNING");
        }
        Ok(Statement::Insert(Box::new(Insert { name, columns, query })))
    }

    /// DELETE, as the query of the rows that stay.
    pub(super) fn delete(&mut self) -> Parsed<Statement> {
        self.require("DELETE FROM")?;
        self.accept("ONLY");
        let name = self.object_name()?;
        let follows = ["USING", "WHERE", "RETURNING"].iter().any(|word| self.at(word));
        let named = self.accept("AS");
        let alias = match &self.parser.peek_token_ref().token {
            Token::Word(_) if named || !follows => self.identifier()?,
            _ => name.name.clone(),
        };
        let mut using = None;
        if self.accept("USING") {
            let start = self.parser.peek_token_ref().span.start;
            let parse = |parser: &mut Self| Ok(parser.parser.parse_table_and_joins()?);
            self.comma_separated(parse)?;
            using = Some(self.text_since(start));
        }
        let mut condition = None;
        if self.at("WHERE CURRENT OF") {
            return unsupported("DELETE ... WHERE CURRENT OF");
        }
        if self.accept("WHERE") {
            let start = self.parser.peek_token_ref().span.start;
            self.parser.parse_expr()?;
            condition = Some(self.text_since(start));
        }
        if self.at("RETURNING") {
            return unsupported("DELETE ... RETURNING");
        }
        let stays = match (&using, &condition) {
            (Some(using), Some(condition)) => {
                format!("NOT EXISTS (SELECT 1 FROM {using} WHERE {condition})")
            }
            (Some(using), None) => format!("NOT EXISTS (SELECT 1 FROM {using})"),
            (None, Some(condition)) => format!("({condition}) IS NOT TRUE"),
            (None, None) => "FALSE".to_owned(),
        };
        let alias = quote_identifier(&alias);
        let from: Vec<String> = [name.schema.as_deref(), Some(name.name.as_str())]
            .into_iter()
            .flatten()
            .map(quote_identifier)
            .collect();
        let from = from.join(".");
        let text = format!("SELECT {alias}.* FROM {from} AS {alias} WHERE {stays}");
        let query = Box::new(Query::parse(&text)?);
        let join = |using: &str| {
            let condition = condition.unwrap_or("TRUE");
            Query::parse(&format!("SELECT 1 FROM {from} AS {alias}, {using} WHERE {condition}"))
        };
        let matched = using.map(join).transpose()?.map(Box::new);
        Ok(Statement::Delete(Box::new(Delete { name, query, matched })))
    }

    pub(super) fn refresh(&mut self) -> Parsed<Statement> {
        if self.accept("REFRESH STREAMING TABLE") {
            let name = self.object_name()?;
            if self.at("FULL") {
                return unsupported("REFRESH STREAMING TABLE ... FULL");
            }
            return Ok(Statement::Ingest(name));
        }
        self.require("REFRESH MATERIALIZED VIEW")?;
        if self.at("CONCURRENTLY") {
            return unsupported("REFRESH MATERIALIZED VIEW CONCURRENTLY");
        }
        let name = self.object_name()?;
        let full = self.accept("FULL");
        if self.at("WITH NO DATA") {
            return unsupported("REFRESH MATERIALIZED VIEW ... WITH NO DATA");
        }
        self.accept("WITH DATA");
        Ok(Statement::Refresh { name, full })
    }

    pub(super) fn verify(&mut self) -> Parsed<Statement> {
        if !self.at("VERIFY MATERIALIZED") {
            return unsupported(self.first_words(2));
        }
        self.require("VERIFY MATERIALIZED VIEW")?;
        let name = self.object_name()?;
        let mut sample_percent = 100.0;
        if self.accept("SAMPLE") {
            let place = self.parser.peek_token();
            let Token::Number(number, _) = &place.token else { return self.unexpected() };
            sample_percent = number.parse().unwrap_or(f64::NAN);
            if !(sample_percent > 0.0 && sample_percent <= 100.0) {
                let error = Error::new(
                    ErrorKind::InvalidParameterValue,
                    "a sample must be above 0 and at most 100 percent",
                );
                return Err(error.at(self.source.position(place.span.start)).into());
            }
            self.parser.advance_token();
            self.require("PERCENT")?;
        }
        Ok(Statement::Verify { name, sample_percent })
    }
}
