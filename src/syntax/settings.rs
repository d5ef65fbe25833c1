//! Transactions and settings.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::control::{Discard, Isolation, SetValue, TransactionModes};
use super::parser::{Parsed, StatementParser, unsupported};
use super::statement::Statement;

impl StatementParser<'_> {
    pub(super) fn transaction(&mut self) -> Parsed<Statement> {
        if self.accept("START TRANSACTION") {
            return Ok(Statement::Start(self.transaction_modes()?));
        }
        if self.accept("BEGIN") {
            self.work();
            return Ok(Statement::Begin(self.transaction_modes()?));
        }
        if self.at("COMMIT PREPARED") || self.at("ROLLBACK PREPARED") {
            return unsupported("a prepared transaction");
        }
        let commit = self.accept("COMMIT") || self.accept("END");
        if !commit && !self.accept("ROLLBACK") && !self.accept("ABORT") {
            self.parser.advance_token();
            return self.unexpected();
        }
        self.work();
        if !commit && self.accept("TO") {
            self.accept("SAVEPOINT");
            return Ok(Statement::RollbackTo(self.identifier()?));
        }
        let chain = self.accept("AND CHAIN");
        if !chain {
            self.accept("AND NO CHAIN");
        }
        Ok(if commit { Statement::Commit { chain } } else { Statement::Rollback { chain } })
    }

    fn work(&mut self) {
        if !self.accept("WORK") {
            self.accept("TRANSACTION");
        }
    }

    fn transaction_modes(&mut self) -> Parsed<TransactionModes> {
        let mut modes = TransactionModes::default();
        loop {
            if self.accept("ISOLATION LEVEL") {
                modes.isolation = Some(self.isolation_level()?);
            } else if self.accept("READ ONLY") {
                modes.read_only = Some(true);
            } else if self.accept("READ WRITE") {
                modes.read_only = Some(false);
            } else if self.accept("NOT DEFERRABLE") {
                modes.deferrable = Some(false);
            } else if self.accept("DEFERRABLE") {
                modes.deferrable = Some(true);
            } else {
                return Ok(modes);
            }
            if self.parser.consume_token(&Token::Comma) && self.at_end() {
                return self.unexpected();
            }
        }
    }

    fn isolation_level(&mut self) -> Parsed<Isolation> {
        for level in [
            Isolation::ReadUncommitted,
            Isolation::ReadCommitted,
            Isolation::RepeatableRead,
            Isolation::Serializable,
        ] {
            if self.accept(&level.text().to_uppercase()) {
                return Ok(level);
            }
        }
        self.unexpected()
    }

    fn at_end(&self) -> bool {
        self.parser.peek_token_ref().token == Token::EOF
    }

    pub(super) fn set(&mut self) -> Parsed<Statement> {
        self.require("SET")?;
        if self.accept("SESSION CHARACTERISTICS AS TRANSACTION") {
            let modes = self.transaction_modes()?;
            return Ok(Statement::SetTransaction { session: true, modes });
        }
        if self.at("TRANSACTION SNAPSHOT") {
            return unsupported("SET TRANSACTION SNAPSHOT");
        }
        if self.accept("TRANSACTION") {
            let modes = self.transaction_modes()?;
            return Ok(Statement::SetTransaction { session: false, modes });
        }
        if self.at("CONSTRAINTS") {
            return unsupported("SET CONSTRAINTS");
        }
        let local = self.accept("LOCAL");
        // `SET SESSION AUTHORIZATION` is a setting of its own; otherwise SESSION is the default scope.
        if !local && !self.at("SESSION AUTHORIZATION") {
            self.accept("SESSION");
        }
        let (name, value) = self.assignment()?;
        Ok(Statement::Set { name, value, local })
    }

    fn assignment(&mut self) -> Parsed<(String, SetValue)> {
        if self.accept("TIME ZONE") {
            if self.accept("LOCAL") {
                return Ok(("timezone".to_owned(), SetValue::Default));
            }
            if self.at("INTERVAL") {
                return unsupported("SET TIME ZONE INTERVAL");
            }
            return Ok(("timezone".to_owned(), self.values()?));
        }
        for (words, name) in [
            ("NAMES", "client_encoding"),
            ("SCHEMA", "search_path"),
            ("ROLE", "role"),
            ("SESSION AUTHORIZATION", "session_authorization"),
        ] {
            if self.accept(words) {
                return Ok((name.to_owned(), self.values()?));
            }
        }
        let name = self.setting_name()?;
        if !self.parser.consume_token(&Token::Eq) {
            self.require("TO")?;
        }
        Ok((name, self.values()?))
    }

    fn values(&mut self) -> Parsed<SetValue> {
        if self.accept("DEFAULT") {
            return Ok(SetValue::Default);
        }
        Ok(SetValue::Values(self.comma_separated(Self::value)?))
    }

    fn value(&mut self) -> Parsed<String> {
        let sign = if self.parser.consume_token(&Token::Minus) {
            "-"
        } else {
            let _ = self.parser.consume_token(&Token::Plus);
            ""
        };
        if let Token::Number(number, _) = &self.parser.peek_token_ref().token {
            let number = format!("{sign}{number}");
            self.parser.advance_token();
            return Ok(number);
        }
        if !sign.is_empty() {
            return self.unexpected();
        }
        if matches!(self.parser.peek_token_ref().token, Token::Word(_)) {
            return self.identifier();
        }
        self.string()
    }

    /// A setting's name in lower case, dots included.
    fn setting_name(&mut self) -> Parsed<String> {
        let mut name = self.identifier()?;
        while self.parser.consume_token(&Token::Period) {
            name.push('.');
            name.push_str(&self.identifier()?);
        }
        Ok(name.to_lowercase())
    }

    fn shown_name(&mut self) -> Parsed<String> {
        for (words, name) in [
            ("TIME ZONE", "timezone"),
            ("TRANSACTION ISOLATION LEVEL", "transaction_isolation"),
            ("SESSION AUTHORIZATION", "session_authorization"),
        ] {
            if self.accept(words) {
                return Ok(name.to_owned());
            }
        }
        self.setting_name()
    }

    pub(super) fn show(&mut self) -> Parsed<Statement> {
        self.require("SHOW")?;
        Ok(Statement::Show { name: self.shown_name()? })
    }

    pub(super) fn reset(&mut self) -> Parsed<Statement> {
        self.require("RESET")?;
        if self.accept("ALL") {
            return Ok(Statement::Reset { name: None });
        }
        Ok(Statement::Reset { name: Some(self.shown_name()?) })
    }

    pub(super) fn discard(&mut self) -> Parsed<Statement> {
        self.require("DISCARD")?;
        for (word, what) in [
            ("ALL", Discard::All),
            ("PLANS", Discard::Plans),
            ("SEQUENCES", Discard::Sequences),
            ("TEMP", Discard::Temporary),
            ("TEMPORARY", Discard::Temporary),
        ] {
            if self.accept(word) {
                return Ok(Statement::Discard(what));
            }
        }
        self.unexpected()
    }

    pub(super) fn deallocate(&mut self) -> Parsed<Statement> {
        self.require("DEALLOCATE")?;
        self.accept("PREPARE");
        if self.accept("ALL") {
            return Ok(Statement::Deallocate { name: None });
        }
        Ok(Statement::Deallocate { name: Some(self.identifier()?) })
    }
}
