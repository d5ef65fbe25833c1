//! What tools that cannot be run here send, replayed over a plain socket to Lakeport and to PostgreSQL 15.
//!
//! The statements are in `tests/replay/<tool>.sql`, each with its form of the protocol. What is expected is what
//! PostgreSQL answers in the same run; every allowance beyond that is a directive beside its statement:
//!
//! - `-- @mode simple|text|binary`: a Query, or Parse to Sync with results in text or binary; one before the
//!   first statement holds for the whole file.
//! - `-- @parameters int8=1 | text=abc`: declared types and values, sent as text.
//! - `-- @only column = a, b`: compares the rows that have one of these there; the two servers have schemas of their own.
//! - `-- @except a, b: reason`: these columns' values may differ, their names and types may not.
//! - `-- @types a, b: reason`: these columns may be of other types.
//! - `-- @columns reason`: names and types only.
//! - `-- @answered reason`: any answer but an error.
//! - `-- @fails SQLSTATE reason`: Lakeport refuses with this state what PostgreSQL does, and the session goes on.
//!
//! `{public.sales}` stands for a relation's oid.

use std::collections::HashSet;
use std::path::Path;

use super::replay_wire::{Column, Outcome, Sent, Socket, Value};
use crate::oracle;
use crate::support::{Deployment, Postgres, TestServer};

/// The same relations in both: for PostgreSQL, then for Lakeport.
const BOTH: &str = "
CREATE TABLE public.sales (id integer NOT NULL, shop text, sold_on date, sold_at timestamp, paid_at timestamptz,
    pieces smallint, cents bigint, price numeric(12,2), share double precision, online boolean);
INSERT INTO public.sales VALUES
    (1, 'Bonn', '2024-01-31', '2024-01-31 10:20:30.5', '2024-01-31 09:20:30.5+00', 1, 1999, 19.99, 0.25, true),
    (2, 'Bonn', '2024-02-29', '2024-02-29 23:59:59', '2024-02-29 22:59:59+00', 2, 5000, 50.00, 0.5, false),
    (3, 'Köln', '2024-02-29', '2024-02-29 00:00:00', '2024-02-28 23:00:00+00', 3, -1, -0.01, -1.5, true),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE VIEW public.sales_by_shop AS SELECT shop, count(*) AS sales FROM public.sales GROUP BY shop;
";
const POSTGRES: &str = "
CREATE SCHEMA gold_finance;
CREATE SCHEMA lakeport;
CREATE TABLE gold_finance.daily (day date, channel text, orders bigint, net_eur numeric(18,2), PRIMARY KEY (day, channel));
COMMENT ON TABLE gold_finance.daily IS 'Revenue by day and channel.';
COMMENT ON COLUMN gold_finance.daily.net_eur IS 'In euro.';
INSERT INTO gold_finance.daily VALUES ('2024-01-31', 'web', 3, 19.99), ('2024-02-29', 'store', 5, 49.99);
";
const DAILY: &str = "-- One row per day and channel.
CREATE MATERIALIZED VIEW gold_finance.daily (net_eur COMMENT 'In euro.', PRIMARY KEY (day, channel))
COMMENT 'Revenue by day and channel.'
AS SELECT day, channel, orders, net_eur FROM (VALUES
    (DATE '2024-01-31', 'web', CAST(3 AS bigint), CAST(19.99 AS numeric(18,2))),
    (DATE '2024-02-29', 'store', CAST(5 AS bigint), CAST(49.99 AS numeric(18,2)))) AS v (day, channel, orders, net_eur);
";

/// How much of an answer is compared.
#[derive(Debug, Clone, PartialEq)]
enum Compare {
    Rows,
    Columns,
    Answered,
    Fails(String),
}

/// A statement of a file.
#[derive(Debug, Clone)]
struct Case {
    line: usize,
    sql: String,
    sent: Sent,
    compare: Compare,
    only: Option<(String, Vec<String>)>,
    except: HashSet<String>,
    types: HashSet<String>,
}

fn words(list: &str) -> impl Iterator<Item = String> + '_ {
    list.split(',').map(|word| word.trim().to_owned())
}

impl Case {
    fn directive(&mut self, directive: &str) {
        let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
        match name {
            "mode" => self.sent = Sent::of(rest),
            "parameters" => self.sent.parameters(rest),
            "only" => {
                let (column, values) = rest.split_once(" = ").unwrap();
                self.only = Some((column.to_owned(), words(values).collect()));
            }
            "except" => {
                let (columns, reason) = rest.split_once(": ").unwrap();
                assert!(!reason.is_empty());
                self.except = words(columns).collect();
            }
            "types" => {
                let (columns, reason) = rest.split_once(": ").unwrap();
                assert!(!reason.is_empty());
                self.types = words(columns).collect();
            }
            "columns" | "answered" => {
                assert!(!rest.is_empty(), "line {}: a reason", self.line);
                self.compare = if name == "columns" { Compare::Columns } else { Compare::Answered };
            }
            "fails" => {
                let (state, reason) = rest.split_once(' ').unwrap();
                assert!(!reason.is_empty());
                self.compare = Compare::Fails(state.to_owned());
            }
            _ => panic!("line {}: @{name}", self.line),
        }
    }
}

