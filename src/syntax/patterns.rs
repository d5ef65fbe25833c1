//! Texts matched with patterns, and places in texts, in forms the planner knows.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use super::forms::{call, not, text};

/// Rewrites a match with a pattern.
pub(super) fn respell(expr: &mut Expr) {
    if let Expr::Like { negated, expr: value, pattern, any: false, escape_char: None }
    | Expr::ILike { negated, expr: value, pattern, any: false, escape_char: None } = expr
        && let Some((function, array)) = quantified(pattern)
    {
        let (negation, value) = (if *negated { "!" } else { "" }, value.as_ref().clone());
        let case = if matches!(expr, Expr::ILike { .. }) { "*" } else { "" };
        *expr = call(function, vec![text(&format!("{negation}~~{case}")), value, array]);
        return;
    }
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

/// `ALL (array)` after LIKE, which is parsed as a call.
fn quantified(pattern: &Expr) -> Option<(&'static str, Expr)> {
    let Expr::Function(function) = pattern else { return None };
    let quantifier = match function.name.to_string().to_ascii_lowercase().as_str() {
        "all" => "__all",
        "any" | "some" => "__any",
        _ => return None,
    };
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] => Some((quantifier, array.clone())),
        _ => None,
    }
}

/// Places in a text are integers, as small as they come.
pub(super) fn places(function: &mut Function) {
    if !function.name.to_string().eq_ignore_ascii_case("substr") {
        return;
    }
    let FunctionArguments::List(list) = &mut function.args else { return };
    for arg in list.args.iter_mut().skip(1) {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(place)) = arg {
            whole(place);
        }
    }
}

/// `place` as an integer.
pub(super) fn whole(place: &mut Expr) {
    if matches!(place, Expr::Value(_)) {
        return;
    }
    *place = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(place.clone()),
        data_type: DataType::Int(None),
        array: false,
        format: None,
    };
}
