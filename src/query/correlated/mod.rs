//! Correlated subqueries and lateral joins, wherever they stand, as joins.
//!
//! Its one idea: what a subquery asks of the row outside is put inside it, as a table of the different values
//! that are asked for ([`push`]); then it depends on nothing, and its rows are joined back by these values.
//! The engine's own rules know the common forms and are faster there: only a plan that has another is
//! taken apart here.

mod among;
mod check;
mod lateral;
mod push;
mod push_join;
mod push_recursive;
mod single;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, NullEquality, Result, Spans};
use datafusion::functions_aggregate::bool_and_or::bool_or_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SortExpr,
    Subquery, lit,
};

use crate::error::Error;

use super::planner::external;

use push::{Outer, inner, outer_columns, push};

/// The plan without correlated subqueries, where the engine could not do away with all of them.
pub(crate) fn unnested(plan: LogicalPlan) -> Result<LogicalPlan> {
    if !check::is_hard(&plan)? {
        return Ok(plan);
    }
    Unnester { made: 0 }.plan(plan)
}

struct Unnester {
    made: usize,
}

/// Columns that the engine finds by name: no two are called alike.
fn own(kind: &str, number: usize) -> String {
    format!("__lakeport_{kind}_{number}")
}

impl Unnester {
    fn next(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    fn plan(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let plan = plan.map_children(|child| Ok(Transformed::yes(self.plan(child)?)))?.data;
        let plan = plan
            .map_expressions(|expr| {
                expr.transform_down(|expr| self.within(expr))
                    .map(|done| Transformed::yes(done.data))
            })?
            .data;
        match plan {
            LogicalPlan::Join(join) => self.lateral(join),
            LogicalPlan::Projection(projection) => {
                let names = projection.expr.iter().map(|expr| expr.qualified_name());
                let names: Vec<_> = names.collect();
                let input = Arc::unwrap_or_clone(projection.input);
                let (input, exprs) = self.attached(input, projection.expr, false)?;
                let exprs = exprs.into_iter().zip(names).map(|(expr, (relation, name))| {
                    let same = expr.qualified_name() == (relation.clone(), name.clone());
                    if same { expr } else { expr.alias_qualified(relation, name) }
                });
                Projection::try_new(exprs.collect(), Arc::new(input)).map(LogicalPlan::Projection)
            }
            LogicalPlan::Filter(filter) => {
                let columns = filter.input.schema().columns();
                let input = Arc::unwrap_or_clone(filter.input);
                let (input, predicate) = self.condition(input, filter.predicate, true)?;
                let filter = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?);
                only(filter, columns)
            }
            LogicalPlan::Sort(sort) => {
                let columns = sort.input.schema().columns();
                let input = Arc::unwrap_or_clone(sort.input);
                let keys = sort.expr.iter().map(|key| key.expr.clone()).collect();
                let (input, exprs) = self.attached(input, keys, false)?;
                let expr = sort.expr.iter().zip(exprs);
                let expr = expr.map(|(key, expr)| SortExpr { expr, ..key.clone() }).collect();
                let sort = Sort { expr, input: Arc::new(input), fetch: sort.fetch };
                only(LogicalPlan::Sort(sort), columns)
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            other => Ok(other),
        }
    }

    fn aggregate(&mut self, aggregate: Aggregate) -> Result<LogicalPlan> {
        let groups = aggregate.group_expr.len();
        let exprs: Vec<Expr> =
            aggregate.group_expr.iter().chain(&aggregate.aggr_expr).cloned().collect();
        let names: Vec<_> = exprs.iter().map(|expr| expr.schema_name().to_string()).collect();
        let input = Arc::unwrap_or_clone(aggregate.input);
        let (input, exprs) = self.attached(input, exprs, false)?;
        let mut exprs: Vec<Expr> = exprs
            .into_iter()
            .zip(names)
            .map(
                |(expr, name)| {
                    if expr.schema_name().to_string() == name { expr } else { expr.alias(name) }
                },
            )
            .collect();
        let aggregates = exprs.split_off(groups);
        Aggregate::try_new(Arc::new(input), exprs, aggregates).map(LogicalPlan::Aggregate)
    }

    /// The subqueries inside a subquery first.
    fn within(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        let mut inside = |subquery: Subquery| -> Result<Subquery> {
            let plan = self.plan(Arc::unwrap_or_clone(subquery.subquery))?;
            Ok(Subquery { subquery: Arc::new(plan), ..subquery })
        };
        Ok(match expr {
            Expr::ScalarSubquery(subquery) => {
                Transformed::yes(Expr::ScalarSubquery(inside(subquery)?))
            }
            Expr::Exists(mut exists) => {
                exists.subquery = inside(exists.subquery)?;
                Transformed::yes(Expr::Exists(exists))
            }
            Expr::InSubquery(mut among) => {
                among.subquery = inside(among.subquery)?;
                Transformed::yes(Expr::InSubquery(among))
            }
            other => Transformed::no(other),
        })
    }

    /// The input joined with what the subqueries of `exprs` answer, and `exprs` asking it.
    fn attached(
        &mut self,
        mut input: LogicalPlan,
        exprs: Vec<Expr>,
        filters: bool,
    ) -> Result<(LogicalPlan, Vec<Expr>)> {
        let mut replaced = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let expr = expr.transform_up(|expr| {
                let (with, answer) = match expr {
                    Expr::ScalarSubquery(subquery) if is_correlated(&subquery)? => {
                        self.scalar(input.clone(), &subquery)?
                    }
                    Expr::Exists(exists) if is_correlated(&exists.subquery)? => {
                        self.exists(input.clone(), &exists.subquery, exists.negated)?
                    }
                    Expr::Exists(exists) if !filters => {
                        (input.clone(), any_row(&exists.subquery, exists.negated)?)
                    }
                    Expr::InSubquery(among) => self.among(input.clone(), among)?,
                    other => return Ok(Transformed::no(other)),
                };
                input = with;
                Ok(Transformed::yes(answer))
            })?;
            replaced.push(expr.data);
        }
        Ok((input, replaced))
    }

