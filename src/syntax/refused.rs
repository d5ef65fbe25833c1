//! Clauses that sqlparser reads and the planner would ignore or take for something else.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, LimitClause, Query, Select, SelectFlavor, SetExpr, SetOperator, Value,
};

use crate::error::{Error, ErrorKind};

pub(super) fn refuse(clauses: &[(bool, &str)]) -> ControlFlow<Error> {
    match clauses.iter().find(|(written, _)| *written) {
        None => ControlFlow::Continue(()),
        Some((_, clause)) => ControlFlow::Break(Error::unsupported(clause)),
    }
}

// `FETCH FIRST 3 ROWS ONLY` is `LIMIT 3`.
pub(super) fn fetch_as_limit(query: &mut Query) -> ControlFlow<Error> {
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

pub(super) fn check_body(body: &SetExpr) -> ControlFlow<Error> {
    match body {
        SetExpr::SetOperation { left, op, right, .. } => {
            refuse(&[(*op == SetOperator::Minus, "MINUS")])?;
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

pub(super) fn check_select(select: &Select) -> ControlFlow<Error> {
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
