//! A declared PRIMARY KEY holds: no NULL in it, no value twice.
//!
//! Keys are remembered as 128-bit hashes, so a check costs the same few bytes a row whatever the key
//! is. Two different keys would have to agree in both of two keyed 64-bit hashes to be taken for one,
//! and then the refresh would be refused, never a duplicate let in.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::array_value_to_string;

use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;

/// The keys seen so far.
pub(super) struct PrimaryKey {
    relation: RelationName,
    names: Vec<String>,
    columns: Vec<usize>,
    converter: RowConverter,
    hashers: [RandomState; 2],
    seen: HashSet<u128, BuildHasherDefault<AlreadyHashed>>,
}

impl PrimaryKey {
    /// Prepares to check rows of `schema`; `None` where no key is declared.
    ///
    /// # Errors
    /// `UndefinedColumn` for a key column the output does not have, `DatatypeMismatch` for a type that
    /// has no equality.
    pub(super) fn new(
        relation: &RelationName,
        names: &[String],
        schema: &SchemaRef,
    ) -> Result<Option<Self>> {
        if names.is_empty() {
            return Ok(None);
        }
        let columns = names
            .iter()
            .map(|name| column_index(schema, name))
            .collect::<Result<Vec<_>>>()
            .map_err(|error| error.within(format!("primary key of {relation}")))?;
        let fields =
            columns.iter().map(|&i| SortField::new(schema.field(i).data_type().clone())).collect();
        let converter = RowConverter::new(fields).map_err(|error| {
            Error::new(
                ErrorKind::DatatypeMismatch,
                format!("primary key of {relation} has a column whose type cannot be compared"),
            )
            .caused_by(error)
        })?;
        Ok(Some(Self {
            relation: relation.clone(),
            names: names.to_vec(),
            columns,
            converter,
            hashers: [RandomState::new(), RandomState::new()],
            seen: HashSet::default(),
        }))
    }

    /// Takes in the keys of a batch.
    ///
    /// # Errors
    /// `NotNullViolation`, `UniqueViolation` with the key in the detail.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = self.keys(batch);
        for (name, key) in self.names.iter().zip(&keys) {
            if key.null_count() > 0 {
                return Err(Error::new(
                    ErrorKind::NotNullViolation,
                    format!(
                        "null value in column \"{name}\" of relation \"{}\" violates its primary key",
                        self.relation.relation
                    ),
                )
                .detail(format!("{} rows of one batch have no {name}.", key.null_count())));
            }
        }
        let rows = self.converter.convert_columns(&keys).map_err(|error| {
            Error::internal(format!("encode the primary key of {}", self.relation)).caused_by(error)
        })?;
        let [high, low] = &self.hashers;
        for (i, row) in rows.iter().enumerate() {
            let bytes: &[u8] = row.as_ref();
            let hash = (u128::from(high.hash_one(bytes)) << 64) | u128::from(low.hash_one(bytes));
            if !self.seen.insert(hash) {
                return Err(self.duplicate(&keys, i));
            }
        }
        Ok(())
    }

    /// The keys of a batch, encoded; equal when the keys are.
    pub(super) fn encoded(&self, batch: &RecordBatch) -> Result<Vec<Vec<u8>>> {
        let keys = self.keys(batch);
        let rows = self.converter.convert_columns(&keys).map_err(|error| {
            Error::internal(format!("encode the primary key of {}", self.relation)).caused_by(error)
        })?;
        Ok(rows.iter().map(|row| row.as_ref().to_vec()).collect())
    }

    /// The error of a row whose key is there already.
    pub(super) fn duplicate_in(&self, batch: &RecordBatch, row: usize) -> Error {
        self.duplicate(&self.keys(batch), row)
    }

    fn keys(&self, batch: &RecordBatch) -> Vec<ArrayRef> {
        self.columns.iter().map(|&i| batch.column(i).clone()).collect()
    }

    fn duplicate(&self, keys: &[ArrayRef], row: usize) -> Error {
        let columns = self.names.join(", ");
        Error::new(
            ErrorKind::UniqueViolation,
            format!("duplicate key value violates primary key ({columns}) of {}", self.relation),
        )
        .detail(format!("Key ({columns})=({}) is duplicated.", key_text(keys, row)))
    }
}

/// The position of a named column.
pub(super) fn column_index(schema: &SchemaRef, name: &str) -> Result<usize> {
    schema.fields().iter().position(|field| field.name() == name).ok_or_else(|| {
        let columns: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        Error::new(ErrorKind::UndefinedColumn, format!("column \"{name}\" does not exist"))
            .hint(format!("The query's columns are {}.", columns.join(", ")))
    })
}

/// The values of a key, as a person reads them.
pub(super) fn key_text(keys: &[ArrayRef], row: usize) -> String {
    let values: Vec<String> = keys
        .iter()
        .map(|key| match key.is_null(row) {
            true => "null".to_owned(),
            false => array_value_to_string(key, row).unwrap_or_else(|_| "?".to_owned()),
        })
        .collect();
    values.join(", ")
}

/// Takes the low half of a value that is a hash already.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().take(8).rev() {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}
