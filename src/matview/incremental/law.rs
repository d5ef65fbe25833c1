//! The parts that changed plans are built of.
//!
//! Its one idea: a changed plan has its operator's columns and the weight behind them, always last. Each
//! function keeps that and is exact for bags: a row of weight 2 is that row twice. Pure; looks at no
//! data.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, NullEquality};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable as _, Filter, Join, JoinConstraint, JoinType, LogicalPlan,
    LogicalPlanBuilder, Projection, lit,
};
use datafusion::prelude::col;

use crate::lake::WEIGHT_COLUMN;

use super::keys::KeyRows;

/// The columns of a plan, qualified.
pub(super) fn columns(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().columns().into_iter().map(Expr::Column).collect()
}

/// The weight of a changed plan.
pub(super) fn weight(changed: &LogicalPlan) -> Expr {
    let columns = changed.schema().columns();
    columns.last().map_or_else(|| col(WEIGHT_COLUMN), |last| Expr::Column(last.clone()))
}

/// The columns of a changed plan without its weight.
pub(super) fn rows_of(changed: &LogicalPlan) -> Vec<Expr> {
    let mut columns = columns(changed);
    columns.pop();
    columns
}

/// `exprs` over `input`.
pub(super) fn project(input: LogicalPlan, exprs: Vec<Expr>) -> Result<LogicalPlan> {
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?))
}

/// Rows that are there, each `times` times: f(X) as a change that adds or takes away all of it.
pub(super) fn weighted(plan: LogicalPlan, times: i64) -> Result<LogicalPlan> {
    let mut exprs = columns(&plan);
    exprs.push(lit(times).alias(WEIGHT_COLUMN));
    project(plan, exprs)
}

/// A changed plan whose weight stands anywhere, with the weight last.
pub(super) fn weight_last(changed: LogicalPlan) -> Result<LogicalPlan> {
    let mut columns = columns(&changed);
    let is_weight = |expr: &Expr| matches!(expr, Expr::Column(c) if c.name == WEIGHT_COLUMN);
    let Some(at) = columns.iter().position(is_weight) else { return Ok(changed) };
    if at + 1 == columns.len() {
        return Ok(changed);
    }
    let weight = columns.remove(at);
    columns.push(weight);
    project(changed, columns)
}

/// Changes one after the other: Δ = Δ₁ + Δ₂ + ... `shape` has the names, without the weight.
pub(super) fn stack(mut changed: Vec<LogicalPlan>, shape: &DFSchema) -> Result<LogicalPlan> {
    let width = shape.fields().len();
    // Names go by position meanwhile: a join may have two columns of one name, a union may not.
    let numbered = |plan: LogicalPlan| {
        let numbered = columns(&plan).into_iter().enumerate();
        project(plan, numbered.map(|(i, column)| column.alias(format!("c{i}"))).collect())
    };
    if changed.len() == 1 && same_names(&changed[0], shape) {
        return Ok(changed.remove(0));
    }
    let mut stacked: Option<LogicalPlan> = None;
    for plan in changed {
        let plan = numbered(plan)?;
        stacked = Some(match stacked {
            None => plan,
            Some(before) => LogicalPlanBuilder::from(before).union(plan)?.build()?,
        });
    }
    let Some(stacked) = stacked else {
        return datafusion::common::internal_err!("no changes to put one after the other");
    };
    let mut exprs: Vec<Expr> = columns(&stacked);
    for (i, expr) in exprs.iter_mut().enumerate() {
        let named = std::mem::take(expr);
        *expr = if i < width {
            let (qualifier, field) = shape.qualified_field(i);
            named.alias_qualified(qualifier.cloned(), field.name())
        } else {
            named.alias(WEIGHT_COLUMN)
        };
    }
    project(stacked, exprs)
}

fn same_names(changed: &LogicalPlan, shape: &DFSchema) -> bool {
    let mut had = changed.schema().columns();
    had.pop();
    had == shape.columns()
}

/// Changes summed up: each row once, with the sum of its weights, rows that stayed left out. What a
/// rewritten file has in common with the one before goes here.
pub(super) fn net(changed: LogicalPlan) -> Result<LogicalPlan> {
    let (rows, weight) = (rows_of(&changed), weight(&changed));
    let total = sum(weight);
    let grouped = Aggregate::try_new(Arc::new(changed), rows, vec![total])?;
    let grouped = LogicalPlan::Aggregate(grouped);
    let total = self::weight(&grouped);
    let mut exprs = rows_of(&grouped);
    let left = Filter::try_new(total.clone().not_eq(lit(0_i64)), Arc::new(grouped))?;
    exprs.push(total.alias(WEIGHT_COLUMN));
    project(LogicalPlan::Filter(left), exprs)
}

/// The distinct values of `keys` in rows that changed, as columns `k0`, `k1`, ...
pub(super) fn affected(changed: LogicalPlan, keys: &[Expr]) -> Result<LogicalPlan> {
    let named = keys.iter().enumerate().map(|(i, key)| key.clone().alias(format!("k{i}")));
    let keys = project(changed, named.collect())?;
    let columns = columns(&keys);
    Ok(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(keys), columns, Vec::new())?))
}

/// X ⋉ K: the rows of `plan` whose `exprs` are one of the keys, NULL being a key like any other. The
/// range of the keys is a filter of its own, because that reaches the files' statistics. It is then asked of
/// rows that other filters leave out, so only of what cannot fail.
pub(super) fn restricted(
    plan: LogicalPlan,
    exprs: &[Expr],
    keys: &KeyRows,
    mark: &str,
) -> Result<LogicalPlan> {
    let safe = |expr: &Expr| never_fails(expr, plan.schema());
    let plan = match keys.range(exprs, safe) {
        Some(range) => LogicalPlan::Filter(Filter::try_new(range, Arc::new(plan))?),
        None => plan,
    };
    matched(plan, exprs, keys, mark)
}

/// A column, or a time as another kind of time.
pub(super) fn never_fails(expr: &Expr, schema: &DFSchema) -> bool {
    let is_time = |of: Result<DataType>| of.is_ok_and(|of| of.is_temporal());
    match expr {
        Expr::Column(_) => true,
        Expr::Cast(cast) => {
            cast.field.data_type().is_temporal()
                && is_time(cast.expr.get_type(schema))
                && never_fails(&cast.expr, schema)
        }
        _ => false,
    }
}

/// As [`restricted`], of rows that are few already.
pub(super) fn matched(
    plan: LogicalPlan,
    exprs: &[Expr],
    keys: &KeyRows,
    mark: &str,
) -> Result<LogicalPlan> {
    let rows = keys.scan(mark)?;
    let on = exprs.iter().cloned().zip(columns(&rows)).collect();
    Ok(LogicalPlan::Join(Join::try_new(
        Arc::new(plan),
        Arc::new(rows),
        on,
        None,
        JoinType::LeftSemi,
        JoinConstraint::On,
        NullEquality::NullEqualsNull,
        false,
    )?))
}

/// The keys of either.
pub(super) fn either(affected: Vec<LogicalPlan>) -> Result<LogicalPlan> {
    let mut all: Option<LogicalPlan> = None;
    for keys in affected {
        all = Some(match all {
            None => keys,
            Some(before) => LogicalPlanBuilder::from(before).union(keys)?.build()?,
        });
    }
    let Some(all) = all else { return datafusion::common::internal_err!("keys of nothing") };
    let columns = columns(&all);
    Ok(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(all), columns, Vec::new())?))
}
