//! Numbers of a plan as Postgres types them, before the engine brings both sides of an operator
//! together.
//!
//! Its one idea: what is settled here the engine has nothing to guess about: whole numbers are
//! integers, and a numeric beside a float is a float.

use std::sync::Arc;

use super::casts;
use super::functions::{chosen_anew, distinct_operator, is_choice, run_choice};
use super::jsonb_order;
use super::marks;
use super::numbers::{as_floats, as_numbers, settle_nullif};
use super::rowless::nullable;
use super::sides::{as_booleans, as_siblings, as_spans};
use super::system::{marked_type, storage};
use super::textual::textual;
use super::unions;
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Placeholder, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Cast, Expr, ExprSchemable, LogicalPlan, Operator, binary_expr, cast, lit, not, when,
};

/// The plan with its numbers settled.
pub(crate) fn settled(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        let settled = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_up(|expr| Ok(settle(expr, &schema)))?;
            Ok(replaced.update_data(|expr| name.restore(expr)))
        })?;
        let settled = settled.transform_data(unions::settled)?.transform_data(marks::kept)?;
        settled.transform_data(jsonb_order::sorted)?.map_data(|node| {
            match node {
                // What stands below may have columns of other types now.
                LogicalPlan::Values(_) | LogicalPlan::TableScan(_) => Ok(node),
                other => other.recompute_schema(),
            }
        })
    })?;
    Ok(plan.data)
}

pub(super) fn settle(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::Cast(cast) => {
            let settled = casts::settled(cast, schema);
            let whole = integer(settled.data);
            Transformed::new_transformed(whole.data, whole.transformed || settled.transformed)
        }
        Expr::BinaryExpr(mut binary) if compares(binary.op) => {
            let distinct = is_distinct(binary.op);
            let mut sides = [binary.left.as_mut(), binary.right.as_mut()];
            let spans = as_spans(&mut sides, schema);
            let siblings = as_siblings(&mut sides, schema);
            let changed = as_floats(&mut sides, schema) || as_moments(&mut sides, schema);
            let marked = distinct && as_marked_sides(&mut sides, schema);
            let compared = jsonb_order::compared(binary, schema);
            let changed = changed || spans || siblings || marked || compared.transformed;
            transformed(compared.data, changed)
        }
        Expr::Between(mut between) => {
            let mut sides = [between.expr.as_mut(), between.low.as_mut(), between.high.as_mut()];
            let spans = as_spans(&mut sides, schema);
            let siblings = as_siblings(&mut sides, schema);
            let changed = as_floats(&mut sides, schema);
            transformed(Expr::Between(between), changed || spans || siblings)
        }
        Expr::InList(mut list) => {
            let typed = as_marked(&list.expr, &mut list.list, schema);
            let mut sides: Vec<&mut Expr> =
                std::iter::once(list.expr.as_mut()).chain(&mut list.list).collect();
            let changed = as_siblings(&mut sides, schema) | as_floats(&mut sides, schema);
            transformed(Expr::InList(list), changed || typed)
        }
        Expr::Case(mut case) => {
            let results = case.when_then_expr.iter_mut().map(|(_, then)| then.as_mut());
            let mut results: Vec<&mut Expr> =
                results.chain(case.else_expr.as_deref_mut()).collect();
            let siblings = as_siblings(&mut results, schema);
            let changed = as_numbers(&mut results, schema) || siblings;
            let common = marks::common(&mut results, schema);
            let simple = case.expr.is_some();
            let whens = case.when_then_expr.iter_mut().map(|(when, _)| when.as_mut());
            let mut compared: Vec<&mut Expr> =
                case.expr.as_deref_mut().into_iter().chain(whens).collect();
            let typed = if simple { as_siblings } else { as_booleans };
            let searched = typed(&mut compared, schema);
            match common {
                Some(mark) => Transformed::yes(marks::put(Expr::Case(case), &mark)),
                None => transformed(Expr::Case(case), changed || searched),
            }
        }
        Expr::ScalarSubquery(query) => nullable(query),
        Expr::ScalarFunction(mut function)
            if let Some(op) = distinct_operator(function.func.name()) =>
        {
            match (function.args.pop(), function.args.pop()) {
                (Some(right), Some(left)) => settle(binary_expr(left, op, right), schema),
                _ => Transformed::no(Expr::ScalarFunction(function)),
            }
        }
        Expr::ScalarFunction(mut function) if function.func.name() == "nullif" => {
            function.func = run_choice(&function.func);
            settle_nullif(function, schema)
        }
        other => match (chosen_anew(&other, schema), other) {
            (Some(chosen), _) => Transformed::yes(chosen),
            (None, Expr::ScalarFunction(function)) => settle_call(function, schema),
            (None, other) => Transformed::no(other),
        },
    }
}

