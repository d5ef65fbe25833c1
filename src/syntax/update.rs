//! UPDATE, as the query of all rows: as they are, whether they change, and what they change to.
//!
//! Its one idea: a value is computed only for the rows it is meant for, of the row as it was; a row that several
//! rows of FROM match takes what one of them says, as in Postgres.

use std::collections::HashSet;

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind};
use crate::name::quote_identifier;

use super::object_name::ObjectName;
use super::parser::{Parsed, StatementParser, unsupported};
use super::query::Query;
use super::statement::Statement;

/// Whether a row changes.
const CHANGED: &str = "\"__lakeport_changed\"";
/// Which row of the table it is.
const ROW: &str = "\"__lakeport_row\"";

/// `UPDATE name SET column = value, ... [FROM ...] [WHERE ...]`.
#[derive(Debug, Clone)]
pub struct Update {
    /// The table.
    pub name: ObjectName,
    /// The columns that are set.
    pub columns: Vec<String>,
    /// Those of them that are set to a parameter, and its place.
    pub parameters: Vec<(usize, usize)>,
    /// All rows as they are, whether they change, and a value for each of `columns`.
    pub query: Box<Query>,
}

/// A column and the text of what it is set to.
type Assigned = (String, String);

impl StatementParser<'_> {
    /// UPDATE.
    pub(super) fn update(&mut self) -> Parsed<Statement> {
        self.require("UPDATE")?;
        self.accept("ONLY");
        let name = self.object_name()?;
        let named = self.accept("AS");
        let alias = match &self.parser.peek_token_ref().token {
            Token::Word(_) if named || !self.at("SET") => self.identifier()?,
            _ => name.name.clone(),
        };
        self.require("SET")?;
        let assigned = self.comma_separated(Self::assigned)?.concat();
        let mut seen = HashSet::new();
        if let Some((column, _)) = assigned.iter().find(|(column, _)| !seen.insert(column)) {
            let message = format!("multiple assignments to same column \"{column}\"");
            return Err(Error::new(ErrorKind::SyntaxError, message).into());
        }
        let from = if self.accept("FROM") { Some(self.tables()?) } else { None };
        if self.at("WHERE CURRENT OF") {
            return unsupported("UPDATE ... WHERE CURRENT OF");
        }
        let condition = if self.accept("WHERE") { self.expression()? } else { "TRUE".to_owned() };
        if self.at("RETURNING") {
            return unsupported("UPDATE ... RETURNING");
        }
        let alias = quote_identifier(&alias);
        let table: Vec<String> = [name.schema.as_deref(), Some(name.name.as_str())]
            .into_iter()
            .flatten()
            .map(quote_identifier)
            .collect();
        let table = table.join(".");
        let text = match from {
            None => of_one(&table, &alias, &condition, &assigned),
            Some(from) => of_several(&table, &alias, (&from, &condition), &assigned),
        };
        let bare = |(at, (_, value)): (usize, &Assigned)| {
            let number: usize = value.strip_prefix('$')?.parse().ok()?;
            Some((at, number.checked_sub(1)?))
        };
        let parameters = assigned.iter().enumerate().filter_map(bare).collect();
        let columns = assigned.iter().map(|(column, _)| column.clone()).collect();
        let query = Box::new(Query::parse(&text)?);
        Ok(Statement::Update(Box::new(Update { name, columns, parameters, query })))
    }

    /// `a = x` or `(a, b) = (x, y)`.
    fn assigned(&mut self) -> Parsed<Vec<Assigned>> {
        if self.parser.peek_token_ref().token != Token::LParen {
            let column = self.identifier()?;
            if matches!(self.parser.peek_token_ref().token, Token::LBracket | Token::Period) {
                return unsupported("UPDATE of a part of a column");
            }
            self.parser.expect_token(&Token::Eq)?;
            return Ok(vec![(column, self.assigned_value()?)]);
        }
        let columns = self.column_names()?;
        self.parser.expect_token(&Token::Eq)?;
        self.accept("ROW");
        self.parser.expect_token(&Token::LParen)?;
        if self.starts_query() {
            return unsupported("UPDATE of several columns to a subquery");
        }
        let values = self.comma_separated(Self::assigned_value)?;
        self.parser.expect_token(&Token::RParen)?;
        if values.len() != columns.len() {
            let message = "number of columns does not match number of values";
            return Err(Error::new(ErrorKind::SyntaxError, message).into());
        }
        Ok(columns.into_iter().zip(values).collect())
    }

    /// An expression; no column has another default than NULL.
    fn assigned_value(&mut self) -> Parsed<String> {
        if self.accept("DEFAULT") { Ok("NULL".to_owned()) } else { self.expression() }
    }

    fn expression(&mut self) -> Parsed<String> {
        let start = self.parser.peek_token_ref().span.start;
        self.parser.parse_expr()?;
        Ok(self.text_since(start).to_owned())
    }

    /// What stands behind FROM.
    fn tables(&mut self) -> Parsed<String> {
        let start = self.parser.peek_token_ref().span.start;
        self.comma_separated(|parser| Ok(parser.parser.parse_table_and_joins()?))?;
        Ok(self.text_since(start).to_owned())
    }
}

fn of_one(table: &str, alias: &str, condition: &str, assigned: &[Assigned]) -> String {
    let values: Vec<String> = assigned
        .iter()
        .enumerate()
        .map(|(at, (_, value))| {
            format!("CASE WHEN {CHANGED} THEN ({value}) END AS \"__lakeport_set_{at}\"")
        })
        .collect();
    format!(
        "SELECT {alias}.*, {} FROM \
         (SELECT {alias}.*, ({condition}) IS TRUE AS {CHANGED} FROM {table} AS {alias}) AS {alias}",
        values.join(", ")
    )
}

fn of_several(
    table: &str,
    alias: &str,
    (from, condition): (&str, &str),
    assigned: &[Assigned],
) -> String {
    let value =
        |(at, (_, value)): (usize, &Assigned)| format!("({value}) AS \"__lakeport_set_{at}\"");
    let values: Vec<String> = assigned.iter().enumerate().map(value).collect();
    let nulls = vec!["NULL"; assigned.len()];
    format!(
        "SELECT * FROM (SELECT DISTINCT ON ({alias}.{ROW}) {alias}.*, TRUE AS {CHANGED}, {} FROM \
         (SELECT {alias}.*, row_number() OVER () AS {ROW} FROM {table} AS {alias}) AS {alias}, \
         {from} WHERE {condition}) AS \"__lakeport_matched\" \
         UNION ALL \
         SELECT {alias}.*, 0, FALSE, {} FROM {table} AS {alias} \
         WHERE NOT EXISTS (SELECT 1 FROM {from} WHERE {condition})",
        values.join(", "),
        nulls.join(", ")
    )
}
