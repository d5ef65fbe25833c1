//! What a view's table says it holds: the version of each source, and the definition.
//!
//! Versions are `txn` actions in the same commit as the rows; the definition is a table property,
//! because a hash does not fit a `txn`. Both therefore land with the rows or not at all.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::catalog::Relation;
use crate::error::Result;
use crate::lake::Table;
use crate::name::{RelationId, Version};

use super::expectations::ExpectationCount;
use super::pins::Pin;

/// The table property that holds the hash of the definition the rows were computed by.
const DEFINITION: &str = "lakeport.definition";

/// The application id under which `view` records the version of a maintained source it consumed.
fn maintained_app_id(view: RelationId, source: &Relation) -> String {
    format!("mv/{view}/{}", source.id)
}

/// As above, for any source. Other people may drop a table and create it again: its versions then
/// mean other rows, so the id that the format gives the table is part of the name.
fn app_id(view: RelationId, pin: &Pin) -> String {
    let id = maintained_app_id(view, &pin.relation);
    if pin.relation.kind.is_maintained() { id } else { format!("{id}/{}", pin.table.id()) }
}

/// The `txn`s of a commit computed from `sources`.
pub(super) fn progress(view: RelationId, sources: &[Pin]) -> Vec<(String, i64)> {
    sources
        .iter()
        .map(|pin| {
            let version = i64::try_from(pin.table.version()).unwrap_or(i64::MAX);
            (app_id(view, pin), version)
        })
        .collect()
}

/// The application ids under which a view records what `now()` was, and how its rows were computed.
fn own_app_id(view: RelationId, what: &str) -> String {
    format!("mv/{view}/{what}")
}

/// The `txn`s of a commit that tell of the computation itself.
pub(super) fn marks(view: RelationId, now: DateTime<Utc>, incremental: bool) -> [(String, i64); 2] {
    [
        (own_app_id(view, "now"), now.timestamp_micros()),
        (own_app_id(view, "incremental"), i64::from(incremental)),
    ]
}

/// What `now()` was when `table` was computed; `None` where it does not say.
pub(super) async fn computed_at(table: &Table, view: RelationId) -> Result<Option<DateTime<Utc>>> {
    let micros = table.progress(&own_app_id(view, "now")).await?;
    Ok(micros.and_then(DateTime::from_timestamp_micros))
}

/// Whether the newest rows of `table` were computed incrementally; `None` where it does not say.
pub(super) async fn was_incremental(table: &Table, view: RelationId) -> Result<Option<bool>> {
    let mark = table.progress(&own_app_id(view, "incremental")).await?;
    Ok(mark.map(|mark| mark != 0))
}

/// The `txn` that tells why a view was computed in another way than its rules promise, digits aside; none is
/// as they promise.
pub(super) fn deviation(view: RelationId, because: Option<&str>) -> (String, i64) {
    // FNV-1a: what is written must mean the same in every later version.
    let hashed = because.map(|because| {
        let bytes = because.bytes().filter(|byte| !byte.is_ascii_digit());
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    });
    let code = hashed.map_or(0, |hash| i64::try_from(hash >> 1).unwrap_or(i64::MAX).max(1));
    (own_app_id(view, "deviation"), code)
}

/// Whether the newest rows of `table` were computed in another way than promised, for this very reason.
pub(super) async fn deviated(table: &Table, view: RelationId, because: &str) -> Result<bool> {
    let (app_id, code) = deviation(view, Some(because));
    Ok(table.progress(&app_id).await? == Some(code))
}

/// The properties of a table computed by the definition with this hash.
pub(super) fn properties(definition_hash: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(DEFINITION.to_owned(), definition_hash.to_owned())])
}

/// Whether `table` was computed by the definition with this hash.
pub(super) fn has_definition(table: &Table, definition_hash: &str) -> bool {
    table.spec().properties.get(DEFINITION).is_some_and(|hash| hash == definition_hash)
}

/// The version of the maintained relation `source` that `table`, of `view`, was computed from.
pub(super) async fn held(
    table: &Table,
    view: RelationId,
    source: &Relation,
) -> Result<Option<Version>> {
    read(table, &maintained_app_id(view, source)).await
}