/// Functions that take values of any type, and do with json and names of objects what they do not with texts.
const TAKE_ANY: [&str; 8] = [
    "json_build_object",
    "jsonb_build_object",
    "json_build_array",
    "jsonb_build_array",
    "to_json",
    "to_jsonb",
    "row",
    "__whole_row",
];

fn settle_call(mut function: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    if TAKE_ANY.contains(&function.func.name()) {
        // The engine makes a column of a subquery, and forgets the mark of its value.
        let mut changed = false;
        for arg in function.args.iter_mut().filter(|arg| matches!(arg, Expr::ScalarSubquery(_))) {
            let field = arg.to_field(schema).ok().map(|(_, field)| field);
            if let Some(mark) = field.as_ref().and_then(|field| marked_type(field)) {
                *arg = marks::put(arg.clone(), mark);
                changed = true;
            }
        }
        return transformed(Expr::ScalarFunction(function), changed);
    }
    match function.func.name() {
        "make_array" => {
            let mut sides: Vec<&mut Expr> = function.args.iter_mut().collect();
            let siblings = as_siblings(&mut sides, schema);
            let changed = as_floats(&mut sides, schema) || siblings;
            let marked = marked_array(function, schema);
            Transformed::new_transformed(marked.data, marked.transformed || changed)
        }
        name if is_choice(name) => {
            function.func = run_choice(&function.func);
            let mut sides: Vec<&mut Expr> = function.args.iter_mut().collect();
            let siblings = as_siblings(&mut sides, schema);
            let changed = as_numbers(&mut sides, schema) || siblings;
            match marks::common(&mut sides, schema) {
                Some(mark) => Transformed::yes(marks::put(Expr::ScalarFunction(function), &mark)),
                None => transformed(Expr::ScalarFunction(function), changed),
            }
        }
        "array_position"
            if !function
                .args
                .iter()
                .any(|arg| matches!(arg, Expr::Placeholder(Placeholder { field: None, .. }))) =>
        {
            function.func = run_choice(&function.func);
            marks::of_arrays(function, schema)
        }
        // What it is compared with may be further off than nanoseconds reach.
        "now" => {
            let now = Expr::ScalarFunction(function);
            match now.get_type(schema) {
                Ok(DataType::Timestamp(TimeUnit::Nanosecond, zone)) => {
                    Transformed::yes(cast(now, DataType::Timestamp(TimeUnit::Microsecond, zone)))
                }
                _ => Transformed::no(now),
            }
        }
        "concat" | "concat_ws" => {
            let changed = truths_as_letters(&mut function.args, schema);
            transformed(Expr::ScalarFunction(function), changed)
        }
        _ => marks::of_arrays(function, schema),
    }
}

/// Both sides of a comparison; a quoted literal beside an array, or beside a value of a type that only
/// a mark tells, is one of that type.
pub(crate) fn typed_beside(left: Expr, right: Expr, schema: &DFSchema) -> (Expr, Expr) {
    // One with a mark is a parameter's value, which has its type.
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(ScalarValue::Utf8(Some(_)), metadata) if metadata.is_none());
    let like = |literal: Expr, other: &Expr| {
        let Ok((_, field)) = other.to_field(schema) else { return literal };
        let marked = is_read_by_type(&field)
            || matches!(
                field.data_type(),
                DataType::List(_) | DataType::Interval(_) | DataType::Boolean
            );
        if !marked {
            return literal;
        }
        let field = field.as_ref().clone().with_name("").with_nullable(true);
        Expr::Cast(Cast::new_from_field(Box::new(literal), Arc::new(field)))
    };
    // A network is an address beside one.
    let mark = |expr: &Expr| {
        let field = expr.to_field(schema).ok().map(|(_, field)| field);
        field.and_then(|field| marked_type(&field).map(str::to_owned))
    };
    let address = |expr: Expr| {
        let field = Arc::new(super::system::field("", "inet"));
        Expr::Cast(Cast::new_from_field(Box::new(expr), field))
    };
    match (is_literal(&left), is_literal(&right)) {
        (true, false) => (like(left, &right), right),
        (false, true) => {
            let right = like(right, &left);
            (left, right)
        }
        _ => match (mark(&left).as_deref(), mark(&right).as_deref()) {
            (Some("cidr"), Some("inet")) => (address(left), right),
            (Some("inet"), Some("cidr")) => (left, address(right)),
            _ => (left, right),
        },
    }
}

/// Whether a text must be read to be compared with values of the type.
fn is_read_by_type(field: &Field) -> bool {
    marked_type(field)
        .is_some_and(|name| matches!(name, "uuid" | "jsonb") || textual(name).is_some())
}

