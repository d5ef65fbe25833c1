//! How the files of one batch are read, and the columns that makes.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use super::listing::FoundFile;
use super::options::ReadOptions;
use super::parquet_file::Rows;
use super::types::FileColumn;

/// The column that keeps what did not fit.
pub(crate) const RESCUED: &str = "_rescued_data";

/// How the files of one batch are read.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) options: ReadOptions,
    pub(crate) columns: Vec<FileColumn>,
    /// `_metadata_*` columns the query asks for, by name.
    pub(crate) metadata: Vec<&'static str>,
    pub(crate) ingested_at: DateTime<Utc>,
    pub(crate) line_bytes_max: usize,
}

/// Every column of `_metadata`.
pub(crate) const METADATA: [&str; 5] = [
    "_metadata_file_path",
    "_metadata_file_name",
    "_metadata_file_size",
    "_metadata_file_modification_time",
    "_metadata_ingested_at",
];

impl Layout {
    /// The columns of the stream: the files', `_rescued_data`, then `_metadata_*`.
    pub(crate) fn schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> = self.columns.iter().map(FileColumn::field).collect();
        fields.push(Field::new(RESCUED, DataType::Utf8, true));
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for name in &self.metadata {
            let kind = match *name {
                "_metadata_file_size" => DataType::Int64,
                "_metadata_file_modification_time" | "_metadata_ingested_at" => time.clone(),
                _ => DataType::Utf8,
            };
            fields.push(Field::new(*name, kind, true));
        }
        Arc::new(Schema::new(fields))
    }

    /// A column of `_metadata` for rows that come from these files, in runs.
    pub(crate) fn metadata(&self, name: &str, runs: &[(Arc<FoundFile>, usize)]) -> ArrayRef {
        let texts = |of: fn(&FoundFile) -> &str| -> ArrayRef {
            let mut builder = StringBuilder::new();
            for (file, rows) in runs {
                (0..*rows).for_each(|_| builder.append_value(of(file)));
            }
            Arc::new(builder.finish())
        };
        let times = |of: &dyn Fn(&FoundFile) -> DateTime<Utc>| -> ArrayRef {
            let values = runs
                .iter()
                .flat_map(|(file, rows)| std::iter::repeat_n(of(file).timestamp_micros(), *rows));
            Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
        };
        match name {
            "_metadata_file_path" => texts(|file| &file.path),
            "_metadata_file_name" => texts(FoundFile::name),
            "_metadata_file_modification_time" => times(&|file| file.modified),
            "_metadata_ingested_at" => times(&|_| self.ingested_at),
            _ => {
                let mut builder = Int64Builder::new();
                for (file, rows) in runs {
                    (0..*rows).for_each(|_| builder.append_value(file.size as i64));
                }
                Arc::new(builder.finish())
            }
        }
    }

    /// Rows of one Parquet file as a batch of the stream.
    pub(crate) fn batch(
        &self,
        rows: Rows,
        file: &Arc<FoundFile>,
    ) -> Result<RecordBatch, ArrowError> {
        let runs = [(Arc::clone(file), rows.rescued.len())];
        let mut arrays = rows.columns;
        arrays.push(Arc::new(rows.rescued));
        arrays.extend(self.metadata.iter().map(|name| self.metadata(name, &runs)));
        RecordBatch::try_new(self.schema(), arrays)
    }
}
