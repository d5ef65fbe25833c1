//! One view brought up to date by what changed in its sources.
//!
//! Its one idea: changed rows go through the same expectations and the same key check as all rows do in
//! a full refresh, once for those that came and once for those that went; what is left goes into and
//! out of the view and its quarantine. Whatever stands in the way is a reason to compute in full, never
//! an approximation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::{Error, ErrorKind, Result};
use crate::lake::{ChangesOutcome, CommitMode, Edited, Location, Looked, Table};
use crate::syntax::{Expectation, ViolationAction};

use super::build::{Built, Figures, Job, quarantine_schema};
use super::check::{CheckedView, has_quarantine, prepare};
use super::columns;
use super::expectations::{ExpectationCount, Splitter};
use super::incremental::{
    Budget, Changing, NetRows, Outcome, Shown, SourceChange, changes_of, groups_of, unsteady,
};
use super::operators::OperatorRow;
use super::primary_key::PrimaryKey;
use super::progress::{self, Costs, Moved};
use super::reads::Reads;
use super::weigh::Rejected;

/// Changed rows held in memory, at most, as a share of what all statements may take.
const MEMORY_SHARE: u64 = 4;
/// How an attempt to follow the sources ended.
pub(super) enum Followed {
    /// The view is up to date.
    Built(Box<Built>),
    /// Another commit came first.
    Conflict,
    /// There is nothing to follow: the table holds the result.
    Nothing(Table),
    /// It must be computed in full, and why.
    NotPossible(Rejected),
}

/// Rows that came and rows that went.
#[derive(Default)]
pub(super) struct Sides {
    pub(super) came: Vec<RecordBatch>,
    pub(super) went: Vec<RecordBatch>,
}

/// What is about to be committed, and what is said of it.
struct Going {
    split: Split,
    /// The columns that tell a row, where groups are kept.
    identity: Option<Vec<String>>,
    figures: Figures,
    operators: Vec<OperatorRow>,
    changed_bytes: u64,
}

/// What the changes mean for the view's tables.
struct Split {
    kept: Sides,
    refused: Sides,
    counts: Vec<ExpectationCount>,
    /// Where keys were looked for.
    looked: Looked,
}

