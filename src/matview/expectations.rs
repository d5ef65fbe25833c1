//! Expectations: conditions over result columns, and what happens to a row that fails one.
//!
//! The conditions are computed by the same query as the rows, as boolean columns behind them, so what
//! is judged is exactly what would be stored. A condition holds only when it is true: NULL fails it.
//! Knows nothing of tables: what is kept and what is refused are two batches.

use arrow::array::{Array, ArrayRef, BooleanArray, ListBuilder, RecordBatch, StringBuilder};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;
use crate::syntax::{Expectation, ViolationAction};

use super::primary_key::key_text;

/// The column of a view's quarantine table that names the expectations a row failed.
pub const CONSTRAINTS_COLUMN: &str = "_constraints";

/// How often one expectation failed in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectationCount {
    /// The constraint's name.
    pub name: String,
    /// What happens to a row that fails it.
    pub action: ViolationAction,
    /// Rows that failed it, of those looked at.
    pub failed: u64,
    /// Rows of the whole result that fail it.
    pub failed_now: u64,
    /// Rows looked at.
    pub checked: u64,
}

/// The text of a query that returns `query`'s rows followed by one boolean column an expectation.
///
/// `query` is aliased as the relation, so conditions may qualify columns by its name; `names`, when
/// given, renames the result columns.
pub fn flagged_query(
    relation: &RelationName,
    query: &str,
    names: Option<&[String]>,
    constraints: &[Expectation],
) -> String {
    let alias = quoted(&relation.relation);
    let flags: String = constraints
        .iter()
        .enumerate()
        .map(|(i, constraint)| {
            format!(", (\n{}\n) IS TRUE AS \"__lakeport_e{i}\"", constraint.condition)
        })
        .collect();
    format!("SELECT {alias}.*{flags} FROM {}", aliased(relation, query, names))
}

/// The text of a query that returns one condition's value, to learn its type.
pub fn condition_query(
    relation: &RelationName,
    query: &str,
    names: Option<&[String]>,
    constraint: &Expectation,
) -> String {
    let source = aliased(relation, query, names);
    format!("SELECT (\n{}\n) AS condition FROM {source}", constraint.condition)
}

/// The query in FROM. A comment may end it, so the parenthesis closes on a line of its own.
fn aliased(relation: &RelationName, query: &str, names: Option<&[String]>) -> String {
    let alias = quoted(&relation.relation);
    let query = query.trim_end().trim_end_matches(';');
    let columns = names.map_or(String::new(), |names| {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        format!("({})", names.join(", "))
    });
    format!("(\n{query}\n) AS {alias}{columns}")
}

/// Always in quotes: a name may be a reserved word.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What became of one batch.
#[derive(Debug)]
pub struct Split {
    /// Rows to store, without the flags.
    pub kept: RecordBatch,
    /// Rows to quarantine, without the flags.
    pub quarantined: RecordBatch,
    /// For each quarantined row, the positions of the QUARANTINE ROW constraints it failed.
    pub failed: Vec<Vec<usize>>,
}

/// Judges the batches of a [`flagged_query`], and counts.
#[derive(Debug)]
pub struct Splitter {
    relation: RelationName,
    constraints: Vec<Expectation>,
    key: Vec<String>,
    failed: Vec<u64>,
    checked: u64,
}

impl Splitter {
    /// For a relation with these constraints; `key` names columns that tell a row from others in
    /// messages, and may be empty.
    pub fn new(relation: &RelationName, constraints: &[Expectation], key: &[String]) -> Self {
        Self {
            relation: relation.clone(),
            constraints: constraints.to_vec(),
            key: key.to_vec(),
            failed: vec![0; constraints.len()],
            checked: 0,
        }
    }

