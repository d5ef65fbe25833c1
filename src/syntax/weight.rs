//! How much a query reads once every name in it is written out.
//!
//! Its one idea: a common table expression is planned anew wherever it is named, so ten of them that each read the one
//! before twice are a thousand; that is counted here, before anybody makes them.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{ObjectNamePart, Query, TableFactor, Visit, Visitor};

use super::rewrite::fold;

/// The relations that `tree` reads, each as often as it is read, where a relation of these parts reads `of`.
pub(super) fn relations(tree: &Statement, of: &dyn Fn(&[String]) -> u64) -> u64 {
    let Statement::Statement(tree) = tree else { return 0 };
    let mut weigher = Weigher { of, scopes: vec![Scope::default()] };
    let _ = tree.visit(&mut weigher);
    weigher.scopes.first().map_or(0, |scope| scope.weight)
}

struct Weigher<'a> {
    of: &'a dyn Fn(&[String]) -> u64,
    scopes: Vec<Scope>,
}

#[derive(Default)]
struct Scope {
    names: Vec<String>,
    // Of the first names; their queries are the first that are visited inside.
    weights: Vec<u64>,
    weight: u64,
}

impl Weigher<'_> {
    fn of_name(&self, parts: &[String]) -> u64 {
        if let [name] = parts {
            let known = self.scopes.iter().rev().find_map(|scope| {
                let at = scope.names.iter().position(|known| known == name)?;
                // One that reads itself does so once.
                Some(scope.weights.get(at).copied().unwrap_or(1))
            });
            if let Some(known) = known {
                return known;
            }
        }
        (self.of)(parts)
    }
}

impl Visitor for Weigher<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        let names = tables.map(|table| fold(&table.alias.name)).collect();
        self.scopes.push(Scope { names, ..Scope::default() });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        let weight = self.scopes.pop().map_or(0, |scope| scope.weight);
        if let Some(outer) = self.scopes.last_mut() {
            if outer.weights.len() < outer.names.len() {
                outer.weights.push(weight.max(1));
            } else {
                outer.weight = outer.weight.saturating_add(weight.max(1));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let parts = name.0.iter().filter_map(|part| match part {
            ObjectNamePart::Identifier(part) => Some(fold(part)),
            ObjectNamePart::Function(_) => None,
        });
        let weight = self.of_name(&parts.collect::<Vec<_>>());
        if let Some(scope) = self.scopes.last_mut() {
            scope.weight = scope.weight.saturating_add(weight);
        }
        ControlFlow::Continue(())
    }
}
