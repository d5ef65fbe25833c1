//! Rows of some keys, read once for both versions.
//!
//! Its one idea: most files are in the version before and in the one after. X@1 ⋉ K and X@0 ⋉ K have these
//! files' rows in common, so they are read once and held: X@1 ⋉ K = C ⊎ came ⋉ K, X@0 ⋉ K = C ⊎ went ⋉ K, C the
//! common rows ⋉ K. Only what is read as it is stored, row by row, is held; what does not fit, or is small, is read
//! twice. Pure; runs nothing.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{JoinType, TableReference};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder, TableScan};

use crate::query::{Leaf, leaf, operator_depends_on_moment, put_in_place, rows_in_place};

use super::answer::{Needed, Stop};
use super::differ::{Differ, Moved};
use super::keys::{KeyRows, NAME};
use super::known::Asker;
use super::{law, sink};

/// Rows that are held.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
}

/// What stands for a part of a plan, in the version after and in the one before.
struct Apart {
    after: LogicalPlan,
    before: LogicalPlan,
}

impl Differ<'_> {
    /// X@1 ⋉ K and X@0 ⋉ K.
    ///
    /// # Errors
    /// [`Stop::Needs`] when rows that both have are to be read first.
    pub(super) fn both(
        &self,
        plan: &LogicalPlan,
        exprs: &[Expr],
        keys: &KeyRows,
        mark: &str,
    ) -> std::result::Result<(LogicalPlan, LogicalPlan), Stop> {
        let after = sink::restricted(plan.clone(), exprs, keys, mark)?;
        if self.imagines() {
            return Ok((after.clone(), self.old(&after)?));
        }
        let mut apart = Vec::new();
        for part in read_row_by_row(&after)? {
            apart.push(self.apart(&part)?);
        }
        let before = replaced(&after, &apart, |apart| apart.before.clone())?;
        Ok((replaced(&after, &apart, |apart| apart.after.clone())?, self.old(&before)?))
    }

    /// A part of a plan over the rows that both versions have, and those that only one has; `None` where it
    /// is read for each.
    fn apart(&self, part: &LogicalPlan) -> std::result::Result<Option<Apart>, Stop> {
        let Some(scan) = scan_of(part) else { return Ok(None) };
        let Leaf::Stored(table) = leaf(scan)? else { return Ok(None) };
        if table.files().1 < self.hold_from_bytes || !names_are_unique(part) {
            return Ok(None);
        }
        let over =
            |provider, mark: &str| over(part, |scan| put_in_place(scan, provider, mark, &[]));
        let (common, came, went) = match self.moved(scan)? {
            None => (part.clone(), None, None),
            Some(Moved::Imagined(_)) => return Ok(None),
            Some(Moved::Really(source)) => {
                let Some(split) = source.changes.split().map_err(super::differ::external)? else {
                    return Ok(None);
                };
                let came = split.came.map(|came| over(came, "came to")).transpose()?;
                let went = split.went.map(|went| over(went, "went from")).transpose()?;
                (over(split.common, "common to both of")?, came, went)
            }
        };
        let asker = Asker::new(common.clone(), "rows")?;
        let held = match self.keys.held(&asker) {
            Some(Some(held)) => held,
            Some(None) => return Ok(None),
            None => {
                let needed = Needed { asker, plan: common, is_keys: false };
                return Err(Stop::Needs(Box::new(needed)));
            }
        };
        let with = |more: Option<LogicalPlan>| -> Result<LogicalPlan> {
            let name = format!("held {}", scan.table_name);
            let rows = rows_in_place(&name, held.schema.clone(), held.batches.clone())?;
            let rows = match more {
                None => rows,
                Some(more) => LogicalPlanBuilder::from(rows).union(numbered(more)?)?.build()?,
            };
            let columns = law::columns(&rows).into_iter().zip(part.schema().iter());
            let exprs = columns.map(|(column, (qualifier, field))| {
                column.alias_qualified(qualifier.cloned(), field.name())
            });
            let exprs = exprs.collect();
            law::project(rows, exprs)
        };
        Ok(Some(Apart { after: with(came)?, before: with(went)? }))
    }
}

