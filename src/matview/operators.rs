//! What each operator of each refresh did: `lakeport.refresh_operators`.
//!
//! One row an operator of a plan that was considered, with the rule that maintains it or the reason
//! why none does. Refuses to know how a plan is chosen: it keeps what it is told.

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;

use crate::error::Result;
use crate::lake::{SystemColumns, system_schema};
use crate::query::StoredRows;

use super::history::{Attempt, Strategy};
use super::refresh::ViewState;

/// One operator of one refresh.
#[derive(Debug, Clone, Default)]
pub(super) struct OperatorRow {
    /// From 1, in the order a person reads the plan.
    pub(super) number: u32,
    /// Where it stands in the plan: 0 is the top, 0.1 the second input of that; `None` where only what it is
    /// called is known.
    pub(super) place: Option<String>,
    /// The operator, as EXPLAIN names it.
    pub(super) operator: String,
    /// The rule that maintains it; `None` where there is none.
    pub(super) rule: Option<String>,
    /// Why there is no rule, or why this strategy was chosen or rejected.
    pub(super) reason: Option<String>,
    /// What would help.
    pub(super) hint: Option<String>,
    /// Rows it was expected to give.
    pub(super) estimated_rows: Option<u64>,
    /// Bytes of the files it was to read.
    pub(super) estimated_bytes: Option<u64>,
    /// Rows it gave.
    pub(super) actual_rows: Option<u64>,
    /// Bytes it read from files.
    pub(super) bytes_read: Option<u64>,
    /// Files it read.
    pub(super) files_read: Option<u64>,
    /// It is part of the strategy that ran, not of one that was rejected.
    pub(super) chosen: bool,
}

/// `lakeport.refresh_operators`.
pub(super) fn refresh_operators() -> StoredRows {
    let schema = system_schema(&[
        ("refresh_id", DataType::Utf8, "The refresh, as in lakeport.refreshes."),
        ("schema_name", DataType::Utf8, "The view's schema."),
        ("view_name", DataType::Utf8, "The view."),
        ("operator_number", DataType::Int32, "From 1, in the order of the plan."),
        ("place", DataType::Utf8, "Where: 0 is the top of the plan, 0.1 the second input of that."),
        ("operator", DataType::Utf8, "The operator."),
        ("rule", DataType::Utf8, "The rule that maintains it; NULL when there is none."),
        ("reason", DataType::Utf8, "Why there is no rule, or why this strategy."),
        ("hint", DataType::Utf8, "What would help."),
        (
            "estimated_rows",
            DataType::Int64,
            "Rows it was expected to give; of a strategy, its cost in rows.",
        ),
        ("estimated_bytes", DataType::Int64, "Bytes of the files it was to read."),
        ("actual_rows", DataType::Int64, "Rows it gave, changed ones where changes were followed."),
        ("bytes_read", DataType::Int64, "Bytes it read from files."),
        ("files_read", DataType::Int64, "Files it read."),
        ("chosen", DataType::Boolean, "Part of the strategy that ran."),
    ]);
    let comment = "Each operator of each refresh, with its rule or the reason it has none.";
    StoredRows { name: "refresh_operators", comment, schema }
}

/// The operators of all attempts of a run.
pub(super) fn operator_rows(attempts: &[Attempt]) -> Result<RecordBatch> {
    let rows: Vec<(&Attempt, OperatorRow)> =
        attempts.iter().flat_map(|a| operators(a).into_iter().map(move |row| (a, row))).collect();
    SystemColumns::of(&rows)
        .text(|(a, _)| Some(a.refresh_id.to_string()))
        .text(|(a, _)| Some(a.view.schema.as_str()))
        .text(|(a, _)| Some(a.view.relation.as_str()))
        .number(|(_, row)| Some(row.number))
        .text(|(_, row)| row.place.as_deref())
        .text(|(_, row)| Some(row.operator.as_str()))
        .text(|(_, row)| row.rule.as_deref())
        .text(|(_, row)| row.reason.as_deref())
        .text(|(_, row)| row.hint.as_deref())
        .count(|(_, row)| row.estimated_rows)
        .count(|(_, row)| row.estimated_bytes)
        .count(|(_, row)| row.actual_rows)
        .count(|(_, row)| row.bytes_read)
        .count(|(_, row)| row.files_read)
        .boolean(|(_, row)| Some(row.chosen))
        .batch(&refresh_operators().schema)
}

/// What the attempt noted; of a full refresh, the whole query before its operators, and what was considered
/// instead.
fn operators(attempt: &Attempt) -> Vec<OperatorRow> {
    if attempt.strategy != Strategy::Full {
        return attempt.operators.clone();
    }
    let refreshed = matches!(attempt.state, ViewState::Refreshed);
    let whole = OperatorRow {
        operator: "full refresh".to_owned(),
        reason: Some(attempt.reason.clone()),
        actual_rows: refreshed.then_some(attempt.figures.rows_written),
        bytes_read: refreshed.then_some(attempt.figures.bytes_read),
        chosen: true,
        ..OperatorRow::default()
    };
    let rejected = attempt.rejected.as_ref().map(|rejected| OperatorRow {
        operator: "incremental refresh".to_owned(),
        reason: Some(rejected.because.clone()),
        estimated_rows: rejected.weighed.map(|weighed| weighed.incremental),
        actual_rows: Some(rejected.rows_read).filter(|rows| *rows > 0),
        bytes_read: Some(rejected.bytes_read).filter(|bytes| *bytes > 0),
        ..OperatorRow::default()
    });
    let rows = std::iter::once(whole).chain(attempt.operators.iter().cloned()).chain(rejected);
    rows.zip(1..).map(|(row, number)| OperatorRow { number, ..row }).collect()
}
