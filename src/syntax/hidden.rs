//! The columns every catalog of Postgres' has and `*` does not show: `tableoid`, `xmin`, `ctid`, ...
//!
//! Its one idea: the FROM of a SELECT tells which names mean catalogs; only their columns are answered for,
//! here, by constants: a catalog here has no rows that move.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Select, TableFactor,
    TableWithJoins, Value, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

use super::rewrite::fold;

/// Answers for the hidden columns that `select` asks of the catalogs in its FROM.
pub(super) fn answer(select: &mut Select) {
    let mut catalogs = Vec::new();
    for tables in &select.from {
        named(tables, &mut catalogs);
    }
    if catalogs.is_empty() {
        return;
    }
    let mut answers = Answers { catalogs };
    let _ = select.projection.visit(&mut answers);
    let _ = select.selection.visit(&mut answers);
    let _ = select.group_by.visit(&mut answers);
    for tables in &mut select.from {
        for join in &mut tables.joins {
            if let JoinOperator::Join(JoinConstraint::On(on))
            | JoinOperator::Inner(JoinConstraint::On(on))
            | JoinOperator::Left(JoinConstraint::On(on))
            | JoinOperator::LeftOuter(JoinConstraint::On(on)) = &mut join.join_operator
            {
                let _ = on.visit(&mut answers);
            }
        }
    }
}

/// Names by which catalogs are called, and the catalogs.
fn named(tables: &TableWithJoins, catalogs: &mut Vec<(String, String)>) {
    let joined = tables.joins.iter().map(|join| &join.relation);
    for factor in std::iter::once(&tables.relation).chain(joined) {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let Some(catalog) = catalog(name) else { continue };
                let called = alias.as_ref().map_or_else(|| catalog.clone(), |a| fold(&a.name));
                catalogs.push((called, catalog));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => named(table_with_joins, catalogs),
            _ => {}
        }
    }
}

/// The catalog a name means, which begins with `pg_`.
fn catalog(name: &ObjectName) -> Option<String> {
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident().map(fold)).collect();
    match parts.as_slice() {
        [relation] if relation.starts_with("pg_") => Some(relation.clone()),
        [schema, relation] if schema == "pg_catalog" => Some(relation.clone()),
        _ => None,
    }
}

struct Answers {
    catalogs: Vec<(String, String)>,
}

impl VisitorMut for Answers {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let (table, column) = match expr {
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, column] => (Some(fold(table)), fold(column)),
                _ => return ControlFlow::Continue(()),
            },
            Expr::Identifier(column) if self.catalogs.len() == 1 => (None, fold(column)),
            _ => return ControlFlow::Continue(()),
        };
        let found = self
            .catalogs
            .iter()
            .find(|(called, _)| table.as_ref().is_none_or(|table| table == called));
        if let Some((_, catalog)) = found
            && let Some(answer) = hidden(&column, catalog)
        {
            *expr = answer;
        }
        ControlFlow::Continue(())
    }
}

fn hidden(column: &str, catalog: &str) -> Option<Expr> {
    let typed = |value: &str, name: &str| Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::value(Value::SingleQuotedString(value.to_owned()))),
        data_type: DataType::Custom(ObjectName::from(vec![Ident::new(name)]), Vec::new()),
        array: false,
        format: None,
    };
    Some(match column {
        "tableoid" => Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(typed(&format!("pg_catalog.{catalog}"), "regclass")),
            data_type: DataType::Custom(ObjectName::from(vec![Ident::new("oid")]), Vec::new()),
            array: false,
            format: None,
        },
        "xmin" => typed("1", "xid"),
        "xmax" => typed("0", "xid"),
        "cmin" | "cmax" => typed("0", "cid"),
        _ => return None,
    })
}
