//! Names and numbers that everything else is addressed by.
//!
//! Newtypes, so that an epoch is never taken for a version, nor a role for a schema. Parses and
//! quotes; resolves nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};

/// A Delta table's version.
pub type Version = u64;

/// The number of one published state of the whole lake.
pub type Epoch = u64;

/// A role, as GRANT names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleName(pub String);

impl RoleName {
    /// The superuser role that every deployment defines.
    pub fn lakeport() -> Self {
        Self("lakeport".to_owned())
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A relation's name within the lake's one database: `schema.relation`, unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationName {
    /// The schema.
    pub schema: String,
    /// The table, view or materialised view in it.
    pub relation: String,
}

impl RelationName {
    /// Takes the two parts as they are; see [`RelationName::validate`] for what a new name may be.
    pub fn new(schema: impl Into<String>, relation: impl Into<String>) -> Self {
        Self { schema: schema.into(), relation: relation.into() }
    }

    /// Where rows that fail an expectation of this relation, or lines that do not parse, are kept.
    pub fn quarantine(&self) -> Self {
        Self::new("quarantine", format!("{}__{}", self.schema, self.relation))
    }

    /// Refuses what no new relation may be called.
    ///
    /// # Errors
    /// `InvalidName` for an empty part, a part of more than 63 bytes, a path separator, a leading
    /// `_` or `.`, and `__`, which would make `quarantine.<schema>__<relation>` ambiguous.
    pub fn validate(&self) -> Result<()> {
        for part in [&self.schema, &self.relation] {
            validate_part(part)?;
        }
        Ok(())
    }

    /// As [`RelationName::validate`], of a relation that has no quarantine: `__` may be in its own name.
    ///
    /// # Errors
    /// `InvalidName`.
    pub fn validate_plain(&self) -> Result<()> {
        validate_part(&self.schema)?;
        validate_folder(&self.relation)
    }

    /// `"schema"."relation"`, quoted where SQL needs it.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_identifier(&self.schema), quote_identifier(&self.relation))
    }
}

fn validate_part(part: &str) -> Result<()> {
    if part.contains("__") {
        return Err(Error::new(
            ErrorKind::InvalidName,
            format!("name \"{part}\" contains two underscores in a row"),
        )
        .hint("quarantine.<schema>__<relation> must be unambiguous; use a single underscore."));
    }
    validate_folder(part)
}

fn validate_folder(part: &str) -> Result<()> {
    let invalid =
        |why: &str| Err(Error::new(ErrorKind::InvalidName, format!("name \"{part}\" {why}")));
    if part.is_empty() {
        return invalid("is empty");
    }
    if part.len() > 63 {
        return invalid("is longer than 63 bytes");
    }
    if part.starts_with(['_', '.']) {
        return invalid("begins with a character that is kept for the server's own folders");
    }
    if part.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | '%' | '?' | '#' | '*' | ':'))
    {
        return invalid("contains a character that a folder name cannot carry");
    }
    Ok(())
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.relation)
    }
}

impl FromStr for RelationName {
    type Err = Error;

    /// Splits at the first dot; for names given on the command line.
    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('.') {
            Some((schema, relation)) if !schema.is_empty() && !relation.is_empty() => {
                Ok(Self::new(schema, relation))
            }
            _ => Err(Error::new(
                ErrorKind::InvalidName,
                format!("\"{text}\" is not of the form schema.relation"),
            )),
        }
    }
}

/// Quotes an identifier unless it is plain lower case.
pub fn quote_identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new random one.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                Uuid::parse_str(text).map(Self).map_err(|error| {
                    Error::new(ErrorKind::DataCorrupted, format!("\"{text}\" is not a uuid"))
                        .caused_by(error)
                })
            }
        }
    };
}

uuid_newtype!(
    /// A relation for life: a name may be used again, an id never is.
    RelationId
);
uuid_newtype!(
    /// One ingest, refresh, apply, DDL statement or maintenance.
    RunId
);
uuid_newtype!(
    /// One statement being executed.
    QueryId
);
uuid_newtype!(
    /// One client connection.
    SessionId
);

impl RelationId {
    /// The catalog itself, which is published like any relation.
    pub const CATALOG: RelationId = RelationId(Uuid::from_u128(1));
}
