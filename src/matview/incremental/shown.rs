//! Rows of some keys, found by what the view's own table shows of them.
//!
//! Its one idea: where joins that keep the rows X of one side are all that is between X and the result, each row
//! of X@0 is in the result. So the table tells which of them have a key: X@0 ⋉ K = (X@0 ⋉ P) ⋉ K, P the primary
//! keys of the stored rows whose key is in K. A new day of rates is met by the orders of that day, found without
//! working out all orders there are. Uses only columns that are stored in the very type they have. Pure; runs
//! nothing.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Join, LogicalPlan};

use crate::query::{depends_on_moment, table_in_place};

use super::answer::{Delta, Stop};
use super::differ::Differ;
use super::keys::KeyRows;
use super::known::{Asker, SHOWN};
use super::{law, sink};

/// Where the result of a plan stands, every row of it, as it was before the changes.
pub(crate) struct Shown {
    /// The view's table, and that of the rows it keeps apart.
    pub(crate) tables: Vec<Arc<dyn TableProvider>>,
    /// The plan's first columns, as they are stored.
    pub(crate) columns: SchemaRef,
    pub(crate) primary_key: Vec<String>,
}

/// The result of a plan, to look into.
#[derive(Clone, Copy)]
pub(super) struct ResultOf<'a> {
    pub(super) plan: &'a LogicalPlan,
    pub(super) shown: &'a Shown,
}

/// What the result tells of X@0 ⋉ K.
pub(super) enum Found {
    /// Nothing.
    Unknown,
    /// There are no such rows.
    Nothing,
    /// They are among the rows whose values of these expressions are one of these.
    Among(Vec<Expr>, KeyRows),
}

/// An expression over the rows of an operator, and the result column that has its value.
type Meant = (Expr, usize);

impl Differ<'_> {
    /// Which rows of the kept side of a join may have one of the keys that its other side changed for.
    ///
    /// # Errors
    /// [`Stop::Needs`] when the result has to be looked into first.
    pub(super) fn found(
        &self,
        join: &Join,
        on: &[Expr],
        keys: &KeyRows,
        place: &str,
    ) -> std::result::Result<Found, Stop> {
        let Some(result) = self.result.filter(|_| keeps(join.join_type).is_some()) else {
            return Ok(Found::Unknown);
        };
        let Some(meant) = meant_at(result, join, place)? else { return Ok(Found::Unknown) };
        let column = |name: &String| {
            let of = |(_, at): &&Meant| result.shown.columns.field(*at).name() == name;
            meant.iter().find(of).cloned()
        };
        let identity: Option<Vec<Meant>> = result.shown.primary_key.iter().map(column).collect();
        let Some(identity) = identity.filter(|identity| !identity.is_empty()) else {
            return Ok(Found::Unknown);
        };
        let asker = Asker::new(LogicalPlan::Join(join.clone()), SHOWN)?;
        if self.keys.held(&asker).is_some() {
            return Ok(Found::Unknown);
        }
        let mut rows = Vec::new();
        for (number, table) in result.shown.tables.iter().enumerate() {
            let name = format!("shown {number}");
            let table = table_in_place(&name, Arc::clone(table))?;
            let stored = |at: usize| {
                let name = TableReference::bare(name.as_str());
                Expr::Column(Column::new(Some(name), result.shown.columns.field(at).name()))
            };
            let keyed: Option<Vec<Expr>> =
                on.iter().map(|expr| in_stored(expr, &meant, &stored)).collect::<Result<_>>()?;
            // The table has rows of other parts of the query, too, for which nothing may be worked out.
            let safe = |expr: &Expr| law::never_fails(expr, table.schema());
            let Some(keyed) = keyed.filter(|keyed| keyed.iter().all(safe)) else {
                return Ok(Found::Unknown);
            };
            let plan = sink::restricted(table, &keyed, keys, &name)?;
            let identity: Vec<Expr> = identity.iter().map(|(_, at)| stored(*at)).collect();
            rows.push((Delta { plan, copies: false }, identity));
        }
        let rows = rows.iter().map(|(rows, identity)| (rows.clone(), identity.as_slice()));
        let found = self.known(&format!("{place} {SHOWN}"), asker, rows.collect())?;
        Ok(match found {
            None => Found::Nothing,
            Some(found) => {
                Found::Among(identity.into_iter().map(|(expr, _)| expr).collect(), found)
            }
        })
    }
}

