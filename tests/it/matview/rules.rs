//! When something is due, from times alone.

use std::time::Duration;

use chrono::TimeDelta;
use lakeport::scheduler::{LastRun, is_due, next_due};
use lakeport::syntax::Schedule;

use super::world::start_of_time;

const EVERY_HOUR: Schedule = Schedule { every: Duration::from_secs(3600) };

#[test]
fn what_never_ran_is_due_at_once() {
    assert!(is_due(start_of_time(), &LastRun::default(), EVERY_HOUR));
    assert_eq!(next_due(&LastRun::default(), EVERY_HOUR), None);
}

#[test]
fn due_is_the_last_success_plus_the_interval_and_missed_turns_are_one() {
    let then = start_of_time();
    let mut last = LastRun::default();
    last.succeeded(then);
    assert!(!is_due(then + TimeDelta::minutes(59), &last, EVERY_HOUR));
    assert!(is_due(then + TimeDelta::minutes(60), &last, EVERY_HOUR));
    // A server that was down for a day runs once, and is then due an hour later.
    let back = then + TimeDelta::days(1);
    assert!(is_due(back, &last, EVERY_HOUR));
    last.succeeded(back);
    assert_eq!(next_due(&last, EVERY_HOUR), Some(back + TimeDelta::hours(1)));
}

#[test]
fn a_failure_waits_for_its_next_turn_and_old_news_changes_nothing() {
    let then = start_of_time();
    let mut last = LastRun::default();
    last.succeeded(then);
    last.failed(then + TimeDelta::hours(1));
    assert_eq!(next_due(&last, EVERY_HOUR), Some(then + TimeDelta::hours(2)));
    last.succeeded(then - TimeDelta::hours(5));
    assert_eq!(last.succeeded_at, Some(then));
}
