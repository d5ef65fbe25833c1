//! Tokens to statements: which statement it is, and what all of them share.

use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::error::{Error, ErrorKind, Result};

use super::columns;
use super::dialect::LakeportDialect;
use super::object_name::ObjectName;
use super::query::Query;
use super::rewrite;
use super::source::{self, Source, check_chains, is_word, significant};
use super::statement::{STREAM_RELATION, Statement};
use super::stream::Stream;
use super::written;

// Brackets, subqueries and function calls inside each other. Each level costs several frames of the
// parser and of every walk over its tree.
const DEPTH_MAX: usize = 50;

/// Parses a script: statements separated by `;`, each with its offset (bytes from 0) in `text`.
///
/// # Errors
/// `SyntaxError` with position (characters from 1 into `text`); `FeatureNotSupported` naming a
/// statement of Postgres that is not one here; `StatementTooComplex`.
pub fn parse(text: &str) -> Result<Vec<(usize, Statement)>> {
    let source = Source::new(text);
    let statements = source::statements(source.tokens()?);
    let parse = |tokens: Vec<TokenWithSpan>| {
        let start = tokens.iter().find(|token| significant(token));
        let start = start.map_or(1, |token| source.position(token.span.start));
        Ok((source.byte(start), parse_tokens(&source, tokens)?.0))
    };
    statements.into_iter().map(parse).collect()
}

/// Parses exactly one statement. `None` for blank text.
///
/// # Errors
/// As [`parse`], also when a second statement follows.
pub fn parse_one(text: &str) -> Result<Option<Statement>> {
    Ok(parse_single(text)?.map(|(statement, _)| statement))
}

/// As [`parse_one`], of a text that belongs to one database, and names none.
///
/// # Errors
/// As [`parse_one`]; `FeatureNotSupported` for a name with a database.
pub fn parse_here(text: &str) -> Result<Option<Statement>> {
    match parse_single(text)? {
        Some((_, Some(elsewhere))) => Err(elsewhere),
        parsed => Ok(parsed.map(|(statement, _)| statement)),
    }
}

fn parse_single(text: &str) -> Result<Option<(Statement, Option<Error>)>> {
    let source = Source::new(text);
    let mut statements = source::statements(source.tokens()?).into_iter();
    let Some(tokens) = statements.next() else { return Ok(None) };
    let parsed = parse_tokens(&source, tokens)?;
    match statements.next() {
        None => Ok(Some(parsed)),
        Some(_) => Err(Error::new(
            ErrorKind::SyntaxError,
            "cannot insert multiple commands into a prepared statement",
        )),
    }
}

/// The tree and the relations of a text that is one query.
pub(super) fn parse_query(text: &str) -> Result<Query> {
    let source = Source::new(text);
    let mut statements = source::statements(source.tokens()?).into_iter();
    let tokens = statements.next().unwrap_or_default();
    check_chains(&tokens)?;
    let dialect = LakeportDialect::new(tokens.len());
    let mut parser = StatementParser::new(&source, &dialect, tokens, None);
    let parsed = parser.query().and_then(|query| parser.finish().map(|()| query));
    let query = parser.settle(parsed)?;
    match statements.next() {
        None => Ok(query),
        Some(_) => Err(Error::new(ErrorKind::SyntaxError, "a second statement follows the query")),
    }
}

/// The statement, and the error of a name in it that has a database, for who knows none.
fn parse_tokens(
    source: &Source<'_>,
    tokens: Vec<TokenWithSpan>,
) -> Result<(Statement, Option<Error>)> {
    check_chains(&tokens)?;
    let (tokens, stream) = Stream::take(source, tokens)?;
    let dialect = LakeportDialect::new(tokens.len());
    let mut parser = StatementParser::new(source, &dialect, tokens, stream);
    let parsed = parser.statement().and_then(|statement| parser.finish().map(|()| statement));
    let statement = parser.settle(parsed)?;
    // A streaming table has taken its stream.
    if parser.stream.is_some() {
        return Err(Error::unsupported("STREAM outside CREATE STREAMING TABLE"));
    }
    Ok((statement, parser.elsewhere.take()))
}

/// Why a part could not be parsed: sqlparser's words are translated once, by
/// [`StatementParser::settle`], where all tokens are at hand.
pub(super) enum Failure {
    Parser(ParserError),
    Error(Error),
}

