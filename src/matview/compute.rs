//! One view of a run computed: not at all, by its changes, or in full.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::catalog::{CatalogState, MaterializedView, Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{EpochState, Run, Table};
use crate::name::{RelationId, RelationName, Version};
use crate::query::Snapshot;
use crate::syntax::RefreshPolicy;

use super::alert;
use super::build::{Built, Figures, Job, WhyFull};
use super::check::{definition, has_quarantine};
use super::decide::{Need, Question};
use super::follow::Followed;
use super::history::{Attempt, Strategy};
use super::pins::{Pin, Sources};
use super::policy;
use super::progress;
use super::refresh::{RefreshRequest, Refresher};
use super::turns::at_once;
use super::weigh::Rejected;

/// How often one view starts over within one run because another refresh of it came first.
const CONFLICTS_MAX: usize = 5;

/// Files from this share of the memory on are much: a byte of them may be eight of rows, for four views at once.
const MUCH: u64 = 32;

/// What the views of a run have in common, and none of them changes.
pub(super) struct RunContext {
    pub(super) refresher: Arc<Refresher>,
    pub(super) request: RefreshRequest,
    pub(super) run: Run,
    /// `now()` of every view of the run.
    pub(super) now: DateTime<Utc>,
    pub(super) base: Arc<EpochState>,
    /// Definitions as readers see them.
    pub(super) published: Arc<CatalogState>,
    /// Definitions the run builds by: waiting ones take the place of those they will replace.
    pub(super) building: Arc<CatalogState>,
    pub(super) heads: BTreeMap<RelationId, Table>,
    /// Of views that are computed in full of much, one at a time is: each may take all the memory there is.
    pub(super) in_full: tokio::sync::Mutex<()>,
    /// Held by every view that is computed; whole by one that found the memory taken by those beside it.
    pub(super) beside: tokio::sync::RwLock<()>,
}

/// A view whose turn it is, with all it will be computed from.
pub(super) struct Turn {
    pub(super) view: Arc<Relation>,
    pub(super) sources: Sources,
    pub(super) pinned: Vec<Pin>,
    /// What its query reads.
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) attempt: Attempt,
    pub(super) started: Instant,
}

/// A view brought up to date, and how.
pub(super) struct Done {
    pub(super) built: Built,
    pub(super) strategy: Strategy,
    pub(super) reason: String,
    /// What was considered instead.
    pub(super) rejected: Option<Rejected>,
}

impl RunContext {
    /// Takes a view's turn: beside others, and once more alone where these left it too little memory.
    pub(super) async fn taken(self: Arc<Self>, mut turn: Turn) -> (Turn, Result<Done>) {
        let first = std::mem::take(&mut turn.attempt.reason);
        let mut reason = first.clone();
        let mut ended = {
            let _beside = self.beside.read().await;
            self.bring_up_to_date(&turn, &mut reason).await
        };
        if matches!(&ended, Err(error) if error.kind() == ErrorKind::OutOfMemory) && at_once() > 1 {
            let _alone = self.beside.write().await;
            reason = first;
            ended = self.bring_up_to_date(&turn, &mut reason).await;
        }
        turn.attempt.reason = reason;
        (turn, ended)
    }

    /// Brings one view up to date.
    async fn bring_up_to_date(&self, turn: &Turn, reason: &mut String) -> Result<Done> {
        let Turn { view: relation, sources, pinned, .. } = turn;
        let lake = &self.refresher.lake;
        let view = definition(relation)?;
        let mut head = self.heads.get(&relation.id).cloned();
        for attempt in 0..CONFLICTS_MAX {
            if attempt > 0 {
                head = lake.newest(&lake.location(&relation.name)).await?;
                if let Some(head) = &head
                    && progress::is_ahead(head, relation.id, pinned).await?
                {
                    break;
                }
            }
            let quarantine_head = lake.newest(&lake.location(&relation.name.quarantine())).await?;
            let quarantine_head =
                self.reconciled(relation, pinned, head.as_ref(), quarantine_head).await?;
            let question = Question {
                relation,
                sources,
                pinned,
                head: head.as_ref(),
                quarantine: quarantine_head.as_ref(),
                published: self.published_version(Some(relation.id)),
                quarantine_published: self
                    .published_version(self.quarantine_of(relation).map(|q| q.id)),
                now: self.now,
                anew: attempt == 0 && self.request.full,
                first: attempt == 0,
            };
            let need = question.need().await?;
            if let (Need::Nothing, Some(table)) = (&need, &head) {
                return Ok(self.held(relation, table.clone(), quarantine_head));
            }
            let job = self.job(turn, view, head.clone(), quarantine_head);
            if let Some(done) = self.compute(&job, need, reason).await? {
                return Ok(done);
            }
        }
        Err(Error::new(
            ErrorKind::SerializationFailure,
            format!("another refresh of {} came first", relation.name),
        )
        .hint("Refresh again; nothing was lost."))
    }

    pub(super) fn published_version(&self, id: Option<RelationId>) -> Option<Version> {
        self.base.relations.get(&id?).map(|published| published.version)
    }

    pub(super) fn quarantine_of(&self, view: &Relation) -> Option<Arc<Relation>> {
        self.building.relation(&view.name.quarantine()).cloned()
    }

    /// Whether a new definition waits for this run.
    pub(super) fn is_waiting(&self, name: &RelationName) -> bool {
        self.published.relation(name).is_some_and(|relation| {
            matches!(&relation.kind, RelationKind::MaterializedView(view) if view.pending.is_some())
        })
    }

    pub(super) fn job<'j>(
        &'j self,
        turn: &'j Turn,
        view: &'j MaterializedView,
        head: Option<Table>,
        quarantine_head: Option<Table>,
    ) -> Job<'j> {
        let (relation, snapshot) = (turn.view.as_ref(), Arc::clone(&turn.snapshot));
        let engine = &self.refresher.engine;
        Job {
            lake: &self.refresher.lake,
            engine,
            run: &self.run,
            relation,
            view,
            sources: &turn.pinned,
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
        let _alone = match self.is_of_much(job) {
            true => Some(self.in_full.lock().await),
            false => None,
        };
        let Some(built) = job.full(&full).await? else { return Ok(None) };
        alert::strategy(job, false, full.deviation.as_deref(), reason).await;
        let (strategy, reason) = (Strategy::Full, reason.clone());
        Ok(Some(Done { built, strategy, reason, rejected: full.rejected }))
    }

    /// Whether what a view is computed from may not fit into memory beside as much for others.
    fn is_of_much(&self, job: &Job<'_>) -> bool {
        let bytes: u64 = job.sources.iter().map(|pin| pin.table.files().1).sum();
        bytes > self.refresher.config.limits.memory_bytes / MUCH
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
