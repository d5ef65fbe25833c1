//! The statements there are, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alter::{Alter, Commented};
use super::control::{
    Copy, Declare, Discard, Execute, Explain, Fetch, Prepare, SetValue, TransactionModes,
};
use super::external::CreateExternalTable;
use super::function::CreateFunction;
use super::grant::{GrantObject, Privilege};
use super::object_name::ObjectName;
use super::query::Query;
use super::raise::Raise;

/// One statement.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the variants are the statements' own names")]
pub enum Statement {
    Query(Box<Query>),
    Explain(Explain),
    /// `EXPLAIN MATERIALIZED VIEW name`: how it is kept.
    ExplainView {
        name: ObjectName,
    },
    /// `EXPLAIN CREATE MATERIALIZED VIEW ...`: how it would be kept.
    ExplainCreateView(Box<CreateMaterializedView>),
    CreateSchema {
        name: String,
        if_not_exists: bool,
    },
    CreateTable(CreateTable),
    CreateExternalTable(CreateExternalTable),
    CreateStreamingTable(Box<CreateStreamingTable>),
    CreateMaterializedView(Box<CreateMaterializedView>),
    CreateView(Box<CreateView>),
    CreateFunction(Box<CreateFunction>),
    CreateRole {
        name: String,
        options: RoleOptions,
        if_not_exists: bool,
    },
    Grant(Grant),
    Revoke(Grant),
    Insert(Box<Insert>),
    Delete(Box<super::verbs::Delete>),
    /// UPDATE.
    Update(Box<super::update::Update>),
    Drop(DropObject),
    Alter(Box<Alter>),
    /// `COMMENT ON`; none takes it away.
    Comment {
        what: Commented,
        text: Option<String>,
    },
    Truncate {
        name: ObjectName,
    },
    /// `CREATE INDEX`, which makes none.
    CreateIndex(ObjectName),
    Refresh {
        name: ObjectName,
        full: bool,
    },
    /// `REFRESH STREAMING TABLE name`.
    Ingest(ObjectName),
    /// `VERIFY MATERIALIZED VIEW name [SAMPLE n PERCENT]`.
    Verify {
        name: ObjectName,
        /// Above 0, at most 100.
        sample_percent: f64,
    },
    Optimize {
        name: ObjectName,
    },
    Vacuum(Vacuum),
    DescribeHistory {
        name: ObjectName,
        limit: Option<u64>,
    },
    Begin(TransactionModes),
    /// The same, by its standard name and with a tag of its own.
    Start(TransactionModes),
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    /// Transaction defaults of the session: SET SESSION CHARACTERISTICS / SET TRANSACTION.
    SetTransaction {
        session: bool,
        modes: TransactionModes,
    },
    Set {
        name: String,
        value: SetValue,
        local: bool,
    },
    Show {
        name: String,
    },
    Reset {
        name: Option<String>,
    },
    Discard(Discard),
    Prepare(Box<Prepare>),
    Execute(Box<Execute>),
    Deallocate {
        name: Option<String>,
    },
    Declare(Box<Declare>),
    Fetch(Fetch),
    Close {
        name: Option<String>,
    },
    Copy(Box<Copy>),
    Listen {
        channel: String,
    },
    Unlisten {
        channel: Option<String>,
    },
    Notify {
        channel: String,
        payload: String,
    },
    /// `DO`: what its block raises.
    Do(Vec<Raise>),
    /// `LOCK TABLE`, which has nothing to wait for.
    Lock {
        names: Vec<ObjectName>,
    },
}

/// `VACUUM name [RETAIN n HOURS] [DRY RUN]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vacuum {
    /// The table.
    pub name: ObjectName,
    /// RETAIN.
    pub retain_hours: Option<u64>,
    /// DRY RUN: only say what would be deleted.
    pub dry_run: bool,
}

/// Columns of which no two rows have the same values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The constraint's name.
    pub name: String,
    /// The columns.
    pub columns: Vec<String>,
    /// PRIMARY KEY rather than UNIQUE: none of the columns is NULL.
    pub primary: bool,
}

/// A column with its type as SQL text, for tables and declared stream schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDefinition {
    /// The name.
    pub name: String,
    /// The type, as Postgres spells it, for example `numeric(18,2)`; empty in a view's column list.
    pub sql_type: String,
    /// NOT NULL was written.
    pub not_null: bool,
    /// COMMENT.
    pub comment: Option<String>,
}

/// `CREATE TABLE name (columns)` or `CREATE TABLE name AS query`.
#[derive(Debug, Clone)]
pub struct CreateTable {
    /// The new table.
    pub name: ObjectName,
    /// Declared columns; empty with AS.
    pub columns: Vec<ColumnDefinition>,
    /// PRIMARY KEY and UNIQUE.
    pub keys: Vec<Key>,
    /// The query of AS.
    pub query: Option<Box<Query>>,
    /// PARTITIONED BY.
    pub partition_by: Vec<String>,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// COMMENT.
    pub comment: Option<String>,
    /// TEMPORARY.
    pub temporary: bool,
    /// ON COMMIT DROP, of a temporary one.
    pub drops: bool,
}