    /// Splits a batch whose last columns are the flags, in the constraints' order. A row that fails
    /// both a DROP ROW and a QUARANTINE ROW constraint is quarantined: nothing is lost then.
    ///
    /// # Errors
    /// `CheckViolation` for the first row that fails an ON VIOLATION FAIL UPDATE constraint.
    pub fn split(&mut self, batch: &RecordBatch) -> Result<Split> {
        let width = batch.num_columns().saturating_sub(self.constraints.len());
        let columns: Vec<usize> = (0..width).collect();
        let rows = batch
            .project(&columns)
            .map_err(|error| Error::internal("take the flags off a batch").caused_by(error))?;
        self.checked += batch.num_rows() as u64;
        let mut kept = vec![true; batch.num_rows()];
        let mut failed: Vec<Vec<usize>> = vec![Vec::new(); batch.num_rows()];
        for i in 0..self.constraints.len() {
            let flag = flags(batch.column(width + i))?;
            for row in 0..batch.num_rows() {
                if flag.is_valid(row) && flag.value(row) {
                    continue;
                }
                self.failed[i] += 1;
                match self.constraints[i].action {
                    ViolationAction::Keep => {}
                    ViolationAction::Drop => kept[row] = false,
                    ViolationAction::Quarantine => {
                        kept[row] = false;
                        failed[row].push(i);
                    }
                    ViolationAction::Fail => return Err(self.violation(i, &rows, row)),
                }
            }
        }
        if kept.iter().all(|kept| *kept) {
            let quarantined = rows.slice(0, 0);
            return Ok(Split { kept: rows, quarantined, failed: Vec::new() });
        }
        let refused: Vec<bool> = failed.iter().map(|failed| !failed.is_empty()).collect();
        failed.retain(|failed| !failed.is_empty());
        Ok(Split { kept: select(&rows, kept)?, quarantined: select(&rows, refused)?, failed })
    }

    /// How often each constraint has failed so far.
    pub fn counts(&self) -> Vec<ExpectationCount> {
        self.constraints
            .iter()
            .zip(&self.failed)
            .map(|(constraint, failed)| ExpectationCount {
                name: constraint.name.clone(),
                action: constraint.action,
                failed: *failed,
                failed_now: *failed,
                checked: self.checked,
            })
            .collect()
    }

    /// The `_constraints` column of quarantined rows.
    pub fn names(&self, failed: &[Vec<usize>]) -> ArrayRef {
        let element = Field::new("element", DataType::Utf8, true);
        let mut names = ListBuilder::new(StringBuilder::new()).with_field(element);
        for row in failed {
            for constraint in row {
                names.values().append_value(&self.constraints[*constraint].name);
            }
            names.append(true);
        }
        Arc::new(names.finish())
    }

    fn violation(&self, constraint: usize, rows: &RecordBatch, row: usize) -> Error {
        let error = Error::new(
            ErrorKind::CheckViolation,
            format!(
                "a row of relation \"{}\" violates expectation \"{}\"",
                self.relation.relation, self.constraints[constraint].name
            ),
        )
        .hint("It is declared ON VIOLATION FAIL UPDATE; the last good version stays as it is.");
        let keys: Vec<ArrayRef> =
            self.key.iter().filter_map(|name| rows.column_by_name(name)).cloned().collect();
        if keys.is_empty() {
            return error;
        }
        let columns = self.key.join(", ");
        error.detail(format!("Failing row has ({columns})=({}).", key_text(&keys, row)))
    }
}

/// The type of the `_constraints` column.
pub(super) fn constraints_field() -> Field {
    let element = Field::new("element", DataType::Utf8, true);
    Field::new(CONSTRAINTS_COLUMN, DataType::List(Arc::new(element)), true)
}

fn flags(column: &ArrayRef) -> Result<&BooleanArray> {
    column.as_any().downcast_ref::<BooleanArray>().ok_or_else(|| {
        Error::internal(format!("an expectation's flag is {} and not boolean", column.data_type()))
    })
}

fn select(rows: &RecordBatch, which: Vec<bool>) -> Result<RecordBatch> {
    filter_record_batch(rows, &BooleanArray::from(which))
        .map_err(|error| Error::internal("select rows of a batch").caused_by(error))
}
