//! What steers a session: settings, roles, time limits, and which statements may run now.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::name::RoleName;
use crate::security;
use crate::syntax::{Isolation, SetValue, Statement, TransactionModes};

use super::connection::Session;
use super::outcome::{Outcome, command};
use super::running::Running;
use super::setting_value::read_duration;
use super::transaction::{Transaction, aborted};

impl Session {
    /// SET.
    pub(super) async fn set(
        &mut self,
        name: &str,
        value: &SetValue,
        local: bool,
    ) -> Result<Outcome> {
        self.check_setting(name, value).await?;
        match value {
            SetValue::Default => self.settings.reset(name)?,
            SetValue::Values(values) => {
                // Outside a transaction SET LOCAL, and what is a transaction's own, end with the
                // statement that sets them.
                let lasting = local || is_transactional(name);
                if lasting && !self.transaction.is_block() {
                    self.settings.clone().set(name, values, true)?;
                    if local {
                        self.warn(
                            ErrorKind::NoActiveSqlTransaction,
                            "SET LOCAL can only be used in transaction blocks",
                        );
                    }
                } else {
                    self.settings.set(name, values, lasting)?;
                }
                self.set_modes_by_name(name)?;
            }
        }
        self.forget_snapshot(name);
        self.settings_changed();
        command("SET")
    }

    /// Refuses values that only the lake and the catalog know to be wrong, before anything is set.
    pub(super) async fn check_setting(&self, name: &str, value: &SetValue) -> Result<()> {
        let text = match value {
            SetValue::Default => return Ok(()),
            SetValue::Values(values) => values.join(", "),
        };
        match name.to_ascii_lowercase().as_str() {
            // An epoch that cannot be read is refused here, not at the next query.
            "lakeport.as_of" if !text.is_empty() => {
                self.services.engine.snapshot_as_of(&text).await.map(drop)
            }
            "role" if text != "none" => {
                let state = self.catalog_state().await?;
                let role = RoleName(text);
                if !state.roles.contains_key(&role) {
                    return Err(unknown_role(&role));
                }
                let own = RoleName(self.setting("session_authorization").unwrap_or_default());
                let member = security::effective_roles(&state, &own).contains(&role);
                if member || security::is_superuser(&state, &own) {
                    return Ok(());
                }
                Err(Error::new(
                    ErrorKind::InsufficientPrivilege,
                    format!("permission denied to set role \"{role}\""),
                ))
            }
            "session_authorization" => {
                let state = self.catalog_state().await?;
                let role = RoleName(text);
                if !state.roles.contains_key(&role) {
                    return Err(unknown_role(&role));
                }
                if role == self.login || security::is_superuser(&state, &self.login) {
                    return Ok(());
                }
                Err(Error::new(
                    ErrorKind::InsufficientPrivilege,
                    format!("permission denied to set session authorization \"{role}\""),
                ))
            }
            _ => Ok(()),
        }
    }

    /// After any change of settings: what is derived from them.
    pub(super) fn settings_changed(&mut self) {
        let generation = self.settings.generation();
        if self.settings_seen == generation {
            return;
        }
        self.settings_seen = generation;
        self.role = self.settings_role();
        let application_name = self.settings.value("application_name").unwrap_or_default();
        let role = self.role.clone();
        self.connected.update(|row| {
            row.role = role;
            if row.application_name != application_name {
                row.application_name = application_name.to_owned();
            }
        });
    }

    /// Who asks for another time in the middle of a transaction gets it from the next query on.
    pub(super) fn forget_snapshot(&mut self, setting: &str) {
        if setting.eq_ignore_ascii_case("lakeport.as_of")
            && let Some(open) = self.transaction.open_mut()
        {
            open.snapshot = None;
        }
    }

    /// Whose privileges count, by the settings.
    pub(super) fn settings_role(&self) -> RoleName {
        let role = match self.settings.value("role") {
            Some(role) if role != "none" => role,
            _ => self.settings.value("session_authorization").unwrap_or(&self.login.0),
        };
        RoleName(role.to_owned())
    }