impl Job<'_> {
    /// Follows the sources that moved.
    ///
    /// # Errors
    /// As a full refresh; also what reading changes says.
    pub(super) async fn follow(&self, moved: &[Moved]) -> Result<Followed> {
        let Some(head) = &self.head else {
            return Ok(Followed::NotPossible(Rejected::changes("first build")));
        };
        let checked = prepare(self.engine, self.relation, &self.context).await?;
        if !columns::same_columns(&head.spec().schema, &checked.schema) {
            return Ok(Followed::NotPossible(Rejected::changes("its columns changed")));
        }
        if let Some(blocked) = unsteady(&checked.plan)? {
            return Ok(Followed::NotPossible(Rejected::rule(&blocked)));
        }
        if moved.is_empty() && !self.depends_on_moment(&checked)? {
            return Ok(Followed::Nothing(head.clone()));
        }
        let sources = match self.source_changes(head, moved).await? {
            Ok(sources) => sources,
            Err(rejected) => return Ok(Followed::NotPossible(rejected)),
        };
        let changed_bytes = sources.values().map(|source| source.changes.files().1).sum();
        let budget = self.budget(head, &checked).await?;
        let reads = Mutex::new(Reads::default());
        let changing = Changing {
            engine: self.engine,
            plan: &checked.plan,
            context: &self.context,
            sources: &sources,
            then: progress::computed_at(head, self.relation.id).await?,
            reads: &reads,
            budget: budget.as_ref(),
            hold_from_bytes: self.hold_from_bytes,
            bytes_max: usize::try_from(self.memory_bytes / MEMORY_SHARE).unwrap_or(usize::MAX),
            shown: self.shown(head, &checked)?,
        };
        let flagged = columns::flagged(&checked.schema, self.view.constraints.len());
        let conform =
            |batch: &RecordBatch| columns::conform_flagged(batch, &checked.schema, &flagged);
        let mut identity = None;
        let mut outcome = None;
        if let Some(grouped) = &checked.grouped {
            outcome = groups_of(&changing, grouped, head, &flagged, &conform).await?;
            // What is kept of a group may be written in two ways; its keys are one.
            identity = Some(grouped.keys()).filter(|keys| !keys.is_empty());
        }
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                let grouped = checked.grouped.as_ref();
                changes_of(&changing, grouped, &flagged, &conform).await?
            }
        };
        let reads = reads.into_inner().unwrap_or_else(PoisonError::into_inner);
        let rejected = match outcome {
            Outcome::Changed(changed) => Ok(changed),
            Outcome::Blocked(blocked) => Err(Rejected::rule(&blocked)),
            Outcome::TooMany(why) => {
                Err(Rejected::given_up(why, budget.as_ref(), changed_bytes, &reads))
            }
        };
        let changed = match rejected {
            Ok(changed) => changed,
            Err(rejected) => return Ok(Followed::NotPossible(rejected)),
        };
        let split = self.split(head, &changed.net).await?;
        let (rows_read, bytes_read) = reads.total();
        let weighed = budget.as_ref().map(Budget::weighed);
        let figures = Figures { rows_read, bytes_read, weighed, ..Figures::default() };
        let operators = self.operators(&changed.laws, &sources, &reads);
        let going = Going { split, identity, figures, operators, changed_bytes };
        self.apply(head, &checked, going).await
    }

    /// Where the rows stand that the query gave before, unless an expectation has dropped some.
    fn shown(&self, head: &Table, checked: &CheckedView) -> Result<Option<Shown>> {
        let drops = |of: &Expectation| of.action == ViolationAction::Drop;
        if self.view.constraints.iter().any(drops) {
            return Ok(None);
        }
        let mut tables = vec![head.stored_provider()?];
        if has_quarantine(self.view) {
            let Some(quarantine) = &self.quarantine_head else { return Ok(None) };
            tables.push(quarantine.stored_provider()?);
        }
        let columns = checked.visible.clone();
        let primary_key = self.view.primary_key.clone();
        Ok(Some(Shown { tables, columns, primary_key }))
    }

    /// Whether the view's rows change with the clock alone.
    fn depends_on_moment(&self, checked: &CheckedView) -> Result<bool> {
        match &checked.grouped {
            // Its plan is filled in; what is below the groups is not.
            Some(grouped) => grouped.depends_on_moment(),
            None => self.engine.depends_on_moment(&checked.plan, &self.context),
        }
    }

    /// What happened to each source that moved, or why it cannot be told or is not worth following.
    async fn source_changes(
        &self,
        head: &Table,
        moved: &[Moved],
    ) -> Result<std::result::Result<BTreeMap<Location, SourceChange>, Rejected>> {
        let unknown = |because: String| Ok(Err(Rejected::changes(because)));
        let mut sources = BTreeMap::new();
        let (mut changed_bytes, mut all_bytes) = (0, 0);
        for pin in self.sources {
            all_bytes += pin.table.files().1;
        }
        for Moved { pin, consumed } in moved {
            let name = &pin.relation.name;
            let Some(version) = *consumed else {
                return unknown(format!("{name} is another table than before"));
            };
            let location = pin.table.location();
            if version > pin.table.version() {
                return unknown(format!("{name} was at version {version} before"));
            }
            let old = match self.lake.at_version(location, version).await {
                Ok(old) => old,
                Err(error) if error.kind() == ErrorKind::SnapshotTooOld => {
                    return unknown(format!("version {version} of {name} is no longer kept"));
                }
                Err(error) => return Err(error),
            };
            let changes = match self.lake.changes(&old, &pin.table).await? {
                ChangesOutcome::Readable(changes) => changes,
                ChangesOutcome::Unreadable(reason) => return unknown(format!("{name}: {reason}")),
            };
            changed_bytes += changes.files().1;
            sources.insert(location.clone(), SourceChange { changes });
        }
        Ok(match self.dearer(head, changed_bytes, all_bytes).await? {
            Some(dearer) => Err(dearer),
            None => Ok(sources),
        })
    }

    /// Judges changed rows by the expectations, and the keys of those that came.
    async fn split(&self, head: &Table, net: &NetRows) -> Result<Split> {
        let name = &self.relation.name;
        let splitter = || Splitter::new(name, &self.view.constraints, &self.view.primary_key);
        let (mut came, mut went) = (splitter(), splitter());
        let (mut kept, mut refused) = (Sides::default(), Sides::default());
        for (splitter, batches, kept, refused) in [
            (&mut went, net.rows(false)?, &mut kept.went, &mut refused.went),
            (&mut came, net.rows(true)?, &mut kept.came, &mut refused.came),
        ] {
            for batch in batches {
                let split = splitter.split(&batch)?;
                kept.push(split.kept);
                if has_quarantine(self.view) && split.quarantined.num_rows() > 0 {
                    let mut arrays = split.quarantined.columns().to_vec();
                    arrays.push(splitter.names(&split.failed));
                    let schema = quarantine_schema(&split.quarantined.schema());
                    refused.push(
                        RecordBatch::try_new(schema, arrays).map_err(|e| {
                            Error::internal("put refused rows together").caused_by(e)
                        })?,
                    );
                }
            }
        }
        let looked = self.check_keys(head, &kept).await?;
        let mut counts = Vec::new();
        for (mut count, gone) in came.counts().into_iter().zip(went.counts()) {
            let before = progress::failing_of(head, self.relation.id, &count.name).await?;
            let now = (before.unwrap_or(0) + count.failed).saturating_sub(gone.failed);
            count.failed_now = now;
            counts.push(count);
        }
        Ok(Split { kept, refused, counts, looked })
    }

    /// Keys of rows that came: none twice, and none that the table has already, but for those whose
    /// row went.
    async fn check_keys(&self, head: &Table, kept: &Sides) -> Result<Looked> {
        let names = &self.view.primary_key;
        let Some(first) = kept.came.first() else { return Ok(Looked::default()) };
        let name = &self.relation.name;
        let Some(mut came) = PrimaryKey::new(name, names, &first.schema())? else {
            return Ok(Looked::default());
        };
        for batch in &kept.came {
            came.add(batch)?;
        }
        let mut went = BTreeSet::new();
        for batch in &kept.went {
            went.extend(came.encoded(batch)?);
        }
        let mut fresh = Vec::new();
        for batch in &kept.came {
            let mask: Vec<bool> =
                came.encoded(batch)?.iter().map(|key| !went.contains(key)).collect();
            let rows = arrow::compute::filter_record_batch(batch, &mask.into());
            fresh.push(rows.map_err(|e| Error::internal("keys that came").caused_by(e))?);
        }
        match self.lake.find(head, names, &fresh).await? {
            Ok(looked) => Ok(looked),
            Err((batch, row)) => Err(came.duplicate_in(&fresh[batch], row)),
        }
    }

    /// Commits the quarantine, then the view.
    async fn apply(&self, head: &Table, checked: &CheckedView, going: Going) -> Result<Followed> {
        let Going { split, identity, mut figures, mut operators, changed_bytes } = going;
        let all = |schema: &SchemaRef| -> Vec<String> {
            schema.fields().iter().map(|field| field.name().clone()).collect()
        };
        let mut quarantine = None;
        if let (true, Some(base)) = (has_quarantine(self.view), &self.quarantine_head) {
            let edited = self.edit(base, &all(&base.schema()), &split.refused).await?;
            if edited.missing > 0 {
                return Ok(missing(base, edited.missing));
            }
            figures.rows_quarantined = edited.files.rows();
            let spec = self.quarantine_spec(&checked.schema);
            let mode = mode_of(&edited);
            let name = self.relation.name.quarantine();
            match self
                .commit(&name, Some(base.clone()), spec, edited.files, mode, Vec::new())
                .await?
            {
                Some(table) => quarantine = Some(table),
                None => return Ok(Followed::Conflict),
            }
        }
        let identity = match (identity, self.view.primary_key.is_empty()) {
            (Some(keys), _) => keys,
            (None, true) => all(&head.spec().schema),
            (None, false) => self.view.primary_key.clone(),
        };
        let edited = self.edit(head, &identity, &split.kept).await?;
        if edited.missing > 0 {
            return Ok(missing(head, edited.missing));
        }
        let looked = split.looked.and(edited.looked.clone());
        operators.push(self.edited(&edited, &split.kept, looked.total(), operators.len()));
        let (files_added, bytes_written) = edited.files.files();
        figures.files_added = files_added;
        figures.bytes_written = bytes_written;
        figures.files_removed = edited.files.replaced();
        figures.rows_written = edited.files.rows();
        let spec = self.spec(&checked.schema);
        let mode = mode_of(&edited);
        let mut more = progress::failing(self.relation.id, &split.counts);
        let cost = Costs {
            full_us: None,
            incremental_us: Some(self.elapsed_us()),
            changed_bytes: Some(changed_bytes),
        };
        more.extend(cost.record(self.relation.id));
        more.push(progress::deviation(self.relation.id, None));
        let base = Some(head.clone());
        let name = &self.relation.name;
        let table = self.commit(name, base, spec, edited.files, mode, more).await?;
        Ok(match table {
            None => Followed::Conflict,
            Some(table) => {
                let counts = split.counts;
                Followed::Built(Box::new(Built { table, quarantine, figures, counts, operators }))
            }
        })
    }

    async fn edit(&self, table: &Table, identity: &[String], sides: &Sides) -> Result<Edited> {
        let layout = self.layout(&table.schema());
        self.lake.edit(table, identity, &sides.went, &sides.came, &layout).await
    }
}

/// Rows that only come go behind whatever another commit adds; rows that go do not.
fn mode_of(edited: &Edited) -> CommitMode {
    if edited.files.replaced() + edited.files.marked() > 0 {
        CommitMode::Edit
    } else {
        CommitMode::Append
    }
}

fn missing(table: &Table, rows: u64) -> Followed {
    let location = table.location();
    tracing::error!(%location, rows, "a view's table lacks rows that its query had");
    Followed::NotPossible(Rejected::changes(format!("{rows} rows that went were not in its table")))
}
