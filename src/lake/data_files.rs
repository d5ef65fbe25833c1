//! A version's data files with what the log says of them, as a scan wants it.
//!
//! Its one idea: what every scan of a version asks is worked out once: paths, partition values, statistics,
//! and from these which files may hold wanted rows. A table that stores its columns under other names, or
//! in a way that plain Parquet scans do not read, has none, and its reader takes another way. A bound
//! counts as exact only where no writer rounds or cuts it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, StringArray};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, ScalarValue, Statistics};
use datafusion::physical_optimizer::pruning::PruningStatistics;
use deltalake_core::kernel::DeletionVectorDescriptor;
use object_store::ObjectStore;
use object_store::path::Path;
use roaring::RoaringTreemap;
use tokio::sync::OnceCell;

use crate::error::Result;

use super::changes::logged_path;
use super::statistics::is_rounded;
use super::store::Location;
use super::table::Table;
use super::vectors;

/// What a scan of plain files can do without knowing of it.
const FEATURES: [&str; 4] =
    ["timestampNtz", "deletionVectors", "v2Checkpoint", "vacuumProtocolCheck"];
/// Bounds of times may have been cut to milliseconds: the last one is up to this much later.
const CUT_OFF_US: i64 = 999;

/// A data file of one version.
#[derive(Debug)]
pub(super) struct DataFile {
    /// As the log spells it.
    pub(super) path: String,
    /// In the store that serves the root of the table's URL.
    pub(super) location: Path,
    pub(super) bytes: u64,
    pub(super) modified: DateTime<Utc>,
    /// Rows in the file, those that are gone included.
    pub(super) rows: Option<u64>,
    /// In the order of the partition columns.
    pub(super) partition: Vec<ScalarValue>,
    pub(super) vector: Option<DeletionVectorDescriptor>,
    /// Rows that are gone, once somebody has asked.
    gone: OnceCell<Arc<RoaringTreemap>>,
    /// Of the stored columns, in the table's order.
    pub(super) statistics: Vec<ColumnStatistics>,
}

impl DataFile {
    /// Rows that are left, where the log says.
    pub(super) fn rows_left(&self) -> Option<u64> {
        let gone = self.vector.as_ref().map_or(0, |vector| vector.cardinality);
        self.rows?.checked_sub(u64::try_from(gone).ok()?)
    }

    /// The rows that are gone; read when first asked for.
    ///
    /// # Errors
    /// As [`vectors::read`].
    pub(super) async fn gone(
        &self,
        store: &dyn ObjectStore,
        location: &Location,
    ) -> Result<Arc<RoaringTreemap>> {
        let read = || async {
            match &self.vector {
                Some(vector) => vectors::read(store, location, vector).await.map(Arc::new),
                None => Ok(Arc::default()),
            }
        };
        self.gone.get_or_try_init(read).await.cloned()
    }
}

/// Least, greatest and number of nulls, a row a file.
#[derive(Debug, Default)]
struct Known {
    least: Option<ArrayRef>,
    greatest: Option<ArrayRef>,
    nulls: Option<ArrayRef>,
}

/// All data files of a version.
#[derive(Debug)]
pub(super) struct DataFileList {
    pub(super) files: Vec<DataFile>,
    pub(super) partition_by: Vec<String>,
    /// The partition columns, a row a file.
    pub(super) partitions: Vec<ArrayRef>,
    known: HashMap<String, Known>,
}