impl From<ParserError> for Failure {
    fn from(error: ParserError) -> Self {
        Self::Parser(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(super) type Parsed<T> = Result<T, Failure>;

/// One statement's tokens, read from the left.
pub(super) struct StatementParser<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) parser: Parser<'a>,
    tokens: Vec<TokenWithSpan>,
    pub(super) stream: Option<Stream>,
    /// The first name that has a database.
    elsewhere: Option<Error>,
}

impl<'a> StatementParser<'a> {
    pub(super) fn new(
        source: &'a Source<'a>,
        dialect: &'a LakeportDialect,
        tokens: Vec<TokenWithSpan>,
        stream: Option<Stream>,
    ) -> Self {
        let tokens = source::postgres_tokens(tokens);
        let parser = Parser::new(dialect)
            .with_tokens_with_locations(tokens.clone())
            .with_recursion_limit(DEPTH_MAX);
        Self { source, parser, tokens, stream, elsewhere: None }
    }

    pub(super) fn settle<T>(&self, parsed: Parsed<T>) -> Result<T> {
        parsed.map_err(|failure| match failure {
            Failure::Error(error) => error,
            Failure::Parser(error) => {
                self.source.parser_error(&error, &self.tokens, self.parser.peek_token_ref())
            }
        })
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let Token::Word(word) = &self.parser.peek_token_ref().token else {
            return if self.starts_query() { self.query_statement() } else { self.unexpected() };
        };
        if word.quote_style.is_some() {
            return self.unexpected();
        }
        match word.value.to_ascii_uppercase().as_str() {
            "SELECT" | "WITH" | "VALUES" | "TABLE" => self.query_statement(),
            "EXPLAIN" => self.explain(),
            "CREATE" => self.create(),
            "DROP" => self.drop_object(),
            "ALTER" => self.alter(),
            "COMMENT" => self.comment_on(),
            "TRUNCATE" => self.truncate(),
            "GRANT" | "REVOKE" => self.grant_or_revoke(),
            "INSERT" => self.insert(),
            "DELETE" => self.delete(),
            "UPDATE" => self.update(),
            "REFRESH" => self.refresh(),
            "VERIFY" => self.verify(),
            "OPTIMIZE" => self.optimize(),
            "VACUUM" => self.vacuum(),
            "DESCRIBE" | "DESC" => self.describe(),
            "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" => self.transaction(),
            "SET" => self.set(),
            "SHOW" => self.show(),
            "RESET" => self.reset(),
            "DISCARD" => self.discard(),
            "SAVEPOINT" | "RELEASE" => self.savepoint(),
            "PREPARE" => self.prepare(),
            "EXECUTE" => self.execute(),
            "DEALLOCATE" => self.deallocate(),
            "DECLARE" => self.declare(),
            "FETCH" | "MOVE" => self.fetch(),
            "CLOSE" => self.close(),
            "COPY" => self.copy(),
            "LISTEN" | "UNLISTEN" | "NOTIFY" => self.notification(),
            "LOCK" => self.lock(),
            "DO" => self.anonymous_block(),
            _ => self.unsupported_statement(),
        }
    }

    fn query_statement(&mut self) -> Parsed<Statement> {
        Ok(Statement::Query(Box::new(self.query()?)))
    }

    /// A query, from here to where it ends.
    pub(super) fn query(&mut self) -> Parsed<Query> {
        if !self.starts_query() {
            return self.unexpected();
        }
        // One row without columns.
        if self.at("SELECT") && self.parser.peek_nth_token_ref(1).token == Token::EOF {
            self.parser.advance_token();
            return Ok(Query::parse("SELECT FROM (VALUES (1)) AS one (a)")?);
        }
        let start = self.parser.peek_token_ref().span.start;
        let mut tree = self.parser.parse_query()?;
        let text = self.text_since(start);
        // Before rewriting, which may put other functions in their place.
        let (names, types) = (columns::of_query(&tree), written::of_query(&tree));
        let stream = self.stream.is_some() || text.contains(STREAM_RELATION);
        let references = rewrite::rewrite(&mut tree, self.source, stream)?;
        Ok(Query::new(tree, references, names, types, self.with_stream_relation(start, text)))
    }

    pub(super) fn starts_query(&self) -> bool {
        let token = &self.parser.peek_token_ref().token;
        *token == Token::LParen
            || ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|word| is_word(token, word))
    }

