//! The extended protocol: prepared statements, portals, and their messages.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::scalar::ScalarValue;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, PortalSuspended,
};

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Named, Outcome, Prepared, RowStream};

use super::answer::{empty_query, parameter_description, row_description};
use super::connection::{Connection, row_tag};
use super::copy::RowWriter;
use super::decode::decode_parameter;
use super::encode::{Format, RowEncoder};
use super::message::{Bind, Message, Target};
use super::rows::{Rows, Sent, Stop};
use super::types::{NUMERIC_PARAMETER, parameter_field, pg_type_of};

/// A statement with its parameters, ready to run or running.
struct Portal {
    named: Arc<Named>,
    parameters: Vec<ScalarValue>,
    formats: Vec<i16>,
    progress: Progress,
}

enum Progress {
    Bound,
    /// It is a cursor of the session, which FETCH and MOVE may name.
    Cursor,
    /// Boxed: most portals are gone before they suspend.
    Suspended(Box<Rows>),
    /// All rows were sent, under this tag.
    Exhausted(&'static str),
    /// It ran and cannot again.
    Done,
}

/// A connection's portals, bounded. Its prepared statements are the session's.
pub(super) struct Extended {
    portals: HashMap<String, Portal>,
    entries_max: usize,
}

impl Extended {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { portals: HashMap::new(), entries_max }
    }

    pub(super) fn close_portals(&mut self) {
        self.portals.clear();
    }

    /// A Query message takes the place of the unnamed portal.
    pub(super) fn forget_unnamed(&mut self) {
        self.portals.remove("");
    }

    fn room(&self) -> Result<()> {
        if self.portals.len() < self.entries_max {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ConfigurationLimitExceeded,
            format!("more than {} portals", self.entries_max),
        )
        .hint("Close some; limits.prepared_statements_max in lakeport.toml says how many."))
    }

    fn portal(&mut self, name: &str) -> Result<&mut Portal> {
        self.portals.get_mut(name).ok_or_else(|| {
            Error::new(ErrorKind::InvalidCursorName, format!("portal \"{name}\" does not exist"))
        })
    }
}

impl Connection {
    /// Answers one message of the extended protocol.
    pub(super) async fn extended_message(&mut self, message: Message) -> Result<(), Stop> {
        match message {
            Message::Parse { name, text, types } => self.parse(name, &text, &types).await,
            Message::Bind(bind) => {
                self.session.begin_message(false);
                self.bind(bind).await
            }
            Message::Describe(target) => Ok(self.describe(target)?),
            Message::Execute { portal, rows_max } => {
                self.session.begin_message(false);
                self.execute_portal(&portal, rows_max).await
            }
            Message::Close(target) => {
                match target {
                    Target::Statement(name) => drop(self.session.forget_statement(&name)),
                    Target::Portal(name) => {
                        self.extended.portals.remove(&name);
                        self.session.close_cursor(&name);
                    }
                }
                Ok(self.wire.put(Backend::CloseComplete(CloseComplete::new()))?)
            }
            Message::Flush => Ok(self.wire.flush().await?),
            _ => Err(Error::internal("a message of another protocol").into()),
        }
    }

    async fn parse(&mut self, name: String, text: &str, types: &[u32]) -> Result<(), Stop> {
        self.session.check_new_statement(&name)?;
        let mut declared =
            types.iter().map(|oid| parameter_field(*oid)).collect::<Result<Vec<_>>>()?;
        let text = &*self.session.spelled(text);
        let mut prepared = self.prepare(text, &declared).await?;
        if declare_numerics(prepared.parameters(), &mut declared) {
            prepared = self.prepare(text, &declared).await?;
        }
        let types = told_types(&prepared, types)?;
        let named = Named { prepared, types, text: text.to_owned(), from_sql: false };
        self.session.store_statement(&name, named)?;
        Ok(self.wire.put(Backend::ParseComplete(ParseComplete::new()))?)
    }

