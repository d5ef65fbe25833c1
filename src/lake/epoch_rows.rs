//! The rows of `_lakeport/epochs`: to Arrow, and back from data files.
//!
//! Its one idea: the table is small files of a fixed shape, so they are read whole, without a query
//! engine. Refuses to know what an epoch means.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use bytes::Bytes;
use chrono::{DateTime, TimeZone as _, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{Epoch, RelationId, RunId, Version};

use super::error;

/// Data files read at once.
const READS: usize = 16;

/// One relation in one epoch.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) epoch: Epoch,
    pub(super) published_at: DateTime<Utc>,
    pub(super) run_id: RunId,
    pub(super) relation_id: RelationId,
    /// Relative to the lake's root where it lies below it.
    pub(super) location: String,
    pub(super) version: Version,
    pub(super) read_only: bool,
}

pub(super) fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("epoch", DataType::Int64, false),
        Field::new("published_at", time, false),
        Field::new("run_id", DataType::Utf8, false),
        Field::new("relation_id", DataType::Utf8, false),
        Field::new("location", DataType::Utf8, false),
        Field::new("version", DataType::Int64, false),
        Field::new("read_only", DataType::Boolean, false),
    ]))
}

pub(super) fn to_batch(rows: &[Row]) -> Result<RecordBatch> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let strings = |text: fn(&Row) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(text(row))).collect::<StringArray>())
    };
    let times: TimestampMicrosecondArray =
        rows.iter().map(|row| Some(row.published_at.timestamp_micros())).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| number(row.epoch)).collect::<Int64Array>()),
        Arc::new(times.with_timezone("UTC")),
        strings(|row| row.run_id.to_string()),
        strings(|row| row.relation_id.to_string()),
        strings(|row| row.location.clone()),
        Arc::new(rows.iter().map(|row| number(row.version)).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| Some(row.read_only)).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(schema(), columns).map_err(error::arrow)
}

/// All rows of these data files, by epoch.
pub(super) async fn read(store: Arc<dyn ObjectStore>, paths: Vec<Path>) -> Result<Vec<Row>> {
    let files = paths.into_iter().map(|path| {
        let store = Arc::clone(&store);
        async move {
            let found = store.get(&path).await.map_err(error::object)?;
            from_file(found.bytes().await.map_err(error::object)?)
        }
    });
    let rows: Vec<Vec<Row>> =
        futures::stream::iter(files).buffer_unordered(READS).try_collect().await?;
    let mut rows: Vec<Row> = rows.into_iter().flatten().collect();
    rows.sort_by_key(|row| row.epoch);
    Ok(rows)
}

fn from_file(bytes: Bytes) -> Result<Vec<Row>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(error::parquet)?;
    let mut rows = Vec::new();
    for batch in reader.build().map_err(error::parquet)? {
        let batch = batch.map_err(error::arrow)?;
        for index in 0..batch.num_rows() {
            rows.push(from_batch(&batch, index)?);
        }
    }
    Ok(rows)
}

fn from_batch(batch: &RecordBatch, index: usize) -> Result<Row> {
    let bad = |name: &str| {
        Error::new(ErrorKind::DataCorrupted, format!("_lakeport/epochs has no valid \"{name}\""))
    };
    let column = |name: &str| {
        batch.column_by_name(name).filter(|column| column.is_valid(index)).ok_or_else(|| bad(name))
    };
    let number = |name: &str| -> Result<u64> {
        let column = column(name)?;
        let values = column.as_primitive_opt::<Int64Type>().ok_or_else(|| bad(name))?;
        u64::try_from(values.value(index)).map_err(|_| bad(name))
    };
    let text = |name: &str| -> Result<&str> {
        Ok(column(name)?.as_string_opt::<i32>().ok_or_else(|| bad(name))?.value(index))
    };
    let micros = column("published_at")?
        .as_primitive_opt::<TimestampMicrosecondType>()
        .ok_or_else(|| bad("published_at"))?
        .value(index);
    Ok(Row {
        epoch: number("epoch")?,
        published_at: Utc.timestamp_micros(micros).single().ok_or_else(|| bad("published_at"))?,
        run_id: text("run_id")?.parse()?,
        relation_id: text("relation_id")?.parse()?,
        location: text("location")?.to_owned(),
        version: number("version")?,
        read_only: column("read_only")?
            .as_boolean_opt()
            .ok_or_else(|| bad("read_only"))?
            .value(index),
    })
}
