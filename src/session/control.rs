//! What steers a session: settings, transactions, time limits, and which statements may run now.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::{SetValue, Statement, TransactionModes};

use super::connection::{Outcome, Session};
use super::running::Running;
use super::setting_value::read_duration;
use super::transaction::{OpenTransaction, Transaction, aborted};

impl Session {
    /// SET.
    pub(super) async fn set(
        &mut self,
        name: &str,
        value: &SetValue,
        local: bool,
    ) -> Result<Outcome> {
        match value {
            SetValue::Default => self.settings.reset(name)?,
            SetValue::Values(values) => {
                // An epoch that cannot be read is refused here, not at the next query.
                if name.eq_ignore_ascii_case("lakeport.as_of") {
                    let as_of = values.join(", ");
                    if !as_of.is_empty() {
                        self.services.engine.snapshot_as_of(&as_of).await?;
                    }
                }
                // Outside a transaction SET LOCAL, and what is a transaction's own, end with the
                // statement that sets them.
                let local = local || is_transactional(name);
                if local && self.transaction.open().is_none() {
                    self.settings.clone().set(name, values, true)?;
                } else {
                    self.settings.set(name, values, local)?;
                }
                self.set_modes_by_name(name)?;
            }
        }
        if name.eq_ignore_ascii_case("application_name") {
            let application_name = self.setting(name).unwrap_or_default();
            self.connected.update(|row| row.application_name = application_name);
        }
        Ok(Outcome::Command("SET".to_owned()))
    }

    /// `SET transaction_isolation = ...` is SET TRANSACTION in other words.
    fn set_modes_by_name(&mut self, name: &str) -> Result<()> {
        let mut modes = TransactionModes::default();
        let value = self.setting(name).unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "transaction_isolation" => modes.repeatable_read = Some(is_repeatable(&value)),
            "transaction_read_only" => modes.read_only = Some(value == "on"),
            _ => return Ok(()),
        }
        self.transaction.set_modes(modes)
    }

    /// SET TRANSACTION and SET SESSION CHARACTERISTICS.
    pub(super) fn set_transaction(&mut self, session: bool, modes: TransactionModes) -> Result<()> {
        let prefix = if session { "default_transaction" } else { "transaction" };
        if !session {
            self.transaction.set_modes(modes)?;
            if self.transaction.open().is_none() {
                return Ok(());
            }
        }
        if let Some(repeatable_read) = modes.repeatable_read {
            let level = if repeatable_read { "repeatable read" } else { "read committed" };
            self.settings.set(&format!("{prefix}_isolation"), &[level.to_owned()], !session)?;
        }
        if let Some(read_only) = modes.read_only {
            let value = if read_only { "on" } else { "off" };
            self.settings.set(&format!("{prefix}_read_only"), &[value.to_owned()], !session)?;
        }
        Ok(())
    }

    /// BEGIN; a second one changes nothing, as in Postgres.
    pub(super) fn begin(&mut self, modes: TransactionModes) -> Result<()> {
        if self.transaction.open().is_some() {
            return self.set_transaction(false, modes);
        }
        let default = |name: &str| self.settings.value(name).unwrap_or_default().to_owned();
        let level = default("default_transaction_isolation");
        let read_only = default("default_transaction_read_only");
        self.rows_failed.store(false, Ordering::Release);
        self.transaction = Transaction::Open(OpenTransaction {
            repeatable_read: is_repeatable(&level),
            read_only: read_only == "on",
            began_at: self.services.lake.clock().now(),
            snapshot: None,
            queried: false,
        });
        self.settings.begin();
        self.settings.set("transaction_isolation", &[level], true)?;
        self.settings.set("transaction_read_only", &[read_only], true)?;
        self.set_transaction(false, modes)
    }

    /// COMMIT and ROLLBACK; the tag says what became of the transaction.
    pub(super) fn end(&mut self, commit: bool) -> &'static str {
        let before = std::mem::take(&mut self.transaction);
        self.rows_failed.store(false, Ordering::Release);
        let committed = commit && !matches!(before, Transaction::Failed);
        self.settings.end(committed);
        match before {
            Transaction::Failed => "ROLLBACK",
            _ if commit => "COMMIT",
            _ => "ROLLBACK",
        }
    }

    /// Rows that ended in an error fail the transaction they were read in.
    pub(super) fn note_failed_rows(&mut self) {
        if self.rows_failed.swap(false, Ordering::AcqRel) {
            self.transaction.fail();
        }
    }

    /// In a failed transaction only its end is accepted.
    pub(super) fn refuse_if_failed(&self, statement: &Statement) -> Result<()> {
        let ends = matches!(statement, Statement::Commit | Statement::Rollback);
        if matches!(self.transaction, Transaction::Failed) && !ends {
            return Err(aborted());
        }
        Ok(())
    }

    /// Writes are refused in transactions, in read-only sessions, and while the past is read.
    pub(super) fn refuse_write(&self, statement: &Statement) -> Result<()> {
        let Some(word) = written(statement) else {
            return Ok(());
        };
        let read_only = match self.transaction.open() {
            Some(open) => open.read_only,
            None => self.settings.value("default_transaction_read_only") == Some("on"),
        };
        if read_only {
            return Err(Error::new(
                ErrorKind::ReadOnlySqlTransaction,
                format!("cannot execute {word} in a read-only transaction"),
            ));
        }
        if self.transaction.open().is_some() {
            return Err(Error::unsupported(format!("{word} inside a transaction block")).hint(
                "Transactions hold reads only: use autocommit, where each statement is published \
                 by itself.",
            ));
        }
        if self.settings.value("lakeport.as_of").is_some_and(|as_of| !as_of.is_empty()) {
            return Err(Error::new(
                ErrorKind::ReadOnlySqlTransaction,
                format!("cannot execute {word} while lakeport.as_of is set"),
            )
            .hint("RESET lakeport.as_of returns to the present."));
        }
        Ok(())
    }

    /// A statement begins: its clock runs from here.
    pub(super) fn start(&self) -> Running {
        let set = self.settings.value("statement_timeout").and_then(read_duration);
        let limit = Duration::from_millis(self.services.config.limits.statement_timeout_ms);
        let limits = [set.unwrap_or_default(), limit];
        let limit = limits.into_iter().filter(|limit| !limit.is_zero()).min();
        let clock = self.services.lake.clock();
        let active = self.connected.activate(clock);
        Running::start(&self.canceller, clock, limit, self.rows_failed.clone(), active)
    }
}

