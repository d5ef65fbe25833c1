//! Which keys an operator's changes touch, asked for once.
//!
//! Its one idea: keys are remembered by the operator itself, not by its place, because a query that uses a
//! CTE twice has the same operator twice; and an operator that is keyed by what the one below it is keyed
//! by touches no other keys than that one, so nothing has to run to find them. Pure; looks at no data.

use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::lake::Location;
use crate::name::Version;
use crate::query::{Leaf, depends_on_moment, leaf, metered};

use super::answer::{Delta, Needed, Stop};
use super::differ::{Differ, FILTERED, GROUPED, KEYS, PROJECTED, Sources, WINDOWED, partition_of};
use super::keys::KeyRows;
use super::shared::Held;
use super::{law, sink};

/// Keys taken over from the operator below, at most: among more there are too many that did not change.
const INHERITED_MAX: usize = 50_000;

/// What an operator asks for that it can do without.
pub(super) const SHOWN: &str = "shown";

/// Who asks for keys.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    operator: LogicalPlan,
    /// What of it, where it asks for several.
    what: &'static str,
    reads: Vec<(Location, Version)>,
}

impl Asker {
    pub(super) fn new(operator: LogicalPlan, what: &'static str) -> Result<Self> {
        let mut reads = Vec::new();
        operator.apply(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && let Leaf::Stored(table) = leaf(scan)?
            {
                reads.push((table.location().clone(), table.version()));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(Self { operator, what, reads })
    }

    /// Whether who asks knows another way.
    pub(super) fn can_do_without(&self) -> bool {
        self.what == SHOWN
    }

    /// Scans are equal by name, so what they read is compared, too.
    fn is(&self, other: &Self) -> bool {
        self.what == other.what && self.reads == other.reads && self.operator == other.operator
    }
}

/// Keys that are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: Vec<(Asker, KeyRows)>,
    /// `None` for rows that did not fit.
    held: Vec<(Asker, Option<Held>)>,
}

impl Known {
    pub(super) fn insert(&mut self, asker: Asker, keys: KeyRows) {
        let mark = self.keys.len();
        self.keys.push((asker, keys.marked(&mark.to_string())));
    }

    pub(super) fn hold(&mut self, asker: Asker, rows: Option<Held>) {
        self.held.push((asker, rows));
    }

    pub(super) fn held(&self, asker: &Asker) -> Option<Option<&Held>> {
        self.held.iter().find(|(known, _)| known.is(asker)).map(|(_, held)| held.as_ref())
    }

    fn get(&self, asker: &Asker) -> Option<&KeyRows> {
        self.keys.iter().find(|(known, _)| known.is(asker)).map(|(_, keys)| keys)
    }
}

impl Differ<'_> {
    /// The keys that `inputs` touch, for the operator that asks, counted as of its place; `None` when no key is touched.
    ///
    /// # Errors
    /// [`Stop::Needs`] when they are not known yet.
    pub(super) fn known(
        &self,
        place: &str,
        asker: Asker,
        inputs: Vec<(Delta, &[Expr])>,
    ) -> std::result::Result<Option<KeyRows>, Stop> {
        if let Some(known) = self.keys.get(&asker) {
            return Ok((known.len() > 0).then(|| known.clone()));
        }
        let mut affected = Vec::new();
        for (delta, keys) in inputs {
            affected.push(law::affected(self.summed(delta)?.plan, keys)?);
        }
        let wanted = match affected.len() {
            1 => affected.remove(0),
            _ => law::either(affected)?,
        };
        match self.sources {
            Sources::Imagined => Ok(Some(KeyRows::none(&wanted)?)),
            Sources::Moved(_) => {
                let plan = metered(wanted, format!("{place}{KEYS}"), None);
                Err(Stop::Needs(Box::new(Needed { asker, plan, is_keys: true })))
            }
        }
    }

    /// Where each row of f(X) has the key k of the rows it was made of, rows of f change for keys that changed in X
    /// only: of an operator keyed by some of what the one below is keyed by, each key is part of one of that one's.
    pub(super) fn inherited(&self, input: &LogicalPlan, keys: &[Expr]) -> Result<Option<KeyRows>> {
        if self.imagines() || keys.is_empty() {
            return Ok(None);
        }
        let (below, of) = match input {
            LogicalPlan::SubqueryAlias(_) | LogicalPlan::Projection(_) => {
                let Some((input, keys)) = sink::through(input, keys)? else { return Ok(None) };
                return self.inherited(input, &keys);
            }
            // With the clock come and go rows of any key.
            LogicalPlan::Filter(filter) if !depends_on_moment(&filter.predicate) => {
                return self.inherited(&filter.input, keys);
            }
            LogicalPlan::Window(window) => (&window.input, partition_of(window)),
            LogicalPlan::Aggregate(aggregate) => {
                (&aggregate.input, sink::groups_as_columns(aggregate))
            }
            _ => return Ok(None),
        };
        let known = match self.keys.get(&Asker::new(input.clone(), "")?) {
            Some(known) => known.clone(),
            None if matches!(input, LogicalPlan::Window(_)) => match self.inherited(below, &of)? {
                Some(known) => known,
                None => return Ok(None),
            },
            None => return Ok(None),
        };
        let at = keys.iter().map(|key| of.iter().position(|of| of == key));
        let Some(at) = at.collect::<Option<Vec<_>>>() else { return Ok(None) };
        match known.len() {
            1..=INHERITED_MAX => known.part(&at).map(Some),
            _ => Ok(None),
        }
    }

    /// Notes the laws of operators whose changed rows nobody asks for, since their keys say enough.
    pub(super) fn followed(
        &self,
        plan: &LogicalPlan,
        place: &str,
    ) -> std::result::Result<(), Stop> {
        let below = format!("{place}.0");
        let over = |input: &LogicalPlan, of: &[Expr]| match self.inherited(input, of)? {
            Some(_) => self.followed(input, &below),
            None => self.changed(input, &below).map(|_| ()),
        };
        match plan {
            LogicalPlan::SubqueryAlias(alias) => self.followed(&alias.input, &below)?,
            LogicalPlan::Projection(projection) => {
                self.followed(&projection.input, &below)?;
                self.note(place, "projection", PROJECTED);
            }
            LogicalPlan::Filter(filter) => {
                self.followed(&filter.input, &below)?;
                self.note(place, "filter", FILTERED);
            }
            LogicalPlan::Window(window) => {
                over(&window.input, &partition_of(window))?;
                self.note(place, "window", WINDOWED);
            }
            LogicalPlan::Aggregate(aggregate) => {
                over(&aggregate.input, &aggregate.group_expr)?;
                self.note(place, "aggregate", GROUPED);
            }
            _ => {}
        }
        Ok(())
    }
}
