//! CREATE FUNCTION: an expression with a name, and parameters that stand in it.

use datafusion::sql::sqlparser::tokenizer::Token;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

use super::dialect::LakeportDialect;
use super::object_name::ObjectName;
use super::parser::{Parsed, StatementParser, unsupported};
use super::source::{self, Source, is_word};
use super::statement::Statement;

/// `CREATE FUNCTION name(parameters) RETURNS type RETURN expression`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFunction {
    /// The new function.
    pub name: ObjectName,
    /// OR REPLACE.
    pub or_replace: bool,
    /// In order.
    pub parameters: Vec<Parameter>,
    /// The type of the result.
    pub returns: String,
    /// The expression over the parameters.
    pub body: String,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type, as written.
    pub sql_type: String,
    /// DEFAULT, as written.
    pub default: Option<String>,
}

impl StatementParser<'_> {
    /// What follows CREATE [OR REPLACE] FUNCTION.
    pub(super) fn function(&mut self, or_replace: bool) -> Parsed<Statement> {
        if self.at("IF NOT EXISTS") {
            return unsupported("CREATE FUNCTION IF NOT EXISTS");
        }
        let name = self.object_name()?;
        self.parser.expect_token(&Token::LParen)?;
        let empty = self.parser.peek_token_ref().token == Token::RParen;
        let parameters = if empty { Vec::new() } else { self.comma_separated(Self::parameter)? };
        self.parser.expect_token(&Token::RParen)?;
        for (at, parameter) in parameters.iter().enumerate() {
            if parameters[..at].iter().any(|other| other.name == parameter.name) {
                let message = format!("parameter name \"{}\" used more than once", parameter.name);
                return Err(Error::new(ErrorKind::InvalidObjectDefinition, message).into());
            }
        }
        self.require("RETURNS")?;
        if self.at("TABLE") || self.at("SETOF") {
            return unsupported(format!("RETURNS {}", self.first_words(1)));
        }
        let returns = self.type_text()?;
        let (mut comment, mut body) = (None, None);
        while body.is_none() {
            if self.accept("LANGUAGE") {
                let language = self.identifier()?;
                if language != "sql" {
                    return unsupported(format!("LANGUAGE {language}"));
                }
            } else if self.accept("COMMENT") {
                comment = Some(self.string()?);
            } else if self.accept("PARALLEL") {
                self.identifier()?;
            } else if self.accept("RETURN") {
                body = Some(self.expression_text()?);
            } else if self.accept("AS") {
                let text = self.string()?;
                body = Some(selected(&text)?);
            } else if self.at("STRICT") || self.at("RETURNS NULL") || self.at("SECURITY") {
                return unsupported(format!("{} of a function", self.first_words(1)));
            } else if !["IMMUTABLE", "STABLE", "VOLATILE", "LEAKPROOF", "CALLED ON NULL INPUT"]
                .into_iter()
                .any(|words| self.accept(words))
            {
                return self.unexpected();
            }
        }
        // What may stand before the body may follow it.
        while ["IMMUTABLE", "STABLE", "VOLATILE", "LANGUAGE SQL"]
            .into_iter()
            .any(|w| self.accept(w))
        {}
        let body = body.unwrap_or_default();
        refuse_queries(&body)?;
        let create = CreateFunction { name, or_replace, parameters, returns, body, comment };
        Ok(Statement::CreateFunction(Box::new(create)))
    }

    fn parameter(&mut self) -> Parsed<Parameter> {
        for mode in ["OUT", "INOUT", "VARIADIC"] {
            if self.at(mode) {
                return unsupported(format!("a parameter of mode {mode}"));
            }
        }
        self.accept("IN");
        let name = self.identifier()?;
        let sql_type = self.type_text()?;
        let assigned = self.parser.consume_token(&Token::Eq) || self.accept("DEFAULT");
        let default = if assigned { Some(self.expression_text()?) } else { None };
        Ok(Parameter { name, sql_type, default })
    }

    /// A function's name; the types of its parameters, where written, are passed over: a name has one.
    pub(super) fn function_name(&mut self) -> Parsed<ObjectName> {
        let name = self.object_name()?;
        if self.parser.consume_token(&Token::LParen) {
            if self.parser.peek_token_ref().token != Token::RParen {
                self.comma_separated(Self::type_text)?;
            }
            self.parser.expect_token(&Token::RParen)?;
        }
        Ok(name)
    }

    fn type_text(&mut self) -> Parsed<String> {
        let start = self.parser.peek_token_ref().span.start;
        self.parser.parse_data_type()?;
        Ok(self.text_since(start).to_ascii_lowercase())
    }

    fn expression_text(&mut self) -> Parsed<String> {
        let start = self.parser.peek_token_ref().span.start;
        self.parser.parse_expr()?;
        Ok(self.text_since(start).to_owned())
    }
}

/// The expression of a body `SELECT expression`.
fn selected(text: &str) -> Parsed<String> {
    let source = Source::new(text);
    let tokens = source::statements(source.tokens()?).into_iter().next().unwrap_or_default();
    let dialect = LakeportDialect::new(tokens.len());
    let mut parser = StatementParser::new(&source, &dialect, tokens, None);
    let parsed = parser.selected().and_then(|found| parser.finish().map(|()| found));
    // Its positions mean nothing in the statement.
    let settled = parser.settle(parsed).map_err(|error| {
        Error::new(error.kind(), error.message().to_owned()).hint(
            "A function's body is one expression: RETURN expression, or AS 'SELECT expression'.",
        )
    });
    Ok(settled?)
}

impl StatementParser<'_> {
    fn selected(&mut self) -> Parsed<String> {
        self.require("SELECT")?;
        self.expression_text()
    }
}

/// A function is an expression over its parameters and nothing else.
fn refuse_queries(body: &str) -> Parsed<()> {
    let tokens = Source::new(body).tokens()?;
    if tokens.iter().any(|token| is_word(&token.token, "SELECT")) {
        return unsupported("a query inside a function");
    }
    Ok(())
}
