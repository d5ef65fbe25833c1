//! `ARRAY(SELECT ...)`: a query as the array of its one column.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArgumentClause, FunctionArguments, GroupByExpr, Ident, OrderByExpr, OrderByKind,
    Query, Select, SelectFlavor, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor,
    TableWithJoins,
};

use super::forms::{aliased, call};
use super::rewrite::fold;

/// `(SELECT __array_of(column ORDER BY keys) FROM ...)`, never NULL.
pub(super) fn of_query(query: &Query) -> Expr {
    let mut query = query.clone();
    let keys = match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::Expressions(keys)) => keys.clone(),
        _ => Vec::new(),
    };
    let positional = keys.iter().any(|key| matches!(&key.expr, Expr::Value(_)));
    let collected = |item: Expr, ordered: bool| {
        let mut call = call("__array_of", vec![item]);
        if let (true, Expr::Function(function)) = (ordered, &mut call)
            && let FunctionArguments::List(list) = &mut function.args
        {
            let order = FunctionArgumentClause::OrderBy(keys.clone());
            list.clauses.push(order);
        }
        SelectItem::UnnamedExpr(call)
    };
    let limited = query.limit_clause.is_some() || query.fetch.is_some();
    if let SetExpr::Select(select) = query.body.as_mut()
        && let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
            select.projection.as_slice()
        && select.distinct.is_none()
        && select.having.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty())
        && !limited
        && !positional
        && !super::series::is_set_returning(item)
        && !has_aggregate(item)
        && !names_item(&select.projection, &keys)
    {
        let item = item.clone();
        select.projection = vec![collected(item, !keys.is_empty())];
        query.order_by = None;
        return Expr::Subquery(Box::new(query));
    }
    let column = Ident::with_quote('"', "__lakeport_item");
    let columns = vec![TableAliasColumnDef { name: column.clone(), data_type: None }];
    let items = vec![collected(Expr::Identifier(column), false)];
    let alias = aliased("__lakeport_items", columns);
    Expr::Subquery(Box::new(select_from(Box::new(query), alias, items)))
}

/// Whether an ORDER BY names the item by its alias, which it has not inside an aggregate.
fn names_item(items: &[SelectItem], keys: &[OrderByExpr]) -> bool {
    let [SelectItem::ExprWithAlias { alias, .. }] = items else { return false };
    keys.iter().any(|key| matches!(&key.expr, Expr::Identifier(name) if fold(name) == fold(alias)))
}

fn has_aggregate(item: &Expr) -> bool {
    const AGGREGATES: [&str; 8] =
        ["count", "sum", "min", "max", "avg", "array_agg", "string_agg", "bool_and"];
    match item {
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            let name = name.rsplit('.').next().unwrap_or_default();
            AGGREGATES.contains(&name)
        }
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => has_aggregate(inner),
        _ => false,
    }
}

/// `SELECT items FROM (query) AS alias`.
pub(super) fn select_from(query: Box<Query>, alias: TableAlias, items: Vec<SelectItem>) -> Query {
    let relation = TableFactor::Derived {
        lateral: false,
        subquery: query.clone(),
        alias: Some(alias),
        sample: None,
    };
    let mut select = empty_select();
    select.projection = items;
    select.from = vec![TableWithJoins { relation, joins: Vec::new() }];
    let mut outer = *query;
    outer.with = None;
    outer.order_by = None;
    outer.limit_clause = None;
    outer.fetch = None;
    outer.body = Box::new(SetExpr::Select(Box::new(select)));
    outer
}

fn empty_select() -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: Vec::new(),
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}
