//! Positions in ORDER BY beside GROUP BY, as what stands there.
//!
//! The planner takes `ORDER BY 2` for the result column's name, and of a query with groups it does not find
//! that name again where the column is made of aggregates and has no name of its own.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, GroupByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Value, Visit,
    Visitor,
};

use super::chance;

/// Puts the result column's expression where its position stands.
pub(super) fn as_expressions(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    if select.distinct.is_some() {
        return;
    }
    let Some(order) = &mut query.order_by else { return };
    let OrderByKind::Expressions(keys) = &mut order.kind else { return };
    for key in keys {
        if let Some(column) = at_position(select, &key.expr) {
            key.expr = column.clone();
        }
    }
}

/// The result column without a name at this position, when it is made of aggregates.
fn at_position<'a>(select: &'a Select, position: &Expr) -> Option<&'a Expr> {
    let Expr::Value(value) = position else { return None };
    let Value::Number(number, _) = &value.value else { return None };
    let number: usize = number.parse().ok()?;
    let named = |item: &SelectItem| {
        matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
    };
    if !select.projection.iter().all(named) {
        return None;
    }
    let SelectItem::UnnamedExpr(column) = select.projection.get(number.checked_sub(1)?)? else {
        return None;
    };
    let mut calls = Calls { aggregates: false, windows: false, others: false };
    let _ = column.visit(&mut calls);
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    // Of windows over groups, the planner makes one of two that are the same.
    let is_found = calls.aggregates && !calls.windows || grouped && is_made_up(column);
    (is_found && !calls.others).then_some(column)
}

fn is_made_up(column: &Expr) -> bool {
    !matches!(column, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_))
}

/// What is called in an expression.
struct Calls {
    /// An aggregate everybody knows.
    aggregates: bool,
    windows: bool,
    /// A query of its own, which is not to run twice, or a function of chance.
    others: bool,
}

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(Function { name, over, .. }) = expr {
            let name = name.to_string().to_lowercase();
            self.aggregates |= ["avg", "count", "max", "min", "sum"].contains(&name.as_str());
            self.windows |= over.is_some();
            self.others |= chance::is_volatile(&name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.others = true;
        ControlFlow::Continue(())
    }
}
