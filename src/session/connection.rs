//! The session: who is connected, with which settings, in which transaction.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogState;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::Share;
use crate::name::{RoleName, SessionId};
use crate::query::VisibleRelation;
use crate::query::text::Styles;
use crate::security;

use crate::syntax::{Level, Raise as Notice, with_escapes};

use super::actions::Asked;
use super::cursors::Cursors;
use super::notify::Listener;
use super::outcome::RowStream;
use super::running::Canceller;
use super::services::Services;
use super::sessions::{Connected, SessionRow};
use super::setting_value::{duration_text, zone_of};
use super::settings::Settings;
use super::statements::Statements;
use super::temporary::TemporaryTables;
use super::transaction::Transaction;

/// Messages that wait for a client; more nobody reads.
const NOTICES_MAX: usize = 100;

/// What a client says of itself when it connects.
#[derive(Debug, Clone, Default)]
pub struct Startup {
    /// The role.
    pub user: String,
    /// The database; none or empty means ours.
    pub database: Option<String>,
    /// Settings: start-up parameters and `options=-c name=value`.
    pub settings: Vec<(String, String)>,
    /// `postgres` or `flight`, for `lakeport.sessions`.
    pub protocol: &'static str,
    /// The client's address.
    pub peer: String,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    pub(super) services: Arc<Services>,
    /// Who has proved to be connected.
    pub(super) login: RoleName,
    /// Whose privileges count.
    pub(super) role: RoleName,
    pub(super) id: SessionId,
    pub(super) settings: Settings,
    pub(super) transaction: Transaction,
    pub(super) canceller: Canceller,
    /// Set when rows that were already being sent ended in an error.
    pub(super) rows_failed: Arc<AtomicBool>,
    pub(super) statements: Statements,
    pub(super) cursors: Cursors,
    pub(super) listener: Listener,
    /// What functions have asked of the session, to be done after their statement.
    pub(super) asked: Arc<Asked>,
    /// The settings' generation that was last looked at.
    pub(super) settings_seen: u64,
    pub(super) notices: Vec<Notice>,
    pub(super) connected: Arc<Connected>,
    /// Its client takes dictionaries and views where it asks for them.
    pub(super) packed: bool,
    /// Tables that only it sees.
    pub(super) temporary: TemporaryTables,
    /// What is read of the one table a pinned query names.
    pub(super) share: Option<Share>,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// `InvalidCatalogName`, `InvalidAuthorizationSpecification`, `TooManyConnections`, and what
    /// start-up settings are refused with.
    pub async fn connect(services: Arc<Services>, startup: Startup) -> Result<Self> {
        let role = RoleName(startup.user.clone());
        let state = services.catalog.at(&services.lake.epoch()).await?;
        check_login(&state, &role, startup.database.as_deref(), &services.config.name)?;
        let superuser = security::is_superuser(&state, &role);
        let limit = Duration::from_millis(services.config.limits.statement_timeout_ms);
        let on = |on: bool| if on { "on" } else { "off" };
        let mut settings = Settings::new(&[
            ("is_superuser", on(superuser).to_owned()),
            ("session_authorization", role.0.clone()),
            ("max_connections", services.config.limits.connections_max.to_string()),
            ("ssl", on(services.config.tls.certificate.is_some()).to_owned()),
            ("statement_timeout", duration_text(limit)),
        ]);
        for (name, value) in &startup.settings {
            settings.set_start(name, value)?;
        }
        let now = services.lake.clock().now();
        let id = SessionId::random();
        let canceller = Canceller::default();
        let statements = Statements::new(services.config.limits.prepared_statements_max);
        let cursors = Cursors::default();
        let connected = services.sessions.enter(
            id,
            SessionRow {
                role: role.clone(),
                protocol: startup.protocol,
                peer: startup.peer,
                application_name: settings.value("application_name").unwrap_or_default().to_owned(),
                connected_at: now,
                active: 0,
                in_transaction: None,
                failed: false,
                state_changed_at: now,
                query: String::new(),
                query_started_at: None,
                canceller: canceller.clone(),
                ended: CancellationToken::new(),
                pid: 0,
                statements: statements.shown.clone(),
                cursors: cursors.shown.clone(),
            },
            superuser,
        )?;
        settings.set_own("lakeport.backend_pid", &connected.pid().to_string());
        let started_at = services.sessions.started_at.timestamp_micros();
        settings.set_own("lakeport.started_at", &started_at.to_string());
        Ok(Self {
            listener: services.notifications.listener(),
            statements,
            settings_seen: settings.generation(),
            login: role.clone(),
            services,
            role,
            id,
            settings,
            transaction: Transaction::None,
            canceller,
            rows_failed: Arc::default(),
            cursors,
            asked: Arc::default(),
            notices: Vec::new(),
            connected: Arc::new(connected),
            packed: startup.protocol == "flight",
            temporary: TemporaryTables::new(),
            share: None,
        })
    }

    /// The process id clients are told, which `pg_cancel_backend` takes.
    pub fn pid(&self) -> i32 {
        self.connected.pid()
    }

    /// Cancelled when somebody ends this session (`pg_terminate_backend`).
    pub fn ended(&self) -> CancellationToken {
        self.connected.ended()
    }

