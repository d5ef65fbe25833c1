//! Statements to relations.
//!
//! Names without a schema mean `public`, in definitions and in what they read: a stored definition
//! must mean the same whoever reads it.

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::name::{RelationId, RelationName, RoleName};
use crate::syntax::{
    ColumnDefinition, CreateExternalTable, CreateMaterializedView, CreateStreamingTable,
    CreateView, Expectation, ObjectName, Query, RelationReference, STREAM_RELATION, StoredAs,
    normalize,
};

use super::object::{ExternalFiles, MaterializedView, Relation, RelationKind, StreamingTable};
use super::state::SYSTEM;

/// The schema of names written without one.
pub(super) const DEFAULT_SCHEMA: &str = "public";

pub(super) fn resolve(name: &ObjectName) -> RelationName {
    RelationName::new(name.schema.as_deref().unwrap_or(DEFAULT_SCHEMA), &name.name)
}

pub(super) fn resolve_reference(reference: &RelationReference) -> RelationName {
    RelationName::new(reference.schema.as_deref().unwrap_or(DEFAULT_SCHEMA), &reference.relation)
}

/// Relations a query names, once each; the stream and system schemas left out.
pub(super) fn sources(query: &Query) -> Vec<RelationName> {
    let names = query.references().iter().filter(|reference| !is_system(reference));
    let mut sources: Vec<_> = names.map(resolve_reference).collect();
    sources.sort();
    sources.dedup();
    sources
}

/// Whether it is the server's own, or the stream of a streaming table.
pub(super) fn is_system(reference: &RelationReference) -> bool {
    match &reference.schema {
        Some(schema) => SYSTEM.contains(&schema.as_str()),
        None => reference.relation == STREAM_RELATION,
    }
}

/// A table that people write.
pub fn plain_table(
    name: RelationName,
    owner: RoleName,
    columns: Vec<ColumnDefinition>,
    partition_by: Vec<String>,
    comment: Option<String>,
) -> Relation {
    let kind = RelationKind::Table { partition_by, keys: Vec::new(), place: None };
    Relation { owner, comment, columns, ..relation(name, String::new(), String::new(), kind) }
}

/// A named query; `text` is the whole statement's.
pub fn plain_view(
    name: RelationName,
    owner: RoleName,
    create: &CreateView,
    text: &str,
) -> Relation {
    let query = create.query.text();
    let hash = hash(&[&normalize(query), &column_names(&create.columns)]);
    let kind = RelationKind::View { query: query.to_owned() };
    Relation {
        owner,
        comment: create.comment.clone(),
        columns: create.columns.clone(),
        ..relation(name, text.trim().to_owned(), hash, kind)
    }
}

/// Somebody else's Delta table or files; `text` is the whole statement's.
pub fn external_table(
    name: RelationName,
    owner: RoleName,
    create: &CreateExternalTable,
    text: &str,
) -> Relation {
    let location = create.location.clone();
    let (kind, hash) = match &create.stored {
        StoredAs::Delta => {
            let hash = hash(&["DELTA", &location]);
            (RelationKind::External { location }, hash)
        }
        StoredAs::Files(format, csv) => {
            let columns: Vec<String> = create.columns.iter().map(column).collect();
            let hash = hash(&[&format!("{format:?} {csv:?}"), &location, &columns.join("\n")]);
            (
                RelationKind::Files(ExternalFiles { format: *format, location, csv: csv.clone() }),
                hash,
            )
        }
    };
    let (comment, columns) = (create.comment.clone(), create.columns.clone());
    Relation { owner, comment, columns, ..relation(name, text.trim().to_owned(), hash, kind) }
}

/// # Errors
/// `FeatureNotSupported` for a query that reads anything but its stream.
pub(super) fn streaming_table(create: &CreateStreamingTable, text: &str) -> Result<Relation> {
    let other = create.query.references().iter().find(|other| other.relation != STREAM_RELATION);
    if let Some(other) = other {
        let error = Error::unsupported("a streaming table that reads other relations")
            .hint("Join in a materialized view over the streaming table.");
        return Err(error.at(other.position.unwrap_or(1)));
    }
    let query = create.query.text().to_owned();
    let columns: Vec<String> = create.columns.iter().map(column).collect();
    let hash = hash(&[
        &normalize(&query),
        &columns.join("\n"),
        &expectations(&create.constraints),
        &create.partition_by.join("\n"),
        &format!("{:?}", create.files),
    ]);
    let kind = RelationKind::Streaming(StreamingTable {
        files: create.files.clone(),
        query,
        constraints: create.constraints.clone(),
        partition_by: create.partition_by.clone(),
        schedule: create.schedule,
    });
    Ok(Relation {
        comment: create.comment.clone(),
        columns: create.columns.clone(),
        ..relation(resolve(&create.name), text.trim().to_owned(), hash, kind)
    })
}

/// A view to be kept; `text` is the whole statement's.
///
/// # Errors
/// `FeatureNotSupported` for TARGET LAG, and for reading other versions or system tables, which would
/// make a refresh depend on more than its sources.
pub fn materialized_view(create: &CreateMaterializedView, text: &str) -> Result<Relation> {
    if create.target_lag {
        return Err(Error::unsupported("TARGET LAG")
            .hint("Use TRIGGER ON UPDATE AT MOST EVERY, or a SCHEDULE."));
    }
    for reference in create.query.references() {
        let refused = if reference.travel.is_some() {
            "a version clause in a materialized view"
        } else if is_system(reference) {
            "a materialized view over system tables"
        } else {
            continue;
        };
        return Err(Error::unsupported(refused).at(reference.position.unwrap_or(1)));
    }
    let query = create.query.text().to_owned();
    let marks = if create.deletion_vectors { "\ndeletion vectors" } else { "" };
    let hash = hash(&[
        &normalize(&query),
        &column_names(&create.columns),
        &expectations(&create.constraints),
        &create.primary_key.join("\n"),
        &(create.partition_by.join("\n") + marks),
    ]);
    let kind = RelationKind::MaterializedView(MaterializedView {
        query,
        constraints: create.constraints.clone(),
        primary_key: create.primary_key.clone(),
        partition_by: create.partition_by.clone(),
        schedule: create.schedule,
        trigger: create.trigger,
        policy: create.policy,
        deletion_vectors: create.deletion_vectors,
        sources: sources(&create.query),
        pending: None,
    });
    Ok(Relation {
        comment: create.comment.clone(),
        columns: create.columns.clone(),
        ..relation(resolve(&create.name), text.trim().to_owned(), hash, kind)
    })
}

fn relation(name: RelationName, definition: String, hash: String, kind: RelationKind) -> Relation {
    Relation {
        id: RelationId::random(),
        name,
        owner: RoleName::lakeport(),
        comment: None,
        columns: Vec::new(),
        definition,
        definition_hash: hash,
        file: None,
        kind,
    }
}

// Only what decides the rows: comments, schedules and grants change without a rebuild.
fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn column_names(columns: &[ColumnDefinition]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    names.join("\n")
}

fn column(column: &ColumnDefinition) -> String {
    format!("{} {} {}", column.name, normalize(&column.sql_type), column.not_null)
}

fn expectations(constraints: &[Expectation]) -> String {
    let one = |rule: &Expectation| {
        format!("{} {:?} {}", rule.name, rule.action, normalize(&rule.condition))
    };
    constraints.iter().map(one).collect::<Vec<_>>().join("\n")
}
