//! Whether following changes is cheaper than computing in full.
//!
//! Its one idea: what is known is asked in the order in which it costs to know it: the bytes that changed, what
//! the last times took, and then, of the attempt itself, the rows of the files its plans would read and those
//! of the keys they touch ([`Budget`]). Only AUTO asks. An attempt that was given up is remembered as one that
//! took as long as it was foreseen to.

use std::time::Duration;

use crate::error::Result;
use crate::lake::Table;
use crate::syntax::RefreshPolicy;

use super::build::Job;
use super::check::CheckedView;
use super::incremental::{Blocked, Budget, Weighed};
use super::progress::Costs;
use super::reads::Reads;

/// Of the bytes of all sources, the share from which on changes are not cheaper than all rows.
const CHANGED_SHARE_MAX: f64 = 0.5;

/// How much slower than a full refresh an incremental one may have been to be tried again.
const SLOWER_MAX: f64 = 1.2;

/// Of what computing in full took the last time, the percentage after which an attempt is given up, and
/// microseconds that it may take anyway.
const TIME_PERCENT: u64 = 50;
const TIME_FREE_US: u64 = 1_000_000;

/// An attempt that was given up before it was known what it would cost is taken for so many times dearer.
const GIVEN_UP_TIMES: u64 = 2;
/// What is left, in percent, of what is remembered of following changes, each time it was not tried.
const REMEMBERED_PERCENT: u64 = 97;

/// What kept changes from being followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// Computing in full costs less.
    Cost,
    /// An operator has no rule.
    Rule,
    /// The changes cannot be told.
    Changes,
}

/// Why changes were not followed, and how far that went.
#[derive(Debug, Clone)]
pub(super) struct Rejected {
    /// The words that follow "because".
    pub(super) because: String,
    pub(super) against: Against,
    pub(super) weighed: Option<Weighed>,
    foreseen: Foreseen,
    pub(super) rows_read: u64,
    pub(super) bytes_read: u64,
}

/// What is known of what following the changes would have taken.
#[derive(Debug, Clone, Copy)]
enum Foreseen {
    Nothing,
    /// So long as it is remembered, for so many bytes of changes.
    Remembered {
        micros: u64,
        changed_bytes: u64,
    },
    /// What an attempt came to, for so many bytes of changes.
    GivenUp {
        changed_bytes: u64,
    },
}

impl Rejected {
    fn new(against: Against, because: String) -> Self {
        let (foreseen, rows_read, bytes_read) = (Foreseen::Nothing, 0, 0);
        Self { because, against, weighed: None, foreseen, rows_read, bytes_read }
    }

    /// The changes cannot be told.
    pub(super) fn changes(because: impl Into<String>) -> Self {
        Self::new(Against::Changes, because.into())
    }

    /// An operator has no rule.
    pub(super) fn rule(blocked: &Blocked) -> Self {
        Self::new(Against::Rule, format!("{}: {}", blocked.operator, blocked.reason))
    }

    /// In the middle, after this was read.
    pub(super) fn given_up(
        because: String,
        budget: Option<&Budget>,
        changed_bytes: u64,
        reads: &Reads,
    ) -> Self {
        let (rows_read, bytes_read) = reads.total();
        let weighed = budget.map(Budget::weighed);
        let foreseen = Foreseen::GivenUp { changed_bytes };
        Self { because, against: Against::Cost, weighed, foreseen, rows_read, bytes_read }
    }

    /// Why this is not what the view's rules promise; `None` where it is: AUTO promises the cheaper, and to
    /// follow changes where there are rules, INCREMENTAL to follow them.
    pub(super) fn deviation(&self, policy: RefreshPolicy) -> Option<String> {
        let promised = match policy {
            RefreshPolicy::Full => true,
            RefreshPolicy::Auto => self.against != Against::Changes,
            RefreshPolicy::Incremental | RefreshPolicy::IncrementalStrict => false,
        };
        (!promised).then(|| self.because.clone())
    }

    /// What a full refresh that took so long remembers of it.
    pub(super) fn costs(&self, full_us: u64) -> Costs {
        let known = match self.foreseen {
            Foreseen::Nothing => None,
            Foreseen::Remembered { micros, changed_bytes } => {
                Some((micros / 100 * REMEMBERED_PERCENT, changed_bytes))
            }
            Foreseen::GivenUp { changed_bytes } => {
                let over = self.weighed.filter(|weighed| weighed.incremental > weighed.full);
                let micros = over.map_or(full_us.saturating_mul(GIVEN_UP_TIMES), |weighed| {
                    weighed.incremental.saturating_mul(full_us) / weighed.full.max(1)
                });
                Some((micros.max(full_us.saturating_mul(GIVEN_UP_TIMES)), changed_bytes))
            }
        };
        Costs {
            full_us: Some(full_us),
            incremental_us: known.map(|(micros, _)| micros),
            changed_bytes: known.map(|(_, bytes)| bytes),
        }
    }
}

impl Job<'_> {
    /// What an attempt to follow changes may cost.
    pub(super) async fn budget(
        &self,
        head: &Table,
        checked: &CheckedView,
    ) -> Result<Option<Budget>> {
        if self.view.policy != RefreshPolicy::Auto {
            return Ok(None);
        }
        let full = self.engine.foreseen(&checked.plan, &self.context).await?;
        let took = Costs::of(head, self.relation.id).await?.full_us;
        let may_take = took.map(|micros| micros / 100 * TIME_PERCENT + TIME_FREE_US);
        let until = may_take.map(|micros| self.started + Duration::from_micros(micros));
        Ok(Some(Budget::of(&full, until)))
    }

    /// Why following so many changes would cost more than computing in full: by the bytes that would be
    /// read, and by what it took the last time.
    pub(super) async fn dearer(
        &self,
        head: &Table,
        changed: u64,
        all: u64,
    ) -> Result<Option<Rejected>> {
        if self.view.policy != RefreshPolicy::Auto {
            return Ok(None);
        }
        if as_f64(changed) > CHANGED_SHARE_MAX * as_f64(all) {
            let because = format!("{changed} of {all} bytes of its sources changed");
            return Ok(Some(Rejected::new(Against::Cost, because)));
        }
        let costs = Costs::of(head, self.relation.id).await?;
        let (Some(full), Some(incremental), Some(then)) =
            (costs.full_us, costs.incremental_us, costs.changed_bytes)
        else {
            return Ok(None);
        };
        // Far fewer changes than then are worth another try.
        let tried = as_f64(changed) * 2.0 > as_f64(then);
        let dearer = as_f64(incremental) > SLOWER_MAX * as_f64(full);
        Ok((tried && dearer).then(|| {
            let because =
                format!("following changes is held to take {incremental} us, all rows {full} us");
            let foreseen = Foreseen::Remembered { micros: incremental, changed_bytes: then };
            Rejected { foreseen, ..Rejected::new(Against::Cost, because) }
        }))
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share of bytes")]
fn as_f64(bytes: u64) -> f64 {
    bytes as f64
}
