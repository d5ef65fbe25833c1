//! Which version of a stored relation a reference means.
//!
//! Maintained relations are read as published at the snapshot's epoch; other tables at their newest
//! version when first touched, which the snapshot then remembers. Knows no roles and no plans.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};

use crate::catalog::{Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Changes, ChangesOutcome, EpochState, Lake, Table};
use crate::name::Version;
use crate::syntax::{RelationReference, TimeTravel};

use super::engine::Context;
use super::snapshot::Snapshot;

/// The table `reference` means.
pub(crate) async fn table(
    lake: &Lake,
    context: &Context,
    relation: &Relation,
    reference: &RelationReference,
) -> Result<Table> {
    let time = match &reference.travel {
        Some(TimeTravel::Timestamp(text)) => Some(parse_time(text, &context.time_zone)?),
        _ => None,
    };
    let version = match &reference.travel {
        Some(TimeTravel::Version(version)) => Some(*version),
        _ => None,
    };
    let snapshot = &context.snapshot;
    if relation.kind.is_maintained() {
        maintained(lake, snapshot, relation, version, time).await
    } else {
        other(lake, snapshot, relation, version, time).await
    }
}

/// The table that a reference to `relation` without a version means.
pub(crate) async fn newest(lake: &Lake, snapshot: &Snapshot, relation: &Relation) -> Result<Table> {
    if relation.kind.is_maintained() {
        maintained(lake, snapshot, relation, None, None).await
    } else {
        other(lake, snapshot, relation, None, None).await
    }
}

/// What happened to the table that `reference` means between two of its versions.
///
/// # Errors
/// As [`table`] for either version; `ObjectNotInPrerequisiteState` when the log cannot tell.
pub(crate) async fn changes(
    lake: &Lake,
    context: &Context,
    relation: &Relation,
    reference: &RelationReference,
    (from, to): (Version, Version),
) -> Result<(Table, Changes)> {
    let at = |version| RelationReference {
        travel: Some(TimeTravel::Version(version)),
        ..reference.clone()
    };
    let before = table(lake, context, relation, &at(from)).await?;
    let after = table(lake, context, relation, &at(to)).await?;
    match lake.changes(&before, &after).await? {
        ChangesOutcome::Readable(changes) => Ok((after, changes)),
        ChangesOutcome::Unreadable(reason) => Err(Error::new(
            ErrorKind::ObjectNotInPrerequisiteState,
            format!("the changes of \"{}\" from {from} to {to} cannot be told", relation.name),
        )
        .detail(format!("The reason is: {reason}."))),
    }
}

async fn maintained(
    lake: &Lake,
    snapshot: &Snapshot,
    relation: &Relation,
    version: Option<Version>,
    time: Option<DateTime<Utc>>,
) -> Result<Table> {
    if version.is_none() && time.is_none() {
        if let Some(table) = snapshot.table(&lake.location(&relation.name)) {
            return Ok(table);
        }
        let published =
            snapshot.epoch.relations.get(&relation.id).ok_or_else(|| never_built(relation))?;
        if let Some(table) = snapshot.table(&published.location) {
            return Ok(table);
        }
        return lake.at_version(&published.location, published.version).await;
    }
    if let Some(time) = time {
        let epoch = lake.epoch_at_time(time).await?;
        return published_at(lake, earlier(&epoch, &snapshot.epoch), relation).await;
    }
    let published =
        snapshot.epoch.relations.get(&relation.id).ok_or_else(|| never_built(relation))?;
    match version {
        Some(version) if version > published.version => Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("version {version} of \"{}\" is not published", relation.name),
        )
        .detail(format!("The newest published version is {}.", published.version))),
        Some(version) => {
            let kept = lake.readable_versions(relation.id).await?;
            if kept.holds(version) {
                return lake.at_version(&published.location, version).await;
            }
            Err(Error::new(
                ErrorKind::SnapshotTooOld,
                format!("version {version} of \"{}\" is no longer kept", relation.name),
            )
            .detail(format!("The oldest version that is kept is {}.", kept.oldest())))
        }
        None => lake.at_version(&published.location, published.version).await,
    }
}

