//! Prepared statements by name, cursors' statements, and what runs them. SQL's PREPARE and the
//! protocol's Parse share one store, as in Postgres.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use crate::error::{Error, ErrorKind, Result};
use crate::query::{Engine, cast_array, type_number};
use crate::syntax::{Declare, Execute, Fetch, Prepare, Query, Statement};

use super::activity::{CursorRow, Shown, StatementRow};
use super::connection::Session;
use super::cursors::{Rows, Scroll, fetch};
use super::outcome::{Outcome, RowStream};
use super::prepared::Prepared;
use super::running::Running;

/// A prepared statement with a name; the protocol's unnamed one has the empty name.
#[derive(Debug)]
pub struct Named {
    /// The statement.
    pub prepared: Arc<Prepared>,
    /// Object ids of `$1`, `$2`, ... as a client declared or was told them; empty where none was.
    pub types: Vec<u32>,
    /// The text with which it was prepared, PREPARE included.
    pub text: String,
    /// Whether SQL's PREPARE made it.
    pub from_sql: bool,
}

/// A session's prepared statements, bounded.
#[derive(Debug)]
pub(super) struct Statements {
    by_name: HashMap<String, Arc<Named>>,
    entries_max: usize,
    /// What `pg_prepared_statements` shows.
    pub(super) shown: Shown<StatementRow>,
}

