//! Which columns of a result are columns of a table, by the numbers the catalogs give them.
//!
//! Its one idea: drivers ask for a column's table to learn its key and whether it may be NULL; only a column
//! that is shown as it stands has one, and what a view shows says nothing of what stands below it.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, LogicalPlan, TableScan};

use super::gate::{Gate, Origin};
use super::system::{catalog_oid, relation_oid};

/// A table's object id and a column's place in it, from 1.
pub type ColumnOrigin = (u32, i16);

/// Where each column of `plan` comes from.
pub(super) fn of(plan: &LogicalPlan) -> Arc<[Option<ColumnOrigin>]> {
    (0..plan.schema().fields().len()).map(|column| origin(plan, column)).collect()
}

fn origin(plan: &LogicalPlan, column: usize) -> Option<ColumnOrigin> {
    match plan {
        LogicalPlan::TableScan(scan) => of_scan(scan, column),
        LogicalPlan::Projection(node) => of_expr(node.expr.get(column)?, &node.input),
        LogicalPlan::Aggregate(node) => of_expr(node.group_expr.get(column)?, &node.input),
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Distinct(Distinct::All(_)) => match plan.inputs().as_slice() {
            [input] => origin(input, column),
            _ => None,
        },
        LogicalPlan::Join(node) => {
            let name = node.schema.columns().into_iter().nth(column)?;
            let of = |side: &LogicalPlan| {
                let at = side.schema().maybe_index_of_column(&name)?;
                origin(side, at)
            };
            of(&node.left).or_else(|| of(&node.right))
        }
        _ => None,
    }
}

fn of_expr(expr: &Expr, input: &LogicalPlan) -> Option<ColumnOrigin> {
    match expr {
        Expr::Alias(alias) => of_expr(&alias.expr, input),
        Expr::Column(column) => origin(input, input.schema().maybe_index_of_column(column)?),
        // Instants as the session's clocks show them.
        Expr::Cast(cast) if is_instant(cast.field.data_type()) => {
            let given = cast.expr.get_type(input.schema()).ok()?;
            is_instant(&given).then(|| of_expr(&cast.expr, input))?
        }
        _ => None,
    }
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

fn of_scan(scan: &TableScan, column: usize) -> Option<ColumnOrigin> {
    let provider = source_as_provider(&scan.source).ok()?;
    let gate = provider.downcast_ref::<Gate>()?;
    let at = match &scan.projection {
        Some(projection) => *projection.get(column)?,
        None => column,
    };
    let table = match &gate.origin {
        Origin::Relation { name, direct: true, .. } => relation_oid(name),
        Origin::System => {
            let parts = scan.table_name.to_vec();
            let schema = parts.len().checked_sub(2).map_or("pg_catalog", |at| parts[at].as_str());
            catalog_oid(schema, parts.last()?)?
        }
        _ => return None,
    };
    Some((u32::try_from(table).ok()?, i16::try_from(at + 1).ok()?))
}
