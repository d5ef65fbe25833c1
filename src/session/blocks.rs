//! Transaction blocks: their begin, savepoints and end, and those that a message implies.

use std::sync::atomic::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::{Isolation, Statement, TransactionModes};

use super::connection::Session;
use super::notify::{self, Notification};
use super::temporary::after_commit;
use super::transaction::{OpenTransaction, Transaction};

impl Session {
    /// BEGIN; a second one changes nothing, as in Postgres.
    pub(super) fn begin(&mut self, modes: TransactionModes) -> Result<()> {
        match std::mem::take(&mut self.transaction) {
            Transaction::Block(open) => {
                self.transaction = Transaction::Block(open);
                self.warn(
                    ErrorKind::ActiveSqlTransaction,
                    "there is already a transaction in progress",
                );
            }
            // What the message's first statements did belongs to the block.
            Transaction::Implicit(open) => self.transaction = Transaction::Block(open),
            Transaction::None => self.transaction = Transaction::Block(Box::new(self.open())),
        }
        self.set_transaction(false, modes)
    }

    fn open(&mut self) -> OpenTransaction {
        let default = |name: &str| self.settings.value(name).unwrap_or_default().to_owned();
        let level = default("default_transaction_isolation");
        let read_only = default("default_transaction_read_only");
        self.rows_failed.store(false, Ordering::Release);
        self.settings.begin();
        OpenTransaction {
            several: false,
            failed: false,
            isolation: Isolation::parse(&level).unwrap_or(Isolation::ReadCommitted),
            read_only: read_only == "on",
            began_at: self.services.lake.clock().now(),
            snapshot: None,
            queried: false,
            savepoints: Vec::new(),
            notifications: Vec::new(),
            apart: false,
            listening: Vec::new(),
            pending: None,
            temporary: self.temporary.clone(),
        }
    }

    /// Statements begin that the protocol ends together, unless one is BEGIN: `several` of one
    /// message, or those up to a Sync.
    pub fn begin_message(&mut self, several: bool) {
        if matches!(self.transaction, Transaction::None) {
            let open = OpenTransaction { several, ..self.open() };
            self.transaction = Transaction::Implicit(Box::new(open));
        }
    }

    /// The message has been answered: what it implied ends.
    pub fn end_message(&mut self) {
        self.note_failed_rows();
        if let Transaction::Implicit(open) = &self.transaction {
            let committed = !open.failed;
            self.end(committed, false);
        }
    }