impl Statements {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { by_name: HashMap::new(), entries_max, shown: Shown::default() }
    }

    fn check_new(&self, name: &str) -> Result<()> {
        if !name.is_empty() && self.by_name.contains_key(name) {
            return Err(Error::new(
                ErrorKind::DuplicatePreparedStatement,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        if self.by_name.len() >= self.entries_max && !name.is_empty() {
            return Err(too_many(self.entries_max));
        }
        Ok(())
    }

    pub(super) fn forget_all(&mut self) {
        self.by_name.clear();
        self.shown.lock().clear();
    }
}

fn too_many(entries_max: usize) -> Error {
    Error::new(
        ErrorKind::ConfigurationLimitExceeded,
        format!("more than {entries_max} prepared statements or cursors"),
    )
    .hint("Close some; limits.prepared_statements_max in lakeport.toml says how many.")
}

fn unknown_statement(name: &str) -> Error {
    let what = match name {
        "" => "unnamed prepared statement does not exist".to_owned(),
        name => format!("prepared statement \"{name}\" does not exist"),
    };
    Error::new(ErrorKind::InvalidSqlStatementName, what)
}

impl Session {
    /// The prepared statement of this name.
    ///
    /// # Errors
    /// `InvalidSqlStatementName`.
    pub fn statement(&self, name: &str) -> Result<Arc<Named>> {
        self.statements.by_name.get(name).cloned().ok_or_else(|| unknown_statement(name))
    }

    /// Whether a statement of this name may be stored: asked before the work of preparing it.
    ///
    /// # Errors
    /// `DuplicatePreparedStatement`, `ConfigurationLimitExceeded`.
    pub fn check_new_statement(&mut self, name: &str) -> Result<()> {
        if name.is_empty() {
            self.statements.by_name.remove("");
        }
        self.statements.check_new(name)
    }

    /// Names a prepared statement.
    ///
    /// # Errors
    /// As [`Session::check_new_statement`].
    pub fn store_statement(&mut self, name: &str, named: Named) -> Result<()> {
        self.statements.check_new(name)?;
        // The unnamed one is nobody's to look for.
        if !name.is_empty() {
            let types = named
                .prepared
                .parameters()
                .iter()
                .map(|field| i64::from(type_number(field)))
                .collect();
            let row = StatementRow {
                text: named.text.clone(),
                prepared_at: self.services.lake.clock().now(),
                types,
                from_sql: named.from_sql,
            };
            self.statements.shown.lock().insert(name.to_owned(), row);
        }
        self.statements.by_name.insert(name.to_owned(), Arc::new(named));
        Ok(())
    }

    /// Forgets a statement, if there is one.
    pub fn forget_statement(&mut self, name: &str) -> bool {
        self.statements.shown.lock().remove(name);
        self.statements.by_name.remove(name).is_some()
    }

    /// DEALLOCATE.
    pub(super) fn deallocate(&mut self, name: Option<&str>) -> Result<()> {
        match name {
            None => self.statements.forget_all(),
            Some(name) if self.forget_statement(name) => {}
            Some(name) => return Err(unknown_statement(name)),
        }
        Ok(())
    }

    /// PREPARE.
    pub(super) async fn prepare_named(&mut self, prepare: &Prepare, text: &str) -> Result<()> {
        self.statements.check_new(&prepare.name)?;
        let mut declared = Vec::new();
        if !prepare.types.is_empty() {
            let casts: Vec<String> =
                prepare.types.iter().map(|sql| format!("CAST(NULL AS {sql})")).collect();
            let query = Query::parse(&format!("SELECT {}", casts.join(", ")))?;
            let running = self.start();
            let planned = self.plan(&query, &[], &running).await?;
            let schema = planned.plan.schema();
            declared = schema.fields().iter().cloned().map(Some).collect();
        }
        let prepared = self.prepare_unguarded(&prepare.text, &declared).await;
        let prepared = Arc::new(prepared.map_err(|error| match error.position() {
            Some(position) => error.at(position + prepare.offset),
            None => error,
        })?);
        let text = text.trim().to_owned();
        let named = Named { prepared, types: Vec::new(), text, from_sql: true };
        self.store_statement(&prepare.name, named)
    }

    /// EXECUTE: answers as the statement itself.
    pub(super) async fn execute_named(
        &mut self,
        execute: &Execute,
        running: Running,
    ) -> Result<Outcome> {
        let named = self.statement(&execute.name)?;
        let prepared = &named.prepared;
        let parameters = self.arguments(execute, prepared, &running).await?;
        match &prepared.statement {
            None => Ok(Outcome::Empty),
            Some(statement @ Statement::Insert(insert)) => {
                self.refuse_write(statement)?;
                let inserted = self.insert(insert, prepared, parameters, &running).await;
                inserted.map(Outcome::Command)
            }
            Some(Statement::Query(query)) => {
                let (plan, context) =
                    self.current_plan(query, prepared, &parameters, &running).await?;
                self.select(&plan, &context, parameters, running).await
            }
            Some(_) => Err(Error::unsupported("EXECUTE of a statement that is no query")),
        }
    }

    /// The values of EXECUTE's arguments, as the statement's parameters want them.
    pub(super) async fn arguments(
        &mut self,
        execute: &Execute,
        prepared: &Prepared,
        running: &Running,
    ) -> Result<Vec<ScalarValue>> {
        let wanted = prepared.parameters().to_vec();
        let Some(arguments) = &execute.arguments else {
            return match wanted.len() {
                0 => Ok(Vec::new()),
                expected => Err(wrong_count(&execute.name, expected, 0)),
            };
        };
        let planned = self.plan(arguments, &[], running).await?;
        let given = planned.plan.schema().fields().len();
        if given != wanted.len() {
            return Err(wrong_count(&execute.name, wanted.len(), given));
        }
        let context = self.context(running.cancel.clone()).await?;
        let execution = self.services.engine.execute(&planned.plan, &context, Vec::new()).await?;
        let mut stream = execution.stream;
        let batch = match stream.next().await {
            Some(batch) => batch.map_err(Engine::error)?,
            None => return Err(Error::internal("arguments without a row")),
        };
        batch
            .columns()
            .iter()
            .zip(&wanted)
            .map(|(value, to)| scalar(value, to.data_type()))
            .collect()
    }

    /// DECLARE.
    pub(super) async fn declare(
        &mut self,
        declare: &Declare,
        prepared: &Prepared,
        parameters: Vec<ScalarValue>,
        running: Running,
    ) -> Result<()> {
        let Declare { name, binary, scroll, hold, query } = declare;
        if !hold && !self.transaction.is_block() {
            return Err(Error::new(
                ErrorKind::NoActiveSqlTransaction,
                "DECLARE CURSOR can only be used in transaction blocks",
            ));
        }
        if self.cursors.contains(name) {
            return Err(Error::new(
                ErrorKind::DuplicateCursor,
                format!("cursor \"{name}\" already exists"),
            ));
        }
        if self.cursors.len() >= self.services.config.limits.prepared_statements_max {
            return Err(too_many(self.services.config.limits.prepared_statements_max));
        }
        let (plan, mut context) = self.current_plan(query, prepared, &parameters, &running).await?;
        // The rows outlive this statement: its time limit and its cancelling are not theirs.
        context.cancel = tokio_util::sync::CancellationToken::new();
        let execution = self.services.engine.execute(&plan, &context, parameters).await;
        let execution = execution.map_err(|error| running.error(error))?;
        let scroll = match scroll {
            Some(true) => Scroll::Always,
            Some(false) => Scroll::Never,
            None => Scroll::WhileKept,
        };
        let bytes_max = self.services.config.limits.cursor_bytes_max;
        let rows = Rows::new(execution.stream, scroll, bytes_max);
        let held = !self.transaction.is_block();
        let row = CursorRow {
            text: prepared.text.trim().to_owned(),
            hold: *hold,
            binary: *binary,
            scroll: scroll != Scroll::Never,
            created_at: self.services.lake.clock().now(),
        };
        self.cursors.insert(name, rows, held, row);
        Ok(())
    }

    /// Starts a query as a portal with a name, which FETCH, MOVE and CLOSE may use as a cursor. It ends
    /// with its transaction.
    ///
    /// # Errors
    /// As executing the query.
    pub async fn open_portal(
        &mut self,
        name: &str,
        prepared: &Arc<Prepared>,
        parameters: Vec<ScalarValue>,
    ) -> Result<()> {
        let Some(statement @ Statement::Query(query)) = &prepared.statement else {
            return Err(Error::internal("a portal without a query"));
        };
        self.begin_statement(&prepared.text).await?;
        self.refuse_if_failed(statement)?;
        let running = self.start();
        let (plan, mut context) = self.current_plan(query, prepared, &parameters, &running).await?;
        // The rows outlive this statement.
        context.cancel = tokio_util::sync::CancellationToken::new();
        let execution = self.services.engine.execute(&plan, &context, parameters).await;
        let execution = execution.map_err(|error| running.error(error))?;
        let bytes_max = self.services.config.limits.cursor_bytes_max;
        let rows = Rows::new(execution.stream, Scroll::Never, bytes_max);
        let row = CursorRow {
            text: prepared.text.trim().to_owned(),
            hold: false,
            binary: false,
            scroll: false,
            created_at: self.services.lake.clock().now(),
        };
        self.cursors.insert(name, rows, false, row);
        Ok(())
    }

    /// FETCH and MOVE.
    pub(super) async fn fetch(&mut self, fetching: &Fetch, running: Running) -> Result<Outcome> {
        let cursor = self.cursors.get(&fetching.name)?;
        let (schema, binary) = (Arc::clone(&cursor.schema), cursor.binary);
        let Ok(mut rows) = Arc::clone(&cursor.rows).try_lock_owned() else {
            return Err(Error::new(
                ErrorKind::ObjectInUse,
                format!("cursor \"{}\" is already in use", fetching.name),
            ));
        };
        if fetching.moving {
            let moved = tokio::select! {
                moved = rows.go(fetching.direction) => moved.map_err(|error| running.error(error))?,
                () = running.cancel.cancelled() => return Err(running.cancelled()),
            };
            return Ok(Outcome::Command(format!("MOVE {moved}")));
        }
        let stream = running.until_cancelled(fetch(rows, fetching.direction));
        Ok(Outcome::Rows(RowStream {
            tag: "FETCH",
            schema,
            cancel: running.cancel.clone(),
            stream: running.rows(stream, Engine::error),
            binary,
        }))
    }

    /// The columns of a cursor, and whether they come in binary.
    ///
    /// # Errors
    /// `InvalidCursorName`.
    pub fn cursor(&self, name: &str) -> Result<(SchemaRef, bool)> {
        let cursor = self.cursors.get(name)?;
        Ok((Arc::clone(&cursor.schema), cursor.binary))
    }

    /// Closes a cursor, if there is one.
    pub fn close_cursor(&mut self, name: &str) -> bool {
        self.cursors.close(name).is_ok()
    }

    /// As `FETCH FORWARD count FROM name`, all for 0.
    ///
    /// # Errors
    /// As FETCH.
    pub async fn fetch_forward(&mut self, name: &str, count: u64) -> Result<Outcome> {
        use crate::syntax::Direction;
        let count = match count {
            0 => Direction::ALL,
            count => i64::try_from(count).unwrap_or(Direction::ALL),
        };
        let direction = Direction::Forward(count);
        let fetching = Fetch { name: name.to_owned(), direction, moving: false };
        let running = self.start();
        self.fetch(&fetching, running).await
    }
}

fn wrong_count(name: &str, expected: usize, given: usize) -> Error {
    Error::new(
        ErrorKind::SyntaxError,
        format!("wrong number of parameters for prepared statement \"{name}\""),
    )
    .detail(format!("Expected {expected} parameters but got {given}."))
}

fn scalar(value: &ArrayRef, to: &DataType) -> Result<ScalarValue> {
    let value = cast_array(value, to)?;
    if value.is_empty() {
        return Err(Error::internal("an argument without a value"));
    }
    ScalarValue::try_from_array(&value, 0)
        .map_err(|error| Error::internal("an argument").caused_by(error))
}
