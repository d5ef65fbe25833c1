//! Tests beside views: `TEST`, `GIVEN`, `EXPECT`, in files of their own.
//!
//! They are no statements of the server: nothing else parses them, and no client can send them.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind, Result};

use super::dialect::LakeportDialect;
use super::object_name::ObjectName;
use super::parser::{Parsed, StatementParser};
use super::query::Query;
use super::source::{self, Source, check_chains};
use super::split::{leading_blank, split_statements};

/// One statement of a test file.
#[derive(Debug, Clone)]
pub enum TestStatement {
    /// `TEST 'name'`: what follows belongs to it.
    Test(String),
    /// `NOW 'timestamp'`: what time it is in the test.
    Now(String),
    /// `GIVEN relation (columns) VALUES ...`: the relation holds these rows.
    Given(TestRows),
    /// `EXPECT relation (columns) VALUES ...`: the relation shows these rows.
    Expect(TestRows),
}

/// Rows of a relation.
#[derive(Debug, Clone)]
pub struct TestRows {
    /// Which.
    pub relation: ObjectName,
    /// The columns that are named.
    pub columns: Vec<String>,
    /// The VALUES; `None` for `EMPTY`.
    pub values: Option<Query>,
}

/// Takes a test file apart: each statement, or why it cannot be read, with the byte it starts at.
pub fn parse_tests(text: &str) -> Vec<(usize, Result<TestStatement>)> {
    split_statements(text)
        .into_iter()
        .map(|(offset, piece)| {
            let blank = leading_blank(piece);
            (offset + blank, one(piece[blank..].trim_end()))
        })
        .collect()
}

fn one(text: &str) -> Result<TestStatement> {
    let source = Source::new(text);
    let tokens = source::statements(source.tokens()?).into_iter().next().unwrap_or_default();
    check_chains(&tokens)?;
    let dialect = LakeportDialect::new(tokens.len());
    let mut parser = StatementParser::new(&source, &dialect, tokens, None);
    let parsed = parser.test_statement().and_then(|found| parser.finish().map(|()| found));
    parser.settle(parsed)
}

impl StatementParser<'_> {
    fn test_statement(&mut self) -> Parsed<TestStatement> {
        if self.accept("TEST") {
            return Ok(TestStatement::Test(self.string()?));
        }
        if self.accept("NOW") {
            return Ok(TestStatement::Now(self.string()?));
        }
        if self.accept("GIVEN") {
            return Ok(TestStatement::Given(self.test_rows()?));
        }
        if self.accept("EXPECT") {
            return Ok(TestStatement::Expect(self.test_rows()?));
        }
        let position = self.source.position(self.parser.peek_token_ref().span.start);
        Err(Error::new(ErrorKind::SyntaxError, "this is no statement of a test")
            .hint("A test file holds TEST 'name', NOW 'timestamp', GIVEN relation (columns) VALUES ... and EXPECT relation (columns) VALUES ...")
            .at(position)
            .into())
    }

    fn test_rows(&mut self) -> Parsed<TestRows> {
        let relation = self.object_name()?;
        let named = self.parser.peek_token_ref().token == Token::LParen;
        let columns = if named { self.column_names()? } else { Vec::new() };
        if self.accept("EMPTY") {
            return Ok(TestRows { relation, columns, values: None });
        }
        if !self.at("VALUES") || columns.is_empty() {
            return self.unexpected();
        }
        Ok(TestRows { relation, columns, values: Some(self.query()?) })
    }
}
