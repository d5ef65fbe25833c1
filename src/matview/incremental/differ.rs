//! One law an operator: a plan over versions to a plan over changes.
//!
//! Its one idea: Δf is found from the top down by asking each operator for the changes of its inputs.
//! An operator whose law needs the keys that changed asks for them ([`Stop::Needs`]) and is asked again
//! when they are there, so every law is a pure function of plans and keys. Runs nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, LogicalPlan, Projection, SubqueryAlias, TableScan, Union, Unnest,
    Window,
};

use crate::lake::{Changes, Location, Table, WEIGHT_COLUMN};
use crate::query::{
    Allowance, Leaf, depends_on_moment, filled, leaf, metered, operator_depends_on_moment,
    put_in_place,
};

use super::answer::{Delta, Difference, Stop, blocked};
use super::keys::KeyRows;
use super::known::{Asker, Known};
use super::law;
use super::shown::ResultOf;

/// Behind a place: the meter of the keys that are affected there.
pub(crate) const KEYS: &str = " keys";
/// Behind a place: the meter of the rows of these keys, as they are and as they were.
pub(crate) const AGAIN: &str = " again";

pub(super) const FILTERED: &str = "changed rows are filtered";
pub(super) const PROJECTED: &str = "changed rows are projected";
pub(super) const GROUPED: &str = "affected groups are computed again";
pub(super) const WINDOWED: &str = "affected partitions are computed again";

/// A source whose version has moved since the stored result saw it.
#[derive(Debug, Clone)]
pub(crate) struct SourceChange {
    pub(crate) changes: Changes,
}

/// What moved.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sources<'a> {
    /// These, by location.
    Moved(&'a BTreeMap<Location, SourceChange>),
    /// All of them, to see which laws there are; no row is read.
    Imagined,
}

/// A scanned table that moved.
pub(super) enum Moved<'a> {
    Really(&'a SourceChange),
    Imagined(Table),
}

/// What the laws look at.
pub(super) struct Differ<'a> {
    /// What moved.
    pub(super) sources: Sources<'a>,
    /// Keys that are known.
    pub(super) keys: &'a Known,
    /// What `now()` was when the stored result was computed.
    pub(super) then: Option<DateTime<Utc>>,
    /// Tables of so many bytes and more are read once for both versions.
    pub(super) hold_from_bytes: u64,
    /// The laws that were used, in the order they were.
    pub(super) laws: RefCell<Vec<(String, &'static str, &'static str)>>,
    /// How many rows of affected keys may be computed again.
    pub(super) again: Option<&'a Arc<Allowance>>,
    /// The plan's result, where it can be looked into.
    pub(super) result: Option<ResultOf<'a>>,
}

