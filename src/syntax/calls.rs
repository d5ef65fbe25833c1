//! Calls and words of Postgres' that stand for another expression: `date(x)`, `age(x)`, `localtimestamp`, `-x ^ 2`.
//!
//! Its one idea: what each stands for is plain SQL, which is then read like any other.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, TimezoneInfo,
    UnaryOperator, Value,
};

use crate::error::{Error, Result};

use super::forms::{binary, call, nested};
use super::rewrite::fold;
use super::series::last;

/// What `expr` stands for; `None` where it stands for itself.
///
/// # Errors
/// `FeatureNotSupported` for a bit string, which the engine would take for bytes.
pub(super) fn meant(expr: &Expr) -> Result<Option<Expr>> {
    Ok(match expr {
        Expr::Identifier(name) if name.quote_style.is_none() => {
            let name = fold(name);
            let is_word = matches!(name.as_str(), "current_role" | "current_schema");
            is_word.then(|| call(&name, Vec::new()))
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => minus_first(expr),
        Expr::Value(value) if matches!(value.value, Value::HexStringLiteral(_)) => {
            return Err(Error::unsupported("a bit string"));
        }
        Expr::TypedString(typed) => match &typed.data_type {
            DataType::Timestamp(Some(_), _) | DataType::Time(Some(_), _) => {
                Some(cast(Expr::Value(typed.value.clone()), typed.data_type.clone()))
            }
            _ => None,
        },
        Expr::Function(function) => call_meant(function),
        _ => None,
    })
}

fn call_meant(function: &Function) -> Option<Expr> {
    if function.over.is_some() || function.filter.is_some() {
        return None;
    }
    let now = || call("now", Vec::new());
    let args = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        _ => &[],
    };
    let argument = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let args = args.iter().map(argument).collect::<Option<Vec<_>>>()?;
    let zoned = |digits| DataType::Timestamp(digits, TimezoneInfo::WithTimeZone);
    match (last(&function.name)?.as_str(), args.as_slice()) {
        ("date", [value]) => Some(cast(value.clone(), DataType::Date)),
        ("age", [since]) if !of_transaction(function) => {
            let today = call("current_date", Vec::new());
            let midnight = cast(today, DataType::Timestamp(None, TimezoneInfo::None));
            Some(call("age", vec![midnight, since.clone()]))
        }
        ("statement_timestamp" | "transaction_timestamp", []) => Some(now()),
        ("clock_timestamp", []) => Some(cast(call("__clock", Vec::new()), zoned(None))),
        ("current_timestamp", [digits]) => Some(cast(now(), zoned(Some(number(digits)?)))),
        ("localtimestamp", []) => Some(cast(now(), DataType::Timestamp(None, TimezoneInfo::None))),
        ("localtimestamp", [digits]) => {
            Some(cast(now(), DataType::Timestamp(Some(number(digits)?), TimezoneInfo::None)))
        }
        ("localtime", []) => Some(cast(now(), DataType::Time(None, TimezoneInfo::None))),
        ("localtime", [digits]) => {
            Some(cast(now(), DataType::Time(Some(number(digits)?), TimezoneInfo::None)))
        }
        // What the divisor goes into whole, so that no quotient is ever rounded up to the next.
        ("div", [dividend, divisor]) => {
            let numeric =
                |expr: &Expr| nested(cast(expr.clone(), DataType::Numeric(ExactNumberInfo::None)));
            let (dividend, divisor) = (numeric(dividend), numeric(divisor));
            let rest = nested(binary(dividend.clone(), BinaryOperator::Modulo, divisor.clone()));
            let whole = nested(binary(dividend, BinaryOperator::Minus, rest));
            Some(call("trunc", vec![binary(whole, BinaryOperator::Divide, divisor)]))
        }
        _ => None,
    }
}

/// A call whose result the engine makes wider than Postgres does, cast to what it is there; `None` for others.
///
/// One that is cast already is told by a mark that nobody writes.
pub(super) fn narrowed(expr: &mut Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    if std::mem::take(&mut function.uses_odbc_syntax) {
        return None;
    }
    let data_type = match last(&function.name)?.as_str() {
        "ntile" if function.over.is_some() => DataType::Int(None),
        "array_positions" => {
            let element = Box::new(DataType::Int(None));
            DataType::Array(ArrayElemTypeDef::SquareBracket(element, None))
        }
        _ => return None,
    };
    function.uses_odbc_syntax = true;
    Some(cast(expr.clone(), data_type))
}

fn number(expr: &Expr) -> Option<u64> {
    let Expr::Value(value) = expr else { return None };
    let Value::Number(number, _) = &value.value else { return None };
    number.parse().ok()
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    let (kind, expr) = (CastKind::Cast, Box::new(expr));
    Expr::Cast { kind, expr, data_type, array: false, format: None }
}

/// `-x ^ y`, where the sign belongs to `x`.
fn minus_first(value: &Expr) -> Option<Expr> {
    let Expr::BinaryOp { left, op: op @ BinaryOperator::PGExp, right } = value else { return None };
    let base = minus_first(left).unwrap_or_else(|| {
        let expr = Box::new(left.as_ref().clone());
        nested(Expr::UnaryOp { op: UnaryOperator::Minus, expr })
    });
    Some(binary(base, op.clone(), right.as_ref().clone()))
}

/// Functions that the planner knows by another name.
pub(super) fn renamed(function: &mut Function) {
    let own = match function.name.to_string().to_ascii_lowercase().as_str() {
        "every" => "bool_and",
        "array_remove" => "array_remove_all",
        "array_replace" => "array_replace_all",
        "log" if arity(function) == 1 => "log10",
        "log" if arity(function) == 2 => "__log",
        "age" | "pg_catalog.age" if of_transaction(function) => "__age_of_transaction",
        _ => return,
    };
    function.name = ObjectName::from(vec![Ident::new(own)]);
}

fn arity(function: &Function) -> usize {
    match &function.args {
        FunctionArguments::List(list) => list.args.len(),
        _ => 0,
    }
}

/// Whether the only argument is the number of a transaction, which the engine does not tell from others.
fn of_transaction(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else {
        return false;
    };
    const COLUMNS: [&str; 6] =
        ["xmin", "xmax", "transactionid", "backend_xmin", "relfrozenxid", "datfrozenxid"];
    match argument {
        Expr::Identifier(column) => COLUMNS.contains(&fold(column).as_str()),
        Expr::CompoundIdentifier(parts) => {
            parts.last().is_some_and(|column| COLUMNS.contains(&fold(column).as_str()))
        }
        Expr::Cast { data_type, .. } => data_type.to_string().eq_ignore_ascii_case("xid"),
        _ => false,
    }
}
