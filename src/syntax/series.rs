//! Functions that return sets, in SELECT and in FROM, as the elements of a list.
//!
//! Its one idea: `f(x)` that returns rows is `unnest(list(x))` for a function that returns the same as a list,
//! so every place where a list may be unnested is a place where such a function may stand.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Select, SelectItem, TableAlias, TableAliasColumnDef, TableFactor,
    UnaryOperator, Value, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

use crate::error::{Error, ErrorKind, Result};

use super::columns::HIDDEN;
use super::forms::{aliased, call};
use super::from::named as alias_named;
use super::named;
use super::rewrite::fold;
use super::scalars;

/// A function that returns a set: its name, the columns it has in FROM (empty for one that is called as
/// the function is), and the functions that return each column as a list.
struct SetReturning {
    name: &'static str,
    columns: &'static [(&'static str, &'static str)],
}

const fn one(name: &'static str, list: &'static [(&'static str, &'static str)]) -> SetReturning {
    SetReturning { name, columns: list }
}

const FUNCTIONS: &[SetReturning] = &[
    one("unnest", &[("", "")]),
    one("generate_series", &[("", "__series")]),
    one("generate_subscripts", &[("", "__subscripts")]),
    one("regexp_matches", &[("", "__regexp_matches")]),
    one("regexp_split_to_table", &[("", "regexp_split_to_array")]),
    one("string_to_table", &[("", "string_to_array")]),
    one("json_array_elements", &[("value", "__json_array_elements")]),
    one("jsonb_array_elements", &[("value", "__jsonb_array_elements")]),
    one("json_array_elements_text", &[("value", "__json_array_elements_text")]),
    one("jsonb_array_elements_text", &[("value", "__jsonb_array_elements_text")]),
    one("json_object_keys", &[("", "__json_object_keys")]),
    one("jsonb_object_keys", &[("", "__jsonb_object_keys")]),
    one("jsonb_path_query", &[("", "__jsonb_path_query")]),
    one("json_each", &[("key", "__json_object_keys"), ("value", "__json_each_value")]),
    one("jsonb_each", &[("key", "__jsonb_object_keys"), ("value", "__jsonb_each_value")]),
    one("json_each_text", &[("key", "__json_object_keys"), ("value", "__json_each_text_value")]),
    one("jsonb_each_text", &[("key", "__jsonb_object_keys"), ("value", "__jsonb_each_text_value")]),
    one("_pg_expandarray", &[("x", ""), ("n", "__ordinals")]),
];

/// Functions without arguments that answer as a catalog does.
const CATALOGS: &[(&str, &str)] = &[
    ("pg_show_all_settings", "pg_settings"),
    ("pg_timezone_names", "pg_timezone_names"),
    ("pg_timezone_abbrevs", "pg_timezone_abbrevs"),
    ("pg_cursor", "pg_cursors"),
    ("pg_prepared_statement", "pg_prepared_statements"),
    ("pg_prepared_xact", "pg_prepared_xacts"),
    ("pg_available_extensions", "pg_available_extensions"),
    ("pg_available_extension_versions", "pg_available_extension_versions"),
    ("pg_lock_status", "pg_locks"),
    ("pg_get_keywords", "pg_get_keywords"),
];

pub(super) fn last(name: &ObjectName) -> Option<String> {
    let own =
        |schema: &Ident| ["pg_catalog", "information_schema"].contains(&fold(schema).as_str());
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(fold(name)),
        [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(name)] if own(schema) => {
            Some(fold(name))
        }
        _ => None,
    }
}

/// The name of one of Postgres' own functions without its schema.
pub(super) fn without_schema(name: &ObjectName) -> Option<ObjectName> {
    let own = name.0.len() > 1 && last(name).is_some();
    let last = name.0.last().filter(|_| own)?;
    Some(ObjectName(vec![last.clone()]))
}

fn set_returning(name: &ObjectName) -> Option<&'static SetReturning> {
    let name = last(name)?;
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Whether a call of a function that returns a set stands in `expr`.
pub(super) fn is_set_returning(expr: &Expr) -> bool {
    let mut found = Finder { found: false };
    let mut expr = expr.clone();
    let _ = expr.visit(&mut found);
    found.found
}

struct Finder {
    found: bool,
}

