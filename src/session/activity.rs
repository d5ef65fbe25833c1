//! What Postgres shows of sessions: `pg_stat_activity`, `pg_stat_gssapi`, `pg_prepared_statements`, `pg_cursors`,
//! `pg_settings`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, Int64Builder, ListBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::name::SessionId;
use crate::query::{AdvisoryKey, Context, Engine, RowSource};

use super::known_settings::SETTINGS;
use super::locks::LockRow;
use super::sessions::{SessionRow, Sessions};

/// A session's things of one kind, by name, as others see them.
#[derive(Debug)]
pub(super) struct Shown<T>(Arc<Mutex<BTreeMap<String, T>>>);

impl<T> Shown<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Shown<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Shown<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A prepared statement.
#[derive(Debug, Clone)]
pub(super) struct StatementRow {
    pub(super) text: String,
    pub(super) prepared_at: DateTime<Utc>,
    /// Object ids of its parameters' types.
    pub(super) types: Vec<i64>,
    pub(super) from_sql: bool,
}

/// A cursor.
#[derive(Debug, Clone)]
pub(super) struct CursorRow {
    pub(super) text: String,
    pub(super) hold: bool,
    pub(super) binary: bool,
    pub(super) scroll: bool,
    pub(super) created_at: DateTime<Utc>,
}

type Columns = Vec<(&'static str, ArrayRef)>;

/// A table of this file.
struct Table {
    name: &'static str,
    comment: &'static str,
    sessions: Arc<Sessions>,
    database: String,
    /// As Postgres has it.
    schema: SchemaRef,
    rows: fn(&Table, &Context) -> Columns,
}

/// Makes the tables readable.
pub(super) fn register(engine: &Engine, sessions: &Arc<Sessions>, database: &str) {
    type Rows = fn(&Table, &Context) -> Columns;
    let tables: [(&'static str, &'static str, Rows); 6] = [
        ("pg_stat_activity", "A connected client, as PostgreSQL shows it.", activity),
        ("pg_stat_gssapi", "A connected client, and that it came without Kerberos.", gssapi),
        ("pg_prepared_statements", "A prepared statement of this session.", statements),
        ("pg_cursors", "A cursor of this session.", cursors),
        ("pg_locks", "An advisory lock that a session holds or waits for.", locks),
        ("pg_settings", "A setting, with its value in this session.", settings),
    ];
    for (name, comment, rows) in tables {
        let sessions = Arc::clone(sessions);
        let database = database.to_owned();
        let schema = engine.system_schema("pg_catalog", name);
        let schema = schema.unwrap_or_else(|| Arc::new(Schema::empty()));
        engine.register(Arc::new(Table { name, comment, sessions, database, schema, rows }));
    }
}

#[async_trait::async_trait]
impl RowSource for Table {
    fn schema_name(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn comment(&self) -> &'static str {
        self.comment
    }

    async fn rows(&self, context: &Context) -> Result<Vec<RecordBatch>> {
        let columns = (self.rows)(self, context);
        let rows = columns.first().map_or(0, |(_, array)| array.len());
        let failed = |error| Error::internal("rows about sessions").caused_by(error);
        let column = |field: &Arc<Field>| {
            let found = columns.iter().find(|(name, _)| name == field.name());
            match found {
                None => Ok(new_null_array(field.data_type(), rows)),
                Some((_, array)) => cast(array, field.data_type()).map_err(failed),
            }
        };
        let arrays = self.schema.fields().iter().map(column).collect::<Result<_>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(failed)?;
        Ok(vec![batch])
    }
}

fn texts<T>(rows: &[T], text: impl Fn(&T) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(text).collect::<StringArray>())
}

fn times<T>(rows: &[T], time: impl Fn(&T) -> Option<DateTime<Utc>>) -> ArrayRef {
    let micros = rows.iter().map(|row| time(row).map(|time| time.timestamp_micros()));
    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn booleans<T>(rows: &[T], value: impl Fn(&T) -> bool) -> ArrayRef {
    Arc::new(rows.iter().map(|row| Some(value(row))).collect::<BooleanArray>())
}

fn integers<T>(rows: &[T], value: impl Fn(&T) -> Option<i32>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<Int32Array>())
}