/// Unqualified, as rows that are held are.
fn numbered(plan: LogicalPlan) -> Result<LogicalPlan> {
    let names = plan.schema().fields().iter().map(|field| field.name().clone());
    let exprs = law::columns(&plan).into_iter().zip(names.collect::<Vec<_>>());
    let exprs = exprs.map(|(column, name)| column.alias(name)).collect();
    law::project(plan, exprs)
}

/// Held rows are known by the names of their columns alone.
fn names_are_unique(plan: &LogicalPlan) -> bool {
    let mut names: Vec<&String> = plan.schema().fields().iter().map(|f| f.name()).collect();
    names.sort();
    names.windows(2).all(|pair| pair[0] != pair[1])
}

/// The largest parts of a plan that are rows of one scan, each by itself, narrowed by keys.
fn read_row_by_row(plan: &LogicalPlan) -> Result<Vec<LogicalPlan>> {
    let mut found = Vec::new();
    plan.apply(|node| {
        if !is_narrowed(node) {
            return Ok(TreeNodeRecursion::Continue);
        }
        found.push(node.clone());
        Ok(TreeNodeRecursion::Jump)
    })?;
    Ok(found)
}

/// Such a part, by keys at least once.
fn is_narrowed(plan: &LogicalPlan) -> bool {
    let mut node = plan;
    let mut narrowed = false;
    loop {
        if operator_depends_on_moment(node) {
            return false;
        }
        narrowed |= matches!(node, LogicalPlan::Join(_));
        match below(node) {
            Some(input) => node = input,
            None => return narrowed && matches!(node, LogicalPlan::TableScan(_)),
        }
    }
}

/// The input of an operator that looks at rows one by one.
fn below(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    match plan {
        LogicalPlan::Filter(filter) => Some(&filter.input),
        LogicalPlan::Projection(projection) => Some(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => Some(&alias.input),
        LogicalPlan::Join(join) if is_of_keys(join) => Some(&join.left),
        _ => None,
    }
}

/// X ⋉ K, K rows at hand.
fn is_of_keys(join: &Join) -> bool {
    let LogicalPlan::TableScan(scan) = join.right.as_ref() else { return false };
    // Relations are known by their schema, too.
    let is_keys =
        matches!(&scan.table_name, TableReference::Bare { table } if table.starts_with(NAME));
    join.join_type == JoinType::LeftSemi && is_keys
}

fn scan_of(plan: &LogicalPlan) -> Option<&TableScan> {
    match plan {
        LogicalPlan::TableScan(scan) => Some(scan),
        plan => scan_of(below(plan)?),
    }
}

/// The same part over another scan.
fn over(
    part: &LogicalPlan,
    scanned: impl FnOnce(&TableScan) -> Result<LogicalPlan>,
) -> Result<LogicalPlan> {
    match part {
        LogicalPlan::TableScan(scan) => scanned(scan),
        LogicalPlan::Join(join) => {
            let left = over(&join.left, scanned)?;
            part.with_new_exprs(part.expressions(), vec![left, LogicalPlan::clone(&join.right)])
        }
        part => {
            let Some(input) = below(part) else {
                return datafusion::common::internal_err!("no scan below {}", part.display());
            };
            let input = over(input, scanned)?;
            part.with_new_exprs(part.expressions(), vec![input])
        }
    }
}

/// The plan with what stands for its parts, found in the same order.
fn replaced(
    plan: &LogicalPlan,
    apart: &[Option<Apart>],
    side: impl Fn(&Apart) -> LogicalPlan,
) -> Result<LogicalPlan> {
    let mut parts = apart.iter();
    let replaced = plan.clone().transform_down(|node| {
        if !is_narrowed(&node) {
            return Ok(Transformed::no(node));
        }
        let Some(part) = parts.next() else {
            return Err(DataFusionError::Internal("a part of a plan more than before".to_owned()));
        };
        let jump = TreeNodeRecursion::Jump;
        Ok(match part {
            Some(apart) => Transformed::new(side(apart), true, jump),
            None => Transformed::new(node, false, jump),
        })
    })?;
    Ok(replaced.data)
}
