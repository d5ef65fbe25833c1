//! The extended protocol: prepared statements, portals, and their messages.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, PortalSuspended,
};

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Forgets, Outcome, Prepared};

use super::answer::{empty_query, parameter_description, row_description};
use super::connection::{Connection, row_tag};
use super::decode::decode_parameter;
use super::encode::Format;
use super::message::{Bind, Message, Target};
use super::rows::{Rows, Sent, Stop};
use super::types::{NUMERIC_PARAMETER, parameter_type, pg_type_of};

/// A statement that was parsed.
#[derive(Debug)]
struct Statement {
    prepared: Arc<Prepared>,
    /// Object ids of `$1`, `$2`, ..., as the client knows them.
    parameters: Vec<u32>,
}

/// A statement with its parameters, ready to run or running.
struct Portal {
    statement: Arc<Statement>,
    parameters: Vec<ScalarValue>,
    formats: Arc<[Format]>,
    progress: Progress,
}

enum Progress {
    Bound,
    /// Boxed: most portals are gone before they suspend.
    Suspended(Box<Rows>),
    /// All rows were sent, under this tag.
    Exhausted(&'static str),
    /// It ran and cannot again.
    Done,
}

/// A connection's prepared statements and portals, bounded together.
pub(super) struct Extended {
    statements: HashMap<String, Arc<Statement>>,
    portals: HashMap<String, Portal>,
    entries_max: usize,
}

impl Extended {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { statements: HashMap::new(), portals: HashMap::new(), entries_max }
    }

    pub(super) fn close_portals(&mut self) {
        self.portals.clear();
    }

    /// A Query message takes the place of the unnamed statement and portal.
    pub(super) fn forget_unnamed(&mut self) {
        self.statements.remove("");
        self.portals.remove("");
    }

    /// DEALLOCATE and DISCARD.
    ///
    /// # Errors
    /// `InvalidSqlStatementName`.
    pub(super) fn forget(&mut self, what: Forgets<'_>) -> Result<()> {
        match what {
            Forgets::Nothing => {}
            Forgets::Statements => self.statements.clear(),
            Forgets::All => {
                self.statements.clear();
                self.portals.clear();
            }
            Forgets::Statement(name) => {
                self.statements.remove(name).ok_or_else(|| unknown_statement(name))?;
            }
        }
        Ok(())
    }

    fn room(&self) -> Result<()> {
        if self.statements.len() + self.portals.len() < self.entries_max {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ConfigurationLimitExceeded,
            format!("more than {} prepared statements and portals", self.entries_max),
        )
        .hint("Close some; limits.prepared_statements_max in lakeport.toml says how many."))
    }

    fn statement(&self, name: &str) -> Result<&Arc<Statement>> {
        self.statements.get(name).ok_or_else(|| unknown_statement(name))
    }

    fn portal(&mut self, name: &str) -> Result<&mut Portal> {
        self.portals.get_mut(name).ok_or_else(|| {
            Error::new(ErrorKind::InvalidCursorName, format!("portal \"{name}\" does not exist"))
        })
    }
}

fn unknown_statement(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidSqlStatementName,
        format!("prepared statement \"{name}\" does not exist"),
    )
}

impl Connection {
    /// Answers one message of the extended protocol.
    pub(super) async fn extended_message(&mut self, message: Message) -> Result<(), Stop> {
        match message {
            Message::Parse { name, text, types } => self.parse(name, &text, &types).await,
            Message::Bind(bind) => Ok(self.bind(bind)?),
            Message::Describe(target) => Ok(self.describe(target)?),
            Message::Execute { portal, rows_max } => self.execute_portal(&portal, rows_max).await,
            Message::Close(target) => {
                match target {
                    Target::Statement(name) => drop(self.extended.statements.remove(&name)),
                    Target::Portal(name) => drop(self.extended.portals.remove(&name)),
                }
                Ok(self.wire.put(Backend::CloseComplete(CloseComplete::new()))?)
            }
            Message::Flush => Ok(self.wire.flush().await?),
            _ => Err(Error::internal("a message of another protocol").into()),
        }
    }

    async fn parse(&mut self, name: String, text: &str, types: &[u32]) -> Result<(), Stop> {
        if name.is_empty() {
            self.extended.statements.remove("");
        } else if self.extended.statements.contains_key(&name) {
            return Err(Error::new(
                ErrorKind::DuplicatePreparedStatement,
                format!("prepared statement \"{name}\" already exists"),
            )
            .into());
        }
        self.extended.room()?;
        let mut declared =
            types.iter().map(|oid| parameter_type(*oid)).collect::<Result<Vec<_>>>()?;
        let mut prepared = self.prepare(text, &declared).await?;
        if declare_numerics(prepared.parameter_types(), &mut declared) {
            prepared = self.prepare(text, &declared).await?;
        }
        let parameters = prepared
            .parameter_types()
            .iter()
            .enumerate()
            .map(|(index, inferred)| match types.get(index) {
                Some(oid) if !matches!(oid, 0 | 705) => Ok(*oid),
                _ => parameter_oid(inferred),
            })
            .collect::<Result<Vec<_>>>()?;
        self.extended.statements.insert(name, Arc::new(Statement { prepared, parameters }));
        Ok(self.wire.put(Backend::ParseComplete(ParseComplete::new()))?)
    }

