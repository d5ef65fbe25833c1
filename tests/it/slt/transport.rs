//! The three ways a statement can reach the server, each giving the same text back.

use std::fmt;
use std::net::SocketAddr;

use arrow_flight::error::FlightError;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::support::FlightClient;

use super::{binary, columnar};

/// How statements travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Simple,
    Extended,
    Flight,
}

/// Where the server listens.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) postgres: SocketAddr,
    pub(super) flight: SocketAddr,
    pub(super) database: String,
}

/// One connection. `\connect role` opens it anew for another role.
pub(super) struct Connection {
    transport: Transport,
    target: Target,
    client: Client,
}

enum Client {
    Postgres(tokio_postgres::Client),
    Flight(Box<FlightClient>),
}

/// An error as a file can expect it: `query error (42P01)`, or by a pattern of `SQLSTATE: message`.
#[derive(Debug)]
pub(super) struct Failure {
    sqlstate: Option<String>,
    message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sqlstate {
            Some(sqlstate) => write!(f, "{sqlstate}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(answer) => Self {
                sqlstate: Some(answer.code().code().to_owned()),
                message: answer.message().to_owned(),
            },
            None => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                Self { sqlstate: None, message: format!("{error}: {}", cause.unwrap_or_default()) }
            }
        }
    }
}

impl From<FlightError> for Failure {
    fn from(error: FlightError) -> Self {
        let FlightError::Tonic(status) = error else {
            return Self { sqlstate: None, message: error.to_string() };
        };
        let sqlstate = status.metadata().get("sqlstate").and_then(|code| code.to_str().ok());
        let first_line = status.message().lines().next().unwrap_or_default();
        let message = sqlstate
            .and_then(|code| first_line.strip_prefix(code))
            .and_then(|rest| rest.strip_prefix(": "))
            .unwrap_or(first_line);
        Self { sqlstate: sqlstate.map(str::to_owned), message: message.to_owned() }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { sqlstate: None, message }
    }
}

type Output = DBOutput<DefaultColumnType>;

impl Connection {
    /// Connects as `role`.
    pub(super) async fn open(
        transport: Transport,
        target: Target,
        role: &str,
    ) -> Result<Self, Failure> {
        let client = match transport {
            Transport::Simple | Transport::Extended => {
                let (client, connection) = tokio_postgres::Config::new()
                    .host(target.postgres.ip().to_string())
                    .port(target.postgres.port())
                    .user(role)
                    .dbname(&target.database)
                    .connect(NoTls)
                    .await?;
                tokio::spawn(connection);
                Client::Postgres(client)
            }
            Transport::Flight => {
                Client::Flight(Box::new(FlightClient::connect(target.flight, role).await?))
            }
        };
        Ok(Self { transport, target, client })
    }

    async fn statement(&mut self, sql: &str) -> Result<Output, Failure> {
        match &mut self.client {
            Client::Postgres(client) if self.transport == Transport::Simple => {
                simple(client, sql).await
            }
            Client::Postgres(client) => extended(client, sql).await,
            Client::Flight(client) => flight(client, sql).await,
        }
    }
}

async fn simple(client: &tokio_postgres::Client, sql: &str) -> Result<Output, Failure> {
    let mut columns = None;
    let mut rows = Vec::new();
    let mut count = 0;
    for message in client.simple_query(sql).await? {
        match message {
            SimpleQueryMessage::RowDescription(description) => columns = Some(description.len()),
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|at| shown(row.get(at).map(str::to_owned))).collect());
            }
            SimpleQueryMessage::CommandComplete(touched) => count = touched,
            _ => {}
        }
    }
    Ok(output(columns, rows, count))
}

async fn extended(client: &tokio_postgres::Client, sql: &str) -> Result<Output, Failure> {
    let statement = client.prepare(sql).await?;
    if statement.columns().is_empty() {
        return Ok(DBOutput::StatementComplete(client.execute(&statement, &[]).await?));
    }
    let mut rows = Vec::new();
    for row in client.query(&statement, &[]).await? {
        let values = (0..row.len()).map(|at| {
            let value: Option<binary::AsText> = row.try_get(at)?;
            Ok(shown(value.map(|text| text.0)))
        });
        rows.push(values.collect::<Result<_, Failure>>()?);
    }
    Ok(output(Some(statement.columns().len()), rows, 0))
}

async fn flight(client: &mut FlightClient, sql: &str) -> Result<Output, Failure> {
    let first = sql.trim_start_matches(|c: char| c == '(' || c.is_whitespace());
    let first = first.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let has_rows =
        ["select", "with", "values", "show", "explain", "table", "describe", "desc", "verify"];
    let sql_lower = sql.to_lowercase();
    let told = sql_lower.trim_end().ends_with("dry run");
    if !told && !has_rows.contains(&first.to_lowercase().as_str()) {
        let count = client.update(sql).await?;
        return Ok(DBOutput::StatementComplete(u64::try_from(count).unwrap_or(0)));
    }
    let mut columns = None;
    let mut rows = Vec::new();
    for batch in client.query(sql).await? {
        columns = Some(batch.num_columns());
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|array| columnar::value(array, row).map(shown));
            rows.push(values.collect::<Result<_, _>>()?);
        }
    }
    Ok(output(Some(columns.unwrap_or(0)), rows, 0))
}

fn output(columns: Option<usize>, rows: Vec<Vec<String>>, count: u64) -> Output {
    match columns {
        Some(columns) => DBOutput::Rows { types: vec![DefaultColumnType::Any; columns], rows },
        None => DBOutput::StatementComplete(count),
    }
}

fn shown(value: Option<String>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) if text.is_empty() => "(empty)".to_owned(),
        Some(text) => text,
    }
}

#[async_trait::async_trait]
impl AsyncDB for Connection {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<Output, Failure> {
        let Some(role) = sql.trim().strip_prefix("\\connect ") else {
            return self.statement(sql).await;
        };
        *self = Self::open(self.transport, self.target.clone(), role.trim()).await?;
        Ok(DBOutput::StatementComplete(0))
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        match self.transport {
            Transport::Simple => "simple",
            Transport::Extended => "extended",
            Transport::Flight => "flight",
        }
    }

    fn error_sql_state(error: &Failure) -> Option<String> {
        error.sqlstate.clone()
    }
}