fn earlier<'a>(one: &'a EpochState, other: &'a EpochState) -> &'a EpochState {
    if one.epoch <= other.epoch { one } else { other }
}

async fn published_at(lake: &Lake, epoch: &EpochState, relation: &Relation) -> Result<Table> {
    let published = epoch.relations.get(&relation.id).ok_or_else(|| {
        Error::new(
            ErrorKind::ObjectNotInPrerequisiteState,
            format!("\"{}\" had not been built at that time", relation.name),
        )
    })?;
    lake.at_version(&published.location, published.version).await
}

async fn other(
    lake: &Lake,
    snapshot: &Snapshot,
    relation: &Relation,
    version: Option<Version>,
    time: Option<DateTime<Utc>>,
) -> Result<Table> {
    let location = match &relation.kind {
        RelationKind::External { location } => lake.external_location(location)?,
        _ => lake.location(relation.place()),
    };
    if let Some(version) = version {
        return lake.at_version(&location, version).await;
    }
    if let Some(time) = time {
        return lake.at_time(&location, time).await;
    }
    if let Some(table) = snapshot.table(&location) {
        return Ok(table);
    }
    let table = if snapshot.as_of {
        match (snapshot.epoch.relations.get(&relation.id), snapshot.epoch.published_at) {
            (Some(recorded), _) => lake.at_version(&recorded.location, recorded.version).await?,
            (None, Some(published_at)) => lake.at_published(&location, published_at).await?,
            (None, None) => return Err(missing(relation)),
        }
    } else {
        let seen = lake.seen(&snapshot.epoch, relation.id, &location).await?;
        seen.ok_or_else(|| missing(relation))?
    };
    // Of two statements of one transaction that read it first at the same moment, one wins.
    let mut pinned = snapshot.pinned.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(pinned.entry(location).or_insert(table).clone())
}

fn missing(relation: &Relation) -> Error {
    Error::new(
        ErrorKind::UndefinedFile,
        format!(
            "{} \"{}\" has no Delta table at its location",
            relation.kind.noun(),
            relation.name
        ),
    )
}

/// The error of a maintained relation that no run has published yet.
pub(crate) fn never_built(relation: &Relation) -> Error {
    let what = format!("{} \"{}\"", relation.kind.noun(), relation.name);
    let (message, hint) = match &relation.kind {
        RelationKind::MaterializedView(_) => (
            format!("{what} has not been built"),
            format!("Run REFRESH MATERIALIZED VIEW {}.", relation.name.quoted()),
        ),
        RelationKind::Streaming(_) => (
            format!("{what} has not ingested anything"),
            "Its first files make it: run `lakeport ingest`.".to_owned(),
        ),
        _ => (
            format!("{what} holds nothing yet"),
            "It appears with the first build of the relation whose rows it keeps.".to_owned(),
        ),
    };
    Error::new(ErrorKind::ObjectNotInPrerequisiteState, message).hint(hint)
}

/// A timestamp constant; without an offset it is in `time_zone`.
///
/// # Errors
/// `InvalidDatetimeFormat`.
pub(crate) fn parse_time(text: &str, time_zone: &str) -> Result<DateTime<Utc>> {
    let trimmed = text.trim();
    for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z"] {
        if let Ok(time) = DateTime::parse_from_str(trimmed, format) {
            return Ok(time.with_timezone(&Utc));
        }
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(trimmed) {
        return Ok(time.with_timezone(&Utc));
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(trimmed, format).ok())
        .or_else(|| NaiveDate::parse_from_str(trimmed, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    let invalid = || {
        Error::new(
            ErrorKind::InvalidDatetimeFormat,
            format!("invalid input syntax for type timestamp with time zone: \"{text}\""),
        )
    };
    let local = local.ok_or_else(invalid)?;
    let zone: chrono_tz::Tz = time_zone.parse().unwrap_or(chrono_tz::UTC);
    zone.from_local_datetime(&local)
        .earliest()
        .map(|time| time.with_timezone(&Utc))
        .ok_or_else(invalid)
}
