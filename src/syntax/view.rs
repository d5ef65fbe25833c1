//! The columns that a query, or what stands in its FROM, shows, in Postgres' order.
//!
//! Its one idea: names follow from the text once the columns of relations are known, so somebody else is asked for
//! those, and what cannot be told is `None`, not a guess.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins,
};

use super::columns::{ColumnName, of_item};
use super::forms::{binary, call};
use super::rewrite::fold;

/// The columns of a relation, by the parts of its name; `None` for one that is not known.
pub(super) type FindColumns<'a> = dyn Fn(&[String]) -> Option<Vec<String>> + 'a;

/// One column that FROM shows.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// The name of what it is of; none where several share it.
    pub(super) table: Option<String>,
    pub(super) name: String,
    /// What it is to the planner.
    pub(super) value: Expr,
    /// Whether it may be NULL for want of a row.
    pub(super) optional: bool,
    /// Whether its bare name may mean something else to the planner.
    pub(super) merged: bool,
    /// Whether it is the value that a function returns, so that the function's name stands for it.
    pub(super) lone: bool,
}

/// Common table expressions in view, the innermost last.
pub(super) type Commons = Vec<(String, Option<Vec<String>>)>;

/// Who finds columns.
pub(super) struct View<'a> {
    pub(super) find: &'a FindColumns<'a>,
    pub(super) commons: Commons,
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

impl View<'_> {
    /// Takes the common table expressions of `query` into view; how many there are.
    pub(super) fn enter(&mut self, query: &Query) -> usize {
        let Some(with) = &query.with else { return 0 };
        for cte in &with.cte_tables {
            let columns = renamed(self.of_query(&cte.query), &cte.alias);
            self.commons.push((fold(&cte.alias.name), columns));
        }
        with.cte_tables.len()
    }

    pub(super) fn leave(&mut self, count: usize) {
        self.commons.truncate(self.commons.len().saturating_sub(count));
    }

    /// The names of a query's columns.
    fn of_query(&mut self, query: &Query) -> Option<Vec<String>> {
        let entered = self.enter(query);
        let columns = self.of_body(&query.body);
        self.leave(entered);
        columns
    }

    fn of_body(&mut self, body: &SetExpr) -> Option<Vec<String>> {
        match body {
            SetExpr::Select(select) => self.of_select(select),
            SetExpr::Query(query) => self.of_query(query),
            SetExpr::SetOperation { left, .. } => self.of_body(left),
            SetExpr::Values(values) => {
                let width = values.rows.first()?.content.len();
                Some((1..=width).map(|at| format!("column{at}")).collect())
            }
            _ => None,
        }
    }

    fn of_select(&mut self, select: &Select) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => {
                    names.extend(self.of_from(&select.from)?.into_iter().map(|shown| shown.name));
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let table = name.0.last()?.as_ident().map(fold)?;
                    let shown = self.of_from(&select.from)?.into_iter();
                    names.extend(
                        shown
                            .filter(|shown| shown.table.as_ref() == Some(&table))
                            .map(|shown| shown.name),
                    );
                }
                item => match of_item(item) {
                    ColumnName::Named(name) => names.push(name),
                    ColumnName::Wildcard => return None,
                },
            }
        }
        Some(names)
    }

    /// What a FROM shows.
    pub(super) fn of_from(&mut self, from: &[TableWithJoins]) -> Option<Vec<Shown>> {
        let mut shown = Vec::new();
        for table in from {
            shown.extend(self.of_joins(table)?);
        }
        Some(shown)
    }

    fn of_joins(&mut self, table: &TableWithJoins) -> Option<Vec<Shown>> {
        let mut left = self.of_factor(&table.relation)?;
        for join in &table.joins {
            let right = self.of_factor(&join.relation)?;
            left = joined(left, right, join)?;
        }
        Some(left)
    }

    /// Of each join that shares columns which a full join before it shares already, what it joins by: the planner
    /// would ask the first table only, which may want the row.
    pub(super) fn conditions(&mut self, table: &TableWithJoins) -> Option<Vec<Option<Expr>>> {
        let mut left = self.of_factor(&table.relation)?;
        let mut conditions = Vec::with_capacity(table.joins.len());
        for join in &table.joins {
            let right = self.of_factor(&join.relation)?;
            let names = shared(&left, &right, optional(&join.join_operator)?.2)?;
            let column = |side: &[Shown], name: &String| {
                side.iter().find(|shown| shown.name == *name).map(|shown| shown.value.clone())
            };
            let pairs: Vec<(Expr, Expr)> = names
                .iter()
                .map(|name| Some((column(&left, name)?, column(&right, name)?)))
                .collect::<Option<_>>()?;
            let full = pairs.iter().any(|(left, _)| matches!(left, Expr::Function(_)));
            let equal = |(one, other)| binary(one, BinaryOperator::Eq, other);
            conditions.push(full.then(|| {
                super::forms::joined(pairs.into_iter().map(equal).collect(), BinaryOperator::And)
            }));
            left = joined(left, right, join)?;
        }
        Some(conditions)
    }

    fn of_factor(&mut self, factor: &TableFactor) -> Option<Vec<Shown>> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let parts: Vec<String> =
                    name.0.iter().map(|part| part.as_ident().map(fold)).collect::<Option<_>>()?;
                let columns = match parts.as_slice() {
                    [only] if self.commons.iter().any(|(known, _)| known == only) => {
                        let found = self.commons.iter().rev().find(|(known, _)| known == only);
                        found.and_then(|(_, columns)| columns.clone())
                    }
                    parts => (self.find)(parts),
                };
                match alias {
                    Some(alias) => Some(shown(fold(&alias.name), renamed(columns, alias)?)),
                    None => Some(shown(parts.last()?.clone(), columns?)),
                }
            }
            TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                let columns = renamed(self.of_query(subquery), alias)?;
                Some(shown(fold(&alias.name), columns))
            }
            TableFactor::UNNEST { alias: Some(alias), .. } => {
                let columns: Vec<String> =
                    alias.columns.iter().map(|column| fold(&column.name)).collect();
                let lone = columns.len() == 1;
                let columns = shown(fold(&alias.name), columns).into_iter();
                Some(columns.map(|column| Shown { lone, ..column }).collect())
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.of_joins(table_with_joins)
            }
            _ => None,
        }
    }
}

