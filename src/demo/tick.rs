//! One more day, or five more minutes, in a landing folder that holds a demo.
//!
//! Its one idea: the shop is generated anew with more days, and of its files only those are put that have
//! become whole since the last time. Files that are there are never touched; the truth is of whole days.

use std::path::{Path, PathBuf};

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

use super::files::{Landing, put};
use super::{Options, Progress, Shop, Summary, deliver, write as write_all};

/// How far the shop's clock moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// To the end of the day that has begun or begins.
    Day,
    /// Five minutes.
    Minutes,
}

/// What `truth/clock.json` says: until when files were delivered.
#[derive(Debug, Serialize, Deserialize)]
struct Clock {
    now: NaiveDateTime,
}

/// Delivers what the sources write until the next tick; returns it with the time it then is in the shop.
///
/// # Errors
/// `ObjectNotInPrerequisiteState` where no demo is, `IoError` and `DiskFull` when writing fails.
pub fn tick(
    landing: &Path,
    tick: Tick,
    progress: &Progress<'_>,
) -> Result<(Summary, NaiveDateTime)> {
    let options = options_of(landing)?;
    let from = now(&options, landing)?.unwrap_or_else(|| end_of_history(&options));
    let to = match tick {
        Tick::Minutes => from + TimeDelta::minutes(5),
        Tick::Day => from.date().and_time(NaiveTime::MIN) + TimeDelta::days(1),
    };
    let summary = write(&options, landing, (from, to), progress)?;
    let clock = serde_json::to_vec(&Clock { now: to })
        .map_err(|error| Error::internal("a time does not serialize").caused_by(error))?;
    put(&clock_path(landing), &clock)?;
    Ok((summary, to))
}

/// The shop's time, where it has ticked.
pub(super) fn now(options: &Options, landing: &Path) -> Result<Option<NaiveDateTime>> {
    let path = clock_path(landing);
    let Ok(content) = std::fs::read(&path) else { return Ok(None) };
    let clock: Clock =
        serde_json::from_slice(&content).map_err(|error| unreadable(&path, error))?;
    Ok(Some(clock.now.max(end_of_history(options))))
}

/// Writes what becomes whole between two times, and the truth where the second ends a day.
pub(super) fn write(
    options: &Options,
    landing: &Path,
    (from, to): (NaiveDateTime, NaiveDateTime),
    progress: &Progress<'_>,
) -> Result<Summary> {
    let since = to - end_of_history(options);
    let whole_days = since.num_days();
    let ends_day = since == TimeDelta::days(whole_days);
    let more_days = whole_days + i64::from(!ends_day);
    let shop = Shop::generate(options, u32::try_from(more_days).unwrap_or(u32::MAX));
    let mut files = Landing::between(landing, from, to);
    if ends_day {
        write_all(&shop, &mut files, landing, progress)?;
    } else {
        deliver::write_web(&shop, &mut files, None, progress)?;
        deliver::write_customers(&shop, &mut files, None, progress)?;
        deliver::write(&shop, &mut files, progress)?;
        deliver::play(&shop, &mut files, progress)?;
    }
    Ok(shop.summary(&files))
}

fn end_of_history(options: &Options) -> NaiveDateTime {
    options.until.and_time(NaiveTime::MIN) + TimeDelta::days(1)
}

fn options_of(landing: &Path) -> Result<Options> {
    let path = landing.join("truth/options.json");
    let content = std::fs::read(&path).map_err(|error| {
        Error::new(
            ErrorKind::ObjectNotInPrerequisiteState,
            format!("\"{}\" holds no demo", landing.display()),
        )
        .hint("Make one with lakeport demo, or name its folder with --landing.")
        .caused_by(error)
    })?;
    serde_json::from_slice(&content).map_err(|error| unreadable(&path, error))
}

fn clock_path(landing: &Path) -> PathBuf {
    landing.join("truth/clock.json")
}

fn unreadable(path: &Path, error: serde_json::Error) -> Error {
    Error::new(
        ErrorKind::ObjectNotInPrerequisiteState,
        format!("\"{}\" cannot be read: {error}", path.display()),
    )
    .hint("Remove the landing folder and the lake, and make them anew.")
    .caused_by(error)
}
