//! One flat match over Statement: preparing and executing.

use std::sync::{Arc, Mutex};

use arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::syntax::{self, Discard, Explained, Statement};
use crate::telemetry::Ended;

use super::answer::{explain_schema, show_rows, show_schema};
use super::connection::Session;
use super::counting::Counted;
use super::maintain::maintenance_schema;
use super::outcome::{Outcome, command, rows};
use super::planning::planned_query;
use super::prepared::Prepared;
use super::running::Running;
use super::views::{explain_view_schema, verify_schema};

impl Session {
    /// Parses and plans one statement; blank text gives one that executes to `Empty`.
    ///
    /// # Errors
    /// `SyntaxError`, whatever planning says, `InFailedSqlTransaction`. An error fails the open
    /// transaction.
    pub async fn prepare(
        &mut self,
        sql: &str,
        declared: &[Option<FieldRef>],
    ) -> Result<Arc<Prepared>> {
        self.begin_statement(sql).await?;
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

    pub(super) async fn prepare_unguarded(
        &mut self,
        sql: &str,
        declared: &[Option<FieldRef>],
    ) -> Result<Prepared> {
        let text = self.with_functions(sql).await?;
        let statement = syntax::parse_one(&text)?;
        let mut prepared = Prepared {
            text,
            statement,
            parameters: Vec::new(),
            schema: None,
            planned: Mutex::default(),
            planning: None,
        };
        let Some(statement) = &prepared.statement else {
            return Ok(prepared);
        };
        self.refuse_if_failed(statement)?;
        prepared.schema = self.own_schema(statement)?;
        if let Some(query) = &planned_query(statement)? {
            let running = self.start();
            let declared = match statement {
                Statement::Insert(insert) => self.insert_parameters(insert, declared).await?,
                Statement::Update(update) => self.update_parameters(update, declared).await?,
                _ => declared.to_vec(),
            };
            let planned = self.plan(query, &declared, &running).await;
            let planned = planned.map_err(|error| match statement {
                // Its places are those of a query that nobody wrote.
                Statement::Delete(_) | Statement::Update(_) => running.error(error).nowhere(),
                _ => running.error(error),
            })?;
            prepared.parameters = planned.plan.parameters().to_vec();
            prepared.schema = match statement {
                Statement::Query(_) => Some(self.told(&planned.plan)),
                Statement::Explain(explain) => Some(explain_schema(explain.format)),
                _ => None,
            };
            prepared.keep(planned);
            prepared.planning = Some(running.cancel.clone());
        }
        Ok(prepared)
    }

    /// The columns of rows that the session itself answers with.
    fn own_schema(&self, statement: &Statement) -> Result<Option<SchemaRef>> {
        Ok(match statement {
            Statement::Execute(execute) => self.statement(&execute.name)?.prepared.schema(),
            Statement::Explain(explain) => Some(explain_schema(explain.format)),
            Statement::Fetch(fetch) if !fetch.moving => Some(self.cursor(&fetch.name)?.0),
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
        let Some(statement) = &prepared.statement else {
            return Ok(Outcome::Empty);
        };
        self.begin_statement(&prepared.text).await?;
        self.refuse_if_failed(statement)?;
        let running = self.start();
        let counted = Counted::start(&self.services);
        let outcome = self.dispatch(statement, prepared, parameters, running).await;
        let outcome = counted.outcome(outcome);
        if outcome.is_err() {
            self.transaction.fail();
        }
        self.show_transaction();
        outcome
    }

    /// What comes before any statement: what earlier ones have left to do.
    pub(super) async fn begin_statement(&mut self, text: &str) -> Result<()> {
        self.note_failed_rows();
        self.do_asked().await?;
        let now = self.services.lake.clock().now();
        self.connected.update(|row| {
            // As Postgres' track_activity_query_size.
            row.query = text.chars().take(1024).collect();
            row.query_started_at = Some(now);
        });
        Ok(())
    }

    async fn dispatch(
        &mut self,
        statement: &Statement,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: Running,
    ) -> Result<Outcome> {
        self.refuse_write(statement)?;
        self.before_end(statement).await?;
        match statement {
            Statement::Query(query) => {
                let (plan, context) =
                    self.current_plan(query, prepared, &parameters, &running).await?;
                self.select(&plan, &context, parameters, running).await
            }
            Statement::Explain(explain) => {
                let named = match &explain.what {
                    Some(Explained::Execute(execute)) => Some(self.statement(&execute.name)?),
                    _ => None,
                };
                let prepared = named.as_ref().map_or(prepared, |named| &named.prepared);
                self.explain(explain, prepared, parameters, &running).await
            }
            Statement::ExplainView { .. }
            | Statement::ExplainCreateView(_)
            | Statement::Verify { .. } => self.of_views(statement, &prepared.text, &running).await,
            Statement::Alter(_)
            | Statement::Comment { .. }
            | Statement::Truncate { .. }
            | Statement::CreateIndex(_) => {
                self.alter_any(statement, &running).await.map(Outcome::Command)
            }
            Statement::Insert(insert) => {
                let inserted = self.insert(insert, prepared, parameters, &running).await;
                inserted.map(Outcome::Command)
            }
            Statement::Delete(delete) => {
                let deleted = self.delete(delete, prepared, parameters, &running).await;
                deleted.map(Outcome::Command)
            }
            Statement::Update(update) => {
                let updated = self.update(update, prepared, parameters, &running).await;
                updated.map(Outcome::Command)
            }
            Statement::CreateTable(create) => {
                let created = self.create_table(create, prepared, parameters, &running).await;
                created.map(Outcome::Command)
            }
            Statement::Refresh { name, full } => {
                self.refresh(name, *full, &running).await.map(Outcome::Command)
            }
            Statement::Ingest(name) => self.ingest(name, &running).await.map(Outcome::Command),
            Statement::Optimize { .. }
            | Statement::Vacuum(_)
            | Statement::DescribeHistory { .. } => self.maintain(statement, &running).await,
            Statement::Copy(copy) => self.copy(copy, prepared, parameters, running).await,
            Statement::Declare(declare) => {
                self.declare(declare, prepared, parameters, running).await?;
                command("DECLARE CURSOR")
            }
            Statement::Fetch(fetch) => self.fetch(fetch, running).await,
            Statement::Execute(execute) => self.execute_named(execute, running).await,
            statement => match self.steer(statement, &prepared.text).await? {
                Some(outcome) => Ok(outcome),
                None => self.define(statement, prepared, &running).await.map(Outcome::Command),
            },
        }
    }

    /// Statements about the session itself; `None` for all others.
    async fn steer(&mut self, statement: &Statement, text: &str) -> Result<Option<Outcome>> {
        let tag = match statement {
            Statement::Show { name } => {
                return Ok(Some(rows("SHOW", show_rows(&self.settings, name)?)));
            }
            Statement::Set { name, value, local } => {
                return self.set(name, value, *local).await.map(Some);
            }
            Statement::Reset { name } => {
                match name {
                    Some(name) => self.settings.reset(name)?,
                    None => self.settings.reset_all(),
                }
                self.forget_snapshot(name.as_deref().unwrap_or("lakeport.as_of"));
                self.settings_changed();
                "RESET"
            }
            Statement::Discard(what) => self.discard(*what)?,
            Statement::Prepare(prepare) => {
                self.prepare_named(prepare, text).await?;
                "PREPARE"
            }
            Statement::Deallocate { name } => {
                self.deallocate(name.as_deref())?;
                if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" }
            }
            Statement::Close { name } => {
                match name {
                    Some(name) => self.cursors.close(name)?,
                    None => self.cursors.close_all(),
                }
                if name.is_some() { "CLOSE CURSOR" } else { "CLOSE CURSOR ALL" }
            }
            Statement::Listen { channel } => {
                self.listen(true, Some(channel))?;
                "LISTEN"
            }
            Statement::Unlisten { channel } => {
                self.listen(false, channel.as_deref())?;
                "UNLISTEN"
            }
            Statement::Notify { channel, payload } => {
                self.notify(channel, payload)?;
                "NOTIFY"
            }
            Statement::Do(raised) => {
                self.raise(raised)?;
                "DO"
            }
            Statement::Lock { names } => {
                self.lock(names).await?;
                "LOCK TABLE"
            }
            statement => match self.transact(statement)? {
                Some(tag) => tag,
                None => return Ok(None),
            },
        };
        command(tag).map(Some)
    }

    /// Statements about transactions; `None` for all others.
    fn transact(&mut self, statement: &Statement) -> Result<Option<&'static str>> {
        Ok(Some(match statement {
            Statement::SetTransaction { session, modes } => {
                self.set_transaction(*session, *modes)?;
                "SET"
            }
            Statement::Begin(modes) => {
                self.begin(*modes)?;
                "BEGIN"
            }
            Statement::Start(modes) => {
                self.begin(*modes)?;
                "START TRANSACTION"
            }
            Statement::Commit { chain } => self.end_block(true, *chain)?,
            Statement::Rollback { chain } => self.end_block(false, *chain)?,
            Statement::Savepoint(name) => {
                self.savepoint(name)?;
                "SAVEPOINT"
            }
            Statement::Release(name) => {
                self.release(name)?;
                "RELEASE"
            }
            Statement::RollbackTo(name) => {
                self.roll_back_to(name)?;
                "ROLLBACK"
            }
            _ => return Ok(None),
        }))
    }

    fn discard(&mut self, what: Discard) -> Result<&'static str> {
        Ok(match what {
            Discard::All => {
                if self.transaction.is_block() {
                    return Err(Error::new(
                        ErrorKind::ActiveSqlTransaction,
                        "DISCARD ALL cannot run inside a transaction block",
                    ));
                }
                self.settings.reset_all();
                self.settings_changed();
                self.statements.forget_all();
                self.cursors.close_all();
                self.listener.leave(None);
                self.temporary.clear();
                "DISCARD ALL"
            }
            // Plans are made again when what they read has moved; there is nothing else to forget.
            Discard::Plans => "DISCARD PLANS",
            Discard::Sequences => "DISCARD SEQUENCES",
            Discard::Temporary => {
                self.temporary.clear();
                self.settings.plan_anew();
                "DISCARD TEMP"
            }
        })
    }

    /// LOCK: readers and writers never wait for each other, so only the names are checked.
    async fn lock(&mut self, names: &[syntax::ObjectName]) -> Result<()> {
        if !self.transaction.is_block() {
            return Err(Error::new(
                ErrorKind::NoActiveSqlTransaction,
                "LOCK TABLE can only be used in transaction blocks",
            ));
        }
        let state = self.catalog_state().await?;
        let search_path = self.search_path();
        let found = self.names(&state, &search_path);
        names.iter().try_for_each(|name| found.relation(name).map(drop))
    }
}
