//! Groups that follow changes without their rows.
//!
//! A view that ends in GROUP BY keeps, in hidden columns of its own table, what [`super::states`] needs
//! of each group. γ(X@1) = merge(γ(X@0), γ(ΔX)): changed rows are aggregated, met with the kept columns
//! of the groups they touch, and the operators above are run over these groups alone. Nothing of the
//! sources is read but what changed.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::NullEquality;
use datafusion::common::tree_node::TreeNode as _;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{count, min, sum};
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, Join, JoinConstraint, JoinType, LogicalPlan, Projection, Sort,
    SubqueryAlias, cast, lit,
};

use crate::query::{Engine, operator_depends_on_moment};

use super::keys::KeyRows;
use super::law;
use super::states::{LEAST_WEIGHT, ROWS, State, column, side_column};

/// The sides of a merge.
const HAD: &str = "__lakeport_had";
const ADDED: &str = "__lakeport_added";

/// The law of groups that follow changes.
pub(super) const MERGED: &str = "changed rows are merged into their groups";

/// A plan that ends in groups that can follow changes.
pub(crate) struct Grouped {
    root: LogicalPlan,
    aggregate: Aggregate,
    states: Vec<State>,
    /// Result columns, without the flags of expectations that stand behind them.
    width: usize,
}

