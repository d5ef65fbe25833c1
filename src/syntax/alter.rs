//! ALTER, COMMENT ON, TRUNCATE and CREATE INDEX: what changes something that is there.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind};

use super::clauses::ColumnTypes;
use super::object_name::ObjectName;
use super::parser::{Parsed, StatementParser, unsupported};
use super::statement::{ColumnDefinition, DropKind, Statement};

/// `ALTER TABLE | VIEW [IF EXISTS] name action, ...`.
#[derive(Debug, Clone)]
pub struct Alter {
    /// What was said to be altered.
    pub kind: DropKind,
    /// Which.
    pub name: ObjectName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What becomes of it, in order.
    pub actions: Vec<AlterAction>,
}

/// One change of a relation.
#[derive(Debug, Clone)]
pub enum AlterAction {
    /// RENAME TO.
    Rename(String),
    /// SET SCHEMA.
    SetSchema(String),
    /// OWNER TO; none is whoever asks.
    Owner(Option<String>),
    /// ADD COLUMN.
    AddColumn {
        /// The column; never NOT NULL.
        column: ColumnDefinition,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// DROP COLUMN.
    DropColumn {
        /// Which.
        name: String,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// RENAME COLUMN.
    RenameColumn {
        /// As it is called.
        from: String,
        /// As it will be.
        to: String,
    },
    /// ALTER COLUMN ... TYPE.
    SetType {
        /// Which.
        column: String,
        /// The type as Postgres spells it.
        sql_type: String,
    },
}

/// What COMMENT ON is about.
#[derive(Debug, Clone)]
pub enum Commented {
    /// A table or view of this kind.
    Relation(DropKind, ObjectName),
    /// A relation's column.
    Column(ObjectName, String),
}

impl StatementParser<'_> {
    pub(super) fn alter(&mut self) -> Parsed<Statement> {
        let kinds = [
            ("ALTER TABLE", DropKind::Table),
            ("ALTER VIEW", DropKind::View),
            ("ALTER MATERIALIZED VIEW", DropKind::MaterializedView),
        ];
        let Some((_, kind)) = kinds.into_iter().find(|(words, _)| self.accept(words)) else {
            return unsupported(self.first_words(2));
        };
        let if_exists = self.accept("IF EXISTS");
        self.accept("ONLY");
        let name = self.object_name()?;
        let _ = self.parser.consume_token(&Token::Mul);
        let actions = self.comma_separated(Self::alter_action)?;
        let whole = |action: &AlterAction| {
            matches!(action, AlterAction::Rename(_) | AlterAction::SetSchema(_))
        };
        if actions.len() > 1 && actions.iter().any(whole) {
            return self.unexpected();
        }
        Ok(Statement::Alter(Box::new(Alter { kind, name, if_exists, actions })))
    }

    fn alter_action(&mut self) -> Parsed<AlterAction> {
        if self.accept("RENAME TO") {
            return Ok(AlterAction::Rename(self.identifier()?));
        }
        if self.accept("SET SCHEMA") {
            return Ok(AlterAction::SetSchema(self.identifier()?));
        }
        if self.accept("OWNER TO") {
            let own = self.accept("CURRENT_USER") || self.accept("CURRENT_ROLE");
            let own = own || self.accept("SESSION_USER");
            return Ok(AlterAction::Owner(if own { None } else { Some(self.identifier()?) }));
        }
        for constraint in ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE"] {
            for verb in ["ADD", "DROP", "RENAME"] {
                if self.at(&format!("{verb} {constraint}")) {
                    return unsupported(format!("ALTER TABLE ... {verb} {constraint}"));
                }
            }
        }
        if self.accept("RENAME") {
            self.accept("COLUMN");
            let from = self.identifier()?;
            self.require("TO")?;
            return Ok(AlterAction::RenameColumn { from, to: self.identifier()? });
        }
        if self.accept("ADD") {
            return self.add_column();
        }
        if self.accept("DROP") {
            self.accept("COLUMN");
            let if_exists = self.accept("IF EXISTS");
            let name = self.identifier()?;
            if self.at("CASCADE") {
                return unsupported("DROP COLUMN ... CASCADE");
            }
            self.accept("RESTRICT");
            return Ok(AlterAction::DropColumn { name, if_exists });
        }
        if self.accept("ALTER") {
            return self.alter_column();
        }
        unsupported(format!("ALTER TABLE ... {}", self.first_words(2)))
    }

