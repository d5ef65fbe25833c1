//! OPTIMIZE, VACUUM, DESCRIBE HISTORY: Databricks' words for looking after a table.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::parser::{Parsed, StatementParser, unsupported};
use super::statement::{Statement, Vacuum};

impl StatementParser<'_> {
    pub(super) fn optimize(&mut self) -> Parsed<Statement> {
        self.require("OPTIMIZE")?;
        let name = self.object_name()?;
        for clause in ["WHERE", "ZORDER", "FULL"] {
            if self.at(clause) {
                return unsupported(format!("OPTIMIZE ... {clause}"));
            }
        }
        Ok(Statement::Optimize { name })
    }

    pub(super) fn vacuum(&mut self) -> Parsed<Statement> {
        self.require("VACUUM")?;
        for option in ["FULL", "FREEZE", "VERBOSE", "ANALYZE"] {
            if self.at(option) {
                return unsupported(format!("VACUUM {option}"));
            }
        }
        if matches!(self.parser.peek_token_ref().token, Token::EOF | Token::LParen) {
            return unsupported("VACUUM without the name of a table");
        }
        let name = self.object_name()?;
        for option in ["LITE", "FULL", "USING"] {
            if self.at(option) {
                return unsupported(format!("VACUUM ... {option}"));
            }
        }
        let mut retain_hours = None;
        if self.accept("RETAIN") {
            retain_hours = Some(self.whole_number()?);
            self.require("HOURS")?;
        }
        let dry_run = self.accept("DRY RUN");
        Ok(Statement::Vacuum(Vacuum { name, retain_hours, dry_run }))
    }

    pub(super) fn describe(&mut self) -> Parsed<Statement> {
        if !self.accept("DESCRIBE") {
            self.require("DESC")?;
        }
        if !self.at("HISTORY") || self.ends_after_word() {
            return unsupported("DESCRIBE other than DESCRIBE HISTORY");
        }
        self.require("HISTORY")?;
        let name = self.object_name()?;
        let limit = if self.accept("LIMIT") { Some(self.whole_number()?) } else { None };
        Ok(Statement::DescribeHistory { name, limit })
    }

    /// The next word is the last one: a table called `history`, for example.
    fn ends_after_word(&self) -> bool {
        self.parser.peek_nth_token_ref(1).token == Token::EOF
    }

    fn whole_number(&mut self) -> Parsed<u64> {
        let Token::Number(text, _) = &self.parser.peek_token_ref().token else {
            return self.unexpected();
        };
        let Ok(number) = text.parse() else { return self.unexpected() };
        self.parser.advance_token();
        Ok(number)
    }
}