    async fn bind(&mut self, bind: Bind) -> Result<(), Stop> {
        let named = self.session.statement(&bind.statement)?;
        if bind.portal.is_empty() {
            self.extended.portals.remove("");
        } else if self.extended.portals.contains_key(&bind.portal)
            || self.session.cursor(&bind.portal).is_ok()
        {
            return Err(Error::new(
                ErrorKind::DuplicateCursor,
                format!("cursor \"{}\" already exists", bind.portal),
            )
            .into());
        }
        self.extended.room()?;
        let types = known_types(&named)?;
        let expected = types.len();
        let formats = spread(
            &bind.parameter_formats,
            bind.parameters.len(),
            "parameter formats",
            "parameters",
        )?;
        if bind.parameters.len() != expected {
            return Err(Error::new(
                ErrorKind::ProtocolViolation,
                format!(
                    "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                    bind.parameters.len(),
                    bind.statement, expected
                ),
            )
            .into());
        }
        let input = self.output();
        let parameters = bind
            .parameters
            .iter()
            .zip(types.iter().zip(formats))
            .map(|(value, (oid, format))| decode_parameter(*oid, format, value.as_deref(), &input))
            .collect::<Result<Vec<_>>>()?;
        if let Some(schema) = named.prepared.schema() {
            spread(&bind.result_formats, schema.fields().len(), "result formats", "columns")?;
        }
        let mut portal =
            Portal { named, parameters, formats: bind.result_formats, progress: Progress::Bound };
        if !bind.portal.is_empty() && portal.named.prepared.is_query() {
            let parameters = std::mem::take(&mut portal.parameters);
            self.session.open_portal(&bind.portal, &portal.named.prepared, parameters).await?;
            portal.progress = Progress::Cursor;
        }
        self.extended.portals.insert(bind.portal, portal);
        Ok(self.wire.put(Backend::BindComplete(BindComplete::new()))?)
    }

    fn describe(&mut self, target: Target) -> Result<()> {
        match target {
            Target::Statement(name) => {
                let named = self.session.statement(&name)?;
                let schema = named.prepared.schema();
                self.wire.put(parameter_description(&known_types(&named)?))?;
                self.wire.put(row_description(schema.as_deref(), &[], &named.prepared.origins())?)
            }
            Target::Portal(name) => {
                let Ok(portal) = self.extended.portal(&name) else {
                    return self.describe_cursor(&name);
                };
                let schema = portal.named.prepared.schema();
                let columns = schema.as_ref().map_or(0, |schema| schema.fields().len());
                let formats = spread(&portal.formats, columns, "result formats", "columns")?;
                let origins = portal.named.prepared.origins();
                self.wire.put(row_description(schema.as_deref(), &formats, &origins)?)
            }
        }
    }

    /// A portal that DECLARE made.
    fn describe_cursor(&mut self, name: &str) -> Result<()> {
        let Ok((schema, binary)) = self.session.cursor(name) else {
            return self.extended.portal(name).map(drop);
        };
        let format = if binary { Format::Binary } else { Format::Text };
        let formats = vec![format; schema.fields().len()];
        self.wire.put(row_description(Some(&schema), &formats, &[])?)
    }

