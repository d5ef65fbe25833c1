//! The objects a catalog holds, as data that is written to the lake.

use serde::{Deserialize, Serialize};

use crate::name::{RelationId, RelationName, RoleName};
use crate::syntax::{
    ColumnDefinition, CsvForm, Expectation, FileKind, Key, Privilege, Query, ReadFiles,
    RefreshPolicy, RoleOptions, Schedule, Trigger,
};

use super::define;

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaObject {
    /// Its name.
    pub name: String,
    /// The file that defines it, as `catalog/x.sql`; `None` for schemas that live in the lake only.
    pub file: Option<String>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: RoleName,
    /// LOGIN, SUPERUSER.
    pub options: RoleOptions,
    /// Roles it is a member of.
    pub member_of: Vec<RoleName>,
    /// The file that defines it; `None` for roles made over the wire and for `lakeport` itself.
    #[serde(default)]
    pub file: Option<String>,
}

/// One privilege on one object for one role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GrantEntry {
    /// To whom; `public` is everybody.
    pub role: RoleName,
    /// What.
    pub privilege: Privilege,
    /// The schema.
    pub schema: String,
    /// The relation; `None` for the whole schema.
    pub relation: Option<String>,
}

impl std::fmt::Display for GrantEntry {
    /// `select on silver.orders to finance`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let privilege = format!("{:?}", self.privilege).to_lowercase();
        match &self.relation {
            Some(relation) if self.privilege == Privilege::Execute => {
                write!(f, "{privilege} on function {}.{relation}", self.schema)?;
            }
            Some(relation) => write!(f, "{privilege} on {}.{relation}", self.schema)?,
            None => write!(f, "{privilege} on schema {}", self.schema)?,
        }
        write!(f, " to {}", self.role)
    }
}

/// A relation: anything that can stand in FROM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// For life.
    pub id: RelationId,
    /// `schema.relation`.
    pub name: RelationName,
    /// Whose rights a view runs with.
    pub owner: RoleName,
    /// COMMENT.
    pub comment: Option<String>,
    /// Column names, types and comments as declared (types empty for views).
    pub columns: Vec<ColumnDefinition>,
    /// The defining statement's text; empty for plain tables.
    pub definition: String,
    /// Changes whenever the definition does in a way that asks for a rebuild: a hash.
    pub definition_hash: String,
    /// The file that defines it, as `catalog/x.sql` or `sql/schema/x.sql` wherever the folders are;
    /// `None` for relations that live in the lake only.
    pub file: Option<String>,
    /// The kind, with what only it has.
    pub kind: RelationKind,
}

/// The kinds of relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RelationKind {
    /// A table people write: `sandbox`, `public`.
    Table {
        /// Partition columns.
        partition_by: Vec<String>,
        /// PRIMARY KEY and UNIQUE.
        #[serde(default)]
        keys: Vec<Key>,
        /// Whose folder its files are in, where that is not its name's.
        #[serde(default)]
        place: Option<RelationName>,
    },
    /// Somebody else's Delta table.
    External {
        /// Its location as written.
        location: String,
    },
    /// Files read where they lie.
    Files(ExternalFiles),
    /// Files, each exactly once.
    Streaming(StreamingTable),
    /// A stored query.
    MaterializedView(MaterializedView),
    /// A named query.
    View {
        /// The query's text.
        query: String,
    },
    /// Rows and lines that were refused; made with its relation.
    Quarantine {
        /// Whose.
        of: RelationId,
    },
}

/// What only an external table over files has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalFiles {
    /// STORED AS.
    pub format: FileKind,
    /// The path or pattern as written.
    pub location: String,
    /// How CSV is written.
    pub csv: CsvForm,
}

/// What only a streaming table has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamingTable {
    /// What is read.
    pub files: ReadFiles,
    /// The query's text over [`crate::syntax::STREAM_RELATION`], version clauses refused.
    pub query: String,
    /// Expectations.
    pub constraints: Vec<Expectation>,
    /// Partition columns.
    pub partition_by: Vec<String>,
    /// SCHEDULE.
    pub schedule: Option<Schedule>,
}

/// What only a materialised view has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedView {
    /// The query's text.
    pub query: String,
    /// Expectations.
    pub constraints: Vec<Expectation>,
    /// PRIMARY KEY.
    pub primary_key: Vec<String>,
    /// Partition columns.
    pub partition_by: Vec<String>,
    /// SCHEDULE.
    pub schedule: Option<Schedule>,
    /// TRIGGER ON UPDATE.
    #[serde(default)]
    pub trigger: Option<Trigger>,
    /// REFRESH POLICY.
    pub policy: RefreshPolicy,
    /// Rows of its table may be marked as gone.
    #[serde(default)]
    pub deletion_vectors: bool,
    /// Relations the query names, directly.
    pub sources: Vec<RelationName>,
    /// A definition that waits for its rebuild: the old one is served until then.
    pub pending: Option<Box<Relation>>,
}

impl Relation {
    /// Relations it names, directly; system schemas left out.
    pub fn sources(&self) -> Vec<RelationName> {
        match &self.kind {
            RelationKind::MaterializedView(view) => view.sources.clone(),
            // A stored query has been parsed before it was stored.
            RelationKind::View { query } => {
                Query::parse(query).map(|query| define::sources(&query)).unwrap_or_default()
            }
            RelationKind::Table { .. }
            | RelationKind::External { .. }
            | RelationKind::Files(_)
            | RelationKind::Streaming(_)
            | RelationKind::Quarantine { .. } => Vec::new(),
        }
    }

    /// The name whose folder in the lake holds its files.
    pub fn place(&self) -> &RelationName {
        match &self.kind {
            RelationKind::Table { place: Some(place), .. } => place,
            _ => &self.name,
        }
    }

    /// The definition that waits for its rebuild.
    pub fn pending(&self) -> Option<&Relation> {
        match &self.kind {
            RelationKind::MaterializedView(view) => view.pending.as_deref(),
            _ => None,
        }
    }

    /// Whether rows can be refused, so that there is a quarantine table beside it.
    pub fn has_quarantine(&self) -> bool {
        matches!(self.kind, RelationKind::Streaming(_) | RelationKind::MaterializedView(_))
    }

    /// The quarantine table beside it.
    pub fn quarantine(&self, id: RelationId) -> Relation {
        Relation {
            id,
            name: self.name.quarantine(),
            owner: self.owner.clone(),
            comment: Some(format!("What {} refused, with the reason.", self.name)),
            columns: Vec::new(),
            definition: String::new(),
            definition_hash: String::new(),
            file: self.file.clone(),
            kind: RelationKind::Quarantine { of: self.id },
        }
    }
}

impl RelationKind {
    /// Written by the server alone, and read at the newest epoch.
    pub fn is_maintained(&self) -> bool {
        matches!(
            self,
            RelationKind::Streaming(_)
                | RelationKind::MaterializedView(_)
                | RelationKind::Quarantine { .. }
        )
    }

    /// The word for it in messages.
    pub fn noun(&self) -> &'static str {
        match self {
            RelationKind::Table { .. } => "table",
            RelationKind::External { .. } | RelationKind::Files(_) => "external table",
            RelationKind::Streaming(_) => "streaming table",
            RelationKind::MaterializedView(_) => "materialized view",
            RelationKind::View { .. } => "view",
            RelationKind::Quarantine { .. } => "quarantine table",
        }
    }
}
