//! One walk over a query's tree: its relations are listed, and what the planner would misread is
//! rewritten or refused.
//!
//! The planner parses version clauses and drops them, so none may be left; it takes `float` for four
//! bytes where Postgres means eight; it ignores locks and samples. Names of common table expressions
//! are told from relations by where they are visible.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, TableAlias, TableFactor,
    TableVersion, VisitMut, VisitorMut, With,
};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind, Result};

use super::chance;
use super::columns;
use super::dialect::is_reserved;
use super::digits;
use super::from::{check_aliases, check_factor, name_series, named};
use super::groups;
use super::hidden;
use super::literals;
use super::order;
use super::positions;
use super::query::{RelationReference, TimeTravel};
use super::refused::{check_body, check_select, fetch_as_limit, refuse};
use super::rows;
use super::series;
use super::source::Source;
use super::spelling::respell;
use super::statement::STREAM_RELATION;
use super::travel::{TABLE_CHANGES, table_changes, time_travel};
use super::windows;

/// Rewrites `tree` in place and lists the relations it reads, each once.
///
/// # Errors
/// `FeatureNotSupported` for clauses that would be ignored; `WrongObjectType` for a version clause on
/// something that has no versions.
pub(super) fn rewrite(tree: &mut Query, source: &Source<'_>, stream: bool) -> Result<References> {
    let (scopes, references) = (Vec::new(), Vec::new());
    let mut rewriter = Rewriter { source, stream, scopes, references, renamed: 0 };
    match tree.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(rewriter.references),
        ControlFlow::Break(error) => Err(error),
    }
}

type References = Vec<RelationReference>;

struct Rewriter<'a> {
    source: &'a Source<'a>,
    stream: bool,
    scopes: Vec<Scope>,
    references: References,
    renamed: usize,
}

/// The common table expressions of one query on the way down.
struct Scope {
    /// As written, and as planned: the planner asks that no two in view be called alike.
    names: Vec<(String, String)>,
    recursive: bool,
    // The bodies are the first queries visited inside the query, in order.
    bodies_seen: usize,
}

impl Scope {
    fn shows(&self, name: &str) -> Option<&str> {
        let visible = if self.recursive { self.names.len() } else { self.bodies_seen };
        let found = self.names.iter().take(visible).find(|(known, _)| known == name);
        found.map(|(_, planned)| planned.as_str())
    }
}