    /// The different values of what is asked outside, each column under a name of its own.
    fn domain(&mut self, input: &LogicalPlan, asked: &[Column]) -> Result<(LogicalPlan, Outer)> {
        let outer: Outer = asked
            .iter()
            .map(|column| (column.clone(), Column::from_name(own("outer", self.next()))))
            .collect();
        let columns = outer
            .iter()
            .map(|(column, name)| Expr::Column(column.clone()).alias(name.name.clone()));
        let columns: Vec<Expr> = columns.collect();
        let domain =
            LogicalPlanBuilder::from(input.clone()).project(columns)?.distinct()?.build()?;
        Ok((domain, outer))
    }

    fn scalar(&mut self, input: LogicalPlan, subquery: &Subquery) -> Result<(LogicalPlan, Expr)> {
        let asked = asked_of(&input, &subquery.subquery)?;
        let value = first_column(&subquery.subquery)?;
        if asked.is_empty() {
            return self.same_for_all(input, subquery, single::single_value(Expr::Column(value)));
        }
        let (domain, outer) = self.domain(&input, &asked)?;
        let single = subquery.subquery.max_rows().is_some_and(|rows| rows <= 1);
        let pushed = push(Arc::unwrap_or_clone(Arc::clone(&subquery.subquery)), &domain, &outer)?;
        let answer = own("value", self.next());
        let keys = outer.iter().map(|(_, key)| Expr::Column(key.clone()));
        let answers = if single {
            let columns = keys.chain([Expr::Column(value).alias(answer.clone())]);
            LogicalPlanBuilder::from(pushed).project(columns)?.build()?
        } else {
            let one = single::single_value(Expr::Column(value)).alias(answer.clone());
            LogicalPlanBuilder::from(pushed).aggregate(keys, [one])?.build()?
        };
        let joined = joined_by(input, answers, JoinType::Left, &outer, None)?;
        Ok((joined, Expr::Column(Column::from_name(answer))))
    }

    /// A subquery that asks rows further out only: one answer beside every row of the input.
    fn same_for_all(
        &mut self,
        input: LogicalPlan,
        subquery: &Subquery,
        answer: Expr,
    ) -> Result<(LogicalPlan, Expr)> {
        let name = own("value", self.next());
        let answers = LogicalPlanBuilder::from(LogicalPlan::clone(&subquery.subquery))
            .aggregate(Vec::<Expr>::new(), [answer.alias(name.clone())])?
            .build()?;
        let joined = LogicalPlanBuilder::from(input).cross_join(answers)?.build()?;
        Ok((joined, Expr::Column(Column::from_name(name))))
    }