/// The arguments of `read_files`, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFiles {
    /// The path or pattern: relative to the landing folder, absolute, or a URL; `*`, `?`, `[ab]`,
    /// `{a,b}` and `**` have their usual meaning.
    pub path: String,
    /// `name => value` arguments, names in lower case.
    pub options: Vec<(String, String)>,
}

/// `CREATE STREAMING TABLE ... AS SELECT ... FROM STREAM read_files(...)`.
#[derive(Debug, Clone)]
pub struct CreateStreamingTable {
    /// The new table.
    pub name: ObjectName,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Declared columns, when any.
    pub columns: Vec<ColumnDefinition>,
    /// Expectations.
    pub constraints: Vec<Expectation>,
    /// PARTITIONED BY.
    pub partition_by: Vec<String>,
    /// COMMENT.
    pub comment: Option<String>,
    /// SCHEDULE.
    pub schedule: Option<Schedule>,
    /// What is read.
    pub files: ReadFiles,
    /// The query, with `STREAM read_files(...)` replaced by the relation named
    /// [`STREAM_RELATION`], and `_metadata.x` by the column `_metadata_x` of it.
    pub query: Box<Query>,
}

/// The relation name that `STREAM read_files(...)` is replaced by.
pub const STREAM_RELATION: &str = "__lakeport_stream";

/// `EVERY n UNIT` or `CRON '...'` (the latter is refused until its issue).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Time between the last success and the next run.
    pub every: Duration,
}

/// `TRIGGER ON UPDATE [AT MOST EVERY interval]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Time between two runs at least; `None` runs for every change.
    pub at_most_every: Option<Duration>,
}

/// `CONSTRAINT name EXPECT (condition) [ON VIOLATION action]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The name; unique within its relation.
    pub name: String,
    /// The condition's SQL text, without the outer parentheses.
    pub condition: String,
    /// What happens to a row for which it is not true (false or NULL).
    pub action: ViolationAction,
}

/// What happens to a row that fails an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViolationAction {
    /// Counted, kept.
    Keep,
    /// Counted, dropped.
    Drop,
    /// Counted, moved to quarantine.
    Quarantine,
    /// The run fails with `CheckViolation`.
    Fail,
}

/// REFRESH POLICY.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshPolicy {
    /// The cheaper way.
    #[default]
    Auto,
    /// Incremental, full only when changes cannot be read.
    Incremental,
    /// Incremental or fail.
    IncrementalStrict,
    /// Always full.
    Full,
}

/// `CREATE MATERIALIZED VIEW`.
#[derive(Debug, Clone)]
pub struct CreateMaterializedView {
    /// The new view.
    pub name: ObjectName,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Column names (types empty) with comments; empty when no list was written. Commenting some
    /// columns does not rename others: see [`ColumnDefinition`].
    pub columns: Vec<ColumnDefinition>,
    /// Expectations.
    pub constraints: Vec<Expectation>,
    /// PRIMARY KEY.
    pub primary_key: Vec<String>,
    /// PARTITIONED BY.
    pub partition_by: Vec<String>,
    /// COMMENT.
    pub comment: Option<String>,
    /// SCHEDULE.
    pub schedule: Option<Schedule>,
    /// TRIGGER ON UPDATE; never together with a schedule.
    pub trigger: Option<Trigger>,
    /// TARGET LAG was written (0A000 until its issue).
    pub target_lag: bool,
    /// REFRESH POLICY.
    pub policy: RefreshPolicy,
    /// TBLPROPERTIES: rows may be marked as gone.
    pub deletion_vectors: bool,
    /// The query.
    pub query: Box<Query>,
}

/// `CREATE [OR REPLACE] VIEW`.
#[derive(Debug, Clone)]
pub struct CreateView {
    /// The new view.
    pub name: ObjectName,
    /// OR REPLACE.
    pub or_replace: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Column names with comments.
    pub columns: Vec<ColumnDefinition>,
    /// COMMENT.
    pub comment: Option<String>,
    /// The query.
    pub query: Box<Query>,
}

/// Options of CREATE ROLE; CREATE USER is a role with LOGIN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleOptions {
    /// LOGIN.
    pub login: bool,
    /// SUPERUSER.
    pub superuser: bool,
}

/// GRANT or REVOKE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Empty for membership.
    pub privileges: Vec<Privilege>,
    /// On what.
    pub object: GrantObject,
    /// To, or from, whom.
    pub roles: Vec<String>,
}

/// `INSERT INTO name [(columns)] query`.
#[derive(Debug, Clone)]
pub struct Insert {
    /// The table.
    pub name: ObjectName,
    /// Target columns; empty for all, in order.
    pub columns: Vec<String>,
    /// The rows.
    pub query: Box<Query>,
}

/// What kind of object DROP names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "SQL's own words")]
pub enum DropKind {
    Table,
    View,
    MaterializedView,
    Schema,
    Role,
    Function,
    Index,
}

/// `DROP kind [IF EXISTS] name, ...`.
#[derive(Debug, Clone)]
pub struct DropObject {
    /// What.
    pub kind: DropKind,
    /// Which.
    pub names: Vec<ObjectName>,
    /// IF EXISTS.
    pub if_exists: bool,
    /// CASCADE: named queries that read them go too.
    pub cascade: bool,
}
