//! One view of a run computed: not at all, by its changes, or in full.

use std::sync::Arc;

use crate::catalog::{MaterializedView, Relation};
use crate::error::{ErrorKind, Result};
use crate::lake::Table;
use crate::syntax::RefreshPolicy;

use super::alert;
use super::build::{Built, Figures, Job, WhyFull};
use super::check::{definition, has_quarantine};
use super::decide::Need;
use super::follow::Followed;
use super::history::Strategy;
use super::pins::Pin;
use super::policy;
use super::run::ViewRun;
use super::weigh::Rejected;

/// A view brought up to date, and how.
pub(super) struct Done {
    pub(super) built: Built,
    pub(super) strategy: Strategy,
    pub(super) reason: String,
    /// What was considered instead.
    pub(super) rejected: Option<Rejected>,
}

impl ViewRun<'_> {
    pub(super) fn job<'j>(
        &'j self,
        relation: &'j Relation,
        view: &'j MaterializedView,
        sources: &'j [Pin],
        head: Option<Table>,
        quarantine_head: Option<Table>,
    ) -> Job<'j> {
        let snapshot = Arc::new(self.pins.snapshot());
        let engine = &self.refresher.engine;
        Job {
            lake: &self.refresher.lake,
            engine,
            run: &self.run,
            relation,
            view,
            sources,
            context: engine.server_context(relation.owner.clone(), snapshot, self.now),
            head,
            quarantine_head,
            memory_bytes: self.refresher.config.limits.memory_bytes,
            hold_from_bytes: self.refresher.config.limits.hold_from_bytes,
            started: self.refresher.lake.clock().instant(),
        }
    }

    /// Does what has to be done, by the changes where the policy allows it and they can be followed;
    /// `None` when another refresh came first.
    pub(super) async fn compute(
        &self,
        job: &Job<'_>,
        need: Need,
        reason: &mut String,
    ) -> Result<Option<Done>> {
        let policy = job.view.policy;
        let mut full = WhyFull::default();
        match need {
            Need::Nothing => *reason = "its table is gone".to_owned(),
            Need::Full(why) => *reason = why,
            Need::Heal(why) => {
                policy::falls_back(job.relation, policy, &why)?;
                full.deviation = (policy != RefreshPolicy::Full).then(|| why.clone());
                *reason = why;
            }
            Need::Follow(_, why) if policy == RefreshPolicy::Full => *reason = why,
            Need::Follow(moved, why) => {
                reason.clone_from(&why);
                match readable(job.follow(&moved).await)? {
                    Followed::Built(built) => {
                        alert::strategy(job, true, None, &why).await;
                        let strategy = Strategy::Incremental;
                        let rejected = None;
                        return Ok(Some(Done { built: *built, strategy, reason: why, rejected }));
                    }
                    Followed::Conflict => return Ok(None),
                    Followed::Nothing(table) => {
                        let quarantine = job.quarantine_head.clone();
                        return Ok(Some(self.held(job.relation, table, quarantine)));
                    }
                    Followed::NotPossible(rejected) => {
                        policy::falls_back(job.relation, policy, &rejected.because)?;
                        *reason = format!("{why}; in full because {}", rejected.because);
                        full.deviation = rejected.deviation(policy);
                        full.rejected = Some(rejected);
                    }
                }
            }
        }
        let Some(built) = job.full(&full).await? else { return Ok(None) };
        alert::strategy(job, false, full.deviation.as_deref(), reason).await;
        let (strategy, reason) = (Strategy::Full, reason.clone());
        Ok(Some(Done { built, strategy, reason, rejected: full.rejected }))
    }

    /// A view whose table holds the result already: by an earlier run that may not have published it.
    pub(super) fn held(
        &self,
        relation: &Relation,
        table: Table,
        quarantine: Option<Table>,
    ) -> Done {
        let is_published = |relation: Option<&Relation>, table: &Table| {
            self.published_version(relation.map(|r| r.id)) == Some(table.version())
        };
        let quarantine = quarantine.filter(|_| definition(relation).is_ok_and(has_quarantine));
        let refused = self.quarantine_of(relation);
        let current = is_published(Some(relation), &table)
            && quarantine.iter().all(|table| is_published(refused.as_deref(), table))
            && !self.is_waiting(&relation.name);
        let reason = match current {
            true => "no source has changed",
            false => "an earlier run had computed it",
        };
        let figures = Figures { rows_written: table.rows().unwrap_or(0), ..Figures::default() };
        let strategy = if current { Strategy::Unchanged } else { Strategy::Held };
        let (counts, operators) = (Vec::new(), Vec::new());
        let built = Built { table, quarantine, figures, counts, operators };
        Done { built, strategy, reason: reason.to_owned(), rejected: None }
    }
}

/// Files that went are read again to know which rows went with them; when they are gone for good, all
/// rows tell as much.
fn readable(followed: Result<Followed>) -> Result<Followed> {
    match followed {
        Err(error) if error.kind() == ErrorKind::UndefinedFile => {
            Ok(Followed::NotPossible(Rejected::changes("files of an earlier version are gone")))
        }
        followed => followed,
    }
}
