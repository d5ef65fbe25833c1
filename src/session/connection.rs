//! The session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use chrono_tz::Tz;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::scalar::ScalarValue;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{RoleName, SessionId};
use crate::query::VisibleRelation;
use crate::security;
use crate::syntax::{self, Statement};
use crate::telemetry::Ended;

use super::answer::{explain_schema, show_rows, show_schema, stream_of};
use super::counting::Counted;
use super::maintain::maintenance_schema;
use super::planning::planned_query;
use super::prepared::Prepared;
use super::running::{Canceller, Running};
use super::services::{Connected, Services, SessionRow};
use super::setting_value::{duration_text, zone_of};
use super::settings::Settings;
use super::transaction::Transaction;
use super::views::{explain_view_schema, verify_schema};

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

/// What executing gave.
pub enum Outcome {
    /// Blank text.
    Empty,
    /// Rows, with the first word of their command tag (`SELECT`, `SHOW`, `EXPLAIN`).
    Rows(RowStream),
    /// A command tag: `CREATE TABLE`, `INSERT 0 5`.
    Command(String),
}

/// Rows on their way. Dropping it stops the query.
pub struct RowStream {
    /// First word of the tag.
    pub tag: &'static str,
    /// Columns.
    pub schema: SchemaRef,
    /// Batches; errors become ours by [`crate::query::Engine::error`].
    pub stream: SendableRecordBatchStream,
    /// Stops it.
    pub cancel: CancellationToken,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    pub(super) services: Arc<Services>,
    pub(super) role: RoleName,
    pub(super) id: SessionId,
    pub(super) settings: Settings,
    pub(super) transaction: Transaction,
    pub(super) canceller: Canceller,
    /// Set when rows that were already being sent ended in an error.
    pub(super) rows_failed: Arc<AtomicBool>,
    pub(super) connected: Connected,
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
        let refused =
            |message| Err(Error::new(ErrorKind::InvalidAuthorizationSpecification, message));
        match state.roles.get(&role) {
            None => return refused(format!("role \"{role}\" does not exist")),
            Some(found) if !found.options.login => {
                return refused(format!("role \"{role}\" is not permitted to log in"));
            }
            Some(_) => {}
        }
        if let Some(database) = startup.database.as_deref().filter(|name| !name.is_empty())
            && database != services.config.name
        {
            return Err(Error::new(
                ErrorKind::InvalidCatalogName,
                format!("database \"{database}\" does not exist"),
            )
            .hint(format!("This server has one database, \"{}\".", services.config.name)));
        }
        let superuser = security::is_superuser(&state, &role);
        let limit = Duration::from_millis(services.config.limits.statement_timeout_ms);
        let mut settings = Settings::new(&[
            ("is_superuser", if superuser { "on" } else { "off" }.to_owned()),
            ("session_authorization", role.0.clone()),
            ("statement_timeout", duration_text(limit)),
        ]);
        for (name, value) in &startup.settings {
            settings.set_start(name, value)?;
        }
        let now = services.lake.clock().now();
        let id = SessionId::random();
        let connected = services.sessions.enter(
            id,
            SessionRow {
                role: role.clone(),
                protocol: startup.protocol,
                peer: startup.peer,
                application_name: settings.value("application_name").unwrap_or_default().to_owned(),
                connected_at: now,
                active: 0,
                in_transaction: false,
                state_changed_at: now,
            },
            superuser,
        )?;
        Ok(Self {
            services,
            role,
            id,
            settings,
            transaction: Transaction::None,
            canceller: Canceller::default(),
            rows_failed: Arc::default(),
            connected,
        })
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

    /// Fails the open transaction, as an error outside of any statement does.
    pub fn fail_transaction(&mut self) {
        self.transaction.fail();
    }

    /// Parses and plans one statement; blank text gives one that executes to `Empty`.
    ///
    /// # Errors
    /// `SyntaxError`, whatever planning says, `InFailedSqlTransaction`. An error fails the open
    /// transaction.
    pub async fn prepare(
        &mut self,
        sql: &str,
        declared: &[Option<DataType>],
    ) -> Result<Arc<Prepared>> {
        self.note_failed_rows();
        let started = self.services.lake.clock().instant();
        let prepared = self.prepare_unguarded(sql, declared).await;
        if prepared.is_err() {
            self.transaction.fail();
            // What was planned is counted when it is executed; this never will be.
            let elapsed = self.services.lake.clock().instant().saturating_duration_since(started);
            self.services.engine.metrics().statement_ended(Ended::Failed, elapsed);
        }
        prepared.map(Arc::new)
    }

