//! Which columns of a result have a precision or a length that somebody declared.
//!
//! Its one idea: a precision is a stored column's, or a cast's; what is computed has as many digits as it
//! needs, and Postgres says so by naming none.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use crate::syntax::WrittenType;

use super::system::{marked, with_modifier};

/// `schema`, the columns of `plan`, with numerics without a declared precision marked as just that.
pub(crate) fn described(
    plan: &LogicalPlan,
    schema: &SchemaRef,
    written: &[Option<WrittenType>],
) -> SchemaRef {
    let numeric = |data_type: &DataType| matches!(data_type, DataType::Decimal128(..));
    let untold = !schema.fields().iter().any(|field| numeric(field.data_type()));
    if untold && !written.iter().any(Option::is_some) {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        if let Some(Some(written)) = written.get(at) {
            let field = field.as_ref().clone();
            let field = written.name.map_or(field.clone(), |name| marked(field, name));
            return Arc::new(with_modifier(field, written.modifier));
        }
        if !numeric(field.data_type()) || is_declared(plan, at) {
            return Arc::clone(field);
        }
        Arc::new(marked(field.as_ref().clone(), "numeric"))
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

fn is_declared(plan: &LogicalPlan, column: usize) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Projection(node) => {
            node.expr.get(column).is_some_and(|expr| is_declared_by(expr, &node.input))
        }
        LogicalPlan::Aggregate(node) => {
            node.group_expr.get(column).is_some_and(|expr| is_declared_by(expr, &node.input))
        }
        LogicalPlan::Join(node) => {
            let (_, field) = node.schema.qualified_field(column);
            let sides = [&node.left, &node.right];
            let qualified = node.schema.columns().into_iter().nth(column);
            sides.into_iter().any(|side| {
                let at = qualified.as_ref().and_then(|c| side.schema().maybe_index_of_column(c));
                at.is_some_and(|at| {
                    side.schema().field(at).data_type() == field.data_type()
                        && is_declared(side, at)
                })
            })
        }
        LogicalPlan::Union(node) => node.inputs.iter().all(|input| {
            let same =
                node.schema.field(column).data_type() == input.schema().field(column).data_type();
            same && is_declared(input, column)
        }),
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Window(_) => match plan.inputs().as_slice() {
            [input] if column < input.schema().fields().len() => is_declared(input, column),
            _ => false,
        },
        _ => false,
    }
}

fn is_declared_by(expr: &Expr, input: &LogicalPlan) -> bool {
    match expr {
        Expr::Alias(alias) => is_declared_by(&alias.expr, input),
        Expr::Column(column) => {
            let at = input.schema().maybe_index_of_column(column);
            at.is_some_and(|at| is_declared(input, at))
        }
        Expr::Cast(cast) => is_precise(cast.field.data_type()),
        Expr::ScalarFunction(call) => match call.func.name() {
            "cast" => matches!(call.func.return_type(&[]), Ok(found) if is_precise(&found)),
            "coalesce" | "greatest" | "least" => agree(&call.args, input),
            "nullif" => call.args.first().is_some_and(|first| is_declared_by(first, input)),
            _ => false,
        },
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| then.as_ref().clone());
            let results: Vec<Expr> = results.chain(case.else_expr.as_deref().cloned()).collect();
            case.else_expr.is_some() && agree(&results, input)
        }
        Expr::ScalarSubquery(query) => is_declared(&query.subquery, 0),
        _ => false,
    }
}

/// Whether all have one and the same declared precision.
fn agree(exprs: &[Expr], input: &LogicalPlan) -> bool {
    let mut types = exprs.iter().map(|expr| expr.get_type(input.schema()).ok());
    let first = types.next().flatten();
    first.is_some()
        && types.all(|found| found == first)
        && exprs.iter().all(|expr| is_declared_by(expr, input))
}

/// Not what `numeric` without a precision is kept as, nor what holds any whole number.
fn is_precise(data_type: &DataType) -> bool {
    const OPEN: [(u8, i8); 3] = [(38, 10), (5, 0), (19, 0)];
    match data_type {
        DataType::Decimal128(precision, scale) => !OPEN.contains(&(*precision, *scale)),
        _ => false,
    }
}