    /// COMMIT and ROLLBACK; the tag says what became of the transaction.
    pub(super) fn end(&mut self, commit: bool, chain: bool) -> &'static str {
        let before = std::mem::take(&mut self.transaction);
        self.rows_failed.store(false, Ordering::Release);
        let (open, block) = match before {
            Transaction::None => {
                self.warn_no_transaction();
                return if commit { "COMMIT" } else { "ROLLBACK" };
            }
            Transaction::Implicit(open) => (open, false),
            Transaction::Block(open) => (open, true),
        };
        let committed = commit && !open.failed;
        if open.pending.is_some() || !open.temporary.is_empty() || !self.temporary.is_empty() {
            self.settings.plan_anew();
        }
        self.temporary = match committed {
            true => after_commit(std::mem::take(&mut self.temporary)),
            false => open.temporary,
        };
        self.settings.end(committed);
        self.settings_changed();
        self.cursors.end(committed);
        self.end_locks();
        if committed {
            for (listens, channel) in open.listening {
                match channel {
                    Some(channel) if listens => {
                        self.listener.listen(channel, &self.services.notifications);
                    }
                    channel => self.listener.leave(channel.as_deref()),
                }
            }
            for (channel, payload) in open.notifications {
                let pid = self.pid();
                self.services.notifications.send(Notification { pid, channel, payload });
            }
        }
        if chain && block {
            let modes = TransactionModes {
                isolation: Some(open.isolation),
                read_only: Some(open.read_only),
                deferrable: None,
            };
            self.transaction = Transaction::Block(Box::new(self.open()));
            // A transaction that has just begun takes any modes.
            let _ = self.set_transaction(false, modes);
        }
        if committed { "COMMIT" } else { "ROLLBACK" }
    }

    /// What COMMIT and ROLLBACK TO do to the lake before they end or turn back anything.
    ///
    /// # Errors
    /// Those of a COMMIT that is refused: the transaction has ended then, without a trace.
    pub(super) async fn before_end(&mut self, statement: &Statement) -> Result<()> {
        match statement {
            Statement::Commit { .. } if self.is_in_block() && !self.transaction.has_failed() => {
                let committed = self.commit_pending().await;
                if committed.is_err() {
                    self.end(false, false);
                }
                committed
            }
            Statement::RollbackTo(savepoint) => self.restore_made(savepoint).await,
            _ => Ok(()),
        }
    }

    /// COMMIT or ROLLBACK as statements.
    ///
    /// # Errors
    /// `NoActiveSqlTransaction` for AND CHAIN without a block.
    pub(super) fn end_block(&mut self, commit: bool, chain: bool) -> Result<&'static str> {
        match self.transaction {
            Transaction::Block(_) => Ok(self.end(commit, chain)),
            _ if chain => {
                let word = if commit { "COMMIT" } else { "ROLLBACK" };
                Err(Error::new(
                    ErrorKind::NoActiveSqlTransaction,
                    format!("{word} AND CHAIN can only be used in transaction blocks"),
                ))
            }
            Transaction::Implicit(_) => {
                self.warn_no_transaction();
                Ok(self.end(commit, false))
            }
            Transaction::None => Ok(self.end(commit, false)),
        }
    }

    fn warn_no_transaction(&mut self) {
        let message = "there is no transaction in progress";
        self.warn(ErrorKind::NoActiveSqlTransaction, message);
    }

    /// SAVEPOINT.
    pub(super) fn savepoint(&mut self, name: &str) -> Result<()> {
        let settings = self.settings.keep();
        let next_cursor = self.cursors.next();
        let temporary = self.temporary.clone();
        self.block("SAVEPOINT")?.save(name, settings, next_cursor, temporary)
    }

    /// RELEASE.
    pub(super) fn release(&mut self, name: &str) -> Result<()> {
        self.block("RELEASE SAVEPOINT")?.release(name)
    }

    /// ROLLBACK TO.
    pub(super) fn roll_back_to(&mut self, name: &str) -> Result<()> {
        self.rows_failed.store(false, Ordering::Release);
        let open = self.block("ROLLBACK TO SAVEPOINT")?;
        let (settings, next_cursor, temporary) = open.roll_back_to(name)?;
        self.temporary = temporary;
        self.settings.restore(settings);
        self.settings.plan_anew();
        self.settings_changed();
        self.cursors.close_from(next_cursor);
        Ok(())
    }

    fn block(&mut self, word: &str) -> Result<&mut OpenTransaction> {
        match &mut self.transaction {
            Transaction::Block(open) => Ok(open),
            _ => Err(Error::new(
                ErrorKind::NoActiveSqlTransaction,
                format!("{word} can only be used in transaction blocks"),
            )),
        }
    }

    /// LISTEN, and UNLISTEN of one channel or of all; they count when the transaction commits.
    pub(super) fn listen(&mut self, listens: bool, channel: Option<&str>) -> Result<()> {
        if let Some(channel) = channel {
            notify::check(channel, "")?;
        }
        match self.transaction.open_mut() {
            Some(open) => open.listening.push((listens, channel.map(str::to_owned))),
            None if listens => {
                let channel = channel.unwrap_or_default().to_owned();
                self.listener.listen(channel, &self.services.notifications);
            }
            None => self.listener.leave(channel),
        }
        Ok(())
    }

    /// NOTIFY.
    pub(super) fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        notify::check(channel, payload)?;
        let (channel, payload) = (channel.to_owned(), payload.to_owned());
        match self.transaction.open_mut() {
            Some(open) => {
                // The same said twice in a transaction is heard once.
                let said = (channel, payload);
                if !open.notifications.contains(&said) {
                    open.notifications.push(said);
                }
            }
            None => {
                let pid = self.pid();
                self.services.notifications.send(Notification { pid, channel, payload });
            }
        }
        Ok(())
    }

    /// Rows that ended in an error fail the transaction they were read in.
    pub(super) fn note_failed_rows(&mut self) {
        if self.rows_failed.swap(false, Ordering::AcqRel) {
            self.transaction.fail();
        }
    }

    /// A notification for this session that has not been taken, if it is in no transaction.
    pub fn take_notification(&mut self) -> Option<Notification> {
        self.transaction.open().is_none().then(|| self.listener.take()).flatten()
    }

    /// Waits for the next notification; nothing is lost when it is not awaited to its end.
    pub async fn next_notification(&mut self) -> Notification {
        if self.transaction.open().is_some() {
            return std::future::pending().await;
        }
        self.listener.next().await
    }
}
