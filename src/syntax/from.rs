//! What stands in FROM: kinds of table that are refused, aliases, and columns of functions.

use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::error::{Error, ErrorKind, Result};

use super::rewrite::fold;

/// Refuses two tables of one name, which Postgres could not tell apart.
///
/// # Errors
/// `DuplicateAlias`.
pub(super) fn check_aliases(from: &[TableWithJoins]) -> Result<()> {
    let mut seen: Vec<(String, Option<String>)> = Vec::new();
    for tables in from {
        check_joined(tables, &mut seen)?;
    }
    Ok(())
}

fn check_joined(tables: &TableWithJoins, seen: &mut Vec<(String, Option<String>)>) -> Result<()> {
    let joined = tables.joins.iter().map(|join| &join.relation);
    for factor in std::iter::once(&tables.relation).chain(joined) {
        if let TableFactor::NestedJoin { table_with_joins, alias: None } = factor {
            check_joined(table_with_joins, seen)?;
            continue;
        }
        let Some((name, relation)) = called(factor) else { continue };
        // Without aliases, relations of one name are told apart by their schemas.
        let same = |(other, theirs): &(String, Option<String>)| {
            *other == name && (relation.is_none() || theirs.is_none() || *theirs == relation)
        };
        if seen.iter().any(same) {
            let message = format!("table name \"{name}\" specified more than once");
            return Err(Error::new(ErrorKind::DuplicateAlias, message));
        }
        seen.push((name, relation));
    }
    Ok(())
}

/// The name that qualifies a table's columns; the relation's full name where there is no alias.
fn called(factor: &TableFactor) -> Option<(String, Option<String>)> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. }
        | TableFactor::NestedJoin { alias: Some(alias), .. } => Some((fold(&alias.name), None)),
        TableFactor::Table { name, alias: None, args: None, .. } => {
            let parts: Option<Vec<String>> =
                name.0.iter().map(|part| part.as_ident().map(fold)).collect();
            let parts = parts?;
            Some((parts.last()?.clone(), Some(parts.join("."))))
        }
        _ => None,
    }
}

/// An alias as if it had been written.
pub(super) fn named(relation: &str) -> TableAlias {
    let name = Ident { value: relation.to_owned(), quote_style: Some('"'), span: Span::empty() };
    TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

// The one column of `generate_series(1, 3) AS n` is called as the function is: `n`.
pub(super) fn name_series(function: &ObjectName, alias: &mut Option<TableAlias>) {
    let name = function.to_string();
    if !name.eq_ignore_ascii_case("generate_series") {
        return;
    }
    let alias = alias.get_or_insert_with(|| named("generate_series"));
    if alias.columns.is_empty() {
        let column = TableAliasColumnDef { name: alias.name.clone(), data_type: None };
        alias.columns.push(column);
    }
}

/// Refuses what the planner would take for something else.
///
/// # Errors
/// `FeatureNotSupported`.
pub(super) fn check_factor(factor: &TableFactor) -> Result<()> {
    match factor {
        TableFactor::Derived { sample: Some(_), .. } => Err(Error::unsupported("TABLESAMPLE")),
        TableFactor::Function { with_ordinality: true, .. }
        | TableFactor::UNNEST { with_ordinality: true, .. } => {
            Err(Error::unsupported("WITH ORDINALITY"))
        }
        TableFactor::Table { .. }
        | TableFactor::Derived { .. }
        | TableFactor::TableFunction { .. }
        | TableFactor::Function { .. }
        | TableFactor::UNNEST { .. }
        | TableFactor::NestedJoin { .. } => Ok(()),
        TableFactor::Pivot { .. } => Err(Error::unsupported("PIVOT")),
        TableFactor::Unpivot { .. } => Err(Error::unsupported("UNPIVOT")),
        TableFactor::MatchRecognize { .. } => Err(Error::unsupported("MATCH_RECOGNIZE")),
        TableFactor::JsonTable { .. } | TableFactor::OpenJsonTable { .. } => {
            Err(Error::unsupported("JSON_TABLE"))
        }
        TableFactor::XmlTable { .. } => Err(Error::unsupported("XMLTABLE")),
        TableFactor::SemanticView { .. } => Err(Error::unsupported("SEMANTIC_VIEW")),
    }
}