impl VisitorMut for Finder {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.found |= set_returning(&function.name).is_some();
        }
        ControlFlow::Continue(())
    }
}

/// The arguments of a call in their order.
fn arguments_of(name: &ObjectName, args: &[FunctionArg]) -> Result<Vec<Expr>> {
    match named::ordered(&name.to_string(), args)? {
        Some(args) => arguments(&args),
        None => arguments(args),
    }
}

pub(super) fn arguments(args: &[FunctionArg]) -> Result<Vec<Expr>> {
    let argument = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr.clone()),
        _ => Err(Error::unsupported("a named argument of a function that returns rows")),
    };
    args.iter().map(argument).collect()
}

/// The list of one column.
fn list(function: &str, args: &[Expr]) -> Expr {
    match (function, args) {
        ("", [array]) => array.clone(),
        (function, args) => call(function, args.to_vec()),
    }
}

/// The calls in the items of a SELECT.
pub(super) fn in_select(select: &mut Select) -> Result<()> {
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        refused(expr)?;
        for last in [false, true] {
            if let ControlFlow::Break(error) = expr.visit(&mut Unnester { last }) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Where PostgreSQL has no place for a set.
fn refused(expr: &Expr) -> Result<()> {
    let place = match expr {
        Expr::Case { .. } => "CASE",
        Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("coalesce") => {
            "COALESCE"
        }
        _ => return Ok(()),
    };
    if is_set_returning(expr) {
        let message = format!("set-returning functions are not allowed in {place}");
        return Err(Error::new(ErrorKind::FeatureNotSupported, message));
    }
    Ok(())
}

/// The last time round, what no field was asked of is unnested whole.
struct Unnester {
    last: bool,
}

impl VisitorMut for Unnester {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if self.last {
            unnest_expanded(expr);
            return ControlFlow::Continue(());
        }
        match unnested(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn unnested(expr: &mut Expr) -> Result<()> {
    // `(f(x)).n`: one column of the function's.
    if let Expr::CompoundFieldAccess { root, access_chain } = expr
        && let Expr::Nested(inner) = root.as_ref()
        && let Expr::Function(function) = inner.as_ref()
        && let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice()
        && let Some(rows) = expanded(function)?
    {
        let wanted = fold(field);
        let found = rows.columns.iter().find(|(name, _)| *name == wanted);
        if let (Some((_, function)), Some(args)) = (found, rows.args) {
            *expr = call("unnest", vec![list(function, &args)]);
        }
        return Ok(());
    }
    let Expr::Function(function) = expr else { return Ok(()) };
    let Some(found) = set_returning(&function.name) else { return Ok(()) };
    let FunctionArguments::List(given) = &function.args else { return Ok(()) };
    let args = arguments_of(&function.name, &given.args)?;
    match (found.name, found.columns) {
        ("unnest", _) => {}
        // Kept for its fields to be asked for, here or further out.
        ("_pg_expandarray", _) => {
            *expr = call("__expanded", args);
        }
        (_, [(_, function)]) => *expr = call("unnest", vec![list(function, &args)]),
        (name, _) => return Err(Error::unsupported(format!("{name} in SELECT"))),
    }
    Ok(())
}

struct Expanded {
    columns: &'static [(&'static str, &'static str)],
    args: Option<Vec<Expr>>,
}

/// A call of `_pg_expandarray`, as it was written or as it has become.
fn expanded(function: &Function) -> Result<Option<Expanded>> {
    let name = last(&function.name).unwrap_or_default();
    let is_expanded = name == "__expanded";
    let found = FUNCTIONS
        .iter()
        .find(|known| known.name == name || is_expanded && known.name == "_pg_expandarray");
    let (Some(found), FunctionArguments::List(given)) = (found, &function.args) else {
        return Ok(None);
    };
    if found.columns.len() < 2 {
        return Ok(None);
    }
    Ok(Some(Expanded { columns: found.columns, args: Some(arguments(&given.args)?) }))
}

/// `__expanded` that nobody took a field of is the list of both.
fn unnest_expanded(expr: &mut Expr) {
    if let Expr::Function(function) = expr
        && last(&function.name).is_some_and(|name| name == "__expanded")
        && let FunctionArguments::List(list) = &function.args
        && let Ok(args) = arguments(&list.args)
    {
        *expr = call("unnest", vec![call("__expand_array", args)]);
    }
}

/// A function in FROM: the name of the catalog that answers for it.
fn catalog_of(name: &ObjectName, args: usize) -> Option<&'static str> {
    let name = last(name)?;
    let found = CATALOGS.iter().find(|(function, _)| *function == name && args == 0);
    found.map(|(_, catalog)| *catalog)
}

/// A function in FROM that returns a set, as the UNNEST that answers for it; `None` for others.
///
/// # Errors
/// `FeatureNotSupported` for arguments by name.
fn in_from(
    name: &ObjectName,
    args: &[FunctionArg],
    alias: Option<&TableAlias>,
    with_ordinality: bool,
) -> Result<Option<TableFactor>> {
    let Some(found) = set_returning(name) else { return Ok(None) };
    let args = arguments_of(name, args)?;
    // Numbers that stand there are counted up one by one, however many they are.
    if found.name == "generate_series" && !with_ordinality && args.iter().all(is_number) {
        return Ok(None);
    }
    let lists: Vec<Expr> = match found.name {
        "unnest" => args.clone(),
        _ => found.columns.iter().map(|(_, function)| list(function, &args)).collect(),
    };
    let called = alias.map_or_else(|| found.name.to_owned(), |alias| fold(&alias.name));
    let names: Vec<String> = match found.columns {
        [("", _)] if lists.len() == 1 => vec![called.clone()],
        [("", _)] => unnested_names(lists.len()),
        columns => columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
    };
    Ok(Some(unnest(&called, lists, names, alias, with_ordinality)))
}

/// The columns of several arrays are all called alike, which the planner does not take.
fn unnested_names(count: usize) -> Vec<String> {
    let hidden = (1..count).map(|at| format!("{HIDDEN}{at}:unnest"));
    std::iter::once("unnest".to_owned()).chain(hidden).collect()
}

fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => is_number(expr),
        _ => false,
    }
}

/// `UNNEST(lists) AS called(names)`; what the alias names comes first.
fn unnest(
    called: &str,
    mut lists: Vec<Expr>,
    mut names: Vec<String>,
    alias: Option<&TableAlias>,
    with_ordinality: bool,
) -> TableFactor {
    if with_ordinality {
        lists.push(call("__ordinals", lists.clone()));
        names.push("ordinality".to_owned());
    }
    let written = alias.map(|alias| alias.columns.clone()).unwrap_or_default();
    let columns = names.into_iter().enumerate().map(|(at, name)| match written.get(at) {
        Some(column) => TableAliasColumnDef { name: column.name.clone(), data_type: None },
        None => TableAliasColumnDef { name: Ident::with_quote('"', name), data_type: None },
    });
    TableFactor::UNNEST {
        alias: Some(aliased(called, columns.collect())),
        array_exprs: lists,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    }
}

/// A function in FROM as what the planner knows: a list to unnest, or the catalog that answers for it.
pub(super) fn rows_of(factor: &TableFactor) -> Result<Option<TableFactor>> {
    let (name, args, alias, with_ordinality) = match factor {
        TableFactor::Table { name, args: Some(args), alias, with_ordinality, .. } => {
            (name, args.args.as_slice(), alias, *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } => {
            (name, args.as_slice(), alias, *with_ordinality)
        }
        TableFactor::UNNEST { array_exprs, alias, with_ordinality, .. } => {
            let called = alias.as_ref().map_or_else(|| "unnest".to_owned(), |a| fold(&a.name));
            let names = match array_exprs.len() {
                1 => vec![called.clone()],
                count => unnested_names(count),
            };
            let lists = array_exprs.clone();
            return Ok(Some(unnest(&called, lists, names, alias.as_ref(), *with_ordinality)));
        }
        _ => return Ok(None),
    };
    if let Some(catalog) = catalog_of(name, args.len()) {
        let parts = ["pg_catalog", catalog].map(Ident::new).to_vec();
        return Ok(Some(TableFactor::Table {
            name: ObjectName::from(parts),
            alias: Some(alias.clone().unwrap_or_else(|| alias_named(catalog))),
            args: None,
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        }));
    }
    if let Some(rows) = in_from(name, args, alias.as_ref(), with_ordinality)? {
        return Ok(Some(rows));
    }
    Ok(scalars::in_from(name, args, alias.as_ref()))
}
