//! What every verification found: `lakeport.verifications`.

use arrow::datatypes::DataType;
use uuid::Uuid;

use crate::error::Result;
use crate::lake::{Lake, SystemColumns, system_schema, system_time};
use crate::name::RunId;
use crate::query::StoredRows;

use super::{Verified, VerifyState};

/// `lakeport.verifications`.
pub(in crate::matview) fn verifications() -> StoredRows {
    let schema = system_schema(&[
        ("verification_id", DataType::Utf8, "Relations verified together have the same."),
        ("schema_name", DataType::Utf8, "The relation's schema."),
        ("relation_name", DataType::Utf8, "The view, or its quarantine."),
        ("version", DataType::Int64, "The version that was verified."),
        ("source_versions", DataType::Utf8, "A JSON object: the version read of each source."),
        ("state", DataType::Utf8, "verified, mismatch, failed or skipped."),
        ("sample_percent", DataType::Float64, "How much of it was compared."),
        ("started_at", system_time(), "When it began."),
        ("finished_at", system_time(), "When it ended."),
        ("rows_checked", DataType::Int64, "Rows of the query that were compared."),
        ("rows_missing", DataType::Int64, "Rows of the query that the relation lacks."),
        ("rows_surplus", DataType::Int64, "Rows of the relation that the query does not give."),
        ("example", DataType::Utf8, "Some rows that differ, one a line."),
        ("refresh_run_id", DataType::Utf8, "The full refresh that a mismatch led to."),
        ("sqlstate", DataType::Utf8, "The error's code."),
        ("error", DataType::Utf8, "Why it could not be verified."),
    ]);
    let comment = "Each time a view was compared with its query, computed again.";
    StoredRows { name: "verifications", comment, schema }
}

/// Appends what was found.
pub(super) async fn append(
    lake: &Lake,
    sample_percent: f64,
    refresh: Option<RunId>,
    found: &[Verified],
) -> Result<()> {
    let id = Uuid::new_v4().to_string();
    let error = |v: &Verified| match &v.state {
        VerifyState::Failed(error) => Some(error.clone()),
        _ => None,
    };
    let is_mismatch = |v: &Verified| matches!(v.state, VerifyState::Mismatch);
    let rows = SystemColumns::of(found)
        .text(|_| Some(id.as_str().to_owned()))
        .text(|v| Some(v.relation.schema.as_str()))
        .text(|v| Some(v.relation.relation.as_str()))
        .count(|v| v.version)
        .text(|v| Some(v.source_versions()))
        .text(|v| Some(v.state.word()))
        .fraction(|_| Some(sample_percent))
        .time(|v| Some(v.started_at))
        .time(|v| Some(v.finished_at))
        .count(|v| Some(v.rows_checked))
        .count(|v| Some(v.rows_missing))
        .count(|v| Some(v.rows_surplus))
        .text(|v| v.example())
        .text(|v| refresh.filter(|_| is_mismatch(v)).map(|run| run.to_string()))
        .text(|v| error(v).map(|error| error.kind().sqlstate()))
        .text(|v| error(v).map(|error| error.public_message().to_owned()))
        .batch(&verifications().schema)?;
    lake.append_system("verifications", rows, None).await
}