fn activity(table: &Table, context: &Context) -> Columns {
    let seen = table.sessions.seen_by(context);
    let rows: Vec<SessionRow> = seen.into_iter().map(|(_, row)| row).collect();
    let rows = rows.as_slice();
    let peer = |row: &SessionRow| row.peer.parse::<SocketAddr>().ok();
    let idle = |row: &SessionRow| row.active == 0;
    vec![
        ("datname", texts(rows, |_| Some(table.database.clone()))),
        ("pid", integers(rows, |row| Some(row.pid))),
        ("leader_pid", integers(rows, |_| None)),
        ("usename", texts(rows, |row| Some(row.role.to_string()))),
        ("application_name", texts(rows, |row| Some(row.application_name.clone()))),
        ("client_addr", texts(rows, |row| peer(row).map(|peer| peer.ip().to_string()))),
        ("client_hostname", texts(rows, |_| None)),
        ("client_port", integers(rows, |row| peer(row).map(|peer| i32::from(peer.port())))),
        ("backend_start", times(rows, |row| Some(row.connected_at))),
        ("xact_start", times(rows, |row| row.in_transaction)),
        ("query_start", times(rows, |row| row.query_started_at)),
        ("state_change", times(rows, |row| Some(row.state_changed_at))),
        ("wait_event_type", texts(rows, |row| idle(row).then(|| "Client".to_owned()))),
        ("wait_event", texts(rows, |row| idle(row).then(|| "ClientRead".to_owned()))),
        ("state", texts(rows, |row| Some(row.state().to_owned()))),
        ("query_id", Arc::new(rows.iter().map(|_| None).collect::<Int64Array>()) as ArrayRef),
        ("query", texts(rows, |row| Some(row.query.clone()))),
        ("backend_type", texts(rows, |_| Some("client backend".to_owned()))),
    ]
}

fn gssapi(table: &Table, context: &Context) -> Columns {
    let seen = table.sessions.seen_by(context);
    let rows: Vec<SessionRow> = seen.into_iter().map(|(_, row)| row).collect();
    let rows = rows.as_slice();
    vec![
        ("pid", integers(rows, |row| Some(row.pid))),
        ("gss_authenticated", booleans(rows, |_| false)),
        ("principal", texts(rows, |_| None)),
        ("encrypted", booleans(rows, |_| false)),
    ]
}

/// The row of the session that asks.
fn own(table: &Table, context: &Context) -> Option<SessionRow> {
    table.sessions.row(context.session_id?)
}

fn statements(table: &Table, context: &Context) -> Columns {
    let rows: Vec<(String, StatementRow)> = own(table, context)
        .map(|row| row.statements.lock().clone().into_iter().collect())
        .unwrap_or_default();
    let rows = rows.as_slice();
    let mut types = ListBuilder::new(Int64Builder::new());
    for (_, row) in rows {
        types.values().append_slice(&row.types);
        types.append(true);
    }
    let none = |rows: &[(String, StatementRow)]| -> ArrayRef {
        Arc::new(rows.iter().map(|_| Some(0)).collect::<Int64Array>())
    };
    vec![
        ("name", texts(rows, |(name, _)| Some(name.clone()))),
        ("statement", texts(rows, |(_, row)| Some(row.text.clone()))),
        ("prepare_time", times(rows, |(_, row)| Some(row.prepared_at))),
        ("parameter_types", Arc::new(types.finish())),
        ("from_sql", booleans(rows, |(_, row)| row.from_sql)),
        ("generic_plans", none(rows)),
        ("custom_plans", none(rows)),
    ]
}