impl Grouped {
    /// Looks at a plan in its normal form whose last `flags` columns are no result columns; `None` when
    /// it does not end in groups, or one of their functions cannot follow changes.
    pub(crate) fn of(root: &LogicalPlan, flags: usize) -> Result<Option<Self>> {
        let Some(aggregate) = aggregate_of(root) else { return Ok(None) };
        // What stands above is computed over the kept groups as they were and as they are, at one moment.
        if above_depends_on_moment(root) {
            return Ok(None);
        }
        let groups = aggregate.group_expr.len();
        if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
            return Ok(None);
        }
        let mut states = Vec::new();
        for (index, function) in aggregate.aggr_expr.iter().enumerate() {
            let result = aggregate.schema.field(groups + index).data_type();
            match State::of(function, index, aggregate.input.schema(), result)? {
                Some(state) => states.push(state),
                None => return Ok(None),
            }
        }
        let width = root.schema().fields().len().saturating_sub(flags);
        Ok(Some(Self { root: root.clone(), aggregate: aggregate.clone(), states, width }))
    }

    /// The hidden columns: the groups' keys, their rows, what is kept of each function.
    pub(crate) fn hidden(&self) -> Vec<Field> {
        let keys = (0..self.aggregate.group_expr.len())
            .map(|i| (key(i), self.aggregate.schema.field(i).data_type().clone()));
        let plan = self.over_rows().ok();
        let kept = self.kept_names().into_iter().filter_map(|name| {
            let schema = plan.as_ref()?.schema();
            let field = schema.field_with_unqualified_name(&name).ok()?;
            Some((name, field.data_type().clone()))
        });
        keys.chain(kept).map(|(name, of)| Field::new(name, of, true)).collect()
    }

    /// The names of the hidden columns that tell a group.
    pub(crate) fn keys(&self) -> Vec<String> {
        (0..self.aggregate.group_expr.len()).map(key).collect()
    }

    /// The whole view with its hidden columns between the result and the flags.
    pub(crate) fn full(&self) -> Result<LogicalPlan> {
        self.finished(self.over_rows()?)
    }

    /// The groups as the view has them.
    pub(super) fn plain(&self) -> LogicalPlan {
        LogicalPlan::Aggregate(self.aggregate.clone())
    }

    /// What is aggregated.
    pub(super) fn input(&self) -> &LogicalPlan {
        &self.aggregate.input
    }

    /// Whether what is aggregated changes with the clock.
    pub(crate) fn depends_on_moment(&self) -> crate::error::Result<bool> {
        let found = self.input().exists(|node| Ok(operator_depends_on_moment(node)));
        found.map_err(Engine::error)
    }

    /// Whether rows that went cannot be followed.
    pub(super) fn only_grows(&self) -> bool {
        self.states.iter().any(State::only_grows)
    }

    /// What changed rows add to each group.
    pub(super) fn added(&self, changed: LogicalPlan) -> Result<LogicalPlan> {
        let weight = law::weight(&changed);
        let keys = self.aggregate.group_expr.iter().enumerate();
        let keys = keys.map(|(i, expr)| expr.clone().unalias().alias(key(i))).collect();
        let mut added = vec![sum(weight.clone()).alias(ROWS)];
        for state in &self.states {
            added.extend(state.over_changes(&weight)?);
        }
        added.push(min(weight).alias(LEAST_WEIGHT));
        Ok(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(changed), keys, added)?))
    }

    /// The kept columns of the touched groups, from the view's stored rows.
    pub(super) fn kept(&self, stored: LogicalPlan, touched: &KeyRows) -> Result<LogicalPlan> {
        let keys: Vec<Expr> = self.keys().iter().map(|name| column(name)).collect();
        let stored = match keys.is_empty() {
            true => stored,
            false => law::restricted(stored, &keys, touched, "touched")?,
        };
        let names = self.keys().into_iter().chain(self.kept_names());
        law::project(stored, names.map(|name| column(&name).alias(name)).collect())
    }

    /// What the touched groups are now, less what they were.
    pub(super) fn merged(&self, had: LogicalPlan, added: LogicalPlan) -> Result<LogicalPlan> {
        let shape = self.full()?.schema().clone();
        let had_aliased = alias(had.clone(), HAD)?;
        let added = alias(added, ADDED)?;
        let on: Vec<(Expr, Expr)> = self
            .keys()
            .iter()
            .map(|name| (side_column(ADDED, name), side_column(HAD, name)))
            .collect();
        let joined = Join::try_new(
            Arc::new(added),
            Arc::new(had_aliased),
            on,
            None,
            JoinType::Left,
            JoinConstraint::On,
            NullEquality::NullEqualsNull,
            false,
        )?;
        let mut exprs: Vec<Expr> =
            self.keys().iter().map(|name| side_column(ADDED, name).alias(name)).collect();
        exprs.push(self.rows_now()?);
        for state in &self.states {
            exprs.extend(state.merged(HAD, ADDED)?);
        }
        let now = law::project(LogicalPlan::Join(joined), exprs)?;
        let now = match self.aggregate.group_expr.is_empty() {
            // Without GROUP BY there is a row even of nothing.
            true => now,
            false => LogicalPlan::Filter(Filter::try_new(
                column(ROWS).not_eq(lit(0_i64)),
                Arc::new(now),
            )?),
        };
        let now = law::weighted(self.finished(self.over_states(now)?)?, 1)?;
        let before = law::weighted(self.finished(self.over_states(had)?)?, -1)?;
        law::stack(vec![now, before], &shape)
    }

    fn rows_now(&self) -> Result<Expr> {
        let had = side_column(HAD, ROWS);
        let had = datafusion::logical_expr::when(had.clone().is_null(), lit(0_i64))
            .otherwise(cast(had, DataType::Int64))?;
        Ok((had + cast(side_column(ADDED, ROWS), DataType::Int64)).alias(ROWS))
    }

    fn kept_names(&self) -> Vec<String> {
        let states = self.states.iter().flat_map(State::names).map(str::to_owned);
        std::iter::once(ROWS.to_owned()).chain(states).collect()
    }

    /// The aggregate's columns and the hidden ones, from all rows. Only what is kept is computed over the
    /// rows, each function once; the results come of that, as they do after a change.
    fn over_rows(&self) -> Result<LogicalPlan> {
        let mut wanted = vec![count(lit(1_i64)).alias(ROWS)];
        for state in &self.states {
            wanted.extend(state.over_rows()?);
        }
        let mut functions: Vec<Expr> = Vec::new();
        let places: Vec<usize> = wanted
            .into_iter()
            .map(|function| {
                let function = function.unalias();
                functions.iter().position(|known| *known == function).unwrap_or_else(|| {
                    functions.push(function);
                    functions.len() - 1
                })
            })
            .collect();
        let groups = self.aggregate.group_expr.clone();
        let width = groups.len();
        let kept = Aggregate::try_new(Arc::clone(&self.aggregate.input), groups, functions)?;
        let kept = LogicalPlan::Aggregate(kept);
        let found = law::columns(&kept);
        let keys = (0..width).map(|i| found[i].clone().alias(key(i)));
        let names = self.kept_names().into_iter().zip(places);
        let kept_columns = names.map(|(name, at)| found[width + at].clone().alias(name));
        let exprs = keys.chain(kept_columns).collect();
        self.over_states(law::project(kept, exprs)?)
    }

    /// The aggregate's columns and the hidden ones, from the hidden ones.
    fn over_states(&self, states: LogicalPlan) -> Result<LogicalPlan> {
        let mut exprs = Vec::new();
        let groups = self.aggregate.group_expr.len();
        for (i, (qualifier, field)) in self.aggregate.schema.iter().enumerate() {
            let value = match i.checked_sub(groups) {
                None => column(&key(i)),
                Some(function) => self.states[function].result()?,
            };
            exprs.push(value.alias_qualified(qualifier.cloned(), field.name()));
        }
        let names = self.keys().into_iter().chain(self.kept_names());
        exprs.extend(names.map(|name| column(&name).alias(name)));
        law::project(states, exprs)
    }

    /// The operators above the aggregate over `core`, result first, then hidden columns, then flags.
    fn finished(&self, core: LogicalPlan) -> Result<LogicalPlan> {
        let hidden = self.aggregate.group_expr.len() + self.kept_names().len();
        let plan = above(&self.root, core, hidden)?;
        let mut columns = law::columns(&plan);
        let hidden = columns.split_off(columns.len() - hidden);
        let flags = columns.split_off(self.width);
        columns.extend(hidden);
        columns.extend(flags);
        law::project(plan, columns)
    }
}

