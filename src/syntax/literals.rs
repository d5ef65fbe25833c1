//! Literals as Postgres types them: a whole number is an `integer` where one is large enough, a text in VALUES
//! what the others of its column are.
//!
//! The planner makes every whole number a `bigint`; a cast says otherwise. Numbers that are no values
//! but say something to the planner (a position, a count, a frame) are left as they stand. sqlparser's
//! mark of a `long` number, which Postgres does not have, tells the two apart on the way down.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Distinct, Expr, FunctionArg, FunctionArgExpr, GroupByExpr, LimitClause,
    NamedWindowExpr, OrderByKind, Query, Select, SetExpr, UnaryOperator, Value, WindowFrame,
    WindowFrameBound, WindowType,
};

use super::digits::is_unconstrained;

/// Marks an interval that is to stay as it stands; no one writes this precision.
pub(super) const SETTLED: u64 = u64::MAX;

/// Gives a whole number its type.
pub(super) fn type_integer(expr: &mut Expr) {
    match expr {
        Expr::Value(value) => {
            if let Value::Number(number, settled) = &mut value.value
                && !std::mem::take(settled)
                && number.parse::<i32>().is_ok()
            {
                to_integer(expr);
            }
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: operand } => {
            let Value::Number(number, false) = &(match operand.as_ref() {
                Expr::Value(value) => value,
                Expr::Nested(inner) => match inner.as_ref() {
                    Expr::Value(value) => value,
                    _ => return,
                },
                _ => return,
            })
            .value
            else {
                return;
            };
            // The sign belongs to the number: there is one more below zero than above.
            let number = format!("-{number}");
            if number.parse::<i32>().is_ok() {
                to_integer(expr);
            } else if number == i64::MIN.to_string() {
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(Expr::value(Value::SingleQuotedString(number))),
                    data_type: DataType::BigInt(None),
                    array: false,
                    format: None,
                };
            }
        }
        Expr::Interval(interval) => keep(&mut interval.value),
        Expr::Function(function) => {
            if let Some(WindowType::WindowSpec(window)) = &mut function.over {
                window.window_frame.iter_mut().for_each(keep_frame);
            }
        }
        _ => {}
    }
}

fn to_integer(expr: &mut Expr) {
    let mut number = expr.clone();
    keep(&mut number);
    *expr = cast(number, DataType::Int(None));
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    let (kind, expr) = (CastKind::Cast, Box::new(expr));
    Expr::Cast { kind, expr, data_type, array: false, format: None }
}

/// Leaves a number as it stands.
fn keep(expr: &mut Expr) {
    match expr {
        Expr::Value(value) => {
            if let Value::Number(_, settled) = &mut value.value {
                *settled = true;
            }
        }
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => keep(expr),
        Expr::Interval(interval) => interval.leading_precision = Some(SETTLED),
        Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
            sets.iter_mut().flatten().for_each(keep);
        }
        _ => {}
    }
}

fn keep_frame(frame: &mut WindowFrame) {
    for bound in std::iter::once(&mut frame.start_bound).chain(&mut frame.end_bound) {
        match bound {
            WindowFrameBound::Preceding(Some(count)) | WindowFrameBound::Following(Some(count)) => {
                keep(count);
            }
            _ => {}
        }
    }
}

/// Texts and nulls of VALUES that have no type yet, in the type that another value of their column names.
pub(super) fn type_texts(body: &mut SetExpr) {
    let SetExpr::Values(values) = body else { return };
    let width = values.rows.iter().map(|row| row.content.len()).max().unwrap_or_default();
    for column in 0..width {
        let cells = || values.rows.iter().filter_map(|row| row.content.get(column));
        let Some(data_type) = cells().find_map(named_type) else { continue };
        let is_untyped = |expr: &Expr| matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_) | Value::Null));
        for row in &mut values.rows {
            if let Some(cell) = row.content.get_mut(column).filter(|cell| is_untyped(cell)) {
                *cell = cast(cell.clone(), data_type.clone());
            }
            // A numeric without a precision is told from others, also by the planner.
            let unconstrained = is_unconstrained(&data_type);
            if let Some(cell) =
                row.content.get_mut(column).filter(|cell| unconstrained && is_number(cell))
            {
                *cell = cast(cell.clone(), data_type.clone());
            }
        }
    }
}

fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } | Expr::Nested(expr) => is_number(expr),
        _ => false,
    }
}

fn named_type(expr: &Expr) -> Option<DataType> {
    match expr {
        Expr::Cast { data_type, array: false, format: None, .. } => Some(data_type.clone()),
        Expr::TypedString(typed) => Some(typed.data_type.clone()),
        _ => None,
    }
}

/// Positions in ORDER BY, counts of LIMIT and OFFSET.
pub(super) fn keep_in_query(query: &mut Query) {
    if let Some(order) = &mut query.order_by
        && let OrderByKind::Expressions(exprs) = &mut order.kind
    {
        exprs.iter_mut().for_each(|by| keep(&mut by.expr));
    }
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            limit.iter_mut().for_each(keep);
            offset.iter_mut().for_each(|offset| keep(&mut offset.value));
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
            keep(offset);
            keep(limit);
        }
        None => {}
    }
}

/// Positions in GROUP BY and DISTINCT ON, frames of named windows.
pub(super) fn keep_in_select(select: &mut Select) {
    if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
        exprs.iter_mut().for_each(keep);
    }
    if let Some(Distinct::On(exprs)) = &mut select.distinct {
        exprs.iter_mut().for_each(keep);
    }
    for window in &mut select.named_window {
        if let NamedWindowExpr::WindowSpec(window) = &mut window.1 {
            window.window_frame.iter_mut().for_each(keep_frame);
        }
    }
}

/// Arguments of a function in FROM.
pub(super) fn keep_in_arguments(args: &mut [FunctionArg]) {
    for arg in args {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
            | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
            | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expr), .. } => keep(expr),
            _ => {}
        }
    }
}
