//! Expressions of Postgres that the planner reads otherwise, in the spelling it reads right.
//!
//! One expression at a time, on the way down: types of a length cut, numbers keep all their digits, and
//! `AT TIME ZONE` is the function call it stands for.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, CharacterLength, DataType, ExactNumberInfo, Expr,
    Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Value,
};
use datafusion::sql::sqlparser::parser::Parser;

use crate::error::{Error, ErrorKind, Result};

use super::calls;
use super::declared;
use super::dialect::LakeportDialect;
use super::forms::{self, call};
use super::literals::SETTLED;
use super::spans;

/// Digits that a number written with an exponent is written out to.
const FIGURES_MAX: usize = 38;
/// Characters a type may be declared for.
const LENGTH_MAX: u64 = 10_485_760;

/// Rewrites `expr`, not what it is made of.
///
/// # Errors
/// `InvalidParameterValue` for a length that no type has.
pub(super) fn respell(expr: &mut Expr) -> Result<()> {
    if let Some(meant) = calls::meant(expr)?.or_else(|| calls::narrowed(expr)) {
        *expr = meant;
        return respell(expr);
    }
    forms::respell(expr)?;
    match expr {
        Expr::Cast { expr: value, data_type, .. } => {
            if let Some(within) = spans::cast(value, data_type)? {
                *expr = within;
                return Ok(());
            }
            let digits = declared::cast(value, data_type)?;
            let length = length(data_type)?;
            plain_type(data_type);
            match (length, digits) {
                (Some(length), _) => cut(expr, length),
                (None, Some(digits)) => *expr = declared::rounded(expr.clone(), digits),
                (None, None) => {}
            }
        }
        Expr::TypedString(typed) => {
            let written = Expr::Value(typed.value.clone());
            match spans::cast(&written, &typed.data_type)? {
                Some(within) => *expr = within,
                None => plain_type(&mut typed.data_type),
            }
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            let (time, zone) = (timestamp.as_ref().clone(), time_zone.as_ref().clone());
            *expr = call("timezone", vec![zone, time]);
        }
        Expr::Extract { field, expr: time, .. } => {
            let field = Value::SingleQuotedString(field.to_string().to_lowercase());
            *expr = call("extract", vec![Expr::value(field), time.as_ref().clone()]);
        }
        Expr::Interval(interval) if interval.leading_precision == Some(SETTLED) => {
            interval.leading_precision = None;
        }
        Expr::Interval(interval) if let Some(within) = spans::literal(interval)? => {
            *expr = within;
        }
        Expr::Interval(interval) if interval.leading_field.is_none() => {
            if let Expr::Value(value) = interval.value.as_ref()
                && let Value::SingleQuotedString(_) = value.value
            {
                let whole = DataType::Interval { fields: None, precision: None };
                *expr = cast(interval.value.as_ref().clone(), whole);
            }
        }
        Expr::Function(function) => {
            if let Some(respelt) = respelt_call(function) {
                *expr = respelt;
            }
        }
        Expr::Value(value) => {
            if let Value::Number(number, _) = &mut value.value {
                if beyond_numeric(number) {
                    let text = Expr::value(Value::SingleQuotedString(number.clone()));
                    *expr = cast(text, DataType::DoublePrecision);
                } else if let Some(plain) = plain_number(number) {
                    *number = plain;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Functions that the planner knows by another name, or as an operator.
fn respelt_call(function: &mut Function) -> Option<Expr> {
    let name = function.name.to_string().to_ascii_lowercase();
    if name == "variance" {
        function.name = ObjectName::from(vec![Ident::new("var_samp")]);
        return None;
    }
    let FunctionArguments::List(list) = &mut function.args else { return None };
    // Whatever is not NULL counts rows; the engine would call it as it calls `count(*)`.
    if let ("count", None, [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))]) =
        (name.as_str(), &list.duplicate_treatment, list.args.as_slice())
        && !matches!(value.value, Value::Null | Value::Placeholder(_))
    {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)];
        return None;
    }
    let [
        FunctionArg::Unnamed(FunctionArgExpr::Expr(first)),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(second)),
    ] = list.args.as_slice()
    else {
        return None;
    };
    let (first, second) = (first.clone(), second.clone());
    match name.as_str() {
        "mod" => {
            let nested = |expr| Box::new(Expr::Nested(Box::new(expr)));
            let (left, right) = (nested(first), nested(second));
            let op = BinaryOperator::Modulo;
            Some(Expr::Nested(Box::new(Expr::BinaryOp { left, op, right })))
        }
        "date_part" => Some(cast(call("extract", vec![first, second]), DataType::DoublePrecision)),
        _ => None,
    }
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    let (kind, expr) = (CastKind::Cast, Box::new(expr));
    Expr::Cast { kind, expr, data_type, array: false, format: None }
}

