//! Types of parameters that the text alone tells: `WHERE $1` takes a boolean, `round(x, $1)` an integer.
//!
//! Its one idea: the first place a parameter stands in decides; what its neighbours' types decide is left to
//! whoever knows them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DFStatement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Select, Subscript, UnaryOperator, Value, Visit, Visitor,
};

use super::rewrite::fold;

/// A function whose arguments' types its name and their number tell; "" for one that others decide.
type Signature = (&'static str, &'static [&'static str]);

const SIGNATURES: &[Signature] = &[
    ("abs", &["float8"]),
    ("cbrt", &["float8"]),
    ("ceil", &["float8"]),
    ("ceiling", &["float8"]),
    ("date_bin", &["interval", "", ""]),
    ("degrees", &["float8"]),
    ("exp", &["float8"]),
    ("floor", &["float8"]),
    ("lag", &["", "int4"]),
    ("lag", &["", "int4", ""]),
    ("lead", &["", "int4"]),
    ("lead", &["", "int4", ""]),
    ("ln", &["float8"]),
    ("log10", &["float8"]),
    ("make_date", &["int4", "int4", "int4"]),
    ("nth_value", &["", "int4"]),
    ("ntile", &["int4"]),
    ("percentile_cont", &["float8"]),
    ("percentile_disc", &["float8"]),
    ("radians", &["float8"]),
    ("round", &["float8"]),
    ("round", &["numeric", "int4"]),
    ("set_config", &["text", "text", "bool"]),
    ("sign", &["float8"]),
    ("sqrt", &["float8"]),
    ("timezone", &["text", "timestamptz"]),
    ("to_timestamp", &["float8"]),
    ("trunc", &["float8"]),
    ("trunc", &["numeric", "int4"]),
    ("width_bucket", &["", "", "", "int4"]),
];

/// The parameters whose types the text tells, from 0, each with the name of its type.
pub(super) fn parameters(statement: &DFStatement) -> Vec<(usize, &'static str)> {
    let DFStatement::Statement(statement) = statement else { return Vec::new() };
    let mut listener = Listener { heard: BTreeMap::new() };
    // The visitor never breaks off.
    let _ = statement.visit(&mut listener);
    listener.heard.into_iter().filter_map(|(index, told)| Some((index, told?))).collect()
}

/// The parameter's number, from 0, that `expr` is.
pub(super) fn parameter(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Nested(inner) => parameter(inner),
        Expr::Value(value) => match &value.value {
            Value::Placeholder(id) => id.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1),
            _ => None,
        },
        _ => None,
    }
}

struct Listener {
    /// What the first place of each parameter says, if that place says anything.
    heard: BTreeMap<usize, Option<&'static str>>,
}

impl Listener {
    fn hear(&mut self, expr: &Expr, told: &'static str) {
        if let Some(index) = parameter(expr) {
            self.heard.entry(index).or_insert((!told.is_empty()).then_some(told));
        }
    }

    fn call(&mut self, function: &Function) {
        let FunctionArguments::List(list) = &function.args else { return };
        let argument = |arg: &FunctionArg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        };
        let Some(args) = list.args.iter().map(argument).collect::<Option<Vec<_>>>() else { return };
        let name = function.name.0.last().and_then(|part| part.as_ident()).map(fold);
        let Some(name) = name else { return };
        if name == "__series" {
            return self.series(&args);
        }
        let found =
            SIGNATURES.iter().find(|(known, types)| *known == name && types.len() == args.len());
        if let Some((_, types)) = found {
            for (arg, told) in args.iter().zip(types.iter()).filter(|(_, told)| !told.is_empty()) {
                self.hear(arg, told);
            }
        }
    }

    /// A series from one time to another goes by an interval.
    fn series(&mut self, args: &[Expr]) {
        let [from, to, step] = args else { return };
        let moments: Vec<&str> = [from, to].into_iter().filter_map(moment).collect();
        let Some(named) = moments.first() else { return };
        let bound = if *named == "timestamp" { "timestamp" } else { "timestamptz" };
        self.hear(from, bound);
        self.hear(to, bound);
        self.hear(step, "interval");
    }
}

/// The kind of time that `expr` says it is.
fn moment(expr: &Expr) -> Option<&'static str> {
    let data_type = match expr {
        Expr::Nested(inner) => return moment(inner),
        Expr::Cast { data_type, .. } => data_type,
        Expr::TypedString(typed) => &typed.data_type,
        _ => return None,
    };
    match data_type {
        DataType::Date => Some("date"),
        DataType::Timestamp(_, zone) => {
            let zone = zone.to_string();
            let zoned = zone.contains("TZ") || zone.contains("WITH TIME");
            Some(if zoned { "timestamptz" } else { "timestamp" })
        }
        _ => None,
    }
}

impl Visitor for Listener {
    type Break = std::convert::Infallible;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        for condition in select.selection.iter().chain(&select.having) {
            self.hear(condition, "bool");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Value(_) => self.hear(expr, ""),
            Expr::Function(function) => self.call(function),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.hear(expr, "bool"),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                self.hear(left, "bool");
                self.hear(right, "bool");
            }
            Expr::IsTrue(truth)
            | Expr::IsNotTrue(truth)
            | Expr::IsFalse(truth)
            | Expr::IsNotFalse(truth)
            | Expr::IsUnknown(truth)
            | Expr::IsNotUnknown(truth) => self.hear(truth, "bool"),
            Expr::Case { operand: None, conditions, .. } => {
                conditions.iter().for_each(|when| self.hear(&when.condition, "bool"));
            }
            Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => self.hear(expr, "float8"),
            Expr::CompoundFieldAccess { access_chain, .. } => {
                for access in access_chain {
                    if let AccessExpr::Subscript(Subscript::Index { index }) = access {
                        self.hear(index, "int4");
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