/// The input of a join all of whose rows are in its result.
fn keeps(join_type: JoinType) -> Option<usize> {
    match join_type {
        JoinType::Left | JoinType::LeftMark => Some(0),
        JoinType::Right | JoinType::RightMark => Some(1),
        _ => None,
    }
}

/// What the result's columns are in terms of the kept side of the join at `place`; `None` where something on the
/// way to it leaves out rows.
fn meant_at(result: ResultOf<'_>, join: &Join, place: &str) -> Result<Option<Vec<Meant>>> {
    let schema = result.plan.schema();
    let mut meant = Vec::new();
    for (at, field) in result.shown.columns.fields().iter().enumerate() {
        let (qualifier, found) = schema.qualified_field(at);
        if found.data_type() == field.data_type() {
            meant.push((Expr::Column(Column::from((qualifier, found))), at));
        }
    }
    let mut plan = result.plan;
    for step in place.split('.').skip(1) {
        let Ok(step) = step.parse::<usize>() else { return Ok(None) };
        match below(plan, step, meant)? {
            Some((input, below)) => (plan, meant) = (input, below),
            None => return Ok(None),
        }
    }
    match plan {
        LogicalPlan::Join(found) if found == join => {
            let Some(side) = keeps(join.join_type) else { return Ok(None) };
            Ok(below(plan, side, meant)?.map(|(_, meant)| meant))
        }
        _ => Ok(None),
    }
}

/// An input of an operator that gives each of its rows at least once, and what is meant in its terms.
fn below(
    plan: &LogicalPlan,
    step: usize,
    meant: Vec<Meant>,
) -> Result<Option<(&LogicalPlan, Vec<Meant>)>> {
    let inputs = plan.inputs();
    let Some(input) = inputs.get(step).copied() else { return Ok(None) };
    let is_of_input = |(expr, _): &Meant| {
        let known = |column: &Column| input.schema().maybe_index_of_column(column).is_some();
        expr.column_refs().into_iter().all(known)
    };
    let mut found = Vec::new();
    match plan {
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
            for (expr, at) in meant {
                let through = sink::through(plan, &[expr])?.and_then(|(_, mut below)| below.pop());
                found.extend(through.map(|expr| (expr, at)));
            }
        }
        LogicalPlan::Union(union) => {
            for (expr, at) in meant {
                let through = sink::through_union(union, step, &[expr])?;
                found.extend(through.and_then(|mut below| below.pop()).map(|expr| (expr, at)));
            }
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => found = meant,
        LogicalPlan::Join(join) if keeps(join.join_type) == Some(step) => {
            found = meant.into_iter().filter(is_of_input).collect();
        }
        _ => return Ok(None),
    }
    // A moment has another value now.
    found.retain(|(expr, _)| !depends_on_moment(expr));
    Ok(Some((input, found)))
}

/// An expression over the kept side as one over the stored columns.
fn in_stored(expr: &Expr, meant: &[Meant], stored: &dyn Fn(usize) -> Expr) -> Result<Option<Expr>> {
    let mut is_known = true;
    let found = expr.clone().transform_down(|expr| {
        if let Some((_, at)) = meant.iter().find(|(meant, _)| *meant == expr) {
            return Ok(Transformed::new(stored(*at), true, TreeNodeRecursion::Jump));
        }
        is_known &= !matches!(expr, Expr::Column(_));
        Ok(Transformed::no(expr))
    });
    Ok(Some(found.data()?).filter(|_| is_known))
}
