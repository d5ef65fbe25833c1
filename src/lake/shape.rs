//! What a commit says of a table besides its rows: protocol, metadata, files that go.
//!
//! Its one idea: a table asks for the oldest protocol that has what its columns need, and metadata is
//! written only where it differs. Refuses to write anything itself.

use deltalake_core::kernel::{Action, Metadata, Protocol};
use serde_json::json;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};

use super::commit::{Commit, CommitMode};
use super::table::{Table, TableSpec};
use super::{error, schema};

/// The property that lets rows of a table be marked as gone.
pub const DELETION_VECTORS: &str = "delta.enableDeletionVectors";

/// Features of the format that a table needs of those who read it.
fn features(spec: &TableSpec) -> Vec<&'static str> {
    let marks = spec.properties.get(DELETION_VECTORS).is_some_and(|value| value == "true");
    let needed =
        [(schema::has_local_times(&spec.schema), "timestampNtz"), (marks, "deletionVectors")];
    needed.into_iter().filter(|(needed, _)| *needed).map(|(_, name)| name).collect()
}

fn names(protocol: &Protocol, key: &str) -> Vec<String> {
    let value = serde_json::to_value(protocol).unwrap_or_default();
    let listed = value.get(key).and_then(|names| names.as_array());
    let names = listed.into_iter().flatten().filter_map(|name| name.as_str());
    names.map(str::to_owned).collect()
}

/// Whether readers of the table know of rows marked as gone.
pub(super) fn has_vectors(protocol: &Protocol) -> bool {
    let has = |key| names(protocol, key).iter().any(|name| name == "deletionVectors");
    has("readerFeatures") && has("writerFeatures")
}

/// Protocol and metadata, where they differ from the base's.
pub(super) fn shape(commit: &Commit, now_ms: i64) -> Result<Vec<Action>> {
    let mut spec = commit.spec.clone();
    spec.schema = schema::stored(&spec.schema)?;
    schema::check_partitions(&spec.schema, &spec.partition_by)?;
    let Some(base) = &commit.base else {
        let metadata = metadata(&spec, &Uuid::new_v4().to_string(), now_ms)?;
        let protocol = protocol(&features(&spec))?;
        return Ok(vec![Action::Protocol(protocol), Action::Metadata(metadata)]);
    };
    let had = base.spec();
    if commit.mode != CommitMode::Overwrite {
        if spec.partition_by != had.partition_by {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "an append cannot change what the table is partitioned by",
            ));
        }
        spec.schema = schema::merged(&had.schema, &spec.schema)?;
        spec.comment = spec.comment.or_else(|| had.comment.clone());
        let given = std::mem::take(&mut spec.properties);
        spec.properties = had.properties.clone().into_iter().chain(given).collect();
    }
    let mut actions = Vec::new();
    let has = names(base.state().protocol(), "readerFeatures");
    let mut wanted = features(&spec);
    wanted.retain(|name| !has.iter().any(|has| has == name));
    if !wanted.is_empty() {
        actions.push(Action::Protocol(upgraded(base, &wanted)?));
    }
    if spec != had {
        let created_ms = base.state().metadata().created_time().unwrap_or(now_ms);
        actions.push(Action::Metadata(metadata(&spec, base.id(), created_ms)?));
    }
    Ok(actions)
}

fn metadata(spec: &TableSpec, id: &str, created_ms: i64) -> Result<Metadata> {
    let invalid = |error| Error::internal("table metadata").caused_by(error);
    let schema = schema::to_delta(&spec.schema)?;
    serde_json::from_value(json!({
        "id": id,
        "name": null,
        "description": spec.comment,
        "format": { "provider": "parquet", "options": {} },
        "schemaString": serde_json::to_string(&schema).map_err(invalid)?,
        "partitionColumns": spec.partition_by,
        "configuration": spec.properties,
        "createdTime": created_ms,
    }))
    .map_err(invalid)
}

/// The oldest protocol that has what a new table needs.
fn protocol(features: &[&str]) -> Result<Protocol> {
    let value = if features.is_empty() {
        json!({ "minReaderVersion": 1, "minWriterVersion": 2 })
    } else {
        let writer: Vec<&str> =
            features.iter().copied().chain(["appendOnly", "invariants"]).collect();
        json!({
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": features,
            "writerFeatures": writer,
        })
    };
    serde_json::from_value(value).map_err(|error| Error::internal("protocol").caused_by(error))
}

/// The base's protocol with these features added.
fn upgraded(base: &Table, features: &[&str]) -> Result<Protocol> {
    let had = base.state().protocol();
    if had.min_writer_version() < 7 && had.min_writer_version() > 2 {
        return Err(Error::new(
            ErrorKind::FeatureNotSupported,
            format!(
                "the table at {} has writer version {}, which cannot take {}",
                base.location(),
                had.min_writer_version(),
                features.join(" and ")
            ),
        ));
    }
    let (mut reader, mut writer) = (names(had, "readerFeatures"), names(had, "writerFeatures"));
    if had.min_writer_version() < 7 {
        writer.extend(["appendOnly".to_owned(), "invariants".to_owned()]);
    }
    for known in [&mut reader, &mut writer] {
        for feature in features {
            if !known.iter().any(|name| name == feature) {
                known.push((*feature).to_owned());
            }
        }
    }
    serde_json::from_value(json!({
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": reader,
        "writerFeatures": writer,
    }))
    .map_err(|error| Error::internal("protocol").caused_by(error))
}

/// One `remove` for each file of the base.
pub(super) fn removes(base: &Table, now_ms: i64) -> Result<Vec<Action>> {
    if base.spec().properties.get("delta.appendOnly").is_some_and(|value| value == "true") {
        return Err(Error::new(
            ErrorKind::FeatureNotSupported,
            format!("the table at {} is append-only", base.location()),
        ));
    }
    let files = base.state().snapshot().try_log_data();
    let files = files.map_err(|error| error::delta(base.location(), error))?;
    let removes = files.iter().map(|file| {
        let mut remove = file.remove_action(true);
        remove.deletion_timestamp = Some(now_ms);
        Action::Remove(remove)
    });
    Ok(removes.collect())
}
