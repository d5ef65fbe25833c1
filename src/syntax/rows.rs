//! Rows of several values compared with each other, column by column.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query, Select,
    SelectItem, SetExpr, TableAliasColumnDef, Value,
};

use crate::error::{Error, ErrorKind, Result};

use super::arrays::select_from;
use super::forms::{aliased, binary, call, joined, nested, not};

/// `expr` without rows, if it compares some.
///
/// # Errors
/// `SyntaxError` for rows of different lengths, `FeatureNotSupported`.
pub(super) fn compared(expr: &Expr) -> Result<Option<Expr>> {
    Ok(match expr {
        Expr::BinaryOp { left, op, right } => match (row(left), row(right)) {
            (Some(lefts), Some(rights)) => Some(rows_compared(&lefts, op, &rights)?),
            _ => None,
        },
        Expr::InList { expr: value, list, negated } => {
            let Some(values) = row(value) else { return Ok(None) };
            let equal = |other: &Expr| {
                let others = row(other).ok_or_else(mismatch)?;
                rows_compared(&values, &BinaryOperator::Eq, &others)
            };
            let all = list.iter().map(equal).collect::<Result<Vec<_>>>()?;
            let any = joined(all, BinaryOperator::Or);
            Some(if *negated { not(any) } else { any })
        }
        Expr::InSubquery { expr: value, subquery, negated } => {
            let Some(values) = row(value) else { return Ok(None) };
            if *negated {
                return Err(Error::unsupported("NOT IN with rows of several columns")
                    .hint("Use NOT EXISTS."));
            }
            Some(row_among(&values, subquery))
        }
        // Of a row every value is NULL, or none is.
        Expr::IsNull(value) => row(value).map(|values| all_of(values, Expr::IsNull)),
        Expr::IsNotNull(value) => row(value).map(|values| all_of(values, Expr::IsNotNull)),
        _ => None,
    })
}

/// `SELECT (a, b)`: a row shown is `ROW(a, b)`.
pub(super) fn in_items(select: &mut Select) {
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
            && let Expr::Tuple(entries) = expr
        {
            *expr = call("row", std::mem::take(entries));
        }
    }
}

fn mismatch() -> Error {
    Error::new(ErrorKind::SyntaxError, "unequal number of entries in row expressions")
}

/// Whether this holds of all values.
pub(super) fn all_of(values: Vec<Expr>, holds: fn(Box<Expr>) -> Expr) -> Expr {
    let each = values.into_iter().map(|value| holds(Box::new(nested(value))));
    joined(each.collect(), BinaryOperator::And)
}

/// `(a, b)` where a value stands is `ROW(a, b)`.
pub(super) fn in_operands(expr: &mut Expr) {
    let as_row = |expr: &mut Expr| {
        if let Expr::Tuple(entries) = expr {
            *expr = call("row", std::mem::take(entries));
        }
    };
    match expr {
        Expr::Cast { expr, .. } => as_row(expr),
        Expr::Array(array) => array.elem.iter_mut().for_each(as_row),
        Expr::Function(function) => {
            let FunctionArguments::List(list) = &mut function.args else { return };
            for argument in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument {
                    as_row(argument);
                }
            }
        }
        _ => {}
    }
}

/// The entries of `(a, b)` or `ROW(a, b)`.
fn row(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Tuple(entries) => Some(entries.clone()),
        Expr::Nested(inner) => row(inner),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("row") => {
            let FunctionArguments::List(list) = &function.args else { return None };
            let entry = |argument: &FunctionArg| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(entry)) => Some(entry.clone()),
                _ => None,
            };
            list.args.iter().map(entry).collect::<Option<Vec<_>>>().filter(|row| !row.is_empty())
        }
        _ => None,
    }
}

fn rows_compared(lefts: &[Expr], op: &BinaryOperator, rights: &[Expr]) -> Result<Expr> {
    if lefts.len() != rights.len() {
        return Err(mismatch());
    }
    let pairs = || lefts.iter().cloned().zip(rights.iter().cloned());
    let all =
        |op: BinaryOperator| pairs().map(move |(l, r)| binary(nested(l), op.clone(), nested(r)));
    Ok(match op {
        BinaryOperator::Eq => joined(all(BinaryOperator::Eq).collect(), BinaryOperator::And),
        BinaryOperator::NotEq => joined(all(BinaryOperator::NotEq).collect(), BinaryOperator::Or),
        BinaryOperator::Lt | BinaryOperator::Gt | BinaryOperator::LtEq | BinaryOperator::GtEq => {
            let strict = match op {
                BinaryOperator::LtEq => BinaryOperator::Lt,
                BinaryOperator::GtEq => BinaryOperator::Gt,
                other => other.clone(),
            };
            let mut pairs: Vec<(Expr, Expr)> = pairs().collect();
            let Some((left, right)) = pairs.pop() else { return Err(mismatch()) };
            let last = binary(nested(left), op.clone(), nested(right));
            pairs.into_iter().rev().fold(last, |rest, (left, right)| {
                let less = binary(nested(left.clone()), strict.clone(), nested(right.clone()));
                let same = binary(nested(left), BinaryOperator::Eq, nested(right));
                let both = joined(vec![same, nested(rest)], BinaryOperator::And);
                joined(vec![less, both], BinaryOperator::Or)
            })
        }
        other => return Err(Error::unsupported(format!("the operator {other} between rows"))),
    })
}

/// `(a, b) IN (SELECT ...)` as the EXISTS it means where NULL and false are the same.
fn row_among(values: &[Expr], subquery: &Query) -> Expr {
    let name = |at: usize| Ident::with_quote('"', format!("__lakeport_among_{at}"));
    let equal = values.iter().enumerate().map(|(at, value)| {
        binary(nested(value.clone()), BinaryOperator::Eq, Expr::Identifier(name(at)))
    });
    let condition = joined(equal.collect(), BinaryOperator::And);
    let column = |at| TableAliasColumnDef { name: name(at), data_type: None };
    let columns = (0..values.len()).map(column).collect();
    let alias = aliased("__lakeport_among", columns);
    let mut exists = select_from(Box::new(subquery.clone()), alias, vec![one()]);
    if let SetExpr::Select(select) = exists.body.as_mut() {
        select.selection = Some(condition);
    }
    Expr::Exists { subquery: Box::new(exists), negated: false }
}

fn one() -> SelectItem {
    SelectItem::UnnamedExpr(Expr::value(Value::Number("1".to_owned(), false)))
}