/// An identifier as Postgres folds it.
pub(super) fn fold(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let refused = [
            (!query.locks.is_empty(), "FOR UPDATE and FOR SHARE"),
            (query.for_clause.is_some(), "FOR XML and FOR JSON"),
            (query.settings.is_some(), "SETTINGS"),
            (query.format_clause.is_some(), "FORMAT"),
            (!query.pipe_operators.is_empty(), "the pipe operator"),
        ];
        refuse(&refused)?;
        check_body(&query.body)?;
        fetch_as_limit(query)?;
        if let Err(error) = windows::in_order(query).and_then(|()| order::sets(query)) {
            return ControlFlow::Break(error);
        }
        positions::as_expressions(query);
        literals::keep_in_query(query);
        literals::type_texts(&mut query.body);
        let (names, recursive) = match &mut query.with {
            None => (Vec::new(), false),
            Some(with) => match self.common_tables(with) {
                Ok(names) => (names, with.recursive),
                Err(error) => return ControlFlow::Break(error),
            },
        };
        self.scopes.push(Scope { names, recursive, bodies_seen: 0 });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.scopes.pop();
        if let Some(parent) = self.scopes.last_mut() {
            parent.bodies_seen = (parent.bodies_seen + 1).min(parent.names.len());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        check_select(select)?;
        if let Err(error) = check_aliases(&select.from).and_then(|()| windows::in_select(select)) {
            return ControlFlow::Break(error);
        }
        literals::keep_in_select(select);
        groups::as_sets(select);
        hidden::answer(select);
        rows::in_items(select);
        if let Err(error) = series::in_select(select) {
            return ControlFlow::Break(error);
        }
        if self.stream {
            select.projection.iter_mut().for_each(name_metadata);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.table_factor(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::CompoundIdentifier(parts) = expr {
            if let (true, Some(column)) = (self.stream, metadata_column(parts)) {
                *expr = column;
            }
            return ControlFlow::Continue(());
        }
        match respell(expr).and_then(|()| digits::as_written(expr)) {
            Ok(()) => {
                literals::type_integer(expr);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

// `_metadata.x`, `alias._metadata.x` -> `_metadata_x`, `alias._metadata_x`.
fn metadata_column(parts: &[Ident]) -> Option<Expr> {
    let column = |metadata: &Ident, field: &Ident| {
        let mut column = field.clone();
        column.value = format!("_metadata_{}", fold(field));
        (fold(metadata) == "_metadata").then_some(column)
    };
    match parts {
        [metadata, field] => Some(Expr::Identifier(column(metadata, field)?)),
        [alias, metadata, field] => {
            Some(Expr::CompoundIdentifier(vec![alias.clone(), column(metadata, field)?]))
        }
        _ => None,
    }
}

// The output column is named by what was written last.
fn name_metadata(item: &mut SelectItem) {
    let SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) = item else { return };
    if let (Some(expr), Some(alias)) = (metadata_column(parts), parts.last().cloned()) {
        *item = SelectItem::ExprWithAlias { expr, alias };
    }
}

impl Rewriter<'_> {
    /// The names of common table expressions; one that hides another's is planned under a name of its own.
    fn common_tables(&mut self, with: &mut With) -> Result<Vec<(String, String)>> {
        let mut names: Vec<(String, String)> = Vec::new();
        for cte in &mut with.cte_tables {
            columns::name_all(&mut cte.query);
            let name = fold(&cte.alias.name);
            if names.iter().any(|(known, _)| *known == name) {
                let message = format!("WITH query name \"{name}\" specified more than once");
                return Err(Error::new(ErrorKind::DuplicateAlias, message));
            }
            let hides = |scope: &Scope| scope.names.iter().any(|(known, _)| *known == name);
            let mut planned = name.clone();
            if chance::is_in(&cte.query) {
                self.renamed += 1;
                planned = format!("{}{}", chance::RUNS_ONCE, self.renamed);
                cte.alias.name = Ident::with_quote('"', planned.clone());
            } else if self.scopes.iter().any(hides) {
                self.renamed += 1;
                planned = format!("__lakeport_cte_{}", self.renamed);
                cte.alias.name = Ident::with_quote('"', planned.clone());
            }
            names.push((name, planned));
        }
        Ok(names)
    }

    fn table_factor(&mut self, factor: &mut TableFactor) -> Result<()> {
        if let Some(rows) = series::rows_of(factor)? {
            *factor = rows;
        }
        if let TableFactor::Derived { subquery, .. } = factor {
            columns::name_all(subquery);
        }
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = factor
        else {
            return check_factor(factor);
        };
        let ignored = [
            (sample.is_some(), "TABLESAMPLE"),
            (*with_ordinality, "WITH ORDINALITY"),
            (!with_hints.is_empty() || !index_hints.is_empty(), "a table hint"),
            (!partitions.is_empty(), "PARTITION in FROM"),
            (json_path.is_some(), "a path after a table's name"),
        ];
        if let Some((_, clause)) = ignored.iter().find(|(written, _)| *written) {
            return Err(Error::unsupported(clause));
        }
        let travel = version.take();
        let position = name.0.first().and_then(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(self.source.position(ident.span.start)),
            ObjectNamePart::Function(_) => None,
        });
        let placed = |error: Error| match position {
            Some(position) => error.at(position),
            None => error,
        };
        if let (Some(written), [ObjectNamePart::Identifier(function)]) = (&args, name.0.as_slice())
            && fold(function) == TABLE_CHANGES
        {
            let (parts, changes) = table_changes(&written.args).map_err(placed)?;
            *args = None;
            alias.get_or_insert_with(|| named(TABLE_CHANGES));
            return self.relation(&parts, name, alias, Some(changes), position).map_err(placed);
        }
        if let Some(args) = args {
            if let Some(own) = series::without_schema(name) {
                *name = own;
            }
            literals::keep_in_arguments(&mut args.args);
            let versioned = |_| placed(versionless(&format!("function {name}")));
            name_series(name, alias);
            return travel.map_or(Ok(()), |travel| Err(versioned(travel)));
        }
        if let Some(word) = reserved_part(name) {
            return Err(placed(Error::new(
                ErrorKind::SyntaxError,
                format!("syntax error at or near \"{word}\""),
            )));
        }
        let parts = parts(name).map_err(placed)?;
        self.named(&parts, name, alias, travel, position).map_err(placed)
    }

    /// A name in FROM: of a common table expression, or else of a relation.
    fn named(
        &mut self,
        parts: &[String],
        name: &mut ObjectName,
        alias: &mut Option<TableAlias>,
        travel: Option<TableVersion>,
        position: Option<usize>,
    ) -> Result<()> {
        let travelled = |travel: Option<TableVersion>| travel.map(time_travel).transpose();
        let [first] = parts else {
            let travel = travelled(travel)?;
            return self.relation(parts, name, alias, travel, position);
        };
        let planned = self.scopes.iter().rev().find_map(|scope| scope.shows(first));
        let Some(planned) = planned else {
            let travel = travelled(travel)?;
            return self.relation(parts, name, alias, travel, position);
        };
        if planned != first {
            alias.get_or_insert_with(|| named(first));
            *name = ObjectName::from(vec![Ident::with_quote('"', planned)]);
        }
        match travel {
            None => Ok(()),
            Some(_) => Err(versionless(&format!("common table expression \"{first}\""))),
        }
    }

    fn relation(
        &mut self,
        parts: &[String],
        name: &mut ObjectName,
        alias: &mut Option<TableAlias>,
        travel: Option<TimeTravel>,
        position: Option<usize>,
    ) -> Result<()> {
        let (database, schema, relation) = match parts {
            [relation] => (None, None, relation),
            [schema, relation] => (None, Some(schema), relation),
            [database, schema, relation] => (Some(database), Some(schema), relation),
            _ => {
                let message = format!("improper qualified name (too many dotted names): {name}");
                return Err(Error::new(ErrorKind::SyntaxError, message));
            }
        };
        if relation.starts_with("__lakeport_") && !(self.stream && relation == STREAM_RELATION) {
            let message = format!("relation \"{relation}\" does not exist");
            return Err(Error::new(ErrorKind::UndefinedTable, message));
        }
        let same = |known: &&RelationReference| {
            known.database.as_ref() == database
                && known.schema.as_ref() == schema
                && known.relation == *relation
                && known.travel == travel
        };
        let known = self.references.iter().find(same).map(|known| known.planned_as.clone());
        let planned_as = match (&known, &travel) {
            (Some(planned_as), _) => planned_as.clone(),
            (None, None) => relation.clone(),
            (None, Some(_)) => format!("__lakeport_v{}", self.references.len() + 1),
        };
        if travel.is_some() {
            // The relation's own name still qualifies its columns.
            alias.get_or_insert_with(|| named(relation));
            *name = ObjectName::from(vec![Ident::new(planned_as.clone())]);
        }
        if known.is_none() {
            self.references.push(RelationReference {
                database: database.cloned(),
                schema: schema.cloned(),
                relation: relation.clone(),
                travel,
                planned_as,
                position,
            });
        }
        Ok(())
    }
}

// sqlparser takes `FROM WHERE` for a table of that name.
fn reserved_part(name: &ObjectName) -> Option<&str> {
    let ObjectNamePart::Identifier(ident) = name.0.first()? else { return None };
    let word = Token::make_keyword(&ident.value);
    let reserved = matches!(word, Token::Word(word) if is_reserved(word.keyword));
    (ident.quote_style.is_none() && reserved).then_some(ident.value.as_str())
}

fn parts(name: &ObjectName) -> Result<Vec<String>> {
    let part = |part: &ObjectNamePart| match part {
        ObjectNamePart::Identifier(ident) => Ok(fold(ident)),
        ObjectNamePart::Function(_) => Err(Error::unsupported("a function as a relation's name")),
    };
    name.0.iter().map(part).collect()
}

fn versionless(what: &str) -> Error {
    Error::new(ErrorKind::WrongObjectType, format!("{what} has no versions"))
        .hint("A version clause follows the name of a table or materialized view.")
}
