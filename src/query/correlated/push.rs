//! A subquery's plan made to carry the values it asks of the outside.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, NullEquality, Result, ScalarValue, TableReference};
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionDefinition};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprFunctionExt, FetchType, GroupingSet, JoinType, Limit,
    LogicalPlan, LogicalPlanBuilder, Projection, SkipType, Sort, Window, lit, when,
};
use std::sync::Arc;

use crate::error::Error;
use crate::query::functions::{ARRAY_OF, empty_array};
use crate::query::planner::external;

use super::push_join::{push_join, push_union};
use super::push_recursive::push_recursive;
use super::renamed;

/// Columns of the outside, and the columns that hold their values inside.
pub(super) type Outer = Vec<(Column, Column)>;

/// The columns of the outside that a plan asks for, each once.
pub(super) fn outer_columns(plan: &LogicalPlan) -> Result<Vec<Column>> {
    let mut found: Vec<Column> = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::OuterReferenceColumn(_, column) = expr
                    && !found.contains(column)
                {
                    found.push(column.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

pub(super) fn asks(plan: &LogicalPlan, outer: &Outer) -> Result<bool> {
    let asked = outer_columns(plan)?;
    if asked.iter().any(|column| outer.iter().any(|(known, _)| known == column)) {
        return Ok(true);
    }
    // What a recursive query has carried along already must be carried on.
    plan.exists(|node| Ok(carries(node, outer)))
}

/// Whether the values are among the columns already, as they are in the rows of a recursive query.
fn carries(plan: &LogicalPlan, outer: &Outer) -> bool {
    let columns = plan.schema().columns();
    let own = |key: &Column| key.relation.is_none() && key.name.starts_with("__lakeport_outer_");
    !outer.is_empty() && outer.iter().all(|(_, key)| own(key) && columns.contains(key))
}

/// `expr` with the columns of the outside that are now inside.
pub(super) fn inner(expr: Expr, outer: &Outer) -> Result<Expr> {
    let found = |column: &Column| {
        outer.iter().find(|(known, _)| known == column).map(|(_, inside)| inside.clone())
    };
    expr.transform_up(|expr| match expr {
        Expr::OuterReferenceColumn(field, column) => Ok(match found(&column) {
            Some(inside) => Transformed::yes(Expr::Column(inside)),
            None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
        }),
        // A subquery further in asks the same of what is now outside of it.
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) => {
            expr.map_subquery_columns(&found)
        }
        other => Ok(Transformed::no(other)),
    })
    .map(|done| done.data)
}

trait MapSubquery: Sized {
    fn map_subquery_columns(
        self,
        found: &dyn Fn(&Column) -> Option<Column>,
    ) -> Result<Transformed<Self>>;
}

impl MapSubquery for Expr {
    fn map_subquery_columns(
        mut self,
        found: &dyn Fn(&Column) -> Option<Column>,
    ) -> Result<Transformed<Self>> {
        let subquery = match &mut self {
            Expr::ScalarSubquery(subquery) => subquery,
            Expr::Exists(exists) => &mut exists.subquery,
            Expr::InSubquery(among) => &mut among.subquery,
            _ => return Ok(Transformed::no(self)),
        };
        let rename = |expr: Expr| match expr {
            Expr::OuterReferenceColumn(field, column) => Ok(match found(&column) {
                Some(inside) => Transformed::yes(Expr::OuterReferenceColumn(field, inside)),
                None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
            }),
            other => Ok(Transformed::no(other)),
        };
        let plan = LogicalPlan::clone(&subquery.subquery).transform_up_with_subqueries(|node| {
            node.map_expressions(|expr| expr.transform_up(rename))
        })?;
        subquery.subquery = Arc::new(plan.data);
        let columns = std::mem::take(&mut subquery.outer_ref_columns).into_iter();
        subquery.outer_ref_columns =
            columns.map(|expr| rename(expr).map(|done| done.data)).collect::<Result<_>>()?;
        Ok(Transformed::yes(self))
    }
}

/// The columns of `plan` but `kept` under the name of `alias`.
pub(super) fn requalified(
    plan: LogicalPlan,
    kept: &[Column],
    alias: Option<&TableReference>,
) -> Result<LogicalPlan> {
    let Some(alias) = alias else { return Ok(plan) };
    let columns: Vec<Expr> = plan
        .schema()
        .columns()
        .into_iter()
        .map(|column| {
            if kept.contains(&column) {
                return Expr::Column(column);
            }
            let name = column.name.clone();
            Expr::Column(column).alias_qualified(Some(alias.clone()), name)
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

pub(super) fn keys(outer: &Outer) -> Vec<Column> {
    let mut keys: Vec<Column> = Vec::new();
    for (_, inside) in outer {
        if !keys.contains(inside) {
            keys.push(inside.clone());
        }
    }
    keys
}

pub(super) fn unsupported(what: &str) -> datafusion::error::DataFusionError {
    external(Error::unsupported(format!("{what} in a correlated subquery")))
}

/// `plan` for every row of `domain`: the same columns, and those of `domain` beside them.
pub(super) fn push(plan: LogicalPlan, domain: &LogicalPlan, outer: &Outer) -> Result<LogicalPlan> {
    if !asks(&plan, outer)? {
        if let LogicalPlan::EmptyRelation(empty) = &plan
            && empty.produce_one_row
        {
            return Ok(domain.clone());
        }
        return LogicalPlanBuilder::from(domain.clone()).cross_join(plan)?.build();
    }
    if carries(&plan, outer) {
        return Ok(plan);
    }
    let kept = domain.schema().columns();
    match plan {
        LogicalPlan::RecursiveQuery(query) => push_recursive(query, domain, outer),
        LogicalPlan::Projection(projection) => {
            let node = LogicalPlan::Projection(projection.clone());
            let input = push(Arc::unwrap_or_clone(projection.input), domain, outer)?;
            let exprs = projection.expr.into_iter().map(|expr| renamed(&node, expr, outer));
            let exprs = exprs.collect::<Result<Vec<_>>>()?;
            let all = kept.into_iter().map(Expr::Column).chain(exprs).collect();
            Projection::try_new(all, Arc::new(input)).map(LogicalPlan::Projection)
        }
        LogicalPlan::Filter(filter) => {
            let input = push(Arc::unwrap_or_clone(filter.input), domain, outer)?;
            LogicalPlanBuilder::from(input).filter(inner(filter.predicate, outer)?)?.build()
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let input = push(Arc::unwrap_or_clone(alias.input), domain, outer)?;
            requalified(input, &kept, Some(&alias.alias))
        }
        LogicalPlan::Subquery(subquery) => {
            push(Arc::unwrap_or_clone(subquery.subquery), domain, outer)
        }
        // Order means nothing but to a limit, which looks for it itself.
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
            push(Arc::unwrap_or_clone(sort.input), domain, outer)
        }
        LogicalPlan::Limit(limit) => push_limit(limit, domain, outer),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let input = push(Arc::unwrap_or_clone(input), domain, outer)?;
            LogicalPlanBuilder::from(input).distinct()?.build()
        }
        LogicalPlan::Aggregate(aggregate) => push_aggregate(aggregate, domain, outer),
        LogicalPlan::Join(join) => push_join(join, domain, outer),
        LogicalPlan::Union(union) => push_union(union, domain, outer),
        LogicalPlan::Window(window) => push_window(window, domain, outer),
        LogicalPlan::Unnest(unnest) => {
            let input = push(Arc::unwrap_or_clone(unnest.input), domain, outer)?;
            let columns = unnest.exec_columns;
            LogicalPlanBuilder::from(input)
                .unnest_columns_with_options(columns, unnest.options)?
                .build()
        }
        other => Err(unsupported(other.display().to_string().split(':').next().unwrap_or("this"))),
    }
}

fn push_limit(limit: Limit, domain: &LogicalPlan, outer: &Outer) -> Result<LogicalPlan> {
    let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
        (limit.get_skip_type()?, limit.get_fetch_type()?)
    else {
        return Err(unsupported("a LIMIT that is not a number"));
    };
    if let LogicalPlan::Projection(projection) = limit.input.as_ref()
        && matches!(projection.input.as_ref(), LogicalPlan::Sort(_))
    {
        // Only what is sorted by, and not shown, is dropped after the sort: the limit may come first.
        let input = Arc::clone(&projection.input);
        let limited = LogicalPlan::Limit(Limit { input, ..limit.clone() });
        let shown = Projection::try_new(projection.expr.clone(), Arc::new(limited))?;
        return push(LogicalPlan::Projection(shown), domain, outer);
    }
    let (input, mut order) = match Arc::unwrap_or_clone(limit.input) {
        LogicalPlan::Sort(Sort { expr, input, .. }) => (Arc::unwrap_or_clone(input), expr),
        other => (other, Vec::new()),
    };
    let columns = input.schema().columns();
    let pushed = push(input, domain, outer)?;
    if order.is_empty() {
        // Any order will do, but a window that numbers rows must have one.
        order.push(lit(true).sort(true, false));
    }
    let order = order.into_iter().map(|mut key| {
        key.expr = inner(key.expr, outer)?;
        Ok(key)
    });
    let order = order.collect::<Result<Vec<_>>>()?;
    let number = "__lakeport_limit";
    let partition = keys(outer).into_iter().map(Expr::Column).collect();
    let definition = WindowFunctionDefinition::WindowUDF(row_number_udwf());
    let numbered = Expr::from(WindowFunction::new(definition, Vec::new())).partition_by(partition);
    // A frame of no order at all is not that of an empty one.
    let numbered = if order.is_empty() { numbered } else { numbered.order_by(order) };
    let row_number = numbered.build()?.alias(number);
    let (skip, count) = (as_count(skip), fetch.map(as_count));
    let place = Expr::Column(Column::from_name(number));
    let mut within = place.clone().gt(lit(skip));
    if let Some(count) = count {
        within = within.and(place.lt_eq(lit(skip.saturating_add(count))));
    }
    let all = domain.schema().columns().into_iter().chain(columns).map(Expr::Column);
    LogicalPlanBuilder::from(pushed)
        .window([row_number])?
        .filter(within)?
        .project(all.collect::<Vec<_>>())?
        .build()
}

fn as_count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn push_aggregate(
    aggregate: Aggregate,
    domain: &LogicalPlan,
    outer: &Outer,
) -> Result<LogicalPlan> {
    if aggregate.group_expr.iter().any(|expr| {
        matches!(
            expr,
            Expr::GroupingSet(
                GroupingSet::GroupingSets(_) | GroupingSet::Cube(_) | GroupingSet::Rollup(_)
            )
        )
    }) {
        return Err(unsupported("GROUPING SETS"));
    }
    let node = LogicalPlan::Aggregate(aggregate.clone());
    let columns = aggregate.schema.columns();
    let input = push(Arc::unwrap_or_clone(aggregate.input), domain, outer)?;
    let kept = domain.schema().columns();
    let groups = aggregate.group_expr.into_iter().map(|expr| renamed(&node, expr, outer));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let one_row = groups.is_empty();
    let groups = kept.iter().cloned().map(Expr::Column).chain(groups);
    let aggregates = aggregate.aggr_expr.into_iter().map(|expr| renamed(&node, expr, outer));
    let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
    let defaults: Vec<Option<ScalarValue>> = aggregates
        .iter()
        .zip(aggregate.schema.fields())
        .map(|(expr, field)| default_of(expr, field.data_type()))
        .collect();
    let grouped = LogicalPlanBuilder::from(input).aggregate(groups, aggregates)?.build()?;
    if !one_row {
        return Ok(grouped);
    }
    // Without groups there is a row also where there was none: every row of the domain has its own.
    let twin = |column: &Column| Column::from_name(format!("{}_twin", column.name));
    let renamed_keys = grouped.schema().columns().into_iter().map(|column| {
        let key = kept.contains(&column).then(|| twin(&column));
        match key {
            Some(key) => Expr::Column(column).alias(key.name),
            None => Expr::Column(column),
        }
    });
    let renamed_keys: Vec<Expr> = renamed_keys.collect();
    let grouped = LogicalPlanBuilder::from(grouped).project(renamed_keys)?.build()?;
    let twins: Vec<Column> = kept.iter().map(twin).collect();
    let joined = LogicalPlanBuilder::from(domain.clone())
        .join_detailed(
            grouped,
            JoinType::Left,
            (kept.clone(), twins),
            None,
            NullEquality::NullEqualsNull,
        )?
        .build()?;
    let answers = columns.into_iter().zip(defaults).map(|(column, default)| {
        let value = Expr::Column(column.clone());
        let value = match default {
            Some(default) => when(value.clone().is_null(), lit(default)).otherwise(value)?,
            None => return Ok(value),
        };
        Ok(value.alias_qualified(column.relation, column.name))
    });
    let answers = answers.collect::<Result<Vec<_>>>()?;
    let all = kept.into_iter().map(Expr::Column).chain(answers);
    LogicalPlanBuilder::from(joined).project(all.collect::<Vec<_>>())?.build()
}

/// What an aggregate answers over no rows, where that is not NULL.
fn default_of(expr: &Expr, data_type: &DataType) -> Option<ScalarValue> {
    match expr {
        Expr::Alias(alias) => default_of(&alias.expr, data_type),
        Expr::AggregateFunction(call) if call.func.name() == "count" => {
            Some(ScalarValue::Int64(Some(0)))
        }
        Expr::AggregateFunction(call) if call.func.name() == ARRAY_OF => empty_array(data_type),
        _ => None,
    }
}

fn push_window(window: Window, domain: &LogicalPlan, outer: &Outer) -> Result<LogicalPlan> {
    let node = LogicalPlan::Window(window.clone());
    let input = push(Arc::unwrap_or_clone(window.input), domain, outer)?;
    let keys: Vec<Expr> = keys(outer).into_iter().map(Expr::Column).collect();
    let partitioned = window.window_expr.into_iter().map(|expr| {
        let name = expr.schema_name().to_string();
        let expr = renamed(&node, expr, outer)?;
        let expr = expr.transform_up(|expr| match expr {
            Expr::WindowFunction(mut call) => {
                call.params.partition_by.extend(keys.iter().cloned());
                Ok(Transformed::yes(Expr::WindowFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        // The engine knows a window under one name at most.
        Ok(expr.data.unalias_nested().data.alias(name))
    });
    let partitioned = partitioned.collect::<Result<Vec<_>>>()?;
    LogicalPlanBuilder::from(input).window(partitioned)?.build()
}