fn cases(tool: &str) -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay").join(tool);
    let text = std::fs::read_to_string(file.with_extension("sql")).unwrap();
    assert!(text.starts_with("-- "), "{tool} says what it is");
    let start = Case {
        line: 1,
        sql: String::new(),
        sent: Sent::of("simple"),
        compare: Compare::Rows,
        only: None,
        except: HashSet::new(),
        types: HashSet::new(),
    };
    let (mut every, mut case, mut cases) = (start.clone(), start, Vec::new());
    for (at, line) in text.lines().chain([""]).enumerate() {
        if line.is_empty() {
            if case.sql.is_empty() {
                // What stands before the first statement holds for all.
                every = case;
            } else {
                cases.push(case);
            }
            case = Case { line: at + 2, ..every.clone() };
        } else if let Some(directive) = line.strip_prefix("-- @") {
            case.directive(directive);
        } else if !line.starts_with("-- ") {
            case.sql.push_str(line);
            case.sql.push('\n');
        }
    }
    cases
}

/// Rows of one column, by its name and values.
fn kept(columns: &[Column], rows: Vec<Vec<Value>>, case: &Case) -> Vec<Vec<Value>> {
    let Some((name, values)) = &case.only else { return rows };
    let at = columns.iter().position(|column| column.name == *name).expect("the column of @only");
    let is_kept = |row: &Vec<Value>| {
        row[at].as_ref().is_some_and(|value| values.iter().any(|kept| kept.as_bytes() == value))
    };
    let kept: Vec<_> = rows.into_iter().filter(is_kept).collect();
    assert!(!kept.is_empty(), "line {}: @only leaves nothing to compare", case.line);
    kept
}

fn shown(row: &[Value]) -> String {
    let value = |value: &Value| match value {
        None => "NULL".to_owned(),
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    row.iter().map(value).collect::<Vec<_>>().join(" | ")
}

/// What differs between two results, in words.
fn difference(case: &Case, theirs: &Outcome, ours: &Outcome) -> Option<String> {
    match (theirs, ours) {
        (Outcome::Done(theirs), Outcome::Done(ours)) if theirs == ours => None,
        (Outcome::Error(theirs, _), Outcome::Error(ours, _)) if theirs == ours => None,
        (Outcome::Rows(columns, rows, tag), Outcome::Rows(our_columns, our_rows, our_tag)) => {
            let told = |columns: &[Column]| {
                let type_of = |column: &Column| {
                    let free = case.types.contains(&column.name);
                    (column.name.clone(), if free { 0 } else { column.oid })
                };
                columns.iter().map(type_of).collect::<Vec<_>>()
            };
            if told(columns) != told(our_columns) {
                return Some(format!("columns: {columns:?}\n      ours: {our_columns:?}"));
            }
            if case.compare == Compare::Columns {
                return None;
            }
            if case.only.is_none() && tag != our_tag {
                return Some(format!("tag {tag}, ours {our_tag}"));
            }
            let (mut theirs, mut ours) =
                (kept(columns, rows.clone(), case), kept(columns, our_rows.clone(), case));
            if !case.sql.to_lowercase().contains("order by") {
                theirs.sort();
                ours.sort();
            }
            if theirs.len() != ours.len() {
                let list = |rows: &[Vec<Value>]| {
                    rows.iter()
                        .take(12)
                        .map(|row| shown(row))
                        .collect::<Vec<_>>()
                        .join("\n        ")
                };
                return Some(format!(
                    "rows:\n        {}\n      ours:\n        {}",
                    list(&theirs),
                    list(&ours)
                ));
            }
            for (mine, yours) in theirs.iter().zip(&ours) {
                for ((one, other), column) in mine.iter().zip(yours).zip(columns) {
                    let same = column.same(one, other, case.sent.binary());
                    if !same && !case.except.contains(&column.name) {
                        let (mine, yours) = (shown(mine), shown(yours));
                        return Some(format!("{}: {mine}\n      ours: {yours}", column.name));
                    }
                }
            }
            None
        }
        (theirs, ours) => Some(format!("{theirs:?}\n      ours: {ours:?}")),
    }
}

/// What is wrong with an answer, in words.
fn complaint(case: &Case, theirs: &[Outcome], ours: &[Outcome]) -> Option<String> {
    let error = |outcomes: &[Outcome]| {
        outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Error(state, message) => Some((state.clone(), message.clone())),
            _ => None,
        })
    };
    if let Some((state, message)) = error(theirs) {
        // A file is worth what its statements are: PostgreSQL takes each as it stands.
        return Some(format!("PostgreSQL refuses it: {state} {message}"));
    }
    match (&case.compare, error(ours)) {
        (Compare::Fails(expected), Some((state, _))) if *expected == state => None,
        (Compare::Fails(expected), found) => Some(format!("{expected} expected, not {found:?}")),
        (_, Some((state, message))) => Some(format!("{state} {message}")),
        (Compare::Answered, None) => None,
        _ if theirs.len() != ours.len() => {
            Some(format!("{} results, not {}", ours.len(), theirs.len()))
        }
        _ => theirs.iter().zip(ours).find_map(|(theirs, ours)| difference(case, theirs, ours)),
    }
}

