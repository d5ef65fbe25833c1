//! One walk over a query's tree: its relations are listed, and what the planner would misread is
//! rewritten or refused.
//!
//! The planner parses version clauses and drops them, so none may be left; it takes `float` for four
//! bytes where Postgres means eight; it ignores locks and samples. Names of common table expressions
//! are told from relations by where they are visible.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, LimitClause, ObjectName, ObjectNamePart, Query, Select, SelectFlavor, SelectItem,
    SetExpr, SetOperator, SetQuantifier, TableAlias, TableFactor, TableVersion, Value, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Error, ErrorKind, Result};

use super::dialect::is_reserved;
use super::from::{check_aliases, check_factor, name_series, named};
use super::literals;
use super::query::{RelationReference, TimeTravel};
use super::source::Source;
use super::spelling::respell;
use super::statement::STREAM_RELATION;
use super::travel::{TABLE_CHANGES, table_changes, time_travel};

/// Rewrites `tree` in place and lists the relations it reads, each once.
///
/// # Errors
/// `FeatureNotSupported` for clauses that would be ignored; `WrongObjectType` for a version clause on
/// something that has no versions.
pub(super) fn rewrite(tree: &mut Query, source: &Source<'_>, stream: bool) -> Result<References> {
    let mut rewriter = Rewriter { source, stream, scopes: Vec::new(), references: Vec::new() };
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
}

/// The common table expressions of one query on the way down.
struct Scope {
    names: Vec<String>,
    recursive: bool,
    // The bodies are the first queries visited inside the query, in order.
    bodies_seen: usize,
}

impl Scope {
    fn shows(&self, name: &str) -> bool {
        let visible = if self.recursive { self.names.len() } else { self.bodies_seen };
        self.names.iter().take(visible).any(|known| known == name)
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
        literals::keep_in_query(query);
        let (names, recursive) = match &query.with {
            None => (Vec::new(), false),
            Some(with) => {
                let names = with.cte_tables.iter().map(|cte| fold(&cte.alias.name));
                (names.collect(), with.recursive)
            }
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
        if let Err(error) = check_aliases(&select.from) {
            return ControlFlow::Break(error);
        }
        literals::keep_in_select(select);
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
        match respell(expr) {
            Ok(()) => {
                literals::type_integer(expr);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn refuse(clauses: &[(bool, &str)]) -> ControlFlow<Error> {
    match clauses.iter().find(|(written, _)| *written) {
        None => ControlFlow::Continue(()),
        Some((_, clause)) => ControlFlow::Break(Error::unsupported(clause)),
    }
}

// `FETCH FIRST 3 ROWS ONLY` is `LIMIT 3`.
fn fetch_as_limit(query: &mut Query) -> ControlFlow<Error> {
    let Some(fetch) = query.fetch.take() else { return ControlFlow::Continue(()) };
    refuse(&[(fetch.with_ties, "FETCH ... WITH TIES"), (fetch.percent, "FETCH ... PERCENT")])?;
    let one = || Expr::value(Value::Number("1".to_owned(), false));
    let count = fetch.quantity.unwrap_or_else(one);
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(count),
        Some(_) => {
            let message = "multiple LIMIT clauses not allowed";
            return ControlFlow::Break(Error::new(ErrorKind::SyntaxError, message));
        }
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(count),
                offset: None,
                limit_by: Vec::new(),
            });
        }
    }
    ControlFlow::Continue(())
}

fn check_body(body: &SetExpr) -> ControlFlow<Error> {
    match body {
        SetExpr::SetOperation { left, op, set_quantifier, right } => {
            // DataFusion answers these as if rows were a set.
            let all = *set_quantifier == SetQuantifier::All;
            refuse(&[
                (all && *op == SetOperator::Except, "EXCEPT ALL"),
                (all && *op == SetOperator::Intersect, "INTERSECT ALL"),
                (*op == SetOperator::Minus, "MINUS"),
            ])?;
            check_body(left)?;
            check_body(right)
        }
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            ControlFlow::Break(Error::unsupported("a data-modifying statement in WITH"))
        }
        SetExpr::Table(_) => ControlFlow::Break(Error::unsupported("TABLE in this place")),
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => ControlFlow::Continue(()),
    }
}

fn check_select(select: &Select) -> ControlFlow<Error> {
    if select.into.is_some() {
        let error = Error::unsupported("SELECT INTO").hint("Use CREATE TABLE ... AS SELECT.");
        return ControlFlow::Break(error);
    }
    refuse(&[
        (select.top.is_some(), "TOP"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (select.value_table_mode.is_some(), "SELECT AS STRUCT"),
        (select.flavor != SelectFlavor::Standard, "FROM before SELECT"),
    ])
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
    fn table_factor(&mut self, factor: &mut TableFactor) -> Result<()> {
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
        let travelled = |travel: Option<TableVersion>| travel.map(time_travel).transpose();
        let [first] = parts.as_slice() else {
            let travel = travelled(travel).map_err(placed)?;
            return self.relation(&parts, name, alias, travel, position).map_err(placed);
        };
        if !self.scopes.iter().any(|scope| scope.shows(first)) {
            let travel = travelled(travel).map_err(placed)?;
            return self.relation(&parts, name, alias, travel, position).map_err(placed);
        }
        match travel {
            None => Ok(()),
            Some(_) => Err(placed(versionless(&format!("common table expression \"{first}\"")))),
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