fn shown(table: String, columns: Vec<String>) -> Vec<Shown> {
    let column = |name: String| Shown {
        value: Expr::CompoundIdentifier(vec![quoted(&table), quoted(&name)]),
        table: Some(table.clone()),
        name,
        optional: false,
        merged: false,
        lone: false,
    };
    columns.into_iter().map(column).collect()
}

/// What an alias names comes first.
fn renamed(columns: Option<Vec<String>>, alias: &TableAlias) -> Option<Vec<String>> {
    let mut columns = columns?;
    for (column, named) in columns.iter_mut().zip(&alias.columns) {
        *column = fold(&named.name);
    }
    Some(columns)
}

/// Which sides of a join may want a row; `None` for joins that are none of Postgres'.
fn optional(operator: &JoinOperator) -> Option<(bool, bool, &JoinConstraint)> {
    Some(match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::CrossJoin(constraint) => (false, false, constraint),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
            (false, true, constraint)
        }
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
            (true, false, constraint)
        }
        JoinOperator::FullOuter(constraint) => (true, true, constraint),
        _ => return None,
    })
}

/// The names of the columns that a join shares.
fn shared(left: &[Shown], right: &[Shown], constraint: &JoinConstraint) -> Option<Vec<String>> {
    Some(match constraint {
        JoinConstraint::Using(names) => {
            let last = |name: &ObjectName| name.0.last()?.as_ident().map(fold);
            names.iter().map(last).collect::<Option<_>>()?
        }
        JoinConstraint::Natural => left
            .iter()
            .map(|shown| shown.name.clone())
            .filter(|name| right.iter().any(|shown| shown.name == *name))
            .collect(),
        JoinConstraint::On(_) | JoinConstraint::None => Vec::new(),
    })
}

/// The columns of a join: those both sides share, then the left side's, then the right side's.
fn joined(mut left: Vec<Shown>, mut right: Vec<Shown>, join: &Join) -> Option<Vec<Shown>> {
    let (left_optional, right_optional, constraint) = optional(&join.join_operator)?;
    let names = shared(&left, &right, constraint)?;
    let mut all = Vec::new();
    for name in names {
        let take = |side: &mut Vec<Shown>| {
            let at = side.iter().position(|shown| shown.name == name)?;
            Some(side.remove(at))
        };
        let (one, other) = (take(&mut left)?, take(&mut right)?);
        let value = match (left_optional, right_optional) {
            (true, true) => call("coalesce", vec![one.value, other.value]),
            (true, false) => other.value,
            _ => one.value,
        };
        let optional = left_optional && right_optional;
        // Inside a subquery the planner would take the bare name for a column further out.
        all.push(Shown { table: None, name, value, optional, merged: true, lone: false });
    }
    for shown in &mut left {
        shown.optional |= left_optional;
    }
    for shown in &mut right {
        shown.optional |= right_optional;
    }
    all.extend(left);
    all.extend(right);
    Some(all)
}