/// How many characters a type keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLength {
    /// At most.
    pub characters: u64,
    /// Whether blanks at the end mean nothing.
    pub blanks_ignored: bool,
}

impl TextLength {
    /// The length of the type written `sql_type`; `None` for one without, and for other types.
    ///
    /// # Errors
    /// `InvalidParameterValue` where there can be none such.
    pub fn of(sql_type: &str) -> Result<Option<Self>> {
        let dialect = LakeportDialect::new(sql_type.len());
        let parsed = Parser::new(&dialect).try_with_sql(sql_type);
        match parsed.and_then(|mut parser| parser.parse_data_type()) {
            Ok(data_type) => length(&data_type),
            Err(_) => Ok(None),
        }
    }
}

/// As other engines write it beside a column.
impl std::fmt::Display for TextLength {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = if self.blanks_ignored { "char" } else { "varchar" };
        write!(f, "{name}({})", self.characters)
    }
}

/// The length of a character type; `None` for one without, and for other types.
///
/// # Errors
/// `InvalidParameterValue` where there can be none such.
fn length(data_type: &DataType) -> Result<Option<TextLength>> {
    let (written, blanks_ignored, name) = match data_type {
        DataType::Varchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length) => (length, false, "varchar"),
        DataType::Char(length) | DataType::Character(length) => (length, true, "char"),
        _ => return Ok(None),
    };
    let characters = match written {
        Some(CharacterLength::IntegerLength { length, .. }) => *length,
        None if blanks_ignored => 1,
        Some(CharacterLength::Max) | None => return Ok(None),
    };
    let wrong = match characters {
        0 => format!("length for type {name} must be at least 1"),
        LENGTH_MAX.. => format!("length for type {name} cannot exceed {LENGTH_MAX}"),
        _ => return Ok(Some(TextLength { characters, blanks_ignored })),
    };
    Err(Error::new(ErrorKind::InvalidParameterValue, wrong))
}

// An explicit cast cuts what is too long. The blanks that Postgres fills a `char(n)` up with mean nothing
// to it afterwards, so none are kept.
fn cut(expr: &mut Expr, length: TextLength) {
    let inner = expr.clone();
    // What is cast is seen once more on the way down; without its length it is left alone then.
    let without_length = |mut cast: Expr| {
        if let Expr::Cast { data_type, .. } = &mut cast {
            *data_type = DataType::Varchar(None);
        }
        cast
    };
    let count = Expr::value(Value::Number(length.characters.to_string(), false));
    let shortened = call("left", vec![without_length(inner), count]);
    let blank = || Expr::value(Value::SingleQuotedString(" ".to_owned()));
    *expr = match length.blanks_ignored {
        true => call("rtrim", vec![shortened, blank()]),
        false => shortened,
    };
}

// Postgres' other spellings of types that the planner knows by one.
fn plain_type(data_type: &mut DataType) {
    let plain = match data_type {
        DataType::Float(ExactNumberInfo::Precision(bits)) if *bits <= 24 => DataType::Real,
        DataType::Float(_) => DataType::DoublePrecision,
        DataType::Dec(digits) => DataType::Decimal(*digits),
        DataType::CharacterVarying(length) | DataType::CharVarying(length) => {
            DataType::Varchar(*length)
        }
        DataType::Character(length) => DataType::Char(*length),
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => return plain_type(element),
        _ => return,
    };
    *data_type = plain;
}

/// A number whose exponent takes it beyond the digits a numeric has here: it is a float.
fn beyond_numeric(number: &str) -> bool {
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else { return false };
    let Ok(exponent) = exponent.parse::<i32>() else { return false };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| i32::try_from(text.len()).unwrap_or(i32::MAX);
    let limit = i32::try_from(FIGURES_MAX).unwrap_or(i32::MAX);
    digits(whole).saturating_add(exponent) > limit
        || digits(fraction).saturating_sub(exponent) > limit
}

/// A number that the planner would give a type too small or digits too few; `None` for the others.
///
/// An exponent of zero says "numeric" to it and changes nothing.
fn plain_number(number: &str) -> Option<String> {
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else {
        let whole = number.bytes().all(|byte| byte.is_ascii_digit());
        return (whole && number.parse::<i64>().is_err()).then(|| format!("{number}e0"));
    };
    let exponent: usize = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent == 0 || whole.len() + exponent > FIGURES_MAX {
        return None;
    }
    let (moved, rest) = match fraction.split_at_checked(exponent) {
        Some((moved, rest)) => (moved.to_owned(), rest),
        None => (format!("{fraction:0<exponent$}"), ""),
    };
    let point = if rest.is_empty() { "" } else { "." };
    Some(format!("{whole}{moved}{point}{rest}e0"))
}
