//! Outcomes of tests in words, rows that differ side by side.

use serde_json::{Value, json};

use super::super::report::{error_text, error_value};
use super::{TestFailure, TestOutcome};

/// Rows shown of either side.
const ROWS_MAX: usize = 20;

/// For programs, and for people.
pub(in super::super) fn words(outcomes: &[TestOutcome]) -> (Value, String) {
    let failed = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
    let passed = outcomes.len() - failed;
    let mut lines = Vec::new();
    for outcome in outcomes {
        let word = if outcome.failures.is_empty() { "ok    " } else { "failed" };
        let TestOutcome { file, line, name, .. } = outcome;
        lines.push(format!("{word}  {}:{line}  {name}", file.display()));
        for failure in &outcome.failures {
            lines.push(format!("    {}:{}: {}", file.display(), failure.line, headline(failure)));
            lines.extend(table(failure));
        }
    }
    lines.push(format!("{passed} passed, {failed} failed"));
    let tests: Vec<Value> = outcomes.iter().map(value).collect();
    (json!({"passed": passed, "failed": failed, "tests": tests}), lines.join("\n"))
}

fn headline(failure: &TestFailure) -> String {
    match &failure.error {
        Some(error) => format!("{}: {}", failure.relation, error_text(error)),
        None => format!(
            "{} differs: {} expected rows are missing, {} were not expected",
            failure.relation,
            failure.missing.len(),
            failure.surplus.len()
        ),
    }
}

/// Rows that differ, `-` what was expected and `+` what is there.
fn table(failure: &TestFailure) -> Vec<String> {
    if failure.error.is_some() {
        return Vec::new();
    }
    let sides = [('-', &failure.missing), ('+', &failure.surplus)];
    let shown: Vec<(char, &Vec<String>)> = sides
        .into_iter()
        .flat_map(|(mark, rows)| rows.iter().take(ROWS_MAX).map(move |row| (mark, row)))
        .collect();
    let rows = || shown.iter().map(|(_, row)| *row);
    let named = (!failure.columns.is_empty()).then_some(&failure.columns);
    let count = rows().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| {
        let cells = named.into_iter().chain(rows()).filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |mark: char, row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let cells = cells.collect::<Vec<_>>().join(" | ");
        format!("      {mark} {}", cells.trim_end())
    };
    let mut lines: Vec<String> = named.map(|names| line(' ', names)).into_iter().collect();
    lines.extend(shown.iter().map(|(mark, row)| line(*mark, row)));
    for (mark, all) in sides {
        if all.len() > ROWS_MAX {
            lines.push(format!("      {mark} and {} more", all.len() - ROWS_MAX));
        }
    }
    lines
}

fn value(outcome: &TestOutcome) -> Value {
    let failures: Vec<Value> = outcome
        .failures
        .iter()
        .map(|failure| {
            json!({
                "line": failure.line,
                "relation": failure.relation,
                "error": failure.error.as_ref().map(error_value),
                "columns": failure.columns,
                "missing": failure.missing,
                "surplus": failure.surplus,
            })
        })
        .collect();
    json!({
        "file": outcome.file.to_string_lossy(),
        "line": outcome.line,
        "name": outcome.name,
        "passed": outcome.failures.is_empty(),
        "failures": failures,
    })
}