fn cursors(table: &Table, context: &Context) -> Columns {
    let rows: Vec<(String, CursorRow)> = own(table, context)
        .map(|row| row.cursors.lock().clone().into_iter().collect())
        .unwrap_or_default();
    let rows = rows.as_slice();
    vec![
        ("name", texts(rows, |(name, _)| Some(name.clone()))),
        ("statement", texts(rows, |(_, row)| Some(row.text.clone()))),
        ("is_holdable", booleans(rows, |(_, row)| row.hold)),
        ("is_binary", booleans(rows, |(_, row)| row.binary)),
        ("is_scrollable", booleans(rows, |(_, row)| row.scroll)),
        ("creation_time", times(rows, |(_, row)| Some(row.created_at))),
    ]
}

fn locks(table: &Table, context: &Context) -> Columns {
    let seen: BTreeMap<SessionId, i32> =
        table.sessions.seen_by(context).into_iter().map(|(id, row)| (id, row.pid)).collect();
    let mut rows = table.sessions.locks.rows();
    rows.retain(|row| seen.contains_key(&row.session));
    let rows = rows.as_slice();
    // As Postgres shows them: the number's upper half, its lower half, and how many numbers there were.
    let number = |part: fn(AdvisoryKey) -> i64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(part(row.key))).collect::<Int64Array>())
    };
    let mode = |row: &LockRow| if row.shared { "ShareLock" } else { "ExclusiveLock" };
    vec![
        ("locktype", texts(rows, |_| Some("advisory".to_owned()))),
        (
            "classid",
            number(|key| match key {
                AdvisoryKey::One(number) => number >> 32 & 0xffff_ffff,
                AdvisoryKey::Two(first, _) => first & 0xffff_ffff,
            }),
        ),
        (
            "objid",
            number(|key| match key {
                AdvisoryKey::One(number) | AdvisoryKey::Two(_, number) => number & 0xffff_ffff,
            }),
        ),
        ("objsubid", number(|key| if matches!(key, AdvisoryKey::One(_)) { 1 } else { 2 })),
        ("pid", integers(rows, |row| seen.get(&row.session).copied())),
        ("mode", texts(rows, |row| Some(mode(row).to_owned()))),
        ("granted", booleans(rows, |row| row.granted)),
        ("fastpath", booleans(rows, |_| false)),
    ]
}

fn settings(_: &Table, context: &Context) -> Columns {
    let value = |name: &str| context.settings.get(&name.to_ascii_lowercase()).cloned();
    let rows = SETTINGS;
    let shown = |name: &str| value(name).map(|value| super::settings::plain(name, &value));
    vec![
        ("name", texts(rows, |row| Some(row.name.to_owned()))),
        ("setting", texts(rows, |row| shown(row.name))),
        ("unit", texts(rows, |row| row.kind.unit().map(str::to_owned))),
        ("category", texts(rows, |_| Some("Client Connection Defaults".to_owned()))),
        ("short_desc", texts(rows, |row| Some(row.description.to_owned()))),
        ("extra_desc", texts(rows, |_| None)),
        ("context", texts(rows, |row| Some(row.kind.context().to_owned()))),
        ("vartype", texts(rows, |row| Some(row.kind.vartype().to_owned()))),
        (
            "source",
            texts(rows, |row| {
                let changed = value(row.name).is_some_and(|value| value != row.default);
                Some(if changed { "session" } else { "default" }.to_owned())
            }),
        ),
        ("min_val", texts(rows, |row| row.kind.range().map(|(least, _)| least.to_string()))),
        ("max_val", texts(rows, |row| row.kind.range().map(|(_, most)| most.to_string()))),
        ("enumvals", words(rows.iter().map(|row| row.kind.words()))),
        ("boot_val", texts(rows, |row| Some(row.default.to_owned()))),
        ("reset_val", texts(rows, |row| shown(row.name))),
        ("sourcefile", texts(rows, |_| None)),
        ("sourceline", integers(rows, |_| None)),
        ("pending_restart", booleans(rows, |_| false)),
    ]
}

fn words<'a>(rows: impl Iterator<Item = Option<&'a [&'a str]>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for words in rows {
        words.unwrap_or_default().iter().for_each(|word| lists.values().append_value(word));
        lists.append(words.is_some());
    }
    Arc::new(lists.finish())
}
