//! Functions that return sets, in ORDER BY.
//!
//! Its one idea: such a function makes rows before these are sorted, so it belongs into SELECT, in a column that
//! nobody is shown.

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, TableAliasColumnDef, Value,
};

use crate::error::{Error, ErrorKind, Result};

use super::arrays::select_from;
use super::columns::{ColumnName, HIDDEN, of_item};
use super::forms::aliased;
use super::rewrite::fold;
use super::series::is_set_returning;

/// Moves them there.
///
/// # Errors
/// `InvalidColumnReference` beside DISTINCT, `FeatureNotSupported` beside `*` and after UNION.
pub(super) fn sets(query: &mut Query) -> Result<()> {
    let Some(order) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::Expressions(keys) = &mut order.kind else { return Ok(()) };
    if !keys.iter().any(|key| is_set_returning(&key.expr)) {
        return Ok(());
    }
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(Error::unsupported("a set-returning function in ORDER BY of several queries"));
    };
    let mut wanting = false;
    for key in keys.iter_mut().filter(|key| is_set_returning(&key.expr)) {
        match select.projection.iter().position(|item| of(item) == Some(&key.expr)) {
            Some(at) => key.expr = Expr::value(Value::Number((at + 1).to_string(), false)),
            None => wanting = true,
        }
    }
    if !wanting {
        return Ok(());
    }
    if select.distinct.is_some() {
        let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
        return Err(Error::new(ErrorKind::InvalidColumnReference, message));
    }
    let shown = named_apart(select)?;
    for (at, key) in keys.iter_mut().enumerate() {
        let column = match &key.expr {
            Expr::Value(_) => continue,
            Expr::Identifier(name) => shown.iter().find(|(_, known)| *known == fold(name)),
            _ => None,
        };
        let name = column.map(|(name, _)| name.clone()).unwrap_or_else(|| {
            let name = Ident::with_quote('"', format!("__lakeport_order_{at}"));
            let expr = key.expr.clone();
            select.projection.push(SelectItem::ExprWithAlias { expr, alias: name.clone() });
            name
        });
        key.expr = Expr::Identifier(name);
    }
    let mut inner = query.clone();
    (inner.with, inner.order_by, inner.limit_clause, inner.fetch) = (None, None, None, None);
    let items = shown.into_iter().map(|(name, _)| SelectItem::UnnamedExpr(Expr::Identifier(name)));
    let alias = aliased("__lakeport_ordered", Vec::<TableAliasColumnDef>::new());
    let outer = select_from(Box::new(inner), alias, items.collect());
    query.body = outer.body;
    Ok(())
}

fn of(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The result columns, each under a name that no other has, and that it is to be shown by.
fn named_apart(select: &mut Select) -> Result<Vec<(Ident, String)>> {
    let mut shown = Vec::with_capacity(select.projection.len());
    for (at, item) in select.projection.iter_mut().enumerate() {
        let (ColumnName::Named(name), Some(expr)) = (of_item(item), of(item)) else {
            return Err(Error::unsupported("a set-returning function in ORDER BY beside *")
                .hint("Name the columns, or put the function into SELECT."));
        };
        let alias = Ident::with_quote('"', format!("{HIDDEN}{at}:{name}"));
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: alias.clone() };
        shown.push((alias, name));
    }
    Ok(shown)
}