    fn bind(&mut self, bind: Bind) -> Result<()> {
        let statement = self.extended.statement(&bind.statement)?.clone();
        if bind.portal.is_empty() {
            self.extended.portals.remove("");
        } else if self.extended.portals.contains_key(&bind.portal) {
            return Err(Error::new(
                ErrorKind::DuplicateCursor,
                format!("cursor \"{}\" already exists", bind.portal),
            ));
        }
        self.extended.room()?;
        let expected = statement.parameters.len();
        if bind.parameters.len() != expected {
            return Err(Error::new(
                ErrorKind::ProtocolViolation,
                format!(
                    "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                    bind.parameters.len(),
                    bind.statement,
                    expected
                ),
            ));
        }
        let formats = spread(&bind.parameter_formats, expected, "parameter formats", "parameters")?;
        let zone = self.session.time_zone();
        let parameters = bind
            .parameters
            .iter()
            .zip(statement.parameters.iter().zip(formats))
            .map(|(value, (oid, format))| decode_parameter(*oid, format, value.as_deref(), zone))
            .collect::<Result<Vec<_>>>()?;
        let columns = statement.prepared.schema().map_or(0, |schema| schema.fields().len());
        let formats = spread(&bind.result_formats, columns, "result formats", "columns")?.into();
        let portal = Portal { statement, parameters, formats, progress: Progress::Bound };
        self.extended.portals.insert(bind.portal, portal);
        self.wire.put(Backend::BindComplete(BindComplete::new()))
    }

    fn describe(&mut self, target: Target) -> Result<()> {
        match target {
            Target::Statement(name) => {
                let statement = self.extended.statement(&name)?;
                let schema = statement.prepared.schema();
                self.wire.put(parameter_description(&statement.parameters))?;
                self.wire.put(row_description(schema.as_deref(), &[])?)
            }
            Target::Portal(name) => {
                let portal = self.extended.portal(&name)?;
                let schema = portal.statement.prepared.schema();
                self.wire.put(row_description(schema.as_deref(), &portal.formats)?)
            }
        }
    }

    async fn execute_portal(&mut self, name: &str, rows_max: i32) -> Result<(), Stop> {
        let portal = self.extended.portal(name)?;
        let rows_max = u64::try_from(rows_max).unwrap_or(0);
        let progress = std::mem::replace(&mut portal.progress, Progress::Done);
        let mut rows = match progress {
            Progress::Suspended(rows) => {
                self.session.resume(rows.stream());
                rows
            }
            Progress::Exhausted(tag) => {
                portal.progress = Progress::Exhausted(tag);
                return Ok(self.wire.put(super::answer::complete(row_tag(tag, 0)))?);
            }
            Progress::Done => {
                return Err(Error::new(
                    ErrorKind::ObjectNotInPrerequisiteState,
                    format!("portal \"{name}\" cannot be run"),
                )
                .into());
            }
            Progress::Bound => {
                let statement = portal.statement.clone();
                let formats = portal.formats.clone();
                let parameters = std::mem::take(&mut portal.parameters);
                match self.execute(&statement.prepared, parameters).await? {
                    Outcome::Empty => return Ok(self.wire.put(empty_query())?),
                    Outcome::Command(tag) => {
                        return Ok(self.command_complete(&statement.prepared, tag)?);
                    }
                    Outcome::Rows(rows) => {
                        let described: Option<SchemaRef> = statement.prepared.schema();
                        let schema = described.unwrap_or_else(|| rows.schema.clone());
                        Box::new(Rows::new(rows, schema, formats, self.session.time_zone()))
                    }
                }
            }
        };
        let sent = rows.send(&mut self.wire, rows_max).await?;
        let tag = rows.tag();
        let progress = match sent {
            Sent::Suspended => {
                self.wire.put(Backend::PortalSuspended(PortalSuspended::new()))?;
                Progress::Suspended(rows)
            }
            Sent::All(count) => {
                self.wire.put(super::answer::complete(row_tag(tag, count)))?;
                Progress::Exhausted(tag)
            }
        };
        // The portal may be gone: DISCARD, in a portal of its own, closes all.
        if let Ok(portal) = self.extended.portal(name) {
            portal.progress = progress;
        }
        Ok(())
    }
}

/// Declares parameters that were inferred to be numeric as [`NUMERIC_PARAMETER`]; false when there
/// are none.
fn declare_numerics(inferred: &[DataType], declared: &mut Vec<Option<DataType>>) -> bool {
    let mut changed = false;
    declared.resize(inferred.len().max(declared.len()), None);
    for (inferred, declared) in inferred.iter().zip(declared) {
        let decimal = matches!(inferred, DataType::Decimal128(..) | DataType::Decimal256(..));
        if declared.is_none() && decimal {
            *declared = Some(NUMERIC_PARAMETER);
            changed = true;
        }
    }
    changed
}

fn parameter_oid(inferred: &DataType) -> Result<u32> {
    let field = arrow::datatypes::Field::new("parameter", inferred.clone(), true);
    Ok(pg_type_of(&field)?.oid)
}

/// Format codes are none (all text), one for all, or one each.
fn spread(codes: &[i16], count: usize, what: &str, of: &str) -> Result<Vec<Format>> {
    let formats = codes.iter().map(|code| Format::from_code(*code)).collect::<Result<Vec<_>>>()?;
    match formats.as_slice() {
        [] => Ok(vec![Format::Text; count]),
        [format] => Ok(vec![*format; count]),
        formats if formats.len() == count => Ok(formats.to_vec()),
        formats => Err(Error::new(
            ErrorKind::ProtocolViolation,
            format!("bind message has {} {what} but {count} {of}", formats.len()),
        )),
    }
}
