//! The files of a Delta log, by version, and which of them nothing needs any more.
//!
//! Its one idea: a version is read from the last checkpoint up to it and the commits after that one;
//! all else may go. Refuses to know what the commits say.

use std::collections::BTreeSet;

use deltalake_core::logstore::{LogStore as _, LogStoreRef};
use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use object_store::path::Path;

use crate::error::Result;
use crate::name::Version;

use super::error;
use super::keep::KeptVersions;

/// Digits of a version in a file's name.
const DIGITS: usize = 20;

/// What lies in a log's folder.
#[derive(Debug, Default)]
pub(super) struct LogFiles {
    /// All that belong to a version, in its order.
    files: Vec<(Version, Path)>,
    commits: BTreeSet<Version>,
    /// Those of one file, which is written as a whole.
    checkpoints: BTreeSet<Version>,
}

impl LogFiles {
    pub(super) async fn list(log: &LogStoreRef) -> Result<Self> {
        let found = log.object_store(None).list(Some(log.log_path())).try_collect::<Vec<_>>().await;
        let found = match found {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error::object(error)),
        };
        let paths: Vec<Path> = found.into_iter().map(|meta| meta.location).collect();
        Ok(Self::of(&paths))
    }

    fn of(paths: &[Path]) -> Self {
        let mut listed = Self::default();
        for path in paths {
            let Some((digits, rest)) =
                path.filename().and_then(|name| name.split_at_checked(DIGITS))
            else {
                continue;
            };
            let Ok(version) = digits.parse::<Version>() else { continue };
            match rest {
                ".json" => drop(listed.commits.insert(version)),
                ".checkpoint.parquet" => drop(listed.checkpoints.insert(version)),
                ".crc" => {}
                rest if rest.starts_with(".checkpoint.") => {}
                // Whatever it is, it is not ours to take away.
                _ => continue,
            }
            listed.files.push((version, path.clone()));
        }
        listed.files.sort();
        listed
    }

    /// Versions from here on can be read, one after the other.
    pub(super) fn first_readable(&self) -> Option<Version> {
        let mut first = *self.commits.last()?;
        while first > 0 && self.commits.contains(&(first - 1)) {
            first -= 1;
        }
        match first {
            0 => Some(0),
            _ => self.checkpoints.range(first - 1..).next().copied(),
        }
    }

    /// Versions up to `version` whose commit is there.
    pub(super) fn commits_until(
        &self,
        version: Version,
    ) -> impl DoubleEndedIterator<Item = Version> {
        self.commits.range(..=version).copied()
    }

    /// The files that none of these versions is read from, oldest first: whoever is stopped half-way
    /// leaves a log whose newer part is whole.
    pub(super) fn needless(&self, kept: &KeptVersions) -> Vec<Path> {
        let start = |version| self.checkpoints.range(..=version).next_back().copied().unwrap_or(0);
        let from = start(kept.from);
        let also: Vec<_> = kept.also.iter().map(|version| start(*version)..=*version).collect();
        let needless = self.files.iter().filter(|(version, _)| {
            *version < from && !also.iter().any(|range| range.contains(version))
        });
        needless.map(|(_, path)| path.clone()).collect()
    }
}
