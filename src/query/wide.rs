//! Numerics that no number here holds: NaN, infinities, and more than 38 digits.
//!
//! Its one idea: such a value is kept as its text, and is shown, cast to text or to a float, or looked at for
//! NULL; whatever else would be done with it would be done with a text, and is refused.

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use crate::error::Error;

use super::planner::external;
use super::system::{marked, marked_type};

/// A parameter for such a value.
pub fn wide_numeric(name: &str) -> Field {
    marked(Field::new(name, DataType::Utf8, true), "numeric")
}

/// Whether values of a column are such numerics.
pub fn is_wide_numeric(field: &Field) -> bool {
    fn is_text(data_type: &DataType) -> bool {
        match data_type {
            DataType::List(element) => is_text(element.data_type()),
            other => *other == DataType::Utf8,
        }
    }
    matches!(marked_type(field), Some("numeric" | "_numeric")) && is_text(field.data_type())
}

/// The error of doing more with one than showing it.
pub fn refused_wide() -> Error {
    Error::unsupported(
        "more than showing a numeric that is NaN, infinite or of more than 38 digits",
    )
    .hint("Cast it to double precision.")
}

/// Fails where `plan` does more with such a value; where nobody is shown the result, also for that.
///
/// # Errors
/// `FeatureNotSupported`.
pub(super) fn refused(plan: &LogicalPlan, is_shown: bool) -> Result<()> {
    let has = |schema: &DFSchema| schema.fields().iter().any(|field| is_wide_numeric(field));
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let passes = matches!(
            node,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::Limit(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::EmptyRelation(_)
        );
        let concerned = has(node.schema()) || has(&schema);
        if concerned && !(passes && is_shown) {
            return Err(external(refused_wide()));
        }
        let projects = matches!(node, LogicalPlan::Projection(_));
        node.apply_expressions(|expr| {
            if !projects && is_wide(expr, &schema) {
                return Err(external(refused_wide()));
            }
            expr.apply(|expr| {
                in_expr(expr, &schema)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

fn is_wide(expr: &Expr, schema: &DFSchema) -> bool {
    expr.to_field(schema).is_ok_and(|(_, field)| is_wide_numeric(&field))
}

fn in_expr(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let subquery = match expr {
        Expr::ScalarSubquery(subquery) => Some(subquery),
        Expr::InSubquery(found) => Some(&found.subquery),
        Expr::Exists(found) => Some(&found.subquery),
        Expr::SetComparison(found) => Some(&found.subquery),
        _ => None,
    };
    let fields = subquery.map(|subquery| subquery.subquery.schema().fields());
    if fields.is_some_and(|fields| fields.iter().any(|field| is_wide_numeric(field))) {
        return Err(external(refused_wide()));
    }
    let becomes_plain = || {
        let data_type = expr.get_type(schema);
        data_type.is_ok_and(|found| found == DataType::Utf8 || found.is_floating())
            && !is_wide(expr, schema)
    };
    let allowed = match expr {
        Expr::Alias(_) | Expr::IsNull(_) | Expr::IsNotNull(_) => true,
        Expr::Cast(_) => becomes_plain(),
        Expr::ScalarFunction(call) => match call.func.name() {
            "pg_typeof" => true,
            "cast" => becomes_plain(),
            _ => false,
        },
        _ => false,
    };
    if allowed {
        return Ok(());
    }
    expr.apply_children(|child| {
        if is_wide(child, schema) {
            return Err(external(refused_wide()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}