    fn add_column(&mut self) -> Parsed<AlterAction> {
        self.accept("COLUMN");
        let if_not_exists = self.accept("IF NOT EXISTS");
        let column = self.column(ColumnTypes::Required)?;
        let more = ["DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "GENERATED", "COLLATE"];
        if let Some(word) = more.into_iter().find(|word| self.at(word)) {
            return unsupported(format!("{word} in ADD COLUMN"));
        }
        if column.not_null {
            return unsupported("NOT NULL in ADD COLUMN");
        }
        Ok(AlterAction::AddColumn { column, if_not_exists })
    }

    fn alter_column(&mut self) -> Parsed<AlterAction> {
        self.accept("COLUMN");
        let column = self.identifier()?;
        if !self.accept("SET DATA TYPE") && !self.accept("TYPE") {
            return unsupported(format!("ALTER COLUMN ... {}", self.first_words(2)));
        }
        let start = self.parser.peek_token_ref().span.start;
        self.parser.parse_data_type()?;
        let sql_type = self.text_since(start).to_ascii_lowercase();
        for word in ["USING", "COLLATE"] {
            if self.at(word) {
                return unsupported(format!("ALTER COLUMN ... TYPE ... {word}"));
            }
        }
        Ok(AlterAction::SetType { column, sql_type })
    }

    pub(super) fn comment_on(&mut self) -> Parsed<Statement> {
        let kinds = [
            ("COMMENT ON TABLE", DropKind::Table),
            ("COMMENT ON VIEW", DropKind::View),
            ("COMMENT ON MATERIALIZED VIEW", DropKind::MaterializedView),
        ];
        let what = if let Some((_, kind)) = kinds.into_iter().find(|(words, _)| self.accept(words))
        {
            Commented::Relation(kind, self.object_name()?)
        } else if self.accept("COMMENT ON COLUMN") {
            let name = self.object_name_of_column()?;
            Commented::Column(name.0, name.1)
        } else {
            return unsupported(self.first_words(3));
        };
        self.require("IS")?;
        let text = if self.accept("NULL") { None } else { Some(self.string()?) };
        Ok(Statement::Comment { what, text })
    }

    /// `[[database.]schema.]relation.column`.
    fn object_name_of_column(&mut self) -> Parsed<(ObjectName, String)> {
        let position = self.source.position(self.parser.peek_token_ref().span.start);
        let mut parts = vec![self.identifier()?];
        while self.parser.consume_token(&Token::Period) {
            parts.push(self.identifier()?);
        }
        let column = parts.pop().unwrap_or_default();
        let Some(name) = parts.pop() else {
            let message = "column name must be qualified";
            return Err(Error::new(ErrorKind::SyntaxError, message).at(position).into());
        };
        let (schema, database) = (parts.pop(), parts.pop());
        Ok((ObjectName { database, schema, name, position: Some(position) }, column))
    }

    pub(super) fn truncate(&mut self) -> Parsed<Statement> {
        self.require("TRUNCATE")?;
        self.accept("TABLE");
        self.accept("ONLY");
        let names = self.comma_separated(Self::object_name)?;
        if self.at("RESTART") {
            return unsupported("TRUNCATE ... RESTART IDENTITY");
        }
        self.accept("CONTINUE IDENTITY");
        if self.at("CASCADE") {
            return unsupported("TRUNCATE ... CASCADE");
        }
        self.accept("RESTRICT");
        let mut names = names.into_iter();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(Statement::Truncate { name }),
            _ => unsupported("TRUNCATE of several tables at once"),
        }
    }

    /// CREATE INDEX, these words read. What an index would be made of is not looked at: none is made.
    pub(super) fn index(&mut self) -> Parsed<Statement> {
        self.accept("CONCURRENTLY");
        self.accept("IF NOT EXISTS");
        if !self.at("ON") {
            self.identifier()?;
        }
        self.require("ON")?;
        self.accept("ONLY");
        let table = self.object_name()?;
        if self.accept("USING") {
            self.identifier()?;
        }
        self.parser.expect_token(&Token::LParen)?;
        while self.parser.peek_token_ref().token != Token::EOF {
            self.parser.advance_token();
        }
        Ok(Statement::CreateIndex(table))
    }
}
