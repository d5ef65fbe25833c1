//! What steers a session, as plain data: transactions, settings, prepared statements, cursors, COPY.

use super::object_name::ObjectName;
use super::query::Query;

/// `EXPLAIN [(options)] query`.
#[derive(Debug, Clone)]
pub struct Explain {
    /// Run it and show figures.
    pub analyze: bool,
    /// Show every plan.
    pub verbose: bool,
    /// Show estimates.
    pub costs: bool,
    /// Show how long it took; ANALYZE does unless told otherwise.
    pub summary: Option<bool>,
    /// Show how long each step took.
    pub timing: bool,
    /// How it is written.
    pub format: ExplainFormat,
    /// What is explained; there always is something.
    pub what: Option<Explained>,
}

impl Default for Explain {
    fn default() -> Self {
        Self {
            analyze: false,
            verbose: false,
            costs: true,
            summary: None,
            timing: true,
            format: ExplainFormat::Text,
            what: None,
        }
    }
}

/// What EXPLAIN explains.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the variants are the statements' own names")]
pub enum Explained {
    Query(Box<Query>),
    Execute(Execute),
}

/// EXPLAIN's FORMAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the formats' own names")]
pub enum ExplainFormat {
    Text,
    Json,
    Xml,
    Yaml,
}

/// The value of SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    /// `SET x TO DEFAULT`.
    Default,
    /// The values as text, a list for `search_path`.
    Values(Vec<String>),
}

/// An isolation level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the levels' own names")]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

impl Isolation {
    /// As SHOW prints it.
    pub fn text(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "read uncommitted",
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
            Self::Serializable => "serializable",
        }
    }

    /// Reads what [`Isolation::text`] gives.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ReadUncommitted, Self::ReadCommitted, Self::RepeatableRead, Self::Serializable]
            .into_iter()
            .find(|level| level.text() == text)
    }

    /// Whether one snapshot serves the whole transaction.
    pub fn keeps_snapshot(self) -> bool {
        matches!(self, Self::RepeatableRead | Self::Serializable)
    }
}

/// Modes of BEGIN and SET TRANSACTION; `None` leaves the session's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransactionModes {
    /// ISOLATION LEVEL.
    pub isolation: Option<Isolation>,
    /// READ ONLY when true.
    pub read_only: Option<bool>,
    /// DEFERRABLE when true.
    pub deferrable: Option<bool>,
}

/// What DISCARD forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the words' own names")]
pub enum Discard {
    All,
    Plans,
    Sequences,
    Temporary,
}

/// `PREPARE name [(types)] AS statement`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepare {
    /// Its name.
    pub name: String,
    /// Types of its parameters, as written.
    pub types: Vec<String>,
    /// The statement's text.
    pub text: String,
    /// Characters before that text.
    pub offset: usize,
}

/// `EXECUTE name [(arguments)]`.
#[derive(Debug, Clone)]
pub struct Execute {
    /// Of what PREPARE named.
    pub name: String,
    /// A query whose one row is the arguments.
    pub arguments: Option<Box<Query>>,
}

/// `DECLARE name CURSOR FOR query`.
#[derive(Debug, Clone)]
pub struct Declare {
    /// Its name.
    pub name: String,
    /// Rows are fetched in binary.
    pub binary: bool,
    /// SCROLL or NO SCROLL, when written.
    pub scroll: Option<bool>,
    /// WITH HOLD.
    pub hold: bool,
    /// What it reads.
    pub query: Box<Query>,
}

/// `FETCH` or `MOVE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The cursor.
    pub name: String,
    /// Where to.
    pub direction: Direction,
    /// MOVE: rows are counted, not sent.
    pub moving: bool,
}

/// Where FETCH goes. Counts are rows; the greatest count means all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// So many onwards; backwards when negative, the current row again for 0.
    Forward(i64),
    /// To a row counted from the first (1), or from the last (-1); before all for 0.
    Absolute(i64),
    /// To a row counted from the current.
    Relative(i64),
}

impl Direction {
    /// As many as there are.
    pub const ALL: i64 = i64::MAX;
}

/// `COPY`.
#[derive(Debug, Clone)]
pub struct Copy {
    /// What is copied.
    pub what: Copied,
    /// FROM STDIN, not TO STDOUT.
    pub from: bool,
    /// The options, in order, legacy ones spelt as today's.
    pub options: Vec<(String, CopyValue)>,
}

/// What COPY copies.
#[derive(Debug, Clone)]
pub enum Copied {
    /// A relation, all columns or these.
    Table {
        /// Its name.
        name: ObjectName,
        /// The columns; none means all.
        columns: Vec<String>,
    },
    /// A query's rows.
    Query(Box<Query>),
}

/// The value of an option of COPY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyValue {
    /// None was written.
    None,
    /// One.
    Text(String),
    /// Columns.
    Columns(Vec<String>),
    /// `*`
    All,
}