/// `ARRAY[...]` of values that only a mark tells is an array of them.
fn marked_array(call: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    let mut mark: Option<String> = None;
    let mut integers = false;
    for arg in &call.args {
        let Ok((_, field)) = arg.to_field(schema) else {
            return Transformed::no(Expr::ScalarFunction(call));
        };
        let literal =
            matches!(arg, Expr::Literal(ScalarValue::Utf8(_), metadata) if metadata.is_none());
        match (marked_type(&field), &mark) {
            (Some(found), None) if !found.starts_with('_') => mark = Some(found.to_owned()),
            (Some(found), Some(known)) if found == known => {}
            (None, _) if literal || field.data_type().is_null() => {}
            (None, _) if field.data_type().is_signed_integer() => integers = true,
            _ => return Transformed::no(Expr::ScalarFunction(call)),
        }
    }
    let fits = |mark: &String| !integers || storage(mark) == DataType::Int64;
    let Some(mark) = mark.filter(fits) else {
        return Transformed::no(Expr::ScalarFunction(call));
    };
    let field = Arc::new(super::system::field("", &format!("_{mark}")));
    let array = Box::new(Expr::ScalarFunction(call));
    Transformed::yes(Expr::Cast(Cast::new_from_field(array, field)))
}

/// Quoted literals of a list, made of the type of what is looked for.
fn as_marked(expr: &Expr, list: &mut [Expr], schema: &DFSchema) -> bool {
    let Ok((_, field)) = expr.to_field(schema) else { return false };
    if !is_read_by_type(&field) {
        return false;
    }
    let field = Arc::new(field.as_ref().clone().with_name("").with_nullable(true));
    for item in list {
        if let Expr::Literal(ScalarValue::Utf8(Some(_)), None) = item {
            let literal = std::mem::replace(item, Expr::Literal(ScalarValue::Null, None));
            *item = Expr::Cast(Cast::new_from_field(Box::new(literal), Arc::clone(&field)));
        }
    }
    true
}

fn is_distinct(op: Operator) -> bool {
    matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
}

/// As [`typed_beside`], for what the planner does not ask about.
fn as_marked_sides(sides: &mut [&mut Expr; 2], schema: &DFSchema) -> bool {
    let [left, right] = sides;
    let null = || Expr::Literal(ScalarValue::Null, None);
    let (one, other) = (std::mem::replace(*left, null()), std::mem::replace(*right, null()));
    (**left, **right) = typed_beside(one, other, schema);
    true
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn transformed(expr: Expr, changed: bool) -> Transformed<Expr> {
    if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
}

/// A cast of a whole number to `integer`, which is how one is written, is a number of that type:
/// functions look for it.
fn integer(expr: Expr) -> Transformed<Expr> {
    if let Expr::Cast(cast) = &expr
        && *cast.field.data_type() == DataType::Int32
        && let Expr::Literal(ScalarValue::Int64(Some(value)), _) = cast.expr.as_ref()
        && let Ok(value) = i32::try_from(*value)
    {
        return Transformed::yes(Expr::Literal(ScalarValue::Int32(Some(value)), None));
    }
    Transformed::no(expr)
}

/// Among texts put together a truth is the letter that clients see.
fn truths_as_letters(args: &mut [Expr], schema: &DFSchema) -> bool {
    let mut changed = false;
    for arg in args {
        if matches!(arg.get_type(schema), Ok(DataType::Boolean)) {
            let truth = std::mem::replace(arg, Expr::Literal(ScalarValue::Null, None));
            let lettered = when(truth.clone(), lit("t")).when(not(truth), lit("f")).end();
            *arg = lettered.unwrap_or_else(|_| lit(ScalarValue::Null));
            changed = true;
        }
    }
    changed
}

/// Makes moments of dates that are compared with some: the engine's own would be in nanoseconds, which
/// neither all dates fit in nor an infinite one.
fn as_moments(sides: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let types: Vec<Option<DataType>> =
        sides.iter().map(|side| side.get_type(schema).ok()).collect();
    let moment = types.iter().flatten().find(|found| matches!(found, DataType::Timestamp(..)));
    let Some(DataType::Timestamp(_, zone @ Some(_))) = moment else { return false };
    let mut changed = false;
    for (side, found) in sides.iter_mut().zip(&types) {
        if *found == Some(DataType::Date32) {
            let date = std::mem::replace(*side, Expr::Literal(ScalarValue::Null, None));
            **side = cast(date, DataType::Timestamp(TimeUnit::Microsecond, zone.clone()));
            changed = true;
        }
    }
    changed
}
