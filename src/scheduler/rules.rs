//! The rules: functions of times alone.
//!
//! Nothing is queued, so there is nothing to catch up on: however many turns a stopped server missed,
//! what is due runs once.

use chrono::{DateTime, TimeDelta, Utc};

use crate::syntax::{Schedule, Trigger};

/// How a relation's last runs ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastRun {
    /// When it last came up to date; also when nothing had changed.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// When it last failed for good, its retries included.
    pub failed_at: Option<DateTime<Utc>>,
}

impl LastRun {
    /// Takes in a success.
    pub fn succeeded(&mut self, at: DateTime<Utc>) {
        self.succeeded_at = self.succeeded_at.max(Some(at));
    }

    /// Takes in a failure.
    pub fn failed(&mut self, at: DateTime<Utc>) {
        self.failed_at = self.failed_at.max(Some(at));
    }
}

/// When a relation is next to run; `None` means at once, because it never ran.
///
/// A failure counts as a turn: what failed for good is not tried again before the next one.
pub fn next_due(last: &LastRun, schedule: Schedule) -> Option<DateTime<Utc>> {
    let last = last.succeeded_at.max(last.failed_at)?;
    let every = TimeDelta::from_std(schedule.every).unwrap_or(TimeDelta::MAX);
    Some(last.checked_add_signed(every).unwrap_or(DateTime::<Utc>::MAX_UTC))
}

/// Whether a relation is to run now.
pub fn is_due(now: DateTime<Utc>, last: &LastRun, schedule: Schedule) -> bool {
    next_due(last, schedule).is_none_or(|due| due <= now)
}

/// How long a triggered view that failed for good is left alone, at least: its sources move on, but
/// what fails on them mostly goes on failing.
const FAILED_PAUSE_S: i64 = 60;

/// How often a triggered view whose result moves with the clock runs, when its trigger does not say.
const CLOCK_PAUSE_S: i64 = 60;

/// Whether a triggered view whose result moves with the clock is late; `may_run` has its say, too.
pub(super) fn is_late(now: DateTime<Utc>, last: &LastRun) -> bool {
    let pause = TimeDelta::seconds(CLOCK_PAUSE_S);
    last.succeeded_at.is_none_or(|time| time.checked_add_signed(pause).is_none_or(|due| due <= now))
}

/// Whether a view that runs when its sources change may run again now. Changes that came meanwhile
/// are one turn.
pub fn may_run(now: DateTime<Utc>, last: &LastRun, trigger: Trigger) -> bool {
    let every = trigger
        .at_most_every
        .map_or(TimeDelta::zero(), |every| TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX));
    let after = |time: DateTime<Utc>, pause: TimeDelta| {
        time.checked_add_signed(pause).unwrap_or(DateTime::<Utc>::MAX_UTC)
    };
    let failed_pause = every.max(TimeDelta::seconds(FAILED_PAUSE_S));
    last.succeeded_at.is_none_or(|time| after(time, every) <= now)
        && last
            .failed_at
            .is_none_or(|time| last.succeeded_at > Some(time) || after(time, failed_pause) <= now)
}