/// The version of the source of `pin`, maintained or not, that `table`, of `view`, was computed from.
pub(super) async fn consumed(
    table: &Table,
    view: RelationId,
    pin: &Pin,
) -> Result<Option<Version>> {
    read(table, &app_id(view, pin)).await
}

/// A source that has moved since `table` was computed from it.
pub(super) struct Moved {
    pub(super) pin: Pin,
    /// The version consumed; `None` when it was another table, or none.
    pub(super) consumed: Option<Version>,
}

/// The sources whose pinned version is not the one `table` was computed from.
pub(super) async fn moved(table: &Table, view: RelationId, sources: &[Pin]) -> Result<Vec<Moved>> {
    let mut moved = Vec::new();
    for pin in sources {
        let consumed = read(table, &app_id(view, pin)).await?;
        if consumed != Some(pin.table.version()) {
            moved.push(Moved { pin: pin.clone(), consumed });
        }
    }
    Ok(moved)
}

/// The `txn`s of a commit that brings a table of a view back to what `then` was computed from.
pub(super) async fn carried(
    then: &Table,
    view: RelationId,
    sources: &[Pin],
) -> Result<Vec<(String, i64)>> {
    let mut carried = Vec::new();
    for pin in sources {
        let app_id = app_id(view, pin);
        if let Some(version) = then.progress(&app_id).await? {
            carried.push((app_id, version));
        }
    }
    Ok(carried)
}

/// Whether two tables of one view were computed from the same versions of its sources.
pub(super) async fn agree(
    one: &Table,
    other: &Table,
    view: RelationId,
    sources: &[Pin],
) -> Result<bool> {
    for pin in sources {
        let app_id = app_id(view, pin);
        if read(one, &app_id).await? != read(other, &app_id).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The application id under which a view records how many of its rows fail an expectation.
fn expectation_id(view: RelationId, constraint: &str) -> String {
    format!("expectation/{view}/{constraint}")
}

/// What a commit records of how many rows fail each expectation now.
pub(super) fn failing(view: RelationId, counts: &[ExpectationCount]) -> Vec<(String, i64)> {
    let record = |count: &ExpectationCount| {
        (expectation_id(view, &count.name), i64::try_from(count.failed_now).unwrap_or(i64::MAX))
    };
    counts.iter().map(record).collect()
}

/// How many rows failed an expectation as of `table`.
pub(super) async fn failing_of(
    table: &Table,
    view: RelationId,
    constraint: &str,
) -> Result<Option<u64>> {
    read(table, &expectation_id(view, constraint)).await
}

/// What computing a view has cost, in microseconds, as its own table remembers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Costs {
    /// The last time it was computed in full.
    pub(super) full_us: Option<u64>,
    /// The last time it followed changes.
    pub(super) incremental_us: Option<u64>,
    /// Bytes of the changes it followed then.
    pub(super) changed_bytes: Option<u64>,
}

const COSTS: [&str; 3] = ["full_us", "incremental_us", "changed_bytes"];

impl Costs {
    /// What a commit records.
    pub(super) fn record(&self, view: RelationId) -> Vec<(String, i64)> {
        let values = [self.full_us, self.incremental_us, self.changed_bytes];
        let known = COSTS.iter().zip(values).filter_map(|(name, value)| Some((name, value?)));
        known
            .map(|(name, value)| {
                (format!("cost/{view}/{name}"), i64::try_from(value).unwrap_or(i64::MAX))
            })
            .collect()
    }

    /// What `table` remembers.
    pub(super) async fn of(table: &Table, view: RelationId) -> Result<Self> {
        let mut values = [None; 3];
        for (name, value) in COSTS.iter().zip(&mut values) {
            *value = read(table, &format!("cost/{view}/{name}")).await?;
        }
        let [full_us, incremental_us, changed_bytes] = values;
        Ok(Self { full_us, incremental_us, changed_bytes })
    }
}

/// Whether `table` was computed from a later version of a maintained source than is pinned.
pub(super) async fn is_ahead(table: &Table, view: RelationId, sources: &[Pin]) -> Result<bool> {
    for pin in sources.iter().filter(|pin| pin.relation.kind.is_maintained()) {
        if read(table, &app_id(view, pin)).await? > Some(pin.table.version()) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn read(table: &Table, app_id: &str) -> Result<Option<Version>> {
    let version = table.progress(app_id).await?;
    Ok(version.and_then(|version| Version::try_from(version).ok()))
}
