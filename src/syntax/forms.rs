//! Forms of Postgres' expressions that the planner does not know, in forms it does.
//!
//! Its one idea: each form has one meaning by its shape alone, whatever its names and types are; what needs
//! types is left to functions whose names no one writes (`__any`).

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, Query, TableAlias, TableAliasColumnDef, UnaryOperator,
    Value,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::error::{Error, ErrorKind, Result};

use super::rewrite::fold;
use super::{arrays, rows};

/// Collations under which text is ordered as it is here: by its bytes.
const COLLATIONS: [&str; 6] = ["default", "c", "posix", "ucs_basic", "c.utf-8", "c.utf8"];

/// Rewrites `expr`, not what it is made of.
///
/// # Errors
/// `UndefinedObject` for a collation, `FeatureNotSupported` for forms that have no other.
pub(super) fn respell(expr: &mut Expr) -> Result<()> {
    if let Some(compared) = rows::compared(expr)? {
        *expr = compared;
        return Ok(());
    }
    match expr {
        Expr::Collate { expr: inner, collation } => {
            let name = collation.0.last().and_then(|part| part.as_ident()).map(fold);
            let known = name.as_deref().is_some_and(|name| {
                COLLATIONS.iter().any(|known| name.eq_ignore_ascii_case(known))
            });
            if !known {
                let message = format!("collation {collation} for encoding \"UTF8\" does not exist");
                return Err(Error::new(ErrorKind::UndefinedObject, message)
                    .hint("Text is ordered by its bytes: COLLATE \"C\"."));
            }
            *expr = nested(inner.as_ref().clone());
        }
        Expr::BinaryOp { left, op: BinaryOperator::PGCustomBinaryOperator(parts), right } => {
            *expr = custom(left, parts.last().map_or("", String::as_str), right)?;
            return respell(expr);
        }
        Expr::AnyOp { left, compare_op, right, .. } => {
            *expr = of_any(left, compare_op, right, "__any")?;
        }
        Expr::AllOp { left, compare_op, right } => {
            *expr = of_any(left, compare_op, right, "__all")?;
        }
        Expr::Substring { expr: value, substring_from: Some(pattern), substring_for, .. }
            if is_text(pattern) =>
        {
            let mut arguments = vec![value.as_ref().clone(), pattern.as_ref().clone()];
            arguments.extend(substring_for.as_deref().cloned());
            *expr = call("__substring_matching", arguments);
        }
        // `(row).field` of what is no table's.
        Expr::CompoundFieldAccess { root, access_chain } => {
            if let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice()
                && matches!(root.as_ref(), Expr::Nested(_))
            {
                let name = text(&fold(field));
                *expr = call("get_field", vec![root.as_ref().clone(), name]);
            }
        }
        Expr::Like { .. } | Expr::ILike { .. } | Expr::SimilarTo { .. } => pattern(expr),
        Expr::Function(function) => {
            if let Some(array) = array_of_query(function)? {
                *expr = array;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Matches with a pattern.
fn pattern(expr: &mut Expr) {
    match expr {
        Expr::Like { any: true, expr: value, pattern, negated, .. } => {
            let symbol = if *negated { "!~~" } else { "~~" };
            let arguments = vec![text(symbol), value.as_ref().clone(), pattern.as_ref().clone()];
            *expr = call("__any", arguments);
        }
        Expr::ILike { any: true, expr: value, pattern, negated, .. } => {
            let symbol = if *negated { "!~~*" } else { "~~*" };
            let arguments = vec![text(symbol), value.as_ref().clone(), pattern.as_ref().clone()];
            *expr = call("__any", arguments);
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            if let Some(escape) = escape_char.take() {
                let arguments = vec![pattern.as_ref().clone(), Expr::Value(escape)];
                **pattern = call("__like_pattern", arguments);
            }
        }
        Expr::SimilarTo { negated, expr: value, pattern, escape_char } => {
            let mut arguments = vec![value.as_ref().clone(), pattern.as_ref().clone()];
            arguments.extend(escape_char.clone().map(Expr::Value));
            let similar = call("__similar_to", arguments);
            *expr = if *negated { not(similar) } else { similar };
        }
        _ => {}
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_)))
}

pub(super) fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

pub(super) fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(nested(expr)) }
}

pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

pub(super) fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_owned()))
}

/// `a OP b OP c`, in brackets.
pub(super) fn joined(terms: Vec<Expr>, op: BinaryOperator) -> Expr {
    let all = terms.into_iter().reduce(|all, term| binary(all, op.clone(), term));
    nested(all.unwrap_or_else(|| Expr::value(Value::Boolean(false))))
}

/// `name(args)`.
pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(argument).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

pub(super) fn aliased(name: &str, columns: Vec<TableAliasColumnDef>) -> TableAlias {
    let name = Ident { value: name.to_owned(), quote_style: Some('"'), span: Span::empty() };
    TableAlias { explicit: true, name, columns, at: None }
}

/// `OPERATOR(pg_catalog.~)`: the operator by its own symbol.
fn custom(left: &Expr, symbol: &str, right: &Expr) -> Result<Expr> {
    let op = match symbol {
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "%" => BinaryOperator::Modulo,
        "||" => BinaryOperator::StringConcat,
        "&" => BinaryOperator::BitwiseAnd,
        "|" => BinaryOperator::BitwiseOr,
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" | "!~~" | "~~*" | "!~~*" => return Ok(like(left, symbol, right)),
        other => return Err(Error::unsupported(format!("OPERATOR({other})"))),
    };
    Ok(Expr::BinaryOp { left: Box::new(left.clone()), op, right: Box::new(right.clone()) })
}

fn like(left: &Expr, symbol: &str, right: &Expr) -> Expr {
    let (expr, pattern) = (Box::new(left.clone()), Box::new(right.clone()));
    let (negated, any, escape_char) = (symbol.starts_with('!'), false, None);
    if symbol.ends_with('*') {
        return Expr::ILike { negated, any, expr, pattern, escape_char };
    }
    Expr::Like { negated, any, expr, pattern, escape_char }
}

/// `x = ANY (array)`; with a query in place of the array, `x IN (query)`.
fn of_any(left: &Expr, op: &BinaryOperator, right: &Expr, function: &str) -> Result<Expr> {
    if let Expr::Subquery(subquery) = right {
        let negated = match (function, op) {
            ("__any", BinaryOperator::Eq) => false,
            ("__all", BinaryOperator::NotEq) => true,
            // The smallest or largest of the query's values decides in the other cases.
            _ => return Ok(compared_with_query(left, op, subquery, function)),
        };
        let (expr, subquery) = (Box::new(left.clone()), subquery.clone());
        return Ok(Expr::InSubquery { expr, subquery, negated });
    }
    let symbol = match op {
        BinaryOperator::PGCustomBinaryOperator(parts) => parts.last().cloned().unwrap_or_default(),
        BinaryOperator::PGLikeMatch => "~~".to_owned(),
        BinaryOperator::PGNotLikeMatch => "!~~".to_owned(),
        other => other.to_string(),
    };
    Ok(call(function, vec![text(&symbol), left.clone(), right.clone()]))
}

/// `x > ANY (query)` over the array of the query's values.
fn compared_with_query(left: &Expr, op: &BinaryOperator, query: &Query, function: &str) -> Expr {
    let array = arrays::of_query(query);
    call(function, vec![text(&op.to_string()), left.clone(), array])
}

/// `ARRAY(SELECT ...)`.
fn array_of_query(function: &Function) -> Result<Option<Expr>> {
    let FunctionArguments::Subquery(query) = &function.args else { return Ok(None) };
    if !function.name.to_string().eq_ignore_ascii_case("array") {
        return Err(Error::unsupported("a query as the argument of a function"));
    }
    Ok(Some(arrays::of_query(query)))
}