    /// Tells the client something besides the answer.
    pub(super) fn warn(&mut self, kind: ErrorKind, message: &str) {
        if self.notices.len() < NOTICES_MAX {
            self.notices.push(Notice { level: Level::Warning, error: Error::new(kind, message) });
        }
    }

    /// As [`Session::warn`], of what is only worth knowing.
    pub(super) fn notice(&mut self, message: String) {
        if self.notices.len() < NOTICES_MAX {
            let error = Error::new(ErrorKind::RaiseException, message).coded("00000");
            self.notices.push(Notice { level: Level::Notice, error });
        }
    }

    /// Warnings since the last time; each is to be sent to the client before the answer.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        let least = match self.settings.value("client_min_messages").unwrap_or_default() {
            "error" => Level::Exception,
            "warning" => Level::Warning,
            "log" => Level::Log,
            debug if debug.starts_with("debug") => Level::Debug,
            _ => Level::Notice,
        };
        let mut notices = std::mem::take(&mut self.notices);
        notices.retain(|notice| notice.level >= least || notice.level == Level::Info);
        notices
    }

    /// DO: its messages, up to the one that is an error.
    pub(super) fn raise(&mut self, raised: &[Notice]) -> Result<()> {
        for raise in raised {
            if raise.level == Level::Exception {
                return Err(raise.error.clone());
            }
            if self.notices.len() < NOTICES_MAX {
                self.notices.push(raise.clone());
            }
        }
        Ok(())
    }

    /// Its id in `lakeport.sessions`.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whose privileges count.
    pub fn role(&self) -> &RoleName {
        &self.role
    }

    /// What its role may see.
    pub async fn visible(&mut self) -> Result<Vec<VisibleRelation>> {
        let context = self.context(CancellationToken::new()).await?;
        self.services.engine.visible(&context).await
    }

    /// A token whose cancelling stops what this session runs now (and nothing it runs later).
    pub fn cancel_token(&self) -> CancellationToken {
        self.canceller.token()
    }

    /// More rows of an earlier statement are taken: what stops the session stops them again.
    pub fn resume(&self, rows: &RowStream) {
        self.canceller.replace(rows.cancel.clone());
    }

    /// Stops what the session runs at the time of asking, from anywhere.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// `I`, `T` or `E`: idle, in a transaction, in a failed one.
    pub fn transaction_status(&self) -> char {
        match self.transaction.status() {
            'T' if self.rows_failed.load(Ordering::Acquire) => 'E',
            status => status,
        }
    }

    /// A setting's value now.
    pub fn setting(&self, name: &str) -> Option<String> {
        self.settings.value(name).map(str::to_owned)
    }

    /// Names and values of the settings that clients are told of.
    pub fn reported_settings(&self) -> Vec<(&'static str, String)> {
        self.settings.reported()
    }

    /// Changes with every change of a setting.
    pub fn settings_generation(&self) -> u64 {
        self.settings.generation()
    }

    /// The zone in which `timestamptz` is printed.
    pub fn time_zone(&self) -> Tz {
        zone_of(self.settings.value("TimeZone").unwrap_or("UTC"))
    }

    /// A statement's text as it reads with the session's `standard_conforming_strings`.
    pub fn spelled<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.settings.value("standard_conforming_strings") {
            Some("off") => with_escapes(text).map_or(Cow::Borrowed(text), Cow::Owned),
            _ => Cow::Borrowed(text),
        }
    }

    /// How the client wants values printed and read.
    pub fn styles(&self) -> Styles {
        Styles { zone: self.time_zone(), ..Styles::of(self.settings.all()) }
    }

    /// What the client's texts are written in, by Postgres' name.
    pub fn client_encoding(&self) -> &str {
        self.settings.value("client_encoding").unwrap_or("UTF8")
    }

    /// Fails the open transaction, as an error outside of any statement does.
    pub fn fail_transaction(&mut self) {
        self.transaction.fail();
        self.show_transaction();
    }

    /// Shows in `lakeport.sessions` whether a transaction is open.
    pub(super) fn show_transaction(&self) {
        if self.transaction.open().is_some_and(|open| open.apart) {
            return;
        }
        let began_at = self.transaction.block().map(|open| open.began_at);
        let failed = self.transaction.block().is_some_and(|open| open.failed);
        self.connected.update(|row| (row.in_transaction, row.failed) = (began_at, failed));
    }
}

/// # Errors
/// `InvalidAuthorizationSpecification`, `InvalidCatalogName`.
pub(super) fn check_login(
    state: &CatalogState,
    role: &RoleName,
    database: Option<&str>,
    name: &str,
) -> Result<()> {
    let refused = |message| Err(Error::new(ErrorKind::InvalidAuthorizationSpecification, message));
    match state.roles.get(role) {
        None => return refused(format!("role \"{role}\" does not exist")),
        Some(found) if !found.options.login => {
            return refused(format!("role \"{role}\" is not permitted to log in"));
        }
        Some(_) => {}
    }
    match database {
        Some(database) if !database.is_empty() && database != name => Err(Error::new(
            ErrorKind::InvalidCatalogName,
            format!("database \"{database}\" does not exist"),
        )
        .hint(format!("This server has one database, \"{name}\"."))),
        _ => Ok(()),
    }
}
