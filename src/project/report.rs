//! Outcomes for a terminal, or as JSON for a program.
//!
//! Results go to standard output, failures to standard error; with `--json` both are one object a
//! line.

use std::io::{IsTerminal, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::catalog::FileError;
use crate::error::Error;
use crate::ingest::IngestReport;
use crate::matview::{RefreshReport, VerifyReport, VerifyState, ViewState};
use crate::server::Addresses;

use super::progress::Progress;
use super::testing::{self as tests, TestOutcome};
use super::{AppliedFiles, CheckReport, Failure};

/// Writes what commands have to say.
#[derive(Debug, Clone, Copy)]
pub struct Reporter {
    json: bool,
}

impl Reporter {
    /// `json` as asked for by `--json`.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// One outcome: an object for programs, lines for people.
    pub fn outcome(&self, value: &Value, text: &str) {
        let written = match self.json {
            true => writeln!(std::io::stdout(), "{value}"),
            false if text.is_empty() => Ok(()),
            false => writeln!(std::io::stdout(), "{text}"),
        };
        // Whoever read our output has gone; there is nobody left to tell.
        let _ = written.and_then(|()| std::io::stdout().flush());
    }

    /// Shows how far something is, where a person watches.
    pub fn bar(&self, message: &'static str) -> Progress {
        Progress::one(self.is_watched(), message)
    }

    /// Shows how far each part of something is, where a person watches.
    pub fn bars(&self, message: &'static str) -> Progress {
        Progress::many(self.is_watched(), message)
    }

    /// Programs read JSON, and a file or pipe no bars.
    fn is_watched(&self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// What the demo has delivered.
    pub fn generated(&self, files: u64, orders: u64, landing: &Path) {
        let landing = landing.display().to_string();
        let value = json!({"generated": {"files": files, "orders": orders, "landing": landing}});
        self.outcome(&value, &format!("{files} files of {orders} orders lie in {landing}"));
    }

    /// How to connect, and what to ask first.
    pub fn welcome(&self, addresses: &Addresses, database: &str) {
        if self.json {
            return;
        }
        let Addresses { postgres, flight, .. } = addresses;
        let text = format!(
            "\nSQL:     psql -h {} -p {} -U lakeport {database}\n         \
             SELECT * FROM gold_finance.daily_revenue ORDER BY day DESC LIMIT 5;\n\
             Arrow:   adbc_driver_flightsql.dbapi.connect(\"grpc://{flight}\", \
             db_kwargs={{\"username\": \"lakeport\", \"password\": \"\"}})\n",
            postgres.ip(),
            postgres.port(),
        );
        self.outcome(&Value::Null, &text);
    }

    /// What applying the files changed.
    pub fn applied(&self, applied: &AppliedFiles) {
        if applied.changes.is_empty() && applied.vanished.is_empty() {
            return;
        }
        let mut lines = applied.changes.clone();
        lines.extend(
            applied.vanished.iter().map(|name| format!("{name} is kept, though its file is gone")),
        );
        let value = json!({"applied": applied.changes, "vanished": applied.vanished});
        self.outcome(&value, &lines.join("\n"));
    }

    /// Where the listeners are.
    pub fn listening(&self, addresses: &Addresses) {
        if !self.json {
            let Addresses { postgres, flight, http } = addresses;
            let text = format!("postgres  {postgres}\nflight    {flight}\nhttp      {http}");
            self.outcome(&Value::Null, &text);
        }
    }

    /// Clients may come.
    pub fn ready(&self, addresses: &Addresses) {
        let Addresses { postgres, flight, http } = addresses;
        let value = json!({
            "postgres": postgres.to_string(),
            "flight": flight.to_string(),
            "http": http.to_string(),
            "ready": true,
        });
        self.outcome(&value, "ready");
    }

    /// The files are right.
    pub fn checked(&self, report: &CheckReport) {
        let CheckReport { streaming_tables, views, others, roles } = report;
        let value = json!({
            "ok": true,
            "streaming_tables": streaming_tables,
            "materialized_views": views,
            "other_relations": others,
            "roles": roles,
        });
        let text = format!(
            "ok: {streaming_tables} streaming tables, {views} materialized views, \
             {others} other relations, {roles} roles"
        );
        self.outcome(&value, &text);
    }

    /// How an ingest ended.
    pub fn ingested(&self, report: &IngestReport) {
        let mut lines = Vec::new();
        let mut tables = Vec::new();
        for table in &report.tables {
            lines.push(match &table.error {
                Some(error) => format!("{:40} failed: {error}", table.table.to_string()),
                None => format!(
                    "{:40} {:>6} files {:>9} rows {:>6} quarantined {:>7} ms",
                    table.table.to_string(),
                    table.files,
                    table.rows,
                    table.quarantined,
                    table.elapsed_ms
                ),
            });
            tables.push(json!({
                "table": table.table.to_string(),
                "files": table.files,
                "rows": table.rows,
                "quarantined": table.quarantined,
                "elapsed_ms": table.elapsed_ms,
                "error": table.error.as_ref().map(error_value),
            }));
        }
        lines.push(published(report.epoch));
        let run_id = report.run_id.to_string();
        let value = json!({"run_id": run_id, "epoch": report.epoch, "tables": tables});
        self.outcome(&value, &lines.join("\n"));
    }

    /// How a refresh ended.
    pub fn refreshed(&self, report: &RefreshReport) {
        let mut lines = Vec::new();
        let mut views = Vec::new();
        for view in &report.views {
            let (state, error) = match &view.state {
                ViewState::Refreshed => ("refreshed", None),
                ViewState::Unchanged => ("unchanged", None),
                ViewState::Failed(error) => ("failed", Some(error.clone())),
                ViewState::Skipped(_) => ("skipped", None),
            };
            lines.push(match &view.state {
                ViewState::Failed(error) => format!("{:40} failed: {error}", view.view.to_string()),
                ViewState::Skipped(source) => {
                    format!("{:40} skipped: {source} failed", view.view.to_string())
                }
                _ => format!(
                    "{:40} {state:10} {:>9} rows {:>7} ms",
                    view.view.to_string(),
                    view.rows,
                    view.elapsed_ms
                ),
            });
            views.push(json!({
                "view": view.view.to_string(),
                "state": state,
                "rows": view.rows,
                "elapsed_ms": view.elapsed_ms,
                "error": error.as_ref().map(error_value),
            }));
        }
        lines.push(published(report.epoch));
        let run_id = report.run_id.to_string();
        let value = json!({"run_id": run_id, "epoch": report.epoch, "views": views});
        self.outcome(&value, &lines.join("\n"));
    }

    /// What a verification found.
    pub fn verified(&self, report: &VerifyReport) {
        let mut lines = Vec::new();
        let mut relations = Vec::new();
        for found in &report.relations {
            let (relation, state) = (found.relation.to_string(), found.state.word());
            let error = match &found.state {
                VerifyState::Failed(error) => Some(error),
                _ => None,
            };
            lines.push(match error {
                Some(error) => format!("{relation:40} failed: {error}"),
                None => format!(
                    "{relation:40} {state:10} {:>9} rows {:>7} missing {:>7} surplus",
                    found.rows_checked, found.rows_missing, found.rows_surplus
                ),
            });
            lines.extend(found.examples.iter().map(|example| format!("    {example}")));
            relations.push(json!({
                "relation": relation,
                "state": state,
                "version": found.version,
                "rows_checked": found.rows_checked,
                "rows_missing": found.rows_missing,
                "rows_surplus": found.rows_surplus,
                "examples": found.examples,
                "error": error.map(error_value),
            }));
        }
        if report.refresh_run.is_some() {
            lines.push("what differed was refreshed in full".to_owned());
        }
        let run = report.refresh_run.map(|run| run.to_string());
        let value = json!({"relations": relations, "refresh_run_id": run});
        self.outcome(&value, &lines.join("\n"));
    }

    /// How tests ended.
    pub fn tested(&self, outcomes: &[TestOutcome]) {
        let (value, text) = tests::words(outcomes);
        self.outcome(&value, &text);
    }

    /// Why a command failed, to standard error.
    pub fn failure(&self, failure: &Failure) {
        let text = match (failure, self.json) {
            (Failure::Partial, _) => return,
            (Failure::Error(error), false) => error_text(error),
            (Failure::Error(error), true) => json!({"errors": [error_value(error)]}).to_string(),
            (Failure::Files(mistakes), false) => mistakes_text(mistakes),
            (Failure::Files(mistakes), true) => {
                let errors: Vec<Value> = mistakes.iter().map(mistake_value).collect();
                json!({"errors": errors}).to_string()
            }
        };
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

fn published(epoch: Option<u64>) -> String {
    epoch.map_or_else(|| "nothing new".to_owned(), |epoch| format!("published epoch {epoch}"))
}

/// As psql prints an error.
pub(super) fn error_text(error: &Error) -> String {
    let mut text = format!("ERROR:  {}", error.message());
    if let Some(detail) = error.detail_text() {
        text.push_str(&format!("\nDETAIL:  {detail}"));
    }
    if let Some(hint) = error.hint_text() {
        text.push_str(&format!("\nHINT:  {hint}"));
    }
    text
}

/// As compilers print mistakes, so that editors can jump to them.
fn mistakes_text(mistakes: &[FileError]) -> String {
    let mut lines: Vec<String> = mistakes
        .iter()
        .map(|mistake| {
            let FileError { file, line, column, error } = mistake;
            format!("{}:{line}:{column}: {}", file.display(), error_text(error))
        })
        .collect();
    lines.push(match mistakes.len() {
        1 => "1 mistake; nothing was applied".to_owned(),
        count => format!("{count} mistakes; nothing was applied"),
    });
    lines.join("\n")
}

pub(super) fn error_value(error: &Error) -> Value {
    json!({
        "code": error.kind().sqlstate(),
        "condition": error.kind().condition(),
        "message": error.message(),
        "detail": error.detail_text(),
        "hint": error.hint_text(),
    })
}

fn mistake_value(mistake: &FileError) -> Value {
    let mut value = error_value(&mistake.error);
    value["file"] = json!(mistake.file.to_string_lossy());
    value["line"] = json!(mistake.line);
    value["column"] = json!(mistake.column);
    value
}