    async fn prepare_unguarded(
        &mut self,
        sql: &str,
        declared: &[Option<DataType>],
    ) -> Result<Prepared> {
        let statement = syntax::parse_one(sql)?;
        let mut prepared = Prepared {
            text: sql.to_owned(),
            statement,
            parameters: Vec::new(),
            schema: None,
            planned: None,
        };
        let Some(statement) = &prepared.statement else {
            return Ok(prepared);
        };
        self.refuse_if_failed(statement)?;
        prepared.schema = self.own_schema(statement)?;
        if let Some(query) = planned_query(statement) {
            let running = self.start();
            let declared = match statement {
                Statement::Insert(insert) => self.insert_parameters(insert, declared).await?,
                _ => declared.to_vec(),
            };
            let planned = self.plan(query, &declared, &running).await;
            let planned = planned.map_err(|error| running.error(error))?;
            prepared.parameters = planned.plan.parameter_types().to_vec();
            prepared.schema = match statement {
                Statement::Query(_) => Some(planned.plan.schema()),
                Statement::Explain(_) => Some(explain_schema()),
                _ => None,
            };
            prepared.planned = Some(planned);
        }
        Ok(prepared)
    }

    /// The columns of rows that the session itself answers with.
    fn own_schema(&self, statement: &Statement) -> Result<Option<SchemaRef>> {
        Ok(match statement {
            Statement::Show { name } => Some(show_schema(&self.settings, name)?),
            Statement::ExplainView { .. } | Statement::ExplainCreateView(_) => {
                Some(explain_view_schema())
            }
            Statement::Verify { .. } => Some(verify_schema()),
            statement => maintenance_schema(statement),
        })
    }

    /// Executes. Plans again when the lake has moved since `prepare`; refuses when the result's
    /// columns would change. An error fails the open transaction.
    ///
    /// # Errors
    /// Whatever the statement says; `QueryCanceled`, `InFailedSqlTransaction`.
    pub async fn execute(
        &mut self,
        prepared: &Arc<Prepared>,
        parameters: Vec<ScalarValue>,
    ) -> Result<Outcome> {
        self.note_failed_rows();
        let Some(statement) = &prepared.statement else {
            return Ok(Outcome::Empty);
        };
        self.refuse_if_failed(statement)?;
        let running = self.start();
        let counted = Counted::start(&self.services);
        let outcome = self.dispatch(statement, prepared, parameters, running).await;
        let outcome = counted.outcome(outcome);
        if outcome.is_err() {
            self.transaction.fail();
        }
        let in_transaction = self.transaction.status() != 'I';
        self.connected.update(|row| row.in_transaction = in_transaction);
        outcome
    }

    async fn dispatch(
        &mut self,
        statement: &Statement,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: Running,
    ) -> Result<Outcome> {
        self.refuse_write(statement)?;
        match statement {
            Statement::Query(query) => {
                let (plan, context) = self.current_plan(query, prepared, &running).await?;
                self.select(&plan, &context, parameters, running).await
            }
            Statement::Explain(explain) => self.explain(explain, prepared, &running).await,
            Statement::ExplainView { .. }
            | Statement::ExplainCreateView(_)
            | Statement::Verify { .. } => self.of_views(statement, &prepared.text, &running).await,
            Statement::Show { name } => Ok(rows("SHOW", show_rows(&self.settings, name)?)),
            Statement::Set { name, value, local } => self.set(name, value, *local).await,
            Statement::Reset { name } => {
                match name {
                    Some(name) => self.settings.reset(name)?,
                    None => self.settings.reset_all(),
                }
                command("RESET")
            }
            Statement::SetTransaction { session, modes } => {
                self.set_transaction(*session, *modes)?;
                command("SET")
            }
            Statement::Begin(modes) => {
                self.begin(*modes)?;
                command("BEGIN")
            }
            Statement::Commit => command(self.end(true)),
            Statement::Rollback => command(self.end(false)),
            Statement::Discard => {
                if self.transaction.open().is_some() {
                    return Err(Error::new(
                        ErrorKind::ActiveSqlTransaction,
                        "DISCARD ALL cannot run inside a transaction block",
                    ));
                }
                self.settings.reset_all();
                command("DISCARD ALL")
            }
            Statement::Deallocate { name } => {
                command(if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" })
            }
            Statement::Insert(insert) => {
                let inserted = self.insert(insert, prepared, parameters, &running).await;
                inserted.map(Outcome::Command)
            }
            Statement::CreateTable(create) => {
                let created = self.create_table(create, prepared, parameters, &running).await;
                created.map(Outcome::Command)
            }
            Statement::Refresh { name, full } => {
                self.refresh(name, *full, &running).await.map(Outcome::Command)
            }
            Statement::Optimize { .. }
            | Statement::Vacuum(_)
            | Statement::DescribeHistory { .. } => self.maintain(statement, &running).await,
            _ => self.define(statement, prepared, &running).await.map(Outcome::Command),
        }
    }
}

pub(super) fn command(tag: &str) -> Result<Outcome> {
    Ok(Outcome::Command(tag.to_owned()))
}

pub(super) fn rows(tag: &'static str, batch: RecordBatch) -> Outcome {
    Outcome::Rows(RowStream {
        tag,
        schema: batch.schema(),
        stream: stream_of(batch),
        cancel: CancellationToken::new(),
    })
}