impl Differ<'_> {
    /// Δ of a plan, counted; `place` tells an operator from all others: the way to it, by inputs.
    pub(super) fn changed(&self, plan: &LogicalPlan, place: &str) -> Difference {
        let delta = self.by_law(plan, place)?;
        let is_named = self.laws.borrow().iter().any(|(of, ..)| of == place);
        Ok(delta.map(|delta| match is_named {
            true => Delta { plan: metered(delta.plan, place.to_owned(), None), ..delta },
            false => delta,
        }))
    }

    fn by_law(&self, plan: &LogicalPlan, place: &str) -> Difference {
        match plan {
            LogicalPlan::Filter(filter) if depends_on_moment(&filter.predicate) => {
                self.filter_on_time(filter, place)
            }
            plan if operator_depends_on_moment(plan) => blocked(
                "clock",
                "a value depends on the moment of the refresh",
                "Leave now() to filters, or to the query that reads the view.",
            ),
            LogicalPlan::TableScan(scan) => self.scan(scan, place),
            LogicalPlan::Filter(filter) => self.filter(filter, place),
            LogicalPlan::Projection(projection) => self.projection(projection, place),
            LogicalPlan::SubqueryAlias(alias) => self.alias(alias, place),
            LogicalPlan::Union(union) => self.union(union, place),
            LogicalPlan::Unnest(unnest) => self.unnest(unnest, place),
            LogicalPlan::Join(join) => self.join(join, place),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate, place),
            LogicalPlan::Window(window) => self.window(window, place),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
                self.changed(&sort.input, &format!("{place}.0"))
            }
            LogicalPlan::Repartition(repartition) => {
                self.changed(&repartition.input, &format!("{place}.0"))
            }
            LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Ok(None),
            LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => self.if_touched(
                plan,
                "limit",
                "which rows are the first depends on all rows",
                "Leave LIMIT to the query that reads the view.",
            ),
            LogicalPlan::RecursiveQuery(_) => self.if_touched(
                plan,
                "recursive query",
                "each step depends on all steps before",
                "",
            ),
            other => {
                self.if_touched(plan, "operator", format!("{} has no rule", other.display()), "")
            }
        }
    }

    /// Without a law, but without need of one while nothing below has moved.
    pub(super) fn if_touched(
        &self,
        plan: &LogicalPlan,
        operator: &'static str,
        reason: impl Into<String>,
        hint: &'static str,
    ) -> Difference {
        if self.touches(plan)? { blocked(operator, reason, hint) } else { Ok(None) }
    }

    /// Whether this only looks for laws.
    pub(super) fn imagines(&self) -> bool {
        matches!(self.sources, Sources::Imagined)
    }

    /// Whether a source below `plan` has moved, or the clock that it looks at.
    pub(super) fn touches(&self, plan: &LogicalPlan) -> Result<bool, Stop> {
        Ok(plan.exists(|node| match node {
            LogicalPlan::TableScan(scan) => Ok(self.moved(scan)?.is_some()),
            node => Ok(operator_depends_on_moment(node)),
        })?)
    }

    pub(super) fn moved(&self, scan: &TableScan) -> Result<Option<Moved<'_>>, DataFusionError> {
        let Leaf::Stored(table) = leaf(scan)? else { return Ok(None) };
        Ok(match self.sources {
            Sources::Imagined => Some(Moved::Imagined(table)),
            Sources::Moved(sources) => {
                let source = sources.get(table.location());
                source.filter(|source| !source.changes.is_empty()).map(Moved::Really)
            }
        })
    }

    /// `plan` over the versions, and at the moment, that the stored result has seen: X@0.
    pub(super) fn old(&self, plan: &LogicalPlan) -> Result<LogicalPlan, Stop> {
        let old = plan.clone().transform_up(|node| {
            let LogicalPlan::TableScan(scan) = &node else { return Ok(Transformed::no(node)) };
            let Some(Moved::Really(source)) = self.moved(scan)? else {
                return Ok(Transformed::no(node));
            };
            let provider = source.changes.before().map_err(external)?;
            Ok(Transformed::yes(put_in_place(scan, provider, "old", &[])?))
        })?;
        Ok(match self.then {
            Some(then) => filled(old.data, then)?,
            None => old.data,
        })
    }

    /// ΔR: rows of files that came, and of files that went.
    fn scan(&self, scan: &TableScan, place: &str) -> Difference {
        if let Leaf::Live = leaf(scan)? {
            return blocked("scan", format!("{} has no versions", scan.table_name), "");
        }
        let (provider, copies) = match self.moved(scan)? {
            None => return Ok(None),
            Some(Moved::Really(source)) => {
                (source.changes.provider(), !source.changes.is_append_only())
            }
            Some(Moved::Imagined(table)) => (no_changes(&table), true),
        };
        self.note(place, "scan", "rows of files that came and went are read");
        let plan = put_in_place(scan, provider, "changes of", &[WEIGHT_COLUMN])?;
        Ok(Some(Delta { plan, copies }))
    }

    /// Δσp(X) = σp(ΔX).
    fn filter(&self, filter: &Filter, place: &str) -> Difference {
        let below = format!("{place}.0");
        let Some(input) = self.changed(&filter.input, &below)? else { return Ok(None) };
        self.note(place, "filter", FILTERED);
        let plan = Filter::try_new(filter.predicate.clone(), Arc::new(input.plan))?;
        Ok(Some(Delta { plan: LogicalPlan::Filter(plan), ..input }))
    }

    /// Δπe(X) = πe(ΔX), the weight beside it.
    fn projection(&self, projection: &Projection, place: &str) -> Difference {
        let below = format!("{place}.0");
        let Some(input) = self.changed(&projection.input, &below)? else { return Ok(None) };
        self.note(place, "projection", PROJECTED);
        let mut exprs = projection.expr.clone();
        exprs.push(law::weight(&input.plan));
        Ok(Some(Delta { plan: law::project(input.plan, exprs)?, ..input }))
    }

    /// Another name changes no row.
    fn alias(&self, alias: &SubqueryAlias, place: &str) -> Difference {
        let below = format!("{place}.0");
        let Some(input) = self.changed(&alias.input, &below)? else { return Ok(None) };
        let plan = SubqueryAlias::try_new(Arc::new(input.plan), alias.alias.clone())?;
        Ok(Some(Delta { plan: LogicalPlan::SubqueryAlias(plan), ..input }))
    }

    /// Δ(X ⊎ Y) = ΔX ⊎ ΔY.
    fn union(&self, union: &Union, place: &str) -> Difference {
        let (mut changed, mut copies) = (Vec::new(), false);
        for (i, input) in union.inputs.iter().enumerate() {
            if let Some(delta) = self.changed(input, &format!("{place}.{i}"))? {
                copies |= delta.copies;
                changed.push(delta.plan);
            }
        }
        if changed.is_empty() {
            return Ok(None);
        }
        self.note(place, "union all", "changed rows of all inputs");
        Ok(Some(Delta { plan: law::stack(changed, &union.schema)?, copies }))
    }

    /// Each row unnests by itself: Δμ(X) = μ(ΔX).
    fn unnest(&self, unnest: &Unnest, place: &str) -> Difference {
        let below = format!("{place}.0");
        let Some(input) = self.changed(&unnest.input, &below)? else { return Ok(None) };
        self.note(place, "unnest", "changed rows are unnested");
        let plan = Unnest::try_new(
            Arc::new(input.plan),
            unnest.exec_columns.clone(),
            unnest.options.clone(),
        )?;
        let plan = law::weight_last(LogicalPlan::Unnest(plan))?;
        Ok(Some(Delta { plan, ..input }))
    }

    /// Δγ(X) = γ(X@1 ⋉ K) - γ(X@0 ⋉ K), K the groups of the rows that changed: a group none of whose
    /// rows changed has the result it had, whatever the function.
    fn aggregate(&self, aggregate: &Aggregate, place: &str) -> Difference {
        if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
            return self.grouping_sets(aggregate, place);
        }
        if let Some(known) = self.inherited(&aggregate.input, &aggregate.group_expr)? {
            self.followed(&aggregate.input, &format!("{place}.0"))?;
            self.note(place, "aggregate", GROUPED);
            return self.groups_of(aggregate, &known, place);
        }
        let Some(input) = self.changed(&aggregate.input, &format!("{place}.0"))? else {
            return Ok(None);
        };
        if aggregate.group_expr.is_empty() {
            return blocked(
                "aggregate",
                "without GROUP BY every change touches the one result row",
                "",
            );
        }
        self.note(place, "aggregate", GROUPED);
        self.groups(aggregate, input, place)
    }

    /// The groups of the rows that changed, computed again.
    pub(super) fn groups(&self, aggregate: &Aggregate, input: Delta, place: &str) -> Difference {
        let asker = Asker::new(LogicalPlan::Aggregate(aggregate.clone()), "")?;
        let changed = vec![(input, aggregate.group_expr.as_slice())];
        match self.known(place, asker, changed)? {
            Some(known) => self.groups_of(aggregate, &known, place),
            None => Ok(None),
        }
    }

    fn groups_of(&self, aggregate: &Aggregate, keys: &KeyRows, place: &str) -> Difference {
        let over = |input: LogicalPlan| {
            let again = Aggregate::try_new(
                Arc::new(self.again(input, place)),
                aggregate.group_expr.clone(),
                aggregate.aggr_expr.clone(),
            )?;
            Ok::<_, Stop>(LogicalPlan::Aggregate(again))
        };
        let (new, old) = self.both(&aggregate.input, &aggregate.group_expr, keys, "")?;
        self.replaced(over(new)?, over(old)?, &aggregate.schema)
    }

    /// As aggregates: K are the partitions that all functions agree on.
    fn window(&self, window: &Window, place: &str) -> Difference {
        let (keys, below) = (partition_of(window), format!("{place}.0"));
        if let Some(known) = self.inherited(&window.input, &keys)? {
            self.followed(&window.input, &below)?;
            self.note(place, "window", WINDOWED);
            return self.partitions(window, &known, place);
        }
        let Some(input) = self.changed(&window.input, &below)? else { return Ok(None) };
        if keys.is_empty() {
            return blocked(
                "window",
                "without PARTITION BY one row changes the values of all others",
                "Partition the window, for example by day or customer.",
            );
        }
        self.note(place, "window", WINDOWED);
        let asker = Asker::new(LogicalPlan::Window(window.clone()), "")?;
        match self.known(place, asker, vec![(input, &keys)])? {
            Some(known) => self.partitions(window, &known, place),
            None => Ok(None),
        }
    }

    fn partitions(&self, window: &Window, keys: &KeyRows, place: &str) -> Difference {
        let over = |input: LogicalPlan| {
            let input = Arc::new(self.again(input, place));
            Ok::<_, Stop>(LogicalPlan::Window(Window::try_new(window.window_expr.clone(), input)?))
        };
        let (new, old) = self.both(&window.input, &partition_of(window), keys, "")?;
        self.replaced(over(new)?, over(old)?, &window.schema)
    }

    /// What an operator yields for its keys now, less what it yielded.
    pub(super) fn replaced(
        &self,
        new: LogicalPlan,
        old: LogicalPlan,
        shape: &datafusion::common::DFSchema,
    ) -> Difference {
        let changed = vec![law::weighted(new, 1)?, law::weighted(old, -1)?];
        Ok(Some(Delta { plan: law::stack(changed, shape)?, copies: true }))
    }

    /// Rows of affected keys, counted.
    pub(super) fn again(&self, rows: LogicalPlan, place: &str) -> LogicalPlan {
        metered(rows, format!("{place}{AGAIN}"), self.again)
    }

    /// A change without copies.
    pub(super) fn summed(&self, delta: Delta) -> Result<Delta, Stop> {
        match delta.copies {
            true => Ok(Delta { plan: law::net(delta.plan)?, copies: false }),
            false => Ok(delta),
        }
    }

    pub(super) fn note(&self, place: &str, operator: &'static str, law: &'static str) {
        self.laws.borrow_mut().push((place.to_owned(), operator, law));
    }
}

/// The expressions that every function of a window node is partitioned by.
pub(super) fn partition_of(window: &Window) -> Vec<Expr> {
    let mut common: Option<Vec<Expr>> = None;
    for expr in &window.window_expr {
        let Expr::WindowFunction(function) = expr.clone().unalias() else { return Vec::new() };
        let partition = function.params.partition_by;
        common = Some(match common {
            None => partition,
            Some(common) => common.into_iter().filter(|expr| partition.contains(expr)).collect(),
        });
    }
    common.unwrap_or_default()
}

/// What a table's changes would look like.
fn no_changes(table: &Table) -> Arc<dyn TableProvider> {
    Arc::new(EmptyTable::new(Changes::schema_of(&table.schema())))
}

pub(super) fn external(error: crate::error::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
