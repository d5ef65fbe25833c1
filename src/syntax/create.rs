//! CREATE, DROP.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind};

use super::clauses::ColumnTypes;
use super::parser::{Parsed, StatementParser, unsupported};
use super::statement::{
    ColumnDefinition, CreateMaterializedView, CreateStreamingTable, CreateTable, CreateView,
    DropKind, DropObject, Key, Statement,
};

impl StatementParser<'_> {
    pub(super) fn create(&mut self) -> Parsed<Statement> {
        if self.accept("CREATE OR REPLACE VIEW") {
            return self.view(true);
        }
        if self.accept("CREATE OR REPLACE FUNCTION") {
            return self.function(true);
        }
        let temporary = ["TEMP", "TEMPORARY", "LOCAL TEMP", "LOCAL TEMPORARY"];
        if temporary.into_iter().any(|words| self.accept(&format!("CREATE {words} TABLE"))) {
            return self.table(true);
        }
        if self.at("CREATE OR") {
            return unsupported(self.first_words(4));
        }
        if self.accept("CREATE SCHEMA") {
            self.schema()
        } else if self.accept("CREATE TABLE") {
            self.table(false)
        } else if self.accept("CREATE INDEX") {
            self.index()
        } else if self.at("CREATE UNIQUE INDEX") {
            let error = Error::unsupported("CREATE UNIQUE INDEX");
            Err(error.hint("Write UNIQUE (...) in CREATE TABLE.").into())
        } else if self.accept("CREATE EXTERNAL TABLE") {
            self.external_table()
        } else if self.accept("CREATE STREAMING TABLE") {
            self.streaming_table()
        } else if self.accept("CREATE MATERIALIZED VIEW") {
            self.materialized_view()
        } else if self.accept("CREATE VIEW") {
            self.view(false)
        } else if self.accept("CREATE FUNCTION") {
            self.function(false)
        } else if self.accept("CREATE ROLE") {
            self.role(false)
        } else if self.accept("CREATE USER") {
            self.role(true)
        } else {
            self.unknown_create()
        }
    }

    fn unknown_create(&mut self) -> Parsed<Statement> {
        let known = [
            "ACCESS",
            "AGGREGATE",
            "CAST",
            "COLLATION",
            "DATABASE",
            "DOMAIN",
            "EVENT",
            "EXTENSION",
            "GLOBAL",
            "GROUP",
            "LANGUAGE",
            "LOCAL",
            "OPERATOR",
            "POLICY",
            "PROCEDURE",
            "PUBLICATION",
            "RECURSIVE",
            "RULE",
            "SEQUENCE",
            "SERVER",
            "STATISTICS",
            "SUBSCRIPTION",
            "TABLESPACE",
            "TEMP",
            "TEMPORARY",
            "TEXT",
            "TRIGGER",
            "TYPE",
            "UNIQUE",
            "UNLOGGED",
            "FOREIGN",
            "CATALOG",
        ];
        self.require("CREATE")?;
        if known.iter().any(|word| self.at(word)) {
            return unsupported(format!("CREATE {}", self.first_words(1)));
        }
        // The word after these is what is wrong, if anything is.
        for word in ["EXTERNAL", "STREAMING", "MATERIALIZED"] {
            self.accept(word);
        }
        self.unexpected()
    }

    fn schema(&mut self) -> Parsed<Statement> {
        let if_not_exists = self.accept("IF NOT EXISTS");
        if self.at("AUTHORIZATION") {
            return unsupported("CREATE SCHEMA AUTHORIZATION");
        }
        let name = self.identifier()?;
        if self.at("AUTHORIZATION") {
            return unsupported("CREATE SCHEMA ... AUTHORIZATION");
        }
        Ok(Statement::CreateSchema { name, if_not_exists })
    }

    fn table(&mut self, temporary: bool) -> Parsed<Statement> {
        let if_not_exists = self.accept("IF NOT EXISTS");
        let name = self.object_name()?;
        // Names without types before AS are Postgres', and rename the query's columns.
        let after_first = &self.parser.peek_nth_token_ref(2).token;
        if self.parser.peek_token_ref().token == Token::LParen
            && matches!(after_first, Token::Comma | Token::RParen)
        {
            return unsupported("a column list in CREATE TABLE ... AS");
        }
        let elements = self.elements(ColumnTypes::Required)?;
        if !elements.constraints.is_empty() {
            return unsupported("EXPECT on a table that is not maintained");
        }
        let clauses = self.clauses(&["PARTITIONED BY", "COMMENT"])?;
        if temporary && !clauses.partition_by.is_empty() {
            return unsupported("a partition of a temporary table");
        }
        let drops = temporary && self.accept("ON COMMIT DROP");
        if temporary && !drops {
            self.accept("ON COMMIT PRESERVE ROWS");
        }
        for clause in ["INHERITS", "PARTITION", "USING", "WITH", "ON COMMIT", "TABLESPACE"] {
            if self.at(clause) {
                return unsupported(format!("{clause} in CREATE TABLE"));
            }
        }
        let query = if elements.columns.is_empty() {
            self.require("AS")?;
            Some(Box::new(self.query()?))
        } else if self.at("AS") {
            return unsupported("a column list in CREATE TABLE ... AS");
        } else {
            None
        };
        if self.at("WITH") {
            return unsupported("CREATE TABLE ... WITH [NO] DATA");
        }
        Ok(Statement::CreateTable(CreateTable {
            keys: keys_of(&name.name, elements.keys, &elements.columns)?,
            name,
            columns: elements.columns,
            query,
            partition_by: clauses.partition_by,
            if_not_exists,
            comment: clauses.comment,
            temporary,
            drops,
        }))
    }

    fn streaming_table(&mut self) -> Parsed<Statement> {
        let if_not_exists = self.accept("IF NOT EXISTS");
        let name = self.object_name()?;
        let elements = self.elements(ColumnTypes::Optional)?;
        if !elements.primary_key.is_empty() {
            return unsupported("PRIMARY KEY on a streaming table");
        }
        let clauses = self.clauses(&["PARTITIONED BY", "COMMENT", "SCHEDULE"])?;
        for clause in ["TRIGGER", "TARGET", "REFRESH"] {
            if self.at(clause) {
                return unsupported(format!("{clause} on a streaming table"));
            }
        }
        self.require("AS")?;
        let query = self.query()?;
        let Some(stream) = self.stream.take() else {
            let error = Error::new(
                ErrorKind::InvalidObjectDefinition,
                "a streaming table reads from STREAM read_files(...)",
            );
            return Err(error.hint("Write FROM STREAM read_files('folder/*.csv').").into());
        };
        let others = query.references().iter().find(|r| r.travel.is_some());
        if let Some(versioned) = others {
            let error = Error::unsupported("a version clause in a streaming table");
            return Err(error.at(versioned.position.unwrap_or(1)).into());
        }
        Ok(Statement::CreateStreamingTable(Box::new(CreateStreamingTable {
            name,
            if_not_exists,
            columns: elements.columns,
            constraints: elements.constraints,
            partition_by: clauses.partition_by,
            comment: clauses.comment,
            schedule: clauses.schedule,
            files: stream.files,
            query: Box::new(query),
        })))
    }

    fn materialized_view(&mut self) -> Parsed<Statement> {
        Ok(Statement::CreateMaterializedView(Box::new(self.materialized_view_definition()?)))
    }

    /// What follows CREATE MATERIALIZED VIEW.
    pub(super) fn materialized_view_definition(&mut self) -> Parsed<CreateMaterializedView> {
        let if_not_exists = self.accept("IF NOT EXISTS");
        let name = self.object_name()?;
        let elements = self.elements(ColumnTypes::Refused)?;
        let clauses = self.clauses(&[
            "PARTITIONED BY",
            "COMMENT",
            "SCHEDULE",
            "TRIGGER ON UPDATE",
            "TARGET LAG",
            "REFRESH POLICY",
            "TBLPROPERTIES",
        ])?;
        if clauses.schedule.is_some() && clauses.trigger.is_some() {
            let error = Error::new(ErrorKind::SyntaxError, "conflicting or redundant options")
                .hint("A view has SCHEDULE or TRIGGER ON UPDATE, not both.");
            return Err(error.into());
        }
        self.require("AS")?;
        let query = Box::new(self.query()?);
        if self.at("WITH") {
            return unsupported("CREATE MATERIALIZED VIEW ... WITH [NO] DATA");
        }
        Ok(CreateMaterializedView {
            name,
            if_not_exists,
            columns: elements.columns,
            constraints: elements.constraints,
            primary_key: elements.primary_key,
            partition_by: clauses.partition_by,
            comment: clauses.comment,
            schedule: clauses.schedule,
            trigger: clauses.trigger,
            target_lag: clauses.target_lag,
            policy: clauses.policy.unwrap_or_default(),
            deletion_vectors: clauses.deletion_vectors,
            query,
        })
    }

    fn view(&mut self, or_replace: bool) -> Parsed<Statement> {
        let if_not_exists = self.accept("IF NOT EXISTS");
        let name = self.object_name()?;
        let elements = self.elements(ColumnTypes::Refused)?;
        if !elements.constraints.is_empty() || !elements.primary_key.is_empty() {
            return unsupported("a constraint on a plain view");
        }
        let clauses = self.clauses(&["COMMENT"])?;
        if self.at("WITH") {
            return unsupported("CREATE VIEW ... WITH (...)");
        }
        self.require("AS")?;
        let query = Box::new(self.query()?);
        if self.at("WITH") {
            return unsupported("WITH CHECK OPTION");
        }
        Ok(Statement::CreateView(Box::new(CreateView {
            name,
            or_replace,
            if_not_exists,
            columns: elements.columns,
            comment: clauses.comment,
            query,
        })))
    }

    pub(super) fn drop_object(&mut self) -> Parsed<Statement> {
        let kinds = [
            ("DROP TABLE", DropKind::Table),
            ("DROP VIEW", DropKind::View),
            ("DROP MATERIALIZED VIEW", DropKind::MaterializedView),
            ("DROP SCHEMA", DropKind::Schema),
            ("DROP ROLE", DropKind::Role),
            ("DROP USER", DropKind::Role),
            ("DROP FUNCTION", DropKind::Function),
            ("DROP INDEX", DropKind::Index),
        ];
        let Some((_, kind)) = kinds.into_iter().find(|(words, _)| self.accept(words)) else {
            let named = self.first_words(2);
            self.require("DROP")?;
            return if named.contains(' ') { unsupported(named) } else { self.unexpected() };
        };
        let if_exists = self.accept("IF EXISTS");
        let names = match kind {
            DropKind::Function => self.comma_separated(Self::function_name)?,
            _ => self.comma_separated(Self::object_name)?,
        };
        let of_relations =
            matches!(kind, DropKind::Table | DropKind::View | DropKind::MaterializedView);
        if self.at("CASCADE") && !of_relations {
            return unsupported("this DROP ... CASCADE");
        }
        let cascade = self.accept("CASCADE");
        self.accept("RESTRICT");
        Ok(Statement::Drop(DropObject { kind, names, if_exists, cascade }))
    }
}

/// A table's keys, each with the name that Postgres gives one without.
fn keys_of(table: &str, mut keys: Vec<Key>, columns: &[ColumnDefinition]) -> Parsed<Vec<Key>> {
    if keys.iter().filter(|key| key.primary).count() > 1 {
        let message = format!("multiple primary keys for table \"{table}\" are not allowed");
        return Err(Error::new(ErrorKind::InvalidTableDefinition, message).into());
    }
    for key in &mut keys {
        for name in &key.columns {
            if !columns.iter().any(|column| column.name == *name) {
                let message = format!("column \"{name}\" named in key does not exist");
                return Err(Error::new(ErrorKind::UndefinedColumn, message).into());
            }
        }
        if key.name.is_empty() {
            key.name = match key.primary {
                true => format!("{table}_pkey"),
                false => format!("{table}_{}_key", key.columns.join("_")),
            };
        }
    }
    Ok(keys)
}