fn key(index: usize) -> String {
    format!("__lakeport_g{index}")
}

fn alias(plan: LogicalPlan, name: &str) -> Result<LogicalPlan> {
    Ok(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(plan), name)?))
}

/// The aggregate below operators that give one row for each of its rows.
fn aggregate_of(plan: &LogicalPlan) -> Option<&Aggregate> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => Some(aggregate),
        LogicalPlan::Projection(projection) => aggregate_of(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => aggregate_of(&alias.input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => aggregate_of(&sort.input),
        _ => None,
    }
}

/// Whether an operator down to and with the aggregate looks at the clock.
fn above_depends_on_moment(plan: &LogicalPlan) -> bool {
    if operator_depends_on_moment(plan) {
        return true;
    }
    match plan {
        LogicalPlan::Projection(projection) => above_depends_on_moment(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => above_depends_on_moment(&alias.input),
        LogicalPlan::Sort(sort) => above_depends_on_moment(&sort.input),
        _ => false,
    }
}

/// The operators of `plan` above its aggregate, over `core`, whose last `hidden` columns pass through.
fn above(plan: &LogicalPlan, core: LogicalPlan, hidden: usize) -> Result<LogicalPlan> {
    Ok(match plan {
        LogicalPlan::Projection(projection) => {
            let input = above(&projection.input, core, hidden)?;
            let mut exprs = projection.expr.clone();
            let columns = law::columns(&input);
            exprs.extend_from_slice(&columns[columns.len() - hidden..]);
            LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let input = above(&alias.input, core, hidden)?;
            let named = SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?;
            LogicalPlan::SubqueryAlias(named)
        }
        LogicalPlan::Sort(sort) => {
            let input = Arc::new(above(&sort.input, core, hidden)?);
            LogicalPlan::Sort(Sort { expr: sort.expr.clone(), input, fetch: None })
        }
        _ => core,
    })
}

/// The columns of rows that hold what was added to groups, all nullable.
pub(super) fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
