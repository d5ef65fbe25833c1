//! Savepoints, prepared statements, cursors, notifications, LOCK.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::control::{Declare, Direction, Execute, Fetch, Prepare};
use super::parser::{Parsed, StatementParser, parse_query, unsupported};
use super::statement::Statement;

impl StatementParser<'_> {
    pub(super) fn savepoint(&mut self) -> Parsed<Statement> {
        if self.accept("SAVEPOINT") {
            return Ok(Statement::Savepoint(self.identifier()?));
        }
        self.require("RELEASE")?;
        self.accept("SAVEPOINT");
        Ok(Statement::Release(self.identifier()?))
    }

    /// `PREPARE name [(types)] AS statement`.
    pub(super) fn prepare(&mut self) -> Parsed<Statement> {
        self.require("PREPARE")?;
        if self.at("TRANSACTION") {
            return unsupported("a prepared transaction");
        }
        let name = self.identifier()?;
        let mut types = Vec::new();
        if self.parser.consume_token(&Token::LParen) {
            types = self.comma_separated(|parser| {
                let start = parser.parser.peek_token_ref().span.start;
                parser.parser.parse_data_type()?;
                Ok(parser.text_since(start).to_owned())
            })?;
            self.parser.expect_token(&Token::RParen)?;
        }
        self.require("AS")?;
        let start = self.parser.peek_token_ref().span.start;
        let preparable = ["INSERT", "UPDATE", "DELETE", "MERGE"];
        if !self.starts_query() && !preparable.iter().any(|word| self.at(word)) {
            return self.unexpected();
        }
        while self.parser.peek_token_ref().token != Token::EOF {
            self.parser.advance_token();
        }
        let offset = self.source.position(start) - 1;
        let text = self.text_since(start).to_owned();
        Ok(Statement::Prepare(Box::new(Prepare { name, types, text, offset })))
    }

    pub(super) fn execute(&mut self) -> Parsed<Statement> {
        Ok(Statement::Execute(Box::new(self.execute_of()?)))
    }

    /// `EXECUTE name [(arguments)]`.
    pub(super) fn execute_of(&mut self) -> Parsed<Execute> {
        self.require("EXECUTE")?;
        let name = self.identifier()?;
        let mut arguments = None;
        if self.parser.consume_token(&Token::LParen) {
            let start = self.parser.peek_token_ref().span.start;
            self.comma_separated(|parser| Ok(parser.parser.parse_expr()?))?;
            let text = self.text_since(start).to_owned();
            self.parser.expect_token(&Token::RParen)?;
            arguments = Some(Box::new(parse_query(&format!("SELECT {text}"))?));
        }
        Ok(Execute { name, arguments })
    }

    pub(super) fn declare(&mut self) -> Parsed<Statement> {
        self.require("DECLARE")?;
        let name = self.identifier()?;
        let (mut binary, mut scroll) = (false, None);
        loop {
            if self.accept("BINARY") {
                binary = true;
            } else if self.accept("NO SCROLL") {
                scroll = Some(false);
            } else if self.accept("SCROLL") {
                scroll = Some(true);
            } else if !self.accept("INSENSITIVE") && !self.accept("ASENSITIVE") {
                break;
            }
        }
        self.require("CURSOR")?;
        let hold = self.accept("WITH HOLD");
        if !hold {
            self.accept("WITHOUT HOLD");
        }
        self.require("FOR")?;
        let query = Box::new(self.query()?);
        Ok(Statement::Declare(Box::new(Declare { name, binary, scroll, hold, query })))
    }

    pub(super) fn fetch(&mut self) -> Parsed<Statement> {
        let moving = self.accept("MOVE");
        if !moving {
            self.require("FETCH")?;
        }
        let direction = self.direction()?;
        if !self.accept("FROM") {
            self.accept("IN");
        }
        let name = self.identifier()?;
        Ok(Statement::Fetch(Fetch { name, direction, moving }))
    }

    fn direction(&mut self) -> Parsed<Direction> {
        for (words, direction) in [
            ("NEXT", Direction::Forward(1)),
            ("PRIOR", Direction::Forward(-1)),
            ("FIRST", Direction::Absolute(1)),
            ("LAST", Direction::Absolute(-1)),
        ] {
            if self.direction_word(words) {
                return Ok(direction);
            }
        }
        if self.direction_word("ABSOLUTE") {
            return Ok(Direction::Absolute(self.signed()?));
        }
        if self.direction_word("RELATIVE") {
            return Ok(Direction::Relative(self.signed()?));
        }
        if self.direction_word("ALL") {
            return Ok(Direction::Forward(Direction::ALL));
        }
        for (word, sign) in [("FORWARD", 1), ("BACKWARD", -1)] {
            if self.direction_word(word) {
                let count = if self.accept("ALL") {
                    Direction::ALL
                } else if self.starts_number() {
                    self.signed()?
                } else {
                    1
                };
                return Ok(Direction::Forward(sign * count));
            }
        }
        if self.starts_number() {
            return Ok(Direction::Forward(self.signed()?));
        }
        Ok(Direction::Forward(1))
    }

    /// A word of the direction; alone at the end, the same word is a cursor's name.
    fn direction_word(&mut self, word: &str) -> bool {
        self.parser.peek_nth_token_ref(1).token != Token::EOF && self.accept(word)
    }

    fn starts_number(&self) -> bool {
        matches!(self.parser.peek_token_ref().token, Token::Number(..) | Token::Minus | Token::Plus)
    }

    fn signed(&mut self) -> Parsed<i64> {
        let negative = self.parser.consume_token(&Token::Minus);
        if !negative {
            let _ = self.parser.consume_token(&Token::Plus);
        }
        let Token::Number(number, _) = &self.parser.peek_token_ref().token else {
            return self.unexpected();
        };
        let Ok(number) = number.parse::<i32>().map(i64::from) else {
            return self.unexpected();
        };
        self.parser.advance_token();
        Ok(if negative { -number } else { number })
    }

    pub(super) fn close(&mut self) -> Parsed<Statement> {
        self.require("CLOSE")?;
        if self.accept("ALL") {
            return Ok(Statement::Close { name: None });
        }
        Ok(Statement::Close { name: Some(self.identifier()?) })
    }

    pub(super) fn notification(&mut self) -> Parsed<Statement> {
        if self.accept("LISTEN") {
            return Ok(Statement::Listen { channel: self.identifier()? });
        }
        if self.accept("UNLISTEN") {
            if self.parser.consume_token(&Token::Mul) {
                return Ok(Statement::Unlisten { channel: None });
            }
            return Ok(Statement::Unlisten { channel: Some(self.identifier()?) });
        }
        self.require("NOTIFY")?;
        let channel = self.identifier()?;
        let payload =
            if self.parser.consume_token(&Token::Comma) { self.string()? } else { String::new() };
        Ok(Statement::Notify { channel, payload })
    }

    pub(super) fn lock(&mut self) -> Parsed<Statement> {
        self.require("LOCK")?;
        self.accept("TABLE");
        self.accept("ONLY");
        let names = self.comma_separated(Self::object_name)?;
        if self.accept("IN") {
            while !self.at("MODE") {
                self.identifier()?;
            }
            self.require("MODE")?;
        }
        self.accept("NOWAIT");
        Ok(Statement::Lock { names })
    }
}