impl DataFileList {
    /// `None` for a table that is not read as plain Parquet files.
    pub(super) fn of(table: &Table, schema: &SchemaRef) -> Option<Self> {
        if !is_plain(table, schema) {
            return None;
        }
        let partition_by = table.state().metadata().partition_columns().to_vec();
        let root = table.location().url().ok()?;
        let log = table.state().snapshot().try_log_data().ok()?;
        let mut files = Vec::new();
        let mut values: Vec<Vec<Option<String>>> = vec![Vec::new(); partition_by.len()];
        for file in log.iter() {
            let path = logged_path(file.remove_action(true)).ok()?;
            let url = root.join(&path).ok()?;
            let ours = url.scheme() == root.scheme() && url.authority() == root.authority();
            let vector = file.deletion_vector_descriptor();
            let rows = file.num_records().map(|rows| rows as u64);
            let read_here = |vector| rows.is_some() && vectors::is_within(table.location(), vector);
            if !ours || !vector.as_ref().is_none_or(read_here) {
                return None;
            }
            let mut given = file.partition_values_map();
            for (name, values) in partition_by.iter().zip(&mut values) {
                values.push(given.remove(name).flatten().filter(|value| !value.is_empty()));
            }
            files.push(DataFile {
                location: Path::from_url_path(url.path()).ok()?,
                path,
                bytes: u64::try_from(file.size()).ok()?,
                modified: file.modification_datetime().ok()?,
                rows,
                partition: Vec::new(),
                vector,
                gone: OnceCell::new(),
                statistics: Vec::new(),
            });
        }
        let partitions = partitions(schema, &partition_by, values)?;
        for (index, file) in files.iter_mut().enumerate() {
            let value = |values: &ArrayRef| ScalarValue::try_from_array(values, index).ok();
            file.partition = partitions.iter().map(value).collect::<Option<_>>()?;
        }
        let mut list = Self { files, partition_by, partitions, known: HashMap::new() };
        for field in schema.fields() {
            if !list.partition_by.contains(field.name()) {
                list.know(field, &log);
            }
        }
        list.describe(schema)?;
        Some(list)
    }

    /// Takes over what the log says of one column.
    fn know(&mut self, field: &Field, log: &dyn PruningStatistics) {
        let data_type = field.data_type();
        if data_type.is_nested() || matches!(data_type, DataType::Binary) {
            return;
        }
        let column = Column::from_name(field.name());
        let count = self.files.len();
        let usable = |values: Option<ArrayRef>, data_type: &DataType| {
            let values = values.filter(|values| values.len() == count)?;
            cast(&values, data_type).ok()
        };
        let mut known = Known {
            nulls: usable(log.null_counts(&column), &DataType::UInt64),
            ..Known::default()
        };
        if !is_rounded(data_type) {
            known.least = usable(log.min_values(&column), data_type);
            // NaN is greater than all numbers, and writers leave it out.
            let greatest = log.max_values(&column).filter(|_| !data_type.is_floating());
            known.greatest = usable(greatest, data_type).and_then(later);
        }
        self.known.insert(field.name().clone(), known);
    }

    /// Writes each file's statistics.
    fn describe(&mut self, schema: &SchemaRef) -> Option<()> {
        for (index, file) in self.files.iter_mut().enumerate() {
            let whole = file.vector.is_none();
            for field in schema.fields() {
                let statistics = match self.partition_by.iter().position(|n| n == field.name()) {
                    Some(at) => constant(file.partition.get(at)?, file.rows_left()),
                    None => match self.known.get(field.name()) {
                        Some(known) => known.of(index, field.data_type(), whole)?,
                        None => ColumnStatistics::new_unknown(),
                    },
                };
                file.statistics.push(statistics);
            }
        }
        Some(())
    }

    /// What is known of the stored columns, of these files together.
    pub(super) fn statistics_of(file: &DataFile, columns: &[usize]) -> Statistics {
        let exact = |count: u64| usize::try_from(count).map_or(Precision::Absent, Precision::Exact);
        let of = |&column: &usize| file.statistics.get(column).cloned().unwrap_or_default();
        Statistics {
            num_rows: file.rows_left().map_or(Precision::Absent, exact),
            total_byte_size: exact(file.bytes).to_inexact(),
            column_statistics: columns.iter().map(of).collect(),
        }
    }
}

impl Known {
    fn of(&self, index: usize, data_type: &DataType, whole: bool) -> Option<ColumnStatistics> {
        let mut statistics = ColumnStatistics::new_unknown();
        let exact = whole && is_exact(data_type);
        for (from, to) in
            [(&self.least, &mut statistics.min_value), (&self.greatest, &mut statistics.max_value)]
        {
            if let Some(values) = from.as_ref().filter(|values| values.is_valid(index)) {
                let value = ScalarValue::try_from_array(values, index).ok()?;
                *to = if exact { Precision::Exact(value) } else { Precision::Inexact(value) };
            }
        }
        if let Some(nulls) = self.nulls.as_ref().filter(|nulls| nulls.is_valid(index)) {
            let nulls = nulls.as_primitive::<arrow::datatypes::UInt64Type>().value(index);
            let nulls = usize::try_from(nulls).ok()?;
            let known = if whole { Precision::Exact(nulls) } else { Precision::Inexact(nulls) };
            statistics.null_count = known;
        }
        Some(statistics)
    }
}

