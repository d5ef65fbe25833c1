//! Keys that a table's statement declares: no value twice, and no NULL in a primary one.
//!
//! Its one idea: new rows are compared with each other as they come, and with the table's own right before the
//! commit, which fails if another writer of the table came first; so two writers never both bring one key.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::array_value_to_string;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Relation, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::Table;
use crate::name::quote_identifier;
use crate::query::Engine;
use crate::syntax::{Key, Query};

use super::connection::Session;

/// The `txn` of commits to a table with keys: of two writers one conflicts.
pub(super) const PROGRESS: &str = "lakeport/keys";
/// What the table is called while its keys are read.
const STORED: &str = "rows that are there";
/// Bytes that one row's key takes in memory, and how much of that one statement may take.
const KEY_BYTES: usize = 32;
const KEYS_BYTES_MAX: usize = 256 << 20;

/// The keys of the rows that come. A clone costs nothing until more of them come.
#[derive(Default, Clone)]
pub(super) struct Keys {
    each: Vec<Watched>,
}

#[derive(Clone)]
struct Watched {
    key: Key,
    columns: Vec<usize>,
    converter: Arc<RowConverter>,
    hashers: [RandomState; 2],
    seen: Arc<HashSet<u128>>,
}

impl Keys {
    /// Those of `relation`, whose rows come in `schema`.
    ///
    /// # Errors
    /// `UndefinedColumn` and `FeatureNotSupported` for a key that cannot be watched.
    pub(super) fn of(relation: &Relation, schema: &SchemaRef) -> Result<Self> {
        let RelationKind::Table { keys, .. } = &relation.kind else { return Ok(Self::default()) };
        Self::watching(keys, schema)
    }

    /// As [`Keys::of`], for a table that is about to be.
    ///
    /// # Errors
    /// `UndefinedColumn` and `FeatureNotSupported` for a key that cannot be watched.
    pub(super) fn watching(keys: &[Key], schema: &SchemaRef) -> Result<Self> {
        let each = keys.iter().map(|key| Watched::new(key, schema)).collect::<Result<_>>()?;
        Ok(Self { each })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Takes in new rows.
    ///
    /// # Errors
    /// `UniqueViolation` for a key twice, `ConfigurationLimitExceeded` for more of them than one statement may
    /// hold.
    pub(super) fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        for watched in &mut self.each {
            let keys = watched.of_rows(rows);
            let hashes = watched.hashes(&keys)?;
            let seen = Arc::make_mut(&mut watched.seen);
            for (row, hash) in hashes.into_iter().enumerate() {
                let Some(hash) = hash else { continue };
                if !seen.insert(hash) {
                    return Err(watched.duplicate(&keys, row));
                }
            }
            if watched.seen.len() * KEY_BYTES > KEYS_BYTES_MAX {
                let message = "too many rows at once for a table with keys";
                return Err(Error::new(ErrorKind::ConfigurationLimitExceeded, message)
                    .hint("Bring them in several statements."));
            }
        }
        Ok(())
    }
}

impl Watched {
    fn new(key: &Key, schema: &SchemaRef) -> Result<Self> {
        let column = |name: &String| {
            schema.index_of(name).map_err(|_| {
                let message = format!("column \"{name}\" named in key does not exist");
                Error::new(ErrorKind::UndefinedColumn, message)
            })
        };
        let columns = key.columns.iter().map(column).collect::<Result<Vec<_>>>()?;
        let types = columns.iter().map(|at| schema.field(*at).data_type().clone());
        let converter = RowConverter::new(types.map(SortField::new).collect()).map_err(|_| {
            Error::unsupported(format!("the key {}, whose type has no equality,", key.name))
        })?;
        let hashers = [RandomState::new(), RandomState::new()];
        let (converter, seen) = (Arc::new(converter), Arc::default());
        Ok(Self { key: key.clone(), columns, converter, hashers, seen })
    }

    fn of_rows(&self, rows: &RecordBatch) -> Vec<ArrayRef> {
        self.columns.iter().map(|at| Arc::clone(rows.column(*at))).collect()
    }

    /// A number for each row's key; none where a part is NULL, which equals nothing.
    fn hashes(&self, keys: &[ArrayRef]) -> Result<Vec<Option<u128>>> {
        let rows = self.converter.convert_columns(keys).map_err(|error| {
            Error::internal(format!("encode the key {}", self.key.name)).caused_by(error)
        })?;
        let [high, low] = &self.hashers;
        let hash = |(at, row): (usize, arrow::row::Row<'_>)| {
            if keys.iter().any(|key| key.is_null(at)) {
                return None;
            }
            let bytes: &[u8] = row.as_ref();
            Some((u128::from(high.hash_one(bytes)) << 64) | u128::from(low.hash_one(bytes)))
        };
        Ok(rows.iter().enumerate().map(hash).collect())
    }

    fn duplicate(&self, keys: &[ArrayRef], row: usize) -> Error {
        let values = keys.iter().map(|key| array_value_to_string(key, row));
        let values: Vec<String> =
            values.map(|value| value.unwrap_or_else(|_| "?".to_owned())).collect();
        let message =
            format!("duplicate key value violates unique constraint \"{}\"", self.key.name);
        Error::new(ErrorKind::UniqueViolation, message).detail(format!(
            "Key ({})=({}) already exists.",
            self.key.columns.join(", "),
            values.join(", ")
        ))
    }
}

impl Session {
    /// That none of the keys that came is in the table already.
    ///
    /// # Errors
    /// `UniqueViolation`; errors of reading.
    pub(super) async fn check_keys(&mut self, table: &Table, keys: &Keys) -> Result<()> {
        for watched in &keys.each {
            let columns = watched.key.columns.iter().map(|column| quote_identifier(column));
            let columns: Vec<String> = columns.collect();
            let text = format!("SELECT {} FROM \"{STORED}\"", columns.join(", "));
            let query = Query::parse(&text)?;
            let mut context = self.context(CancellationToken::new()).await?;
            context.extra.insert(STORED.to_owned(), table.provider()?);
            let plan = self.services.engine.plan(&query, &context, &[]).await?;
            let execution = self.services.engine.execute(&plan, &context, Vec::new()).await?;
            let mut stream = execution.stream;
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(Engine::error)?;
                let there = batch.columns();
                for (row, hash) in watched.hashes(there)?.into_iter().enumerate() {
                    if hash.is_some_and(|hash| watched.seen.contains(&hash)) {
                        return Err(watched.duplicate(there, row));
                    }
                }
            }
        }
        Ok(())
    }
}