    async fn execute_portal(&mut self, name: &str, rows_max: i32) -> Result<(), Stop> {
        let rows_max = u64::try_from(rows_max).unwrap_or(0);
        let Ok(portal) = self.extended.portal(name) else {
            return self.execute_cursor(name, rows_max).await;
        };
        if !matches!(portal.progress, Progress::Bound) {
            self.session.check_not_failed()?;
        }
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
            Progress::Cursor => {
                portal.progress = Progress::Cursor;
                return self.execute_cursor(name, rows_max).await;
            }
            Progress::Done => {
                return Err(Error::new(
                    ErrorKind::ObjectNotInPrerequisiteState,
                    format!("portal \"{name}\" cannot be run"),
                )
                .into());
            }
            Progress::Bound => {
                let named = portal.named.clone();
                let parameters = std::mem::take(&mut portal.parameters);
                match self.execute(&named.prepared, parameters).await? {
                    Outcome::Empty => return Ok(self.wire.put(empty_query())?),
                    Outcome::Command(tag) => {
                        return Ok(self.command_complete(&named.prepared, tag)?);
                    }
                    Outcome::CopyOut(copy) => {
                        let tag = self.copy_out(copy).await?;
                        return Ok(self.command_complete(&named.prepared, tag)?);
                    }
                    Outcome::CopyIn(copy) => {
                        let tag = self.copy_in(copy).await?;
                        return Ok(self.command_complete(&named.prepared, tag)?);
                    }
                    Outcome::Rows(rows) => Box::new(self.rows(name, rows)?),
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
                self.put_notices()?;
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

    /// A portal's rows, in the formats that its Bind asked for.
    fn rows(&mut self, name: &str, rows: RowStream) -> Result<Rows> {
        let schema = rows.schema.clone();
        let columns = schema.fields().len();
        let formats = match rows.binary {
            true => vec![Format::Binary; columns],
            false => {
                // One that DECLARE made has none.
                let asked = self.extended.portals.get(name).map(|portal| portal.formats.as_slice());
                spread(asked.unwrap_or_default(), columns, "result formats", "columns")?
            }
        };
        let encoder = RowEncoder::styled(formats.into(), self.output());
        Ok(Rows::new(rows, schema, encoder, RowWriter::Data))
    }

    /// Execute of a portal that DECLARE made.
    async fn execute_cursor(&mut self, name: &str, rows_max: u64) -> Result<(), Stop> {
        if self.session.cursor(name).is_err() {
            return Ok(self.extended.portal(name).map(drop)?);
        }
        let Outcome::Rows(rows) = self.session.fetch_forward(name, rows_max).await? else {
            return Err(Error::internal("a cursor without rows").into());
        };
        let mut rows = self.rows(name, rows)?;
        let Sent::All(count) = rows.send(&mut self.wire, 0).await? else {
            return Err(Error::internal("unlimited rows were suspended").into());
        };
        if rows_max > 0 && count == rows_max {
            return Ok(self.wire.put(Backend::PortalSuspended(PortalSuspended::new()))?);
        }
        Ok(self.wire.put(super::answer::complete(row_tag("SELECT", count)))?)
    }
}

/// The object ids of a statement's parameters: as the client declared them, else as inferred.
fn told_types(prepared: &Prepared, declared: &[u32]) -> Result<Vec<u32>> {
    let inferred = prepared.parameters().iter().enumerate();
    inferred
        .map(|(index, inferred)| match declared.get(index) {
            Some(oid) if !matches!(oid, 0 | 705) => Ok(*oid),
            _ => Ok(pg_type_of(inferred)?.oid),
        })
        .collect()
}

/// As [`told_types`], for a statement that SQL may have prepared.
fn known_types(named: &Named) -> Result<Vec<u32>> {
    match named.types.len() == named.prepared.parameters().len() {
        true => Ok(named.types.clone()),
        false => told_types(&named.prepared, &named.types),
    }
}

/// Declares parameters that were inferred to be numeric as [`NUMERIC_PARAMETER`]; false when there
/// are none.
fn declare_numerics(inferred: &[FieldRef], declared: &mut Vec<Option<FieldRef>>) -> bool {
    let mut changed = false;
    declared.resize(inferred.len().max(declared.len()), None);
    for (inferred, declared) in inferred.iter().zip(declared) {
        let data_type = inferred.data_type();
        let decimal = matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
        if declared.is_none() && decimal {
            *declared = Some(Arc::new(Field::new("parameter", NUMERIC_PARAMETER, true)));
            changed = true;
        }
    }
    changed
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
