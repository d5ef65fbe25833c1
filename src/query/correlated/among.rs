//! `x IN (query)` with its three answers: yes, no, and unknown.
//!
//! Its one idea: it is unknown where a NULL among the rows, or for `x`, may be what is looked for; so beside what is found,
//! the rows say whether one of them is NULL, and whether there is one at all.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, Result, ScalarValue, TableReference};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::{
    BinaryExpr, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, lit, not, when,
};

use super::check::{connected, is_told_apart, membership};
use super::push::push;
use super::{Unnester, asked_of, bool_or, first_column, is_correlated, joined_by, own};

impl Unnester {
    /// A condition of WHERE, asking the input joined with what its subqueries answer. What the engine's own joins
    /// tell apart stays as it is.
    pub(super) fn condition(
        &mut self,
        input: LogicalPlan,
        expr: Expr,
        whole: bool,
    ) -> Result<(LogicalPlan, Expr)> {
        if let Some((_, _, whole)) = connected(&expr, whole)
            && let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr
        {
            let (input, left) = self.condition(input, *left, whole)?;
            let (input, right) = self.condition(input, *right, whole)?;
            let expr = BinaryExpr { left: Box::new(left), op, right: Box::new(right) };
            return Ok((input, Expr::BinaryExpr(expr)));
        }
        if let Some((among, negated)) = membership(&expr)
            && !is_correlated(&among.subquery)?
            && is_told_apart(among, negated, whole)?
        {
            let (input, mut asked) =
                self.attached(input, vec![among.expr.as_ref().clone()], true)?;
            let value = asked.pop().unwrap_or_else(|| among.expr.as_ref().clone());
            let subquery = among.subquery.clone();
            let among = InSubquery { expr: Box::new(value), subquery, negated };
            return Ok((input, Expr::InSubquery(among)));
        }
        let (input, mut exprs) = self.attached(input, vec![expr], true)?;
        Ok((input, exprs.pop().unwrap_or_else(|| lit(true))))
    }

    /// The input with what `among` needs beside it, and the answer.
    pub(super) fn among(
        &mut self,
        input: LogicalPlan,
        among: InSubquery,
    ) -> Result<(LogicalPlan, Expr)> {
        let column = Column::from_name(own("among", self.next()));
        let columns = input.schema().columns().into_iter().map(Expr::Column);
        let columns: Vec<Expr> = columns.chain([among.expr.alias(column.name.clone())]).collect();
        let input = LogicalPlanBuilder::from(input).project(columns)?.build()?;
        let plan = LogicalPlan::clone(&among.subquery.subquery);
        let (input, answer) = if is_correlated(&among.subquery)? || is_volatile(&plan)? {
            self.among_asked(input, column, plan)?
        } else {
            self.among_alike(input, column, plan)?
        };
        Ok((input, if among.negated { not(answer) } else { answer }))
    }

    /// Of rows that differ with what is asked: the value itself is asked of the outside like any other column.
    fn among_asked(
        &mut self,
        input: LogicalPlan,
        column: Column,
        plan: LogicalPlan,
    ) -> Result<(LogicalPlan, Expr)> {
        let mut asked = asked_of(&input, &plan)?;
        asked.push(column);
        let (domain, outer) = self.domain(&input, &asked)?;
        let inside = first_column(&plan)?;
        let pushed = push(plan, &domain, &outer)?;
        let wanted = outer.last().map(|(_, key)| Expr::Column(key.clone()));
        let equal = wanted.unwrap_or_else(|| lit(true)).eq(Expr::Column(inside));
        let (found, unsure) = (own("found", self.next()), own("unsure", self.next()));
        let keys = outer.iter().map(|(_, key)| Expr::Column(key.clone()));
        let answers = LogicalPlanBuilder::from(pushed)
            .aggregate(
                keys,
                [
                    bool_or(equal.clone()).alias(found.clone()),
                    bool_or(equal.is_null()).alias(unsure.clone()),
                ],
            )?
            .build()?;
        let joined = joined_by(input, answers, JoinType::Left, &outer, None)?;
        let of = |name| Expr::Column(Column::from_name(name));
        let answer = when(of(found).is_true(), lit(true))
            .when(of(unsure).is_true(), unknown())
            .otherwise(lit(false))?;
        Ok((joined, answer))
    }

    /// Of rows that are the same for all: found by a join, and the NULLs among them counted once.
    fn among_alike(
        &mut self,
        input: LogicalPlan,
        column: Column,
        plan: LogicalPlan,
    ) -> Result<(LogicalPlan, Expr)> {
        let inside = Expr::Column(first_column(&plan)?);
        let (found, key) = (own("found", self.next()), own("inside", self.next()));
        let unsure = own("unsure", self.next());
        let rows = LogicalPlanBuilder::from(plan.clone())
            .project([inside.clone().alias(key.clone())])?
            .alias(found.as_str())?
            .build()?;
        let unsure_of = bool_or(inside.is_null()).alias(unsure.clone());
        let nulls =
            LogicalPlanBuilder::from(plan).aggregate(Vec::<Expr>::new(), [unsure_of])?.build()?;
        let relation = TableReference::bare(found.as_str());
        let value = Expr::Column(column);
        let equal = value.clone().eq(Expr::Column(Column::new(Some(relation.clone()), key)));
        let joined = LogicalPlanBuilder::from(input)
            .join_on(rows, JoinType::LeftMark, [equal])?
            .cross_join(nulls)?
            .build()?;
        let unsure = Expr::Column(Column::from_name(unsure));
        let answer = when(Expr::Column(Column::new(Some(relation), "mark")), lit(true))
            // No row at all: nothing that is unknown either.
            .when(unsure.clone().is_null(), lit(false))
            .when(unsure.or(value.is_null()), unknown())
            .otherwise(lit(false))?;
        Ok((joined, answer))
    }
}

fn unknown() -> Expr {
    lit(ScalarValue::Boolean(None))
}

fn is_volatile(plan: &LogicalPlan) -> Result<bool> {
    let mut volatile = false;
    plan.apply_with_subqueries(|node| {
        volatile |= node.expressions().iter().any(Expr::is_volatile);
        Ok(if volatile { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(volatile)
}
