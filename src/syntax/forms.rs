//! Forms of Postgres' expressions that the planner does not know, in forms it does.
//!
//! Its one idea: each form has one meaning by its shape alone, whatever its names and types are; what needs
//! types is left to functions whose names no one writes (`__any`).

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, DuplicateTreatment, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, OrderByExpr, OrderByOptions, Query, Subscript, TableAlias,
    TableAliasColumnDef, UnaryOperator, Value,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::error::{Error, ErrorKind, Result};

use super::rewrite::fold;
use super::{arrays, calls, named, patterns, rows, wholes};

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
    rows::in_operands(expr);
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
        Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => distinct(expr),
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
        Expr::Substring { substring_from, substring_for, .. } => {
            let places = substring_from.iter_mut().chain(substring_for);
            places.for_each(|place| patterns::whole(place));
        }
        Expr::CompoundFieldAccess { .. } => access(expr),
        Expr::Like { .. } | Expr::ILike { .. } | Expr::SimilarTo { .. } => patterns::respell(expr),
        Expr::BinaryOp { .. } | Expr::UnaryOp { .. } => operator(expr),
        Expr::Function(function) => {
            calls::renamed(function);
            named::in_order(function)?;
            if !function.name.to_string().eq_ignore_ascii_case("row") {
                wholes::starred(&mut function.args);
            }
            patterns::places(function);
            if let Some(respelt) = in_order(function) {
                *expr = respelt;
                return Ok(());
            }
            if let Some(collected) = json_collected(function) {
                *expr = collected;
                return Ok(());
            }
            if let Some(array) = array_of_query(function)? {
                *expr = array;
            }
        }
        _ => {}
    }
    Ok(())
}

/// A literal that is to be distinct from a value takes the value's type, which the planner knows of functions.
fn distinct(expr: &mut Expr) {
    let (name, left, right) = match expr {
        Expr::IsDistinctFrom(left, right) => ("__is_distinct", left, right),
        Expr::IsNotDistinctFrom(left, right) => ("__is_not_distinct", left, right),
        _ => return,
    };
    if is_text(left) || is_text(right) {
        *expr = call(name, vec![left.as_ref().clone(), right.as_ref().clone()]);
    }
}

/// What is asked of an array or of a row.
fn access(expr: &mut Expr) {
    // `(row).field` of what is no table's.
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return };
    for access in access_chain.iter_mut() {
        if let AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, .. }) = access {
            let number = |text: &str| Expr::value(Value::Number(text.to_owned(), false));
            lower_bound.get_or_insert_with(|| number("1"));
            upper_bound.get_or_insert_with(|| number("2147483647"));
        }
    }
    if let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice()
        && matches!(root.as_ref(), Expr::Nested(_))
    {
        let name = text(&fold(field));
        *expr = call("__field", vec![root.as_ref().clone(), name]);
    }
}

/// Operators that are functions.
fn operator(expr: &mut Expr) {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::PGExp, right } => {
            *expr = call("power", vec![left.as_ref().clone(), right.as_ref().clone()]);
        }
        Expr::BinaryOp { left, op: BinaryOperator::PGOverlap, right } => {
            *expr = call("array_has_any", vec![left.as_ref().clone(), right.as_ref().clone()]);
        }
        Expr::BinaryOp {
            left,
            op: op @ (BinaryOperator::AtQuestion | BinaryOperator::AtAt),
            right,
        } => *expr = named::path_operator(op, left, right),
        Expr::UnaryOp { op, expr: value } => {
            let value = value.as_ref().clone();
            match op {
                UnaryOperator::PGSquareRoot => *expr = call("sqrt", vec![value]),
                UnaryOperator::PGCubeRoot => *expr = call("cbrt", vec![value]),
                UnaryOperator::PGAbs => *expr = call("abs", vec![value]),
                UnaryOperator::BitwiseNot => {
                    let minus =
                        Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(nested(value)) };
                    let one = Expr::value(Value::Number("1".to_owned(), false));
                    *expr = nested(binary(minus, BinaryOperator::Minus, one));
                }
                _ => {}
            }
        }
        _ => {}
    }
}

/// DISTINCT sorts in Postgres, and the engine gives what it finds in no order unless one is asked for.
fn in_order(function: &mut Function) -> Option<Expr> {
    let name = function.name.to_string().to_ascii_lowercase();
    if name == "array_position" {
        function.name = ObjectName::from(vec![Ident::new("list_position")]);
        return Some(Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(Expr::Function(function.clone())),
            data_type: DataType::Int(None),
            array: false,
            format: None,
        });
    }
    if !matches!(name.as_str(), "string_agg" | "array_agg") {
        return None;
    }
    let FunctionArguments::List(list) = &mut function.args else { return None };
    let sorted =
        list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)));
    // Several that are sorted each by its own the engine takes as arrays only.
    let joins = name == "string_agg" && sorted && list.args.get(1).is_some_and(is_separator);
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    if !distinct && (!joins || function.over.is_some()) {
        return None;
    }
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(item)) = list.args.first()?.clone() else {
        return None;
    };
    if !sorted {
        let options = OrderByOptions { asc: None, nulls_first: None };
        let by = OrderByExpr { expr: item.clone(), options, with_fill: None };
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![by]));
    }
    if name == "array_agg" {
        return None;
    }
    // Of no values at all there is no text, and not an empty one.
    let known = Expr::IsNotNull(Box::new(nested(item.clone())));
    function.filter = Some(Box::new(match function.filter.take() {
        Some(filter) => binary(nested(*filter), BinaryOperator::And, known),
        None => known,
    }));
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(separator)) = list.args.pop()? else {
        return None;
    };
    function.name = ObjectName::from(vec![Ident::new("array_agg")]);
    let collected = Expr::Function(function.clone());
    Some(call("array_to_string", vec![collected, separator]))
}

fn is_separator(arg: &FunctionArg) -> bool {
    matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if is_text(expr))
}

/// An aggregate of json as the text of what `array_agg` collects.
fn json_collected(function: &Function) -> Option<Expr> {
    let name = function.name.to_string().to_ascii_lowercase();
    let (join, to_json, object) = match name.as_str() {
        "json_agg" => ("__json_join", "__json_item", false),
        "jsonb_agg" => ("__jsonb_join", "to_jsonb", false),
        "json_object_agg" => ("__json_object_join", "to_json", true),
        "jsonb_object_agg" => ("__jsonb_object_join", "to_jsonb", true),
        _ => return None,
    };
    let FunctionArguments::List(list) = &function.args else { return None };
    let argument = |at: usize| match list.args.get(at)? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let collected = |item: Expr| {
        let mut function = function.clone();
        function.name = ObjectName::from(vec![Ident::new("array_agg")]);
        if let FunctionArguments::List(list) = &mut function.args {
            list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(item))];
        }
        Expr::Function(function)
    };
    if !object {
        return Some(call(join, vec![collected(call(to_json, vec![argument(0)?]))]));
    }
    let name = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(argument(0)?),
        data_type: DataType::Text,
        array: false,
        format: None,
    };
    let value = call(to_json, vec![argument(1)?]);
    Some(call(join, vec![collected(name), collected(value)]))
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