/// Which files may hold rows that pass a filter.
impl PruningStatistics for DataFileList {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.constant_or(column, |known| known.least.clone())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.constant_or(column, |known| known.greatest.clone())
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.known.get(column.name()).and_then(|known| known.nulls.clone())
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.files.iter().map(|file| file.rows);
        Some(Arc::new(rows.collect::<arrow::array::UInt64Array>()))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

impl DataFileList {
    fn constant_or(
        &self,
        column: &Column,
        bound: impl Fn(&Known) -> Option<ArrayRef>,
    ) -> Option<ArrayRef> {
        match self.partition_by.iter().position(|name| name == column.name()) {
            Some(at) => self.partitions.get(at).cloned(),
            None => self.known.get(column.name()).and_then(bound),
        }
    }
}

/// Bounds of these are never cut or rounded, by any writer.
fn is_exact(data_type: &DataType) -> bool {
    let whole = data_type.is_integer() || matches!(data_type, DataType::Date32);
    whole || matches!(data_type, DataType::Decimal128(..)) && !is_rounded(data_type)
}

/// A greatest value that no row passes, though times may have been cut.
fn later(values: ArrayRef) -> Option<ArrayRef> {
    let data_type = values.data_type().clone();
    if !matches!(data_type, DataType::Timestamp(..)) {
        return Some(values);
    }
    let micros = cast(&values, &DataType::Int64).ok()?;
    let micros = micros.as_primitive::<Int64Type>();
    let later = micros.unary::<_, Int64Type>(|micros| micros.saturating_add(CUT_OFF_US));
    cast(&later, &data_type).ok()
}

/// A partition column in one file.
fn constant(value: &ScalarValue, rows: Option<u64>) -> ColumnStatistics {
    let mut statistics = ColumnStatistics::new_unknown();
    let rows = rows.and_then(|rows| usize::try_from(rows).ok());
    if value.is_null() {
        statistics.null_count = rows.map_or(Precision::Absent, Precision::Exact);
    } else {
        statistics.null_count = Precision::Exact(0);
        statistics.min_value = Precision::Exact(value.clone());
        statistics.max_value = Precision::Exact(value.clone());
    }
    statistics
}

/// Partition values as the log spells them, with their types; `None` where one does not read.
fn partitions(
    schema: &Schema,
    names: &[String],
    values: Vec<Vec<Option<String>>>,
) -> Option<Vec<ArrayRef>> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let typed = |(name, values): (&String, Vec<Option<String>>)| {
        let data_type = schema.field_with_name(name).ok()?.data_type();
        let values: ArrayRef = Arc::new(values.into_iter().collect::<StringArray>());
        cast_with_options(&values, data_type, &options).ok()
    };
    names.iter().zip(values).map(typed).collect()
}

/// Whether plain scans of Parquet files read the table.
fn is_plain(table: &Table, schema: &Schema) -> bool {
    let protocol = table.state().protocol();
    let protocol = serde_json::to_value(protocol).unwrap_or_default();
    let features = protocol.get("readerFeatures").and_then(|names| names.as_array());
    let mut features = features.into_iter().flatten();
    let known = features.all(|name| name.as_str().is_some_and(|name| FEATURES.contains(&name)));
    let configuration = table.state().metadata().configuration();
    let mapped = configuration.get("delta.columnMapping.mode").is_some_and(|mode| mode != "none");
    let partition_by = table.state().metadata().partition_columns();
    let partitions = schema.fields().iter().filter(|field| partition_by.contains(field.name()));
    known
        && !mapped
        && schema.fields().iter().all(|field| is_plain_type(field.data_type()))
        && partitions.map(|field| field.data_type()).all(|data_type| {
            !data_type.is_nested() && !data_type.is_floating() && *data_type != DataType::Binary
        })
}

/// Types that come out of the files as they are in the table, or are cast without loss. Values inside of
/// others may be null in files of some writers where the table says they are not.
fn is_plain_type(data_type: &DataType) -> bool {
    let optional = |field: &Field| field.is_nullable() && is_plain_type(field.data_type());
    match data_type {
        DataType::List(item) => optional(item),
        DataType::Struct(fields) => fields.iter().all(|field| optional(field)),
        DataType::Map(..) => false,
        other => !other.is_nested(),
    }
}