    /// The text from `start` to the end of the last token read.
    pub(super) fn text_since(&self, start: Location) -> &'a str {
        let mut index = self.parser.get_current_index();
        while index > 0 && !significant(self.parser.token_at(index)) {
            index -= 1;
        }
        self.source.slice(start, self.parser.token_at(index).span.end)
    }

    // Statements Postgres or the dialect knows and this server does not: named, so that a client sees
    // what is missing rather than a syntax error it cannot find.
    fn unsupported_statement<T>(&mut self) -> Parsed<T> {
        const ONE: &[&str] =
            &["ANALYZE", "CALL", "CHECKPOINT", "CLUSTER", "LOAD", "MERGE", "REINDEX", "RESTORE"];
        const TWO: &[&str] = &["IMPORT", "REASSIGN", "REPLAY", "SECURITY"];
        let known = |words: &[&str], parser: &Self| words.iter().any(|word| parser.at(word));
        if known(TWO, self) {
            return unsupported(self.first_words(2));
        }
        if known(ONE, self) {
            return unsupported(self.first_words(1));
        }
        self.unexpected()
    }

    /// The next words as they would be named in a message.
    pub(super) fn first_words(&self, count: usize) -> String {
        let words = (0..count).filter_map(|n| match &self.parser.peek_nth_token_ref(n).token {
            Token::Word(word) => Some(word.value.to_uppercase()),
            _ => None,
        });
        words.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn finish(&mut self) -> Parsed<()> {
        if self.parser.peek_token_ref().token == Token::EOF { Ok(()) } else { self.unexpected() }
    }

    /// `syntax error at or near` the next token.
    pub(super) fn unexpected<T>(&self) -> Parsed<T> {
        Err(Failure::Error(self.source.syntax_error(self.parser.peek_token_ref())))
    }

    /// Whether the next tokens are these words, separated by blanks.
    pub(super) fn at(&self, words: &str) -> bool {
        let mut words = words.split(' ').enumerate();
        words.all(|(n, word)| is_word(&self.parser.peek_nth_token_ref(n).token, word))
    }

    pub(super) fn accept(&mut self, words: &str) -> bool {
        let found = self.at(words);
        if found {
            words.split(' ').for_each(|_| self.parser.advance_token());
        }
        found
    }

    pub(super) fn require(&mut self, words: &str) -> Parsed<()> {
        for word in words.split(' ') {
            if !self.accept(word) {
                return self.unexpected();
            }
        }
        Ok(())
    }

    /// A name: quoted as it is, else in lower case.
    pub(super) fn identifier(&mut self) -> Parsed<String> {
        let Token::Word(word) = &self.parser.peek_token_ref().token else {
            return self.unexpected();
        };
        let name = match word.quote_style {
            Some(_) => word.value.clone(),
            None => word.value.to_ascii_lowercase(),
        };
        self.parser.advance_token();
        Ok(name)
    }

    pub(super) fn object_name(&mut self) -> Parsed<ObjectName> {
        let position = self.source.position(self.parser.peek_token_ref().span.start);
        let mut parts = vec![self.identifier()?];
        while self.parser.consume_token(&Token::Period) {
            parts.push(self.identifier()?);
        }
        let name = parts.pop().unwrap_or_default();
        let schema = parts.pop();
        let database = parts.pop();
        if !parts.is_empty() {
            let message = "improper qualified name (too many dotted names)";
            return Err(Error::new(ErrorKind::SyntaxError, message).at(position).into());
        }
        let name = ObjectName { database, schema, name, position: Some(position) };
        if self.elsewhere.is_none() {
            self.elsewhere = name.elsewhere();
        }
        Ok(name)
    }

    pub(super) fn string(&mut self) -> Parsed<String> {
        match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
                let text = text.clone();
                self.parser.advance_token();
                Ok(text)
            }
            Token::DollarQuotedString(text) => {
                let text = text.value.clone();
                self.parser.advance_token();
                Ok(text)
            }
            _ => self.unexpected(),
        }
    }

    pub(super) fn comma_separated<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.parser.consume_token(&Token::Comma) {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// `(a, b)`.
    pub(super) fn column_names(&mut self) -> Parsed<Vec<String>> {
        self.parser.expect_token(&Token::LParen)?;
        let names = self.comma_separated(Self::identifier)?;
        self.parser.expect_token(&Token::RParen)?;
        Ok(names)
    }
}

/// A 0A000 that names what is missing.
pub(super) fn unsupported<T>(what: impl std::fmt::Display) -> Parsed<T> {
    Err(Failure::Error(Error::unsupported(what)))
}