    /// `SET transaction_isolation = ...` is SET TRANSACTION in other words.
    fn set_modes_by_name(&mut self, name: &str) -> Result<()> {
        let mut modes = TransactionModes::default();
        let value = self.setting(name).unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "transaction_isolation" => modes.isolation = Isolation::parse(&value),
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
            if !self.transaction.is_block() {
                self.warn(
                    ErrorKind::NoActiveSqlTransaction,
                    "SET TRANSACTION can only be used in transaction blocks",
                );
                return Ok(());
            }
        }
        let on = |on: bool| if on { "on" } else { "off" };
        for (name, value) in [
            ("isolation", modes.isolation.map(Isolation::text)),
            ("read_only", modes.read_only.map(on)),
            ("deferrable", modes.deferrable.map(on)),
        ] {
            if let Some(value) = value {
                let name = format!("{prefix}_{name}");
                self.settings.set(&name, &[value.to_owned()], !session)?;
            }
        }
        Ok(())
    }

    /// In a failed transaction only its end is accepted.
    pub(super) fn refuse_if_failed(&self, statement: &Statement) -> Result<()> {
        let ends = matches!(
            statement,
            Statement::Commit { .. } | Statement::Rollback { .. } | Statement::RollbackTo(_)
        );
        if self.transaction.has_failed() && !ends {
            return Err(aborted());
        }
        Ok(())
    }

    /// Refuses what asks for more of a portal once its transaction has failed.
    ///
    /// # Errors
    /// `InFailedSqlTransaction`.
    pub fn check_not_failed(&self) -> Result<()> {
        if self.transaction.has_failed() { Err(aborted()) } else { Ok(()) }
    }

    /// Writes are refused in transactions, in read-only sessions, and while the past is read.
    pub(super) fn refuse_write(&self, statement: &Statement) -> Result<()> {
        if self.transaction.open().is_some_and(|open| open.apart) && steers(statement) {
            let message = "the transaction was begun by a call and ends with one";
            return Err(Error::new(ErrorKind::ActiveSqlTransaction, message)
                .hint("Ask the driver to commit or to roll back."));
        }
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
        if let Some(open) = self.transaction.block() {
            let apart = matches!(
                statement,
                Statement::Refresh { .. }
                    | Statement::Ingest(_)
                    | Statement::Verify { .. }
                    | Statement::Optimize { .. }
                    | Statement::Vacuum(_)
            );
            if apart {
                let message = format!("{word} cannot run inside a transaction block");
                return Err(Error::new(ErrorKind::ActiveSqlTransaction, message));
            }
            if self.packed {
                return Err(Error::unsupported(format!("{word} inside a transaction block")).hint(
                    "Rows of Flight SQL are fetched beside the transaction, and would not see it: use \
                     autocommit, or the Postgres port.",
                ));
            }
            if open.isolation.keeps_snapshot() {
                let what = format!("{word} in a transaction that keeps its snapshot");
                return Err(Error::unsupported(what)
                    .hint("BEGIN ISOLATION LEVEL READ COMMITTED sees what it changes."));
            }
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

    /// How long the client may be silent now, and the error of one that was silent for longer.
    pub fn patience(&self) -> Option<(Duration, Error)> {
        let (setting, kind, message) = match self.transaction {
            Transaction::Block(_) => (
                "idle_in_transaction_session_timeout",
                ErrorKind::IdleInTransactionSessionTimeout,
                "terminating connection due to idle-in-transaction timeout",
            ),
            _ => (
                "idle_session_timeout",
                ErrorKind::IdleSessionTimeout,
                "terminating connection due to idle-session timeout",
            ),
        };
        let limit = self.settings.value(setting).and_then(read_duration)?;
        (!limit.is_zero()).then(|| (limit, Error::new(kind, message)))
    }
}

/// Whether it begins, ends or changes transactions.
fn steers(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Begin(_)
            | Statement::Start(_)
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Savepoint(_)
            | Statement::Release(_)
            | Statement::RollbackTo(_)
            | Statement::SetTransaction { session: false, .. }
            | Statement::Discard(_)
    )
}

fn unknown_role(role: &RoleName) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, format!("role \"{role}\" does not exist"))
}

fn is_transactional(name: &str) -> bool {
    ["transaction_isolation", "transaction_read_only", "transaction_deferrable"]
        .iter()
        .any(|setting| setting.eq_ignore_ascii_case(name))
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
        Statement::CreateFunction(_) => "CREATE FUNCTION",
        Statement::CreateRole { .. } => "CREATE ROLE",
        Statement::Grant(_) => "GRANT",
        Statement::Revoke(_) => "REVOKE",
        Statement::Insert(_) => "INSERT",
        Statement::Delete(_) => "DELETE",
        Statement::Update(_) => "UPDATE",
        Statement::Copy(copy) if copy.from => "COPY FROM",
        Statement::Drop(_) => "DROP",
        Statement::Alter(_) => "ALTER",
        Statement::Comment { .. } => "COMMENT",
        Statement::Truncate { .. } => "TRUNCATE",
        Statement::CreateIndex(_) => "CREATE INDEX",
        Statement::Refresh { .. } => "REFRESH MATERIALIZED VIEW",
        Statement::Ingest(_) => "REFRESH STREAMING TABLE",
        Statement::Verify { .. } => "VERIFY MATERIALIZED VIEW",
        Statement::Optimize { .. } => "OPTIMIZE",
        Statement::Vacuum(vacuum) if !vacuum.dry_run => "VACUUM",
        _ => return None,
    })
}
