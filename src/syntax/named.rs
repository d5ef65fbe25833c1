//! Arguments by name: `make_interval(days => 10)`.
//!
//! Its one idea: who has named parameters has an order of them, and the planner knows the order only.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value,
};

use crate::error::{Error, ErrorKind, Result};

use super::forms::{call, text};
use super::rewrite::fold;

/// A function, and its parameters with what they are where nobody says.
struct Named {
    name: &'static str,
    parameters: &'static [(&'static str, Option<&'static str>)],
}

const FUNCTIONS: &[Named] = &[
    Named {
        name: "make_interval",
        parameters: &[
            ("years", Some("0")),
            ("months", Some("0")),
            ("weeks", Some("0")),
            ("days", Some("0")),
            ("hours", Some("0")),
            ("mins", Some("0")),
            ("secs", Some("0")),
        ],
    },
    Named { name: "make_date", parameters: &[("year", None), ("month", None), ("day", None)] },
    Named { name: "make_time", parameters: &[("hour", None), ("min", None), ("sec", None)] },
    Named { name: "make_timestamp", parameters: MOMENT },
    Named { name: "jsonb_path_exists", parameters: PATH },
    Named { name: "jsonb_path_match", parameters: PATH },
    Named { name: "jsonb_path_query", parameters: PATH },
    Named { name: "jsonb_path_query_array", parameters: PATH },
    Named { name: "jsonb_path_query_first", parameters: PATH },
];

const PATH: &[(&str, Option<&str>)] =
    &[("target", None), ("path", None), ("vars", Some("'{}'")), ("silent", Some("false"))];

const MOMENT: &[(&str, Option<&str>)] = &[
    ("year", None),
    ("month", None),
    ("mday", None),
    ("hour", None),
    ("min", None),
    ("sec", None),
];

/// The arguments in their order.
///
/// # Errors
/// `UndefinedFunction` for a name that no parameter has, and for one that is wanting.
pub(super) fn in_order(function: &mut Function) -> Result<()> {
    let called = function.name.to_string();
    let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
    if let Some(ordered) = ordered(&called, &list.args)? {
        list.args = ordered;
    }
    Ok(())
}

/// The arguments of a call in their order; `None` for functions whose parameters have no names here.
///
/// # Errors
/// As [`in_order`].
pub(super) fn ordered(called: &str, args: &[FunctionArg]) -> Result<Option<Vec<FunctionArg>>> {
    let called = called.to_ascii_lowercase();
    let called = called.strip_prefix("pg_catalog.").unwrap_or(&called);
    let Some(known) = FUNCTIONS.iter().find(|known| known.name == called) else { return Ok(None) };
    let plain = args.iter().all(|arg| matches!(arg, FunctionArg::Unnamed(_)));
    if plain && known.parameters.iter().all(|(_, default)| default.is_none()) {
        return Ok(None);
    }
    let undefined = || {
        let message = format!("function {called} with these arguments does not exist");
        Error::new(ErrorKind::UndefinedFunction, message)
            .hint("No function matches the given name and argument types.")
    };
    let mut given: Vec<Option<Expr>> = vec![None; known.parameters.len()];
    for (at, arg) in args.iter().enumerate() {
        let (place, arg) = match arg {
            FunctionArg::Unnamed(arg) => (Some(at), arg),
            FunctionArg::Named { name, arg, .. } => (place(known, name), arg),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => {
                (place(known, name), arg)
            }
            FunctionArg::ExprNamed { .. } => return Err(undefined()),
        };
        let slot = place.and_then(|place| given.get_mut(place)).ok_or_else(undefined)?;
        match arg {
            FunctionArgExpr::Expr(expr) if slot.is_none() => *slot = Some(expr.clone()),
            _ => return Err(undefined()),
        }
    }
    let filled = given.into_iter().zip(known.parameters).map(|(given, (_, default))| {
        let default = || default.map(|text| Expr::value(value(text)));
        let mut expr = given.or_else(default).ok_or_else(undefined)?;
        without_path_type(&mut expr);
        Ok(FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)))
    });
    filled.collect::<Result<Vec<_>>>().map(Some)
}

/// `document @? path` and `document @@ path`, which are silent about documents that are not as the path says.
pub(super) fn path_operator(op: &BinaryOperator, document: &Expr, path: &Expr) -> Expr {
    let exists = *op == BinaryOperator::AtQuestion;
    let function = if exists { "jsonb_path_exists" } else { "jsonb_path_match" };
    let mut path = path.clone();
    without_path_type(&mut path);
    let silent = Expr::value(Value::Boolean(true));
    call(function, vec![document.clone(), path, text("{}"), silent])
}

/// A default as it is written.
fn value(text: &str) -> Value {
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(text) => Value::SingleQuotedString(text.to_owned()),
        None if text == "false" => Value::Boolean(false),
        None => Value::Number(text.to_owned(), false),
    }
}

/// A path needs no type to be told from a text: `'$.a'::jsonpath`.
fn without_path_type(expr: &mut Expr) {
    if let Expr::Cast { expr: inner, data_type, .. } = expr
        && data_type.to_string().eq_ignore_ascii_case("jsonpath")
    {
        *expr = inner.as_ref().clone();
    }
}

fn place(known: &Named, name: &Ident) -> Option<usize> {
    let name = fold(name);
    known.parameters.iter().position(|(parameter, _)| *parameter == name)
}
