//! COPY, in today's spelling and in those of older clients.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind};

use super::control::{Copied, Copy, CopyValue};
use super::parser::{Parsed, StatementParser, unsupported};
use super::statement::Statement;

impl StatementParser<'_> {
    pub(super) fn copy(&mut self) -> Parsed<Statement> {
        self.require("COPY")?;
        let mut options = Vec::new();
        // Before 7.3 the format came first.
        if self.accept("BINARY") {
            options.push(("format".to_owned(), CopyValue::Text("binary".to_owned())));
        }
        let what = if self.parser.peek_token_ref().token == Token::LParen {
            self.parser.advance_token();
            if !self.starts_query() {
                return unsupported(format!("COPY of {}", self.first_words(1)));
            }
            let query = Box::new(self.query()?);
            self.parser.expect_token(&Token::RParen)?;
            Copied::Query(query)
        } else {
            let name = self.object_name()?;
            let listed = self.parser.peek_token_ref().token == Token::LParen;
            let columns = if listed { self.column_names()? } else { Vec::new() };
            Copied::Table { name, columns }
        };
        let from = self.accept("FROM");
        if !from {
            self.require("TO")?;
        }
        if from && matches!(what, Copied::Query(_)) {
            return self.unexpected();
        }
        self.copy_place(from)?;
        if self.accept("USING") {
            self.require("DELIMITERS")?;
            options.push(("delimiter".to_owned(), CopyValue::Text(self.string()?)));
        }
        self.accept("WITH");
        if self.parser.consume_token(&Token::LParen) {
            options.extend(self.comma_separated(Self::copy_option)?);
            self.parser.expect_token(&Token::RParen)?;
        } else {
            while let Some(option) = self.legacy_copy_option()? {
                options.push(option);
            }
        }
        if self.at("WHERE") {
            return unsupported("COPY FROM ... WHERE");
        }
        Ok(Statement::Copy(Box::new(Copy { what, from, options })))
    }

    /// STDIN or STDOUT: the server's own files are nobody's to read or write.
    fn copy_place(&mut self, from: bool) -> Parsed<()> {
        if self.accept("STDIN") || self.accept("STDOUT") {
            return Ok(());
        }
        let program = self.accept("PROGRAM");
        self.string()?;
        let what = if program { "to or from an external program" } else { "a file" };
        let verb = match (program, from) {
            (true, _) => "COPY",
            (false, true) => "COPY from",
            (false, false) => "COPY to",
        };
        Err(Error::new(
            ErrorKind::InsufficientPrivilege,
            format!("permission denied to {verb} {what}"),
        )
        .hint(
            "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.",
        )
        .into())
    }

    fn copy_option(&mut self) -> Parsed<(String, CopyValue)> {
        let name = self.identifier()?;
        let value = match &self.parser.peek_token_ref().token {
            Token::Comma | Token::RParen => CopyValue::None,
            Token::Mul => {
                self.parser.advance_token();
                CopyValue::All
            }
            Token::LParen => CopyValue::Columns(self.column_names()?),
            Token::Number(number, _) => {
                let number = number.clone();
                self.parser.advance_token();
                CopyValue::Text(number)
            }
            Token::Word(_) => CopyValue::Text(self.identifier()?),
            _ => CopyValue::Text(self.string()?),
        };
        Ok((name, value))
    }

    /// Options as they were written before 9.0: no brackets, no commas.
    fn legacy_copy_option(&mut self) -> Parsed<Option<(String, CopyValue)>> {
        let text = |value: &str| CopyValue::Text(value.to_owned());
        for (word, name, value) in [
            ("BINARY", "format", text("binary")),
            ("CSV", "format", text("csv")),
            ("FREEZE", "freeze", CopyValue::None),
            ("HEADER", "header", CopyValue::None),
        ] {
            if self.accept(word) {
                return Ok(Some((name.to_owned(), value)));
            }
        }
        for word in ["DELIMITER", "NULL", "QUOTE", "ESCAPE", "ENCODING"] {
            if self.accept(word) {
                self.accept("AS");
                return Ok(Some((word.to_lowercase(), CopyValue::Text(self.string()?))));
            }
        }
        for (words, name) in [
            ("FORCE QUOTE", "force_quote"),
            ("FORCE NOT NULL", "force_not_null"),
            ("FORCE NULL", "force_null"),
        ] {
            if self.accept(words) {
                if self.parser.consume_token(&Token::Mul) {
                    return Ok(Some((name.to_owned(), CopyValue::All)));
                }
                let columns = self.comma_separated(Self::identifier)?;
                return Ok(Some((name.to_owned(), CopyValue::Columns(columns))));
            }
        }
        Ok(None)
    }
}