fn is_transactional(name: &str) -> bool {
    ["transaction_isolation", "transaction_read_only", "transaction_deferrable"]
        .iter()
        .any(|setting| setting.eq_ignore_ascii_case(name))
}

fn is_repeatable(level: &str) -> bool {
    matches!(level, "repeatable read" | "serializable")
}

/// The word for a statement that changes the lake; `None` for all others.
fn written(statement: &Statement) -> Option<&'static str> {
    Some(match statement {
        Statement::CreateSchema { .. } => "CREATE SCHEMA",
        Statement::CreateTable(create) if create.query.is_some() => "CREATE TABLE AS",
        Statement::CreateTable(_) => "CREATE TABLE",
        Statement::CreateExternalTable(_) => "CREATE EXTERNAL TABLE",
        Statement::CreateStreamingTable(_) => "CREATE STREAMING TABLE",
        Statement::CreateMaterializedView(_) => "CREATE MATERIALIZED VIEW",
        Statement::CreateView(_) => "CREATE VIEW",
        Statement::CreateRole { .. } => "CREATE ROLE",
        Statement::Grant(_) => "GRANT",
        Statement::Revoke(_) => "REVOKE",
        Statement::Insert(_) => "INSERT",
        Statement::Drop(_) => "DROP",
        Statement::Refresh { .. } => "REFRESH MATERIALIZED VIEW",
        Statement::Verify { .. } => "VERIFY MATERIALIZED VIEW",
        Statement::Optimize { .. } => "OPTIMIZE",
        Statement::Vacuum(vacuum) if !vacuum.dry_run => "VACUUM",
        Statement::Vacuum(_)
        | Statement::DescribeHistory { .. }
        | Statement::Query(_)
        | Statement::Explain(_)
        | Statement::ExplainView { .. }
        | Statement::ExplainCreateView(_)
        | Statement::Begin(_)
        | Statement::Commit
        | Statement::Rollback
        | Statement::SetTransaction { .. }
        | Statement::Set { .. }
        | Statement::Show { .. }
        | Statement::Reset { .. }
        | Statement::Discard
        | Statement::Deallocate { .. } => return None,
    })
}