    fn exists(
        &mut self,
        input: LogicalPlan,
        subquery: &Subquery,
        negated: bool,
    ) -> Result<(LogicalPlan, Expr)> {
        let asked = asked_of(&input, &subquery.subquery)?;
        if asked.is_empty() {
            let (input, rows) = self.same_for_all(input, subquery, count())?;
            return Ok((input, if negated { rows.eq(lit(0_i64)) } else { rows.gt(lit(0_i64)) }));
        }
        let (domain, outer) = self.domain(&input, &asked)?;
        let pushed = push(Arc::unwrap_or_clone(Arc::clone(&subquery.subquery)), &domain, &outer)?;
        let answer = own("exists", self.next());
        let keys: Vec<Expr> = outer.iter().map(|(_, key)| Expr::Column(key.clone())).collect();
        let answers = LogicalPlanBuilder::from(pushed).project(keys.clone())?.distinct()?;
        let marked = keys.into_iter().chain([lit(true).alias(answer.clone())]);
        let answers = answers.project(marked)?.build()?;
        let joined = joined_by(input, answers, JoinType::Left, &outer, None)?;
        let found = Expr::Column(Column::from_name(answer));
        Ok((joined, if negated { found.is_null() } else { found.is_not_null() }))
    }
}

fn is_correlated(subquery: &Subquery) -> Result<bool> {
    Ok(!outer_columns(&subquery.subquery)?.is_empty())
}

/// The columns of `input` that `subquery` asks for.
fn asked_of(input: &LogicalPlan, subquery: &LogicalPlan) -> Result<Vec<Column>> {
    let mut asked = outer_columns(subquery)?;
    asked.retain(|column| input.schema().has_column(column));
    Ok(asked)
}

fn first_column(plan: &LogicalPlan) -> Result<Column> {
    plan.schema()
        .columns()
        .into_iter()
        .next()
        .ok_or_else(|| external(Error::internal("a subquery without columns")))
}

fn joined_by(
    input: LogicalPlan,
    answers: LogicalPlan,
    kind: JoinType,
    outer: &Outer,
    condition: Option<Expr>,
) -> Result<LogicalPlan> {
    let (asked, keys): (Vec<Column>, Vec<Column>) = outer.iter().cloned().unzip();
    LogicalPlanBuilder::from(input)
        .join_detailed(answers, kind, (asked, keys), condition, NullEquality::NullEqualsNull)?
        .build()
}

/// `plan` with nothing but `columns`.
fn only(plan: LogicalPlan, columns: Vec<Column>) -> Result<LogicalPlan> {
    if plan.schema().columns() == columns {
        return Ok(plan);
    }
    LogicalPlanBuilder::from(plan).project(columns.into_iter().map(Expr::Column))?.build()
}

fn bool_or(value: Expr) -> Expr {
    let arguments = vec![value];
    let call = AggregateFunction::new_udf(bool_or_udaf(), arguments, false, None, vec![], None);
    Expr::AggregateFunction(call)
}

fn count() -> Expr {
    let rows = vec![lit(1_i64)];
    let call = AggregateFunction::new_udf(count_udaf(), rows, false, None, vec![], None);
    Expr::AggregateFunction(call)
}

/// Whether a subquery that asks nothing of the outside has a row.
fn any_row(subquery: &Subquery, negated: bool) -> Result<Expr> {
    let counted = count().alias("rows");
    let count = Expr::Column(Column::from_name("rows"));
    let plan = LogicalPlanBuilder::from(LogicalPlan::clone(&subquery.subquery))
        .limit(0, Some(1))?
        .aggregate(Vec::<Expr>::new(), [counted])?
        .project([if negated { count.eq(lit(0_i64)) } else { count.gt(lit(0_i64)) }])?
        .build()?;
    Ok(Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns: Vec::new(),
        spans: Spans::new(),
    }))
}

/// `expr` with its columns of the outside found inside, under the name it had.
fn renamed(plan: &LogicalPlan, expr: Expr, outer: &Outer) -> Result<Expr> {
    let names = NamePreserver::new(plan);
    let name = names.save(&expr);
    Ok(name.restore(inner(expr, outer)?))
}