/// Both servers with the same relations, a connection to each.
pub(super) struct Both {
    _postgres: Postgres,
    _deployment: Deployment,
    _server: TestServer,
    pub(super) theirs: Socket,
    pub(super) ours: Socket,
}

impl Both {
    /// `None`, said by name, where there is no PostgreSQL.
    pub(super) async fn start(startup: &[(&str, &str)]) -> Option<Self> {
        let postgres = Postgres::start()?;
        let address = ([127, 0, 0, 1], postgres.port).into();
        let plain = [("user", "lakeport"), ("database", "postgres")];
        Socket::open(address, &plain).await.done("CREATE DATABASE test").await;
        let mut theirs = Socket::open(address, startup).await;
        theirs.done(BOTH).await;
        theirs.done(POSTGRES).await;
        theirs.done("ANALYZE").await;
        let deployment = Deployment::new().sql("gold/finance/daily.sql", DAILY);
        let services = deployment.apply().await;
        oracle::refresh(&services).await;
        let server = TestServer::start(services, &deployment.paths()).await;
        let mut ours = Socket::open(server.addresses.postgres, startup).await;
        for statement in BOTH.split_inclusive(";\n") {
            ours.done(statement).await;
        }
        Some(Self { _postgres: postgres, _deployment: deployment, _server: server, theirs, ours })
    }
}

/// Replaces `{schema.relation}` by its oid.
async fn with_oids(socket: &mut Socket, sql: &str) -> String {
    let mut text = sql.to_owned();
    for relation in ["public.sales", "public.sales_by_shop", "gold_finance.daily"] {
        let place = format!("{{{relation}}}");
        if text.contains(&place) {
            text = text.replace(
                &place,
                &socket.value(&format!("SELECT '{relation}'::regclass::oid")).await,
            );
        }
    }
    text
}

async fn replay(tool: &str, startup: &[(&str, &str)]) {
    let mut parameters = vec![("user", "lakeport"), ("database", "test")];
    parameters.extend(startup);
    let Some(mut both) = Both::start(&parameters).await else { return };
    let mut failures = Vec::new();
    let cases = cases(tool);
    for case in &cases {
        let sql = with_oids(&mut both.theirs, &case.sql).await;
        let theirs = both.theirs.ask(&sql, &case.sent).await;
        let sql = with_oids(&mut both.ours, &case.sql).await;
        let ours = both.ours.ask(&sql, &case.sent).await;
        if let Some(complaint) = complaint(case, &theirs, &ours) {
            failures.push(format!(
                "{tool}.sql:{}: {complaint}\n    {}",
                case.line,
                case.sql.trim_end()
            ));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    println!("{tool}: {} statements", cases.len());
}

/// What pgjdbc says when it connects.
const JDBC: [(&str, &str); 3] =
    [("client_encoding", "UTF8"), ("DateStyle", "ISO"), ("TimeZone", "Europe/Berlin")];

#[tokio::test(flavor = "multi_thread")]
async fn power_bi() {
    replay("power_bi", &[("client_encoding", "UTF8"), ("ssl_renegotiation_limit", "0")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn excel() {
    replay("excel", &[("client_encoding", "UTF8")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tableau() {
    replay("tableau", &JDBC).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jdbc() {
    replay("jdbc", &JDBC).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metabase() {
    replay("metabase", &JDBC).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dbeaver() {
    replay("dbeaver", &JDBC).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrip() {
    replay("datagrip", &JDBC).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grafana() {
    replay("grafana", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn psql() {
    replay("psql", &[("client_encoding", "UTF8"), ("application_name", "psql")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pgadmin() {
    replay("pgadmin", &[("application_name", "pgAdmin 4 - DB:test")]).await;
}
