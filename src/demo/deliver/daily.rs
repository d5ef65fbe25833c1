//! Sources that are made a day at a time, with their truth: first the history, then each day after it.

use std::ops::Range;
use std::path::Path;

use chrono::NaiveDate;

use crate::error::Result;

use super::super::files::Landing;
use super::super::visits::orders_by_day;
use super::super::{Progress, Shop};

/// Writes all days of the history.
type WriteHistory = fn(&Shop, &mut Landing, &Path, &dyn Fn(u64, u64)) -> Result<()>;

/// Such a source.
pub(super) struct Daily {
    pub(super) name: &'static str,
    /// Writes all days of the history, and the truth of them.
    pub(super) history: WriteHistory,
    /// Writes what the last of the days after the history brings, and its truth where it is wanted.
    pub(super) further: fn(&Shop, &mut Landing, Option<&Path>) -> Result<()>,
}

impl Daily {
    pub(super) fn write(
        &self,
        shop: &Shop,
        files: &mut Landing,
        truth: Option<&Path>,
        progress: &Progress<'_>,
    ) -> Result<()> {
        match truth {
            Some(truth) if shop.more_days == 0 => {
                (self.history)(shop, files, truth, &|done, all| progress(self.name, done, all))
            }
            _ => (self.further)(shop, files, truth),
        }
    }
}

/// Each day of the history with its orders; tells how far it has come.
pub(super) fn days_of_history<'a>(
    shop: &'a Shop,
    progress: &'a dyn Fn(u64, u64),
) -> impl Iterator<Item = (NaiveDate, Range<usize>)> + 'a {
    let days = shop.first_day().iter_days().zip(orders_by_day(shop));
    days.enumerate().map(|(number, day)| {
        progress(number as u64, u64::from(shop.options.days));
        day
    })
}
