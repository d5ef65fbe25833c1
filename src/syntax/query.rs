//! A query's syntax tree, and what may be asked of it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use datafusion::sql::parser::Statement as DFStatement;
use datafusion::sql::sqlparser::ast;

use crate::error::Result;

use super::columns::{ColumnName, distinctly_named};
use super::parser::parse_query;
use super::told::{self, parameter};
use super::weight;
use super::wholes;
use super::written::WrittenType;

/// A relation named in a query, as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelationReference {
    /// Database, when three parts were written.
    pub database: Option<String>,
    /// Schema, when written.
    pub schema: Option<String>,
    /// The relation.
    pub relation: String,
    /// The version clause, when written.
    pub travel: Option<TimeTravel>,
    /// The name the planner will ask for: the relation's own name, or, with a version clause, the
    /// unique alias the clause was rewritten to.
    pub planned_as: String,
    /// Characters from 1 into the statement's text, when known.
    pub position: Option<usize>,
}

/// `VERSION AS OF`, `TIMESTAMP AS OF`, `FOR SYSTEM_TIME AS OF`, `table_changes(...)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TimeTravel {
    /// A Delta version.
    Version(u64),
    /// The text of a constant timestamp, not yet read.
    Timestamp(String),
    /// What changed after the first version, up to the second.
    Changes(u64, u64),
}

/// A tree whose inside no compiler pass looks into.
///
/// Every future that holds a syntax tree must be proven `Send`, and walking its hundreds of mutually
/// recursive types takes the compiler seconds for each. The object says it once.
type Sealed<T> = Arc<dyn Deref<Target = T> + Send + Sync>;

/// A parsed SELECT, VALUES, TABLE or WITH, ready to be planned.
#[derive(Clone)]
pub struct Query {
    statement: Sealed<DFStatement>,
    references: Vec<RelationReference>,
    names: Vec<ColumnName>,
    types: Vec<Option<WrittenType>>,
    text: String,
    /// Whether something may stand for several columns.
    wholes: bool,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Query").field(&self.text).finish()
    }
}

impl Query {
    pub(super) fn new(
        tree: Box<ast::Query>,
        references: Vec<RelationReference>,
        names: Vec<ColumnName>,
        types: Vec<Option<WrittenType>>,
        text: String,
    ) -> Self {
        let wholes = wholes::are_in(&tree);
        let statement: DFStatement = DFStatement::Statement(Box::new(ast::Statement::Query(tree)));
        let statement: Sealed<DFStatement> = Arc::new(Box::new(statement));
        Self { statement, references, names, types, text, wholes }
    }

    /// The tree, with every version clause rewritten away (none is left for DataFusion to ignore).
    pub fn statement(&self) -> &DFStatement {
        &self.statement
    }

    /// Every relation the query reads, CTE names left out, each once.
    pub fn references(&self) -> &[RelationReference] {
        &self.references
    }

    /// The names of the result columns, as far as the text alone tells; empty where it tells none
    /// (VALUES, TABLE).
    pub fn column_names(&self) -> &[ColumnName] {
        &self.names
    }

    /// What casts say of the result columns' types: one for each of [`Query::column_names`], or none at all.
    pub fn column_types(&self) -> &[Option<WrittenType>] {
        &self.types
    }

    /// The tree with what stands for several columns written out, as `find` knows the columns of relations;
    /// `None` where nothing does.
    pub fn written_out(
        &self,
        find: &dyn Fn(&[String]) -> Option<Vec<String>>,
    ) -> Option<DFStatement> {
        if self.wholes { wholes::written_out(self.statement(), find) } else { None }
    }

    /// `tree` with a name of its own for every result column, for a planner that asks for that; `None` where
    /// each has one.
    pub fn distinctly_named(tree: &DFStatement) -> Option<DFStatement> {
        distinctly_named(tree)
    }

    /// How many relations `tree` reads once its names are written out, where `of` says it of those outside.
    pub fn relations_read(tree: &DFStatement, of: &dyn Fn(&[String]) -> u64) -> u64 {
        weight::relations(tree, of)
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a value of VALUES, or an item of the outermost SELECT, is nothing but a parameter: the
    /// column and the parameter's number, both from 0.
    pub fn bare_parameters(&self) -> Vec<(usize, usize)> {
        let DFStatement::Statement(statement) = self.statement() else { return Vec::new() };
        let ast::Statement::Query(query) = statement.as_ref() else { return Vec::new() };
        match query.body.as_ref() {
            ast::SetExpr::Values(values) => values
                .rows
                .iter()
                .flat_map(|row| row.iter().enumerate())
                .filter_map(|(column, value)| Some((column, parameter(value)?)))
                .collect(),
            ast::SetExpr::Select(select) => select
                .projection
                .iter()
                .enumerate()
                .filter_map(|(column, item)| match item {
                    ast::SelectItem::UnnamedExpr(value) => Some((column, parameter(value)?)),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// For VALUES of one row, all of it parameters: the number of each column's, from 0.
    pub fn parameter_row(&self) -> Option<Vec<usize>> {
        let DFStatement::Statement(statement) = self.statement() else { return None };
        let ast::Statement::Query(query) = statement.as_ref() else { return None };
        let ast::SetExpr::Values(values) = query.body.as_ref() else { return None };
        let plain = query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
        match values.rows.as_slice() {
            [row] if plain => row.iter().map(parameter).collect(),
            _ => None,
        }
    }

    /// The parameters whose types the text alone tells, from 0, with the names of these types.
    pub fn told_parameters(&self) -> Vec<(usize, &'static str)> {
        told::parameters(self.statement())
    }

    /// Parses the text of one query.
    ///
    /// # Errors
    /// `SyntaxError` with position; also when the text is a statement of another kind.
    pub fn parse(text: &str) -> Result<Self> {
        parse_query(text)
    }
}
