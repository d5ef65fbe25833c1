//! A stream's lines in the order they arrive: a file a day, and one each five minutes of the history's last
//! and of those after it.
//!
//! Only what arrives later than the day being written waits in memory.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;

/// Lines on their way.
pub(super) struct Stream {
    folder: &'static str,
    end: NaiveDateTime,
    /// The first day that is in parts.
    parted: NaiveDate,
    /// Nothing arrives before: those days are written.
    start: NaiveDateTime,
    waiting: BTreeMap<NaiveDate, Vec<(NaiveDateTime, String)>>,
}

impl Stream {
    /// Of the days of the history.
    pub(super) fn of_history(folder: &'static str, shop: &Shop) -> Self {
        Self::new(folder, shop, shop.first_day(), shop.end())
    }

    /// Of the days after it of which something may still arrive.
    pub(super) fn after_history(folder: &'static str, shop: &Shop) -> Self {
        let first = shop.further_day(*shop.recent_days().start());
        Self::new(folder, shop, first, shop.last_second())
    }

    fn new(folder: &'static str, shop: &Shop, first: NaiveDate, end: NaiveDateTime) -> Self {
        let start = first.and_time(NaiveTime::MIN);
        Self { folder, end, parted: shop.options.until, start, waiting: BTreeMap::new() }
    }

    /// When something really arrives that would arrive at `at`: what would come after the last day
    /// comes at its end, for the truth holds all of it.
    pub(super) fn arrival(&self, at: NaiveDateTime) -> NaiveDateTime {
        at.max(self.start).min(self.end)
    }

    /// Delivers a line, which ends with a line break.
    pub(super) fn push(&mut self, at: NaiveDateTime, line: String) {
        let at = self.arrival(at);
        self.waiting.entry(at.date()).or_default().push((at, line));
    }

    /// Writes a day's file or files; days come in order.
    pub(super) fn close(&mut self, day: NaiveDate, files: &mut Landing) -> Result<()> {
        self.start = (day + chrono::Days::new(1)).into();
        let mut lines = self.waiting.remove(&day).unwrap_or_default();
        // Stable, so that equal times keep the order they were drawn in.
        lines.sort_by_key(|(at, _)| *at);
        let mut contents: BTreeMap<String, String> = BTreeMap::new();
        for (at, line) in lines {
            let name = if day < self.parted {
                format!("{}/{day}.ndjson", self.folder)
            } else {
                let minute = at.minute() / 5 * 5;
                format!("{}/{day}T{:02}-{minute:02}.ndjson", self.folder, at.hour())
            };
            contents.entry(name).or_default().push_str(&line);
        }
        for (name, content) in contents {
            files.put(&name, content.as_bytes())?;
        }
        Ok(())
    }
}

/// `2026-10-31T23:59:59.000Z`; written by hand because there are millions.
pub(super) fn stamp(at: NaiveDateTime) -> String {
    let time = at.time();
    let millis = at.and_utc().timestamp_subsec_millis();
    format!(
        "{}T{:02}:{:02}:{:02}.{millis:03}Z",
        at.date(),
        time.hour(),
        time.minute(),
        time.second()
    )
}
